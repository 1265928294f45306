// The ladder's error estimate, on random functions whose derivatives are known.

#include <cmath>
#include <functional>
#include <limits>

#include "catch.h"
#include "glissade/autograd/numerical.h"
#include "glissade/core/rng.h"

using namespace glissade;

namespace {

using Real = long double;

// A value with its derivative.
struct Jet {
  Real value;
  Real slope;
};

constexpr int kFunctions = 12;
constexpr int kAbs = 6;
constexpr int kRelu = 7;

double apply(int which, double z) {
  switch (which) {
    case 0:
      return std::sin(z);
    case 1:
      return std::exp(std::tanh(z));
    case 2:
      return std::tanh(z);
    case 3:
      return 1.0 / (1.0 + std::exp(-z));
    case 4:
      return std::log1p(std::exp(z));
    case 5:
      return z * z * z - 2.0 * z;
    case kAbs:
      return std::fabs(z);
    case kRelu:
      return z > 0.0 ? z : 0.0;
    case 8:
      return std::sqrt(1.0 + z * z);
    case 9:
      return std::erf(z);
    case 10:
      return z;
    default:
      return z * std::cos(z);
  }
}

Jet apply(int which, const Jet& in) {
  const Real z = in.value;
  const auto jet = [&](Real value, Real slope) { return Jet{value, slope * in.slope}; };
  switch (which) {
    case 0:
      return jet(std::sin(z), std::cos(z));
    case 1: {
      const Real t = std::tanh(z);
      return jet(std::exp(t), std::exp(t) * (1 - t * t));
    }
    case 2:
      return jet(std::tanh(z), 1 - std::tanh(z) * std::tanh(z));
    case 3: {
      const Real s = 1 / (1 + std::exp(-z));
      return jet(s, s * (1 - s));
    }
    case 4:
      return jet(std::log1p(std::exp(z)), 1 / (1 + std::exp(-z)));
    case 5:
      return jet(z * z * z - 2 * z, 3 * z * z - 2);
    case kAbs:
      return jet(std::fabs(z), z > 0 ? 1 : -1);
    case kRelu:
      return jet(z > 0 ? z : 0, z > 0 ? 1 : 0);
    case 8:
      return jet(std::sqrt(1 + z * z), z / std::sqrt(1 + z * z));
    case 9:
      return jet(std::erf(z), 2 / std::sqrt(std::acos(Real{-1})) * std::exp(-z * z));
    case 10:
      return jet(z, 1);
    default:
      return jet(z * std::cos(z), std::cos(z) - z * std::sin(z));
  }
}

// outer * (f_d(a_d (... f_1(a_1 inner x + b_1) ...) + b_d) + offset)
struct Composition {
  std::vector<int> functions;
  std::vector<double> a;
  std::vector<double> b;
  double inner = 1.0;
  double outer = 1.0;
  double offset = 0.0;
  double x = 0.0;

  double operator()(double at) const {
    double z = at * inner;
    for (std::size_t i = 0; i < a.size(); ++i) z = apply(functions[i], a[i] * z + b[i]);
    return outer * (z + offset);
  }
  Real slope() const {
    Jet z{Real{x} * inner, inner};
    for (std::size_t i = 0; i < a.size(); ++i) {
      z = apply(functions[i], Jet{a[i] * z.value + b[i], a[i] * z.slope});
    }
    return outer * z.slope;
  }
};

// Scales from 1e-6 to 1e6 of x and of the function; a third has a kink 1e-6 to 1 scales away.
Composition random_composition(Rng& rng) {
  Composition f;
  const Index depth = rng.integer(1, 5);
  f.inner = std::pow(10.0, rng.uniform(-6.0, 6.0));
  f.outer = std::pow(10.0, rng.uniform(-6.0, 6.0));
  for (Index i = 0; i < depth; ++i) {
    f.functions.push_back(static_cast<int>(rng.integer(0, kFunctions)));
    f.a.push_back(rng.uniform(-2.0, 2.0));
    f.b.push_back(rng.uniform(-1.0, 1.0));
  }
  if (rng.integer(0, 4) == 0) f.offset = std::pow(10.0, rng.uniform(-3.0, 4.0));
  double z = rng.normal();
  if (rng.integer(0, 3) == 0) {
    f.functions[0] = rng.integer(0, 2) == 0 ? kAbs : kRelu;
    f.a[0] = 1.0;
    const double distance = std::pow(10.0, rng.uniform(-6.0, 0.0));
    z = -f.b[0] + (rng.integer(0, 2) == 0 ? distance : -distance);
  }
  f.x = z / f.inner;
  return f;
}

}  // namespace

