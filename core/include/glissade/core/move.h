#pragma once

// Kernels that move elements without computing: transposes, slices, gathers.

#include <cstdint>
#include <span>

#include "glissade/core/tensor.h"

namespace glissade::kernels {

// All throw std::invalid_argument, with the shapes, if an axis or a position is out of range or the
// shapes do not fit together. Negative axes count from the end.

/// The transpose of a matrix (m, n), of shape (n, m).
template <class T>
Tensor<T> transpose(const Tensor<T>& x);
/// The same for matrices without a tensor: `from` (rows, columns), row-major, to `to` (columns,
/// rows), which must not overlap it.
template <class T>
void transpose(Index rows, Index columns, const T* from, T* to);

/// Positions begin <= i < end of an axis.
template <class T>
Tensor<T> slice(const Tensor<T>& x, int axis, Index begin, Index end);

/// Adds x, of the shape of these positions or another with as many elements in the same order, to
/// positions begin <= i < end of an axis of `to`.
template <class T>
void add_to_slice(const Tensor<T>& x, Tensor<T>& to, int axis, Index begin, Index end);

/// x with zeros before and behind it along an axis.
template <class T>
Tensor<T> pad(const Tensor<T>& x, int axis, Index before, Index after);

/// Joins tensors along an axis; their other extents agree.
template <class T>
Tensor<T> concat(std::span<const Tensor<T>* const> parts, int axis);

/// Rows of `source` (N, ...) into `out`, which is resized to (rows.size(), ...). Throws
/// std::invalid_argument if a row number is out of range.
template <class T>
void gather_rows(const Tensor<T>& source, std::span<const std::int32_t> rows, Tensor<T>& out);

/// y[i][j] = x[index[i][j]][j] for axis 0, and so on (see `glissade::gather`).
template <class T>
Tensor<T> gather(const Tensor<T>& x, int axis, const Tensor<std::int32_t>& index);

/// Zeros of `extent` along the axis, to which y[index[i][j]][j] += x[i][j] for axis 0, and so on.
template <class T>
Tensor<T> scatter_add(const Tensor<T>& x, int axis, const Tensor<std::int32_t>& index,
                      Index extent);

/// Positions index[0], index[1], ... of an axis, whose extent becomes index.size() (see
/// `glissade::index_select`).
template <class T>
Tensor<T> index_select(const Tensor<T>& x, int axis, const Tensor<std::int32_t>& index);

/// Zeros of `extent` along the axis, to whose positions index[0], index[1], ... those of x are
/// added.
template <class T>
Tensor<T> index_add(const Tensor<T>& x, int axis, const Tensor<std::int32_t>& index, Index extent);

}  // namespace glissade::kernels
