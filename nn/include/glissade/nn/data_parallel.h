// DataParallel: one training step of a model, its batch split over threads.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "glissade/autograd/anomaly.h"
#include "glissade/autograd/variable.h"
#include "glissade/core/check.h"
#include "glissade/core/parallel.h"
#include "glissade/nn/loss.h"
#include "glissade/nn/module.h"

namespace glissade::nn {

namespace detail {

/// A model and the copies of it that work on other parts of a batch. Each copy has leaves of its
/// own in the places of the parameters, which see the parameters' values and have gradients of
/// their own.
template <class T>
class Replicas {
 public:
  /// `model` stays where it is as long as this lives.
  explicit Replicas(Module<T>& model);
  ~Replicas();
  Replicas(const Replicas&) = delete;
  Replicas& operator=(const Replicas&) = delete;

  /// Takes a copy of the model, and separates it from the model. It stays where it is too.
  void add(Module<T>& replica);
  /// The number of copies.
  std::size_t size() const { return replicas_.size(); }
  /// Gives the first `count` copies what the model has: where the values are, what is frozen, the
  /// buffers, the modes.
  void prepare(std::size_t count);
  /// Adds their gradients, in this order, to those of the model's parameters.
  void collect(std::size_t count);
  /// Forgets their gradients.
  void clear();

 private:
  struct Members;  // of one model, in the order of their names

  std::unique_ptr<Members> model_;
  std::vector<std::unique_ptr<Members>> replicas_;
};

/// Rows `from` ... `to` - 1 of a tensor, in its memory.
template <class U>
Tensor<U> rows_of(const Tensor<U>& whole, Index from, Index to) {
  const Index row = whole.size() / whole.dim(0);
  // Nobody writes there: what is made of it is constant.
  return Tensor<U>::borrow(const_cast<U*>(whole.data()) + from * row,
                           whole.shape().with(0, to - from));
}
template <class T>
Variable<T> rows_of(const Variable<T>& whole, Index from, Index to) {
  return Variable<T>(rows_of(whole.value(), from, to));
}

template <class U>
Index rows_in(const Tensor<U>& x) {
  check(x.rank() >= 1, "DataParallel: a scalar has no rows to split");
  return x.dim(0);
}
template <class T>
Index rows_in(const Variable<T>& x) {
  check(!x.requires_grad(),
        "DataParallel: an input of shape {} requires a gradient, which would be lost with the "
        "parts it is split into",
        x.shape());
  return rows_in(x.value());
}

}  // namespace detail

/// Options of `DataParallel`.
struct DataParallelOptions {
  /// What the loss function makes of the losses of its rows: their mean, or their sum.
  Reduction reduction = Reduction::mean;
};

/// Computes gradients of a model with the batch split over the threads of the process: for networks
/// that are too small for their products to be split. Each thread runs the loss function forward
/// and backward on its rows, with a copy of the model that shares the parameters' values; then the
/// gradients are added up, always in the same order.
///
///     nn::DataParallel parallel(model);
///     for (const auto& [x, y] : nn::batches(data, 64, rng)) {
///       optimizer.zero_grad();
///       parallel.backward([](auto& net, const auto& rows, const auto& labels) {
///         return nn::cross_entropy(net(rows), labels);
///       }, x, y);
///       optimizer.step();
///     }
///
/// The gradients are those of the loss of the whole batch, but for rounding, if it is the mean or
/// the sum of what each row contributes by itself; parts of unequal size count by their rows.
/// With the same number of threads they are the same bits in each run. What is different:
///
/// - A loss that divides by something else than the rows (class weights, an ignored index) is
///   divided within each part. Use its sum, and Reduction::sum.
/// - BatchNorm1d normalises each part by itself; the running statistics are those of the first part
///   (as in PyTorch's DataParallel).
/// - Each part has random numbers of its own: a copy of Dropout splits its Rng.
/// - Observers of the calling thread (`TrainingDoctor`, `summary`) see the first part.
///
/// Model is copied by its copy constructor. Modules that it holds by pointer have to be separated
/// by `Module::unshare_modules`; all variables that it uses have to be named in `members`. The
/// model must not be moved, get other modules or other parameters while this lives.
template <class Model>
class DataParallel {
 public:
  using T = typename Model::value_type;

