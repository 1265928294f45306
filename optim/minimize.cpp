#include "glissade/optim/minimize.h"

#include <chrono>
#include <cmath>

#include "glissade/autograd/grad_mode.h"
#include "glissade/core/check.h"
#include "vectors.h"

namespace glissade::optim {
namespace {

using Clock = std::chrono::steady_clock;

template <class T>
std::vector<Tensor<T>> values_of(const std::vector<Variable<T>>& parameters) {
  std::vector<Tensor<T>> values;
  values.reserve(parameters.size());
  for (const Variable<T>& parameter : parameters) values.push_back(parameter.value());
  return values;
}

template <class T>
void check_start(const std::vector<Variable<T>>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor<T>& value = parameters[i].value();
    for (Index j = 0; j < value.size(); ++j) {
      check(std::isfinite(value[j]), "minimize: element {} of the start{} is {}", j,
            parameters.size() == 1 ? std::string() : fmt::format(", tensor {},", i), value[j]);
    }
  }
}

// A run: what is measured at each point, and kept of it.
template <class T>
class Run {
 public:
  Run(Problem<T>& problem, Method<T>& method, StoppingRule stopping,
      const MinimizeOptions<T>& options)
      : problem_(problem), method_(method), stopping_(std::move(stopping)), options_(options) {
    const std::string why_not =
        stopping_.cannot_fire({.gradient_norm = method.uses_gradients(),
                               .validation_loss = static_cast<bool>(options.validation),
                               .epochs = false});
    check(why_not.empty(), "minimize: the stopping rule can never fire: {}", why_not);
    stopping_ = diverged() || std::move(stopping_);
  }

  MinimizeResult<std::vector<Tensor<T>>> operator()() {
    start();
    std::optional<Stop> stop = look(std::nullopt);
    if (!stop) method_.begin(problem_);
    while (!stop) {
      previous_ = problem_.point();
      const std::int64_t moves = problem_.moves();
      const std::optional<Stop> stuck = method_.iterate(problem_);
      moved_ = problem_.moves() != moves;
      if (stuck && !moved_) {  // the rules have seen this point
        stop = stuck;
        break;
      }
      ++result_.iterations;
      stop = look(stuck);
    }
    // Those of the last trial point may be there.
    for (Variable<T> parameter : problem_.parameters()) parameter.zero_grad();
    result_.x = values_of(problem_.parameters());
    result_.cost = problem_.cost();
    result_.evaluations = problem_.evaluations();
    result_.seconds = seconds();
    result_.reason = stop->reason;
    result_.reasons = std::move(stop->reasons);
    result_.message = std::move(stop->message);
    return std::move(result_);
  }

 private:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

  void start() {
    check(options_.validate_every >= 1, "minimize: validate_every must be at least 1, got {}",
          options_.validate_every);
    check(!options_.history_points || options_.history, "minimize: history_points needs history");
    check_start(problem_.parameters());
    stopping_.reset();
    if (method_.uses_gradients()) {
      problem_.evaluate();
    } else {
      problem_.evaluate_cost();
    }
    check(options_.allow_bad_start || std::isfinite(problem_.cost()),
          "minimize: the cost at the start is {}", problem_.cost());
    previous_ = problem_.point();
  }

  // Measures the present point, and asks the rules. A method that is stuck stops in any case, but
  // the rules may know a better reason.
  std::optional<Stop> look(const std::optional<Stop>& stuck) {
    const bool at_start = result_.iterations == 0;
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    const double norm = method_.uses_gradients() ? norm2(problem_.gradient()) : kUnknown;
    const double change = distance(problem_.point(), previous_);
    Progress progress{.iteration = result_.iterations,
                      .seconds = seconds(),
                      .cost = problem_.cost(),
                      .gradient_norm = norm,
                      .parameter_change = at_start ? kUnknown : change,
                      .moved = moved_};
    double measure = problem_.cost();
    bool has_measure = true;
    if (options_.validation) {
      has_measure = result_.iterations % options_.validate_every == 0;
      if (has_measure) {
        const NoGradGuard no_grad;
        measure = options_.validation(problem_.parameters());
        progress.validation_loss = measure;
      }
    }
    if (has_measure && (at_start || measure < result_.best_cost || std::isnan(result_.best_cost))) {
      result_.best_cost = measure;
      result_.best_x = values_of(problem_.parameters());
    }
    if (options_.history) {
      result_.history.push_back({.iteration = result_.iterations,
                                 .cost = problem_.cost(),
                                 .gradient_norm = norm,
                                 .lr = at_start ? kUnknown : method_.lr(),
                                 .step_length = change});
      if (options_.history_points) {
        result_.history.back().point = values_of(problem_.parameters());
      }
    }
    auto stop = stopping_.update(progress);
    return stop ? stop : stuck;
  }

  Problem<T>& problem_;
  Method<T>& method_;
  StoppingRule stopping_;
  const MinimizeOptions<T>& options_;
  Clock::time_point begin_ = Clock::now();
  Tensor<T> previous_;
  bool moved_ = true;
  MinimizeResult<std::vector<Tensor<T>>> result_;
};

}  // namespace

template <class T>
MinimizeResult<std::vector<Tensor<T>>> run(Problem<T>& problem, Method<T>& method,
                                           StoppingRule stopping,
                                           const MinimizeOptions<T>& options) {
  return Run<T>(problem, method, std::move(stopping), options)();
}

template <class T>
void detail::FirstOrder<T>::begin(Problem<T>& problem) {
  optimizer_ = make_(problem.parameters());
  check(optimizer_ != nullptr, "minimize: the function that makes the optimizer returned null");
}

template <class T>
std::optional<Stop> detail::FirstOrder<T>::iterate(Problem<T>& problem) {
  lr_ = optimizer_->lr();
  optimizer_->step();
  problem.evaluate();
  return std::nullopt;
}

template <class T>
MinimizeResult<Tensor<T>> detail::of_one(MinimizeResult<std::vector<Tensor<T>>> result) {
  MinimizeResult<Tensor<T>> one{.x = std::move(result.x.front()),
                                .cost = result.cost,
                                .best_x = std::move(result.best_x.front()),
                                .best_cost = result.best_cost,
                                .iterations = result.iterations,
                                .evaluations = result.evaluations,
                                .seconds = result.seconds,
                                .reason = result.reason,
                                .reasons = std::move(result.reasons),
                                .message = std::move(result.message)};
  one.history.reserve(result.history.size());
  for (auto& entry : result.history) {
    one.history.push_back({.iteration = entry.iteration,
                           .cost = entry.cost,
                           .gradient_norm = entry.gradient_norm,
                           .lr = entry.lr,
                           .step_length = entry.step_length});
    if (!entry.point.empty()) one.history.back().point = std::move(entry.point.front());
  }
  return one;
}

#define GLISSADE_INSTANTIATE(T)                                                              \
  template class detail::FirstOrder<T>;                                                      \
  template MinimizeResult<std::vector<Tensor<T>>> run(Problem<T>&, Method<T>&, StoppingRule, \
                                                      const MinimizeOptions<T>&);            \
  template MinimizeResult<Tensor<T>> detail::of_one(MinimizeResult<std::vector<Tensor<T>>>);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade::optim
