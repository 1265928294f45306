#include "glissade/core/linalg.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <type_traits>
#include <vector>

#include "blas.h"
#include "glissade/core/check.h"
#include "glissade/core/move.h"
#include "lapack.h"

namespace glissade {
namespace {

using detail::Lapack;

int lapack_int(Index extent, const char* name) {
  check(extent <= std::numeric_limits<int>::max(),
        "{}: the extent {} is too large, LAPACK takes at most 2147483647", name, extent);
  return static_cast<int>(extent);
}

template <class T>
void check_finite(const Tensor<T>& x, const char* name) {
  const auto* const bad = std::find_if(x.begin(), x.end(), [](T v) { return !std::isfinite(v); });
  check(bad == x.end(), "{}: element {} of a matrix of shape {} is {}", name, bad - x.begin(),
        x.shape(), bad == x.end() ? T{} : *bad);
}

template <class T>
int check_square(const Tensor<T>& a, const char* name) {
  check(a.rank() == 2 && a.dim(0) == a.dim(1), "{}: expected a square matrix, got the shape {}",
        name, a.shape());
  check_finite(a, name);
  return lapack_int(a.dim(0), name);
}

// Right-hand sides b (rows) or (rows, k): the number k of columns.
template <class T>
int check_right_side(const Tensor<T>& b, const Shape& a, const char* name) {
  check((b.rank() == 1 || b.rank() == 2) && b.dim(0) == a[0],
        "{}: a matrix of shape {} does not fit a right-hand side of shape {}", name, a, b.shape());
  check_finite(b, name);
  return b.rank() == 1 ? 1 : lapack_int(b.dim(1), name);
}

// From row-major (rows, columns) to column-major, which is the way back too when the extents are
// exchanged.
template <class T>
std::vector<T> transposed(const T* from, Index rows, Index columns) {
  std::vector<T> to(static_cast<std::size_t>(rows * columns));
  kernels::transpose(rows, columns, from, to.data());
  return to;
}

// Calls a routine twice: it says first how much working memory it wants.
template <class T, class Routine>
int with_work(Routine routine) {
  int info = 0;
  T wanted{};
  const int query = -1;
  routine(&wanted, &query, &info);
  const int length = std::max(1, static_cast<int>(wanted));
  std::vector<T> work(static_cast<std::size_t>(length));
  routine(work.data(), &length, &info);
  return info;
}

}  // namespace

template <class T>
bool cholesky(Tensor<T>& a) {
  const int n = check_square(a, "cholesky");
  if (n == 0) return true;
  std::vector<T> diagonal;
  for (Index i = 0; i < n; ++i) diagonal.push_back(a[i * n + i]);
  int info = 0;
  {
    const auto lock = detail::lock_if_serial();
    // The upper triangle, column-major, is the lower one, row-major.
    Lapack<T>::potrf("U", &n, a.data(), &n, &info, 1);
  }
  if (info != 0) return false;
  for (Index i = 0; i < n; ++i) std::fill_n(a.data() + i * n + i + 1, n - i - 1, T{});
  // A pivot that is lost in the rounding of its row is as good as zero.
  const T least = static_cast<T>(n) * std::numeric_limits<T>::epsilon();
  for (Index i = 0; i < n; ++i) {
    const T root = a[i * n + i];
    if (!(root * root > least * diagonal[static_cast<std::size_t>(i)])) return false;
  }
  return true;
}

template <class T>
Tensor<T> cholesky_solve(const Tensor<T>& factor, const Tensor<T>& b) {
  const int n = check_square(factor, "cholesky_solve");
  const int columns = check_right_side(b, factor.shape(), "cholesky_solve");
  Tensor<T> x(b.shape());
  if (b.size() == 0) return x;
  std::vector<T> solution = transposed(b.data(), n, columns);
  int info = 0;
  {
    const auto lock = detail::lock_if_serial();
    Lapack<T>::potrs("U", &n, &columns, factor.data(), &n, solution.data(), &n, &info, 1);
  }
  solution = transposed(solution.data(), columns, n);
  std::copy(solution.begin(), solution.end(), x.data());
  return x;
}

template <class T>
QrFactors<T> qr(const Tensor<T>& a) {
  check(a.rank() == 2 && a.dim(0) >= a.dim(1),
        "qr: expected a matrix with at least as many rows as columns, got the shape {}", a.shape());
  check_finite(a, "qr");
  const int m = lapack_int(a.dim(0), "qr");
  const int n = lapack_int(a.dim(1), "qr");
  QrFactors<T> result{Tensor<T>(a.shape()), Tensor<T>(Shape{n, n})};
  if (n == 0) return result;
  std::vector<T> q = transposed(a.data(), m, n);
  std::vector<T> tau(static_cast<std::size_t>(n));
  const auto lock = detail::lock_if_serial();
  with_work<T>([&](T* work, const int* length, int* info) {
    Lapack<T>::geqrf(&m, &n, q.data(), &m, tau.data(), work, length, info);
  });
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i <= j; ++i) result.r[i * n + j] = q[static_cast<std::size_t>(j * m + i)];
  }
  with_work<T>([&](T* work, const int* length, int* info) {
    Lapack<T>::orgqr(&m, &n, &n, q.data(), &m, tau.data(), work, length, info);
  });
  q = transposed(q.data(), n, m);
  std::copy(q.begin(), q.end(), result.q.data());
  return result;
}