  /// Throws std::invalid_argument if the reduction is `none`.
  explicit DataParallel(Model& model, const DataParallelOptions& options = {})
      : model_(model), options_(options), replicas_(model) {
    static_assert(std::derived_from<Model, Module<T>> && std::copy_constructible<Model>);
    check(options.reduction != Reduction::none,
          "DataParallel: the reduction must be mean or sum, not none");
  }

  /// Adds the gradient of the loss to the `grad` of the model's parameters, and returns the loss:
  /// what `loss(model, batch...)` followed by `backward()` does. `batch` are tensors or constant
  /// variables whose first axes are equally long; `loss(net, part...)` is called with the model or
  /// a copy, and with some of their rows, on several threads at the same time, and returns a
  /// scalar. The parts must not be kept or changed: they are in the memory of `batch`.
  ///
  /// Within a part of other parallel work, and with one thread, it is one call with the model and
  /// the batch itself. Throws std::invalid_argument if the batches do not fit together, an input
  /// requires a gradient, a loss is not a scalar, or the model has changed; and what `loss` throws.
  /// The model's gradients are then those of a part of the batch.
  template <class Loss, class... Batch>
  T backward(const Loss& loss, const Batch&... batch) {
    static_assert(sizeof...(Batch) > 0, "there must be something to split");
    const Index rows = common_rows(batch...);
    const auto parts = static_cast<int>(std::min<Index>(available_threads(), rows));
    if (parts <= 1) return run(model_, T{1}, loss, batch...);
    while (replicas_.size() + 1 < static_cast<std::size_t>(parts)) add_replica();
    const std::size_t others = static_cast<std::size_t>(parts) - 1;
    replicas_.prepare(others);
    losses_.assign(static_cast<std::size_t>(parts), T{});
    const bool anomaly = glissade::detail::anomaly_mode;
    try {
      parallel_parts(parts, [&](int part) {
        std::optional<AnomalyMode> mode;
        if (anomaly && !glissade::detail::anomaly_mode) mode.emplace();
        const Index from = rows * part / parts;
        const Index to = rows * (part + 1) / parts;
        const bool mean = options_.reduction == Reduction::mean;
        const T weight = mean ? static_cast<T>(to - from) / static_cast<T>(rows) : T{1};
        Model& model = part == 0 ? model_ : *copies_[static_cast<std::size_t>(part) - 1];
        losses_[static_cast<std::size_t>(part)] =
            run(model, weight, loss, detail::rows_of(batch, from, to)...);
      });
    } catch (...) {
      replicas_.clear();
      throw;
    }
    replicas_.collect(others);
    T total{};
    for (const T part : losses_) total += part;
    return total;
  }

 private:
  template <class First, class... Rest>
  static Index common_rows(const First& first, const Rest&... rest) {
    const Index rows = detail::rows_in(first);
    [[maybe_unused]] const auto fits = [rows](const auto& other) {
      check(detail::rows_in(other) == rows,
            "DataParallel: the batch has {} rows and a tensor of shape {}", rows, other.shape());
    };
    (fits(rest), ...);
    return rows;
  }

  // The gradient of weight * loss; returns weight * loss.
  template <class Loss, class... Part>
  static T run(Model& model, T weight, const Loss& loss, const Part&... part) {
    const Variable<T> result = loss(model, part...);
    check(result.defined() && result.size() == 1,
          "DataParallel: the loss must be a scalar, not of shape {}",
          result.defined() ? to_string(result.shape()) : "undefined");
    result.backward(Variable<T>(Tensor<T>::full(result.shape(), weight)));
    return weight * result.item();
  }

  void add_replica() {
    auto copy = std::make_unique<Model>(model_);
    replicas_.add(*copy);
    copies_.push_back(std::move(copy));
  }

  Model& model_;
  DataParallelOptions options_;
  std::vector<std::unique_ptr<Model>> copies_;
  detail::Replicas<T> replicas_;
  std::vector<T> losses_;  // of the parts, weighted
};

}  // namespace glissade::nn
