#pragma once

// A part of a batch, to see whether its examples depend on each other.

#include <cstdint>

#include "glissade/core/shape.h"

namespace glissade::detail {

/// Whether `example` is in a set that holds the first of `examples`, not the last, and about half
/// of the others, without a period: what shifts, reverses or mixes examples crosses its border.
inline bool is_in_sample(Index example, Index examples) {
  if (example == 0) return true;
  if (example + 1 == examples) return false;
  return ((static_cast<std::uint64_t>(example) * 0x9E3779B97F4A7C15U) >> 41U) % 2 == 0;
}

}  // namespace glissade::detail
