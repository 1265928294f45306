// Vectorised functions against the standard library's in long double.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "catch.h"
#include "glissade/core/activation.h"
#include "glissade/core/elementwise.h"
#include "glissade/core/regression_loss.h"
#include "glissade/core/rng.h"
#include "glissade/core/softmax.h"
#include "glissade/core/tensor.h"

using namespace glissade;

namespace {

using Exact = std::function<long double(long double)>;

// Numbers of all sizes and both signs, those around 0 and the ends of the functions' ranges.
template <class T>
Tensor<T> arguments() {
  std::vector<T> x;
  Rng rng(1);
  for (int i = 0; i < 200000; ++i) {
    x.push_back(static_cast<T>(rng.uniform(-12.0, 12.0)));
    x.push_back(static_cast<T>(rng.uniform(-45.0, 45.0)));
    x.push_back(static_cast<T>(rng.uniform(-1.2, 1.2)));
    x.push_back(static_cast<T>(std::exp(rng.uniform(-80.0, 4.0)) * (i % 2 == 0 ? 1.0 : -1.0)));
  }
  for (const T value : {T{0}, T{1}, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()}) {
    x.push_back(value);
    x.push_back(-value);
  }
  return Tensor<T>({static_cast<Index>(x.size())}, std::span<const T>(x));
}

// The largest distance of y from f(x) in units in the last place of f(x); denormal results count in
// those of the smallest normal number.
template <class T>
double most_units(const Tensor<T>& x, const Tensor<T>& y, const Exact& f) {
  double most = 0.0;
  for (Index i = 0; i < x.size(); ++i) {
    const long double exact = f(static_cast<long double>(x[i]));
    const auto near = std::max(std::abs(static_cast<T>(exact)), std::numeric_limits<T>::min());
    const T unit = near - std::nextafter(near, T{0});
    const auto units = static_cast<double>(std::abs(static_cast<long double>(y[i]) - exact) /
                                           static_cast<long double>(unit));
    if (!(units <= most)) {
      CAPTURE(x[i], y[i], static_cast<double>(exact));
      REQUIRE(std::isfinite(units));
      most = units;
    }
  }
  return most;
}

template <class T>
Tensor<T> activated(Activation::Kind kind, const Tensor<T>& x) {
  Tensor<T> y(x.shape());
  kernels::activation_forward(Activation{.kind = kind}, x.size(), x.data(), y.data());
  return y;
}

}  // namespace

TEMPLATE_TEST_CASE(
    "tanh, erf, sigmoid, softplus and gelu are right to a few units in the last place", "", float,
    double) {
  using T = TestType;
  using Kind = Activation::Kind;
  const auto x = arguments<T>();
  const auto cdf = [](long double v) { return 0.5L * std::erfc(-v / std::sqrt(2.0L)); };
  CHECK(most_units(x, activated(Kind::tanh, x), [](long double v) { return std::tanh(v); }) < 3.0);
  CHECK(most_units(x, kernels::unary(kernels::Unary::erf, x),
                   [](long double v) { return std::erf(v); }) < 3.5);
  CHECK(most_units(x, activated(Kind::sigmoid, x),
                   [](long double v) { return 1.0L / (1.0L + std::exp(-v)); }) < 3.0);
  const auto silu = [](long double v) { return v / (1.0L + std::exp(-v)); };
  const Tensor<T> low({4}, {T{-80}, T{-90}, T{-600}, T{-711}});  // also where e^-x overflows
  CHECK(most_units(x, activated(Kind::silu, x), silu) < 4.0);
  CHECK(most_units(low, activated(Kind::silu, low), silu) < (sizeof(T) == 4 ? 130 : 1000));
  CHECK(most_units(x, activated(Kind::softplus, x), [](long double v) {
          return std::max(v, 0.0L) + std::log1p(std::exp(-std::abs(v)));
        }) < 3.0);
  // As far as the distribution function is a normal number.
  auto cut = x;
  const T first = sizeof(T) == 4 ? T{-12} : T{-37};
  for (T& v : cut.span()) v = std::max(v, first);
  CHECK(most_units(cut, activated(Kind::gelu, cut), [&](long double v) { return v * cdf(v); }) <
        7.0);
}

TEMPLATE_TEST_CASE("softmax is right down to denormal numbers", "", float, double) {
  using T = TestType;
  const T last = std::log(std::numeric_limits<T>::denorm_min()) - T{2};
  for (const Index columns : {2, 20, 40}) {  // columns that are computed side by side, and not
    for (T low = T{0}; low > last; low -= T{1} / T{3}) {
      const Index rows = 16;
      Tensor<T> x({rows, columns});
      for (Index i = 0; i < rows; ++i) x(i, i % columns) = low;
      const Tensor<T> p = kernels::softmax(x, 1);
      const auto others = static_cast<long double>(columns - 1);
      const long double e = std::exp(static_cast<long double>(low));
      const long double exact = e / (e + others);
      const long double allowed =
          8 * exact * std::numeric_limits<T>::epsilon() +
          2 * static_cast<long double>(std::numeric_limits<T>::denorm_min());
      for (Index i = 0; i < rows; ++i) {
        REQUIRE(std::abs(static_cast<long double>(p(i, i % columns)) - exact) <= allowed);
      }
    }
  }
}

