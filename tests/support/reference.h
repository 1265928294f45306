// Values computed by PyTorch (tests/data/README.md explains the keys), and how to compare with
// them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "glissade/core/safetensors.h"

namespace glissade {

inline const SafetensorsFile& reference_file() {
  static const SafetensorsFile file(GLISSADE_TEST_DATA_DIR "/torch_reference.safetensors");
  return file;
}

inline bool has_reference(const std::string& key) { return reference_file().contains(key); }

template <class T>
Tensor<T> reference(const std::string& key) {
  return reference_file().get<T>(key);
}

/// How far `actual` is from `expected`: the largest |a - e| / |e|. An element whose magnitude is
/// below `floor` times the largest counts as that large, so that it need not be met to the last
/// digit of its own; with floor = 1, errors are relative to the largest element. Infinite if the
/// shapes, or the places of NaN and infinities, differ.
template <class T>
double relative_error(const Tensor<T>& actual, const Tensor<T>& expected, double floor = 1e-5) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!(actual.shape() == expected.shape())) return kInfinity;
  double largest = 0.0;
  for (const T e : expected) {
    if (std::isfinite(e)) largest = std::max(largest, std::abs(static_cast<double>(e)));
  }
  double worst = 0.0;
  for (Index i = 0; i < expected.size(); ++i) {
    const auto a = static_cast<double>(actual[i]);
    const auto e = static_cast<double>(expected[i]);
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    if (!std::isfinite(a) || !std::isfinite(e)) return kInfinity;
    const double scale = std::max(std::abs(e), floor * largest);
    worst = std::max(worst, scale > 0.0 ? std::abs(a - e) / scale : kInfinity);
  }
  return worst;
}

/// What agreement with PyTorch means: 1e-10 in float64, 1e-5 in float32.
template <class T>
constexpr double kTolerance = sizeof(T) == sizeof(double) ? 1e-10 : 1e-5;

}  // namespace glissade
