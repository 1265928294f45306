#pragma once

// Vectors of T with sums in double, for methods that work on a whole point (n) at once.

#include <algorithm>
#include <cmath>

#include "glissade/core/tensor.h"

namespace glissade::optim {

template <class T>
double dot(const Tensor<T>& a, const Tensor<T>& b) {
  double sum = 0.0;
  for (Index i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

template <class T>
double norm2(const Tensor<T>& a) {
  return std::sqrt(dot(a, a));
}

template <class T>
double norm1(const Tensor<T>& a) {
  double sum = 0.0;
  for (const T value : a) sum += std::abs(static_cast<double>(value));
  return sum;
}

template <class T>
double distance(const Tensor<T>& a, const Tensor<T>& b) {
  double sum = 0.0;
  for (Index i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

/// y += c x.
template <class T>
void add_scaled(Tensor<T>& y, double c, const Tensor<T>& x) {
  for (Index i = 0; i < y.size(); ++i) {
    y[i] = static_cast<T>(static_cast<double>(y[i]) + c * static_cast<double>(x[i]));
  }
}

/// x + c d.
template <class T>
Tensor<T> along(const Tensor<T>& x, double c, const Tensor<T>& d) {
  Tensor<T> result = x;
  add_scaled(result, c, d);
  return result;
}

/// x *= c.
template <class T>
void scale_in_place(Tensor<T>& x, double c) {
  for (T& value : x) value = static_cast<T>(c * static_cast<double>(value));
}

/// Whether no element is NaN or infinite.
template <class T>
bool all_finite(const Tensor<T>& a) {
  return std::all_of(a.begin(), a.end(), [](T value) { return std::isfinite(value); });
}

/// The largest absolute value; 0 for an empty vector.
template <class T>
double norm_inf(const Tensor<T>& a) {
  double largest = 0.0;
  for (const T value : a) largest = std::fmax(largest, std::abs(static_cast<double>(value)));
  return largest;
}

}  // namespace glissade::optim
