#include "glissade/optim/nadam.h"

#include <cmath>

#include "kernels.h"
#include "option_checks.h"

namespace glissade::optim {

void NAdamOptions::check() const {
  check_decay_factor("NAdam", "beta1", beta1);
  check_decay_factor("NAdam", "beta2", beta2);
  check_not_negative("NAdam", "eps", eps);
  check_not_negative("NAdam", "weight_decay", weight_decay);
  check_not_negative("NAdam", "momentum_decay", momentum_decay);
}

template <class T>
void NAdam<T>::update_one(const NAdamOptions& options, double lr, const Tensor<T>& g,
                          NAdamState<T>& state, Tensor<T>& w) {
  prepare_state(state.mean, w.shape());
  prepare_state(state.square_mean, w.shape());
  const auto t = static_cast<double>(++state.steps);
  const auto mu_at = [&](double step) {
    return options.beta1 * (1.0 - 0.5 * std::pow(0.96, step * options.momentum_decay));
  };
  const double mu = mu_at(t);
  const double next_mu = mu_at(t + 1.0);
  state.momentum_product *= mu;
  const double coupled = options.decoupled_weight_decay ? 0.0 : options.weight_decay;
  const double decoupled = options.decoupled_weight_decay ? lr * options.weight_decay : 0.0;
  const kernels::AdamFactors factors{
      .step_size = lr * next_mu / (1.0 - state.momentum_product * next_mu),
      .sign = sign_of(options),
      .weight_decay = coupled,
      .shrink = 1.0 - decoupled,
      .beta1 = options.beta1,
      .beta2 = options.beta2,
      .inverse_root = 1.0 / std::sqrt(1.0 - std::pow(options.beta2, t)),
      .eps = options.eps,
      .gradient_step = lr * (1.0 - mu) / (1.0 - state.momentum_product),
  };
  kernels::update(factors, g, w, &state.mean, &state.square_mean);
}

template class NAdam<float>;
template class NAdam<double>;

}  // namespace glissade::optim
