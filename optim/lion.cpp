#include "glissade/optim/lion.h"

#include "kernels.h"
#include "option_checks.h"

namespace glissade::optim {

void LionOptions::check() const {
  check_decay_factor("Lion", "beta1", beta1);
  check_decay_factor("Lion", "beta2", beta2);
  check_not_negative("Lion", "weight_decay", weight_decay);
}

template <class T>
void Lion<T>::update_one(const LionOptions& options, double lr, const Tensor<T>& g,
                         LionState<T>& state, Tensor<T>& w) {
  prepare_state(state.mean, w.shape());
  const kernels::LionFactors factors{
      .lr = lr,
      .sign = sign_of(options),
      .shrink = 1.0 - lr * options.weight_decay,
      .beta1 = options.beta1,
      .beta2 = options.beta2,
  };
  kernels::update(factors, g, w, &state.mean);
}

template class Lion<float>;
template class Lion<double>;

}  // namespace glissade::optim
