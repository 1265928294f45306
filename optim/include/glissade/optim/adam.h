#pragma once

// Adam: running means of the gradient and of its square, corrected for their start at zero.

#include <cstdint>
#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// Options of `Adam`.
struct AdamOptions {
  /// The learning rate.
  Schedule lr = 1e-3;
  /// The factor of the running mean of g, in [0, 1).
  double beta1 = 0.9;
  /// The factor of the running mean of g^2, in [0, 1).
  double beta2 = 0.999;
  /// Added to the root, at least 0.
  double eps = 1e-8;
  /// Adds weight_decay w to the gradient, where the division by the root weakens it: AdamW decays
  /// weights as they are. At least 0.
  double weight_decay = 0.0;
  /// Divides by the root of the largest mean of g^2 so far (Reddi et al., 2018).
  bool amsgrad = false;
  /// Climbs: takes the opposite of the gradient. Weights still decay.
  bool maximize = false;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The state of one parameter, in `Adam` and `AdamW`; tensors of its shape.
template <class T>
struct AdamState {
  std::int64_t steps = 0;  ///< updates of this parameter
  Tensor<T> mean;          ///< m, the running mean of g
  Tensor<T> square_mean;   ///< v, the running mean of g^2
  Tensor<T> peak;          ///< the largest v; empty unless amsgrad

  /// Names them, to be saved.
  void members(StateMembers<T>& m) {
    m.add("steps", steps);
    m.add("mean", mean);
    m.add("square_mean", square_mean);
    m.add("peak", peak);
  }
};

/// m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2; with t the updates of the
/// parameter, from 1: w <- w - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps) (Kingma and
/// Ba, 2015). As PyTorch's Adam.
template <class T>
class Adam final : public OptimizerWith<T, AdamOptions, AdamState<T>> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does.
  explicit Adam(std::vector<Variable<T>> parameters, AdamOptions options = {})
      : OptimizerWith<T, AdamOptions, AdamState<T>>("Adam", std::move(parameters),
                                                    std::move(options)) {}

 private:
  void update_one(const AdamOptions& options, double lr, const Tensor<T>& g, AdamState<T>& state,
                  Tensor<T>& w) override;
};

/// What these options are for.
template <>
struct OptimizerOf<AdamOptions> {
  /// The optimizer.
  template <class T>
  using type = Adam<T>;
};

}  // namespace glissade::optim
