#pragma once

// Reductions: along one axis, over everything, or back to the shape before broadcasting.

#include <cstdint>

#include "glissade/core/tensor.h"

namespace glissade::kernels {

// An `axis` that x does not have (negative ones count from the end) is a std::invalid_argument.

/// The sum of all elements; 0 for an empty tensor.
template <class T>
T sum(const Tensor<T>& x);

/// The sum of the squares of all elements; blocks of up to 4096 in T, which are added in double.
template <class T>
double sum_of_squares(const Tensor<T>& x);

/// d[i] = a[i] - b[i] for 0 <= i < n; returns the sum of the squares of d, computed in double. d
/// may be a or b.
template <class T>
double difference(Index n, const T* a, const T* b, T* d);

/// y[j] = beta y[j] + the sum over i of x[i][j], for a matrix x of (rows, columns). y is not read
/// if beta is 0.
template <class T>
void sum_rows(Index rows, Index columns, const T* x, T beta, T* y);

/// The sum along an axis, which disappears. `beta` scales what `y` holds already: with 1 the sum is
/// added to y (of the result's shape), with 0 y is written without being read. Throws
/// std::invalid_argument if y has another size.
template <class T>
void sum_axis(const Tensor<T>& x, int axis, T beta, Tensor<T>& y);

/// x summed over the axes along which `shape` would be stretched to x's shape by broadcasting.
/// Throws std::invalid_argument if it would not.
template <class T>
Tensor<T> sum_to(const Tensor<T>& x, const Shape& shape);

/// The result of `max` and `min`.
template <class T>
struct ExtremeResult {
  Tensor<T> values;                ///< x's shape without the axis
  Tensor<std::int32_t> positions;  ///< the same shape; 0 <= position < extent of the axis
};

/// The largest element along an axis and where it first stands. NaN counts as largest. Throws
/// std::invalid_argument if the axis has extent 0 while the result has elements.
template <class T>
ExtremeResult<T> max(const Tensor<T>& x, int axis);

/// The smallest element along an axis and where it first stands. NaN counts as smallest. Throws as
/// `max` does.
template <class T>
ExtremeResult<T> min(const Tensor<T>& x, int axis);

/// The positions of the largest elements along an axis: `max(x, axis).positions`.
template <class T>
Tensor<std::int32_t> argmax(const Tensor<T>& x, int axis);

/// The positions of the smallest elements along an axis: `min(x, axis).positions`.
template <class T>
Tensor<std::int32_t> argmin(const Tensor<T>& x, int axis);

}  // namespace glissade::kernels
