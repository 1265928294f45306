#pragma once

// The loss of logistic regression, element by element, in vectors.

#include "glissade/core/tensor.h"

namespace glissade::kernels {

/// losses[i] = log(1 + e^x[i]) - t[i] x[i], without overflow and without the difference of nearly
/// equal numbers; exps[i] = e^-|x[i]|, of which `logistic_slope` is made. For 0 <= i < n.
template <class T>
void logistic_loss(Index n, const T* x, const T* t, T* exps, T* losses);

/// out[i] = scale (sigmoid(x[i]) - t[i]) + beta out[i]; out is not read if beta is 0.
template <class T>
void logistic_slope(Index n, const T* x, const T* t, const T* exps, T scale, T beta, T* out);

}  // namespace glissade::kernels
