#pragma once

// One entry for everything that minimises a function.

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "glissade/optim/method.h"
#include "glissade/optim/problem.h"
#include "glissade/optim/stopping.h"

namespace glissade::optim {

/// Options of `minimize`.
template <class T>
struct MinimizeOptions {
  /// Keep cost, gradient norm, rate and step length of every iteration in the result.
  bool history = false;
  /// With `history`: keep the points too.
  bool history_points = false;
  /// A measure other than the cost, of the present parameters: `early_stopping` watches it, and the
  /// best point is the one with the lowest.
  std::function<double(const std::vector<Variable<T>>& parameters)> validation{};
  /// The validation is asked at every so many iterations; at least 1.
  std::int64_t validate_every = 1;
  /// If the cost at the start is not finite, return with the reason `diverged` rather than throw.
  bool allow_bad_start = false;
};

/// One line of a history: a point, and how it was reached.
template <class Point>
struct HistoryEntry {
  std::int64_t iteration = 0;  ///< 0 is the start
  double cost = 0.0;           ///< at this point
  double gradient_norm = 0.0;  ///< at this point; NaN if the method computes no gradients
  double lr = 0.0;             ///< of the step to here: the rate of the first parameter group, the
                               ///< multiple of the direction (line searches), the radius (trust
  ///< region), the damping, the temperature (annealing); NaN at the start
  double step_length = 0.0;  ///< ‖θ_t - θ_{t-1}‖; 0 at the start
  Point point{};             ///< if asked for
};

/// What `minimize` returns. Point is Tensor<T>, or std::vector<Tensor<T>> for several variables.
template <class Point>
struct MinimizeResult {
  Point x{};                          ///< the newest point
  double cost = 0.0;                  ///< there
  Point best_x{};                     ///< the best point: of all, that with the lowest cost
  double best_cost = 0.0;             ///< the cost there (if asked for: the validation's measure)
  std::int64_t iterations = 0;        ///< steps made
  Evaluations evaluations{};          ///< what they took
  double seconds = 0.0;               ///< how long they took
  StopReason reason{};                ///< why it ended
  std::vector<StopReason> reasons{};  ///< all rules that held at the end
  std::string message{};              ///< the reason in a sentence, with its numbers
  std::vector<HistoryEntry<Point>> history{};  ///< if asked for: the start, then each iteration
};

/// Minimises a problem with a method, from the parameters' present values, which are at the newest
/// point afterwards. Everything below calls this.
///
/// A cost that is NaN or infinite always ends the run, with the reason `diverged`. Throws
/// std::invalid_argument if an option is out of range, or if the start or the cost there is not
/// finite; what the function throws passes through.
template <class T>
MinimizeResult<std::vector<Tensor<T>>> run(Problem<T>& problem, Method<T>& method,
                                           StoppingRule stopping,
                                           const MinimizeOptions<T>& options = {});

/// Whether the options are those of a method: there is a `make_method<T>` for them.
template <class M, class T>
concept MethodOptions = requires(const M& method) {
  { make_method<T>(method) } -> std::convertible_to<std::unique_ptr<Method<T>>>;
};

namespace detail {

// The four kinds of functions of a point.
template <class F, class T>
concept CostOfOne = std::is_invocable_r_v<Variable<T>, F&, const Variable<T>&>;
template <class F, class T>
concept CostOfSeveral = std::is_invocable_r_v<Variable<T>, F&, const std::vector<Variable<T>>&>;
template <class F, class T>
concept OwnGradientOfOne = std::is_invocable_r_v < double,
        F&, const Tensor<T>
&, Tensor<T>& > ;
template <class F, class T>
concept OwnGradientOfSeveral = std::is_invocable_r_v < double,
        F&, const std::vector<Tensor<T>>
&, std::vector<Tensor<T>>& > ;

// A function of one or several variables as one of nothing.
template <class T, class F>
typename Problem<T>::Cost on_parameters(F& f, const std::vector<Variable<T>>& parameters) {
  if constexpr (CostOfOne<F, T>) {
    return [&f, x = parameters.front()]() -> Variable<T> { return f(x); };
  } else {
    return [&f, parameters]() -> Variable<T> { return f(parameters); };
  }
}

// `f` must outlive the problem. A generic f is asked about its own kind of argument only: its body
// may not compile for another.
template <class T, class F>
Problem<T> problem_of_one(F& f, const Tensor<T>& start) {
  const std::vector<Variable<T>> parameters{parameter(start)};
  if constexpr (CostOfOne<F, T>) {
    return Problem<T>(parameters, on_parameters<T>(f, parameters));
  } else {
    return Problem<T>(parameters, typename Problem<T>::CostWithGradient(
                                      [&f](const std::vector<Tensor<T>>& values,
                                           std::vector<Tensor<T>>& gradients) -> double {
                                        return f(values.front(), gradients.front());
                                      }));
  }
}

template <class T, class F>
Problem<T> problem_of_several(F& f, const std::vector<Tensor<T>>& start) {
  std::vector<Variable<T>> parameters;
  parameters.reserve(start.size());
  for (const Tensor<T>& tensor : start) parameters.push_back(parameter(tensor));
  if constexpr (CostOfSeveral<F, T>) {
    return Problem<T>(parameters, on_parameters<T>(f, parameters));
  } else {
    return Problem<T>(parameters, typename Problem<T>::CostWithGradient(std::ref(f)));
  }
}

template <class T>
MinimizeResult<Tensor<T>> of_one(MinimizeResult<std::vector<Tensor<T>>> result);

}  // namespace detail

/// Minimises f from a start, with a method, until a rule says stop:
///
///     const auto rosenbrock = [](const Variable<double>& x) {
///       return square(1.0 - x[0]) + 100.0 * square(x[1] - square(x[0]));
///     };
///     const auto result = optim::minimize(rosenbrock, {-1.2, 1.0}, optim::LBFGSOptions{},
///                                         optim::gradient_norm_below(1e-8));
///
/// f is one of
/// - `Variable<T> f(const Variable<T>& x)`, the cost, one number; its gradient is automatic;
/// - `double f(const Tensor<T>& x, Tensor<T>& gradient)`, which fills its own gradient, of x's
/// shape;
/// - for a start of several tensors, the same of std::vector<Variable<T>> or
/// std::vector<Tensor<T>>.
///
/// The method is given by its options: those of any optimizer (`SGDOptions{.lr = 0.1}`,
/// `AdamOptions{}`), `LBFGSOptions`, `NewtonOptions`, `TrustRegionOptions`,
/// `SimulatedAnnealingOptions`, or a function that makes an optimizer of the parameters. Rules are
/// in glissade/optim/stopping.h; a cost that is NaN or infinite always stops. They are asked at the
/// start, and after each iteration.
///
/// Throws std::invalid_argument if an option is out of range, the start is empty or not finite, the
/// cost there is not finite or not one number, the method needs more than f gives, or the rule can
/// never fire (`early_stopping` without a validation, `max_epochs`).
template <class F, class T, MethodOptions<T> M>
requires detail::CostOfOne<F, T> || detail::OwnGradientOfOne<F, T> MinimizeResult<Tensor<T>>
minimize(F f, const Tensor<T>& start, const M& method, StoppingRule stopping,
         const std::type_identity_t<MinimizeOptions<T>>& options = {}) {
  Problem<T> problem = detail::problem_of_one<T>(f, start);
  const std::unique_ptr<Method<T>> made = make_method<T>(method);
  return detail::of_one(run(problem, *made, std::move(stopping), options));
}
/// The same from a vector of numbers, in float64.
template <class F, MethodOptions<double> M>
requires detail::CostOfOne<F, double> || detail::OwnGradientOfOne<F, double>
    MinimizeResult<Tensor<double>> minimize(F f, std::initializer_list<double> start,
                                            const M& method, StoppingRule stopping,
                                            const MinimizeOptions<double>& options = {}) {
  return minimize(std::move(f), Tensor<double>(Shape{static_cast<Index>(start.size())}, start),
                  method, std::move(stopping), options);
}
/// The same for a function of several variables.
template <class F, class T, MethodOptions<T> M>
requires detail::CostOfSeveral<F, T> || detail::OwnGradientOfSeveral<F, T>
    MinimizeResult<std::vector<Tensor<T>>> minimize(
        F f, const std::vector<Tensor<T>>& start, const M& method, StoppingRule stopping,
        const std::type_identity_t<MinimizeOptions<T>>& options = {}) {
  Problem<T> problem = detail::problem_of_several<T>(f, start);
  const std::unique_ptr<Method<T>> made = make_method<T>(method);
  return run(problem, *made, std::move(stopping), options);
}
/// The same for the cost of an existing model: `loss()` computes it from the parameters' present
/// values, and the method changes these in place.
///
///     optim::minimize([&] { return nn::mse_loss(model(x), y); }, model.parameters(),
///                     optim::LBFGSOptions{}, optim::max_iterations(100));
template <class F, class T, MethodOptions<T> M>
requires std::is_invocable_r_v<Variable<T>, F&> MinimizeResult<std::vector<Tensor<T>>> minimize(
    F loss, const std::vector<Variable<T>>& parameters, const M& method, StoppingRule stopping,
    const std::type_identity_t<MinimizeOptions<T>>& options = {}) {
  Problem<T> problem(parameters, typename Problem<T>::Cost(std::ref(loss)));
  const std::unique_ptr<Method<T>> made = make_method<T>(method);
  return run(problem, *made, std::move(stopping), options);
}

}  // namespace glissade::optim
