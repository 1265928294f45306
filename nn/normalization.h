// What batch, layer and RMS normalisation have in common: the rule that can be differentiated.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "glissade/autograd/node.h"
#include "glissade/autograd/ops.h"

namespace glissade::nn::detail {

// What is normalised, and over what. All shapes broadcast to `view`.
struct NormalizationShapes {
  Shape view;        // the input's shape, some axes merged
  Shape groups;      // the view with extent 1 where a mean is taken
  Shape parameters;  // of weight and bias
  bool centred;      // whether the mean is subtracted
};

// y = (x - mean) scale weight + bias, with scale = 1 / sqrt(variance + eps). The inputs are x,
// weight and bias, of which the last two may be undefined. Derived classes add the rule in place.
template <class T>
class NormalizationNode : public Node<T> {
 public:
  // Derived classes call `finish` last, when their names are known.
  NormalizationNode(const NormalizationShapes& shapes, double eps, Tensor<T>&& y,
                    const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias)
      : Node<T>(std::move(y), true), shapes_(shapes), eps_(eps), inputs_{x, weight, bias} {}

  // With h = grad weight and xhat = (x - mean) scale, both of which depend on x again:
  // dx = scale (h - mean(h) - xhat mean(h xhat)), the means over each group.
  void backward(const Variable<T>& grad, const Variable<T>&, GradientSink<T>& sink) override {
    const Variable<T>& x = inputs_[kX];
    const Variable<T>& weight = inputs_[kWeight];
    const Variable<T> g = reshape(grad, shapes_.view);
    const auto [xhat, scale] = normalized(reshape(x, shapes_.view));
    if (sink.needed(kBias)) {
      sink.give(kBias, reshape(sum_to(g, shapes_.parameters), inputs_[kBias].shape()));
    }
    if (sink.needed(kWeight)) {
      sink.give(kWeight, reshape(sum_to(g * xhat, shapes_.parameters), weight.shape()));
    }
    if (!sink.needed(kX)) return;
    Variable<T> h = weight.defined() ? g * reshape(weight, shapes_.parameters) : g;
    if (!has_fixed_statistics()) {
      const Variable<T> along = xhat * mean(h * xhat);
      h = shapes_.centred ? h - mean(h) - along : h - along;
    }
    sink.give(kX, reshape(h * scale, x.shape()));
  }

 protected:
  void finish() { this->set_inputs(inputs_.data(), inputs_.size()); }

  static constexpr std::size_t kX = 0;
  static constexpr std::size_t kWeight = 1;
  static constexpr std::size_t kBias = 2;

  const Variable<T>& input(std::size_t i) const { return inputs_[i]; }
  // Whether mean and scale are constants: those of a batch normalisation in evaluation.
  virtual bool has_fixed_statistics() const { return false; }
  // These, of the groups' shape.
  virtual std::pair<Variable<T>, Variable<T>> fixed_statistics() const { return {}; }

 private:
  Variable<T> mean(const Variable<T>& x) const {
    const double size =
        static_cast<double>(shapes_.view.size()) / static_cast<double>(shapes_.groups.size());
    return sum_to(x, shapes_.groups) * (1.0 / size);
  }

  // xhat and scale as functions of x.
  std::pair<Variable<T>, Variable<T>> normalized(const Variable<T>& x) const {
    if (has_fixed_statistics()) {
      const auto [shift, scale] = fixed_statistics();
      return {(x - shift) * scale, scale};
    }
    const Variable<T> centred = shapes_.centred ? x - mean(x) : x;
    const Variable<T> scale = pow(mean(square(centred)) + eps_, -0.5);
    return {centred * scale, scale};
  }

  NormalizationShapes shapes_;
  double eps_;
  std::array<Variable<T>, 3> inputs_;
};

}  // namespace glissade::nn::detail
