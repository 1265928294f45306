#pragma once

// What the sources around the BLAS library share.

#include <mutex>
#include <string>

#include "glissade/core/gemm.h"

namespace glissade::detail {

/// C = alpha * op(A) op(B) + beta * C of row-major matrices, which may be parts of larger ones:
/// `ld` is from one row, as stored, to the next. m, n and k are positive and, as the leading
/// dimensions are, at most 2^31 - 1. C is not read if beta is 0.
template <class T>
struct Product {
  Transpose ta;
  Transpose tb;
  Index m;
  Index n;
  Index k;
  T alpha;
  const T* a;
  Index lda;
  const T* b;
  Index ldb;
  T beta;
  T* c;
  Index ldc;
};

/// The product of whole matrices.
template <class T>
Product<T> dense_product(Transpose ta, Transpose tb, Index m, Index n, Index k, T alpha, const T* a,
                         const T* b, T beta, T* c);

/// The library's product as it is: no repair of slow kernels.
template <class T>
void blas_gemm(const Product<T>& product);

/// The product by what is fastest for its shape, our kernels or the BLAS library, on the calling
/// thread.
template <class T>
void gemm_one_thread(const Product<T>& product);

/// The same, by as many threads as it is worth.
template <class T>
void gemm_on_threads(const Product<T>& product);

/// What was found out and done before the first product.
struct BlasState {
  bool serial = false;      ///< OpenBLAS's serial build, which must not run in two threads at once
  std::string repair_note;  ///< what was done about slow kernels
};

/// Makes the library ready for products when it is first called: fast kernels, one thread.
const BlasState& ready_blas();

/// Makes the library ready, and holds others off as long as the lock lives if it is the serial
/// build.
std::unique_lock<std::mutex> lock_if_serial();

}  // namespace glissade::detail