template <class T>
LeastSquares<T> lstsq(const Tensor<T>& a, const Tensor<T>& b) {
  check(a.rank() == 2, "lstsq: expected a matrix, got the shape {}", a.shape());
  check_finite(a, "lstsq");
  const int m = lapack_int(a.dim(0), "lstsq");
  const int n = lapack_int(a.dim(1), "lstsq");
  const int columns = check_right_side(b, a.shape(), "lstsq");
  LeastSquares<T> result{Tensor<T>(b.rank() == 1 ? Shape{n} : Shape{n, columns})};
  if (m == 0 || n == 0 || columns == 0) return result;

  std::vector<T> matrix = transposed(a.data(), m, n);
  // LAPACK's b has room for the longer of right-hand side and solution.
  const int rows = std::max(m, n);
  const auto at = [](Index position) { return static_cast<std::size_t>(position); };
  std::vector<T> x(at(static_cast<Index>(rows) * columns));
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < columns; ++j) x[at(j * rows + i)] = b[i * columns + j];
  }
  std::vector<int> pivots(at(n), 0);
  const T tolerance = std::numeric_limits<T>::epsilon() * static_cast<T>(rows);
  int rank = 0;
  {
    const auto lock = detail::lock_if_serial();
    with_work<T>([&](T* work, const int* length, int* info) {
      Lapack<T>::gelsy(&m, &n, &columns, matrix.data(), &m, x.data(), &rows, pivots.data(),
                       &tolerance, &rank, work, length, info);
    });
  }
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < columns; ++j) result.x[i * columns + j] = x[at(j * rows + i)];
  }
  result.rank = rank;
  return result;
}

template <class T>
EigenDecomposition<T> eigh(const Tensor<T>& a) {
  const int n = check_square(a, "eigh");
  EigenDecomposition<T> result{Tensor<T>(Shape{n}), Tensor<T>(a)};
  if (n == 0) return result;
  int iwork_wanted = 0;
  std::vector<int> iwork(1);
  int info = 0;
  {
    const auto lock = detail::lock_if_serial();
    info = with_work<T>([&](T* work, const int* length, int* status) {
      const bool is_query = *length == -1;
      const int ilength = is_query ? -1 : std::max(1, iwork_wanted);
      iwork.resize(static_cast<std::size_t>(std::max(1, ilength)));
      Lapack<T>::syevd("V", "U", &n, result.vectors.data(), &n, result.values.data(), work, length,
                       iwork.data(), &ilength, status, 1, 1);
      if (is_query) iwork_wanted = iwork[0];
    });
  }
  check(info == 0, "eigh: LAPACK's syevd did not converge for a matrix of shape {}", a.shape());
  // LAPACK's columns are rows here.
  const std::vector<T> vectors = transposed(result.vectors.data(), n, n);
  std::copy(vectors.begin(), vectors.end(), result.vectors.data());
  return result;
}

#define GLISSADE_INSTANTIATE(T)                                          \
  template bool cholesky(Tensor<T>&);                                    \
  template Tensor<T> cholesky_solve(const Tensor<T>&, const Tensor<T>&); \
  template QrFactors<T> qr(const Tensor<T>&);                            \
  template LeastSquares<T> lstsq(const Tensor<T>&, const Tensor<T>&);    \
  template EigenDecomposition<T> eigh(const Tensor<T>&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
