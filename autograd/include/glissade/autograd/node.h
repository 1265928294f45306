#pragma once

// Node: what a Variable points to. Included by those who write operations with a rule of their
// own; users of operations need only variable.h, and most operations only operation.h.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "glissade/autograd/variable.h"
#include "glissade/core/allocator.h"

namespace glissade {

template <class T>
class BackwardPass;
template <class T>
class PerExamplePass;

/// Where a rule that works in place (`Node::backward_in_place`) leaves the gradients of its inputs.
template <class T>
class GradientSink {
 public:
  /// Whether anyone needs the gradient of this input.
  bool needed(std::size_t input) const;
  /// Whether the node is let go after this rule, which may then overwrite and give away what the
  /// node has kept for it.
  bool is_last() const { return is_last_; }
  /// Calls `write(buffer, beta)`: it must set buffer = gradient + beta * buffer. `buffer` has the
  /// input's shape; beta is 0 at the first contribution, when the buffer's content is undefined,
  /// and 1 when there is a gradient to add to. So a matrix product accumulates without a copy.
  template <class Write>
  void write(std::size_t input, const Write& write) {
    T beta{};
    Tensor<T>& buffer = open(input, beta);
    write(buffer, beta);
  }
  ///@{
  /// Contributes a gradient that has been computed elsewhere; a variable that nobody else holds is
  /// taken over without a copy.
  void give(std::size_t input, Variable<T>&& gradient);
  void give(std::size_t input, const Variable<T>& gradient) { give(input, Variable<T>(gradient)); }
  ///@}
  /// Goes on through a graph that the rule has recorded, whose result `output` stands for the
  /// node's: contributes to the node's inputs, where the graph begins, what they get from there.
  /// `gradient` is that of `output`, of its shape.
  void descend(const Variable<T>& output, Variable<T> gradient);

 private:
  friend class BackwardPass<T>;
  friend class PerExamplePass<T>;
  GradientSink(BackwardPass<T>& pass, Node<T>& node, std::uint64_t epoch, bool is_last)
      : pass_(pass), node_(node), epoch_(epoch), is_last_(is_last) {}
  Tensor<T>& open(std::size_t input, T& beta);

  BackwardPass<T>& pass_;
  Node<T>& node_;
  std::uint64_t epoch_;  // of the pass
  bool is_last_;
};

/// Where a rule for the gradients of single examples (`Node::backward_per_example`) leaves them.
template <class T>
class PerExampleSink {
 public:
  /// The number of examples. Example i has the i-th of as many equal parts of the output's
  /// elements.
  Index examples() const { return examples_; }
  /// Whether the gradients of this input, which all examples share, are wanted.
  bool needed(std::size_t input) const;
  /// Calls `write(buffer, beta)`: it must set buffer = gradients + beta * buffer. `buffer` is
  /// (examples, input's shape): entry i is what the output's part of example i contributes. beta is
  /// 0 or 1 as for `GradientSink::write`.
  template <class Write>
  void write(std::size_t input, const Write& write) {
    T beta{};
    Tensor<T>& buffer = open(input, beta);
    write(buffer, beta);
  }

 private:
  friend class PerExamplePass<T>;
  PerExampleSink(PerExamplePass<T>& pass, Node<T>& node, Index examples)
      : pass_(pass), node_(node), examples_(examples) {}
  Tensor<T>& open(std::size_t input, T& beta);

  PerExamplePass<T>& pass_;
  Node<T>& node_;
  Index examples_;
};

namespace detail {
// Counts the nodes that this thread has made (variable.cpp).
extern constinit thread_local std::uint64_t nodes_made;
// How many nodes there are that a backward pass of this thread has let go; one that another thread
// destroys goes on counting here, and counts less there.
extern constinit thread_local std::int64_t freed_nodes;
// Whether an AnomalyMode lives on this thread, and what is searched then (anomaly.cpp): the value
// of a new node, and a gradient that its rule has made.
extern constinit thread_local bool anomaly_mode;
template <class T>
void check_forward(const Node<T>& node);
template <class T>
void check_backward(const Node<T>& node, std::size_t input, const Tensor<T>& gradient);
}  // namespace detail

namespace detail {
// A value for a node: a tensor, or a function that returns one, which is then made where the node
// keeps it, and not moved.
template <class T>
Tensor<T> made(const Tensor<T>& value) {
  return value;
}
template <class T>
Tensor<T>&& made(Tensor<T>&& value) {
  return std::move(value);
}
template <std::invocable Make>
std::invoke_result_t<const Make&> made(const Make& make) {
  return make();
}
}  // namespace detail

/// A node of the graph: a value, its gradient, and, in derived classes, the operation's inputs and
/// its backward rule. Plain nodes are leaves.
template <class T>
class Node {
 public:
  /// A leaf with this value: a tensor, or a function that returns one. The node of an
  /// operation derives from this class, needs a gradient, and names its inputs with `set_inputs`.
  template <class Value>
  explicit Node(Value&& value, bool requires_grad)
      : requires_grad_(requires_grad), value_(detail::made(std::forward<Value>(value))) {}
  virtual ~Node() {
    if (freed_) [[unlikely]]
      --detail::freed_nodes;
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ///@{
  /// Nodes come from the thread's block cache (glissade/core/allocator.h); the virtual destructor
  /// passes the derived size.
  static void* operator new(std::size_t bytes) { return allocate(bytes); }
  static void operator delete(void* block, std::size_t bytes) { deallocate(block, bytes); }
  ///@}

  /// The operation's name, of static lifetime.
  virtual const char* name() const { return "leaf"; }

  /// The backward rule: gives `sink` the gradient of each input that is needed, made of `grad`, the
  /// gradient of the output, and the operation's derivative. Written in differentiable operations,
  /// so that gradients can be differentiated again. The output comes as an argument: a node that
  /// held itself would never be freed.
  virtual void backward(const Variable<T>& grad, const Variable<T>& output, GradientSink<T>& sink);

  /// A faster rule for plain first-order gradients; returns false where there is none. It may
  /// overwrite the value of `grad` if nobody else can see it (`is_disposable`).
  virtual bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink);

