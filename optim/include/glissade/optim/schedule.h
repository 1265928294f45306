#pragma once

// Learning-rate schedules: functions of the step, as values that compose.

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

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

/// 1/t decay: lr / (1 + lambda t), lambda >= 0.
Schedule inverse_time(double lr, double lambda);

/// Polynomial decay: lr (1 - t / total)^power for t <= total, then 0. total >= 1, power > 0; the
/// power 1 is a straight line.
Schedule polynomial(double lr, std::int64_t total, double power = 1.0);

/// lr gamma^n, with n the number of milestones <= t. The milestones are positive and increasing;
/// 0 < gamma <= 1.
Schedule multi_step(double lr, std::vector<std::int64_t> milestones, double gamma = 0.1);

/// Cosine annealing (Loshchilov and Hutter, 2017, without restarts):
/// min_lr + (lr - min_lr) (1 + cos(pi t / total)) / 2 for t <= total, then min_lr.
/// total >= 1, 0 <= min_lr <= lr.
Schedule cosine(double lr, std::int64_t total, double min_lr = 0.0);

/// Cosine annealing with warm restarts (SGDR; Loshchilov and Hutter, 2017): `cosine` over `period`
/// steps, and again from its beginning over period m, period m^2, ... steps, each rounded to a
/// whole number. period >= 1, m >= 1, 0 <= min_lr <= lr.
Schedule warm_restarts(double lr, std::int64_t period, double m = 1.0, double min_lr = 0.0);

/// How the rate goes from one value to another.
enum class Annealing { cosine, linear };

/// Options of `one_cycle`.
struct OneCycleOptions {
  double rise = 0.3;  ///< the share of the steps in which the rate rises, in (0, 1)
  Annealing annealing = Annealing::cosine;  ///< the form of each way
  double div_factor = 25.0;                 ///< the first rate is max_lr / div_factor; positive
  double final_div_factor = 1e4;  ///< the last rate is the first one / final_div_factor; positive
  bool three_phase = false;       ///< back to the first rate as fast as up, then to the last one
};

/// The one-cycle policy (Smith and Topin, 2018) over `total` steps, as PyTorch's OneCycleLR has it:
/// up to max_lr and down again, much lower than it began. After the last step it stays where it is.
/// max_lr > 0; total is so large that each phase has at least one step.
Schedule one_cycle(double max_lr, std::int64_t total, const OneCycleOptions& options = {});

/// Options of `cyclic`.
struct CyclicOptions {
  std::int64_t steps_down = 0;  ///< the steps of the way down; 0: as many as up
  double cycle_factor = 1.0;  ///< each cycle's height is that of the one before, times this; (0, 1]
  double step_factor = 1.0;   ///< the height falls by this factor at each step; (0, 1]
};

/// Cyclical rates (Smith, 2017): from lr in a straight line up to max_lr in `steps_up` steps, down
/// to lr again, and so on. PyTorch's modes of CyclicLR are {} ("triangular"), {.cycle_factor = 0.5}
/// ("triangular2") and {.step_factor = gamma} ("exp_range"). 0 <= lr <= max_lr, steps_up >= 1.
Schedule cyclic(double lr, double max_lr, std::int64_t steps_up, const CyclicOptions& options = {});

/// The learning-rate range test (Smith, 2017): lr (max_lr / lr)^(t / (steps - 1)), from lr at step
/// 0 to max_lr at the last of `steps` steps, and there it stays. Where the loss falls fastest is a
/// good rate. 0 < lr < max_lr, steps >= 2.
Schedule range_test(double lr, double max_lr, std::int64_t steps);

/// `factor` times another schedule; factor is finite and >= 0.
Schedule scale(double factor, Schedule schedule);

/// One schedule after the other: the first one until step boundaries[0], the next one, from its own
/// step 0, until boundaries[1], and so on; the last one for ever. The boundaries are positive and
/// increasing, one fewer than the schedules.
Schedule sequence(std::vector<Schedule> schedules, std::vector<std::int64_t> boundaries);

/// A schedule that counts epochs: schedule(floor(t / steps_per_epoch)). steps_per_epoch >= 1.
Schedule per_epoch(std::int64_t steps_per_epoch, Schedule schedule);

/// Linear warm-up, then another schedule from its own step 0: `next(0)` (t + 1) / steps for
/// t < steps, then `next(t - steps)`. The first rate is not 0, so that no step is lost. steps >= 1.
Schedule warmup(std::int64_t steps, Schedule next);

/// The rate for stochastic weight averaging (Izmailov et al., 2018), as PyTorch's SWALR has it:
/// `before(t)` for t <= start, then in `anneal_steps` steps from before(start) to swa_lr, which may
/// be above it, and there it stays. start >= 0, anneal_steps >= 1.
Schedule swa(Schedule before, std::int64_t start, double swa_lr, std::int64_t anneal_steps = 10,
             Annealing annealing = Annealing::cosine);

}  // namespace glissade::optim
