#include "glissade/autograd/per_example.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "backward_pass.h"
#include "examples.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/core/check.h"

namespace glissade {

/// A backward pass that keeps the gradients of examples apart. A node is either batched, then its
/// elements are in equal parts those of the examples, and its gradient has its shape as ever; or it
/// is shared by the examples, as parameters are, and has one gradient for each example. Ordinary
/// rules bring a gradient from one batched node to another; from a batched node to a shared one,
/// `backward_per_example` does, or the ordinary rule for a gradient that is zero but for one
/// example.
template <class T>
class PerExamplePass {
 public:
  PerExamplePass(const Variable<T>& losses, const std::vector<Variable<T>>& parameters)
      : losses_(losses), examples_(losses.size()), pass_(kName, true, false) {
    for (const Variable<T>& parameter : parameters) targets_.insert(parameter.node());
  }
  ~PerExamplePass() {
    for (Node<T>* node : targets_) {
      node->target_ = false;
      node->pending_ = Variable<T>();
    }
  }
  PerExamplePass(const PerExamplePass&) = delete;
  PerExamplePass& operator=(const PerExamplePass&) = delete;

  void run(bool check_independence) {
    const RecordingScope recording(false);
    pass_.to_leaves_ = false;
    pass_.target_count_ = targets_.size();
    for (Node<T>* node : targets_) node->target_ = true;
    pass_.find_order(*losses_.node());
    if (!is_needed(*losses_.node())) return;
    find_batched();
    if (check_independence && examples_ > 1) look_for_mixing();
    start();
    for (std::size_t i = pass_.order_.size(); i-- > 0;) visit(*pass_.order_[i]);
  }

  // The gradients (examples, parameter's shape) of each parameter, not copied: they are large.
  std::vector<Tensor<T>> take(const std::vector<Variable<T>>& parameters) {
    std::vector<Tensor<T>> results;
    std::unordered_map<const Node<T>*, std::size_t> taken;  // a parameter may be given twice
    for (const Variable<T>& parameter : parameters) {
      const auto [first, is_new] = taken.try_emplace(parameter.node(), results.size());
      const auto found = gradients_.find(parameter.node());
      if (!is_new) {
        results.push_back(results[first->second]);
      } else if (found == gradients_.end()) {
        results.emplace_back(batch_shape(parameter.shape()));
      } else {
        results.push_back(std::move(found->second));
      }
    }
    return results;
  }

 private:
  friend class PerExampleSink<T>;

  static constexpr const char* kName = "per_example_gradients";

  bool is_needed(const Node<T>& node) const { return pass_.is_needed(node); }
  bool is_batched(const Node<T>& node) const { return batched_.contains(&node); }

  Shape batch_shape(const Shape& shape) const {
    check(shape.rank() < Shape::kMaxRank,
          "{}: a shape {} has no room for one more axis, the batch; at most {} axes have", kName,
          shape, Shape::kMaxRank - 1);
    std::vector<Index> extents{examples_};
    extents.insert(extents.end(), shape.begin(), shape.end());
    return Shape(std::span<const Index>(extents));
  }

  // Data has the batch as its first axis; what is computed from it may have a multiple, for
  // sequences whose positions became rows.
  void find_batched() {
    const auto has_batch = [this](const Variable<T>& input) {
      if (!input.defined()) return false;
      const Node<T>& node = *input.node();
      const Shape& shape = node.value_.shape();
      const bool is_data =
          node.is_leaf() && !node.target_ && shape.rank() >= 1 && shape[0] == examples_;
      return is_data || is_batched(node);
    };
    for (const Node<T>* node : pass_.order_) {
      const Shape& shape = node->value_.shape();
      if (node->target_ || shape.rank() == 0 || shape[0] % examples_ != 0) continue;
      const auto inputs = node->inputs();
      if (node->begins_batch() || std::any_of(inputs.begin(), inputs.end(), has_batch)) {
        batched_.insert(node);
      }
    }
  }

