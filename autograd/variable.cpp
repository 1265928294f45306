#include "glissade/autograd/variable.h"

#include "backward_pass.h"
#include "glissade/autograd/node.h"
#include "glissade/core/check.h"

namespace glissade {

template <class T>
void detail::destroy(Node<T>* node) noexcept {
  // Deleting a node drops its inputs, which may have to be destroyed in turn. They queue up here
  // instead of recursing: a graph may be a million nodes deep.
  if (node->input_count_ == 0) {
    delete node;
    return;
  }
  constinit thread_local Node<T>* doomed = nullptr;
  constinit thread_local bool destroying = false;
  node->next_doomed_ = doomed;
  doomed = node;
  if (destroying) return;
  destroying = true;
  while (doomed != nullptr) {
    Node<T>* next = doomed;
    doomed = next->next_doomed_;
    delete next;
  }
  destroying = false;
}

constinit thread_local std::uint64_t detail::nodes_made = 0;
constinit thread_local std::int64_t detail::freed_nodes = 0;

void detail::fail_undefined() {
  fail("variable: it is undefined (default-constructed or moved from)");
}

template <class T>
Variable<T>::Variable(Tensor<T> value) : node_(new Node<T>(std::move(value), false)) {}

template <class T>
Variable<T>::Variable(Tensor<T> value, bool requires_grad)
    : node_(new Node<T>(std::move(value), requires_grad)) {}

template <class T>
void Variable<T>::set_requires_grad(bool requires_grad) {
  check(is_leaf(), "set_requires_grad: the variable is the result of '{}', not a leaf",
        operation());
  node_->requires_grad_ = requires_grad;
}

template <class T>
bool Variable<T>::is_leaf() const {
  return checked_node().is_leaf();
}

template <class T>
const char* Variable<T>::operation() const {
  return checked_node().name();
}

template <class T>
Tensor<T>& Variable<T>::mutable_grad() {
  check(has_grad(), "mutable_grad: the variable of shape {} has no gradient", shape());
  return node_->grad_.mutable_value();
}

template <class T>
void Variable<T>::zero_grad() {
  Node<T>& node = checked_node();
  node.has_grad_ = false;
  // The buffer serves again, unless someone else still looks at it.
  if (node.grad_.defined() && !node.grad_.node()->is_disposable()) node.grad_ = Variable();
}

template <class T>
void Variable<T>::retain_grad() {
  checked_node().retains_grad_ = true;
}

template <class T>
void Variable<T>::backward(const BackwardOptions& options) const {
  check(size() == 1,
        "backward: the variable has shape {}; without a gradient of the output it must have one "
        "element",
        shape());
  backward(Variable(Tensor<T>::full(shape(), T{1})), options);
}

template <class T>
void Variable<T>::backward(const Variable& grad_output, const BackwardOptions& options) const {
  BackwardPass<T> pass("backward", options.retain_graph, options.create_graph);
  pass.run(*this, grad_output);
}

template class Variable<float>;
template class Variable<double>;
template void detail::destroy(Node<float>*) noexcept;
template void detail::destroy(Node<double>*) noexcept;

}  // namespace glissade
