// Batch normalisation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "glissade/nn/module.h"

namespace glissade::nn {

/// Options of `BatchNorm1d`.
struct BatchNormOptions {
  /// What is added to the variance; at least 0.
  double eps = 1e-5;
  /// The share, in [0, 1], of a batch in the running statistics; without a value, these are the
  /// plain averages over all batches (PyTorch's momentum=None).
  std::optional<double> momentum = 0.1;
  /// Whether there are a weight and a bias.
  bool affine = true;
  /// Whether there are running statistics. Without them a batch is normalised by its own
  /// statistics in evaluation too.
  bool track_running_stats = true;
};

/// Batch normalisation (Ioffe and Szegedy, 2015) of (batch, channels) or (batch, channels, length):
/// y = (x - mean) / sqrt(variance + eps) weight + bias, channel by channel, of the input's shape.
///
/// In training, mean and variance (divided by the number n of values) are those of the channel's n
/// values in the batch, gradients pass through them, and the running statistics move towards them:
/// running = (1 - momentum) running + momentum batch, where the variance is divided by n - 1. In
/// evaluation they are the running ones. A copy of the module has running statistics of its own.
///
///     nn::Sequential model{nn::Linear(20, 64, rng), nn::BatchNorm1d(64), nn::ReLU()};
template <class T = float>
class BatchNorm1d final : public Module<T> {
 public:
  /// The weight starts as 1, the bias as 0, the running mean as 0, the running variance as 1.
  /// Throws std::invalid_argument unless num_features is at least 1 and the options are in their
  /// ranges.
  explicit BatchNorm1d(Index num_features, const BatchNormOptions& options = {});

  /// Throws std::invalid_argument unless x has 2 or 3 axes, of which the second has num_features
  /// positions, and, where the batch's own statistics are used, at least 2 values for each channel.
  Variable<T> forward(const Variable<T>& x) override;
  void members(Members<T>& members) override;
  std::string description() const override;

  /// The running statistics as at the start: mean 0, variance 1, no batches.
  void reset_running_stats();

  /// The number of channels.
  Index num_features() const { return num_features_; }
  /// As given to the constructor.
  const BatchNormOptions& options() const { return options_; }

  Variable<T> weight;      ///< (channels); undefined unless `affine`
  Variable<T> bias;        ///< (channels); undefined unless `affine`
  Tensor<T> running_mean;  ///< (channels); empty unless `track_running_stats`
  Tensor<T> running_var;   ///< (channels); empty unless `track_running_stats`
  /// (); the number of batches seen in training; empty unless `track_running_stats`
  Tensor<std::int64_t> num_batches_tracked;

 private:
  void track(const Tensor<T>& mean, const Tensor<T>& variance, Index group_size);

  Index num_features_;
  BatchNormOptions options_;
};

}  // namespace glissade::nn