TEST_CASE("the error estimate of the ladder bounds the error within a factor of 3", "[slow]") {
  Rng rng(1);
  constexpr int kCases = 10'000;
  int wrong = 0;
  int useful = 0;
  for (int i = 0; i < kCases; ++i) {
    const Composition f = random_composition(rng);
    const Real exact = f.slope();
    const numerical::Estimate found = numerical::derivative(f, f.x);
    const double error = std::fabs(static_cast<double>(found.value - exact));
    if (!(error <= 3.0 * found.error)) ++wrong;
    // An estimate of infinity would bound everything.
    const double scale =
        std::max(std::fabs(static_cast<double>(exact)), std::fabs(f(f.x) * f.inner));
    if (found.error <= 1e-6 * scale) ++useful;
  }
  CHECK(wrong <= kCases / 100);
  CHECK(useful >= kCases * 97 / 100);
}

TEST_CASE("a kink nearer than the larger steps does not spoil the derivative") {
  for (double distance = 1e-7; distance < 1.0; distance *= 3.0) {
    for (const double side : {-1.0, 1.0}) {
      const auto f = [](double x) { return 3.0 * std::fabs(x - 0.5) + std::sin(x); };
      const double x = 0.5 + side * distance;
      const numerical::Estimate found = numerical::derivative(f, x);
      const double error = std::fabs(found.value - 3.0 * side - std::cos(x));
      INFO("distance " << distance << ", error " << error << ", estimate " << found.error);
      CHECK(error <= 3.0 * found.error);
      CHECK(error < 1e-11);  // the other side knows it
      CHECK(found.error < 1e-10);
    }
  }
}

TEST_CASE("kinks on both sides leave the steps inside them") {
  const auto f = [](double x) {
    return std::fabs(x - 0.50002) + 2.0 * std::fabs(x - 0.49994) + std::sin(x);
  };
  const numerical::Estimate found = numerical::derivative(f, 0.5);
  CHECK(std::fabs(found.value - 1.0 - std::cos(0.5)) <= 3.0 * found.error);
  CHECK(found.error < 1e-10);
  CHECK(found.step < 8e-5);
}

TEST_CASE("at a kink neither side alone is the derivative") {
  // From above it is 3, with a smaller error than from below, or from both.
  const auto f = [](double x) { return x > 0.0 ? 3.0 * x : std::sin(x); };
  CHECK(std::fabs(numerical::derivative(f, 0.0).value - 2.0) < 1e-9);
}

TEST_CASE("noise of the function is measured") {
  // sin x with errors of 1e-9 that look random
  const auto noisy = [](double x) { return std::sin(x) + 1e-9 * std::sin(1e18 * x); };
  const numerical::Estimate found = numerical::derivative(noisy, 1.0);
  CHECK(std::fabs(found.value - std::cos(1.0)) <= 3.0 * found.error);
  CHECK(found.error > 1e-11);
  CHECK(found.error < 1e-6);
}

TEST_CASE("noise that only larger steps show is measured") {
  // constant over 2^-33, so that the nine points next to x see nothing of it
  const auto noisy = [](double x) {
    return std::sin(x) + 1e-10 * std::sin(1e9 * std::floor(std::ldexp(x, 33)));
  };
  const numerical::Estimate found = numerical::derivative(noisy, 1.0);
  CHECK(std::fabs(found.value - std::cos(1.0)) <= 3.0 * found.error);
  CHECK(found.error > 1e-12);
  CHECK(found.error < 1e-7);
}

TEST_CASE("steps out of the function's domain are left out") {
  const numerical::Estimate found =
      numerical::derivative([](double x) { return std::log(x); }, 1e-3);
  CHECK(found.value == Approx(1e3).epsilon(1e-9));
  CHECK(found.error < 1e-5);
  const numerical::Estimate none = numerical::derivative([](double) { return std::nan(""); }, 1.0);
  CHECK(std::isnan(none.value));
  CHECK(none.error == std::numeric_limits<double>::infinity());
}
