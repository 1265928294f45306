#pragma once

// Softmax and its relatives along one axis, computed without overflow: the largest element is
// subtracted first.

#include "glissade/core/tensor.h"

namespace glissade::kernels {

/// For each of `rows` rows of n elements: p = softmax(x), lse = log(sum(exp(x))). Either output may
/// be null; p may be x. A row whose largest element is infinite or NaN gives what the formula's
/// limit gives (NaN where there is none); n = 0 gives lse = -infinity.
template <class T>
void softmax_rows(Index rows, Index n, const T* x, T* p, T* lse);

/// softmax(x) along an axis, of x's shape.
template <class T>
Tensor<T> softmax(const Tensor<T>& x, int axis);

/// log(softmax(x)) along an axis, of x's shape.
template <class T>
Tensor<T> log_softmax(const Tensor<T>& x, int axis);

/// log(sum(exp(x))) along an axis, which disappears.
template <class T>
Tensor<T> logsumexp(const Tensor<T>& x, int axis);

}  // namespace glissade::kernels
