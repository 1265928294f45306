// The update of Adam, compiled for each instruction set, against its formula, over all magnitudes
// of gradients: with AVX-512 the root is an approximation that is then refined.

#include <fmt/format.h>
#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <vector>

#include "../../optim/kernels.h"
#include "catch.h"

using glissade::Index;
using glissade::optim::kernels::AdamFactors;
using glissade::optim::kernels::Arrays;
using glissade::optim::kernels::update_arrays;

namespace {

constexpr AdamFactors kFactors{.step_size = 0.1,
                               .sign = 1.0,
                               .weight_decay = 0.0,
                               .shrink = 1.0,
                               .beta1 = 0.9,
                               .beta2 = 0.999,
                               .inverse_root = 1.5,
                               .eps = 1e-8};

// Averages and gradients of one parameter, and the step from 0.
struct Sample {
  double mean;
  double square;
  double gradient;
  double step(double add1, double beta2, double add2) const {
    const double now = mean + add1 * (gradient - mean);
    const double variance = beta2 * square + add2 * gradient * gradient;
    return -kFactors.step_size * now / (std::sqrt(variance) * kFactors.inverse_root + kFactors.eps);
  }
};

template <class T>
void check_steps() {
  std::vector<Sample> samples;
  for (double size = 1e-16; size < 1e17; size *= 1.7) {
    samples.push_back({size, size * size, size});
    samples.push_back({-size, 0.3 * size * size, 0.1 * size});
    samples.push_back({size, 0.0, 0.0});
    samples.push_back({0.0, 0.0, -size});
  }
  samples.push_back({0.0, 0.0, 0.0});
  const auto n = samples.size();
  std::vector<T> g(n);
  std::vector<T> m(n);
  std::vector<T> v(n);
  std::vector<T> w(n, T{0});
  for (std::size_t i = 0; i < n; ++i) {
    g[i] = static_cast<T>(samples[i].gradient);
    m[i] = static_cast<T>(samples[i].mean);
    v[i] = static_cast<T>(samples[i].square);
  }
  update_arrays<T>(
      kFactors,
      Arrays<T>{static_cast<Index>(n), g.data(), w.data(), {m.data(), v.data(), nullptr}});
  const double add1 = static_cast<T>(1.0 - kFactors.beta1);
  const double beta2 = static_cast<T>(kFactors.beta2);
  const double add2 = static_cast<T>(1.0 - kFactors.beta2);
  for (std::size_t i = 0; i < n; ++i) {
    const double expected = samples[i].step(add1, beta2, add2);
    INFO(fmt::format("gradient {} mean {} square {}: {} instead of {}", samples[i].gradient,
                     samples[i].mean, samples[i].square, w[i], expected));
    CHECK(std::abs(w[i] - expected) <=
          8 * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::abs(expected));
  }
}

// An infinite average keeps its parameter where it is; NaN is not lost.
template <class T>
void check_special_values() {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> g{0, 0, 1, kNan};
  std::vector<T> m{1, 1, 1, 1};
  std::vector<T> v{kInfinity, kNan, kInfinity, 1};
  std::vector<T> w{5, 5, 5, 5};
  update_arrays<T>(kFactors, Arrays<T>{4, g.data(), w.data(), {m.data(), v.data(), nullptr}});
  CHECK(w[0] == 5);
  CHECK(std::isnan(w[1]));
  CHECK(w[2] == 5);
  CHECK(std::isnan(w[3]));
}

}  // namespace

TEST_CASE("each instruction set's update of Adam is accurate for all magnitudes") {
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    INFO(hwy::TargetName(target));
    check_steps<float>();
    check_steps<double>();
    check_special_values<float>();
    check_special_values<double>();
  }
  hwy::SetSupportedTargetsForTest(0);
}
