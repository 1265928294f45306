#pragma once

// RAdam: Adam whose first steps do not divide by a root that is not known yet.

#include <cstdint>
#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// Options of `RAdam`.
struct RAdamOptions {
  /// The learning rate.
  Schedule lr = 1e-3;
  /// The factor of the running mean of g, in [0, 1).
  double beta1 = 0.9;
  /// The factor of the running mean of g^2, in [0, 1).
  double beta2 = 0.999;
  /// Added to the root, at least 0.
  double eps = 1e-8;
  /// Adds weight_decay w to the gradient, or, if decoupled, takes lr weight_decay w from the
  /// weights. At least 0.
  double weight_decay = 0.0;
  /// Decays the weights as AdamW does.
  bool decoupled_weight_decay = false;
  /// Climbs: takes the opposite of the gradient. Weights still decay.
  bool maximize = false;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The state of one parameter; tensors of its shape.
template <class T>
struct RAdamState {
  std::int64_t steps = 0;  ///< updates of this parameter
  Tensor<T> mean;          ///< m, the running mean of g
  Tensor<T> square_mean;   ///< v, the running mean of g^2

  /// Names them, to be saved.
  void members(StateMembers<T>& m) {
    m.add("steps", steps);
    m.add("mean", mean);
    m.add("square_mean", square_mean);
  }
};

/// m and v as in `Adam`. With r = 2 / (1 - beta2) - 1 and r_t = r - 2 t beta2^t / (1 - beta2^t):
/// for r_t > 5, w <- w - lr q (m / (1 - beta1^t)) sqrt(1 - beta2^t) / (sqrt(v) + eps), q^2 = (r_t -
/// 4) (r_t - 2) r / ((r - 4) (r - 2) r_t); before that, w <- w - lr m / (1 - beta1^t) (Liu et al.,
/// 2020). As PyTorch's RAdam.
template <class T>
class RAdam final : public OptimizerWith<T, RAdamOptions, RAdamState<T>> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does.
  explicit RAdam(std::vector<Variable<T>> parameters, RAdamOptions options = {})
      : OptimizerWith<T, RAdamOptions, RAdamState<T>>("RAdam", std::move(parameters),
                                                      std::move(options)) {}

 private:
  void update_one(const RAdamOptions& options, double lr, const Tensor<T>& g, RAdamState<T>& state,
                  Tensor<T>& w) override;
};

/// What these options are for.
template <>
struct OptimizerOf<RAdamOptions> {
  /// The optimizer.
  template <class T>
  using type = RAdam<T>;
};

}  // namespace glissade::optim
