#include "glissade/core/rng.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "glissade/core/check.h"
#include "rng_fill.h"

// Only IEEE-exact operations (+, -, *, /, sqrt) are used, and the build forbids their contraction
// to fused ones (-ffp-contract=off): hence the same bits everywhere. std::log and its like differ
// between C libraries.

namespace glissade {
namespace {

template <std::size_t N>
double polynomial(const double (&coefficients)[N], double x) {
  double sum = coefficients[N - 1];
  for (std::size_t i = N - 1; i-- > 0;) sum = sum * x + coefficients[i];
  return sum;
}

// The natural logarithm of x, for normal positive x, to about 1 ulp: x = m 2^e with m in
// [sqrt(1/2), sqrt(2)), log m = 2 artanh s = 2 (s + s^3/3 + ...) with s = (m - 1) / (m + 1), where
// s^2 < 0.0295.
double log_ieee(double x) {
  static constexpr double kSeries[] = {1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11, 1.0 / 13,
                                       1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23};
  const auto bits = std::bit_cast<std::uint64_t>(x);
  // The bits of sqrt(1/2) move to an exponent boundary, so that a shift yields e.
  const std::uint64_t shifted = bits - 0x3fe6a09e667f3bcd;
  const auto exponent = static_cast<std::int64_t>(shifted) >> 52;
  const double m = std::bit_cast<double>(bits - (static_cast<std::uint64_t>(exponent) << 52));
  const double s = (m - 1) / (m + 1);
  const double s2 = s * s;
  const double sum = s2 * polynomial(kSeries, s2);
  const double e = static_cast<double>(exponent);
  // log 2 in two parts, the first with so few bits that the product with e is exact.
  return e * 0x1.62e42fee00000p-1 + (2 * s + (2 * s * sum + e * 0x1.a39ef35793c76p-33));
}

// The number that a standard normal variable is below with probability 1/2 + `central`; `tail` is
// 1/2 - |central|, given apart because the difference would lose its digits. AS 241, PPND16.
double normal_quantile(double central, double tail) {
  static constexpr double kA[] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                  1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                  4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                  3.3430575583588128105e+4, 2.5090809287301226727e+3};
  static constexpr double kB[] = {1,
                                  4.2313330701600911252e+1,
                                  6.8718700749205790830e+2,
                                  5.3941960214247511077e+3,
                                  2.1213794301586595867e+4,
                                  3.9307895800092710610e+4,
                                  2.8729085735721942674e+4,
                                  5.2264952788528545610e+3};
  static constexpr double kC[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                  5.76949722146069140550e0,  3.64784832476320460504e0,
                                  1.27045825245236838258e0,  2.41780725177450611770e-1,
                                  2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double kD[] = {1,
                                  2.05319162663775882187e0,
                                  1.67638483018380384940e0,
                                  6.89767334985100004550e-1,
                                  1.48103976427480074590e-1,
                                  1.51986665636164571966e-2,
                                  5.47593808499534494600e-4,
                                  1.05075007164441684324e-9};
  static constexpr double kE[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                  1.78482653991729133580e0,  2.96560571828504891230e-1,
                                  2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                  2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double kF[] = {1,
                                  5.99832206555887937690e-1,
                                  1.36929880922735805310e-1,
                                  1.48753612908506148525e-2,
                                  7.86869131145613259100e-4,
                                  1.84631831751005468180e-5,
                                  1.42151175831644588870e-7,
                                  2.04426310338993978564e-15};
  if (tail >= 0.075) {
    const double r = 0.180625 - central * central;
    return central * polynomial(kA, r) / polynomial(kB, r);
  }
  const double r = std::sqrt(-log_ieee(tail));
  const double magnitude = r <= 5 ? polynomial(kC, r - 1.6) / polynomial(kD, r - 1.6)
                                  : polynomial(kE, r - 5) / polynomial(kF, r - 5);
  return central < 0 ? -magnitude : magnitude;
}

double standard_normal(std::uint64_t bits) {
  const auto position = static_cast<std::int64_t>(bits >> 11) - (std::int64_t{1} << 52);
  const std::int64_t to_edge =
      position < 0 ? position + (std::int64_t{1} << 52) : (std::int64_t{1} << 52) - 1 - position;
  return normal_quantile((static_cast<double>(position) + 0.5) * 0x1p-53,
                         (static_cast<double>(to_edge) + 0.5) * 0x1p-53);
}

double unit_uniform(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

template <class T>
void check_range(T low, T high) {
  check(low <= high && std::isfinite(high - low),
        "uniform: the range from {} to {} is not valid: it must be finite and not reversed", low,
        high);
}

template <class T>
void check_normal(T mean, T std) {
  check(std::isfinite(mean) && std::isfinite(std) && std >= 0,
        "normal: the mean {} and the standard deviation {} must be finite, the latter not negative",
        mean, std);
}

// Rounding may carry low + u * (high - low) up to `high`, which the range leaves out.
// Rounding may carry low + unit * (high - low) up to `high`, which the range leaves out.
double into_range(double unit, double low, double high) {
  const double value = low + unit * (high - low);
  return value < high ? value : std::nextafter(high, low);
}

// Fills `values` from words drawn in larger numbers at once, which is faster: `part` turns them
// into some of the values, each from `WordsEach` words.
using Words = std::array<std::uint32_t, 1024>;

template <std::size_t WordsEach, class T, class Part>
void fill_by_parts(Rng& rng, std::span<T> values, const Part& part) {
  Words words;
  while (!values.empty()) {
    const std::size_t count = std::min(values.size(), words.size() / WordsEach);
    rng.fill_bits(std::span(words).first(count * WordsEach));
    part(words, values.first(count));
    values = values.subspan(count);
  }
}

// The words 2 i and 2 i + 1 as next_u64 combines them.
std::uint64_t pair(const Words& words, std::size_t i) {
  return words[2 * i] | std::uint64_t{words[2 * i + 1]} << 32;
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
        static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

void Rng::set_state(const State& state) {
  state_ = state;
  if (state_.position % 4 != 0) next_block();
}

void Rng::next_block() {
  block_ = philox4x32(detail::words_of(state_.position / 4, state_.stream),
                      detail::words_of(state_.key));
}

void Rng::fill_bits(std::span<std::uint32_t> words) {
  while (!words.empty() && state_.position % 4 != 0) {
    words.front() = next_u32();
    words = words.subspan(1);
  }
  const std::size_t blocks = words.size() / 4;
  detail::philox_blocks(state_.key, state_.stream, state_.position / 4, blocks, words.data());
  state_.position += 4 * blocks;
  for (std::uint32_t& word : words.subspan(4 * blocks)) word = next_u32();
}

double Rng::uniform() { return unit_uniform(next_u64()); }

double Rng::uniform(double low, double high) {
  check_range(low, high);
  return into_range(uniform(), low, high);
}

double Rng::normal(double mean, double std) {
  check_normal(mean, std);
  return mean + std * standard_normal(next_u64());
}

Index Rng::integer(Index low, Index high) {
  check(low < high, "integer: there is no integer from {} to below {}", low, high);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  std::uint64_t offset = 0;
  if (range <= std::numeric_limits<std::uint32_t>::max()) {
    // Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019): the upper half
    // of word * range, without the words whose lower half is among the first 2^32 mod range.
    std::uint64_t product = next_u32() * range;
    const auto lower = [&] { return static_cast<std::uint32_t>(product); };
    if (lower() < range) {
      const std::uint64_t excess = (std::uint64_t{1} << 32) % range;
      while (lower() < excess) product = next_u32() * range;
    }
    offset = product >> 32;
  } else {
    const std::uint64_t mask = ~std::uint64_t{0} >> std::countl_zero(range - 1);
    do {
      offset = next_u64() & mask;
    } while (offset >= range);
  }
  return static_cast<Index>(static_cast<std::uint64_t>(low) + offset);
}

void Rng::fill_uniform(std::span<float> values, float low, float high) {
  check_range(low, high);
  fill_by_parts<1>(*this, values, [&](const Words& words, std::span<float> part) {
    detail::uniform_from_words(words.data(), part.size(), low, high, part.data());
  });
}

void Rng::fill_uniform(std::span<double> values, double low, double high) {
  check_range(low, high);
  fill_by_parts<2>(*this, values, [&](const Words& words, std::span<double> part) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      part[i] = into_range(unit_uniform(pair(words, i)), low, high);
    }
  });
}

void Rng::fill_normal(std::span<float> values, float mean, float std) {
  check_normal(mean, std);
  fill_by_parts<1>(*this, values, [&](const Words& words, std::span<float> part) {
    detail::normal_from_words(words.data(), part.size(), mean, std, part.data());
  });
}

void Rng::fill_normal(std::span<double> values, double mean, double std) {
  check_normal(mean, std);
  fill_by_parts<2>(*this, values, [&](const Words& words, std::span<double> part) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      part[i] = mean + std * standard_normal(pair(words, i));
    }
  });
}

void Rng::permutation(std::span<std::int32_t> positions) {
  check(positions.size() <= std::size_t{1} << 31,
        "permutation: {} positions do not fit 32-bit numbers", positions.size());
  std::iota(positions.begin(), positions.end(), 0);
  shuffle(positions);
}

Rng Rng::split() {
  const std::uint64_t key = next_u64();
  const std::uint64_t stream = next_u64();
  return Rng(State{.key = key, .stream = stream, .position = 0});
}

}  // namespace glissade
