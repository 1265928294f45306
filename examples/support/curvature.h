// The largest curvature of a function.
#pragma once

#include <glissade/glissade.h>

#include <cmath>
#include <functional>

namespace support {

/// The eigenvalue of largest magnitude of the Hessian of f at x, by power iteration on products of
/// the Hessian with vectors: at a minimum the L for which descent with a rate below 2 / L
/// converges. Ends when the estimate changes by less than the share `tolerance`, at the latest
/// after `iterations`. It never exceeds the eigenvalue but by rounding.
inline double largest_curvature(
    const std::function<glissade::Variable<double>(const glissade::Variable<double>&)>& f,
    const glissade::Tensor<double>& x, double tolerance = 1e-12, int iterations = 1000) {
  using glissade::Tensor;
  const auto at = glissade::parameter(x);
  const auto cost = f(at);
  glissade::Rng rng(1);
  Tensor<double> v(x.shape());
  rng.fill_normal(v);
  const auto dot = [](const Tensor<double>& a, const Tensor<double>& b) {
    double sum = 0.0;
    for (glissade::Index i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  double estimate = 0.0;
  for (int i = 0; i < iterations; ++i) {
    const double norm = std::sqrt(dot(v, v));
    if (norm == 0.0) return 0.0;
    for (double& value : v) value /= norm;
    Tensor<double> product = glissade::hvp<double>(cost, {at}, {v})[0];
    const double before = estimate;
    estimate = dot(v, product);  // Rayleigh's quotient
    v = std::move(product);
    if (std::abs(estimate - before) <= tolerance * std::abs(estimate)) break;
  }
  return estimate;
}

}  // namespace support
