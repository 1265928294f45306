// The matrix product against plain loops, its edge cases, and its errors.

#include <glissade/core/gemm.h>
#include <glissade/core/rng.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "catch.h"

using glissade::gemm;
using glissade::Index;
using glissade::matmul;
using glissade::matmul_into;
using glissade::Rng;
using glissade::Shape;
using glissade::Tensor;
using glissade::Transpose;

namespace {

constexpr Transpose kBoth[] = {Transpose::no, Transpose::yes};

template <class T>
Tensor<T> random_matrix(Rng& rng, Index rows, Index columns) {
  auto matrix = Tensor<T>::uninitialized({rows, columns});
  rng.fill_uniform(matrix, -1, 1);
  return matrix;
}

// op(A)(i, j), unchecked
template <class T>
T at(const Tensor<T>& a, Transpose ta, Index i, Index j) {
  return ta == Transpose::yes ? a[j * a.dim(1) + i] : a[i * a.dim(1) + j];
}

template <class T>
Tensor<T> random_operand(Rng& rng, Transpose transpose, Index rows, Index columns) {
  return transpose == Transpose::yes ? random_matrix<T>(rng, columns, rows)
                                     : random_matrix<T>(rng, rows, columns);
}

// Compares C with alpha * op(A) op(B) + beta * before, in long double.
template <class T>
void check_product(Transpose ta, Transpose tb, Index m, Index n, Index k, T alpha, T beta,
                   Rng& rng) {
  const auto a = random_operand<T>(rng, ta, m, k);
  const auto b = random_operand<T>(rng, tb, k, n);
  const auto before = random_matrix<T>(rng, m, n);
  auto c = before;
  gemm(ta, tb, m, n, k, alpha, a.data(), b.data(), beta, c.data());
  const long double tolerance = std::numeric_limits<T>::epsilon() * static_cast<T>(k + 2) * T{2};
  bool right = true;
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      long double sum = 0;
      for (Index l = 0; l < k; ++l) {
        sum += static_cast<long double>(at(a, ta, i, l)) * at(b, tb, l, j);
      }
      const long double expected = alpha * sum + static_cast<long double>(beta) * before(i, j);
      right = right && std::abs(c(i, j) - expected) <= tolerance;
    }
  }
  INFO("m " << m << " n " << n << " k " << k << " transposed " << (ta == Transpose::yes)
            << (tb == Transpose::yes) << " alpha " << alpha << " beta " << beta);
  CHECK(right);
}

template <class T>
void check_sizes() {
  Rng rng(3);
  const std::vector<Shape> sizes = {{1, 1, 1},     {1, 1, 7},      {1, 9, 1},     {8, 1, 1},
                                    {1, 33, 17},   {29, 1, 31},    {2, 2, 2},     {7, 5, 3},
                                    {16, 16, 16},  {17, 33, 65},   {64, 10, 128}, {67, 45, 83},
                                    {3, 130, 257}, {101, 102, 103}};
  for (const Shape& size : sizes) {
    for (const Transpose ta : kBoth) {
      for (const Transpose tb : kBoth) {
        check_product<T>(ta, tb, size[0], size[1], size[2], T{1}, T{0}, rng);
        check_product<T>(ta, tb, size[0], size[1], size[2], T{-0.5}, T{1}, rng);
        check_product<T>(ta, tb, size[0], size[1], size[2], T{1.5}, T{-0.25}, rng);
        check_product<T>(ta, tb, size[0], size[1], size[2], T{0}, T{0.5}, rng);
      }
    }
  }
}

}  // namespace

TEST_CASE("float products agree with plain loops") { check_sizes<float>(); }

TEST_CASE("double products agree with plain loops") { check_sizes<double>(); }

