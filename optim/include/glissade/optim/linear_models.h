#pragma once

// Linear models, fitted exactly: what a network's training can be compared with.

#include <cstdint>

#include "glissade/core/tensor.h"

namespace glissade::optim {

/// A fitted linear function, with the parameters in the shapes of nn::Linear.
template <class T>
struct LinearModel {
  Tensor<T> weight;             ///< (out, in)
  Tensor<T> bias;               ///< (out); zeros if none was fitted
  double cost = 0.0;            ///< what was minimised, at the end
  std::int64_t iterations = 0;  ///< 0 for a closed form
  /// Whether the gradient is as small as asked for, or rounding hides any further decrease of the
  /// cost; false if max_iterations ended it.
  bool converged = true;

  /// x Wᵀ + b for x (N, in): (N, out). Predictions of regressions, logits of classifiers.
  Tensor<T> operator()(const Tensor<T>& x) const;
};

/// How `linear_regression` solves.
enum class LinearSolver {
  qr,        ///< QR with column pivoting, of the data: exact also where columns nearly depend
  cholesky,  ///< of the normal equations: faster, with half of the digits
};

/// Options of `linear_regression`.
struct LinearRegressionOptions {
  double ridge = 0.0;                      ///< the λ of the penalty λ ‖W‖²; finite, >= 0
  bool bias = true;                        ///< whether to fit one; it is not penalised
  LinearSolver solver = LinearSolver::qr;  ///< how to solve
};

/// Linear regression, and ridge regression with a penalty (Hoerl and Kennard, 1970): minimises
/// Σ ‖W xᵢ + b - yᵢ‖² + λ ‖W‖² over the rows of x (N, in) and y (N) or (N, out). With fewer rows
/// than inputs, λ > 0 takes a system of N equations only, and λ = 0 with QR gives the solution of
/// smallest norm. Throws std::invalid_argument if the shapes do not fit, there are no rows, a
/// number is NaN or infinite, an option is out of range, or Cholesky finds columns that depend on
/// others.
template <class T>
LinearModel<T> linear_regression(const Tensor<T>& x, const Tensor<T>& y,
                                 const LinearRegressionOptions& options = {});

/// Options of `logistic_regression` and `softmax_regression`.
struct ClassifierOptions {
  double l2 = 0.0;                     ///< the λ of the penalty ½ λ ‖W‖²; finite, >= 0
  bool bias = true;                    ///< whether to fit one; it is not penalised
  double tolerance = 1e-8;             ///< of the gradient's norm, relative to N; positive
  std::int64_t max_iterations = 1000;  ///< at most; at least 1
};

/// Logistic regression: minimises Σ -log p(labelᵢ | xᵢ) + ½ λ ‖w‖² over x (N, in) and labels (N) of
/// 0 and 1, with p(1 | x) = sigmoid(w·x + b), by damped Newton steps (iteratively reweighted least
/// squares). The weight is (1, in). If a plane separates the classes and l2 = 0, there is no
/// minimum, and `converged` is false or the weights are large. Throws std::invalid_argument as
/// above, and for other labels.
template <class T>
LinearModel<T> logistic_regression(const Tensor<T>& x, const Tensor<std::int32_t>& labels,
                                   const ClassifierOptions& options = {});

/// Softmax regression: the same for `classes` >= 2 classes, with labels from 0 to classes - 1 and
/// p(· | x) = softmax(W x + b), by L-BFGS. The weight is (classes, in). Without a penalty only
/// differences between the rows of W are determined.
template <class T>
LinearModel<T> softmax_regression(const Tensor<T>& x, const Tensor<std::int32_t>& labels,
                                  Index classes, const ClassifierOptions& options = {});

}  // namespace glissade::optim
