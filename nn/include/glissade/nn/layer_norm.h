// Normalisation of each example by itself: layer and RMS normalisation.
#pragma once

#include <optional>
#include <string>

#include "glissade/nn/module.h"

namespace glissade::nn {

/// Options of `LayerNorm`.
struct LayerNormOptions {
  /// What is added to the variance; at least 0.
  double eps = 1e-5;
  /// Whether there is a weight, and, with `bias`, a bias.
  bool elementwise_affine = true;
  /// Whether there is a bias beside the weight.
  bool bias = true;
};

/// Layer normalisation (Ba, Kiros and Hinton, 2016): y = (x - mean) / sqrt(variance + eps) weight +
/// bias, where mean and variance (divided by the number of values) are those of the last axes of
/// each example. The same in training and evaluation.
///
///     nn::LayerNorm norm(64);               // over the last axis
///     nn::LayerNorm<double> norm({8, 16});  // over the last two
template <class T = float>
class LayerNorm final : public Module<T> {
 public:
  ///@{
  /// `normalized_shape` are the extents of the axes that are normalised together. The weight starts
  /// as 1, the bias as 0. Throws std::invalid_argument unless there is at least one axis, no extent
  /// is 0, and eps is at least 0.
  explicit LayerNorm(const Shape& normalized_shape, const LayerNormOptions& options = {});
  explicit LayerNorm(Index features, const LayerNormOptions& options = {})
      : LayerNorm(Shape{features}, options) {}
  ///@}

  /// x (..., normalized_shape). Throws std::invalid_argument if its last axes are others.
  Variable<T> forward(const Variable<T>& x) override;
  void members(Members<T>& members) override;
  std::string description() const override;

  /// The extents of the axes that are normalised together.
  const Shape& normalized_shape() const { return normalized_shape_; }

  Variable<T> weight;  ///< normalized_shape; undefined unless `elementwise_affine`
  Variable<T> bias;    ///< normalized_shape; undefined unless `elementwise_affine` and `bias`

 private:
  Shape normalized_shape_;
  double eps_;
};

/// Options of `RMSNorm`.
struct RMSNormOptions {
  /// What is added to the mean square, at least 0; without a value, the distance from 1 to the next
  /// number of T (PyTorch's eps=None).
  std::optional<double> eps = std::nullopt;
  /// Whether there is a weight.
  bool elementwise_affine = true;
};

/// y = x / sqrt(mean(x^2) + eps) weight, with the mean over the last axes of each example (Zhang
/// and Sennrich, 2019): layer normalisation without the mean.
template <class T = float>
class RMSNorm final : public Module<T> {
 public:
  ///@{
  /// As LayerNorm's.
  explicit RMSNorm(const Shape& normalized_shape, const RMSNormOptions& options = {});
  explicit RMSNorm(Index features, const RMSNormOptions& options = {})
      : RMSNorm(Shape{features}, options) {}
  ///@}

  /// x (..., normalized_shape). Throws std::invalid_argument if its last axes are others.
  Variable<T> forward(const Variable<T>& x) override;
  void members(Members<T>& members) override;
  std::string description() const override;

  /// The extents of the axes that are normalised together.
  const Shape& normalized_shape() const { return normalized_shape_; }

  Variable<T> weight;  ///< normalized_shape; undefined unless `elementwise_affine`

 private:
  Shape normalized_shape_;
  double eps_;
};

}  // namespace glissade::nn
