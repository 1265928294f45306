#pragma once

// Nonlinear least squares.

#include <functional>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "glissade/optim/minimize.h"

namespace glissade::optim {

/// Options of Levenberg-Marquardt.
struct LevenbergMarquardtOptions {
  /// The first damping, as a multiple of the largest diagonal element of JᵀJ; positive. Small if
  /// the start is good.
  double tau = 1e-3;

  /// Throws std::invalid_argument naming the option that is out of range.
  void check() const;
};

/// For `least_squares`: d solves (JᵀJ + µ I) d = -Jᵀr, with the Jacobian J of the residuals r; the
/// damping µ falls when the step gains what was predicted, and grows when it does not (Marquardt,
/// 1963, with the damping of Nielsen, 1999: Madsen, Nielsen and Tingleff, Methods for Non-Linear
/// Least Squares Problems, 2004, algorithm 3.16). An iteration whose step is refused leaves the
/// point. It ends with `no_progress` when steps are below the precision of the point.
template <class T>
std::unique_ptr<Method<T>> make_method(const LevenbergMarquardtOptions& options);

/// Minimises ½ ‖r(x)‖², for residuals `Variable<T> r(const Variable<T>& x)` of any shape, for
/// instance the errors of a model at its data:
///
///     const auto residuals = [&](const Variable<double>& x) { return x[0] * exp(x[1] * t) - y; };
///     const auto fit = optim::least_squares(residuals, {1.0, 0.0},
///                                           optim::LevenbergMarquardtOptions{},
///                                           optim::gradient_norm_below(1e-10));
///
/// Every method of `minimize` works too, and all else is as there.
template <class F, class T, MethodOptions<T> M>
requires detail::CostOfOne<F, T> MinimizeResult<Tensor<T>> least_squares(
    F residuals, const Tensor<T>& start, const M& method, StoppingRule stopping,
    const std::type_identity_t<MinimizeOptions<T>>& options = {}) {
  const std::vector<Variable<T>> parameters{parameter(start)};
  Problem<T> problem(parameters, typename Problem<T>::LeastSquares{
                                     detail::on_parameters<T>(residuals, parameters)});
  const std::unique_ptr<Method<T>> made = make_method<T>(method);
  return detail::of_one(run(problem, *made, std::move(stopping), options));
}
/// The same from a vector of numbers, in float64.
template <class F, MethodOptions<double> M>
requires detail::CostOfOne<F, double> MinimizeResult<Tensor<double>> least_squares(
    F residuals, std::initializer_list<double> start, const M& method, StoppingRule stopping,
    const MinimizeOptions<double>& options = {}) {
  return least_squares(std::move(residuals),
                       Tensor<double>(Shape{static_cast<Index>(start.size())}, start), method,
                       std::move(stopping), options);
}
/// The same for the residuals of an existing model, whose parameters are changed in place:
/// regression with a network of up to some thousand parameters.
///
///     optim::least_squares([&] { return model(x) - y; }, model.parameters(),
///                          optim::LevenbergMarquardtOptions{}, optim::max_iterations(100));
template <class F, class T, MethodOptions<T> M>
requires std::is_invocable_r_v<Variable<T>, F&> MinimizeResult<std::vector<Tensor<T>>>
least_squares(F residuals, const std::vector<Variable<T>>& parameters, const M& method,
              StoppingRule stopping, const std::type_identity_t<MinimizeOptions<T>>& options = {}) {
  Problem<T> problem(parameters, typename Problem<T>::LeastSquares{std::ref(residuals)});
  const std::unique_ptr<Method<T>> made = make_method<T>(method);
  return run(problem, *made, std::move(stopping), options);
}

}  // namespace glissade::optim