TEST_CASE("a product of small integers is exact") {
  const Tensor<float> a({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor<float> b({3, 2}, {7, 8, 9, 10, 11, 12});
  CHECK(matmul(a, b) == Tensor<float>({2, 2}, {58, 64, 139, 154}));
  CHECK(matmul(a, a, Transpose::no, Transpose::yes) == Tensor<float>({2, 2}, {14, 32, 32, 77}));
  CHECK(matmul(a, a, Transpose::yes) ==
        Tensor<float>({3, 3}, {17, 22, 27, 22, 29, 36, 27, 36, 45}));
  CHECK(matmul(a, b, Transpose::yes, Transpose::yes) ==
        Tensor<float>({3, 3}, {39, 49, 59, 54, 68, 82, 69, 87, 105}));
}

TEST_CASE("beta 0 writes without reading: NaN in C does not survive") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  Rng rng(4);
  for (const Shape& size : {Shape{5, 6, 7}, Shape{1, 6, 7}, Shape{5, 1, 7}, Shape{1, 1, 3},
                            Shape{150, 160, 170}, Shape{1, 3000, 50}, Shape{4, 5, 0}}) {
    for (const Transpose ta : kBoth) {
      for (const Transpose tb : kBoth) {
        for (const double alpha : {1.0, 0.0}) {
          const auto a = random_operand<double>(rng, ta, size[0], size[2]);
          const auto b = random_operand<double>(rng, tb, size[2], size[1]);
          auto c = Tensor<double>::full({size[0], size[1]}, kNan);
          gemm(ta, tb, size[0], size[1], size[2], alpha, a.data(), b.data(), 0.0, c.data());
          bool finite = true;
          for (const double x : c) finite = finite && std::isfinite(x);
          INFO(fmt::format("{} alpha {}", size, alpha));
          CHECK(finite);
        }
      }
    }
  }
}

TEST_CASE("a NaN or infinity in an operand reaches the product") {
  Tensor<float> a(Shape{20, 30});
  a(3, 4) = std::numeric_limits<float>::quiet_NaN();
  a(5, 6) = std::numeric_limits<float>::infinity();
  const auto c = matmul(a, Tensor<float>::full({30, 10}, 1));
  for (Index j = 0; j < 10; ++j) {
    CHECK(std::isnan(c(3, j)));
    CHECK(c(5, j) == std::numeric_limits<float>::infinity());
    CHECK(c(0, j) == 0);
  }
}

TEST_CASE("with no inner dimension the product is zero, and beta still counts") {
  const Tensor<double> a(Shape{2, 0});
  const Tensor<double> b(Shape{0, 3});
  CHECK(matmul(a, b) == Tensor<double>(Shape{2, 3}));
  auto c = Tensor<double>::full({2, 3}, 4);
  matmul_into(a, Transpose::no, b, Transpose::no, 0.5, c);
  CHECK(c == Tensor<double>::full({2, 3}, 2));
  matmul_into(a, Transpose::no, b, Transpose::no, 1.0, c);
  CHECK(c == Tensor<double>::full({2, 3}, 2));
}

TEST_CASE("products without rows or columns are empty") {
  CHECK(matmul(Tensor<float>(Shape{0, 4}), Tensor<float>(Shape{4, 3})).shape() == Shape{0, 3});
  CHECK(matmul(Tensor<float>(Shape{3, 4}), Tensor<float>(Shape{4, 0})).shape() == Shape{3, 0});
  CHECK(matmul(Tensor<float>(Shape{0, 0}), Tensor<float>(Shape{0, 0})).shape() == Shape{0, 0});
  CHECK(
      matmul(Tensor<float>(Shape{4, 0}), Tensor<float>(Shape{3, 4}), Transpose::yes, Transpose::yes)
          .shape() == Shape{0, 3});
}

TEST_CASE("matmul_into accumulates, and otherwise reuses the result's buffer") {
  const Tensor<float> a({1, 2}, {1, 2});
  const Tensor<float> b({2, 2}, {1, 0, 0, 1});
  Tensor<float> c(Shape{10, 10});
  const float* memory = c.data();
  matmul_into(a, Transpose::no, b, Transpose::no, 0.0F, c);
  CHECK(c == a);
  CHECK(c.data() == memory);
  matmul_into(a, Transpose::no, b, Transpose::no, 1.0F, c);
  CHECK(c == Tensor<float>({1, 2}, {2, 4}));
  CHECK_THROWS_WITH(matmul_into(b, Transpose::no, b, Transpose::no, 1.0F, c),
                    "matmul_into: the result has the shape (1, 2), the product (2, 2)");
}

TEST_CASE("operands that do not fit are named") {
  const Tensor<float> a(Shape{2, 3});
  const Tensor<float> b(Shape{4, 5});
  CHECK_THROWS_WITH(matmul(a, b), "matmul: inner dimensions of (2, 3) and (4, 5) differ");
  CHECK_THROWS_WITH(matmul(a, a), "matmul: inner dimensions of (2, 3) and (2, 3) differ");
  CHECK_THROWS_WITH(matmul(a, b, Transpose::yes, Transpose::no),
                    "matmul: inner dimensions of (2, 3) transposed and (4, 5) differ");
  CHECK_THROWS_WITH(matmul(a, b, Transpose::no, Transpose::yes),
                    "matmul: inner dimensions of (2, 3) and (4, 5) transposed differ");
  CHECK_THROWS_WITH(matmul(a, Tensor<float>(Shape{3})),
                    "matmul: expected two matrices, got the shapes (2, 3) and (3)");
  CHECK_THROWS_WITH(matmul(Tensor<float>::scalar(1), a),
                    "matmul: expected two matrices, got the shapes () and (2, 3)");
}

TEST_CASE("the result must not be an operand") {
  Tensor<float> a(Shape{2, 2});
  const Tensor<float> b(Shape{2, 2});
  CHECK_THROWS_WITH(matmul_into(a, Transpose::no, b, Transpose::no, 0.0F, a),
                    "matmul_into: the result must not be an operand");
  CHECK_THROWS_AS(matmul_into(b, Transpose::no, a, Transpose::no, 0.0F, a), std::invalid_argument);
}

TEST_CASE("extents that BLAS cannot take are rejected before anything is touched") {
  constexpr Index kTooLarge = Index{1} << 31;
  const float* none = nullptr;
  float* out = nullptr;
  CHECK_THROWS_WITH(
      gemm(Transpose::no, Transpose::no, kTooLarge, 1, 1, 1.0F, none, none, 0.0F, out),
      "gemm: the extent 2147483648 is too large, BLAS takes at most 2147483647");
  CHECK_THROWS_AS(gemm(Transpose::no, Transpose::no, 1, kTooLarge, 1, 1.0F, none, none, 0.0F, out),
                  std::invalid_argument);
  CHECK_THROWS_AS(gemm(Transpose::no, Transpose::no, 1, 1, kTooLarge, 1.0F, none, none, 0.0F, out),
                  std::invalid_argument);
  CHECK_THROWS_AS(gemm(Transpose::no, Transpose::no, 0, 1, kTooLarge, 1.0F, none, none, 0.0F, out),
                  std::invalid_argument);
  CHECK_THROWS_WITH(gemm(Transpose::no, Transpose::no, 1, -1, 1, 1.0F, none, none, 0.0F, out),
                    "gemm: the extent -1 is negative");
}

TEST_CASE("products run in several threads at once", "[threads]") {
  Rng rng(5);
  const auto a = random_matrix<float>(rng, 90, 120);
  const auto b = random_matrix<float>(rng, 120, 110);
  const auto expected = matmul(a, b);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads(4);
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      for (int i = 0; i < 20; ++i) {
        const auto c = matmul(a, b);
        int mine = 0;
        for (Index j = 0; j < c.size(); ++j) mine += std::abs(c[j] - expected[j]) > 1e-4F;
        wrong += mine;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}
