// Softmax and the logarithm of the sum of exponentials, row by row and side by side, against plain
// loops.

#include <glissade/core/rng.h>
#include <glissade/core/softmax.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "catch.h"

using glissade::Index;
using glissade::Rng;
using glissade::kernels::softmax_rows;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The largest error, beside epsilon, of p and lse for rows x n numbers.
template <class T>
double worst_error(Index rows, Index n, Rng& rng) {
  std::vector<T> x(static_cast<std::size_t>(rows * n));  // of exactly this size: see test_gemv.cpp
  rng.fill_normal(x, 0, 3);
  std::vector<T> p(x.size());
  std::vector<T> lse(static_cast<std::size_t>(rows));
  softmax_rows<T>(rows, n, x.data(), p.data(), lse.data());
  std::vector<T> only_lse(lse.size());
  softmax_rows<T>(rows, n, x.data(), nullptr, only_lse.data());
  CHECK(lse == only_lse);
  std::vector<T> largest(lse.size());
  std::vector<T> rest(lse.size());
  softmax_rows<T>(rows, n, x.data(), nullptr, rest.data(), largest.data());
  long double worst = 0;
  for (std::size_t i = 0; i < lse.size(); ++i) {
    const T* const row = x.data() + i * static_cast<std::size_t>(n);
    const long double top = *std::max_element(row, row + n);
    long double total = 0;
    for (Index k = 0; k < n; ++k) total += std::exp(row[k] - top);
    worst = std::max(worst, std::abs(lse[i] - (top + std::log(total))) /
                                std::max(1.0L, std::abs(top + std::log(total))));
    CHECK(largest[i] == *std::max_element(row, row + n));
    worst = std::max(worst, std::abs(rest[i] - std::log(total)) / std::max(1.0L, std::log(total)));
    for (Index k = 0; k < n; ++k) {
      const T found = p[i * static_cast<std::size_t>(n) + static_cast<std::size_t>(k)];
      worst = std::max(worst, std::abs(found - std::exp(row[k] - top) / total));
    }
  }
  return static_cast<double>(worst / std::numeric_limits<T>::epsilon());
}

}  // namespace

TEST_CASE("softmax of rows of every length, any number of them") {
  Rng rng(7);
  double worst = 0;
  for (Index rows = 1; rows <= 35; ++rows) {
    for (Index n = 1; n <= 40; ++n) {
      worst =
          std::max({worst, worst_error<float>(rows, n, rng), worst_error<double>(rows, n, rng)});
    }
  }
  CHECK(worst <= 4);
}

TEST_CASE("softmax: what is infinite or not a number stays in its row") {
  for (const Index n : {3, 10, 30}) {
    constexpr Index kRows = 20;
    std::vector<double> x(static_cast<std::size_t>(kRows * n), 1.0);
    const auto row = [n](std::vector<double>& of, Index i) { return of.data() + i * n; };
    row(x, 3)[1] = -kInfinity;
    row(x, 5)[2] = kInfinity;
    std::fill_n(row(x, 7), n, -kInfinity);
    row(x, 19)[0] = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> p(x.size());
    std::vector<double> lse(kRows);
    softmax_rows(kRows, n, x.data(), p.data(), lse.data());
    for (Index i = 0; i < kRows; ++i) {
      INFO("n " << n << " row " << i);
      const double found = lse[static_cast<std::size_t>(i)];
      if (i == 3) {
        CHECK(row(p, i)[1] == 0);
        CHECK(found == Approx(1 + std::log(static_cast<double>(n - 1))));
      } else if (i == 5) {
        CHECK(found == kInfinity);
      } else if (i == 7) {
        CHECK(found == -kInfinity);
      } else if (i == 19) {
        CHECK(std::isnan(found));
        CHECK(std::isnan(row(p, i)[n - 1]));
      } else {
        CHECK(row(p, i)[0] == Approx(1.0 / static_cast<double>(n)));
        CHECK(found == Approx(1 + std::log(static_cast<double>(n))));
      }
    }
  }
}
