#pragma once

// The extents of a tensor: a small regular value without heap memory.

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace glissade {

/// Sizes, positions and axes are signed 64-bit numbers.
using Index = std::int64_t;

/// The extents of a tensor, outermost axis first. Rank 0 is a scalar (one element); an extent of 0
/// makes an empty tensor. At most 6 axes.
class Shape {
 public:
  /// The largest number of axes.
  static constexpr int kMaxRank = 6;

  /// The shape of a scalar: rank 0, one element.
  Shape() noexcept {}  // NOLINT(modernize-use-equals-default): the extents stay as they are
  ///@{
  /// `Shape{2, 3}` has two rows and three columns. Throws std::invalid_argument if an extent is
  /// negative, if there are more than 6 axes, or if the number of elements exceeds 2^63 - 1.
  Shape(std::initializer_list<Index> extents);
  explicit Shape(std::span<const Index> extents);
  ///@}

  // Copying is written out because most shapes have at most two axes: a copy of the whole array, in
  // vectors, would wait for the single numbers that have just been stored there.
  Shape(const Shape& other) noexcept { copy(other); }
  Shape& operator=(const Shape& other) noexcept {
    copy(other);
    return *this;
  }
  ~Shape() = default;

  /// The shape (0), of no elements.
  static Shape empty() {
    Shape shape;
    shape.clear();
    return shape;
  }

  /// Makes this the shape (0).
  void clear() {
    extents_[0] = 0;
    rank_ = 1;
    size_ = 0;
  }

  /// The number of axes.
  int rank() const { return rank_; }
  /// The number of elements: the product of the extents.
  Index size() const { return size_; }
  /// The extent of axis `axis`, 0 <= axis < rank (unchecked; see dim).
  Index operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  /// The extent of an axis; negative axes count from the last one. Throws std::invalid_argument
  /// if there is no such axis.
  Index dim(int axis) const {
    return axis >= 0 && axis < rank_ ? (*this)[axis] : (*this)[this->axis(axis, "dim")];
  }
  /// The axis as a number in [0, rank); negative axes count from the last one. `operation` is
  /// named in the error.
  int axis(int axis, const char* operation) const;

  const Index* begin() const { return extents_.data(); }
  const Index* end() const { return extents_.data() + rank_; }

  /// This shape without `axis` (0 <= axis < rank).
  Shape without(int axis) const;
  /// This shape with the extent of `axis` (0 <= axis < rank) replaced.
  Shape with(int axis, Index extent) const;

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }

 private:
  void copy(const Shape& other) noexcept {
    size_ = other.size_;
    rank_ = other.rank_;
    if (rank_ == 0) return;
    extents_[0] = other.extents_[0];
    if (rank_ == 1) return;
    extents_[1] = other.extents_[1];
    for (std::size_t i = 2; i < static_cast<std::size_t>(rank_); ++i) {
      extents_[i] = other.extents_[i];
    }
  }

  std::array<Index, kMaxRank> extents_;  // only the first rank_ have a value
  Index size_ = 1;
  int rank_ = 0;
};

/// "(2, 3)"; "()" for a scalar.
std::string to_string(const Shape& shape);

/// The shape that two operands broadcast to (NumPy's rule: axes are matched from the last one, and
/// an extent of 1 or a missing axis stretches). Throws std::invalid_argument naming `operation`
/// and both shapes if they do not match.
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* operation);

}  // namespace glissade

template <>
struct fmt::formatter<glissade::Shape> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const glissade::Shape& shape, Context& context) const {
    return fmt::format_to(context.out(), "{}", glissade::to_string(shape));
  }
};
