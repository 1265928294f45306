// Sums along axes, and empty tensors of great extents.
#include <limits>
#include <utility>

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

TEMPLATE_TEST_CASE("max and min find the first of equals, and NaN before numbers", "", float,
                   double) {
  using T = TestType;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const T inf = std::numeric_limits<T>::infinity();
  for (const Index n : {1, 3, 8, 37}) {  // shorter and longer than vectors, with rests
    for (Index at = 0; at < n; ++at) {
      // The lines along the last axis, and the same ones along the first.
      Tensor<T> x({4, n});
      Tensor<T> columns({n, 4});
      for (Index j = 0; j < n; ++j) {
        x(0, j) = j >= at ? T{2} : T{-1};
        x(1, j) = j >= at ? T{-2} : T{1};
        x(2, j) = j == at || j == n - 1 ? nan : static_cast<T>(j);
        x(3, j) = j >= at ? inf : -inf;
      }
      for (Index i = 0; i < 4; ++i) {
        for (Index j = 0; j < n; ++j) columns(j, i) = x(i, j);
      }
      for (const auto& [tensor, axis] : {std::pair{&x, 1}, std::pair{&columns, 0}}) {
        const auto largest = kernels::max(*tensor, axis);
        const auto smallest = kernels::min(*tensor, axis);
        CHECK(largest.positions == kernels::argmax(*tensor, axis));
        CHECK(smallest.positions == kernels::argmin(*tensor, axis));
        const auto first = static_cast<std::int32_t>(at);
        CHECK(largest.positions[0] == first);
        CHECK(largest.positions[1] == 0);
        CHECK(smallest.positions[1] == first);
        CHECK(largest.positions[2] == first);
        CHECK(smallest.positions[2] == first);
        CHECK(std::isnan(largest.values[2]));
        CHECK(std::isnan(smallest.values[2]));
        CHECK(largest.positions[3] == first);
        CHECK(smallest.positions[3] == 0);
        CHECK(smallest.values[1] == T{-2});
      }
    }
  }
  // Several vectors of columns side by side, in two blocks.
  for (const Index columns : {1, 16, 19, 40}) {
    Tensor<T> x({2, 9, columns});
    for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i * 7 % 11);
    for (const bool is_max : {true, false}) {
      const auto found = is_max ? kernels::max(x, 1) : kernels::min(x, 1);
      for (Index i = 0; i < 2; ++i) {
        for (Index j = 0; j < columns; ++j) {
          std::int32_t best = 0;
          for (std::int32_t k = 1; k < 9; ++k) {
            const bool better = is_max ? x(i, k, j) > x(i, best, j) : x(i, k, j) < x(i, best, j);
            if (better) best = k;
          }
          REQUIRE(found.positions(i, j) == best);
          REQUIRE(found.values(i, j) == x(i, best, j));
        }
      }
    }
  }
  CHECK_THROWS_WITH(kernels::min(Tensor<T>({2, 0}), 1), Contains("min: axis 1"));
}

TEST_CASE("index_select and index_add say what is wrong with an index") {
  const Tensor<float> x({2, 3});
  const auto index = [](std::initializer_list<std::int32_t> values) {
    return Tensor<std::int32_t>({static_cast<Index>(values.size())}, values);
  };
  CHECK_THROWS_WITH(kernels::index_select(x, 1, index({0, 3})),
                    Contains("index_select: index 3 is out of range for an axis of extent 3"));
  CHECK_THROWS_WITH(kernels::index_select(x, 0, index({-1})), Contains("index -1"));
  CHECK_THROWS_WITH(kernels::index_select(x, 0, Tensor<std::int32_t>({1, 1})),
                    Contains("is not a vector"));
  CHECK_THROWS_WITH(kernels::index_add(x, 1, index({0, 1}), 4),
                    Contains("index_add: 2 positions for the extent 3"));
  CHECK_THROWS_WITH(kernels::index_add(x, 0, index({0, 4}), 4), Contains("index 4"));
  CHECK_THROWS_WITH(kernels::index_add(x, 0, index({0, 0}), -1), Contains("is negative"));
}

TEST_CASE("gather_rows refuses to overwrite what it reads") {
  Tensor<float> x({2, 2});
  const std::int32_t rows[] = {1, 0};
  CHECK_THROWS_WITH(kernels::gather_rows<float>(x, rows, x), Contains("must not be the source"));
}
