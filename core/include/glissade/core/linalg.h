#pragma once

// Factorisations and what they solve, by the LAPACK in OpenBLAS. Matrices are row-major, as all
// tensors are. T is float or double.
//
// Errors: all throw std::invalid_argument naming the function and the shapes when the shapes do not
// fit, and when a number is NaN or infinite (LAPACK would return nonsense or never return).

#include "glissade/core/tensor.h"

namespace glissade {

/// The Cholesky factor of a symmetric positive definite matrix a (n, n), in place: the lower
/// triangular L with a = L Lᵀ, zeros above the diagonal. Only a's lower triangle counts. Returns
/// whether a is positive definite, by more than rounding; if not, its contents are undefined
/// afterwards.
template <class T>
bool cholesky(Tensor<T>& a);

/// Solves L Lᵀ x = b, with the factor L (n, n) of `cholesky` and b (n) or (n, k); x has b's shape.
template <class T>
Tensor<T> cholesky_solve(const Tensor<T>& factor, const Tensor<T>& b);

/// What `qr` returns.
template <class T>
struct QrFactors {
  Tensor<T> q;  ///< (m, n), with orthonormal columns
  Tensor<T> r;  ///< (n, n), upper triangular; the signs of its diagonal are LAPACK's
};
/// a = q r for a (m, n) with m >= n, by Householder reflections.
template <class T>
QrFactors<T> qr(const Tensor<T>& a);

/// What `lstsq` returns.
template <class T>
struct LeastSquares {
  Tensor<T> x;     ///< (n) or (n, k)
  Index rank = 0;  ///< of the matrix, up to rounding
};
/// The x with the smallest ‖a x - b‖ for a (m, n) and b (m) or (m, k), column by column; where
/// there are many, that with the smallest norm. By QR with column pivoting (LAPACK's gelsy):
/// columns that depend on others up to rounding, max(m, n) times T's precision, count as dependent.
template <class T>
LeastSquares<T> lstsq(const Tensor<T>& a, const Tensor<T>& b);

/// What `eigh` returns.
template <class T>
struct EigenDecomposition {
  Tensor<T> values;   ///< (n), ascending
  Tensor<T> vectors;  ///< (n, n): column i is the vector of value i, of length 1
};
/// All eigenvalues and eigenvectors of a symmetric matrix a (n, n), of which the lower
/// triangle counts.
template <class T>
EigenDecomposition<T> eigh(const Tensor<T>& a);

}  // namespace glissade
