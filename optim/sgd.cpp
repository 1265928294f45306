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
    kernels::sgd(w.size(), lr, options.weight_decay, g.data(), w.data());
    return;
  }
  prepare_state(state.velocity, w.shape());
  const bool first = state.steps == 0;
  const kernels::MomentumFactors factors{
      .lr = lr,
      .weight_decay = options.weight_decay,
      .keep = options.momentum,
      .add = first ? 1.0 : 1.0 - options.dampening,
      .gradient_share = options.nesterov ? 1.0 : 0.0,
      .velocity_share = options.nesterov ? options.momentum : 1.0,
  };
  kernels::sgd_momentum(w.size(), factors, g.data(), state.velocity.data(), w.data());
  ++state.steps;
}

template class SGD<float>;
template class SGD<double>;

}  // namespace glissade::optim
