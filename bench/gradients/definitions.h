#pragma once

// The problems of the gradient benchmark: their data and points, and what is to be computed, as
// plain code on any scalar. Complex numbers and the C++ tapes run these loops; the fast versions in
// problems.h are compared with them.
//
// All data are numbers that a float holds exactly, so that float32 and float64 have the same
// problem. Random numbers are the library's, of a fixed seed.

#include <glissade/core/rng.h>
#include <glissade/core/safetensors.h>
#include <glissade/core/tensor.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <string>
#include <variant>
#include <vector>

namespace glissade::bench {

inline double real_part(double x) { return x; }
inline double real_part(const std::complex<double>& x) { return x.real(); }

/// x'Ax / 2 - b'x, A (n, n) symmetric with a positive diagonal.
struct Quadratic {
  explicit Quadratic(Index n);
  std::vector<NamedTensor> data() const { return {{"A", a}, {"b", b}}; }

  template <class S>
  S value(const S* x) const {
    S total = 0.0;
    for (Index i = 0; i < b.size(); ++i) {
      S row = 0.0;
      for (Index j = 0; j < b.size(); ++j) row += a[i * b.size() + j] * x[j];
      total += x[i] * (0.5 * row - b[i]);
    }
    return total;
  }

  Tensor<double> a;
  Tensor<double> b;
  Tensor<double> point;
};

/// The sum of 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2 (Rosenbrock, 1960).
struct Rosenbrock {
  explicit Rosenbrock(Index n);
  std::vector<NamedTensor> data() const { return {}; }

  template <class S>
  S value(const S* x) const {
    S total = 0.0;
    for (Index i = 0; i + 1 < point.size(); ++i) {
      const S valley = x[i + 1] - x[i] * x[i];
      const S slope = 1.0 - x[i];
      total += 100.0 * valley * valley + slope * slope;
    }
    return total;
  }

  Tensor<double> point;
};

/// Linear regression, mean((Xw - y)^2), or logistic regression, the mean of
/// log(1 + e^z) - y z with z = Xw and y 0 or 1. X (rows, features), y (rows).
struct Regression {
  enum class Kind { linear, logistic };
  Regression(Kind kind, Index rows, Index features);
  std::vector<NamedTensor> data() const { return {{"X", x}, {"y", y}}; }

  template <class S>
  S value(const S* w) const {
    using std::exp;
    using std::log;
    S total = 0.0;
    for (Index i = 0; i < y.size(); ++i) {
      S z = 0.0;
      for (Index j = 0; j < point.size(); ++j) z += x[i * point.size() + j] * w[j];
      if (kind == Kind::linear) {
        const S error = z - y[i];
        total += error * error;
      } else {
        total += log(1.0 + exp(z)) - y[i] * z;  // z is moderate here, so nothing overflows
      }
    }
    return total / static_cast<double>(y.size());
  }

  Kind kind;
  Tensor<double> x;
  Tensor<double> y;
  Tensor<double> point;
};

/// A multilayer perceptron: tanh and mean((out - y)^2) for one output, otherwise ReLU and the mean
/// cross-entropy with labels. The parameters are W1 (out, in), b1, W2, b2 and so on.
struct Perceptron {
  Perceptron(std::vector<Index> layers, Index rows);
  bool classifies() const { return sizes.back() > 1; }
  std::vector<NamedTensor> data() const;

  template <class S>
  S value(const S* parameters) const {
    S total = 0.0;
    std::vector<S> in;
    std::vector<S> out;
    for (Index row = 0; row < batch; ++row) {
      in.assign(x.data() + row * sizes.front(), x.data() + (row + 1) * sizes.front());
      const S* weight = parameters;
      for (std::size_t layer = 0; layer + 1 < sizes.size(); ++layer) {
        dense(layer, weight, in, out);
        weight += (sizes[layer] + 1) * sizes[layer + 1];
        std::swap(in, out);
      }
      total += classifies() ? cross_entropy(in, labels[row]) : squared(in[0] - y[row]);
    }
    return total / static_cast<double>(batch);
  }

  std::vector<Index> sizes;  // features of the input, the hidden layers, the output
  Index batch;
  Tensor<std::int32_t> sizes_tensor;
  Tensor<double> x;             // (batch, sizes.front())
  Tensor<double> y;             // (batch, 1), unless there are labels
  Tensor<std::int32_t> labels;  // (batch)
  Tensor<double> point;

 private:
  template <class S>
  static S squared(const S& x) {
    return x * x;
  }

