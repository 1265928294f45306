#include "glissade/core/gemm.h"

#include <cblas.h>

#include <algorithm>
#include <limits>
#include <mutex>

#include "blas.h"
#include "blas_repair.h"
#include "gemv.h"
#include "glissade/core/check.h"
#include "openblas.h"
#include "tiled_gemm.h"

// The only file that sees cblas.h.

namespace glissade {
namespace {

void check_extent(Index extent) {
  check(extent >= 0, "gemm: the extent {} is negative", extent);
  check(extent <= std::numeric_limits<int>::max(),
        "gemm: the extent {} is too large, BLAS takes at most 2147483647", extent);
}

CBLAS_TRANSPOSE blas_transpose(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

void cblas_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, float alpha,
                const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void cblas_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, double alpha,
                const double* a, int lda, const double* b, int ldb, double beta, double* c,
                int ldc) {
  cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

// y = alpha * op(A) x + beta * y for A as it is stored: (rows, columns).
void cblas_gemv(CBLAS_TRANSPOSE ta, int rows, int columns, float alpha, const float* a, int lda,
                const float* x, int step_x, float beta, float* y, int step_y) {
  cblas_sgemv(CblasRowMajor, ta, rows, columns, alpha, a, lda, x, step_x, beta, y, step_y);
}

void cblas_gemv(CBLAS_TRANSPOSE ta, int rows, int columns, double alpha, const double* a, int lda,
                const double* x, int step_x, double beta, double* y, int step_y) {
  cblas_dgemv(CblasRowMajor, ta, rows, columns, alpha, a, lda, x, step_x, beta, y, step_y);
}

template <class T>
void scale(Index rows, Index columns, T beta, T* c, Index ld) {
  for (; rows > 0; --rows, c += ld) {
    if (beta == 0) {
      std::fill_n(c, columns, T{0});
    } else if (beta != 1) {
      for (Index j = 0; j < columns; ++j) c[j] *= beta;
    }
  }
}

// y = factor b + beta y
template <class T>
void column_times_row(Index n, T factor, const T* b, Index step_b, T beta, T* y) {
  if (step_b != 1) {
    for (Index j = 0; j < n; ++j) {
      y[j] = beta == 0 ? factor * b[j * step_b] : factor * b[j * step_b] + beta * y[j];
    }
  } else if (beta == 0) {
    for (Index j = 0; j < n; ++j) y[j] = factor * b[j];
  } else {
    for (Index j = 0; j < n; ++j) y[j] = factor * b[j] + beta * y[j];
  }
}

// op(A) op(B) with m = 1 or n = 1 as a product of one matrix, (rows, columns) as it is stored, or
// its transpose, with a vector.
template <class T>
struct VectorProduct {
  explicit VectorProduct(const detail::Product<T>& p) {
    const bool a_transposed = p.ta == Transpose::yes;
    const bool b_transposed = p.tb == Transpose::yes;
    if (p.n == 1) {
      transposed = a_transposed;
      rows = transposed ? p.k : p.m;
      columns = transposed ? p.m : p.k;
      matrix = p.a;
      ld = p.lda;
      vector = p.b;
      step_vector = b_transposed ? 1 : p.ldb;
      step_result = p.ldc;
    } else {  // C^T = op(B)^T A^T
      transposed = !b_transposed;
      rows = transposed ? p.k : p.n;
      columns = transposed ? p.n : p.k;
      matrix = p.b;
      ld = p.ldb;
      vector = p.a;
      step_vector = a_transposed ? p.lda : 1;
      step_result = 1;
    }
  }

  // Whether there are no gaps, which our kernel cannot skip.
  bool is_dense() const { return ld == columns && step_vector == 1 && step_result == 1; }

  bool transposed;
  Index rows;
  Index columns;
  const T* matrix;
  Index ld;
  const T* vector;
  Index step_vector;
  Index step_result;
};

struct ProductShape {
  Index m;
  Index n;
  Index k;
};

ProductShape product_shape(const Shape& a, Transpose ta, const Shape& b, Transpose tb) {
  check(a.rank() == 2 && b.rank() == 2, "matmul: expected two matrices, got the shapes {} and {}",
        a, b);
  const bool a_transposed = ta == Transpose::yes;
  const bool b_transposed = tb == Transpose::yes;
  const Index k = a[a_transposed ? 0 : 1];
  check(k == b[b_transposed ? 1 : 0], "matmul: inner dimensions of {}{} and {}{} differ", a,
        a_transposed ? " transposed" : "", b, b_transposed ? " transposed" : "");
  return {a[a_transposed ? 1 : 0], b[b_transposed ? 0 : 1], k};
}

}  // namespace

namespace detail {

template <class T>
Product<T> dense_product(Transpose ta, Transpose tb, Index m, Index n, Index k, T alpha, const T* a,
                         const T* b, T beta, T* c) {
  return {
      ta,   tb, m, n, k, alpha, a, ta == Transpose::yes ? m : k, b, tb == Transpose::yes ? k : n,
      beta, c,  n};
}

template <class T>
void blas_gemm(const Product<T>& p) {
  // OpenBLAS 0.3.21 multiplies a vector up to 5 times faster when it is told that it is one.
  if (p.n == 1 || p.m == 1) {
    const VectorProduct<T> v(p);
    cblas_gemv(blas_transpose(v.transposed), static_cast<int>(v.rows), static_cast<int>(v.columns),
               p.alpha, v.matrix, static_cast<int>(v.ld), v.vector, static_cast<int>(v.step_vector),
               p.beta, p.c, static_cast<int>(v.step_result));
    return;
  }
  cblas_gemm(blas_transpose(p.ta == Transpose::yes), blas_transpose(p.tb == Transpose::yes),
             static_cast<int>(p.m), static_cast<int>(p.n), static_cast<int>(p.k), p.alpha, p.a,
             static_cast<int>(p.lda), p.b, static_cast<int>(p.ldb), p.beta, p.c,
             static_cast<int>(p.ldc));
}

template <class T>
void gemm_one_thread(const Product<T>& p) {
  if (p.k == 1) {  // a column times a row: faster than OpenBLAS, which packs both
    const Index step_a = p.ta == Transpose::yes ? 1 : p.lda;
    const Index step_b = p.tb == Transpose::yes ? p.ldb : 1;
    for (Index i = 0; i < p.m; ++i) {
      column_times_row(p.n, p.alpha * p.a[i * step_a], p.b, step_b, p.beta, p.c + i * p.ldc);
    }
    return;
  }
  if ((p.n == 1 || p.m == 1) && p.m * p.n * p.k <= kernels::kGemvLimit) {
    const VectorProduct<T> v(p);
    if (v.is_dense()) {
      kernels::gemv(v.transposed, v.rows, v.columns, p.alpha, v.matrix, v.vector, p.beta, p.c);
      return;
    }
  }
  if (kernels::prefers_tiled_gemm(p)) {
    if (p.alpha == 0) return scale(p.m, p.n, p.beta, p.c, p.ldc);
    return kernels::tiled_gemm(p);
  }
  const auto lock = lock_if_serial();
  blas_gemm(p);
}

const BlasState& ready_blas() {
  static const BlasState state = [] {
    const OpenBlas& library = openblas();
    BlasState made;
    made.serial = library.get_parallel != nullptr && library.get_parallel() == 0;
    // Its own threads would be others than those of the library's pool.
    if (library.set_num_threads != nullptr) library.set_num_threads(1);
    made.repair_note = repair_slow_kernels(library, this_processor(), products_are_right);
    return made;
  }();
  return state;
}

std::unique_lock<std::mutex> lock_if_serial() {
  // The serial library's buffers are shared by the products of all types.
  static std::mutex one_at_a_time;
  return ready_blas().serial ? std::unique_lock(one_at_a_time) : std::unique_lock<std::mutex>();
}

}  // namespace detail

template <class T>
void gemm(Transpose ta, Transpose tb, Index m, Index n, Index k, T alpha, const T* a, const T* b,
          T beta, T* c) {
  check_extent(m);
  check_extent(n);
  check_extent(k);
  if (m == 0 || n == 0) return;
  if (k == 0) {
    scale(m, n, beta, c, n);
    return;
  }
  detail::gemm_on_threads(detail::dense_product(ta, tb, m, n, k, alpha, a, b, beta, c));
}

template <class T>
void matmul_into(const Tensor<T>& a, Transpose ta, const Tensor<T>& b, Transpose tb, T beta,
                 Tensor<T>& c) {
  const auto [m, n, k] = product_shape(a.shape(), ta, b.shape(), tb);
  check(&c != &a && &c != &b, "matmul_into: the result must not be an operand");
  const Shape shape{m, n};
  if (beta == 0) {
    c.resize(shape);
  } else {
    check(c.shape() == shape, "matmul_into: the result has the shape {}, the product {}", c.shape(),
          shape);
  }
  gemm(ta, tb, m, n, k, T{1}, a.data(), b.data(), beta, c.data());
}

template <class T>
Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b, Transpose ta, Transpose tb) {
  Tensor<T> c;
  matmul_into(a, ta, b, tb, T{0}, c);
  return c;
}

#define GLISSADE_INSTANTIATE(T)                                                                   \
  template detail::Product<T> detail::dense_product(Transpose, Transpose, Index, Index, Index, T, \
                                                    const T*, const T*, T, T*);                   \
  template void detail::blas_gemm(const Product<T>&);                                             \
  template void detail::gemm_one_thread(const Product<T>&);                                       \
  template void gemm(Transpose, Transpose, Index, Index, Index, T, const T*, const T*, T, T*);    \
  template void matmul_into(const Tensor<T>&, Transpose, const Tensor<T>&, Transpose, T,          \
                            Tensor<T>&);                                                          \
  template Tensor<T> matmul(const Tensor<T>&, const Tensor<T>&, Transpose, Transpose);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
