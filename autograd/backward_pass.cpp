#include "backward_pass.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <utility>

#include "glissade/autograd/grad.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/core/check.h"
#include "glissade/core/elementwise.h"

namespace glissade {
namespace {

// Nodes carry the number of the last pass that visited them; numbers are never used twice, in
// whichever thread.
std::uint64_t next_epoch() {
  static std::atomic<std::uint64_t> epoch{0};
  return epoch.fetch_add(1, std::memory_order_relaxed) + 1;
}

// The thread's vectors, reused from pass to pass. A pass within a pass finds them empty.
template <class T>
struct Scratch {
  std::vector<T> items;
  static std::vector<T>& get() {
    thread_local Scratch scratch;
    return scratch.items;
  }
};

template <class T>
Variable<T> share(Node<T>& node) {
  detail::add_reference(&node);
  return Variable<T>::adopt(&node);
}

// a + b, where a's buffer is used again if nobody else can see it and b brings no graph, which
// would be lost.
template <class T>
Variable<T> add_up(Variable<T> a, const Variable<T>& b) {
  if (!a.node()->is_disposable() || b.requires_grad()) return add(a, b);
  kernels::binary_in_place(kernels::Binary::add, a.mutable_value(), b.value(), "add");
  return a;
}

}  // namespace

template <class T>
BackwardPass<T>::BackwardPass(const char* operation, bool retain_graph, bool create_graph)
    : operation_(operation),
      retain_graph_(retain_graph || create_graph),
      create_graph_(create_graph),
      epoch_(next_epoch()),
      outer_(innermost()),
      order_(std::move(Scratch<Node<T>*>::get())),
      stack_(std::move(Scratch<Frame>::get())) {
  // This pass must see what the outer one is going through.
  if (outer_ != nullptr) outer_->search_rest();
  innermost() = this;
}

template <class T>
BackwardPass<T>*& BackwardPass<T>::innermost() {
  thread_local constinit BackwardPass* pass = nullptr;
  return pass;
}

template <class T>
BackwardPass<T>::~BackwardPass() {
  innermost() = outer_;
  if (chain_ != nullptr) order_.push_back(chain_);
  for (Node<T>* node : order_) {  // only those that an exception has left
    node->pending_ = Variable<T>();
    Variable<T>::adopt(node);  // drops the reference
  }
  order_.clear();
  stack_.clear();
  Scratch<Node<T>*>::get() = std::move(order_);
  Scratch<Frame>::get() = std::move(stack_);
}

template <class T>
void BackwardPass<T>::check_output(const Variable<T>& output,
                                   const Variable<T>& grad_output) const {
  check(output.requires_grad(),
        "{}: the output ('{}', of shape {}) does not depend on anything that requires a gradient",
        operation_, output.operation(), output.shape());
  check(grad_output.shape() == output.shape(),
        "{}: the gradient of the output has shape {}, the output {}", operation_,
        grad_output.shape(), output.shape());
}

template <class T>
void BackwardPass<T>::run(const Variable<T>& output, const Variable<T>& grad_output) {
  check_output(output, grad_output);
  const RecordingScope scope(create_graph_);
  if (may_run_chain()) return run_chain(*output.node(), grad_output);
  find_order(*output.node());
  accumulate(*output.node(), Variable<T>(grad_output));
  run_nodes();
}

// Nodes that an earlier pass has let go are an error, which the search finds before anything has
// changed.
template <class T>
bool BackwardPass<T>::may_run_chain() const {
  return outer_ == nullptr && !create_graph_ && detail::freed_nodes <= 0;
}

// Runs the nodes one after the other as long as each has one input with nodes behind it: all that
// uses that one has run then, and its gradient is complete. Most networks are such a chain, and
// need no search; it begins where a node has two such inputs.
template <class T>
void BackwardPass<T>::run_chain(Node<T>& root, const Variable<T>& grad_output) {
  const bool has_inputs = enter(root);
  accumulate(root, Variable<T>(grad_output));
  if (!has_inputs) return;
  detail::add_reference(&root);
  chain_ = &root;
  Node<T>* next = nullptr;
  while (chain_ != nullptr && enter_only_way_on(*chain_, next)) {
    Node<T>& node = *chain_;
    order_.push_back(&node);  // which drops the reference if the rule throws
    if (next != nullptr) detail::add_reference(next);
    chain_ = next;
    Variable<T> grad = std::move(node.pending_);
    if (grad.defined()) run_node(node, grad);
    order_.pop_back();
    release(node, !retain_graph_);
  }
  search_rest();
  run_nodes();
}

// Finds what is behind a chain that is running, because the whole has to be marked now.
template <class T>
void BackwardPass<T>::search_rest() {
  if (chain_ == nullptr) return;
  const Variable<T> held = Variable<T>::adopt(std::exchange(chain_, nullptr));
  const auto running = static_cast<std::ptrdiff_t>(order_.size());  // it goes on when its rule has
  find_order(*held.node());
  std::rotate(order_.begin(), order_.begin() + running, order_.end());
}

template <class T>
std::vector<Variable<T>> BackwardPass<T>::run(const Variable<T>& output,
                                              const Variable<T>& grad_output,
                                              const std::vector<Variable<T>>& targets) {
  check_output(output, grad_output);
  to_leaves_ = false;
  target_count_ = targets.size();
  oldest_target_ = std::numeric_limits<std::uint64_t>::max();
  for (const Variable<T>& target : targets) {
    oldest_target_ = std::min(oldest_target_, target.node()->stamp_);
  }
  struct Marks {  // the targets' marks and gradients go when the pass ends, also by an exception
    const std::vector<Variable<T>>& targets;
    explicit Marks(const std::vector<Variable<T>>& marked) : targets(marked) {
      for (const Variable<T>& target : targets) target.node()->target_ = true;
    }
    ~Marks() {
      for (const Variable<T>& target : targets) {
        target.node()->target_ = false;
        target.node()->pending_ = Variable<T>();
      }
    }
    Marks(const Marks&) = delete;
    Marks& operator=(const Marks&) = delete;
  };
  const Marks marks(targets);
  const RecordingScope scope(create_graph_);
  find_order(*output.node());
  if (is_needed(*output.node())) accumulate(*output.node(), Variable<T>(grad_output));
  run_nodes();
  std::vector<Variable<T>> gradients;
  gradients.reserve(targets.size());
  for (const Variable<T>& target : targets) {
    Variable<T> gradient = target.node()->pending_;
    // The user may change a gradient in place, so it must not be shared, unless it is part of a
    // graph.
    const bool shared = gradient.defined() && gradient.node()->references_ > 2;
    if (shared && !gradient.requires_grad()) gradient = gradient.detach();
    gradients.push_back(std::move(gradient));
  }
  return gradients;
}

template <class T>
void BackwardPass<T>::run_nodes() {
  while (!order_.empty()) {
    // A large graph is not in the cache, and the nodes that come next are known.
    if (order_.size() > detail::kNodesAhead) {
      detail::prefetch_node(order_[order_.size() - 1 - detail::kNodesAhead]);
    }
    Node<T>& node = *order_.back();
    const bool leads = to_leaves_ || leads_on(node);
    if (node.needed_) {
      // A target's gradient stays where it is, complete now.
      Variable<T> grad = node.target_ ? node.pending_ : std::move(node.pending_);
      if (grad.defined() && leads) run_node(node, grad);
    }
    order_.pop_back();
    release(node, !retain_graph_ && leads);
  }
}

// Drops the reference to a node that has run.
template <class T>
inline void BackwardPass<T>::release(Node<T>& node, bool lets_go) const {
  if (lets_go) {
    if (node.references_ == 1) {  // nobody else's: it lets its inputs go itself
      delete &node;
      return;
    }
    let_go(node);
  }
  Variable<T>::adopt(&node);
}

template <class T>
inline void BackwardPass<T>::run_node(Node<T>& node, Variable<T>& grad) {
  if (node.retains_grad_ && to_leaves_) add_to_grad(node, grad);
  GradientSink<T> sink(*this, node, epoch_, !retain_graph_);
  if (create_graph_ || !node.backward_in_place(grad, sink)) node.backward(grad, share(node), sink);
  if (detail::anomaly_mode) [[unlikely]]
    check_gradients(node);
}

// In anomaly mode: what the node's rule has contributed to.
template <class T>
void BackwardPass<T>::check_gradients(const Node<T>& node) const {
  for (std::uint32_t i = 0; i < node.input_count_; ++i) {
    if (!node.inputs_[i].defined()) continue;
    const Node<T>& input = *node.inputs_[i].node();
    if (!input.requires_grad_ || !is_needed(input)) continue;
    const bool in_grad = goes_to_grad(input);
    const Variable<T>& gradient = in_grad ? input.grad_ : input.pending_;
    if (gradient.defined() && (!in_grad || input.has_grad_)) {
      detail::check_backward(node, i, gradient.value());
    }
  }
}

template <class T>
void BackwardPass<T>::let_go(Node<T>& node) const {
  for (std::uint32_t i = 0; i < node.input_count_; ++i) node.inputs_[i] = Variable<T>();
  node.input_count_ = 0;
  node.freed_ = true;
  ++detail::freed_nodes;
}

template <class T>
inline void BackwardPass<T>::accumulate(Node<T>& node, Variable<T>&& gradient) {
  if (goes_to_grad(node)) return add_to_grad(node, std::move(gradient));
  if (!node.pending_.defined()) return node.pending_.swap(gradient);
  add_to_pending(node, gradient);
}

template <class T>
void BackwardPass<T>::add_to_pending(Node<T>& node, const Variable<T>& gradient) const {
  node.pending_ = add_up(std::move(node.pending_), gradient);
}

template <class T>
void BackwardPass<T>::add_to_grad(Node<T>& node, Variable<T> gradient) const {
  if (node.has_grad_) {
    node.grad_ = add_up(std::move(node.grad_), gradient);
    return;
  }
  // Not shared either, for the same reason as the gradients that are returned.
  const bool take = gradient.requires_grad() || gradient.node()->is_disposable();
  node.grad_ = take ? std::move(gradient) : gradient.detach();
  node.has_grad_ = true;
}

// The buffer that a rule in place writes a node's gradient to: beta = 0 at first, then 1.
template <class T>
Tensor<T>& BackwardPass<T>::open(Node<T>& node, T& beta) const {
  const bool in_grad = goes_to_grad(node);
  Variable<T>& slot = in_grad ? node.grad_ : node.pending_;
  const bool has_gradient = in_grad ? node.has_grad_ : slot.defined();
  if (has_gradient) {
    if (!slot.node()->is_disposable()) slot = slot.detach();
    beta = T{1};
  } else {
    const bool reusable =
        slot.defined() && slot.node()->is_disposable() && slot.shape() == node.value_.shape();
    if (!reusable) slot = Variable<T>(Tensor<T>::uninitialized(node.value_.shape()));
    beta = T{0};
  }
  if (in_grad) node.has_grad_ = true;
  return slot.mutable_value();
}

template <class T>
void GradientSink<T>::give(std::size_t input, Variable<T>&& gradient) {
  if (!needed(input)) return;
  Node<T>& node = *node_.inputs_[input].node();
  if (!gradient.defined() || gradient.shape() != node.value_.shape()) [[unlikely]] {
    fail("{}: the backward rule gave a gradient of shape {} for input {}, whose shape is {}",
         node_.name(), gradient.defined() ? to_string(gradient.shape()) : "undefined", input,
         node.value_.shape());
  }
  pass_.accumulate(node, std::move(gradient));
}

// A graph within the pass: it ends at nodes that the pass has visited, which are not entered again.
template <class T>
void BackwardPass<T>::descend(const Variable<T>& output, Variable<T> gradient) {
  struct Inner {  // the nodes of the outer graph come back in the end, also after an exception
    std::vector<Node<T>*>& order;
    std::vector<Node<T>*> outer;
    explicit Inner(std::vector<Node<T>*>& of) : order(of) { order.swap(outer); }
    ~Inner() {
      outer.insert(outer.end(), order.begin(), order.end());
      order.swap(outer);
    }
    Inner(const Inner&) = delete;
    Inner& operator=(const Inner&) = delete;
  };
  const Inner inner(order_);
  if (output.node()->epoch_ != epoch_) find_order(*output.node());
  if (is_needed(*output.node())) accumulate(*output.node(), std::move(gradient));
  run_nodes();
}

template <class T>
void GradientSink<T>::descend(const Variable<T>& output, Variable<T> gradient) {
  pass_.descend(output, std::move(gradient));
}

template <class T>
Tensor<T>& GradientSink<T>::open(std::size_t input, T& beta) {
  return pass_.open(*node_.inputs_[input].node(), beta);
}

template <class T>
void Node<T>::backward(const Variable<T>&, const Variable<T>&, GradientSink<T>&) {}

template <class T>
bool Node<T>::backward_in_place(Variable<T>&, GradientSink<T>&) {
  return false;
}

template <class T>
bool Node<T>::backward_per_example(const Variable<T>&, PerExampleSink<T>&) {
  return false;
}

template <class T>
std::vector<Variable<T>> grad(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                              const GradOptions& options) {
  check(output.size() == 1,
        "grad: the output has shape {}; without a gradient of the output it must have one element",
        output.shape());
  return grad(output, inputs, Variable<T>(Tensor<T>::full(output.shape(), T{1})), options);
}

template <class T>
std::vector<Variable<T>> grad(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                              const Variable<T>& grad_output, const GradOptions& options) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check(inputs[i].requires_grad(), "grad: input {} (of shape {}) does not require a gradient", i,
          inputs[i].shape());
  }
  BackwardPass<T> pass("grad", options.retain_graph, options.create_graph);
  std::vector<Variable<T>> gradients = pass.run(output, grad_output, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (gradients[i].defined()) continue;
    check(
        options.allow_unused,
        "grad: the output does not depend on input {} (of shape {}); pass {{.allow_unused = true}} "
        "for zeros",
        i, inputs[i].shape());
    gradients[i] = Variable<T>(Tensor<T>(inputs[i].shape()));
  }
  return gradients;
}

#define GLISSADE_INSTANTIATE(T)                                                               \
  template class BackwardPass<T>;                                                             \
  template class GradientSink<T>;                                                             \
  template class Node<T>;                                                                     \
  template std::vector<Variable<T>> grad(const Variable<T>&, const std::vector<Variable<T>>&, \
                                         const GradOptions&);                                 \
  template std::vector<Variable<T>> grad(const Variable<T>&, const std::vector<Variable<T>>&, \
                                         const Variable<T>&, const GradOptions&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
