// Data of mean 0 and standard deviation 1.
#pragma once

#include "glissade/core/tensor.h"

namespace glissade::nn {

/// Means and standard deviations, made by `moments` or `moments_by_feature`.
template <class T>
struct Moments {
  Tensor<T> mean;  ///< () for all numbers together, or (features)
  Tensor<T> std;   ///< the same shape; divided by N, not N - 1
};

/// The mean and the standard deviation of all elements together: for images, where pixels share a
/// unit. Throws std::invalid_argument if x is empty.
template <class T>
Moments<T> moments(const Tensor<T>& x);

/// The same for each column of x (N, features): for tables, where each column has its own unit.
/// Throws std::invalid_argument if x is empty or not of rank 2.
template <class T>
Moments<T> moments_by_feature(const Tensor<T>& x);

/// x = (x - mean) / std, in place; a column that is constant (std 0) is only shifted.
///
///     const auto moments = nn::moments(train.inputs);
///     nn::standardize(train.inputs, moments);
///     nn::standardize(test.inputs, moments);  // the same, or the network sees other data
///
/// Networks learn faster from such inputs (LeCun et al., Efficient BackProp, 1998, section 4.3).
/// Throws std::invalid_argument unless the moments are of shape () or (x's last extent).
template <class T>
void standardize(Tensor<T>& x, const Moments<T>& moments);

}  // namespace glissade::nn
