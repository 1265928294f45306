#pragma once

// What Adam and AdamW share; Options is AdamOptions or AdamWOptions.

#include <cmath>
#include <cstdint>

#include "glissade/optim/adam.h"
#include "kernels.h"
#include "option_checks.h"

namespace glissade::optim {

template <class Options>
void check_adam_options(const char* owner, const Options& options) {
  check_decay_factor(owner, "beta1", options.beta1);
  check_decay_factor(owner, "beta2", options.beta2);
  check_not_negative(owner, "eps", options.eps);
  check_not_negative(owner, "weight_decay", options.weight_decay);
}

/// 1 - beta^t of both averages.
struct AdamCorrections {
  double mean;
  double square_mean;
};

/// The corrections of step t. The parameters of a network mostly have the same ones, and a power
/// takes as long as the update of hundreds of elements.
inline AdamCorrections adam_corrections(double beta1, double beta2, std::int64_t t) {
  struct Known {
    double beta1 = 0.0;
    double beta2 = 0.0;
    std::int64_t t = 0;
    AdamCorrections corrections{};
  };
  thread_local constinit Known known;
  if (known.t != t || known.beta1 != beta1 || known.beta2 != beta2) {
    const auto power = static_cast<double>(t);
    known = {beta1, beta2, t, {1.0 - std::pow(beta1, power), 1.0 - std::pow(beta2, power)}};
  }
  return known.corrections;
}

/// One step of a parameter w: its gradient plus `weight_decay` w, w times `shrink`.
template <class T, class Options>
void adam_step(const Options& options, double lr, double weight_decay, double shrink,
               const Tensor<T>& g, AdamState<T>& state, Tensor<T>& w) {
  prepare_state(state.mean, w.shape());
  prepare_state(state.square_mean, w.shape());
  if (options.amsgrad) prepare_state(state.peak, w.shape());
  const AdamCorrections corrections = adam_corrections(options.beta1, options.beta2, ++state.steps);
  const kernels::AdamFactors factors{
      .step_size = lr / corrections.mean,
      .sign = sign_of(options),
      .weight_decay = weight_decay,
      .shrink = shrink,
      .beta1 = options.beta1,
      .beta2 = options.beta2,
      .inverse_root = 1.0 / std::sqrt(corrections.square_mean),
      .eps = options.eps,
  };
  kernels::update(factors, g, w, &state.mean, &state.square_mean,
                  options.amsgrad ? &state.peak : nullptr);
}

}  // namespace glissade::optim
