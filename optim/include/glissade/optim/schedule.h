#pragma once

// Learning-rate schedules: functions of the step, as values that compose.

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace glissade::optim {

/// A learning rate as a function of the step t = 0, 1, 2, ... A number converts (the same rate
/// for ever), and so does anything that can be called with a step and returns a number; so an
/// optimizer takes `.lr = 0.1`, `.lr = cosine(0.1, 5000)` and
/// `.lr = [](std::int64_t t) { return 0.1 / (1.0 + 0.01 * static_cast<double>(t)); }`.
///
/// A step is whatever the caller counts: optimizers count their updates. Everything below throws
/// std::invalid_argument naming the option and its value when that is not valid.
class Schedule {
 public:
  /// The same rate for ever; `lr` must be finite and not negative.
  Schedule(double lr);  // NOLINT(google-explicit-constructor)
  /// Any function of the step. It must be copyable.
  template <class Function>
  requires(!std::same_as<std::remove_cvref_t<Function>, Schedule> &&
           std::is_invocable_r_v<double, const std::remove_cvref_t<Function>&, std::int64_t>)
      Schedule(Function&& function)  // NOLINT(google-explicit-constructor)
      : function_(std::forward<Function>(function)) {
    check_callable();
  }

  /// The rate at step t >= 0. Throws std::invalid_argument if t is negative, or if the function
  /// returns a negative number, an infinity or NaN.
  double operator()(std::int64_t t) const;

 private:
  void check_callable() const;

  std::function<double(std::int64_t)> function_;
};

/// `lr` for ever.
Schedule constant(double lr);

/// Step decay: lr gamma^floor(t / step_size). `step(0.1, 10, 0.5)` is 0.1 for the steps 0 to 9,
/// 0.05 for 10 to 19, and so on. step_size >= 1, 0 < gamma <= 1.
Schedule step(double lr, std::int64_t step_size, double gamma);

/// Exponential decay: lr e^(-lambda t), lambda >= 0 (a rate; PyTorch's factor per step is
/// gamma = e^-lambda).
Schedule exponential(double lr, double lambda);

/// Cosine annealing (Loshchilov and Hutter, 2017, without restarts):
/// min_lr + (lr - min_lr) (1 + cos(pi t / total)) / 2 for t <= total, then min_lr.
/// total >= 1, 0 <= min_lr <= lr.
Schedule cosine(double lr, std::int64_t total, double min_lr = 0.0);

/// Linear warm-up, then another schedule from its own step 0: `next(0)` (t + 1) / steps for
/// t < steps, then `next(t - steps)`. The first rate is not 0, so that no step is lost. steps >= 1.
Schedule warmup(std::int64_t steps, Schedule next);

}  // namespace glissade::optim
