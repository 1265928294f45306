// The fully connected layer.
#include "glissade/nn/linear.h"

#include <cmath>

#include "glissade/nn/init.h"

namespace glissade::nn {
namespace {

template <class T>
void initialize(Linear<T>& layer, Init method, Rng& rng) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(layer.in_features()));
  switch (method) {
    case Init::fan_in_uniform:
      init::uniform(layer.weight, rng, {.low = -bound, .high = bound});
      if (layer.bias.defined()) init::uniform(layer.bias, rng, {.low = -bound, .high = bound});
      break;
    case Init::xavier_uniform:
      init::xavier_uniform(layer.weight, rng);
      break;
    case Init::xavier_normal:
      init::xavier_normal(layer.weight, rng);
      break;
    case Init::kaiming_uniform:
      init::kaiming_uniform(layer.weight, rng);
      break;
    case Init::kaiming_normal:
      init::kaiming_normal(layer.weight, rng);
      break;
    case Init::lecun_uniform:
      init::lecun_uniform(layer.weight, rng);
      break;
    case Init::lecun_normal:
      init::lecun_normal(layer.weight, rng);
      break;
    case Init::orthogonal:
      init::orthogonal(layer.weight, rng);
      break;
  }
}

}  // namespace

template <class T>
Linear<T>::Linear(Index in_features, Index out_features, Rng& rng, const LinearOptions& options) {
  check(in_features >= 1 && out_features >= 1,
        "Linear: the numbers of features must be at least 1, got {} in and {} out", in_features,
        out_features);
  weight = glissade::parameter(Tensor<T>(Shape{out_features, in_features}));
  if (options.bias) bias = glissade::parameter(Tensor<T>(Shape{out_features}));
  initialize(*this, options.init, rng);
}

template <class T>
Linear<T>::Linear(Variable<T> given_weight, Variable<T> given_bias)
    : weight(std::move(given_weight)), bias(std::move(given_bias)) {
  check(weight.rank() == 2, "Linear: the weight must have two axes, (out, in), got {}",
        weight.shape());
  if (bias.defined()) {
    check(bias.shape() == Shape{out_features()}, "Linear: the bias {} does not fit the weight {}",
          bias.shape(), weight.shape());
  }
}

template <class T>
Variable<T> Linear<T>::forward(const Variable<T>& x, const Activation& activation) {
  if (activation.from_output()) return linear(x, weight, bias, activation);
  return glissade::activation(linear(x, weight, bias), activation);
}

template <class T>
Variable<T> Linear<T>::operator()(const Variable<T>& x, const Activation& activation) {
  const detail::Call<T> call(*this);
  return call.result(forward(x, activation));
}

template <class T>
void Linear<T>::members(Members<T>& members) {
  members.parameter("weight", weight);
  members.parameter("bias", bias);
}

template <class T>
std::string Linear<T>::description() const {
  return fmt::format("Linear({}, {}{})", in_features(), out_features(),
                     bias.defined() ? "" : ", no bias");
}

template class Linear<float>;
template class Linear<double>;

}  // namespace glissade::nn
