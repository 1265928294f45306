// Data sets in memory, and mini-batches of them.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <span>
#include <type_traits>
#include <utility>

#include "glissade/autograd/variable.h"
#include "glissade/core/rng.h"
#include "glissade/core/tensor.h"

namespace glissade::nn {

/// Examples in memory: row i of `inputs` and row i of `targets` belong together. Targets are labels
/// (std::int32_t, one for each example) or, for regression, numbers of the inputs' type.
template <class T = float, class Target = std::int32_t>
struct Dataset {
  static_assert(std::same_as<Target, std::int32_t> || std::same_as<Target, T>);

  /// inputs: (N, ...), targets: (N, ...). Throws std::invalid_argument unless both have as many
  /// rows, and at least one axis.
  Dataset(Tensor<T> inputs, Tensor<Target> targets);

  /// The number of examples.
  Index size() const { return inputs.dim(0); }

  Tensor<T> inputs;        ///< (N, ...)
  Tensor<Target> targets;  ///< (N) for labels, otherwise (N, ...)
};

/// The examples at the given positions, in that order. Throws std::invalid_argument if a position
/// is out of range.
template <class T, class Target>
Dataset<T, Target> subset(const Dataset<T, Target>& dataset,
                          std::span<const std::int32_t> positions);

/// The two parts that `split` makes, which share no example.
template <class T, class Target>
struct DatasetSplit {
  Dataset<T, Target> train;       ///< the examples that are not for validation
  Dataset<T, Target> validation;  ///< the `validation_size` examples drawn
};

/// Draws `validation_size` examples at random; the others, in random order too, are for training.
///
///     const auto [train, validation] = nn::split(dataset, 5000, rng);
///
/// Throws std::invalid_argument unless 0 <= validation_size <= dataset.size().
template <class T, class Target>
DatasetSplit<T, Target> split(const Dataset<T, Target>& dataset, Index validation_size, Rng& rng);

/// Reads images and labels from two IDX files (plain or gzip), such as those of MNIST and
/// Fashion-MNIST: images (N, height, width) of bytes become rows (N, height * width) in [0, 1].
/// Throws std::runtime_error, naming the file, if one cannot be read or they do not fit together.
template <class T = float>
Dataset<T> read_idx_dataset(const std::filesystem::path& images,
                            const std::filesystem::path& labels);

/// A mini-batch.
template <class T = float, class Target = std::int32_t>
struct Batch {
  Variable<T> inputs;  ///< (batch, ...)
  /// (batch, ...): a Tensor of labels, or a Variable for regression.
  std::conditional_t<std::is_floating_point_v<Target>, Variable<Target>, Tensor<Target>> targets;
};

/// Options of `batches`.
struct BatchOptions {
  /// Leave out a last batch that is smaller than the others.
  bool drop_last = false;
};

/// A data set, cut into mini-batches; made by `batches`. Each `begin()` starts a pass over all
/// examples, and ends the pass before.
///
/// The rows of a batch are gathered into buffers that the next batch uses again: a reference to a
/// batch's targets holds only until then. A copy of the inputs' variable, in a graph for instance,
/// keeps its values; the next batch has a new buffer in that case.
template <class T, class Target>
class Batches {
 public:
  /// An input iterator: `++` gathers the next batch into the buffers of the one before.
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Batch<T, Target>;
    using difference_type = std::ptrdiff_t;

    const Batch<T, Target>& operator*() const { return batches_->batch_; }
    const Batch<T, Target>* operator->() const { return &batches_->batch_; }
    Iterator& operator++() {
      batches_->load(++number_);
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& iterator, std::default_sentinel_t) {
      return iterator.number_ >= iterator.batches_->size();
    }

   private:
    friend class Batches;
    explicit Iterator(Batches* batches) : batches_(batches) { batches->load(0); }
    Batches* batches_;
    Index number_ = 0;
  };

  /// Use `batches`. Without `rng`, the examples come in their order.
  Batches(const Dataset<T, Target>& dataset, Index batch_size, Rng* rng,
          const BatchOptions& options);

  /// Starts a pass: brings the examples into a new random order, if there is an Rng.
  Iterator begin();
  std::default_sentinel_t end() const { return std::default_sentinel; }
  /// The number of batches in a pass.
  Index size() const;

 private:
  // Gathers the rows of batch `number`, if there is one.
  void load(Index number);

  const Dataset<T, Target>* dataset_;
  Index batch_size_;
  Rng* rng_;
  BatchOptions options_;
  Tensor<std::int32_t> order_;
  Batch<T, Target> batch_;
};

/// Mini-batches of `batch_size` examples in random order, the last one smaller if they do not come
/// out even. The dataset and `rng` must outlive them.
///
///     for (const auto& [images, labels] : nn::batches(train, 128, rng)) { ... }
///
/// Throws std::invalid_argument unless batch_size is at least 1.
template <class T, class Target>
Batches<T, Target> batches(const Dataset<T, Target>& dataset, Index batch_size, Rng& rng,
                           const BatchOptions& options = {}) {
  return Batches<T, Target>(dataset, batch_size, &rng, options);
}
/// The same in the order of the data set, for evaluation.
template <class T, class Target>
Batches<T, Target> batches(const Dataset<T, Target>& dataset, Index batch_size,
                           const BatchOptions& options = {}) {
  return Batches<T, Target>(dataset, batch_size, nullptr, options);
}
template <class T, class Target>
Batches<T, Target> batches(Dataset<T, Target>&& dataset, Index, Rng&,
                           const BatchOptions& = {}) = delete;
template <class T, class Target>
Batches<T, Target> batches(Dataset<T, Target>&& dataset, Index, const BatchOptions& = {}) = delete;

}  // namespace glissade::nn
