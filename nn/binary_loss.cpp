// The loss of binary classifiers: binary_cross_entropy_with_logits.

#include <array>
#include <utility>

#include "glissade/autograd/operation.h"
#include "glissade/core/regression_loss.h"
#include "glissade/nn/loss.h"
#include "sum_of.h"

namespace glissade::nn {
namespace {

constexpr const char* kName = "binary_cross_entropy_with_logits";

// softplus(x) - t x, as it is without weights. Its derivative is sigmoid(x) - t with respect to the
// logit x, and -x to the target t.
template <class T>
class BinaryCrossEntropyNode final : public Node<T> {
 public:
  // `tails`: sigmoid(-|x|).
  BinaryCrossEntropyNode(Tensor<T>&& value, const Variable<T>& logits, const Variable<T>& targets,
                         Tensor<T> tails, double divisor)
      : Node<T>(std::move(value), true),
        inputs_{logits, targets},
        tails_(std::move(tails)),
        divisor_(divisor) {
    this->set_inputs(inputs_.data(), inputs_.size());
  }

  const char* name() const override { return kName; }

  void backward(const Variable<T>& grad, const Variable<T>&, GradientSink<T>& sink) override {
    const Variable<T> scale = grad * (1.0 / divisor_);
    if (sink.needed(0)) sink.give(0, (sigmoid(inputs_[0]) - inputs_[1]) * scale);
    if (sink.needed(1)) sink.give(1, -(inputs_[0] * scale));
  }

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    if (grad.size() != 1 || sink.needed(1)) return false;
    // They may have been given away to a pass that then failed.
    if (tails_.size() != inputs_[0].size()) return false;
    const T* const x = inputs_[0].value().data();
    const T* const t = inputs_[1].value().data();
    const T scale = static_cast<T>(1.0 / divisor_) * grad.value()[0];
    Tensor<T> slopes = sink.is_last() ? std::move(tails_) : tails_;
    kernels::logistic_slope(slopes.size(), x, t, scale, slopes.data());
    sink.give(0, std::move(slopes));
    return true;
  }

 private:
  std::array<Variable<T>, 2> inputs_;
  Tensor<T> tails_;
  double divisor_;
};

// The loss without weights in one node.
template <class T>
Variable<T> plain_loss(const Variable<T>& logits, const Variable<T>& targets, Reduction reduction) {
  const T* const x = logits.value().data();
  const T* const t = targets.value().data();
  const Index n = logits.size();
  auto tails = Tensor<T>::uninitialized(logits.shape());
  auto losses = Tensor<T>::uninitialized(logits.shape());
  kernels::logistic_loss(n, x, t, tails.data(), losses.data());
  const double divisor = reduction == Reduction::mean ? static_cast<double>(n) : 1.0;
  if (reduction != Reduction::none) {
    const double total = sum_of(n, [&](Index i) { return losses[i]; });
    losses = Tensor<T>::scalar(static_cast<T>(total / divisor));
  }
  if (!must_record(logits, targets)) return Variable<T>(std::move(losses));
  return Variable<T>::adopt(
      new BinaryCrossEntropyNode<T>(std::move(losses), logits, targets, std::move(tails), divisor));
}

}  // namespace

template <class T>
Variable<T> binary_cross_entropy_with_logits(
    const Variable<T>& logits, const std::type_identity_t<Variable<T>>& targets,
    const std::type_identity_t<BinaryCrossEntropyOptions<T>>& options) {
  check(logits.shape() == targets.shape(), "{}: the logits {} and the targets {} differ", kName,
        logits.shape(), targets.shape());
  check(options.reduction != Reduction::mean || logits.size() > 0,
        "{}: the batch is empty, there is no mean; its shape is {}", kName, logits.shape());
  if (options.pos_weight.size() == 0 && options.weight.size() == 0) {
    return plain_loss(logits, targets, options.reduction);
  }
  const auto with_factor = [&](const Variable<T>& x, const Tensor<T>& factor, const char* what) {
    if (factor.size() == 0) return x;
    check(broadcast_shapes(x.shape(), factor.shape(), kName) == x.shape(),
          "{}: {} {} does not broadcast to the logits {}", kName, what, factor.shape(), x.shape());
    return x * Variable<T>(factor);
  };
  // -log sigmoid(x) = softplus(-x) and -log(1 - sigmoid(x)) = softplus(x): no difference of nearly
  // equal numbers.
  const Variable<T> positive = with_factor(targets, options.pos_weight, "pos_weight");
  const Variable<T> losses = with_factor(
      positive * softplus(-logits) + (1.0 - targets) * softplus(logits), options.weight, "weight");
  switch (options.reduction) {
    case Reduction::mean:
      return mean(losses);
    case Reduction::sum:
      return sum(losses);
    case Reduction::none:
      break;
  }
  return losses;
}

#define GLISSADE_INSTANTIATE(T)                                                                 \
  template Variable<T> binary_cross_entropy_with_logits(const Variable<T>&, const Variable<T>&, \
                                                        const BinaryCrossEntropyOptions<T>&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade::nn
