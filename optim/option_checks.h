#pragma once

// Checks of option values (the messages name the option, what is allowed, and the value), and what
// options with the same names mean.

#include <cmath>
#include <cstdint>

#include "glissade/core/check.h"

namespace glissade::optim {

/// Throws std::invalid_argument unless `value` is finite and at least 0.
inline void check_not_negative(const char* owner, const char* option, double value) {
  check(std::isfinite(value) && value >= 0.0, "{}: {} must be a finite number >= 0, got {}", owner,
        option, value);
}

/// Throws std::invalid_argument unless `value` is finite and above 0.
inline void check_positive(const char* owner, const char* option, double value) {
  check(std::isfinite(value) && value > 0.0, "{}: {} must be a finite number > 0, got {}", owner,
        option, value);
}

/// Throws std::invalid_argument unless 0 <= value < 1 (decay factors of moving averages).
inline void check_decay_factor(const char* owner, const char* option, double value) {
  check(value >= 0.0 && value < 1.0, "{}: {} must be in [0, 1), got {}", owner, option, value);
}

/// Throws std::invalid_argument unless value >= 1.
inline void check_at_least_one(const char* owner, const char* option, std::int64_t value) {
  check(value >= 1, "{}: {} must be at least 1, got {}", owner, option, value);
}

/// What the gradient is multiplied by: -1 to maximize.
template <class Options>
double sign_of(const Options& options) {
  return options.maximize ? -1.0 : 1.0;
}

}  // namespace glissade::optim
