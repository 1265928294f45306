// The distributions of Rng: the same bits everywhere, against exact quantiles, and by their
// statistics. Seeds are fixed, so a statistical test either always passes or never.

#include <glissade/core/rng.h>
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "catch.h"

using glissade::Index;
using glissade::Rng;
using glissade::Tensor;

namespace {

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

// Kolmogorov's and Smirnov's distance, times sqrt(n): over 1.95 for one sample in a thousand.
template <class T, class Cdf>
double ks_distance(std::vector<T> sample, const Cdf& cdf) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double distance = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = cdf(static_cast<double>(sample[i]));
    distance =
        std::max({distance, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return distance * std::sqrt(n);
}

// The hash FNV-1a of the bits of the values.
template <class T>
std::uint64_t hash(const std::vector<T>& values) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const T value : values) {
    const auto bits = std::uint64_t{std::bit_cast<Bits>(value)};
    for (unsigned shift = 0; shift < 8 * sizeof(T); shift += 8) {
      hash = (hash ^ (bits >> shift & 0xff)) * 0x100000001b3;
    }
  }
  return hash;
}

template <class T>
struct Moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0;
  explicit Moments(const std::vector<T>& values) {
    const auto n = static_cast<double>(values.size());
    for (const T x : values) mean += static_cast<double>(x) / n;
    for (const T x : values) {
      const double d = static_cast<double>(x) - mean;
      variance += d * d / n;
      skewness += d * d * d / n;
      kurtosis += d * d * d * d / n;
    }
    skewness /= std::pow(variance, 1.5);
    kurtosis /= variance * variance;
  }
};

template <class T>
std::vector<T> normals(std::uint64_t seed, std::size_t count) {
  std::vector<T> values(count);
  Rng(seed).fill_normal(values);
  return values;
}

template <class T>
std::vector<T> uniforms(std::uint64_t seed, std::size_t count) {
  std::vector<T> values(count);
  Rng(seed).fill_uniform(values);
  return values;
}

double chi_square(const std::vector<int>& counts) {
  const double expected =
      std::accumulate(counts.begin(), counts.end(), 0.0) / static_cast<double>(counts.size());
  double sum = 0;
  for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

}  // namespace

TEST_CASE("uniform numbers are the upper bits of the words") {
  // From an independent implementation in Python.
  Rng rng(42);
  CHECK(rng.uniform() == 0x1.dfd524ee73abcp-2);
  CHECK(rng.uniform() == 0x1.5d0acf5c4afd4p-2);
  CHECK(rng.uniform() == 0x1.4ee9b3f7f36c8p-2);
  CHECK(uniforms<float>(42, 6) == std::vector<float>{0x1.39d5e0p-1F, 0x1.dfd524p-2F, 0x1.2bf500p-4F,
                                                     0x1.5d0accp-2F, 0x1.f9b642p-1F,
                                                     0x1.4ee9b0p-2F});
}

TEST_CASE("normal numbers are close to the exact quantiles, computed with mpmath") {
  const std::vector<double> expected = {
      -0x1.42dc65ce0ff8bp-4, -0x1.a3f4a5b3e5028p-2, -0x1.caca1d20ed487p-2, -0x1.d61412d6e26a2p-4,
      0x1.a1a8bc2f2eb52p-2,  0x1.805c509d131d5p-1,  0x1.c447f0807783cp-2,  -0x1.3b29da9b3fb7ap-2};
  Rng rng(42);
  for (const double value : expected) CHECK(rng.normal() == Approx(value).epsilon(2e-15).margin(0));
  const std::vector<double> words = {0.2870419004491993,  -0.0788234689186628, -1.4521371467784647,
                                     -0.4101129425247294, 2.2482116354861397,  -0.4480366282126223,
                                     0.03486460315114394, -0.11476523742670311};
  const auto floats = normals<float>(42, words.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    CHECK(static_cast<double>(floats[i]) == Approx(words[i]).epsilon(1e-6).margin(0));
  }
}

