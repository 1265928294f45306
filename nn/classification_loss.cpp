// The losses of classifiers: cross_entropy and nll_loss.

#include <algorithm>
#include <cmath>
#include <utility>

#include "class_targets.h"
#include "glissade/autograd/operation.h"
#include "glissade/core/elementwise.h"
#include "glissade/core/softmax.h"
#include "glissade/nn/loss.h"

namespace glissade::nn {
namespace {

using detail::ClassTargets;

void check_not_empty(const char* name, const Shape& shape, Reduction reduction) {
  check(reduction != Reduction::mean || shape.size() > 0,
        "{}: the batch is empty, there is no mean; its shape is {}", name, shape);
}

// What the losses of the rows are divided by.
template <class T>
double divisor(const ClassTargets<T>& targets, Reduction reduction) {
  return reduction == Reduction::mean ? targets.denominator() : 1.0;
}

// The losses of the rows, (batch), as one number where that is asked for.
template <class T>
Tensor<T> reduced(Tensor<T> losses, Reduction reduction, double divisor) {
  if (reduction == Reduction::none) return losses;
  double total = 0.0;
  for (const T loss : losses) total += static_cast<double>(loss);
  return Tensor<T>::scalar(static_cast<T>(total / divisor));
}

// The gradient of a reduced loss in a shape that broadcasts to (batch, classes).
template <class T>
Variable<T> per_row(const Variable<T>& grad) {
  return grad.rank() == 0 ? grad : reshape(grad, Shape{grad.size(), 1});
}

// The losses of the rows, (batch), from the logits x, (batch, classes), with the largest logit x_m
// of each row and log(sum(exp(x - x_m))): -log p_k = (x_m - x_k) + that. Both parts are accurate,
// whatever the logits' size.
template <class T>
Tensor<T> row_losses(const ClassTargets<T>& targets, const T* x, const Tensor<T>& largest,
                     const Tensor<T>& log_sums) {
  const Index classes = targets.classes;
  auto losses = Tensor<T>::uninitialized(Shape{targets.rows()});
  for (Index i = 0; i < targets.rows(); ++i, x += classes) {
    if (targets.ignored(i)) {
      losses[i] = T{};
      continue;
    }
    const double top = static_cast<double>(largest[i]);
    const Index y = targets.labels[i];
    double loss =
        (1.0 - targets.smoothing) * targets.weight_of(y) * (top - static_cast<double>(x[y]));
    if (targets.smoothing > 0.0) {
      for (Index k = 0; k < classes; ++k) {
        loss += targets.spread() * targets.weight_of(k) * (top - static_cast<double>(x[k]));
      }
    }
    loss += targets.row_total(i) * static_cast<double>(log_sums[i]);
    losses[i] = static_cast<T>(loss);
  }
  return losses;
}

// d loss_i / d x_ik = s_i p_ik - q_ik.
template <class T>
class CrossEntropyNode final : public Node<T> {
 public:
  CrossEntropyNode(Tensor<T>&& value, const Variable<T>& logits, ClassTargets<T> targets,
                   Tensor<T> probabilities, double divisor)
      : Node<T>(std::move(value), true),
        logits_(logits),
        targets_(std::move(targets)),
        probabilities_(std::move(probabilities)),
        divisor_(divisor) {
    this->set_inputs(&logits_, 1);
  }

  const char* name() const override { return "cross_entropy"; }

  void backward(const Variable<T>& grad, const Variable<T>&, GradientSink<T>& sink) override {
    const Variable<T> totals(targets_.row_totals(1.0 / divisor_));
    const Variable<T> distribution(targets_.distribution(1.0 / divisor_));
    sink.give(0, (softmax(logits_, 1) * totals - distribution) * per_row(grad));
  }

  // The same in one pass over the probabilities that the forward pass kept.
  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    // They may have been given away to a pass that then failed.
    if (probabilities_.size() != logits_.size()) return false;
    const Tensor<T>& g = grad.value();
    if (g.rank() == 0 && targets_.are_plain()) {
      Tensor<T> slopes = sink.is_last() ? std::move(probabilities_) : probabilities_;
      to_plain_slopes(static_cast<double>(g[0]) / divisor_, slopes);
      sink.give(0, std::move(slopes));
      return true;
    }
    sink.write(0, [&](Tensor<T>& gradient, T beta) {
      for (Index i = 0; i < targets_.rows(); ++i) {
        write_row(i, static_cast<double>(g.rank() == 0 ? g[0] : g[i]) / divisor_, beta,
                  gradient.data() + i * targets_.classes);
      }
    });
    return true;
  }

