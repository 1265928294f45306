#include "glissade/optim/schedule.h"

#include <cmath>
#include <numbers>

#include "option_checks.h"

namespace glissade::optim {

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
  check(gamma > 0.0 && gamma <= 1.0, "step: gamma must be in (0, 1], got {}", gamma);
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

Schedule cosine(double lr, std::int64_t total, double min_lr) {
  check_not_negative("cosine", "lr", lr);
  check_at_least_one("cosine", "total", total);
  check_not_negative("cosine", "min_lr", min_lr);
  check(min_lr <= lr, "cosine: min_lr must not be over lr = {}, got {}", lr, min_lr);
  return [=](std::int64_t t) {
    if (t >= total) return min_lr;
    const double angle = std::numbers::pi * static_cast<double>(t) / static_cast<double>(total);
    return min_lr + 0.5 * (lr - min_lr) * (1.0 + std::cos(angle));
  };
}

Schedule warmup(std::int64_t steps, Schedule next) {
  check_at_least_one("warmup", "steps", steps);
  return [steps, next = std::move(next)](std::int64_t t) {
    if (t >= steps) return next(t - steps);
    return next(0) * (static_cast<double>(t + 1) / static_cast<double>(steps));
  };
}

}  // namespace glissade::optim
