#include "glissade/core/gemm.h"

#include <cblas.h>

#include <algorithm>
#include <limits>
#include <mutex>

#include "blas.h"
#include "blas_repair.h"
#include "gemv.h"
#include "glissade/core/check.h"
#include "glissade/core/threads.h"
#include "openblas.h"

// The only file that sees cblas.h.

namespace glissade {
namespace {

int blas_int(Index extent) {
  check(extent >= 0, "gemm: the extent {} is negative", extent);
  check(extent <= std::numeric_limits<int>::max(),
        "gemm: the extent {} is too large, BLAS takes at most 2147483647", extent);
  return static_cast<int>(extent);
}

CBLAS_TRANSPOSE blas_transpose(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

void cblas_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, float alpha,
                const float* a, int lda, const float* b, int ldb, float beta, float* c) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, n);
}

void cblas_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, double alpha,
                const double* a, int lda, const double* b, int ldb, double beta, double* c) {
  cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, n);
}

// y = alpha * op(A) x + beta * y for A as it is stored: (rows, columns).
void cblas_gemv(CBLAS_TRANSPOSE ta, int rows, int columns, float alpha, const float* a,
                const float* x, float beta, float* y) {
  cblas_sgemv(CblasRowMajor, ta, rows, columns, alpha, a, columns, x, 1, beta, y, 1);
}

void cblas_gemv(CBLAS_TRANSPOSE ta, int rows, int columns, double alpha, const double* a,
                const double* x, double beta, double* y) {
  cblas_dgemv(CblasRowMajor, ta, rows, columns, alpha, a, columns, x, 1, beta, y, 1);
}

template <class T>
void scale(T* c, Index size, T beta) {
  if (beta == 0) {
    std::fill_n(c, size, T{0});
  } else if (beta != 1) {
    for (Index i = 0; i < size; ++i) c[i] *= beta;
  }
}

// op(A) op(B) with m = 1 or n = 1 as a product of one matrix, (rows, columns) as it is stored, or
// its transpose, with a vector.
template <class T>
struct VectorProduct {
  VectorProduct(Transpose ta, Transpose tb, Index m, Index n, Index k, const T* a, const T* b) {
    if (n == 1) {
      transposed = ta == Transpose::yes;
      rows = transposed ? k : m;
      columns = transposed ? m : k;
      matrix = a;
      vector = b;
    } else {  // C^T = op(B)^T A^T
      transposed = tb == Transpose::no;
      rows = transposed ? k : n;
      columns = transposed ? n : k;
      matrix = b;
      vector = a;
    }
  }

  bool transposed;
  Index rows;
  Index columns;
  const T* matrix;
  const T* vector;
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
void blas_gemm(Transpose ta, Transpose tb, int m, int n, int k, T alpha, const T* a, const T* b,
               T beta, T* c) {
  // OpenBLAS 0.3.21 multiplies a vector up to 5 times faster when it is told that it is one.
  if (n == 1 || m == 1) {
    const VectorProduct<T> p(ta, tb, m, n, k, a, b);
    cblas_gemv(blas_transpose(p.transposed), static_cast<int>(p.rows), static_cast<int>(p.columns),
               alpha, p.matrix, p.vector, beta, c);
    return;
  }
  const bool a_transposed = ta == Transpose::yes;
  const bool b_transposed = tb == Transpose::yes;
  cblas_gemm(blas_transpose(a_transposed), blas_transpose(b_transposed), m, n, k, alpha, a,
             a_transposed ? m : k, b, b_transposed ? k : n, beta, c);
}

const BlasState& ready_blas() {
  static const BlasState state = [] {
    const OpenBlas& library = openblas();
    BlasState made;
    made.serial = library.get_parallel != nullptr && library.get_parallel() == 0;
    if (library.set_num_threads != nullptr) library.set_num_threads(num_threads());
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
  const int rows = blas_int(m);
  const int columns = blas_int(n);
  const int inner = blas_int(k);
  if (m == 0 || n == 0) return;
  if (k == 0) {
    scale(c, m * n, beta);
    return;
  }
  if (k == 1) {  // a column times a row: faster than OpenBLAS, which packs both
    for (Index i = 0; i < m; ++i, c += n) {
      const T factor = alpha * a[i];
      if (beta == 0) {
        for (Index j = 0; j < n; ++j) c[j] = factor * b[j];
      } else {
        for (Index j = 0; j < n; ++j) c[j] = factor * b[j] + beta * c[j];
      }
    }
    return;
  }
  if ((n == 1 || m == 1) && m * n * k <= kernels::kGemvLimit) {
    const VectorProduct<T> p(ta, tb, m, n, k, a, b);
    kernels::gemv(p.transposed, p.rows, p.columns, alpha, p.matrix, p.vector, beta, c);
    return;
  }
  const auto lock = detail::lock_if_serial();
  detail::blas_gemm(ta, tb, rows, columns, inner, alpha, a, b, beta, c);
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

template void detail::blas_gemm(Transpose, Transpose, int, int, int, float, const float*,
                                const float*, float, float*);
template void detail::blas_gemm(Transpose, Transpose, int, int, int, double, const double*,
                                const double*, double, double*);
template void gemm(Transpose, Transpose, Index, Index, Index, float, const float*, const float*,
                   float, float*);
template void gemm(Transpose, Transpose, Index, Index, Index, double, const double*, const double*,
                   double, double*);
template void matmul_into(const Tensor<float>&, Transpose, const Tensor<float>&, Transpose, float,
                          Tensor<float>&);
template void matmul_into(const Tensor<double>&, Transpose, const Tensor<double>&, Transpose,
                          double, Tensor<double>&);
template Tensor<float> matmul(const Tensor<float>&, const Tensor<float>&, Transpose, Transpose);
template Tensor<double> matmul(const Tensor<double>&, const Tensor<double>&, Transpose, Transpose);

}  // namespace glissade
