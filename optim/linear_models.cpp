#include "glissade/optim/linear_models.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "glissade/core/elementwise.h"
#include "glissade/core/gemm.h"
#include "glissade/core/linalg.h"
#include "glissade/core/move.h"
#include "glissade/optim/lbfgs.h"
#include "glissade/optim/minimize.h"
#include "option_checks.h"
#include "vectors.h"

namespace glissade::optim {
namespace {

template <class T>
void check_data(const char* name, const Tensor<T>& x, const Shape& y) {
  check(x.rank() == 2 && x.dim(0) > 0 && x.dim(1) > 0,
        "{}: x must be a matrix with rows and columns, got the shape {}", name, x.shape());
  check(y.rank() >= 1 && y[0] == x.dim(0), "{}: x has the shape {}, the targets {}", name,
        x.shape(), y);
  for (Index i = 0; i < x.size(); ++i) {
    check(std::isfinite(x[i]), "{}: row {}, column {} of x is {}", name, i / x.dim(1), i % x.dim(1),
          x[i]);
  }
}

// The mean of each column of a (N, n), which is subtracted; zeros if not `wanted`.
template <class T>
std::vector<double> center(Tensor<T>& a, bool wanted) {
  const Index rows = a.dim(0);
  const Index columns = a.dim(1);
  std::vector<double> means(static_cast<std::size_t>(columns), 0.0);
  if (!wanted) return means;
  for (Index i = 0; i < a.size(); ++i) {
    means[static_cast<std::size_t>(i % columns)] += static_cast<double>(a[i]);
  }
  for (double& mean : means) mean /= static_cast<double>(rows);
  for (Index i = 0; i < a.size(); ++i) {
    const double mean = means[static_cast<std::size_t>(i % columns)];
    a[i] = static_cast<T>(static_cast<double>(a[i]) - mean);
  }
  return means;
}

// a (m, n) with `extra` more rows, of zeros.
template <class T>
Tensor<T> with_rows(const Tensor<T>& a, Index extra) {
  Tensor<T> result(Shape{a.dim(0) + extra, a.dim(1)});
  std::copy(a.begin(), a.end(), result.data());
  return result;
}

// Solves (G + λ I) z = b for a Gram matrix G.
template <class T>
Tensor<T> solve_normal(Tensor<T> gram, double ridge, const Tensor<T>& b) {
  const Index n = gram.dim(0);
  for (Index i = 0; i < n; ++i) gram[i * n + i] += static_cast<T>(ridge);
  check(
      cholesky(gram),
      "linear_regression: Cholesky finds columns of x that depend on others; use the solver qr, or "
      "a larger ridge");
  return cholesky_solve(gram, b);
}

// Ridge regression with fewer rows than columns: w = xᵀ (x xᵀ + λ I)⁻¹ y, by the QR factors of (xᵀ
// over sqrt(λ) I): the matrix to invert is Rᵀ R, and so w is Q's upper part times R⁻ᵀ y.
template <class T>
Tensor<T> solve_wide(const Tensor<T>& x, const Tensor<T>& y, double ridge) {
  const Index rows = x.dim(0);
  const Index n = x.dim(1);
  Tensor<T> stacked = with_rows(kernels::transpose(x), rows);
  const T root = static_cast<T>(std::sqrt(ridge));
  for (Index i = 0; i < rows; ++i) stacked[(n + i) * rows + i] = root;
  const auto [q, r] = qr(stacked);
  Tensor<T> z = y;
  for (Index k = 0; k < z.dim(1); ++k) {
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < i; ++j) z(i, k) -= r(j, i) * z(j, k);
      z(i, k) /= r(i, i);
    }
  }
  const Tensor<T> upper(Shape{n, rows},
                        std::span<const T>(q.data(), static_cast<std::size_t>(n * rows)));
  return matmul(upper, z);
}

