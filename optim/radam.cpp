#include "glissade/optim/radam.h"

#include <cmath>

#include "kernels.h"
#include "option_checks.h"

namespace glissade::optim {

void RAdamOptions::check() const {
  check_decay_factor("RAdam", "beta1", beta1);
  check_decay_factor("RAdam", "beta2", beta2);
  check_not_negative("RAdam", "eps", eps);
  check_not_negative("RAdam", "weight_decay", weight_decay);
}

template <class T>
void RAdam<T>::update_one(const RAdamOptions& options, double lr, const Tensor<T>& g,
                          RAdamState<T>& state, Tensor<T>& w) {
  prepare_state(state.mean, w.shape());
  prepare_state(state.square_mean, w.shape());
  const auto t = static_cast<double>(++state.steps);
  const double power = std::pow(options.beta2, t);
  const double longest = 2.0 / (1.0 - options.beta2) - 1.0;
  const double length = longest - 2.0 * t * power / (1.0 - power);
  const double coupled = options.decoupled_weight_decay ? 0.0 : options.weight_decay;
  const double decoupled = options.decoupled_weight_decay ? lr * options.weight_decay : 0.0;
  kernels::AdamFactors factors{
      .step_size = lr / (1.0 - std::pow(options.beta1, t)),
      .sign = sign_of(options),
      .weight_decay = coupled,
      .shrink = 1.0 - decoupled,
      .beta1 = options.beta1,
      .beta2 = options.beta2,
      .inverse_root = 0.0,  // nothing is divided by yet
      .eps = 1.0,
  };
  if (length > 5.0) {
    factors.step_size *= std::sqrt((length - 4.0) * (length - 2.0) * longest /
                                   ((longest - 4.0) * (longest - 2.0) * length));
    // sqrt(1 - beta2^t) / (sqrt(v) + eps) as 1 / (sqrt(v) inverse_root + eps inverse_root)
    factors.inverse_root = 1.0 / std::sqrt(1.0 - power);
    factors.eps = options.eps * factors.inverse_root;
  }
  kernels::update(factors, g, w, &state.mean, &state.square_mean);
}

template class RAdam<float>;
template class RAdam<double>;

}  // namespace glissade::optim
