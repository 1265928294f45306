#pragma once

// The matrix product, by our own kernels or the BLAS library, whichever is faster for the shape.

#include "glissade/core/tensor.h"

namespace glissade {

/// Whether a matrix enters a product as it is stored or transposed.
enum class Transpose : bool { no, yes };

/// C = alpha * op(A) op(B) + beta * C for row-major, contiguous matrices of float or double:
/// op(A) is (m, k), so A is stored (m, k), or (k, m) if `ta` is Transpose::yes; op(B) is (k, n); C
/// is (m, n) and must not overlap A or B. If beta is 0, C is only written, whatever it held.
/// Throws std::invalid_argument if an extent is negative or over 2^31 - 1. Safe to call from
/// several threads at once.
template <class T>
void gemm(Transpose ta, Transpose tb, Index m, Index n, Index k, T alpha, const T* a, const T* b,
          T beta, T* c);

/// C = op(A) op(B) + beta * C. If beta is 0, `c` is resized to the shape of the product and only
/// written; otherwise it must have that shape. Throws std::invalid_argument if a tensor is not of
/// rank 2, if the shapes do not match, or if `c` is `a` or `b`.
template <class T>
void matmul_into(const Tensor<T>& a, Transpose ta, const Tensor<T>& b, Transpose tb, T beta,
                 Tensor<T>& c);

/// op(A) op(B): (m, k) by (k, n) gives (m, n). Throws std::invalid_argument if a tensor is not of
/// rank 2 or the inner dimensions differ.
template <class T>
Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b, Transpose ta = Transpose::no,
                 Transpose tb = Transpose::no);

}  // namespace glissade