// The weight (in, out) for centred x (N, in) and y (N, out).
template <class T>
Tensor<T> solve(const Tensor<T>& x, const Tensor<T>& y, const LinearRegressionOptions& options) {
  const Index n = x.dim(1);
  const bool is_wide = x.dim(0) < n;
  if (options.solver == LinearSolver::qr) {
    if (options.ridge == 0.0) return lstsq(x, y).x;
    if (is_wide) return solve_wide(x, y, options.ridge);
    // The penalty as further rows: sqrt(λ) I w = 0.
    Tensor<T> rows = with_rows(x, n);
    const T root = static_cast<T>(std::sqrt(options.ridge));
    for (Index i = 0; i < n; ++i) rows[(x.dim(0) + i) * n + i] = root;
    return lstsq(rows, with_rows(y, n)).x;
  }
  if (is_wide && options.ridge > 0.0) {
    // w = xᵀ (x xᵀ + λ I)⁻¹ y: N equations rather than n.
    return matmul(x, solve_normal(matmul(x, x, Transpose::no, Transpose::yes), options.ridge, y),
                  Transpose::yes, Transpose::no);
  }
  return solve_normal(matmul(x, x, Transpose::yes, Transpose::no), options.ridge,
                      matmul(x, y, Transpose::yes, Transpose::no));
}

void check_classifier(const char* name, const ClassifierOptions& options,
                      const Tensor<std::int32_t>& labels, Index classes) {
  check_not_negative(name, "l2", options.l2);
  check_positive(name, "tolerance", options.tolerance);
  check_at_least_one(name, "max_iterations", options.max_iterations);
  check(labels.rank() == 1, "{}: the labels must be a vector, got the shape {}", name,
        labels.shape());
  for (Index i = 0; i < labels.size(); ++i) {
    check(labels[i] >= 0 && labels[i] < classes, "{}: label {} is {}, expected 0 to {}", name, i,
          labels[i], classes - 1);
  }
}

// log(1 + e^x) without overflow.
double log1p_exp(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

// The cost of logistic regression at w (n), the last of which may be a bias, on x (N, n).
template <class T>
class LogisticCost {
 public:
  LogisticCost(const Tensor<T>& x, const Tensor<std::int32_t>& labels, Index inputs, double l2)
      : x_(x), labels_(labels), inputs_(inputs), l2_(l2) {}

  double operator()(const Tensor<T>& w) const {
    const Tensor<T> z = logits(w);
    double cost = 0.0;
    for (Index i = 0; i < z.size(); ++i) {
      const auto value = static_cast<double>(z[i]);
      cost += log1p_exp(labels_[i] == 1 ? -value : value);
    }
    for (Index j = 0; j < inputs_; ++j) {
      cost += 0.5 * l2_ * static_cast<double>(w[j]) * static_cast<double>(w[j]);
    }
    return cost;
  }

  // The gradient (n), and the Hessian xᵀ S x + λ I with S = p (1 - p).
  void derivatives(const Tensor<T>& w, Tensor<T>& gradient, Tensor<T>& hessian) const {
    const Index n = w.size();
    const Tensor<T> z = logits(w);
    Tensor<T> errors(Shape{z.size(), 1});
    Tensor<T> scaled = x_;
    for (Index i = 0; i < z.size(); ++i) {
      const double p = 1.0 / (1.0 + std::exp(-static_cast<double>(z[i])));
      errors[i] = static_cast<T>(p - static_cast<double>(labels_[i]));
      const T s = static_cast<T>(p * (1.0 - p));
      for (Index j = 0; j < n; ++j) scaled[i * n + j] *= s;
    }
    gradient = matmul(x_, errors, Transpose::yes, Transpose::no).reshape(Shape{n});
    hessian = matmul(x_, scaled, Transpose::yes, Transpose::no);
    for (Index j = 0; j < inputs_; ++j) {
      gradient[j] += static_cast<T>(l2_) * w[j];
      hessian[j * n + j] += static_cast<T>(l2_);
    }
  }

 private:
  Tensor<T> logits(const Tensor<T>& w) const { return matmul(x_, w.reshape(Shape{w.size(), 1})); }

  const Tensor<T>& x_;
  const Tensor<std::int32_t>& labels_;
  Index inputs_;
  double l2_;
};

// x (N, in) with a further column of ones if there is a bias.
template <class T>
Tensor<T> with_ones(const Tensor<T>& x, bool bias) {
  if (!bias) return x;
  const Index n = x.dim(1);
  Tensor<T> result(Shape{x.dim(0), n + 1});
  for (Index i = 0; i < x.dim(0); ++i) {
    std::copy_n(x.data() + i * n, n, result.data() + i * (n + 1));
    result[i * (n + 1) + n] = T{1};
  }
  return result;
}

// Newton's direction; with a little of the identity where the Hessian is singular up to rounding.
template <class T>
Tensor<T> newton_direction(const Tensor<T>& hessian, const Tensor<T>& gradient) {
  const Index n = gradient.size();
  double largest = 0.0;
  for (Index j = 0; j < n; ++j) {
    largest = std::max(largest, static_cast<double>(hessian[j * n + j]));
  }
  double tau = 0.0;
  while (true) {
    Tensor<T> factor = hessian;
    for (Index j = 0; j < n; ++j) factor[j * n + j] += static_cast<T>(tau);
    if (cholesky(factor)) {
      Tensor<T> d = cholesky_solve(factor, gradient);
      scale_in_place(d, -1.0);
      return d;
    }
    tau = std::max(4.0 * tau, 1e-6 * std::max(largest, 1e-6));
  }
}

}  // namespace