  // The gradient of the first loss with respect to the losses is (1, 0, ...), and so on.
  void start() {
    Node<T>& root = *losses_.node();
    if (is_batched(root)) {
      root.pending_ = Variable<T>(Tensor<T>::full({examples_}, T{1}));
      return;
    }
    Tensor<T> identity({examples_, examples_});
    for (Index i = 0; i < examples_; ++i) identity[i * examples_ + i] = T{1};
    gradients_.insert_or_assign(&root, std::move(identity));
  }

  // A rule in the ordinary way, for those inputs that are wanted. Leaves their gradients pending.
  template <class Wanted>
  void call_rule(Node<T>& node, Variable<T> grad, const Wanted& wanted) {
    struct Needed {  // the inputs' marks are as before in the end, also after an exception
      std::vector<Node<T>*> hidden;
      ~Needed() {
        for (Node<T>* input : hidden) input->needed_ = true;
      }
    } needed;
    for (const Variable<T>& input : node.inputs()) {
      if (!input.defined() || !is_needed(*input.node()) || wanted(*input.node())) continue;
      input.node()->needed_ = false;
      needed.hidden.push_back(input.node());
    }
    GradientSink<T> sink(pass_, node, pass_.epoch_, false);
    if (!node.backward_in_place(grad, sink)) node.backward(grad, output_of(node), sink);
  }

  static Variable<T> output_of(Node<T>& node) {
    detail::add_reference(&node);
    return Variable<T>::adopt(&node);
  }

  bool leads_to(const Node<T>& node, bool batched) const {
    return std::any_of(node.inputs().begin(), node.inputs().end(), [&](const Variable<T>& input) {
      return input.defined() && is_needed(*input.node()) && is_batched(*input.node()) == batched;
    });
  }

  void visit(Node<T>& node) {
    if (!is_needed(node) || node.inputs().empty()) return;
    if (!is_batched(node)) return visit_shared(node);
    Variable<T> grad = std::move(node.pending_);
    if (!grad.defined()) return;
    if (leads_to(node, false)) {
      PerExampleSink<T> sink(*this, node, examples_);
      if (!node.backward_per_example(grad, sink)) visit_one_by_one(node, grad.value());
    }
    if (leads_to(node, true)) {
      call_rule(node, std::move(grad), [this](const Node<T>& input) { return is_batched(input); });
    }
  }

  // The part of one example alone, and zero elsewhere.
  void visit_one_by_one(Node<T>& node, const Tensor<T>& grad) {
    const Index part = grad.size() / examples_;
    for (Index i = 0; i < examples_; ++i) {
      Tensor<T> of_one(grad.shape());
      std::copy_n(grad.data() + i * part, part, of_one.data() + i * part);
      call_rule(node, Variable<T>(std::move(of_one)),
                [this](const Node<T>& input) { return !is_batched(input); });
      collect(node, i);
    }
  }

  void visit_shared(Node<T>& node) {
    const auto found = gradients_.find(&node);
    if (found == gradients_.end()) return;
    check(!leads_to(node, true), "{}: '{}', of shape {}, brings the examples together{}", kName,
          node.name(), node.value_.shape(), kWhatMixes);
    const Tensor<T> gradients =
        node.target_ ? found->second : std::move(gradients_.extract(found).mapped());
    const Index size = node.value_.size();
    for (Index i = 0; i < examples_; ++i) {
      Tensor<T> of_one = Tensor<T>::uninitialized(node.value_.shape());
      std::copy_n(gradients.data() + i * size, size, of_one.data());
      call_rule(node, Variable<T>(std::move(of_one)), [](const Node<T>&) { return true; });
      collect(node, i);
    }
  }

  // Moves the pending gradients of shared inputs to those of example i.
  void collect(Node<T>& node, Index i) {
    for (const Variable<T>& input : node.inputs()) {
      if (!input.defined() || is_batched(*input.node())) continue;
      const Variable<T> gradient = std::exchange(input.node()->pending_, Variable<T>());
      if (!gradient.defined()) continue;
      const auto [entry, is_new] = gradients_.try_emplace(input.node());
      if (is_new) entry->second = Tensor<T>(batch_shape(input.shape()));
      T* to = entry->second.data() + i * gradient.size();
      for (const T element : gradient.value()) *to++ += element;
    }
  }

