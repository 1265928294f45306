// The activation functions as layers. Their definitions: glissade/core/activation.h.
#pragma once

#include <string>

#include "glissade/core/activation.h"
#include "glissade/nn/module.h"

namespace glissade::nn {

/// A layer that applies an activation function to every element. Sequential computes it together
/// with a Linear layer before it where it can.
template <class T = float>
class ActivationLayer : public Module<T> {
 public:
  /// The layer for any activation function.
  explicit ActivationLayer(const Activation& which) : function(which) {}
  Variable<T> forward(const Variable<T>& x) final;
  /// "ReLU", "LeakyReLU(0.01)".
  std::string description() const override;

  /// What `forward` applies.
  Activation function;
};

/// max(x, 0).
template <class T = float>
class ReLU final : public ActivationLayer<T> {
 public:
  ReLU() : ActivationLayer<T>({.kind = Activation::Kind::relu}) {}
};

/// x for x > 0, otherwise negative_slope x.
template <class T = float>
class LeakyReLU final : public ActivationLayer<T> {
 public:
  /// `negative_slope` is the slope for x <= 0.
  explicit LeakyReLU(double negative_slope = 0.01)
      : ActivationLayer<T>({.kind = Activation::Kind::leaky_relu, .alpha = negative_slope}) {}
};

/// x for x > 0, otherwise alpha (e^x - 1).
template <class T = float>
class ELU final : public ActivationLayer<T> {
 public:
  /// The values tend to -alpha for x to -infinity.
  explicit ELU(double alpha = 1.0)
      : ActivationLayer<T>({.kind = Activation::Kind::elu, .alpha = alpha}) {}
};

/// x Phi(x), exact.
template <class T = float>
class GELU final : public ActivationLayer<T> {
 public:
  GELU() : ActivationLayer<T>({.kind = Activation::Kind::gelu}) {}
};

/// x sigmoid(x).
template <class T = float>
class SiLU final : public ActivationLayer<T> {
 public:
  SiLU() : ActivationLayer<T>({.kind = Activation::Kind::silu}) {}
};

/// tanh(x), from -1 to 1.
template <class T = float>
class Tanh final : public ActivationLayer<T> {
 public:
  Tanh() : ActivationLayer<T>({.kind = Activation::Kind::tanh}) {}
};

/// 1 / (1 + e^-x).
template <class T = float>
class Sigmoid final : public ActivationLayer<T> {
 public:
  Sigmoid() : ActivationLayer<T>({.kind = Activation::Kind::sigmoid}) {}
};

/// log(1 + e^x).
template <class T = float>
class Softplus final : public ActivationLayer<T> {
 public:
  Softplus() : ActivationLayer<T>({.kind = Activation::Kind::softplus}) {}
};

/// exp(x) / sum(exp(x)) along an axis. Not before nn::cross_entropy, which takes logits.
template <class T = float>
class Softmax final : public Module<T> {
 public:
  /// `along` is the axis whose elements will add up to 1; negative axes count from the last.
  explicit Softmax(int along = -1) : axis(along) {}
  Variable<T> forward(const Variable<T>& x) override { return softmax(x, axis); }
  std::string description() const override;

  /// The axis; `forward` throws std::invalid_argument if its input has none of this number.
  int axis;
};

/// log(softmax(x)) along an axis: what nn::nll_loss takes.
template <class T = float>
class LogSoftmax final : public Module<T> {
 public:
  /// `along` is the axis that is normalised; negative axes count from the last.
  explicit LogSoftmax(int along = -1) : axis(along) {}
  Variable<T> forward(const Variable<T>& x) override { return log_softmax(x, axis); }
  std::string description() const override;

  /// The axis; `forward` throws std::invalid_argument if its input has none of this number.
  int axis;
};

}  // namespace glissade::nn
