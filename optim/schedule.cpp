#include "glissade/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "option_checks.h"

namespace glissade::optim {
namespace {

double share(std::int64_t t, std::int64_t total) {
  return static_cast<double>(t) / static_cast<double>(total);
}

// From `begin` to `end`, as `way` goes from 0 to 1.
double anneal(Annealing annealing, double begin, double end, double way) {
  if (annealing == Annealing::linear) return begin + (end - begin) * way;
  return end + 0.5 * (begin - end) * (1.0 + std::cos(std::numbers::pi * way));
}

// A factor by which a rate falls.
void check_factor(const char* owner, const char* option, double value) {
  check(value > 0.0 && value <= 1.0, "{}: {} must be in (0, 1], got {}", owner, option, value);
}

void check_increasing(const char* owner, const char* option,
                      const std::vector<std::int64_t>& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    check(steps[i] > (i == 0 ? 0 : steps[i - 1]),
          "{}: {} must be positive and increasing, got {} at position {}", owner, option, steps[i],
          i);
  }
}

}  // namespace

Schedule::Schedule(double lr) : function_([lr](std::int64_t) { return lr; }) {
  check_not_negative("learning rate", "lr", lr);
}

void Schedule::check_callable() const {
  check(function_ != nullptr, "learning rate: the function given as a schedule is empty");
}

double Schedule::operator()(std::int64_t t) const {
  check(t >= 0, "learning rate: the step t must not be negative, got {}", t);
  const double rate = function_(t);
  check(std::isfinite(rate) && rate >= 0.0,
        "learning rate: the schedule gives {} at step {}, which is not a finite number >= 0", rate,
        t);
  return rate;
}

Schedule constant(double lr) {
  check_not_negative("constant", "lr", lr);
  return lr;
}

Schedule step(double lr, std::int64_t step_size, double gamma) {
  check_not_negative("step", "lr", lr);
  check_at_least_one("step", "step_size", step_size);
  check_factor("step", "gamma", gamma);
  return [=](std::int64_t t) {
    const std::int64_t drops = t / step_size;
    return lr * std::pow(gamma, static_cast<double>(drops));
  };
}

Schedule exponential(double lr, double lambda) {
  check_not_negative("exponential", "lr", lr);
  check_not_negative("exponential", "lambda", lambda);
  return [=](std::int64_t t) { return lr * std::exp(-lambda * static_cast<double>(t)); };
}

Schedule inverse_time(double lr, double lambda) {
  check_not_negative("inverse_time", "lr", lr);
  check_not_negative("inverse_time", "lambda", lambda);
  return [=](std::int64_t t) { return lr / (1.0 + lambda * static_cast<double>(t)); };
}

Schedule polynomial(double lr, std::int64_t total, double power) {
  check_not_negative("polynomial", "lr", lr);
  check_at_least_one("polynomial", "total", total);
  check_positive("polynomial", "power", power);
  return [=](std::int64_t t) {
    return t >= total ? 0.0 : lr * std::pow(1.0 - share(t, total), power);
  };
}

Schedule multi_step(double lr, std::vector<std::int64_t> milestones, double gamma) {
  check_not_negative("multi_step", "lr", lr);
  check_increasing("multi_step", "milestones", milestones);
  check_factor("multi_step", "gamma", gamma);
  return [lr, gamma, milestones = std::move(milestones)](std::int64_t t) {
    const auto passed = std::upper_bound(milestones.begin(), milestones.end(), t);
    return lr * std::pow(gamma, static_cast<double>(passed - milestones.begin()));
  };
}

Schedule cosine(double lr, std::int64_t total, double min_lr) {
  check_not_negative("cosine", "lr", lr);
  check_at_least_one("cosine", "total", total);
  check_not_negative("cosine", "min_lr", min_lr);
  check(min_lr <= lr, "cosine: min_lr must not be over lr = {}, got {}", lr, min_lr);
  return [=](std::int64_t t) {
    if (t >= total) return min_lr;
    return anneal(Annealing::cosine, lr, min_lr, share(t, total));
  };
}

Schedule warm_restarts(double lr, std::int64_t period, double m, double min_lr) {
  check_at_least_one("warm_restarts", "period", period);
  check(std::isfinite(m) && m >= 1.0, "warm_restarts: m must be at least 1, got {}", m);
  (void)cosine(lr, period, min_lr);  // its checks
  return [=](std::int64_t t) {
    double length = static_cast<double>(period);
    std::int64_t steps = period;
    if (m == 1.0) t %= period;
    while (t >= steps) {
      t -= steps;
      length *= m;
      // A period beyond any step that there is does not end.
      steps = length < 0x1p62 ? std::llround(length) : std::numeric_limits<std::int64_t>::max();
    }
    return anneal(Annealing::cosine, lr, min_lr, share(t, steps));
  };
}

