// Data sets in memory, and mini-batches of them.
#include "glissade/nn/dataset.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "glissade/autograd/node.h"
#include "glissade/core/idx.h"
#include "glissade/core/move.h"

namespace glissade::nn {
namespace {

template <class T>
void gather_into(const Tensor<T>& source, std::span<const std::int32_t> rows, Tensor<T>& out) {
  kernels::gather_rows(source, rows, out);
}

// Into the variable's own buffer if nobody else can see it, otherwise into a new variable.
template <class T>
void gather_into(const Tensor<T>& source, std::span<const std::int32_t> rows, Variable<T>& out) {
  if (!out.defined() || !out.node()->is_disposable()) out = Variable<T>(Tensor<T>());
  kernels::gather_rows(source, rows, out.mutable_value());
}

template <class T, class Target>
Dataset<T, Target> gathered(const Dataset<T, Target>& dataset, std::span<const std::int32_t> rows) {
  Tensor<T> inputs;
  Tensor<Target> targets;
  kernels::gather_rows(dataset.inputs, rows, inputs);
  kernels::gather_rows(dataset.targets, rows, targets);
  return Dataset<T, Target>(std::move(inputs), std::move(targets));
}

}  // namespace

template <class T, class Target>
Dataset<T, Target>::Dataset(Tensor<T> given_inputs, Tensor<Target> given_targets)
    : inputs(std::move(given_inputs)), targets(std::move(given_targets)) {
  check(inputs.rank() >= 1 && targets.rank() >= 1 && inputs.dim(0) == targets.dim(0),
        "Dataset: the inputs {} and the targets {} do not have the same number of rows",
        inputs.shape(), targets.shape());
}

template <class T, class Target>
Dataset<T, Target> subset(const Dataset<T, Target>& dataset,
                          std::span<const std::int32_t> positions) {
  return gathered(dataset, positions);
}

template <class T, class Target>
DatasetSplit<T, Target> split(const Dataset<T, Target>& dataset, Index validation_size, Rng& rng) {
  check(validation_size >= 0 && validation_size <= dataset.size(),
        "split: {} examples for validation were asked for, the dataset has {}", validation_size,
        dataset.size());
  auto order = Tensor<std::int32_t>::uninitialized(Shape{dataset.size()});
  rng.permutation(order.span());
  const auto count = static_cast<std::size_t>(validation_size);
  return {.train = gathered<T, Target>(dataset, order.span().subspan(count)),
          .validation = gathered<T, Target>(dataset, order.span().first(count))};
}

template <class T>
Dataset<T> read_idx_dataset(const std::filesystem::path& images,
                            const std::filesystem::path& labels) {
  auto inputs = read_idx<T>(images, {.scale = 1.0 / 255.0, .flatten = true});
  auto targets = read_idx<std::int32_t>(labels);
  if (targets.rank() != 1 || inputs.rank() != 2 || inputs.dim(0) != targets.dim(0)) {
    throw std::runtime_error(
        fmt::format("{} holds images {} and {} labels {}: they do not fit together",
                    images.string(), inputs.shape(), labels.string(), targets.shape()));
  }
  return Dataset<T>(std::move(inputs), std::move(targets));
}

template <class T, class Target>
Batches<T, Target>::Batches(const Dataset<T, Target>& dataset, Index batch_size, Rng* rng,
                            const BatchOptions& options)
    : dataset_(&dataset), batch_size_(batch_size), rng_(rng), options_(options) {
  check(batch_size >= 1, "batches: the batch size must be at least 1, got {}", batch_size);
}

template <class T, class Target>
auto Batches<T, Target>::begin() -> Iterator {
  order_.resize(Shape{dataset_->size()});
  if (rng_ != nullptr) {
    rng_->permutation(order_.span());
  } else {
    std::iota(order_.begin(), order_.end(), 0);
  }
  return Iterator(this);
}

template <class T, class Target>
Index Batches<T, Target>::size() const {
  const Index full = dataset_->size() / batch_size_;
  const bool has_rest = dataset_->size() % batch_size_ != 0;
  return full + (has_rest && !options_.drop_last ? 1 : 0);
}

template <class T, class Target>
void Batches<T, Target>::load(Index number) {
  if (number >= size()) return;
  const Index begin = number * batch_size_;
  const Index count = std::min(batch_size_, order_.size() - begin);
  const auto rows = std::span<const std::int32_t>(order_.span())
                        .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
  gather_into(dataset_->inputs, rows, batch_.inputs);
  gather_into(dataset_->targets, rows, batch_.targets);
}

#define GLISSADE_INSTANTIATE(T, Target)                                                         \
  template struct Dataset<T, Target>;                                                           \
  template class Batches<T, Target>;                                                            \
  template Dataset<T, Target> subset(const Dataset<T, Target>&, std::span<const std::int32_t>); \
  template DatasetSplit<T, Target> split(const Dataset<T, Target>&, Index, Rng&);
GLISSADE_INSTANTIATE(float, std::int32_t)
GLISSADE_INSTANTIATE(float, float)
GLISSADE_INSTANTIATE(double, std::int32_t)
GLISSADE_INSTANTIATE(double, double)
#undef GLISSADE_INSTANTIATE

template Dataset<float> read_idx_dataset(const std::filesystem::path&,
                                         const std::filesystem::path&);
template Dataset<double> read_idx_dataset(const std::filesystem::path&,
                                          const std::filesystem::path&);

}  // namespace glissade::nn
