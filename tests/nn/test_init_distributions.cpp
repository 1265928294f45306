// LeCun's, orthogonal, truncated normal and sparse weights: their distributions and errors.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "catch.h"
#include "glissade/core/gemm.h"
#include "glissade/nn/init.h"
#include "glissade/nn/linear.h"

using namespace glissade;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double deviation(const Tensor<double>& tensor) {
  double squares = 0.0;
  for (const double x : tensor) squares += x * x;
  return std::sqrt(squares / static_cast<double>(tensor.size()));
}

double largest(const Tensor<double>& tensor) {
  double result = 0.0;
  for (const double x : tensor) result = std::max(result, std::abs(x));
  return result;
}

// The largest distance of a product a bᵀ (or aᵀ b) from `scale` times the identity.
double distance_from_identity(const Tensor<double>& product, double scale) {
  double worst = 0.0;
  for (Index i = 0; i < product.dim(0); ++i) {
    for (Index j = 0; j < product.dim(1); ++j) {
      worst = std::max(worst, std::abs(product(i, j) - (i == j ? scale : 0.0)));
    }
  }
  return worst;
}

// P(z > x) for a standard normal z.
double upper(double x) { return 0.5 * std::erfc(x / std::sqrt(2.0)); }

// P(z <= x) given low <= z <= high, with the digits of the tail that the interval is in.
double distribution(double x, double low, double high) {
  if (high <= 0.0) return 1.0 - distribution(-x, -high, -low);
  return (upper(low) - upper(x)) / (upper(low) - upper(high));
}

}  // namespace

TEST_CASE("LeCun's weights have variance 1 / fan_in") {
  Rng rng(1);
  Tensor<double> weight({300, 20, 5, 5});
  nn::init::lecun_uniform(weight, rng);
  CHECK(largest(weight) <= std::sqrt(3.0 / 500.0));
  CHECK(largest(weight) > 0.999 * std::sqrt(3.0 / 500.0));
  CHECK(deviation(weight) == Approx(std::sqrt(1.0 / 500.0)).epsilon(0.01));
  nn::init::lecun_normal(weight, rng);
  CHECK(largest(weight) > 3.5 * std::sqrt(1.0 / 500.0));
  CHECK(deviation(weight) == Approx(std::sqrt(1.0 / 500.0)).epsilon(0.01));
  const nn::Linear<double> uniform(500, 300, rng, {.init = nn::Init::lecun_uniform});
  CHECK(largest(uniform.weight.value()) <= std::sqrt(3.0 / 500.0));
  const nn::Linear<double> normal(500, 300, rng, {.init = nn::Init::lecun_normal});
  CHECK(deviation(normal.weight.value()) == Approx(std::sqrt(1.0 / 500.0)).epsilon(0.01));
  CHECK(largest(normal.bias.value()) == 0.0);
}

TEST_CASE("orthogonal weights have orthonormal rows or columns, to 1e-12") {
  Rng rng(1);
  for (const Shape& shape : {Shape{30, 20}, Shape{20, 30}, Shape{25, 25}, Shape{1, 4}, Shape{4, 1},
                             Shape{1, 1}, Shape{200, 150}}) {
    INFO(to_string(shape));
    Tensor<double> weight(shape);
    nn::init::orthogonal(weight, rng);
    const bool wide = shape[0] < shape[1];
    const Tensor<double> product = wide ? matmul(weight, weight, Transpose::no, Transpose::yes)
                                        : matmul(weight, weight, Transpose::yes, Transpose::no);
    CHECK(distance_from_identity(product, 1.0) < 1e-12);
    nn::init::orthogonal(weight, rng, {.gain = 3.0});
    CHECK(distance_from_identity(wide ? matmul(weight, weight, Transpose::no, Transpose::yes)
                                      : matmul(weight, weight, Transpose::yes, Transpose::no),
                                 9.0) < 1e-11);
  }
  Tensor<double> kernel({4, 3, 2, 2});
  nn::init::orthogonal(kernel, rng);
  const Tensor<double> flat = kernel.reshape({4, 12});
  CHECK(distance_from_identity(matmul(flat, flat, Transpose::no, Transpose::yes), 1.0) < 1e-12);
  const nn::Linear<double> layer(6, 4, rng, {.init = nn::Init::orthogonal});
  const Tensor<double>& w = layer.weight.value();
  CHECK(distance_from_identity(matmul(w, w, Transpose::no, Transpose::yes), 1.0) < 1e-12);
  Tensor<float> narrow({5, 5});
  nn::init::orthogonal(narrow, rng);
  CHECK(std::abs(matmul(narrow, narrow, Transpose::yes)(2, 2) - 1.0F) < 1e-6F);
  Tensor<double> nothing({0, 3});
  CHECK_NOTHROW(nn::init::orthogonal(nothing, rng));
  Tensor<double> row({5});
  CHECK_THROWS_WITH(nn::init::orthogonal(row, rng),
                    "orthogonal: the weight must have at least two axes, got (5)");
}

TEST_CASE("orthogonal weights are the Q of normal numbers whose R has a positive diagonal") {
  // That makes every Q equally likely; the signs of a QR routine's own Q are not random.
  for (const Shape& shape : {Shape{7, 4}, Shape{4, 7}, Shape{6, 6}}) {
    Rng rng(5);
    Rng again(5);
    Tensor<double> weight(shape);
    nn::init::orthogonal(weight, rng);
    Tensor<double> normal({std::max(shape[0], shape[1]), std::min(shape[0], shape[1])});
    again.fill_normal(normal);
    const Tensor<double> r =
        matmul(weight, normal, shape[0] < shape[1] ? Transpose::no : Transpose::yes);
    for (Index i = 0; i < r.dim(0); ++i) {
      CHECK(r(i, i) > 0.0);
      for (Index j = 0; j < i; ++j) CHECK(std::abs(r(i, j)) < 1e-13);
    }
  }
}

