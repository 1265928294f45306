#pragma once

// The classic functions on which methods of minimisation are tried, of a vector x (n).

#include <cmath>
#include <numbers>
#include <utility>

#include "glissade/autograd/ops.h"
#include "glissade/autograd/variable.h"
#include "glissade/core/check.h"

namespace glissade::optim::test_functions {

/// Sum of 100 (x_{i+1} - x_i²)² + (1 - x_i)², n >= 2 (Rosenbrock, 1960): a curved narrow valley.
/// The minimum is 0 at (1, ..., 1); for n >= 4 there is another local one near (-1, 1, ..., 1).
template <class T>
Variable<T> rosenbrock(const Variable<T>& x) {
  check(x.rank() == 1 && x.size() >= 2, "rosenbrock: expected a vector of 2 or more, got {}",
        x.shape());
  const Variable<T> head = slice(x, 0, 0, x.size() - 1);
  const Variable<T> tail = slice(x, 0, 1, x.size());
  return 100.0 * sum(square(tail - square(head))) + sum(square(1.0 - head));
}

/// (1.5 - x + xy)² + (2.25 - x + xy²)² + (2.625 - x + xy³)² (Beale, 1955). The minimum is 0 at
/// (3, 0.5).
template <class T>
Variable<T> beale(const Variable<T>& v) {
  const Variable<T> x = v[0];
  const Variable<T> y = v[1];
  return square(1.5 - x + x * y) + square(2.25 - x + x * square(y)) +
         square(2.625 - x + x * pow(y, 3.0));
}

/// (x + 2y - 7)² + (2x + y - 5)² (Booth). The minimum is 0 at (1, 3).
template <class T>
Variable<T> booth(const Variable<T>& v) {
  return square(v[0] + 2.0 * v[1] - 7.0) + square(2.0 * v[0] + v[1] - 5.0);
}

/// (x² + y - 11)² + (x + y² - 7)² (Himmelblau, 1972). Four minima of 0, one at (3, 2).
template <class T>
Variable<T> himmelblau(const Variable<T>& v) {
  return square(square(v[0]) + v[1] - 11.0) + square(v[0] + square(v[1]) - 7.0);
}

/// 10 n + sum of x_i² - 10 cos(2 pi x_i) (Rastrigin, 1974): a local minimum near every point of
/// whole numbers; the lowest is 0 at 0.
template <class T>
Variable<T> rastrigin(const Variable<T>& x) {
  return 10.0 * static_cast<double>(x.size()) + sum(square(x)) -
         10.0 * sum(cos(x * (2.0 * std::numbers::pi)));
}

/// -20 e^(-0.2 sqrt(mean x_i²)) - e^(mean cos(2 pi x_i)) + 20 + e (Ackley, 1987): many local minima
/// in a funnel; the lowest is 0 at 0, where the function has a kink.
template <class T>
Variable<T> ackley(const Variable<T>& x) {
  return 20.0 + std::numbers::e - 20.0 * exp(-0.2 * sqrt(mean(square(x)))) -
         exp(mean(cos(x * (2.0 * std::numbers::pi))));
}

/// ½ sum of x_i⁴ - 16 x_i² + 5 x_i (Styblinski and Tang, 1990). The lowest minimum is
/// -39.16616570377142 n, where every x_i is -2.903534027771178.
template <class T>
Variable<T> styblinski_tang(const Variable<T>& x) {
  const Variable<T> squares = square(x);
  return 0.5 * sum(square(squares) - 16.0 * squares + 5.0 * x);
}

/// ½ sum of kappa^(i / (n - 1)) x_i², i from 0: a quadratic of condition number kappa >= 1, n >= 2.
/// The minimum is 0 at 0.
template <class T>
Variable<T> ill_conditioned(const Variable<T>& x, double kappa) {
  check(x.rank() == 1 && x.size() >= 2, "ill_conditioned: expected a vector of 2 or more, got {}",
        x.shape());
  check(kappa >= 1.0, "ill_conditioned: kappa must be at least 1, got {}", kappa);
  Tensor<T> scales(x.shape());
  for (Index i = 0; i < x.size(); ++i) {
    const double power = static_cast<double>(i) / static_cast<double>(x.size() - 1);
    scales[i] = static_cast<T>(std::pow(kappa, power));
  }
  return 0.5 * sum(square(x) * Variable<T>(std::move(scales)));
}

}  // namespace glissade::optim::test_functions
