#include "glissade/optim/adagrad.h"

#include <cmath>

#include "kernels.h"
#include "option_checks.h"

namespace glissade::optim {

void AdagradOptions::check() const {
  check_not_negative("Adagrad", "lr_decay", lr_decay);
  check_not_negative("Adagrad", "weight_decay", weight_decay);
  check_not_negative("Adagrad", "initial_accumulator_value", initial_accumulator_value);
  check_not_negative("Adagrad", "eps", eps);
}

template <class T>
void Adagrad<T>::update_one(const AdagradOptions& options, double lr, const Tensor<T>& g,
                            AdagradState<T>& state, Tensor<T>& w) {
  prepare_state(state.square_sum, w.shape());
  if (state.steps == 0) state.square_sum.fill(static_cast<T>(options.initial_accumulator_value));
  const double rate = lr / (1.0 + options.lr_decay * static_cast<double>(state.steps++));
  const kernels::AdagradFactors factors{
      .lr = rate,
      .sign = sign_of(options),
      .weight_decay = options.weight_decay,
      .eps = options.eps,
  };
  kernels::update(factors, g, w, &state.square_sum);
}

template class Adagrad<float>;
template class Adagrad<double>;

}  // namespace glissade::optim