  /// A faster rule for `per_example_gradients`; returns false where there is none, having written
  /// nothing. It gives `sink` the gradients of the inputs that are needed there, and does not
  /// change `grad`. Without it, the other rules are called for one example after the other.
  virtual bool backward_per_example(const Variable<T>& grad, PerExampleSink<T>& sink);
  /// Whether the value has a batch as its first axis although no input has: rows of a table, looked
  /// up by the indices of the examples.
  virtual bool begins_batch() const { return false; }

  /// The number of handles that hold this node.
  std::uint32_t references() const { return references_; }
  /// Whether the value may be overwritten: only one handle holds this node, and no graph.
  bool is_disposable() const { return references_ == 1 && !requires_grad_; }

  /// The operation's inputs; none for a leaf, and none after a backward pass that freed the graph.
  std::span<const Variable<T>> inputs() const { return {inputs_, input_count_}; }
  ///@{
  /// The operation's result, or the leaf's value.
  const Tensor<T>& value() const { return value_; }
  Tensor<T>& value() { return value_; }
  ///@}
  /// The number of this node: larger than those of all nodes that it depends on.
  std::uint64_t stamp() const { return stamp_; }
  /// Whether a gradient can be computed for this node.
  bool requires_grad() const { return requires_grad_; }
  /// Whether a backward pass has left a gradient here.
  bool has_grad() const { return has_grad_; }
  /// The value of that gradient, for those who only read it; there must be one.
  const Tensor<T>& grad_value() const { return grad_.value(); }
  /// Whether no recorded operation made this node.
  bool is_leaf() const { return input_count_ == 0 && !freed_; }

 protected:
  /// For derived classes that keep their inputs inline: where they are. The last thing that their
  /// constructors do.
  void set_inputs(Variable<T>* inputs, std::size_t count) {
    inputs_ = inputs;
    input_count_ = static_cast<std::uint32_t>(count);
    for (const Variable<T>& input : this->inputs()) {  // which another thread may have made
      if (input.defined()) stamp_ = std::max(stamp_, input.node()->stamp_ + 1);
    }
    if (detail::anomaly_mode) [[unlikely]]
      detail::check_forward(*this);
  }

 private:
  friend class Variable<T>;
  friend class BackwardPass<T>;
  friend class PerExamplePass<T>;
  friend class GradientSink<T>;
  friend class PerExampleSink<T>;
  friend void detail::destroy<T>(Node* node) noexcept;
  friend void detail::add_reference<T>(Node* node) noexcept;
  friend bool detail::drop_reference<T>(Node* node) noexcept;

  std::uint32_t references_ = 1;
  // What a pass touches comes first, in 64 bytes.
  bool requires_grad_ = false;
  bool has_grad_ = false;      // grad_ holds a gradient, not only a buffer to reuse
  bool retains_grad_ = false;  // keep the gradient although this is not a leaf
  bool freed_ = false;         // a backward pass has let the inputs go
  bool target_ = false;        // the running pass was asked for this node's gradient
  bool needed_ = false;        // the running pass has to compute this node's gradient
  std::uint32_t input_count_ = 0;
  Variable<T>* inputs_ = nullptr;
  union {
    std::uint64_t epoch_ = 0;  // the last backward pass that visited this node
    Node* next_doomed_;        // while being destroyed: the next node to destroy
  };
  std::uint64_t stamp_ = ++detail::nodes_made;  // larger than that of all that it depends on
  Variable<T> pending_;                         // the gradient so far, in a running backward pass
  Variable<T> grad_;                            // what the user sees as grad()
  Tensor<T> value_;
};

namespace detail {
template <class T>
inline void add_reference(Node<T>* node) noexcept {
  ++node->references_;
}
template <class T>
inline bool drop_reference(Node<T>* node) noexcept {
  return --node->references_ == 0;
}
}  // namespace detail

template <class T>
inline bool GradientSink<T>::needed(std::size_t input) const {
  const Node<T>* const node = node_.inputs_[input].node();
  return node != nullptr && node->epoch_ == epoch_ && node->needed_;
}

template <class T>
inline Node<T>& Variable<T>::checked_node() const {
  if (node_ == nullptr) [[unlikely]]
    detail::fail_undefined();
  return *node_;
}

template <class T>
inline const Tensor<T>& Variable<T>::value() const {
  return checked_node().value_;
}

template <class T>
inline Tensor<T>& Variable<T>::mutable_value() {
  return checked_node().value_;
}

template <class T>
inline bool Variable<T>::requires_grad() const {
  return checked_node().requires_grad_;
}

template <class T>
inline bool Variable<T>::has_grad() const {
  return checked_node().has_grad_;
}

template <class T>
inline Variable<T> Variable<T>::grad() const {
  return has_grad() ? node_->grad_ : Variable();
}

}  // namespace glissade
