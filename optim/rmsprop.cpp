#include "glissade/optim/rmsprop.h"

#include "kernels.h"
#include "option_checks.h"

namespace glissade::optim {

void RMSpropOptions::check() const {
  check_decay_factor("RMSprop", "alpha", alpha);
  check_not_negative("RMSprop", "eps", eps);
  check_not_negative("RMSprop", "weight_decay", weight_decay);
  check_decay_factor("RMSprop", "momentum", momentum);
}

template <class T>
void RMSprop<T>::update_one(const RMSpropOptions& options, double lr, const Tensor<T>& g,
                            RMSpropState<T>& state, Tensor<T>& w) {
  const bool has_velocity = options.momentum > 0.0;
  prepare_state(state.square_mean, w.shape());
  if (options.centered) prepare_state(state.mean, w.shape());
  if (has_velocity) prepare_state(state.velocity, w.shape());
  const kernels::RMSpropFactors factors{
      .lr = lr,
      .sign = sign_of(options),
      .weight_decay = options.weight_decay,
      .alpha = options.alpha,
      .eps = options.eps,
      .momentum = options.momentum,
  };
  kernels::update(factors, g, w, &state.square_mean, options.centered ? &state.mean : nullptr,
                  has_velocity ? &state.velocity : nullptr);
}

template class RMSprop<float>;
template class RMSprop<double>;

}  // namespace glissade::optim
