#pragma once

// Variable: the handle to a node of the computational graph.

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>

#include "glissade/core/tensor.h"

namespace glissade {

template <class T>
class Node;
template <class T>
class Variable;

/// Options of `backward`.
struct BackwardOptions {
  /// Keep the graph, so that backward can run through it again. Without it, each operation's
  /// inputs are let go as backward passes, and so are the values that only the graph held.
  bool retain_graph = false;
  /// Record the backward pass itself, so that gradients can be differentiated again. Implies
  /// retain_graph. A leaf's `grad` then holds a graph that leads back to the leaf: a cycle, whose
  /// memory is freed when `zero_grad` is called on the leaf. `grad(output, inputs)` makes none.
  bool create_graph = false;
};

namespace detail {
template <class T>
void destroy(Node<T>* node) noexcept;
template <class T>
void add_reference(Node<T>* node) noexcept;
template <class T>
bool drop_reference(Node<T>* node) noexcept;
[[noreturn]] void fail_undefined();
}  // namespace detail

/// A handle to a value in the computational graph: the value, its gradient, and the operation
/// that made it. Copies share the node, as a shared_ptr's do; `detach` and `value` lead out of the
/// graph. A graph belongs to one thread at a time: reference counts are not atomic.
///
/// Operations are free functions (`matmul(x, w)`, `relu(x)`) and operators (`a * b + 2.0`); see
/// glissade/autograd/ops.h. T is float or double.
template <class T>
class Variable {
 public:
  using value_type = T;

  /// Refers to nothing: `defined()` is false, and everything else but assignment is an error.
  Variable() = default;
  /// A constant: a leaf that needs no gradient. A tensor converts, so that operations take both.
  Variable(Tensor<T> value);  // NOLINT(google-explicit-constructor)
  /// A leaf of the graph; with `requires_grad`, backward computes its gradient.
  Variable(Tensor<T> value, bool requires_grad);