TEST_CASE("truncated normal numbers have the distribution that remains") {
  struct Case {
    double low, high;  // in standard deviations from the mean
  };
  constexpr std::size_t kCount = 100000;
  for (const auto& [low, high] :
       {Case{-2, 2}, Case{-1, 0.5}, Case{0, 0.1}, Case{0, 5}, Case{-3, kInfinity},
        Case{-kInfinity, 1}, Case{-kInfinity, kInfinity}, Case{2, kInfinity}, Case{3, 3.05},
        Case{1, 9}, Case{10, 11}, Case{-5, -3}, Case{-kInfinity, -4}, Case{-0.2, 0.1}}) {
    INFO(low << " to " << high);
    constexpr double kMean = 1.5;
    constexpr double kStd = 0.5;
    Rng rng(3);
    Tensor<double> x({static_cast<Index>(kCount)});
    nn::init::truncated_normal(
        x, rng, {.mean = kMean, .std = kStd, .a = kMean + kStd * low, .b = kMean + kStd * high});
    std::vector<double> sorted(x.begin(), x.end());
    std::sort(sorted.begin(), sorted.end());
    CHECK(sorted.front() >= kMean + kStd * low);
    CHECK(sorted.back() <= kMean + kStd * high);
    // Kolmogorov's distance; this limit is passed once in 2,000 times.
    double worst = 0.0;
    for (std::size_t i = 0; i < kCount; ++i) {
      const double expected = distribution((sorted[i] - kMean) / kStd, low, high);
      const double below = static_cast<double>(i) / kCount;
      worst = std::max({worst, expected - below, below + 1.0 / kCount - expected});
    }
    CHECK(worst < 2.03 / std::sqrt(static_cast<double>(kCount)));
  }
}

TEST_CASE("truncated normal numbers: defaults, bounds in float, errors") {
  Rng rng(1);
  Tensor<float> x({5000});
  nn::init::truncated_normal(x, rng);
  CHECK(*std::max_element(x.begin(), x.end()) <= 2.0F);
  CHECK(*std::max_element(x.begin(), x.end()) > 1.9F);
  CHECK(*std::min_element(x.begin(), x.end()) < -1.9F);
  nn::init::truncated_normal(x, rng, {.a = 0.1, .b = 0.1 + 1e-12});
  CHECK(x == Tensor<float>::full({5000}, 0.1F));
  CHECK_THROWS_WITH(nn::init::truncated_normal(x, rng, {.a = 2.0, .b = 1.0}),
                    "truncated_normal: a must be less than b, got 2 and 1");
  CHECK_THROWS_WITH(nn::init::truncated_normal(x, rng, {.std = 0.0}),
                    "truncated_normal: mean must be finite and std positive, got 0 and 0");
  CHECK_THROWS_AS(nn::init::truncated_normal(x, rng, {.b = std::nan("")}), std::invalid_argument);
  CHECK_THROWS_AS(nn::init::truncated_normal(x, rng, {.mean = kInfinity}), std::invalid_argument);
  CHECK_THROWS_WITH(
      nn::init::truncated_normal(x, rng, {.std = 1e-200, .a = 1.0}),
      "truncated_normal: the interval from 1 to 2 is too far from mean 0 for std 1e-200");
  Tensor<double> far({100});
  nn::init::truncated_normal(far, rng, {.std = 1e-140, .a = -2.0, .b = -1.0});
  CHECK(far == Tensor<double>::full({100}, -1.0));
}

TEST_CASE("sparse weights have zeros in each column, anywhere") {
  Rng rng(1);
  Tensor<double> weight({50, 400});
  nn::init::sparse(weight, 0.33, rng, {.std = 0.2});  // ceil(16.5) zeros
  std::vector<Index> by_row(50, 0);
  double squares = 0.0;
  for (Index j = 0; j < 400; ++j) {
    Index zeros = 0;
    for (Index i = 0; i < 50; ++i) {
      zeros += weight(i, j) == 0.0 ? 1 : 0;
      by_row[static_cast<std::size_t>(i)] += weight(i, j) == 0.0 ? 1 : 0;
      squares += weight(i, j) * weight(i, j);
    }
    REQUIRE(zeros == 17);
  }
  CHECK(std::sqrt(squares / (33.0 * 400.0)) == Approx(0.2).epsilon(0.03));
  // Of 400 columns, 136 in the mean, with a deviation of 9.5; five of them.
  for (const Index zeros : by_row) CHECK(std::abs(static_cast<double>(zeros) - 136.0) < 48.0);
  nn::init::sparse(weight, 1.0, rng);
  CHECK(largest(weight) == 0.0);
  nn::init::sparse(weight, 0.0, rng);
  CHECK(deviation(weight) == Approx(0.01).epsilon(0.05));
  CHECK_THROWS_WITH(nn::init::sparse(weight, 1.5, rng),
                    "sparse: sparsity must be from 0 to 1, got 1.5");
  CHECK_THROWS_AS(nn::init::sparse(weight, 0.5, rng, {.std = -1.0}), std::invalid_argument);
  Tensor<double> cube({2, 2, 2});
  CHECK_THROWS_WITH(nn::init::sparse(cube, 0.5, rng),
                    "sparse: the weight must have two axes, got (2, 2, 2)");
}
