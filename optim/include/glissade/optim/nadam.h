#pragma once

// NAdam: Adam with Nesterov momentum.

#include <cstdint>
#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// Options of `NAdam`.
struct NAdamOptions {
  /// The learning rate.
  Schedule lr = 2e-3;
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
  /// How fast the momentum comes up to beta1, at least 0.
  double momentum_decay = 4e-3;
  /// Climbs: takes the opposite of the gradient. Weights still decay.
  bool maximize = false;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The state of one parameter; tensors of its shape.
template <class T>
struct NAdamState {
  std::int64_t steps = 0;         ///< updates of this parameter
  double momentum_product = 1.0;  ///< of all mu so far
  Tensor<T> mean;                 ///< m, the running mean of g
  Tensor<T> square_mean;          ///< v, the running mean of g^2

  /// Names them, to be saved.
  void members(StateMembers<T>& m) {
    m.add("steps", steps);
    m.add("momentum_product", momentum_product);
    m.add("mean", mean);
    m.add("square_mean", square_mean);
  }
};

/// With mu_t = beta1 (1 - 0.96^(momentum_decay t) / 2) and P_t the product of the mu so far: m and
/// v as in `Adam`; w <- w - lr (mu_(t+1) m / (1 - P_(t+1)) + (1 - mu_t) g / (1 - P_t)) / (sqrt(v /
/// (1 - beta2^t)) + eps) (Dozat, 2016). As PyTorch's NAdam.
template <class T>
class NAdam final : public OptimizerWith<T, NAdamOptions, NAdamState<T>> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does.
  explicit NAdam(std::vector<Variable<T>> parameters, NAdamOptions options = {})
      : OptimizerWith<T, NAdamOptions, NAdamState<T>>("NAdam", std::move(parameters),
                                                      std::move(options)) {}

 private:
  void update_one(const NAdamOptions& options, double lr, const Tensor<T>& g, NAdamState<T>& state,
                  Tensor<T>& w) override;
};

/// What these options are for.
template <>
struct OptimizerOf<NAdamOptions> {
  /// The optimizer.
  template <class T>
  using type = NAdam<T>;
};

}  // namespace glissade::optim
