// The fused backward pass of bias and activation against its two parts.
#include <algorithm>
#include <cmath>
#include <limits>

#include "catch.h"
#include "glissade/core/activation.h"
#include "glissade/core/reduce.h"
#include "glissade/core/rng.h"
#include "glissade/core/tensor.h"

using namespace glissade;

namespace {
template <class T>
Tensor<T> numbers(const Shape& shape, std::uint64_t seed) {
  Tensor<T> x(shape);
  Rng rng(seed);
  rng.fill_normal(x.span());
  return x;
}
}  // namespace

TEMPLATE_TEST_CASE("the backward pass of bias and activation is that of both", "", float, double) {
  using T = TestType;
  using Kind = Activation::Kind;
  const Shape shapes[] = {{1, 1},   {3, 5},    {4, 16},   {5, 17},     {64, 31},   {7, 128},
                          {6, 129}, {3, 256},  {2, 257},  {1500, 33},  {300, 256}, {700, 100},
                          {0, 4},   {2000, 1}, {90, 800}, {100000, 10}};
  for (const Kind kind : {Kind::relu, Kind::leaky_relu, Kind::elu, Kind::tanh, Kind::sigmoid}) {
    const Activation activation{.kind = kind, .alpha = 0.25};
    for (const Shape& shape : shapes) {
      CAPTURE(to_string(kind), shape);
      const Index rows = shape[0];
      const Index columns = shape[1];
      auto y = numbers<T>(shape, 1);
      kernels::activation_forward(activation, y.size(), y.data(), y.data());
      const auto g = numbers<T>(shape, 2);

      auto expected = g;
      kernels::activation_backward(activation, g.size(), static_cast<const T*>(nullptr), y.data(),
                                   g.data(), expected.data());
      for (const T beta : {T{0}, T{1}}) {
        // With beta = 0 what was there is not read.
        const T before = beta == T{0} ? std::numeric_limits<T>::quiet_NaN() : T{3};
        auto db = Tensor<T>::full({columns}, before);
        auto dz = g;
        kernels::bias_activation_backward(activation, rows, columns, y.data(), dz.data(), beta,
                                          db.data());
        REQUIRE(std::equal(dz.begin(), dz.end(), expected.begin()));
        for (Index j = 0; j < columns; ++j) {
          long double sum = beta == T{0} ? 0.0L : static_cast<long double>(beta * before);
          long double size = 1.0L;
          for (Index i = 0; i < rows; ++i) {
            sum += static_cast<long double>(expected(i, j));
            size += std::abs(static_cast<long double>(expected(i, j)));
          }
          const long double allowed =
              size * std::numeric_limits<T>::epsilon() * 4.0L *
              std::sqrt(static_cast<long double>(std::min<Index>(rows, 1024) + 1));
          REQUIRE(std::abs(static_cast<long double>(db[j]) - sum) <= allowed);
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("the difference and the sum of its squares", "", float, double) {
  using T = TestType;
  for (const Index n : {0, 1, 7, 16, 17, 4095, 4097, 70000}) {
    const auto a = numbers<T>({n}, 3);
    const auto b = numbers<T>({n}, 4);
    Tensor<T> d({n});
    const double sum = kernels::difference(n, a.data(), b.data(), d.data());
    for (Index i = 0; i < n; ++i) REQUIRE(d[i] == a[i] - b[i]);
    long double expected = 0.0L;
    for (const T x : d) expected += static_cast<long double>(x) * static_cast<long double>(x);
    CHECK(sum == Approx(static_cast<double>(expected)).epsilon(sizeof(T) == 4 ? 1e-6 : 1e-13));
  }
}

TEST_CASE("squares of floats beyond their range are counted") {
  const float a[] = {1e25F, 3e-30F, 1.0F};
  const float b[] = {-1e25F, 0.0F, 1.0F};
  float d[3];
  CHECK(kernels::difference<float>(1, a, b, d) == Approx(4e50).epsilon(1e-6));
  CHECK(kernels::difference<float>(1, a + 1, b + 1, d) == Approx(9e-60).epsilon(1e-6));
}
