#include "glissade/optim/adadelta.h"

#include <cmath>

#include "kernels.h"
#include "option_checks.h"

namespace glissade::optim {

void AdadeltaOptions::check() const {
  check_decay_factor("Adadelta", "rho", rho);
  check_not_negative("Adadelta", "eps", eps);
  check_not_negative("Adadelta", "weight_decay", weight_decay);
}

template <class T>
void Adadelta<T>::update_one(const AdadeltaOptions& options, double lr, const Tensor<T>& g,
                             AdadeltaState<T>& state, Tensor<T>& w) {
  prepare_state(state.square_mean, w.shape());
  prepare_state(state.change_mean, w.shape());
  const kernels::AdadeltaFactors factors{
      .lr = lr,
      .sign = sign_of(options),
      .weight_decay = options.weight_decay,
      .rho = options.rho,
      .eps = options.eps,
  };
  kernels::update(factors, g, w, &state.square_mean, &state.change_mean);
}

template class Adadelta<float>;
template class Adadelta<double>;

}  // namespace glissade::optim