  Variable(const Variable& other) noexcept : node_(other.node_) {
    if (node_ != nullptr) detail::add_reference(node_);
  }
  Variable(Variable&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  Variable& operator=(const Variable& other) noexcept {
    Variable(other).swap(*this);
    return *this;
  }
  Variable& operator=(Variable&& other) noexcept {
    Variable(std::move(other)).swap(*this);
    return *this;
  }
  ~Variable() {
    if (node_ != nullptr && detail::drop_reference(node_)) detail::destroy(node_);
  }
  /// Exchanges what two handles refer to; no value is moved.
  void swap(Variable& other) noexcept { std::swap(node_, other.node_); }

  /// Whether this refers to a value: not so when default-constructed or moved from.
  bool defined() const { return node_ != nullptr; }

  /// The value. Throws std::invalid_argument if the variable is undefined (as all below do).
  const Tensor<T>& value() const;
  /// The value, to change in place (an optimizer's update, loading a file). A change between an
  /// operation and its backward pass gives wrong gradients.
  Tensor<T>& mutable_value();
  /// The extents of the value.
  const Shape& shape() const { return value().shape(); }
  /// The number of axes of the value; 0 for a scalar.
  int rank() const { return value().rank(); }
  /// The extent of an axis; negative axes count from the last. Throws std::invalid_argument if
  /// there is no such axis.
  Index dim(int axis) const { return value().dim(axis); }
  /// The number of elements of the value.
  Index size() const { return value().size(); }
  /// The only element of the value.
  T item() const { return value().item(); }

  /// Whether a gradient can be computed for this variable: a leaf made so, or the result of an
  /// operation on such a variable.
  bool requires_grad() const;
  /// Freezes or unfreezes a leaf. Throws std::invalid_argument for the result of an operation.
  void set_requires_grad(bool requires_grad);
  /// Whether no recorded operation made this variable.
  bool is_leaf() const;
  /// The name of the operation that made this variable; "leaf" if none did.
  const char* operation() const;

  /// The gradient that `backward` left here, of the same shape as the value; undefined if it left
  /// none. With `create_graph` it is part of a graph itself.
  Variable grad() const;
  /// Whether `grad` is defined.
  bool has_grad() const;
  /// The gradient, to change in place (clipping). Throws std::invalid_argument if there is none.
  Tensor<T>& mutable_grad();
  /// Forgets the gradient; its buffer is kept for the next one.
  void zero_grad();
  /// Makes backward keep the gradient of this variable although it is not a leaf.
  void retain_grad();

  /// Adds the gradient of this scalar with respect to every leaf that requires one to that leaf's
  /// `grad`. Throws std::invalid_argument if this variable has not exactly one element, needs no
  /// gradient, or its graph has been freed by an earlier backward.
  void backward(const BackwardOptions& options = {}) const;
  /// The same for a variable of any shape: `grad_output`, of this variable's shape, is the
  /// gradient of some scalar with respect to it (a vector-Jacobian product).
  void backward(const Variable& grad_output, const BackwardOptions& options = {}) const;

  /// A constant with a copy of the value.
  Variable detach() const { return Variable(value()); }

  /// Entry `i` along the first axis, without that axis; negative `i` counts from the end.
  Variable operator[](Index i) const { return select(*this, i); }

  ///@{
  /// Arithmetic, element-wise with broadcasting; a number on either side is a constant. Division by
  /// a number multiplies by its reciprocal. Throws std::invalid_argument if the shapes do not fit.
  friend Variable operator+(const Variable& a, const Variable& b) { return add(a, b); }
  friend Variable operator-(const Variable& a, const Variable& b) { return sub(a, b); }
  friend Variable operator*(const Variable& a, const Variable& b) { return mul(a, b); }
  friend Variable operator/(const Variable& a, const Variable& b) { return div(a, b); }
  friend Variable operator-(const Variable& a) { return neg(a); }
  friend Variable operator+(const Variable& a, double b) { return add(a, b); }
  friend Variable operator+(double a, const Variable& b) { return add(b, a); }
  friend Variable operator-(const Variable& a, double b) { return add(a, -b); }
  friend Variable operator-(double a, const Variable& b) { return add(neg(b), a); }
  friend Variable operator*(const Variable& a, double b) { return mul(a, b); }
  friend Variable operator*(double a, const Variable& b) { return mul(b, a); }
  friend Variable operator/(const Variable& a, double b) { return mul(a, 1.0 / b); }
  friend Variable operator/(double a, const Variable& b) { return mul(pow(b, -1.0), a); }
  ///@}

  ///@{
  /// `a += b` is `a = a + b`: this handle gets the result, other handles to the old value keep it.
  /// To change a value in place, use `mutable_value`.
  Variable& operator+=(const Variable& b) { return *this = *this + b; }
  Variable& operator-=(const Variable& b) { return *this = *this - b; }
  Variable& operator*=(const Variable& b) { return *this = *this * b; }
  Variable& operator/=(const Variable& b) { return *this = *this / b; }
  ///@}

  /// The node, for those who write operations (glissade/autograd/node.h).
  Node<T>* node() const { return node_; }
  /// Takes over one reference to `node`.
  static Variable adopt(Node<T>* node) {
    Variable variable;
    variable.node_ = node;
    return variable;
  }

 private:
  Node<T>& checked_node() const;

  Node<T>* node_ = nullptr;
};

/// A trainable leaf: `Variable<T>(value, true)`.
template <class T>
Variable<T> parameter(Tensor<T> value) {
  return Variable<T>(std::move(value), true);
}

}  // namespace glissade

/// As the tensor's formatter does: `fmt::print("{:.2f}", variable)`.
template <class T>
struct fmt::formatter<glissade::Variable<T>> : fmt::formatter<glissade::Tensor<T>> {
  template <class Context>
  auto format(const glissade::Variable<T>& variable, Context& context) const {
    if (!variable.defined()) return fmt::format_to(context.out(), "undefined");
    return fmt::formatter<glissade::Tensor<T>>::format(variable.value(), context);
  }
};

// What the inline functions above need, and what a user of variables does.
#include "glissade/autograd/node.h"  // IWYU pragma: export
#include "glissade/autograd/ops.h"   // IWYU pragma: export