 private:
  // scale (p - q) from p, where every row counts once and has one class: the usual case.
  void to_plain_slopes(double scale, Tensor<T>& p) const {
    for (Index row = 0; row < targets_.rows(); ++row) {
      p[row * targets_.classes + targets_.labels[row]] -= T{1};
    }
    kernels::binary_scalar_in_place(kernels::Binary::mul, p, static_cast<T>(scale));
  }

  // dx = scale (s p - q) + beta dx for one row.
  void write_row(Index row, double scale, T beta, T* dx) const {
    const Index classes = targets_.classes;
    const T* const p = probabilities_.data() + row * classes;
    if (beta == T{}) std::fill(dx, dx + classes, T{});
    if (targets_.ignored(row)) return;
    const double total = targets_.row_total(row);
    const T factor = static_cast<T>(scale * total);
    const Index y = targets_.labels[row];
    const T before = dx[y];
    for (Index k = 0; k < classes; ++k) dx[k] += factor * p[k];
    if (targets_.smoothing > 0.0) {
      for (Index k = 0; k < classes; ++k) {
        dx[k] -= static_cast<T>(scale * targets_.spread() * targets_.weight_of(k));
      }
    }
    // The label's entry from its difference, which keeps its digits as p goes to 1.
    const double q = targets_.weight_of(y) * (1.0 - targets_.smoothing + targets_.spread());
    dx[y] = before + static_cast<T>(scale * (total * static_cast<double>(p[y]) - q));
  }

  Variable<T> logits_;
  ClassTargets<T> targets_;
  Tensor<T> probabilities_;  // softmax(logits)
  double divisor_;
};

}  // namespace

template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Tensor<std::int32_t>& labels,
                          const std::type_identity_t<CrossEntropyOptions<T>>& options) {
  check_not_empty("cross_entropy", logits.shape(), options.reduction);
  auto targets = ClassTargets<T>::checked("cross_entropy", logits.shape(), labels, options.weight,
                                          options.label_smoothing, options.ignore_index);
  const Tensor<T>& x = logits.value();
  auto p = Tensor<T>::uninitialized(x.shape());
  auto log_sums = Tensor<T>::uninitialized(Shape{targets.rows()});
  auto largest = Tensor<T>::uninitialized(log_sums.shape());
  kernels::softmax_rows<T>(targets.rows(), targets.classes, x.data(), p.data(), log_sums.data(),
                           largest.data());
  const double by = divisor(targets, options.reduction);
  Tensor<T> value =
      reduced(row_losses(targets, x.data(), largest, log_sums), options.reduction, by);
  if (!must_record(logits)) return Variable<T>(std::move(value));
  return Variable<T>::adopt(
      new CrossEntropyNode<T>(std::move(value), logits, std::move(targets), std::move(p), by));
}

template <class T>
Variable<T> nll_loss(const Variable<T>& log_probabilities, const Tensor<std::int32_t>& labels,
                     const std::type_identity_t<NllLossOptions<T>>& options) {
  check_not_empty("nll_loss", log_probabilities.shape(), options.reduction);
  auto targets = ClassTargets<T>::checked("nll_loss", log_probabilities.shape(), labels,
                                          options.weight, 0.0, options.ignore_index);
  const Tensor<T>& x = log_probabilities.value();
  Tensor<T> losses(labels.shape());
  for (Index i = 0; i < targets.rows(); ++i) {
    if (targets.ignored(i)) continue;
    const Index y = labels[i];
    losses[i] =
        static_cast<T>(-targets.weight_of(y) * static_cast<double>(x[i * targets.classes + y]));
  }
  const double by = divisor(targets, options.reduction);
  return operation("nll_loss", reduced(std::move(losses), options.reduction, by),
                   {log_probabilities},
                   [targets = std::move(targets), by](const auto& grad, const auto&, const auto&) {
                     return per_row(grad) * Variable<T>(targets.distribution(-1.0 / by));
                   });
}

#define GLISSADE_INSTANTIATE(T)                                                       \
  template Variable<T> cross_entropy(const Variable<T>&, const Tensor<std::int32_t>&, \
                                     const CrossEntropyOptions<T>&);                  \
  template Variable<T> nll_loss(const Variable<T>&, const Tensor<std::int32_t>&,      \
                                const NllLossOptions<T>&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade::nn
