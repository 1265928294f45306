// Loss functions, with PyTorch's names, formulas and defaults.
#pragma once

#include <cstdint>
#include <type_traits>

#include "glissade/autograd/variable.h"

namespace glissade::nn {

/// How the losses of the elements become one number.
enum class Reduction {
  mean,  ///< their mean; an error if the batch is empty
  sum,   ///< their sum
  none,  ///< not at all: the result has one loss for each element or row
};

// --- Regression: prediction and target of the same shape. A target may be a Tensor.
// ---------------- Throws std::invalid_argument if the shapes differ: nothing is broadcast, because
// (n) against (n, 1) is nearly always a mistake.

/// Options of `mse_loss` and `l1_loss`.
struct RegressionLossOptions {
  /// How the losses of the elements become one number.
  Reduction reduction = Reduction::mean;
};

/// (x - t)^2, the squared error.
template <class T>
Variable<T> mse_loss(const Variable<T>& prediction, const std::type_identity_t<Variable<T>>& target,
                     const RegressionLossOptions& options = {});

/// |x - t|, the absolute error ("mae"). The derivative at 0 is taken as 0.
template <class T>
Variable<T> l1_loss(const Variable<T>& prediction, const std::type_identity_t<Variable<T>>& target,
                    const RegressionLossOptions& options = {});

/// Options of `huber_loss`.
struct HuberLossOptions {
  /// Where the parabola becomes a straight line; positive.
  double delta = 1.0;
  /// How the losses of the elements become one number.
  Reduction reduction = Reduction::mean;
};

/// d^2 / 2 where |d| <= delta, otherwise delta (|d| - delta / 2), with d = x - t (Huber, 1964).
template <class T>
Variable<T> huber_loss(const Variable<T>& prediction,
                       const std::type_identity_t<Variable<T>>& target,
                       const HuberLossOptions& options = {});

// --- Classification -----------------------------------------------------------------------------

/// Options of `cross_entropy`.
template <class T>
struct CrossEntropyOptions {
  /// A weight w for each class, (classes), or empty: all 1.
  Tensor<T> weight = {};
  /// The share eps, in [0, 1], of the target that is spread over all classes (Szegedy et al.,
  /// 2016).
  double label_smoothing = 0.0;
  /// Rows with this label do not count.
  std::int32_t ignore_index = -100;
  /// How the losses of the rows become one number.
  Reduction reduction = Reduction::mean;
};

/// The cross-entropy between softmax(logits) and the labels, in one operation.
///
/// logits: (batch, classes); labels: (batch), each from 0 to classes - 1 or `ignore_index`. The
/// loss of row i with label y is -sum_k q_k log softmax(x_i)_k, q_k = (1 - eps) w_y [k = y] + eps /
/// classes w_k; 0 for an ignored row. `mean` divides the sum by the sum of w_y over the rows that
/// count (so it is NaN if there are none); `none` has the shape (batch).
///
/// Throws std::invalid_argument if a shape does not fit or a label is out of range.
template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Tensor<std::int32_t>& labels,
                          const std::type_identity_t<CrossEntropyOptions<T>>& options = {});

/// Options of `nll_loss`.
template <class T>
struct NllLossOptions {
  /// A weight w for each class, (classes), or empty: all 1.
  Tensor<T> weight = {};
  /// Rows with this label do not count.
  std::int32_t ignore_index = -100;
  /// How the losses of the rows become one number.
  Reduction reduction = Reduction::mean;
};

/// The negative log-likelihood -w_y x_y of the labels, given the logarithms x of the probabilities
/// (log_softmax). log_probabilities: (batch, classes); otherwise as `cross_entropy`.
template <class T>
Variable<T> nll_loss(const Variable<T>& log_probabilities, const Tensor<std::int32_t>& labels,
                     const std::type_identity_t<NllLossOptions<T>>& options = {});

/// Options of `binary_cross_entropy_with_logits`.
template <class T>
struct BinaryCrossEntropyOptions {
  /// A factor for the loss of each element, of a shape that broadcasts to the logits', or empty.
  Tensor<T> weight = {};
  /// A factor p for positive targets, of a shape that broadcasts to the logits' (one for each
  /// class: (classes)), or empty: all 1.
  Tensor<T> pos_weight = {};
  /// How the losses of the elements become one number.
  Reduction reduction = Reduction::mean;
};

/// -(p t log sigmoid(x) + (1 - t) log(1 - sigmoid(x))), computed without overflow. Targets t in
/// [0, 1], of the logits' shape; they may be a Tensor. `mean` divides by the number of elements.
/// Throws std::invalid_argument if a shape does not fit.
template <class T>
Variable<T> binary_cross_entropy_with_logits(
    const Variable<T>& logits, const std::type_identity_t<Variable<T>>& targets,
    const std::type_identity_t<BinaryCrossEntropyOptions<T>>& options = {});

}  // namespace glissade::nn