Schedule one_cycle(double max_lr, std::int64_t total, const OneCycleOptions& options) {
  check_positive("one_cycle", "max_lr", max_lr);
  check_at_least_one("one_cycle", "total", total);
  check(options.rise > 0.0 && options.rise < 1.0, "one_cycle: rise must be in (0, 1), got {}",
        options.rise);
  check_positive("one_cycle", "div_factor", options.div_factor);
  check_positive("one_cycle", "final_div_factor", options.final_div_factor);
  const double first = max_lr / options.div_factor;
  const double last = first / options.final_div_factor;
  // Where each phase ends, in steps that need not be whole numbers.
  const double top = options.rise * static_cast<double>(total) - 1.0;
  const double back = options.three_phase ? 2.0 * top : top;
  const double end = static_cast<double>(total) - 1.0;
  check(top > 0.0 && back < end, "one_cycle: a rise of {} leaves a phase of {} steps empty",
        options.rise, total);
  return [=, annealing = options.annealing](std::int64_t step) {
    const double t = std::min(static_cast<double>(step), end);
    if (t <= top) return anneal(annealing, first, max_lr, t / top);
    if (t <= back) return anneal(annealing, max_lr, first, (t - top) / (back - top));
    return anneal(annealing, back > top ? first : max_lr, last, (t - back) / (end - back));
  };
}

Schedule cyclic(double lr, double max_lr, std::int64_t steps_up, const CyclicOptions& options) {
  check_not_negative("cyclic", "lr", lr);
  check_not_negative("cyclic", "max_lr", max_lr);
  check(lr <= max_lr, "cyclic: max_lr must not be below lr = {}, got {}", lr, max_lr);
  check_at_least_one("cyclic", "steps_up", steps_up);
  check(options.steps_down >= 0, "cyclic: steps_down must not be negative, got {}",
        options.steps_down);
  check_factor("cyclic", "cycle_factor", options.cycle_factor);
  check_factor("cyclic", "step_factor", options.step_factor);
  const std::int64_t down = options.steps_down > 0 ? options.steps_down : steps_up;
  return [=](std::int64_t t) {
    const std::int64_t cycle = t / (steps_up + down);
    const std::int64_t at = t % (steps_up + down);
    const double height = at <= steps_up ? share(at, steps_up) : 1.0 - share(at - steps_up, down);
    return lr + (max_lr - lr) * height *
                    std::pow(options.cycle_factor, static_cast<double>(cycle)) *
                    std::pow(options.step_factor, static_cast<double>(t));
  };
}

Schedule range_test(double lr, double max_lr, std::int64_t steps) {
  check_positive("range_test", "lr", lr);
  check_positive("range_test", "max_lr", max_lr);
  check(lr < max_lr, "range_test: max_lr must be above lr = {}, got {}", lr, max_lr);
  check(steps >= 2, "range_test: steps must be at least 2, got {}", steps);
  return [=](std::int64_t t) {
    return t >= steps - 1 ? max_lr : lr * std::pow(max_lr / lr, share(t, steps - 1));
  };
}

Schedule scale(double factor, Schedule schedule) {
  check_not_negative("scale", "factor", factor);
  return [factor, schedule = std::move(schedule)](std::int64_t t) { return factor * schedule(t); };
}

Schedule sequence(std::vector<Schedule> schedules, std::vector<std::int64_t> boundaries) {
  check(schedules.size() == boundaries.size() + 1,
        "sequence: {} schedules need one boundary fewer, got {}", schedules.size(),
        boundaries.size());
  check_increasing("sequence", "boundaries", boundaries);
  return [schedules = std::move(schedules), boundaries = std::move(boundaries)](std::int64_t t) {
    const auto next = std::upper_bound(boundaries.begin(), boundaries.end(), t);
    const auto index = static_cast<std::size_t>(next - boundaries.begin());
    return schedules[index](index == 0 ? t : t - boundaries[index - 1]);
  };
}

Schedule per_epoch(std::int64_t steps_per_epoch, Schedule schedule) {
  check_at_least_one("per_epoch", "steps_per_epoch", steps_per_epoch);
  return
      [=, schedule = std::move(schedule)](std::int64_t t) { return schedule(t / steps_per_epoch); };
}

Schedule warmup(std::int64_t steps, Schedule next) {
  check_at_least_one("warmup", "steps", steps);
  return [steps, next = std::move(next)](std::int64_t t) {
    if (t >= steps) return next(t - steps);
    return next(0) * (static_cast<double>(t + 1) / static_cast<double>(steps));
  };
}

Schedule swa(Schedule before, std::int64_t start, double swa_lr, std::int64_t anneal_steps,
             Annealing annealing) {
  check(start >= 0, "swa: start must not be negative, got {}", start);
  check_not_negative("swa", "swa_lr", swa_lr);
  check_at_least_one("swa", "anneal_steps", anneal_steps);
  return [=, before = std::move(before)](std::int64_t t) {
    if (t <= start) return before(t);
    if (t - start >= anneal_steps) return swa_lr;
    return anneal(annealing, before(start), swa_lr, share(t - start, anneal_steps));
  };
}

}  // namespace glissade::optim