template <class T>
Tensor<T> LinearModel<T>::operator()(const Tensor<T>& x) const {
  check(x.rank() == 2 && x.dim(1) == weight.dim(1),
        "LinearModel: x has the shape {}, the weight {}", x.shape(), weight.shape());
  return kernels::binary(kernels::Binary::add, matmul(x, weight, Transpose::no, Transpose::yes),
                         bias, "LinearModel");
}

template <class T>
LinearModel<T> linear_regression(const Tensor<T>& x, const Tensor<T>& y,
                                 const LinearRegressionOptions& options) {
  constexpr const char* kName = "linear_regression";
  check_data(kName, x, y.shape());
  check(y.rank() <= 2, "{}: y must be (N) or (N, out), got {}", kName, y.shape());
  check_not_negative(kName, "ridge", options.ridge);
  const Index outputs = y.rank() == 1 ? 1 : y.dim(1);
  for (Index i = 0; i < y.size(); ++i) {
    check(std::isfinite(y[i]), "{}: row {}, column {} of y is {}", kName, i / outputs, i % outputs,
          y[i]);
  }

  // With centred data the bias drops out of the problem.
  Tensor<T> inputs = x;
  Tensor<T> targets = y.reshape(Shape{x.dim(0), outputs});
  const std::vector<double> input_means = center(inputs, options.bias);
  const std::vector<double> target_means = center(targets, options.bias);
  LinearModel<T> model{.weight = kernels::transpose(solve(inputs, targets, options)),
                       .bias = Tensor<T>(Shape{outputs})};
  for (Index k = 0; k < outputs; ++k) {
    double bias = target_means[static_cast<std::size_t>(k)];
    for (Index j = 0; j < x.dim(1); ++j) {
      bias -= static_cast<double>(model.weight(k, j)) * input_means[static_cast<std::size_t>(j)];
    }
    model.bias[k] = static_cast<T>(bias);
  }
  const double error = distance(model(x), y);
  model.cost = error * error + options.ridge * dot(model.weight, model.weight);
  return model;
}

