#pragma once

// Our own matrix product, for the shapes that OpenBLAS 0.3.21 is weak at.

#include "blas.h"

namespace glissade::kernels {

/// Whether `tiled_gemm` is faster than OpenBLAS for this product on this processor.
template <class T>
bool prefers_tiled_gemm(const detail::Product<T>& product);

/// Computes the product on the calling thread. An element's bits depend only on its row of op(A),
/// its column of op(B), k and the instruction set: not on m, n, alignment or leading dimensions.
template <class T>
void tiled_gemm(const detail::Product<T>& product);

}  // namespace glissade::kernels
