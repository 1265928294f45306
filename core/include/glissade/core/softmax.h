#pragma once

// Softmax and its relatives along one axis, computed without overflow: the largest element is
// subtracted first.

#include "glissade/core/tensor.h"

namespace glissade::kernels {

/// For each of `rows` rows of n elements: p = softmax(x), lse = log(sum(exp(x))). Either output may
/// be null; p may be x. A NaN or +infinity in a row makes its p NaN, and lse NaN or +infinity; a
/// row of -infinity has p = NaN and lse = -infinity; n = 0 gives lse = -infinity.
///
/// With `largest`, that gets the largest element of each row, NaN before numbers, and lse, which
/// must be given then, log(sum(exp(x - largest))): their sum has fewer digits where elements are
/// large.
template <class T>
void softmax_rows(Index rows, Index n, const T* x, T* p, T* lse, T* largest = nullptr);

// All throw std::invalid_argument if there is no such axis (negative ones count from the end).

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