  // Sends the gradients of a part of the losses back through the batched nodes, and looks whether
  // they reach examples that are not of this part.
  void look_for_mixing() {
    Node<T>& root = *losses_.node();
    if (!is_batched(root)) return;
    Tensor<T> part({examples_});
    for (Index i = 0; i < examples_; ++i) {
      // Different weights, so that nothing cancels.
      if (detail::is_in_sample(i, examples_)) {
        part[i] = static_cast<T>(1.0 + static_cast<double>(i) / static_cast<double>(examples_));
      }
    }
    root.pending_ = Variable<T>(std::move(part));
    for (std::size_t k = pass_.order_.size(); k-- > 0;) {
      Node<T>& node = *pass_.order_[k];
      Variable<T> grad = std::move(node.pending_);
      if (!grad.defined() || !is_batched(node) || !leads_to(node, true)) continue;
      call_rule(node, std::move(grad), [this](const Node<T>& input) { return is_batched(input); });
      for (const Variable<T>& input : node.inputs()) {
        if (!input.defined() || !is_batched(*input.node())) continue;
        const Variable<T>& gradient = input.node()->pending_;
        check(!gradient.defined() || is_in_part(gradient.value()),
              "{}: '{}', of shape {}, makes examples depend on each other{}", kName, node.name(),
              node.value_.shape(), kWhatMixes);
      }
    }
  }

  bool is_in_part(const Tensor<T>& gradient) const {
    const Index size = gradient.size() / examples_;
    for (Index i = 0; i < examples_; ++i) {
      if (detail::is_in_sample(i, examples_)) continue;
      const T* const row = gradient.data() + i * size;
      // 0 times infinity is NaN, which says nothing.
      if (std::any_of(row, row + size, [](T g) { return g != T{} && !std::isnan(g); })) {
        return false;
      }
    }
    return true;
  }

  static constexpr const char* kWhatMixes =
      ", so that no example has a gradient of its own (a batch normalisation does so in training, "
      "not in evaluation)";

  const Variable<T>& losses_;
  Index examples_;
  BackwardPass<T> pass_;
  std::unordered_set<Node<T>*> targets_;
  std::unordered_set<const Node<T>*> batched_;
  std::unordered_map<const Node<T>*, Tensor<T>> gradients_;  // of shared nodes
};

template <class T>
bool PerExampleSink<T>::needed(std::size_t input) const {
  const Variable<T>& variable = node_.inputs_[input];
  return variable.defined() && pass_.is_needed(*variable.node()) &&
         !pass_.is_batched(*variable.node());
}

template <class T>
Tensor<T>& PerExampleSink<T>::open(std::size_t input, T& beta) {
  const Variable<T>& variable = node_.inputs_[input];
  const auto [entry, is_new] = pass_.gradients_.try_emplace(variable.node());
  beta = is_new ? T{0} : T{1};
  if (is_new) entry->second = Tensor<T>::uninitialized(pass_.batch_shape(variable.shape()));
  return entry->second;
}

template <class T>
std::vector<Tensor<T>> per_example_gradients(const Variable<T>& losses,
                                             const std::vector<Variable<T>>& parameters,
                                             const PerExampleOptions& options) {
  check(losses.rank() == 1,
        "per_example_gradients: the losses must have the shape (batch), one for each example, got "
        "{}",
        losses.shape());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    check(parameters[i].requires_grad(),
          "per_example_gradients: parameter {} (of shape {}) does not require a gradient", i,
          parameters[i].shape());
  }
  check(losses.requires_grad() || parameters.empty(),
        "per_example_gradients: the losses ('{}', of shape {}) do not depend on any parameter",
        losses.operation(), losses.shape());
  if (parameters.empty()) return {};
  PerExamplePass<T> pass(losses, parameters);
  if (losses.size() > 0) pass.run(options.check_independence);
  return pass.take(parameters);
}

#define GLISSADE_INSTANTIATE(T)                          \
  template class PerExampleSink<T>;                      \
  template std::vector<Tensor<T>> per_example_gradients( \
      const Variable<T>&, const std::vector<Variable<T>>&, const PerExampleOptions&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
