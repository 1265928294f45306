#pragma once

// A tensor seen from one of its axes, for the kernels that work along one.

#include "glissade/core/shape.h"

namespace glissade::kernels {

/// A shape seen from one axis: (outer, extent, inner), so that element (i, k, j) of the tensor is
/// at (i * extent + k) * inner + j.
struct AxisView {
  Index outer = 1;
  Index extent = 1;
  Index inner = 1;

  AxisView(Index outer_extent, Index own_extent, Index inner_extent)
      : outer(outer_extent), extent(own_extent), inner(inner_extent) {}
  AxisView(const Shape& shape, int axis) : extent(shape[axis]) {
    if (shape.size() == 0 && shape.without(axis).size() == 0) {  // nothing to visit
      outer = inner = 0;
      return;
    }
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

}  // namespace glissade::kernels
