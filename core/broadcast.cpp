#include "broadcast.h"

namespace glissade::kernels {

BroadcastLoops broadcast_loops(const Shape& a, const Shape& b, const Shape& out) {
  // From the innermost axis outwards; an axis merges with the one inside it when both operands
  // step over it as if it were one.
  std::array<Index, Shape::kMaxRank> extent{};
  std::array<Index, Shape::kMaxRank> step_a{};
  std::array<Index, Shape::kMaxRank> step_b{};
  std::size_t count = 0;
  Index size_a = 1;  // elements of a inside the current axis
  Index size_b = 1;
  for (int i = 1; i <= out.rank(); ++i) {
    const Index n = out[out.rank() - i];
    const Index in_a = i <= a.rank() ? a[a.rank() - i] : 1;
    const Index in_b = i <= b.rank() ? b[b.rank() - i] : 1;
    if (n == 1) continue;
    const Index sa = in_a == 1 ? 0 : size_a;
    const Index sb = in_b == 1 ? 0 : size_b;
    if (count > 0 && sa == step_a[count - 1] * extent[count - 1] &&
        sb == step_b[count - 1] * extent[count - 1]) {
      extent[count - 1] *= n;
    } else {
      extent[count] = n;
      step_a[count] = sa;
      step_b[count] = sb;
      ++count;
    }
    size_a *= in_a;
    size_b *= in_b;
  }
  BroadcastLoops loops;
  if (count == 0) return loops;
  loops.rank = static_cast<int>(count);
  for (std::size_t i = 0; i < count; ++i) {
    loops.extent[i] = extent[count - 1 - i];
    loops.step_a[i] = step_a[count - 1 - i];
    loops.step_b[i] = step_b[count - 1 - i];
  }
  return loops;
}

}  // namespace glissade::kernels