  template <class S>
  void dense(std::size_t layer, const S* weight, const std::vector<S>& in,
             std::vector<S>& out) const {
    using std::tanh;
    const Index from = sizes[layer];
    const Index to = sizes[layer + 1];
    const bool last = layer + 2 == sizes.size();
    out.resize(static_cast<std::size_t>(to));
    for (Index j = 0; j < to; ++j) {
      S z = weight[from * to + j];
      for (Index i = 0; i < from; ++i) z += weight[j * from + i] * in[static_cast<std::size_t>(i)];
      if (!last && classifies()) {
        if (!(real_part(z) > 0.0)) z = 0.0;
      } else if (!last) {
        z = tanh(z);
      }
      out[static_cast<std::size_t>(j)] = z;
    }
  }

  template <class S>
  static S cross_entropy(const std::vector<S>& logits, std::int32_t label) {
    using std::exp;
    using std::log;
    S sum = 0.0;
    for (const S& z : logits) sum += exp(z);  // logits are moderate here
    return log(sum) - logits[static_cast<std::size_t>(label)];
  }
};

/// The log-likelihood of a Gaussian mixture with a Wishart prior, in ADBench's parametrisation (the
/// one of GradBench's gmm): weights softmax(alpha), means mu, inverse Cholesky factors L with the
/// diagonal e^q and the strict lower triangle l, column by column. x (n, d). The parameters are
/// alpha (k), mu (k, d), q (k, d), l (k, d (d - 1) / 2).
struct GaussianMixture {
  GaussianMixture(Index points, Index dimension, Index components);
  std::vector<NamedTensor> data() const { return {{"x", x}, {"gamma", gamma}, {"m", m}}; }
  /// The part of the value that no parameter changes.
  double constant() const;

  template <class S>
  S value(const S* alpha) const;

  Index n, d, k;
  Tensor<double> x;
  Tensor<double> gamma;
  Tensor<double> m;
  Tensor<double> point;
};

template <class S>
S GaussianMixture::value(const S* alpha) const {
  using std::exp;
  using std::log;
  const Index triangle = d * (d - 1) / 2;
  const S* const mu = alpha + k;
  const S* const q = mu + k * d;
  const S* const l = q + k * d;
  S total = constant();
  S sum_alpha = 0.0;
  std::vector<S> diagonal(static_cast<std::size_t>(k * d));
  std::vector<S> log_determinant(static_cast<std::size_t>(k));
  for (Index c = 0; c < k; ++c) {
    S log_det = 0.0;
    for (Index i = c * d; i < (c + 1) * d; ++i) {
      const S e = exp(q[i]);
      diagonal[static_cast<std::size_t>(i)] = e;
      log_det += q[i];
      total -= 0.5 * gamma[0] * gamma[0] * e * e;
    }
    for (Index i = c * triangle; i < (c + 1) * triangle; ++i) {
      total -= 0.5 * gamma[0] * gamma[0] * l[i] * l[i];
    }
    total += m[0] * log_det;
    log_determinant[static_cast<std::size_t>(c)] = log_det;
    sum_alpha += exp(alpha[c]);
  }
  total -= static_cast<double>(n) * log(sum_alpha);

  std::vector<S> z(static_cast<std::size_t>(d));
  std::vector<S> terms(static_cast<std::size_t>(k));
  for (Index row = 0; row < n; ++row) {
    for (Index c = 0; c < k; ++c) {
      const S* entry = l + c * triangle;
      for (Index i = 0; i < d; ++i) {
        z[static_cast<std::size_t>(i)] =
            diagonal[static_cast<std::size_t>(c * d + i)] * (x[row * d + i] - mu[c * d + i]);
      }
      for (Index i = 0; i < d; ++i) {
        const S centred = x[row * d + i] - mu[c * d + i];
        for (Index j = i + 1; j < d; ++j) z[static_cast<std::size_t>(j)] += *entry++ * centred;
      }
      S distance = 0.0;
      for (const S& component : z) distance += component * component;
      terms[static_cast<std::size_t>(c)] =
          alpha[c] + log_determinant[static_cast<std::size_t>(c)] - 0.5 * distance;
    }
    double largest = real_part(terms[0]);  // a constant shift changes no derivative
    for (const S& term : terms) largest = std::max(largest, real_part(term));
    S sum = 0.0;
    for (const S& term : terms) sum += exp(term - largest);
    total += log(sum) + largest;
  }
  return total;
}

using Definition = std::variant<Quadratic, Rosenbrock, Regression, Perceptron, GaussianMixture>;

/// quadratic_2, quadratic_10, quadratic_1000, rosenbrock_2, rosenbrock_10, rosenbrock_1000,
/// linear_1000x20, logistic_1000x100, mlp_10_32_32_1, mlp_784_128_10, gmm.
const std::vector<std::string>& problem_names();

/// The problem of one of these names, or growth_N: a perceptron with tanh of about N parameters.
/// Throws std::invalid_argument if there is no such problem.
Definition definition(const std::string& name);

/// Whether it has derivatives of all orders: ReLU has kinks.
bool is_smooth(const Definition& definition);

/// Its point: all parameters in one row.
const Tensor<double>& point(const Definition& definition);

}  // namespace glissade::bench
