// How weights start.
#include "glissade/nn/init.h"

#include <cmath>
#include <numbers>
#include <vector>

namespace glissade::nn::init {
namespace {

// E[f(z)^2] for a standard normal z, by the trapezoidal rule.
double mean_square(const Activation& activation) {
  constexpr Index kSteps = 4000;
  constexpr double kRange = 12.0;
  constexpr double kWidth = 2.0 * kRange / kSteps;
  std::vector<double> z(kSteps + 1);
  for (Index i = 0; i <= kSteps; ++i) {
    z[static_cast<std::size_t>(i)] = -kRange + kWidth * static_cast<double>(i);
  }
  std::vector<double> y(z.size());
  kernels::activation_forward(activation, kSteps + 1, z.data(), y.data());
  double sum = 0.0;
  for (std::size_t i = 0; i < z.size(); ++i) sum += std::exp(-0.5 * z[i] * z[i]) * y[i] * y[i];
  return sum * kWidth / std::sqrt(2.0 * std::numbers::pi);
}

double fan(const Shape& weight, FanMode mode) {
  const Fans both = fans(weight);
  return static_cast<double>(mode == FanMode::fan_in ? both.in : both.out);
}

double xavier_deviation(const Shape& weight, const XavierOptions& options) {
  const Fans both = fans(weight);
  return options.gain * std::sqrt(2.0 / static_cast<double>(both.in + both.out));
}

double kaiming_deviation(const Shape& weight, const KaimingOptions& options) {
  return gain(options.activation) / std::sqrt(fan(weight, options.mode));
}

// Uniform with the given standard deviation around 0.
template <class T>
void centred_uniform(Tensor<T>& weight, Rng& rng, double deviation) {
  if (weight.size() == 0) return;
  const double bound = std::numbers::sqrt3 * deviation;
  uniform(weight, rng, {.low = -bound, .high = bound});
}

template <class T>
void centred_normal(Tensor<T>& weight, Rng& rng, double deviation) {
  if (weight.size() == 0) return;
  normal(weight, rng, {.mean = 0.0, .std = deviation});
}

}  // namespace

Fans fans(const Shape& weight) {
  check(weight.rank() >= 2, "init: the fans of a weight need at least two axes, got {}", weight);
  Index receptive = 1;
  for (int axis = 2; axis < weight.rank(); ++axis) receptive *= weight[axis];
  return {.in = weight[1] * receptive, .out = weight[0] * receptive};
}

double gain(const Activation& activation) {
  switch (activation.kind) {
    case Activation::Kind::identity:
    case Activation::Kind::sigmoid:
      return 1.0;
    case Activation::Kind::tanh:
      return 5.0 / 3.0;
    case Activation::Kind::relu:
      return std::numbers::sqrt2;
    case Activation::Kind::leaky_relu:
      return std::sqrt(2.0 / (1.0 + activation.alpha * activation.alpha));
    case Activation::Kind::elu:
    case Activation::Kind::gelu:
    case Activation::Kind::silu:
    case Activation::Kind::softplus:
      break;
  }
  return 1.0 / std::sqrt(mean_square(activation));
}

template <class T>
void xavier_uniform(Tensor<T>& weight, Rng& rng, const XavierOptions& options) {
  centred_uniform(weight, rng, xavier_deviation(weight.shape(), options));
}

template <class T>
void xavier_normal(Tensor<T>& weight, Rng& rng, const XavierOptions& options) {
  centred_normal(weight, rng, xavier_deviation(weight.shape(), options));
}

template <class T>
void kaiming_uniform(Tensor<T>& weight, Rng& rng, const KaimingOptions& options) {
  centred_uniform(weight, rng, kaiming_deviation(weight.shape(), options));
}

template <class T>
void kaiming_normal(Tensor<T>& weight, Rng& rng, const KaimingOptions& options) {
  centred_normal(weight, rng, kaiming_deviation(weight.shape(), options));
}

template <class T>
void lecun_uniform(Tensor<T>& weight, Rng& rng) {
  centred_uniform(weight, rng, 1.0 / std::sqrt(fan(weight.shape(), FanMode::fan_in)));
}

template <class T>
void lecun_normal(Tensor<T>& weight, Rng& rng) {
  centred_normal(weight, rng, 1.0 / std::sqrt(fan(weight.shape(), FanMode::fan_in)));
}

template <class T>
void for_activation(Tensor<T>& weight, const Activation& activation, Rng& rng) {
  switch (activation.kind) {
    case Activation::Kind::identity:
    case Activation::Kind::tanh:
    case Activation::Kind::sigmoid:
      return xavier_normal(weight, rng, {});
    case Activation::Kind::relu:
    case Activation::Kind::leaky_relu:
    case Activation::Kind::elu:
    case Activation::Kind::gelu:
    case Activation::Kind::silu:
    case Activation::Kind::softplus:
      return kaiming_normal(weight, rng, {.activation = activation});
  }
}

template <class T>
void uniform(Tensor<T>& tensor, Rng& rng, const UniformOptions& options) {
  rng.fill_uniform(tensor, static_cast<T>(options.low), static_cast<T>(options.high));
}

template <class T>
void normal(Tensor<T>& tensor, Rng& rng, const NormalOptions& options) {
  rng.fill_normal(tensor, static_cast<T>(options.mean), static_cast<T>(options.std));
}

#define GLISSADE_INSTANTIATE(T)                                           \
  template void xavier_uniform(Tensor<T>&, Rng&, const XavierOptions&);   \
  template void xavier_normal(Tensor<T>&, Rng&, const XavierOptions&);    \
  template void kaiming_uniform(Tensor<T>&, Rng&, const KaimingOptions&); \
  template void kaiming_normal(Tensor<T>&, Rng&, const KaimingOptions&);  \
  template void lecun_uniform(Tensor<T>&, Rng&);                          \
  template void lecun_normal(Tensor<T>&, Rng&);                           \
  template void for_activation(Tensor<T>&, const Activation&, Rng&);      \
  template void uniform(Tensor<T>&, Rng&, const UniformOptions&);         \
  template void normal(Tensor<T>&, Rng&, const NormalOptions&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade::nn::init