TEMPLATE_TEST_CASE("tanh, erf and gelu at the ends of their ranges", "", float, double) {
  using T = TestType;
  using Kind = Activation::Kind;
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const T tiny = std::numeric_limits<T>::denorm_min();
  const Tensor<T> x(
      {7}, {infinity, -infinity, std::numeric_limits<T>::quiet_NaN(), T{0}, -T{0}, tiny, -tiny});
  const auto tanh = activated(Kind::tanh, x);
  const auto erf = kernels::unary(kernels::Unary::erf, x);
  const auto gelu = activated(Kind::gelu, x);
  for (const auto* y : {&tanh, &erf}) {
    CHECK((*y)[0] == T{1});
    CHECK((*y)[1] == T{-1});
    CHECK((std::signbit((*y)[4]) && (*y)[4] == T{0}));
    CHECK((*y)[5] == tiny);
    CHECK((*y)[6] == -tiny);
  }
  CHECK(gelu[0] == infinity);
  for (const auto* y : {&tanh, &erf, &gelu}) {
    CHECK(std::isnan((*y)[2]));
    CHECK((*y)[3] == T{0});
  }
}

TEMPLATE_TEST_CASE("a function's value does not depend on the position of its argument", "", float,
                   double) {
  using T = TestType;
  Rng rng(2);
  Tensor<T> x({257});
  rng.fill_uniform(x.span(), T{-3}, T{3});
  const auto all_tanh = activated(Activation::Kind::tanh, x);
  const auto all_erf = kernels::unary(kernels::Unary::erf, x);
  for (Index i = 0; i < x.size(); ++i) {
    const auto one = Tensor<T>::full({1}, x[i]);
    REQUIRE(activated(Activation::Kind::tanh, one)[0] == all_tanh[i]);
    REQUIRE(kernels::unary(kernels::Unary::erf, one)[0] == all_erf[i]);
  }
}

TEMPLATE_TEST_CASE("operations on few elements are those on many", "", float, double) {
  using T = TestType;
  using kernels::Binary;
  Rng rng(3);
  Tensor<T> a({40});
  Tensor<T> b({40});
  rng.fill_uniform(a.span(), T{-3}, T{3});
  rng.fill_uniform(b.span(), T{1}, T{3});
  for (const Binary f : {Binary::add, Binary::sub, Binary::mul, Binary::div}) {
    const auto all = kernels::binary(f, a, b, "test");
    const auto scaled = kernels::binary_scalar(f, a, b[0]);
    for (Index n = 0; n <= 20; ++n) {
      const Tensor<T> first({n}, a.span().first(static_cast<std::size_t>(n)));
      const Tensor<T> second({n}, b.span().first(static_cast<std::size_t>(n)));
      const auto few = kernels::binary(f, first, second, "test");
      const auto few_scaled = kernels::binary_scalar(f, first, b[0]);
      REQUIRE(std::equal(few.begin(), few.end(), all.begin()));
      REQUIRE(std::equal(few_scaled.begin(), few_scaled.end(), scaled.begin()));
    }
  }
}

TEMPLATE_TEST_CASE("the loss of logistic regression and its slope", "", float, double) {
  using T = TestType;
  const auto x = arguments<T>();
  const Index n = x.size();
  Tensor<T> t({n});
  Rng rng(4);
  rng.fill_uniform(t.span());
  for (Index i = 0; i < n; ++i) {
    if (i % 3 != 2) t[i] = static_cast<T>(i % 3);  // 0, 1 and what is between
  }
  Tensor<T> tails({n});
  Tensor<T> losses({n});
  kernels::logistic_loss(n, x.data(), t.data(), tails.data(), losses.data());
  Tensor<T> slopes = tails;
  kernels::logistic_slope(n, x.data(), t.data(), T{2}, slopes.data());
  constexpr long double kUnit = std::numeric_limits<T>::epsilon();
  constexpr long double kTiny = 4.0L * std::numeric_limits<T>::denorm_min();
  for (Index i = 0; i < n; ++i) {
    const auto v = static_cast<long double>(x[i]);
    const auto target = static_cast<long double>(t[i]);
    const long double log_of_sum = std::log1p(std::exp(-std::abs(v)));
    const long double loss = log_of_sum + ((v > 0 ? 1 : 0) - target) * v;
    // No difference of nearly equal numbers, even where the sigmoid is nearly the target 0 or 1.
    const long double tail = 1 / (1 + std::exp(std::abs(v)));
    const long double exact = 2 * (v > 0 ? (1 - target) - tail : tail - target);
    const bool is_whole = target == 0 || target == 1;
    const long double allowed = is_whole ? 8 * kUnit * std::abs(exact) + kTiny : 8 * kUnit;
    const long double size = log_of_sum + std::abs(((v > 0 ? 1 : 0) - target) * v);
    REQUIRE(std::abs(static_cast<long double>(losses[i]) - loss) <= 3 * kUnit * size);
    REQUIRE(std::abs(static_cast<long double>(slopes[i]) - exact) <= allowed);
  }
}

TEMPLATE_TEST_CASE("the slope of the squared error", "", float, double) {
  using T = TestType;
  for (const Index n : {0, 1, 8, 9, 15, 16, 31, 70000}) {
    Tensor<T> before({n});
    Rng(5).fill_normal(before.span());
    Tensor<T> x = before;
    kernels::scale_slope(n, T{3}, x.data());
    for (Index i = 0; i < n; ++i) REQUIRE(x[i] == T{3} * before[i]);
  }
}
