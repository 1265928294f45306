#pragma once

// Tensor: a regular value that owns contiguous row-major memory.

#include <algorithm>
#include <concepts>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "glissade/core/check.h"
#include "glissade/core/shape.h"
#include "glissade/core/storage.h"

namespace glissade {

/// An n-dimensional array of T (float, double, std::int32_t for labels, std::int64_t for counters),
/// stored contiguously in row-major order. It copies deeply, moves cheaply, and has no strides: a
/// transpose is a flag of the matrix product, a mini-batch a gather of rows into a reused buffer.
/// A scalar has rank 0; tensors without elements are legal.
template <class T>
class Tensor {
 public:
  using value_type = T;

  /// An empty tensor of shape (0).
  Tensor() : shape_(Shape::empty()) {}
  /// Zeros of the given shape.
  explicit Tensor(const Shape& shape) : Tensor(full(shape, T{})) {}
  ///@{
  /// The given values, in row-major order. Throws std::invalid_argument unless there are as many
  /// values as the shape has elements.
  Tensor(const Shape& shape, std::initializer_list<T> values)
      : Tensor(shape, std::span<const T>(values.begin(), values.size())) {}
  Tensor(const Shape& shape, std::span<const T> values) : Tensor(uninitialized(shape)) {
    check(static_cast<Index>(values.size()) == size(),
          "tensor: {} values given for the shape {}, which has {}", values.size(), shape, size());
    std::copy(values.begin(), values.end(), data());
  }
  ///@}

  /// A tensor whose elements have no defined value yet.
  static Tensor uninitialized(const Shape& shape) { return Tensor(Uninitialized(), shape); }
  /// A tensor with every element equal to `value`.
  static Tensor full(const Shape& shape, T value) {
    Tensor tensor = uninitialized(shape);
    tensor.fill(value);
    return tensor;
  }
  /// A tensor in memory of others, which must live as long and is not freed. A copy owns its
  /// elements as usual.
  static Tensor borrow(T* data, const Shape& shape) {
    Tensor tensor;
    tensor.shape_ = shape;
    tensor.storage_ = Storage<T>::borrow(data);
    return tensor;
  }
  /// A scalar: rank 0, one element.
  static Tensor scalar(T value) { return full(Shape{}, value); }

  Tensor(const Tensor& other) : Tensor(uninitialized(other.shape_)) {
    std::copy(other.begin(), other.end(), data());
  }
  Tensor& operator=(const Tensor& other) {
    if (this == &other) return *this;
    resize(other.shape_);
    std::copy(other.begin(), other.end(), data());
    return *this;
  }
  /// The moved-from tensor is empty, of shape (0).
  Tensor(Tensor&& other) noexcept : shape_(other.shape_), storage_(std::move(other.storage_)) {
    other.shape_.clear();
  }
  Tensor& operator=(Tensor&& other) noexcept {
    if (this == &other) return *this;
    shape_ = other.shape_;
    other.shape_.clear();
    storage_ = std::move(other.storage_);
    return *this;
  }
  ~Tensor() = default;

  /// The extents, outermost axis first.
  const Shape& shape() const { return shape_; }
  /// The number of axes; 0 for a scalar.
  int rank() const { return shape_.rank(); }
  /// The number of elements.
  Index size() const { return shape_.size(); }
  /// The extent of an axis; negative axes count from the last. Throws std::invalid_argument if
  /// there is no such axis.
  Index dim(int axis) const { return shape_.dim(axis); }

  T* data() { return storage_.data(); }
  const T* data() const { return storage_.data(); }
  T* begin() { return data(); }
  T* end() { return data() + size(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  std::span<T> span() { return {data(), static_cast<std::size_t>(size())}; }
  std::span<const T> span() const { return {data(), static_cast<std::size_t>(size())}; }

  /// Element `i` in row-major order, unchecked.
  T& operator[](Index i) { return data()[i]; }
  const T& operator[](Index i) const { return data()[i]; }

  /// The element at the given position. Throws std::invalid_argument unless there is one position
  /// in range for each axis.
  template <std::integral... Positions>
  T& operator()(Positions... positions) {
    return data()[offset({static_cast<Index>(positions)...})];
  }
  template <std::integral... Positions>
  const T& operator()(Positions... positions) const {
    return data()[offset({static_cast<Index>(positions)...})];
  }

  /// The only element. Throws std::invalid_argument if there is not exactly one.
  T item() const {
    check(size() == 1, "item: a tensor of shape {} does not have exactly one element", shape_);
    return data()[0];
  }

  /// Sets every element to `value`.
  void fill(T value) { std::fill(begin(), end(), value); }

  ///@{
  /// The same elements in another shape: a copy, or without copying from a temporary. Throws
  /// std::invalid_argument unless the number of elements is the same.
  Tensor reshape(const Shape& shape) const& { return Tensor(*this).reshape(shape); }
  Tensor reshape(const Shape& shape) && {
    check(shape.size() == size(), "reshape: {} has {} elements, {} has {}", shape_, size(), shape,
          shape.size());
    Tensor result = std::move(*this);
    result.shape_ = shape;
    return result;
  }
  ///@}

  /// Changes the shape; the elements have no defined value afterwards. The buffer is kept if it
  /// is large enough, so a loop over batches of varying size does not allocate.
  void resize(const Shape& shape) {
    const auto count = static_cast<std::size_t>(shape.size());
    if (count > storage_.capacity()) storage_ = Storage<T>(count);
    shape_ = shape;
  }

  /// Equal shape and equal elements (NaN differs from itself).
  friend bool operator==(const Tensor& a, const Tensor& b) {
    return a.shape_ == b.shape_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  struct Uninitialized {};
  Tensor(Uninitialized, const Shape& shape)
      : shape_(shape), storage_(static_cast<std::size_t>(shape.size())) {}

  Index offset(std::initializer_list<Index> positions) const {
    bool in_range = static_cast<int>(positions.size()) == rank();
    Index offset = 0;
    if (in_range) {
      int axis = 0;
      for (const Index position : positions) {
        in_range = in_range && position >= 0 && position < shape_[axis];
        if (!in_range) break;  // also because such an offset may be too large for a number
        offset = offset * shape_[axis++] + position;
      }
    }
    check(in_range, "tensor: position ({}) is not in the shape {}",
          fmt::join(positions.begin(), positions.end(), ", "), shape_);
    return offset;
  }

  Shape shape_;
  Storage<T> storage_;
};

/// The tensor as nested rows, in NumPy's manner: at most three entries at either end of an axis are
/// written out. `element` is the fmt specification of one element, such as ".2f"; by default,
/// numbers have six significant digits. Throws fmt::format_error if it is not a specification for
/// T.
template <class T>
std::string to_string(const Tensor<T>& tensor, std::string_view element = {});

}  // namespace glissade

/// `fmt::print("{:.2f}", tensor)` formats each element as the specification says.
template <class T>
struct fmt::formatter<glissade::Tensor<T>> {
  constexpr auto parse(fmt::format_parse_context& context) {
    const auto* end = context.begin();
    while (end != context.end() && *end != '}') ++end;
    element = {context.begin(), static_cast<std::size_t>(end - context.begin())};
    return end;
  }
  template <class Context>
  auto format(const glissade::Tensor<T>& tensor, Context& context) const {
    return fmt::format_to(context.out(), "{}", glissade::to_string(tensor, element));
  }

  std::string_view element;
};
