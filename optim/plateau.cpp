#include "glissade/optim/plateau.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "option_checks.h"

namespace glissade::optim {

ReduceOnPlateau::ReduceOnPlateau(Schedule schedule, const PlateauOptions& options)
    : options_(options),
      schedule_(std::move(schedule)),
      scale_(std::make_shared<double>(1.0)),
      best_(options.maximize ? -std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::infinity()) {
  constexpr const char* kName = "ReduceOnPlateau";
  check(options.factor > 0.0 && options.factor < 1.0, "{}: factor must be in (0, 1), got {}", kName,
        options.factor);
  check_at_least_one(kName, "patience", options.patience);
  check_not_negative(kName, "threshold", options.threshold);
  check(!options.relative || options.threshold < 1.0,
        "{}: a relative threshold must be less than 1, got {}", kName, options.threshold);
  check(options.cooldown >= 0, "{}: cooldown must not be negative, got {}", kName,
        options.cooldown);
  check_not_negative(kName, "min_lr", options.min_lr);
}

bool ReduceOnPlateau::improves(double measure) const {
  const double margin = options_.threshold;
  if (options_.maximize) {
    return measure > (options_.relative ? best_ * (1.0 + margin) : best_ + margin);
  }
  return measure < (options_.relative ? best_ * (1.0 - margin) : best_ - margin);
}

bool ReduceOnPlateau::update(double measure) {
  if (improves(measure)) {
    best_ = measure;
    bad_checks_ = 0;
  } else {
    ++bad_checks_;
  }
  if (cooldown_left_ > 0) {
    --cooldown_left_;
    bad_checks_ = 0;
  }
  if (bad_checks_ < options_.patience) return false;
  *scale_ *= options_.factor;
  cooldown_left_ = options_.cooldown;
  bad_checks_ = 0;
  return true;
}

void ReduceOnPlateau::members(StateMembers<double>& members) {
  members.add("scale", *scale_);
  members.add("best", best_);
  members.add("bad_checks", bad_checks_);
  members.add("cooldown_left", cooldown_left_);
}

Schedule ReduceOnPlateau::schedule() const {
  return [schedule = schedule_, scale = scale_, min_lr = options_.min_lr](std::int64_t t) {
    const double rate = schedule(t);
    return std::max(*scale * rate, std::min(rate, min_lr));
  };
}

}  // namespace glissade::optim
