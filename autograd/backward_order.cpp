// How a backward pass finds the nodes that it runs, and their order.

#include <algorithm>
#include <cstdint>

#include "backward_pass.h"
#include "glissade/core/check.h"

namespace glissade {

template <class T>
bool BackwardPass<T>::enter_towards_targets(Node<T>& node) {
  node.needed_ = node.target_;
  // What was made before all targets has none of them behind it.
  if (node.stamp_ < oldest_target_ || node.is_leaf()) return false;
  // Where a gradient is wanted for this very node alone, nothing before it leads there: it is not
  // searched (it may be long, as in a descent that is differentiated), and may have been let go.
  if (node.target_ && target_count_ == 1) return false;
  if (node.freed_) fail_freed(node);
  return true;
}

template <class T>
void BackwardPass<T>::check_outer_passes(const Node<T>& node) const {
  for (const BackwardPass* pass = outer_; pass != nullptr; pass = pass->outer_) {
    check(node.epoch_ != pass->epoch_,
          "{}: a backward rule may not go backward through '{}', which the pass that called it is "
          "going through; detach its inputs first",
          operation_, node.name());
  }
}

template <class T>
void BackwardPass<T>::fail_freed(const Node<T>& node) const {
  fail(
      "{}: the graph behind '{}' has been let go by an earlier backward; pass {{.retain_graph = "
      "true}} to that one",
      operation_, node.name());
}

namespace {

// The nodes of a long chain lie side by side in memory, where the allocator has put them: whoever
// learns only from a node where the one before it is guesses where it will be some nodes on.
template <class T>
void prefetch_beyond(const Node<T>& node, const Node<T>& input) {
  const auto at = reinterpret_cast<std::uintptr_t>(&input);
  const auto step = at - reinterpret_cast<std::uintptr_t>(&node);
  detail::prefetch_node(reinterpret_cast<const void*>(at + detail::kNodesAhead * step));
}

}  // namespace

template <class T>
void BackwardPass<T>::find_order(Node<T>& root) {
  if (!enter(root)) return;
  Frame frame{&root, 0};  // where the search is; the stack has those that wait for it
  while (true) {
    Node<T>& node = *frame.node;
    if (frame.next_input < node.input_count_) {
      Node<T>* input = node.inputs_[frame.next_input++].node();
      const bool visit = input != nullptr && input->requires_grad_ && input->epoch_ != epoch_;
      if (visit && enter(*input)) {
        prefetch_beyond(node, *input);
        stack_.push_back(frame);
        frame = {input, 0};
      }
      continue;
    }
    if (!node.needed_) node.needed_ = leads_on(node);
    detail::add_reference(&node);
    order_.push_back(&node);
    if (stack_.empty()) return;
    frame = stack_.back();
    stack_.pop_back();
  }
}

template <class T>
bool BackwardPass<T>::enter_only_way_on(const Node<T>& node, Node<T>*& next) {
  next = nullptr;
  for (const Variable<T>& variable : node.inputs()) {
    Node<T>* const input = variable.node();
    if (input == nullptr || !input->requires_grad_) continue;
    if (input->is_leaf()) {
      enter(*input);
    } else if (next == nullptr) {
      next = input;
    } else {
      return false;
    }
  }
  if (next == nullptr) return true;
  enter(*next);
  prefetch_beyond(node, *next);
  return true;
}

// Whether the gradient of an input is needed, and so the node's rule.
template <class T>
bool BackwardPass<T>::leads_on(const Node<T>& node) const {
  return std::any_of(node.inputs().begin(), node.inputs().end(), [this](const Variable<T>& input) {
    return input.defined() && is_needed(*input.node());
  });
}

#define GLISSADE_INSTANTIATE(T)                                                \
  template bool BackwardPass<T>::enter_towards_targets(Node<T>&);              \
  template void BackwardPass<T>::check_outer_passes(const Node<T>&) const;     \
  template void BackwardPass<T>::fail_freed(const Node<T>&) const;             \
  template void BackwardPass<T>::find_order(Node<T>&);                         \
  template bool BackwardPass<T>::enter_only_way_on(const Node<T>&, Node<T>*&); \
  template bool BackwardPass<T>::leads_on(const Node<T>&) const;
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
