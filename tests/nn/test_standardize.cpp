// Data of mean 0 and standard deviation 1.
#include <cmath>

#include "catch.h"
#include "glissade/core/rng.h"
#include "glissade/nn/standardize.h"

using namespace glissade;

TEST_CASE("moments are those of all elements, or of each column") {
  const Tensor<double> x({3, 2}, {1.0, 10.0, 2.0, 10.0, 6.0, 10.0});
  const auto all = nn::moments(x);
  CHECK(all.mean.rank() == 0);
  CHECK(all.mean.item() == Approx(6.5));
  CHECK(all.std.item() == Approx(std::sqrt((30.25 + 20.25 + 0.25 + 3 * 12.25) / 6.0)));

  const auto columns = nn::moments_by_feature(x);
  REQUIRE(columns.mean.shape() == Shape{2});
  CHECK(columns.mean[0] == Approx(3.0));
  CHECK(columns.std[0] == Approx(std::sqrt(14.0 / 3.0)));
  CHECK(columns.mean[1] == 10.0);
  CHECK(columns.std[1] == 0.0);
}

TEST_CASE("standardized data has mean 0 and standard deviation 1") {
  Rng rng(3);
  Tensor<float> x({500, 4});
  rng.fill_normal(x, 1000.0, 3.0);  // where a mean of squares would lose digits in float
  for (const bool by_feature : {false, true}) {
    auto y = x;
    nn::standardize(y, by_feature ? nn::moments_by_feature(y) : nn::moments(y));
    const auto after = nn::moments(y);
    CHECK(after.mean.item() == Approx(0.0).margin(1e-3));
    CHECK(after.std.item() == Approx(1.0).epsilon(1e-4));
  }
}

TEST_CASE("a constant column is shifted only") {
  Tensor<float> x({2, 2}, {1.0F, 7.0F, 3.0F, 7.0F});
  nn::standardize(x, nn::moments_by_feature(x));
  CHECK(x == Tensor<float>({2, 2}, {-1.0F, 0.0F, 1.0F, 0.0F}));
  // Ten times 0.1 is not 1 in double.
  auto tenths = Tensor<double>::full({10, 1}, 0.1);
  nn::standardize(tenths, nn::moments_by_feature(tenths));
  CHECK(tenths == Tensor<double>({10, 1}));
}

TEST_CASE("standardize and moments name shapes that do not fit") {
  Tensor<float> x({2, 3});
  CHECK_THROWS_WITH(nn::moments(Tensor<float>({0, 3})), Contains("moments: the tensor (0, 3)"));
  CHECK_THROWS_WITH(nn::moments_by_feature(Tensor<float>({3})), Contains("got (3)"));
  const auto two = nn::moments_by_feature(Tensor<float>({1, 2}));
  CHECK_THROWS_WITH(nn::standardize(x, two),
                    Contains("shapes (2) and (2) do not fit data of shape (2, 3)"));
}
