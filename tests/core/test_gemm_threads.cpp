// Products that are cut into blocks for several threads.
#include <array>

#include "catch.h"
#include "glissade/core/gemm.h"
#include "glissade/core/parallel.h"
#include "support/threads.h"

using namespace glissade;

namespace {

// Whole numbers, small enough for every sum to be exact, whatever its order.
template <class T>
Tensor<T> whole_numbers(const Shape& shape, int seed) {
  Tensor<T> x(shape);
  auto state = static_cast<unsigned>(seed);
  for (T& value : x) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<T>(static_cast<int>(state >> 28) - 8);
  }
  return x;
}

// op(A) op(B) + beta C, a sum at a time.
template <class T>
Tensor<T> plain(const Tensor<T>& a, Transpose ta, const Tensor<T>& b, Transpose tb, T beta,
                Tensor<T> c) {
  const Index m = c.dim(0);
  const Index n = c.dim(1);
  const Index k = a.dim(ta == Transpose::yes ? 0 : 1);
  const Index row = ta == Transpose::yes ? 1 : k;
  const Index down = ta == Transpose::yes ? m : 1;
  const Index column = tb == Transpose::yes ? k : 1;
  const Index across = tb == Transpose::yes ? 1 : n;
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      T sum = beta * c[i * n + j];
      for (Index l = 0; l < k; ++l) sum += a[i * row + l * down] * b[j * column + l * across];
      c[i * n + j] = sum;
    }
  }
  return c;
}

struct Size {
  Index m;
  Index n;
  Index k;
};

template <class T>
void check_products() {
  // Large enough for several threads; tall, wide, deep, a row, a column, a single column of A.
  const std::array<Size, 8> sizes{{{131, 97, 83},
                                   {10, 1031, 70},
                                   {1500, 10, 64},
                                   {33, 17, 2000},
                                   {1, 1999, 601},
                                   {2011, 1, 607},
                                   {900, 801, 1},
                                   {300, 300, 20}}};
  constexpr std::array kBoth{Transpose::no, Transpose::yes};
  for (const auto& [m, n, k] : sizes) {
    for (const Transpose ta : kBoth) {
      for (const Transpose tb : kBoth) {
        const auto a = whole_numbers<T>(ta == Transpose::yes ? Shape{k, m} : Shape{m, k}, 1);
        const auto b = whole_numbers<T>(tb == Transpose::yes ? Shape{n, k} : Shape{k, n}, 2);
        const auto before = whole_numbers<T>({m, n}, 3);
        for (const T beta : {T{0}, T{1}}) {
          const Tensor<T> expected = plain(a, ta, b, tb, beta, before);
          for (const int threads : {2, 3, 4, 7}) {
            const Threads scope(threads);
            Tensor<T> c = before;
            gemm(ta, tb, m, n, k, T{1}, a.data(), b.data(), beta, c.data());
            INFO(fmt::format("({}, {}, {}), transposes {} {}, beta {}, {} threads", m, n, k,
                             static_cast<int>(ta), static_cast<int>(tb), beta, threads));
            CHECK((c == expected));  // not CHECK(a == b), which would print all numbers
          }
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("products by blocks are the product", "[threads]") {
  check_products<float>();
  check_products<double>();
}

TEST_CASE("products by blocks are the same bits each time", "[threads]") {
  Tensor<float> a({190, 310});
  Tensor<float> b({310, 270});
  for (Index i = 0; i < a.size(); ++i) a[i] = 1.0F / static_cast<float>(i % 1009 + 1);
  for (Index i = 0; i < b.size(); ++i) b[i] = 1.0F / static_cast<float>(i % 997 - 500);
  for (const int threads : {1, 2, 3}) {
    const Threads scope(threads);
    const Tensor<float> first = matmul(a, b);
    for (int i = 0; i < 20; ++i) CHECK((matmul(a, b) == first));
  }
}
