// Sums along axes, and empty tensors of great extents.
#include "catch.h"
#include "glissade/core/move.h"
#include "glissade/core/reduce.h"
#include "glissade/core/softmax.h"

using namespace glissade;

TEMPLATE_TEST_CASE("a column's sum does not depend on its position", "", float, double) {
  using T = TestType;
  const auto big = static_cast<T>(sizeof(T) == 4 ? 1e8 : 1e16);
  for (Index columns = 1; columns <= 35; ++columns) {
    Tensor<T> x({5, columns});
    const T column[] = {big, T{1}, -big, T{1}, T{0.5}};
    for (Index i = 0; i < 5; ++i) {
      for (Index j = 0; j < columns; ++j) x(i, j) = column[i];
    }
    for (const T beta : {T{0}, T{2}}) {
      auto y = Tensor<T>::full({columns}, T{3});
      kernels::sum_axis(x, 0, beta, y);
      for (Index j = 0; j < columns; ++j) REQUIRE(y[j] == (columns == 1 ? y[0] : y[columns - 1]));
    }
  }
}

TEST_CASE("long columns of floats keep what is small against their sum") {
  constexpr Index kRows = 20'000'000;
  const auto x = Tensor<float>::full({kRows, 3}, 1.0F);
  Tensor<float> y({3});
  kernels::sum_axis(x, 0, 0.0F, y);
  for (const float sum : y) CHECK(sum == Approx(2e7).epsilon(1e-6));
}

TEST_CASE("tensors without elements are done with at once, whatever their extents") {
  constexpr Index kMany = Index{1} << 40;
  const Tensor<float> wide({kMany, 0});
  CHECK(kernels::softmax(wide, 1).shape() == wide.shape());
  CHECK(kernels::log_softmax(wide, 1).shape() == wide.shape());
  CHECK(kernels::slice(wide, 1, 0, 0).size() == 0);
  CHECK(kernels::slice(wide, 0, 1, 5).shape() == Shape{4, 0});
  const Tensor<float>* const parts[] = {&wide, &wide};
  CHECK(kernels::concat<float>(parts, 1).shape() == wide.shape());
  CHECK(kernels::gather(wide, 1, Tensor<std::int32_t>({kMany, 0})).size() == 0);
  Tensor<float> sums({0});
  kernels::sum_axis(wide, 0, 0.0F, sums);
  CHECK_THROWS_WITH(kernels::pad(wide, 0, Index{1} << 62, Index{1} << 62), Contains("pad: "));
}

TEST_CASE("gather_rows refuses to overwrite what it reads") {
  Tensor<float> x({2, 2});
  const std::int32_t rows[] = {1, 0};
  CHECK_THROWS_WITH(kernels::gather_rows<float>(x, rows, x), Contains("must not be the source"));
}
