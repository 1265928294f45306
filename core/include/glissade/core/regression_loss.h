#pragma once

// The losses of linear and logistic regression, element by element, in vectors. The squared error
// begins with `difference` (reduce.h).

#include "glissade/core/tensor.h"

namespace glissade::kernels {

/// losses[i] = log(1 + e^x[i]) - t[i] x[i], without overflow and without the difference of nearly
/// equal numbers; tails[i] = sigmoid(-|x[i]|), of which `logistic_slope` is made. For 0 <= i < n.
template <class T>
void logistic_loss(Index n, const T* x, const T* t, T* tails, T* losses);

/// tails[i] becomes scale (sigmoid(x[i]) - t[i]), with all digits also where the sigmoid is nearly
/// t[i].
template <class T>
void logistic_slope(Index n, const T* x, const T* t, T scale, T* tails);

/// x[i] becomes factor x[i]: the slope of the squared error from the difference.
template <class T>
void scale_slope(Index n, T factor, T* x);

}  // namespace glissade::kernels
