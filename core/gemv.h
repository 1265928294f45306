#pragma once

// Products of a matrix and a vector that are too small for BLAS to be good at.

#include "glissade/core/shape.h"

namespace glissade::kernels {

/// Up to this many elements of the matrix, `gemv` is faster than OpenBLAS 0.3.21's (and more than
/// one thread would not help).
inline constexpr Index kGemvLimit = Index{1} << 18;

/// y = alpha A x + beta y for A (rows, columns), or y = alpha Aᵀ x + beta y if `transposed`. y is
/// not read if beta is 0.
template <class T>
void gemv(bool transposed, Index rows, Index columns, T alpha, const T* a, const T* x, T beta,
          T* y);

}  // namespace glissade::kernels
