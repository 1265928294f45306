// The weights of a whole model, each by the activation that follows it.
#include <cmath>
#include <vector>

#include "glissade/nn/batch_norm.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/flatten.h"
#include "glissade/nn/init.h"
#include "glissade/nn/layer_norm.h"
#include "glissade/nn/prelu.h"
#include "glissade/nn/residual.h"
#include "glissade/nn/sequential.h"

namespace glissade::nn::init {
namespace {

// The modules in the order in which they are applied; a Residual comes after what is in it, because
// its sum stands between that and what follows.
template <class T>
void append_in_order(Module<T>& module, std::vector<Module<T>*>& order) {
  if (const auto* sequential = dynamic_cast<const Sequential<T>*>(&module)) {
    for (std::size_t i = 0; i < sequential->size(); ++i) append_in_order((*sequential)[i], order);
    return;
  }
  if (const auto* residual = dynamic_cast<const Residual<T>*>(&module)) {
    append_in_order(residual->inner(), order);
  }
  order.push_back(&module);
}

template <class T, class... Modules>
bool is_one_of(const Module<T>& module) {
  return (... || (dynamic_cast<const Modules*>(&module) != nullptr));
}

template <class T>
bool is_passed_over(const Module<T>& module) {
  return is_one_of<T, BatchNorm1d<T>, LayerNorm<T>, RMSNorm<T>, Dropout<T>, Flatten<T>>(module);
}

// What the module computes, if that is an activation; otherwise the identity.
template <class T>
Activation activation_of(const Module<T>& module) {
  if (const auto* layer = dynamic_cast<const ActivationLayer<T>*>(&module)) return layer->function;
  if (const auto* prelu = dynamic_cast<const PReLU<T>*>(&module)) {
    double squares = 0.0;
    for (const T slope : prelu->weight.value()) {
      squares += static_cast<double>(slope) * static_cast<double>(slope);
    }
    return {.kind = Activation::Kind::leaky_relu,
            .alpha = std::sqrt(squares / static_cast<double>(prelu->weight.size()))};
  }
  return {};
}

}  // namespace

template <class T>
void for_activation(Sequential<T>& model, Rng& rng) {
  std::vector<Module<T>*> order;
  append_in_order<T>(model, order);
  for (std::size_t i = 0; i < order.size(); ++i) {
    auto* const linear = dynamic_cast<Linear<T>*>(order[i]);
    if (linear == nullptr) continue;
    std::size_t next = i + 1;
    while (next < order.size() && is_passed_over(*order[next])) ++next;
    for_activation(linear->weight, next < order.size() ? activation_of(*order[next]) : Activation{},
                   rng);
    if (linear->bias.defined()) zeros(linear->bias);
  }
}

template void for_activation(Sequential<float>&, Rng&);
template void for_activation(Sequential<double>&, Rng&);

}  // namespace glissade::nn::init