TEST_CASE("a seed gives the same bits with every compiler and instruction set") {
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    INFO(hwy::TargetName(target));
    CHECK(hash(uniforms<float>(42, 100003)) == 0x16507a0e0492cf78);
    CHECK(hash(uniforms<double>(42, 10003)) == 0x640118c8c50a6c09);
    CHECK(hash(normals<float>(42, 100003)) == 0xe5027ec0e07c1889);
    CHECK(hash(normals<double>(42, 10003)) == 0x3f521b3c077ad070);
    std::vector<float> values(1001);
    Rng rng(7);
    rng.fill_normal(values, 3, 0.1F);
    CHECK(hash(values) == 0x18535448f01b3eea);
    rng.fill_uniform(values, -0.3F, 0.7F);
    CHECK(hash(values) == 0xc36de83302882df6);
  }
  hwy::SetSupportedTargetsForTest(0);
  Rng rng(42);
  CHECK(rng.integer(-5, 1000) == 611);
  CHECK(rng.integer(-5, 1000) == 465);
  CHECK(rng.integer(-5, Index{3} << 40) == 1090868945186);
  std::vector<std::int32_t> order(10);
  Rng(42).permutation(order);
  CHECK(order == std::vector<std::int32_t>{7, 3, 8, 9, 1, 5, 2, 0, 4, 6});
}

TEST_CASE("filling with doubles is the same as drawing them one by one") {
  Rng filled(8);
  Rng single(8);
  Tensor<double> values({3, 700});
  filled.fill_normal(values, 1, 2);
  for (const double value : values) REQUIRE(value == single.normal(1, 2));
  filled.fill_uniform(values, -3, 5);
  for (const double value : values) REQUIRE(value == single.uniform(-3, 5));
  CHECK(filled.state() == single.state());
}

TEST_CASE("a fill draws the documented number of words, and does not depend on how it is cut") {
  Rng whole(9);
  Rng parts(9);
  std::vector<float> a(5000);
  std::vector<float> b(5000);
  whole.fill_normal(a);
  CHECK(whole.state().position == 5000);
  const std::span<float> rest(b);
  parts.fill_normal(rest.first(1));
  parts.fill_normal(rest.subspan(1, 1030));
  parts.fill_normal(rest.subspan(1031, 0));
  parts.fill_normal(rest.subspan(1031));
  CHECK(a == b);
  std::vector<double> doubles(11);
  whole.fill_uniform(doubles);
  CHECK(whole.state().position == 5022);
}

TEST_CASE("a value does not depend on how many are filled") {
  const auto many = normals<float>(3, 100);
  for (std::size_t count = 0; count < 100; ++count) {
    const auto few = normals<float>(3, count);
    REQUIRE(std::equal(few.begin(), few.end(), many.begin()));
  }
}

TEST_CASE("uniform numbers have the mean, variance and distribution of the unit interval") {
  const auto check_sample = [](const auto& sample) {
    const Moments moments(sample);
    CHECK(moments.mean == Approx(0.5).margin(0.003));
    CHECK(moments.variance == Approx(1 / 12.0).margin(0.001));
    CHECK(moments.kurtosis == Approx(1.8).margin(0.02));
    CHECK(ks_distance(sample, [](double x) { return x; }) < 1.95);
    CHECK(*std::min_element(sample.begin(), sample.end()) >= 0);
    CHECK(*std::max_element(sample.begin(), sample.end()) < 1);
  };
  check_sample(uniforms<float>(1, 100000));
  check_sample(uniforms<double>(2, 100000));
}

TEST_CASE("normal numbers have the moments and the distribution of the normal law") {
  const auto check_sample = [](const auto& sample) {
    const Moments moments(sample);
    CHECK(moments.mean == Approx(0).margin(0.004));
    CHECK(moments.variance == Approx(1).margin(0.006));
    CHECK(moments.skewness == Approx(0).margin(0.01));
    CHECK(moments.kurtosis == Approx(3).margin(0.02));
    CHECK(ks_distance(sample, normal_cdf) < 1.95);
  };
  check_sample(normals<float>(1, 1000000));
  check_sample(normals<double>(2, 1000000));
}

TEST_CASE("normal numbers are as often in the tails as they should be") {
  const auto floats = normals<float>(3, 2000000);
  const auto doubles = normals<double>(4, 1000000);
  for (const double bound : {1.0, 2.0, 3.0, 4.0}) {
    const auto check_tail = [bound](const auto& sample, double sign) {
      const double expected = normal_cdf(-bound) * static_cast<double>(sample.size());
      const auto count =
          static_cast<double>(std::count_if(sample.begin(), sample.end(), [&](auto x) {
            return static_cast<double>(x) * sign > bound;
          }));
      CHECK(count == Approx(expected).margin(4 * std::sqrt(expected)));
    };
    for (const double sign : {-1.0, 1.0}) {
      check_tail(floats, sign);
      check_tail(doubles, sign);
    }
  }
}

