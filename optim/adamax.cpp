#include "glissade/optim/adamax.h"

#include <cmath>

#include "kernels.h"
#include "option_checks.h"

namespace glissade::optim {

void AdamaxOptions::check() const {
  check_decay_factor("Adamax", "beta1", beta1);
  check_decay_factor("Adamax", "beta2", beta2);
  check_not_negative("Adamax", "eps", eps);
  check_not_negative("Adamax", "weight_decay", weight_decay);
}

template <class T>
void Adamax<T>::update_one(const AdamaxOptions& options, double lr, const Tensor<T>& g,
                           AdamaxState<T>& state, Tensor<T>& w) {
  prepare_state(state.mean, w.shape());
  prepare_state(state.largest, w.shape());
  const auto t = static_cast<double>(++state.steps);
  const kernels::AdamaxFactors factors{
      .step_size = lr / (1.0 - std::pow(options.beta1, t)),
      .sign = sign_of(options),
      .weight_decay = options.weight_decay,
      .beta1 = options.beta1,
      .beta2 = options.beta2,
      .eps = options.eps,
  };
  kernels::update(factors, g, w, &state.mean, &state.largest);
}

template class Adamax<float>;
template class Adamax<double>;

}  // namespace glissade::optim
