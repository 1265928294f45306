#include "glissade/optim/sgd.h"

#include "kernels.h"
#include "option_checks.h"

namespace glissade::optim {

void SGDOptions::check() const {
  check_decay_factor("SGD", "momentum", momentum);
  glissade::check(dampening >= 0.0 && dampening <= 1.0, "SGD: dampening must be in [0, 1], got {}",
                  dampening);
  check_not_negative("SGD", "weight_decay", weight_decay);
  if (nesterov) {
    glissade::check(momentum > 0.0, "SGD: nesterov needs momentum > 0, got {}", momentum);
    glissade::check(dampening == 0.0, "SGD: nesterov needs dampening = 0, got {}", dampening);
  }
}

template <class T>
void SGD<T>::update_one(const SGDOptions& options, double lr, const Tensor<T>& g,
                        SGDState<T>& state, Tensor<T>& w) {
  if (options.momentum == 0.0) {
    const kernels::SGDFactors factors{
        .lr = lr, .sign = sign_of(options), .weight_decay = options.weight_decay};
    kernels::update(factors, g, w);
    return;
  }
  prepare_state(state.velocity, w.shape());
  const bool first = state.steps == 0;
  const kernels::MomentumFactors factors{
      .lr = lr,
      .sign = sign_of(options),
      .weight_decay = options.weight_decay,
      .keep = options.momentum,
      .add = first ? 1.0 : 1.0 - options.dampening,
      .gradient_share = options.nesterov ? 1.0 : 0.0,
      .velocity_share = options.nesterov ? options.momentum : 1.0,
  };
  kernels::update(factors, g, w, &state.velocity);
  ++state.steps;
}

template class SGD<float>;
template class SGD<double>;

}  // namespace glissade::optim
