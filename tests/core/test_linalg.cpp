#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "catch.h"
#include "glissade/core/gemm.h"
#include "glissade/core/linalg.h"
#include "glissade/core/rng.h"

using namespace glissade;

namespace {

template <class T>
Tensor<T> random(const Shape& shape, std::uint64_t seed) {
  Rng rng(seed);
  Tensor<T> x(shape);
  rng.fill_normal(x, T{0}, T{1});
  return x;
}

template <class T>
double distance(const Tensor<T>& a, const Tensor<T>& b) {
  REQUIRE(a.shape() == b.shape());
  double largest = 0.0;
  for (Index i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return largest;
}

template <class T>
constexpr double kClose = std::is_same_v<T, double> ? 1e-11 : 1e-3;

template <class T>
Tensor<T> identity(Index n) {
  Tensor<T> one(Shape{n, n});
  for (Index i = 0; i < n; ++i) one(i, i) = T{1};
  return one;
}

}  // namespace

TEMPLATE_TEST_CASE("cholesky factors, and cholesky_solve solves", "", float, double) {
  using T = TestType;
  const Tensor<T> root = random<T>(Shape{7, 7}, 1);
  Tensor<T> a = matmul(root, root, Transpose::no, Transpose::yes);
  for (Index i = 0; i < 7; ++i) a(i, i) += T{1};
  Tensor<T> factor = a;
  for (Index i = 0; i < 7; ++i) {
    for (Index j = i + 1; j < 7; ++j) factor(i, j) = T{100};  // not read
  }
  REQUIRE(cholesky(factor));
  for (Index i = 0; i < 7; ++i) {
    for (Index j = i + 1; j < 7; ++j) CHECK(factor(i, j) == 0);
  }
  CHECK(distance(matmul(factor, factor, Transpose::no, Transpose::yes), a) < kClose<T>);
  for (const Shape& shape : {Shape{7}, Shape{7, 1}, Shape{7, 3}}) {
    const Tensor<T> x = random<T>(shape, 2);
    const Index columns = x.size() / 7;
    const Tensor<T> b = matmul(a, x.reshape(Shape{7, columns})).reshape(shape);
    CHECK(distance(cholesky_solve(factor, b), x) < kClose<T>);
  }
  Tensor<T> indefinite(Shape{2, 2}, {1, 2, 2, 1});
  CHECK_FALSE(cholesky(indefinite));
  // Singular up to rounding.
  const T third = T{1} / T{3};
  Tensor<T> singular(Shape{2, 2}, {third * third, third, third, T{1}});
  CHECK_FALSE(cholesky(singular));
}

TEMPLATE_TEST_CASE("qr gives orthonormal columns and an upper triangle", "", float, double) {
  using T = TestType;
  const Tensor<T> a = random<T>(Shape{9, 4}, 3);
  const auto [q, r] = qr(a);
  CHECK(distance(matmul(q, r), a) < kClose<T>);
  CHECK(distance(matmul(q, q, Transpose::yes, Transpose::no), identity<T>(4)) < kClose<T>);
  CHECK(r(1, 0) == 0);
  CHECK(r(3, 2) == 0);
}

TEMPLATE_TEST_CASE("lstsq: more rows, more columns, and columns that depend", "", float, double) {
  using T = TestType;
  SECTION("more rows: the residual is orthogonal to the columns") {
    const Tensor<T> a = random<T>(Shape{12, 5}, 4);
    const Tensor<T> b = random<T>(Shape{12, 2}, 5);
    const auto [x, rank] = lstsq(a, b);
    CHECK(rank == 5);
    Tensor<T> residual = matmul(a, x);
    for (Index i = 0; i < b.size(); ++i) residual[i] -= b[i];
    CHECK(distance(matmul(a, residual, Transpose::yes, Transpose::no), Tensor<T>(Shape{5, 2})) <
          kClose<T>);
  }
  SECTION("more columns: an exact solution, of smallest norm, hence in the row space") {
    const Tensor<T> a = random<T>(Shape{3, 6}, 6);
    const Tensor<T> b = random<T>(Shape{3}, 7);
    const auto [x, rank] = lstsq(a, b);
    CHECK(rank == 3);
    CHECK(distance(matmul(a, x.reshape(Shape{6, 1})), b.reshape(Shape{3, 1})) < kClose<T>);
    const auto [rows, triangle] = qr(Tensor<T>(Shape{6, 3}, [&] {
      std::vector<T> transposed;
      for (Index j = 0; j < 6; ++j) {
        for (Index i = 0; i < 3; ++i) transposed.push_back(a(i, j));
      }
      return transposed;
    }()));
    const Tensor<T> column = x.reshape(Shape{6, 1});
    const Tensor<T> projected = matmul(rows, matmul(rows, column, Transpose::yes, Transpose::no));
    CHECK(distance(projected, column) < kClose<T>);
  }
  SECTION("a column twice: the weight is shared") {
    Tensor<T> a(Shape{4, 2}, {1, 1, 2, 2, 3, 3, 4, 4});
    const auto [x, rank] = lstsq(a, Tensor<T>(Shape{4}, {2, 4, 6, 8}));
    CHECK(rank == 1);
    CHECK(distance(x, Tensor<T>(Shape{2}, {1, 1})) < kClose<T>);
  }
}

TEMPLATE_TEST_CASE("eigh: values ascending, vectors in columns", "", float, double) {
  using T = TestType;
  const Tensor<T> root = random<T>(Shape{6, 6}, 8);
  Tensor<T> a(Shape{6, 6});
  for (Index i = 0; i < 6; ++i) {
    for (Index j = 0; j < 6; ++j) a(i, j) = root(i, j) + root(j, i);
  }
  const auto [values, vectors] = eigh(a);
  CHECK(std::is_sorted(values.begin(), values.end()));
  CHECK(distance(matmul(vectors, vectors, Transpose::yes, Transpose::no), identity<T>(6)) <
        kClose<T>);
  Tensor<T> scaled = vectors;
  for (Index i = 0; i < 6; ++i) {
    for (Index j = 0; j < 6; ++j) scaled(i, j) *= values[j];
  }
  CHECK(distance(matmul(a, vectors), scaled) < kClose<T>);
}

TEST_CASE("linalg: empty matrices") {
  Tensor<double> none(Shape{0, 0});
  CHECK(cholesky(none));
  CHECK(eigh(none).values.size() == 0);
  CHECK(lstsq(Tensor<double>(Shape{0, 3}), Tensor<double>(Shape{0})).x == Tensor<double>(Shape{3}));
}

TEST_CASE("linalg: errors name the function and the shapes") {
  Tensor<double> wide(Shape{2, 3});
  CHECK_THROWS_WITH(cholesky(wide),
                    Contains("cholesky: expected a square matrix") && Contains("(2, 3)"));
  CHECK_THROWS_WITH(qr(wide), Contains("qr: ") && Contains("(2, 3)"));
  CHECK_THROWS_WITH(lstsq(wide, Tensor<double>(Shape{3})),
                    Contains("lstsq: ") && Contains("(2, 3)") && Contains("(3)"));
  Tensor<double> bad(Shape{2, 2}, {1.0, 0.0, std::numeric_limits<double>::quiet_NaN(), 1.0});
  CHECK_THROWS_WITH(eigh(bad), Contains("eigh: element 2") && Contains("nan"));
}
