#pragma once

// The loops of a broadcast operation: axes of extent 1 dropped, neighbours merged.

#include <array>

#include "glissade/core/shape.h"

namespace glissade::kernels {

/// Nested loops over the output, outermost first. There is at least one axis; a step of 0 means
/// that the operand is stretched along the axis.
struct BroadcastLoops {
  int rank = 1;
  std::array<Index, Shape::kMaxRank> extent{1};
  std::array<Index, Shape::kMaxRank> step_a{1};
  std::array<Index, Shape::kMaxRank> step_b{1};
};

/// The loops for operands of shapes a and b that broadcast to `out`.
BroadcastLoops broadcast_loops(const Shape& a, const Shape& b, const Shape& out);

/// Calls inner(extent, a, step_a, b, step_b, y) for each innermost loop, y advancing.
template <class T, class Inner>
void for_each_row(const BroadcastLoops& loops, const T* a, const T* b, T* y, const Inner& inner) {
  const int last = loops.rank - 1;
  const auto at = [](const auto& array, int i) { return array[static_cast<std::size_t>(i)]; };
  std::array<Index, Shape::kMaxRank> position{};
  while (true) {
    inner(at(loops.extent, last), a, at(loops.step_a, last), b, at(loops.step_b, last), y);
    y += at(loops.extent, last);
    int axis = last - 1;
    for (; axis >= 0; --axis) {  // odometer
      a += at(loops.step_a, axis);
      b += at(loops.step_b, axis);
      Index& i = position[static_cast<std::size_t>(axis)];
      if (++i < at(loops.extent, axis)) break;
      a -= i * at(loops.step_a, axis);
      b -= i * at(loops.step_b, axis);
      i = 0;
    }
    if (axis < 0) return;
  }
}

}  // namespace glissade::kernels
