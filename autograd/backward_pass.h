#pragma once

// One run of reverse-mode differentiation through a graph.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "glissade/autograd/node.h"

namespace glissade {

namespace detail {
// How many nodes ahead of the running one memory is asked for.
constexpr std::size_t kNodesAhead = 32;

// What a pass reads of a node: its head, and its inputs, which a small operation keeps at its end.
inline void prefetch_node(const void* node) {
  const auto* const begin = static_cast<const char*>(node);
  __builtin_prefetch(begin, 1);
  __builtin_prefetch(begin + 128, 1);
}
}  // namespace detail

/// Visits the nodes that a result depends on, each once, in reverse topological order, and
/// accumulates gradients: into the leaves' `grad`, or for given targets. Nothing recurses.
template <class T>
class BackwardPass {
 public:
  /// `operation` is the name that errors begin with.
  BackwardPass(const char* operation, bool retain_graph, bool create_graph);
  ~BackwardPass();
  BackwardPass(const BackwardPass&) = delete;
  BackwardPass& operator=(const BackwardPass&) = delete;

  /// Adds the gradients to the leaves' `grad`.
  void run(const Variable<T>& output, const Variable<T>& grad_output);
  /// Returns the gradients of the targets; undefined where the output does not depend on one.
  std::vector<Variable<T>> run(const Variable<T>& output, const Variable<T>& grad_output,
                               const std::vector<Variable<T>>& targets);

 private:
  friend class GradientSink<T>;
  friend class PerExamplePass<T>;

  struct Frame {
    Node<T>* node;
    std::uint32_t next_input;
  };

  void check_output(const Variable<T>& output, const Variable<T>& grad_output) const;
  // In backward_order.cpp.
  void find_order(Node<T>& root);
  // Marks a node at its first visit; returns whether its inputs are to be visited.
  bool enter(Node<T>& node) {
    if (outer_ != nullptr) check_outer_passes(node);
    node.epoch_ = epoch_;
    if (!to_leaves_) return enter_towards_targets(node);
    node.needed_ = true;
    if (node.freed_) fail_freed(node);
    return node.input_count_ > 0;
  }
  // Marks the inputs of a node if at most one of them, `next`, has nodes behind it; returns false
  // otherwise. `next` is null where the chain ends.
  bool enter_only_way_on(const Node<T>& node, Node<T>*& next);
  bool enter_towards_targets(Node<T>& node);
  void check_outer_passes(const Node<T>& node) const;
  [[noreturn]] void fail_freed(const Node<T>& node) const;
  bool may_run_chain() const;
  void run_chain(Node<T>& root, const Variable<T>& grad_output);
  void search_rest();
  void run_nodes();
  void release(Node<T>& node, bool lets_go) const;
  void descend(const Variable<T>& output, Variable<T> gradient);
  void run_node(Node<T>& node, Variable<T>& grad);
  void check_gradients(const Node<T>& node) const;
  void let_go(Node<T>& node) const;
  bool is_needed(const Node<T>& node) const { return node.epoch_ == epoch_ && node.needed_; }
  // Whether this node's gradient goes to its `grad` at once.
  bool goes_to_grad(const Node<T>& node) const { return to_leaves_ && node.is_leaf(); }
  void accumulate(Node<T>& node, Variable<T>&& gradient);
  void add_to_pending(Node<T>& node, const Variable<T>& gradient) const;
  void add_to_grad(Node<T>& node, Variable<T> gradient) const;
  Tensor<T>& open(Node<T>& node, T& beta) const;

  bool leads_on(const Node<T>& node) const;
  // The pass that is running on this thread, null if none is.
  static BackwardPass*& innermost();

  const char* operation_;
  bool retain_graph_;
  bool create_graph_;
  bool to_leaves_ = true;  // as opposed to targets
  std::size_t target_count_ = 0;
  std::uint64_t oldest_target_ = 0;  // the smallest of the targets' stamps
  std::uint64_t epoch_;
  BackwardPass* outer_;  // the pass whose rule began this one
  // The interior nodes, inputs before outputs; each holds a reference, because a node may lose its
  // last other one when the nodes after it let their inputs go. Kept between passes for its memory.
  std::vector<Node<T>*> order_;
  std::vector<Frame> stack_;
  // While a chain runs: the next node, which is marked and held; what is behind it is not yet.
  Node<T>* chain_ = nullptr;
};

}  // namespace glissade
