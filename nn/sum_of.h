#pragma once

// The sum over a batch that all losses end with.

#include <array>
#include <cstddef>

#include "glissade/core/shape.h"

namespace glissade::nn {

/// The sum of f(i) for 0 <= i < n, in eight partial sums, which the compiler computes side by side.
template <class F>
double sum_of(Index n, const F& f) {
  std::array<double, 8> partial{};
  constexpr auto kLanes = static_cast<Index>(partial.size());
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (Index lane = 0; lane < kLanes; ++lane) {
      partial[static_cast<std::size_t>(lane)] += static_cast<double>(f(i + lane));
    }
  }
  double total = 0.0;
  for (; i < n; ++i) total += static_cast<double>(f(i));
  for (const double lane : partial) total += lane;
  return total;
}

}  // namespace glissade::nn
