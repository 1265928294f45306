#pragma once

// Derivatives by differences of a function's values: slow, and an oracle for all other gradients.

#include <complex>
#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "glissade/autograd/grad_mode.h"
#include "glissade/autograd/variable.h"

namespace glissade::numerical {

/// How a derivative is made of values of the function, all in float64.
enum class Difference {
  /// (f(x + h) - f(x)) / h: error h |f''| / 2 + 2 |f| eps / h; the default step is eps^(1/2)
  /// = 1.5e-8.
  forward,
  /// (f(x + h) - f(x - h)) / 2h: error h^2 |f'''| / 6 + |f| eps / h; the default step is eps^(1/3)
  /// =
  /// 6.1e-6.
  central,
  /// (f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)) / 12h: error h^4 |f'''''| / 30 +
  /// 1.5 |f| eps / h; the default step is eps^(1/5) = 7.4e-4.
  five_point,
  /// Central differences with steps from |x| / 4 down to |x| / 2^34, each a quarter of the one
  /// before, and up to three steps of Richardson's extrapolation between neighbours (Richardson,
  /// 1911; by Neville's scheme); the same with the differences of either side alone, which a kink
  /// on the other side does not disturb, and up to four steps. Of all these candidates the one that
  /// counts has the smallest sum of its distance to a neighbour (the error of truncation), of what
  /// separates it from candidates of smaller steps beyond their rounding errors (a kink inside the
  /// step), and of a bound for the rounding errors from the noise of the function, which is
  /// measured (Hamming's difference table; More and Wild, "Estimating computational noise", 2011).
  /// That sum is the error estimate. All candidates are looked at: to stop when the error grows, as
  /// Ridders (1982) does, fails at kinks. If the function has one value, and the step that was
  /// chosen is below a 64th of the largest, three steps between the rungs are tried too. One side
  /// alone counts only if the other agrees: at a kink it is the central difference.
  ladder,
};

/// Options of all functions here.
struct Options {
  /// The method.
  Difference method = Difference::ladder;
  /// The step of `forward`, `central` and `five_point`, times max(|x|, 1) of the element; 0 is the
  /// method's default. The ladder has its own steps.
  double step = 0.0;
};

/// One derivative.
struct Estimate {
  double value = 0.0;  ///< the derivative
  /// What the ladder believes the error to be at most; NaN for the other methods, which cannot
  /// know.
  double error = 0.0;
  /// The step that the value comes from (the smaller one of a Richardson step).
  double step = 0.0;
};

/// Derivatives by all elements of something: three tensors of the same shape.
struct Result {
  Tensor<double> value;   ///< the derivatives
  Tensor<double> error;   ///< as in Estimate
  Tensor<double> step;    ///< as in Estimate
  Index evaluations = 0;  ///< how often the function was called, for all of the result
};

/// A difference in a random direction, and what the gradient to be checked says about it.
struct Projection {
  double numerical = 0.0;   ///< the difference
  double analytical = 0.0;  ///< gradient . direction
  double error = 0.0;       ///< estimate of the error of `numerical`
  double step = 0.0;        ///< how far all elements were moved
};

namespace detail {

// A function of a place in memory: `evaluate` writes f to its argument, `parts` are x, which is
// changed in place for each evaluation and put back as it was.
struct Target {
  std::function<void(std::vector<double>& values)> evaluate;
  std::vector<std::span<double>> parts;
};

inline void store(double from, std::vector<double>& to) { to.assign(1, from); }
inline void store(const Tensor<double>& from, std::vector<double>& to) {
  to.assign(from.begin(), from.end());
}
inline void store(const Variable<double>& from, std::vector<double>& to) {
  store(from.value(), to);
}

// Calls f with nothing recorded.
template <class F, class... X>
void call(const F& f, std::vector<double>& values, const X&... x) {
  const NoGradGuard no_grad;
  store(std::invoke(f, x...), values);
}

// A function of one tensor or variable at x, which the target refers to.
template <class F>
Target target_at(const F& f, Tensor<double>& x) {
  return {[&f, &x](std::vector<double>& values) { call(f, values, x); }, {x.span()}};
}

// A function of several tensors or variables at x.
template <class F>
Target target_at(const F& f, std::vector<Tensor<double>>& x) {
  Target target;
  for (Tensor<double>& part : x) target.parts.push_back(part.span());
  target.evaluate = [&f, &x](std::vector<double>& values) {
    if constexpr (std::invocable<const F&, const std::vector<Tensor<double>>&>) {
      call(f, values, x);
    } else {
      call(f, values, std::vector<Variable<double>>(x.begin(), x.end()));
    }
  };
  return target;
}

// A function without arguments of the variables' values, as they are now.
template <class F>
Target target_of(const F& f, std::vector<Variable<double>>& parameters) {
  Target target;
  for (Variable<double>& part : parameters) target.parts.push_back(part.mutable_value().span());
  target.evaluate = [&f](std::vector<double>& values) { call(f, values); };
  return target;
}

std::vector<Result> gradient(const Target& target, const std::vector<Shape>& shapes,
                             const Options& options);
Result jacobian(const Target& target, const Options& options);
Result hessian(const Target& target);
Result symmetric(Result jacobian);
Estimate directional(const Target& target, std::span<const double> direction,
                     const Options& options);
Projection projection(const Target& target, const std::vector<Tensor<double>>& gradients,
                      std::uint64_t seed);

template <class X>
std::vector<Shape> shapes_of(const std::vector<X>& parts) {
  std::vector<Shape> shapes;
  for (const X& part : parts) shapes.push_back(part.shape());
  return shapes;
}

}  // namespace detail

/// The derivative of a function of one number.
Estimate derivative(const std::function<double(double)>& f, double x, const Options& options = {});

///@{
/// The gradient of f at x, element by element. `f` is any callable of a `const Tensor<double>&`,
/// of a `const std::vector<Tensor<double>>&`, or of the same with Variable, that returns a double,
/// a tensor or a variable with one element; nothing is recorded. Two evaluations for each element,
/// four with five_point, 34 to 46 with the ladder, which needs 17 more in all for the noise. Where
/// f is not finite at a large step the ladder goes without it. Throws std::invalid_argument if f
/// returns anything but one number, or the step is negative; what f throws passes through.
template <class F>
Result gradient(const F& f, const Tensor<double>& x, const Options& options = {}) {
  Tensor<double> at = x;
  return std::move(detail::gradient(detail::target_at(f, at), {x.shape()}, options)[0]);
}
template <class F>
std::vector<Result> gradient(const F& f, const std::vector<Tensor<double>>& x,
                             const Options& options = {}) {
  std::vector<Tensor<double>> at = x;
  return detail::gradient(detail::target_at(f, at), detail::shapes_of(x), options);
}
///@}
/// The same for a function without arguments of what the variables hold, a model's loss as a
/// function of its parameters: their values are changed for each evaluation, and put back.
template <class F>
requires std::invocable<const F&> std::vector<Result> gradient(
    const F& f, std::vector<Variable<double>> parameters, const Options& options = {}) {
  return detail::gradient(detail::target_of(f, parameters), detail::shapes_of(parameters), options);
}

///@{
/// The Jacobian (m, n) of f at x: f returns m elements, of any shape, and x has n, one after the
/// other. As many evaluations as a gradient takes.
template <class F>
Result jacobian(const F& f, const Tensor<double>& x, const Options& options = {}) {
  Tensor<double> at = x;
  return detail::jacobian(detail::target_at(f, at), options);
}
template <class F>
Result jacobian(const F& f, const std::vector<Tensor<double>>& x, const Options& options = {}) {
  std::vector<Tensor<double>> at = x;
  return detail::jacobian(detail::target_at(f, at), options);
}
///@}

///@{
/// The Hessian (n, n) of f at x from values of f alone: second differences on a ladder, those of
/// mixed derivatives from four points. About 24 n + 48 n (n - 1) / 2 evaluations, and six digits
/// fewer than of a gradient: where there is a gradient, `hessian_of_gradient` is better.
template <class F>
Result hessian(const F& f, const Tensor<double>& x) {
  Tensor<double> at = x;
  return detail::hessian(detail::target_at(f, at));
}
template <class F>
Result hessian(const F& f, const std::vector<Tensor<double>>& x) {
  std::vector<Tensor<double>> at = x;
  return detail::hessian(detail::target_at(f, at));
}
///@}
/// The Hessian (n, n) as the Jacobian of a gradient: `gradient` is a callable of a tensor or
/// variable that returns as many elements. The mean of both triangles; the error is the larger of
/// theirs.
template <class F>
Result hessian_of_gradient(const F& gradient, const Tensor<double>& x,
                           const Options& options = {}) {
  return detail::symmetric(jacobian(gradient, x, options));
}

/// The derivative of t -> f(x + t direction) at t = 0, `f` as in `gradient`. Throws
/// std::invalid_argument also unless the direction has the shape of x.
template <class F>
Estimate directional(const F& f, const Tensor<double>& x, const Tensor<double>& direction,
                     const Options& options = {}) {
  check(direction.shape() == x.shape(), "directional: x has the shape {}, the direction {}",
        x.shape(), direction.shape());
  Tensor<double> at = x;
  return detail::directional(detail::target_at(f, at), direction.span(), options);
}

///@{
/// Checks a gradient of any length with four evaluations of f: moves all elements at once by a
/// random +h or -h. An error in one element is never hidden, since none weighs less than another;
/// errors in several can cancel each other, with another `seed` hardly again. The steps are h
/// and h / 2 with a Richardson step, h being 2^-12 of the root mean square of x. `f` and x as in
/// `gradient`. Throws std::invalid_argument also unless the gradient has the shape of x.
template <class F>
Projection projection(const F& f, const Tensor<double>& x, const Tensor<double>& gradient,
                      std::uint64_t seed = 0) {
  Tensor<double> at = x;
  return detail::projection(detail::target_at(f, at), {gradient}, seed);
}
template <class F>
Projection projection(const F& f, const std::vector<Tensor<double>>& x,
                      const std::vector<Tensor<double>>& gradients, std::uint64_t seed = 0) {
  std::vector<Tensor<double>> at = x;
  return detail::projection(detail::target_at(f, at), gradients, seed);
}
template <class F>
requires std::invocable<const F&> Projection
projection(const F& f, std::vector<Variable<double>> parameters,
           const std::vector<Tensor<double>>& gradients, std::uint64_t seed = 0) {
  return detail::projection(detail::target_of(f, parameters), gradients, seed);
}
///@}

///@{
/// The derivative without any difference, from a step into the complex plane: Im f(x + ih) / h,
/// whose error h^2 |f'''| / 6 vanishes with h = 1e-100 (Squire and Trapp, "Using complex variables
/// to estimate derivatives of real functions", 1998). `f` computes with std::complex<double> what
/// the real function does, and is analytic: no abs, no comparison, no conjugate.
template <class F>
requires std::invocable<const F&, std::complex<double>>
double complex_step(const F& f, double x) {
  constexpr double kStep = 1e-100;
  return std::complex<double>(f(std::complex<double>(x, kStep))).imag() / kStep;
}
/// The gradient, for `f` of a `std::span<const std::complex<double>>`: one evaluation for each
/// element.
template <class F>
Tensor<double> complex_step(const F& f, const Tensor<double>& x) {
  constexpr double kStep = 1e-100;
  std::vector<std::complex<double>> at(x.begin(), x.end());
  Tensor<double> gradient(x.shape());
  for (Index i = 0; i < x.size(); ++i) {
    std::complex<double>& moved = at[static_cast<std::size_t>(i)];
    moved.imag(kStep);
    gradient[i] = std::complex<double>(f(std::span<const std::complex<double>>(at))).imag() / kStep;
    moved.imag(0.0);
  }
  return gradient;
}
///@}

}  // namespace glissade::numerical
