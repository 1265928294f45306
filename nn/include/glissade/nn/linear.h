// The fully connected layer.
#pragma once

#include <string>

#include "glissade/core/activation.h"
#include "glissade/core/rng.h"
#include "glissade/nn/module.h"

namespace glissade::nn {

/// How the weight of a layer starts; the formulas are in glissade/nn/init.h. For other options,
/// call a function of nn::init on the layer's weight.
enum class Init {
  fan_in_uniform,   ///< weight and bias uniform within 1 / sqrt(in), as PyTorch's layers start
  xavier_uniform,   ///< nn::init::xavier_uniform with its defaults; zero bias
  xavier_normal,    ///< nn::init::xavier_normal with its defaults; zero bias
  kaiming_uniform,  ///< nn::init::kaiming_uniform with its defaults (for ReLU); zero bias
  kaiming_normal,   ///< nn::init::kaiming_normal with its defaults (for ReLU); zero bias
  lecun_uniform,    ///< nn::init::lecun_uniform; zero bias
  lecun_normal,     ///< nn::init::lecun_normal; zero bias
  orthogonal,       ///< nn::init::orthogonal with its defaults; zero bias
};

/// Options of `Linear`.
struct LinearOptions {
  /// Whether the layer adds a bias.
  bool bias = true;
  /// How weight and bias start.
  Init init = Init::fan_in_uniform;
};

/// y = x Wᵀ + b: x (batch, in), y (batch, out).
///
///     nn::Linear layer(784, 256, rng);                             // float
///     nn::Linear<double> layer(784, 256, rng, {.bias = false});
template <class T = float>
class Linear : public Module<T> {
 public:
  /// Draws the weight and then the bias from `rng`. Throws std::invalid_argument unless both
  /// numbers of features are at least 1.
  Linear(Index in_features, Index out_features, Rng& rng, const LinearOptions& options = {});
  /// A layer with given parameters: weight (out, in), bias (out) or undefined.
  explicit Linear(Variable<T> weight, Variable<T> bias = {});

  Variable<T> forward(const Variable<T>& x) override { return forward(x, Activation{}); }
  /// activation(x Wᵀ + b); in one operation if the activation allows it (Activation::from_output).
  Variable<T> forward(const Variable<T>& x, const Activation& activation);

  using Module<T>::operator();
  /// forward(x, activation), with the module's name in errors.
  Variable<T> operator()(const Variable<T>& x, const Activation& activation);

  void members(Members<T>& members) override;
  std::string description() const override;

  /// The number of inputs, the extent of the last axis of x.
  Index in_features() const { return weight.dim(1); }
  /// The number of outputs.
  Index out_features() const { return weight.dim(0); }

  Variable<T> weight;  ///< (out, in)
  Variable<T> bias;    ///< (out); undefined if the layer has none
};

}  // namespace glissade::nn
