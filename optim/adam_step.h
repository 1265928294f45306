#pragma once

// What Adam and AdamW share; Options is AdamOptions or AdamWOptions.

#include <cmath>

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

/// One step of a parameter w: its gradient plus `weight_decay` w, w times `shrink`.
template <class T, class Options>
void adam_step(const Options& options, double lr, double weight_decay, double shrink,
               const Tensor<T>& g, AdamState<T>& state, Tensor<T>& w) {
  prepare_state(state.mean, w.shape());
  prepare_state(state.square_mean, w.shape());
  if (options.amsgrad) prepare_state(state.peak, w.shape());
  const auto t = static_cast<double>(++state.steps);
  const kernels::AdamFactors factors{
      .step_size = lr / (1.0 - std::pow(options.beta1, t)),
      .sign = sign_of(options),
      .weight_decay = weight_decay,
      .shrink = shrink,
      .beta1 = options.beta1,
      .beta2 = options.beta2,
      .inverse_root = 1.0 / std::sqrt(1.0 - std::pow(options.beta2, t)),
      .eps = options.eps,
  };
  kernels::update(factors, g, w, &state.mean, &state.square_mean,
                  options.amsgrad ? &state.peak : nullptr);
}

}  // namespace glissade::optim