TEST_CASE("float normals follow the inverse distribution over all its range") {
  // Against the forward distribution, erfc, relative to the probability of the nearer tail.
  Rng words(5);
  const auto floats = normals<float>(5, 100000);
  double worst = 0;
  for (const float x : floats) {
    const double p = (words.next_u32() + 0.5) * 0x1p-32;
    const double tail = std::min(p, 1 - p);
    worst = std::max(worst, std::abs(normal_cdf(-std::abs(static_cast<double>(x))) - tail) / tail);
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("double normals follow the inverse distribution over all its range") {
  Rng words(6);
  const auto doubles = normals<double>(6, 100000);
  double worst = 0;
  for (const double x : doubles) {
    const std::uint64_t below = words.next_u64() >> 11;
    const std::uint64_t above = (std::uint64_t{1} << 53) - 1 - below;
    const double tail = (static_cast<double>(std::min(below, above)) + 0.5) * 0x1p-53;
    worst = std::max(worst, std::abs(normal_cdf(-std::abs(x)) - tail) / tail);
  }
  CHECK(worst < 1e-13);
}

TEST_CASE("mean, deviation and range are applied") {
  std::vector<float> values(100000);
  Rng rng(10);
  rng.fill_normal(values, 3, 0.5F);
  CHECK(Moments(values).mean == Approx(3).margin(0.01));
  CHECK(Moments(values).variance == Approx(0.25).margin(0.005));
  rng.fill_uniform(values, -2, 6);
  CHECK(Moments(values).mean == Approx(2).margin(0.03));
  CHECK(*std::min_element(values.begin(), values.end()) >= -2);
  CHECK(*std::max_element(values.begin(), values.end()) < 6);
  CHECK(*std::min_element(values.begin(), values.end()) < -1.99F);
  CHECK(*std::max_element(values.begin(), values.end()) > 5.99F);
  rng.fill_normal(values, 4, 0);
  CHECK(std::all_of(values.begin(), values.end(), [](float x) { return x == 4; }));
}

TEST_CASE("the upper end of a range is never reached, even by rounding") {
  // 1 + u rounds to 2 for the largest u; with so few numbers in the range that happens at once.
  const float high = std::nextafter(std::nextafter(1.0F, 2.0F), 2.0F);
  std::vector<float> values(1000);
  Rng rng(11);
  rng.fill_uniform(values, 1.0F, high);
  CHECK(*std::max_element(values.begin(), values.end()) < high);
  const double above = std::nextafter(std::nextafter(1.0, 2.0), 2.0);
  for (int i = 0; i < 100; ++i) {
    const double value = rng.uniform(1.0, above);
    REQUIRE((value >= 1.0 && value < above));
  }
  CHECK(rng.uniform(2.5, 2.5) == 2.5);
  rng.fill_uniform(values, 2.5F, 2.5F);
  CHECK(std::all_of(values.begin(), values.end(), [](float x) { return x == 2.5F; }));
}

TEST_CASE("integers are unbiased where a remainder or a product alone would not be") {
  // Of 2^32 words, 3 * 2^30 values would get 1 or 2 each: by remainder the lower third gets 2, by
  // multiplication every third value does.
  constexpr Index kRange = Index{3} << 30;
  std::vector<int> thirds(3);
  std::vector<int> remainders(3);
  Rng rng(12);
  for (int i = 0; i < 90000; ++i) {
    const Index x = rng.integer(0, kRange);
    REQUIRE((x >= 0 && x < kRange));
    ++thirds[static_cast<std::size_t>(x / (Index{1} << 30))];
    ++remainders[static_cast<std::size_t>(x % 3)];
  }
  CHECK(chi_square(thirds) < 13.8);  // one in a thousand
  CHECK(chi_square(remainders) < 13.8);
}

TEST_CASE("integers of ranges over 32 bits are unbiased and reach both ends") {
  constexpr Index kLowest = std::numeric_limits<Index>::min();
  constexpr Index kHighest = std::numeric_limits<Index>::max();
  Rng rng(13);
  std::vector<int> thirds(3);
  for (int i = 0; i < 90000; ++i) {
    const Index x = rng.integer(-(Index{3} << 40), Index{3} << 40);
    ++thirds[static_cast<std::size_t>((x + (Index{3} << 40)) / (Index{2} << 40))];
  }
  CHECK(chi_square(thirds) < 13.8);
  int negative = 0;
  for (int i = 0; i < 10000; ++i) negative += rng.integer(kLowest, kHighest) < 0;
  CHECK(negative / 10000.0 == Approx(0.5).margin(0.02));
  CHECK(rng.integer(kHighest - 1, kHighest) == kHighest - 1);
  CHECK(rng.integer(kLowest, kLowest + 1) == kLowest);
}

TEST_CASE("small integers are uniform, and cover their range only") {
  Rng rng(14);
  for (const Index size : {1, 2, 7, 10, 100}) {
    std::vector<int> counts(static_cast<std::size_t>(size));
    for (Index i = 0; i < 1000 * size; ++i) {
      const Index x = rng.integer(-3, size - 3);
      REQUIRE((x >= -3 && x < size - 3));
      ++counts[static_cast<std::size_t>(x + 3)];
    }
    // Mean size - 1, deviation sqrt(2 (size - 1)).
    const auto freedom = static_cast<double>(size - 1);
    CHECK(chi_square(counts) <= freedom + 4 * std::sqrt(2 * freedom) + 4);
  }
}

TEST_CASE("every permutation is equally likely") {
  Rng rng(15);
  std::vector<int> counts(24);
  std::array<std::int32_t, 4> order{};
  for (int i = 0; i < 24000; ++i) {
    rng.permutation(order);
    std::array<std::int32_t, 4> sorted{0, 1, 2, 3};
    std::size_t rank = 0;
    while (sorted != order) {
      std::next_permutation(sorted.begin(), sorted.end());
      ++rank;
    }
    ++counts[rank];
  }
  CHECK(chi_square(counts) < 49.7);  // 23 degrees of freedom, one in a thousand
}

TEST_CASE("a permutation has every position once; a shuffle keeps the values") {
  Rng rng(16);
  std::vector<std::int32_t> order(60000);
  rng.permutation(order);
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) REQUIRE(order[i] == static_cast<std::int32_t>(i));
  std::vector<std::string> words = {"a", "b", "c", "d", "e", "f", "g", "h"};
  const auto before = words;
  rng.shuffle(std::span(words));
  CHECK(words != before);
  CHECK(std::is_permutation(words.begin(), words.end(), before.begin()));
  rng.permutation({});
  std::array<std::int32_t, 1> one{5};
  rng.permutation(one);
  CHECK(one[0] == 0);
}

TEST_CASE("parameters that make no distribution are rejected") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kLargest = std::numeric_limits<double>::max();
  Rng rng(17);
  CHECK_THROWS_WITH(rng.uniform(1, 0),
                    "uniform: the range from 1 to 0 is not valid: it must be finite and not "
                    "reversed");
  CHECK_THROWS_AS(rng.uniform(0, kNan), std::invalid_argument);
  CHECK_THROWS_AS(rng.uniform(kNan, 0), std::invalid_argument);
  CHECK_THROWS_AS(rng.uniform(0, kInfinity), std::invalid_argument);
  CHECK_THROWS_AS(rng.uniform(kInfinity, kInfinity), std::invalid_argument);
  CHECK_THROWS_AS(rng.uniform(-kLargest, kLargest), std::invalid_argument);
  CHECK_THROWS_WITH(rng.normal(0, -1),
                    "normal: the mean 0 and the standard deviation -1 must be finite, the latter "
                    "not negative");
  CHECK_THROWS_AS(rng.normal(kNan, 1), std::invalid_argument);
  CHECK_THROWS_AS(rng.normal(0, kInfinity), std::invalid_argument);
  CHECK_THROWS_WITH(rng.integer(3, 3), "integer: there is no integer from 3 to below 3");
  CHECK_THROWS_AS(rng.integer(3, 2), std::invalid_argument);
  Tensor<float> values(glissade::Shape{3});
  CHECK_THROWS_AS(rng.fill_uniform(values, 2, 1), std::invalid_argument);
  CHECK_THROWS_AS(rng.fill_normal(values, 0, -1), std::invalid_argument);
  CHECK(rng.state().position == 0);
}
