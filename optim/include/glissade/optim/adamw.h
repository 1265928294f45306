#pragma once

// AdamW: Adam with weight decay apart from the gradient.

#include <utility>
#include <vector>

#include "glissade/optim/adam.h"

namespace glissade::optim {

/// Options of `AdamW`: those of `Adam`, but for what weight_decay does.
struct AdamWOptions {
  /// The learning rate.
  Schedule lr = 1e-3;
  /// The factor of the running mean of g, in [0, 1).
  double beta1 = 0.9;
  /// The factor of the running mean of g^2, in [0, 1).
  double beta2 = 0.999;
  /// Added to the root, at least 0.
  double eps = 1e-8;
  /// Before each step, w <- w - lr weight_decay w. At least 0.
  double weight_decay = 1e-2;
  /// Divides by the root of the largest mean of g^2 so far (Reddi et al., 2018).
  bool amsgrad = false;
  /// Climbs: takes the opposite of the gradient. Weights still decay.
  bool maximize = false;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// w <- (1 - lr weight_decay) w, then Adam's step without weight decay (Loshchilov and Hutter,
/// 2019). As PyTorch's AdamW.
template <class T>
class AdamW final : public OptimizerWith<T, AdamWOptions, AdamState<T>> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does.
  explicit AdamW(std::vector<Variable<T>> parameters, AdamWOptions options = {})
      : OptimizerWith<T, AdamWOptions, AdamState<T>>("AdamW", std::move(parameters),
                                                     std::move(options)) {}

 private:
  void update_one(const AdamWOptions& options, double lr, const Tensor<T>& g, AdamState<T>& state,
                  Tensor<T>& w) override;
};

/// What these options are for.
template <>
struct OptimizerOf<AdamWOptions> {
  /// The optimizer.
  template <class T>
  using type = AdamW<T>;
};

}  // namespace glissade::optim
