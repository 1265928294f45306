#pragma once

// The cblas routines that hand-written gradients call, for float and double under one name. All
// matrices are row-major and contiguous.

#include <cblas.h>
#include <glissade/core/shape.h>

namespace glissade::bench::blas {

inline int to_int(Index n) { return static_cast<int>(n); }

/// C (m, n) = alpha op(A) op(B) + beta C, the inner extent is k.
inline void gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, Index m, Index n, Index k, double alpha,
                 const double* a, const double* b, double beta, double* c) {
  cblas_dgemm(CblasRowMajor, ta, tb, to_int(m), to_int(n), to_int(k), alpha, a,
              to_int(ta == CblasTrans ? m : k), b, to_int(tb == CblasTrans ? k : n), beta, c,
              to_int(n));
}
inline void gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, Index m, Index n, Index k, float alpha,
                 const float* a, const float* b, float beta, float* c) {
  cblas_sgemm(CblasRowMajor, ta, tb, to_int(m), to_int(n), to_int(k), alpha, a,
              to_int(ta == CblasTrans ? m : k), b, to_int(tb == CblasTrans ? k : n), beta, c,
              to_int(n));
}

/// y = alpha op(A) x + beta y, A stored (rows, columns).
inline void gemv(CBLAS_TRANSPOSE ta, Index rows, Index columns, double alpha, const double* a,
                 const double* x, double beta, double* y) {
  cblas_dgemv(CblasRowMajor, ta, to_int(rows), to_int(columns), alpha, a, to_int(columns), x, 1,
              beta, y, 1);
}
inline void gemv(CBLAS_TRANSPOSE ta, Index rows, Index columns, float alpha, const float* a,
                 const float* x, float beta, float* y) {
  cblas_sgemv(CblasRowMajor, ta, to_int(rows), to_int(columns), alpha, a, to_int(columns), x, 1,
              beta, y, 1);
}

/// x'y.
inline double dot(Index n, const double* x, const double* y) {
  return cblas_ddot(to_int(n), x, 1, y, 1);
}
inline float dot(Index n, const float* x, const float* y) {
  return cblas_sdot(to_int(n), x, 1, y, 1);
}

}  // namespace glissade::bench::blas
