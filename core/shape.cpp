#include "glissade/core/shape.h"

#include <algorithm>

#include "glissade/core/check.h"

namespace glissade {

Shape::Shape(std::initializer_list<Index> extents)
    : Shape(std::span<const Index>(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const Index> extents) {
  check(extents.size() <= kMaxRank, "shape: ({}) has {} axes, at most {} are supported",
        fmt::join(extents, ", "), extents.size(), kMaxRank);
  bool empty = false;
  for (const Index extent : extents) {
    check(extent >= 0, "shape: the extents ({}) must not be negative", fmt::join(extents, ", "));
    empty = empty || extent == 0;
    extents_[static_cast<std::size_t>(rank_++)] = extent;
  }
  if (empty) {
    size_ = 0;
    return;
  }
  for (const Index extent : extents) {
    check(!__builtin_mul_overflow(size_, extent, &size_),
          "shape: ({}) has more elements than a 64-bit number can count", fmt::join(extents, ", "));
  }
}

int Shape::axis(int axis, const char* operation) const {
  const int normal = axis < 0 ? axis + rank_ : axis;
  check(normal >= 0 && normal < rank_, "{}: axis {} is out of range for the shape {}", operation,
        axis, *this);
  return normal;
}

Shape Shape::without(int axis) const {
  std::array<Index, kMaxRank> extents{};
  std::copy(begin(), begin() + axis, extents.begin());
  std::copy(begin() + axis + 1, end(), extents.begin() + axis);
  return Shape(std::span<const Index>(extents.data(), static_cast<std::size_t>(rank_ - 1)));
}

Shape Shape::with(int axis, Index extent) const {
  std::array<Index, kMaxRank> extents{};
  std::copy(begin(), end(), extents.begin());
  extents[static_cast<std::size_t>(axis)] = extent;
  return Shape(std::span<const Index>(extents.data(), static_cast<std::size_t>(rank_)));
}

std::string to_string(const Shape& shape) {
  return fmt::format("({})", fmt::join(shape.begin(), shape.end(), ", "));
}

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* operation) {
  if (a == b) return a;
  const int rank = std::max(a.rank(), b.rank());
  std::array<Index, Shape::kMaxRank> extents{};
  for (int i = 1; i <= rank; ++i) {  // from the last axis
    const Index x = i <= a.rank() ? a[a.rank() - i] : 1;
    const Index y = i <= b.rank() ? b[b.rank() - i] : 1;
    check(x == y || x == 1 || y == 1, "{}: the shapes {} and {} do not broadcast together",
          operation, a, b);
    extents[static_cast<std::size_t>(rank - i)] = x == 1 ? y : x;
  }
  return Shape(std::span<const Index>(extents.data(), static_cast<std::size_t>(rank)));
}

}  // namespace glissade