template <class T>
LinearModel<T> logistic_regression(const Tensor<T>& x, const Tensor<std::int32_t>& labels,
                                   const ClassifierOptions& options) {
  constexpr const char* kName = "logistic_regression";
  check_classifier(kName, options, labels, 2);
  check_data(kName, x, labels.shape());
  const Index inputs = x.dim(1);
  const Tensor<T> columns = with_ones(x, options.bias);
  const LogisticCost<T> cost(columns, labels, inputs, options.l2);
  const double enough = options.tolerance * static_cast<double>(x.dim(0));

  LinearModel<T> model;
  Tensor<T> w(Shape{columns.dim(1)});
  double at_w = cost(w);
  Tensor<T> gradient;
  Tensor<T> hessian;
  while (true) {
    cost.derivatives(w, gradient, hessian);
    if (norm2(gradient) <= enough) break;
    if (model.iterations == options.max_iterations) {
      model.converged = false;
      break;
    }
    const Tensor<T> d = newton_direction(hessian, gradient);
    double t = 1.0;
    Tensor<T> next = along(w, t, d);
    double at_next = cost(next);
    while (!(at_next <= at_w + 1e-4 * t * dot(gradient, d)) && t > 1e-10) {
      t *= 0.5;
      next = along(w, t, d);
      at_next = cost(next);
    }
    if (!(at_next <= at_w) || next == w) break;  // rounding decides from here on
    w = std::move(next);
    at_w = at_next;
    ++model.iterations;
  }
  model.cost = at_w;
  model.bias = Tensor<T>(Shape{1});
  if (options.bias) model.bias[0] = w[inputs];
  model.weight =
      Tensor<T>(Shape{1, inputs}, std::span<const T>(w.data(), static_cast<std::size_t>(inputs)));
  return model;
}

template <class T>
LinearModel<T> softmax_regression(const Tensor<T>& x, const Tensor<std::int32_t>& labels,
                                  Index classes, const ClassifierOptions& options) {
  constexpr const char* kName = "softmax_regression";
  check(classes >= 2, "{}: classes must be at least 2, got {}", kName, classes);
  check_classifier(kName, options, labels, classes);
  check_data(kName, x, labels.shape());
  const Variable<T> inputs(x);
  const Tensor<std::int32_t> picked = labels.reshape(Shape{labels.size(), 1});
  const auto cost = [&](const std::vector<Variable<T>>& parameters) {
    const Variable<T> bias = options.bias ? parameters[1] : Variable<T>();
    const Variable<T> logits = linear(inputs, parameters[0], bias);
    const Variable<T> fit = neg(sum(gather(log_softmax(logits, 1), 1, picked)));
    if (options.l2 == 0.0) return fit;
    return fit + sum(square(parameters[0])) * (0.5 * options.l2);
  };
  std::vector<Tensor<T>> start{Tensor<T>(Shape{classes, x.dim(1)})};
  if (options.bias) start.emplace_back(Shape{classes});
  auto found = minimize(cost, start, LBFGSOptions{},
                        gradient_norm_below(options.tolerance * static_cast<double>(x.dim(0))) ||
                            max_iterations(options.max_iterations));
  return {.weight = std::move(found.x[0]),
          .bias = options.bias ? std::move(found.x[1]) : Tensor<T>(Shape{classes}),
          .cost = found.cost,
          .iterations = found.iterations,
          .converged =
              found.reason == StopReason::gradient_norm || found.reason == StopReason::no_progress};
}

#define GLISSADE_INSTANTIATE(T)                                                                    \
  template struct LinearModel<T>;                                                                  \
  template LinearModel<T> linear_regression(const Tensor<T>&, const Tensor<T>&,                    \
                                            const LinearRegressionOptions&);                       \
  template LinearModel<T> logistic_regression(const Tensor<T>&, const Tensor<std::int32_t>&,       \
                                              const ClassifierOptions&);                           \
  template LinearModel<T> softmax_regression(const Tensor<T>&, const Tensor<std::int32_t>&, Index, \
                                             const ClassifierOptions&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade::optim
