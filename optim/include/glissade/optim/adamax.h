#pragma once

// Adamax: Adam with the largest gradient, fading, in place of the root mean square.

#include <cstdint>
#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// Options of `Adamax`.
struct AdamaxOptions {
  /// The learning rate.
  Schedule lr = 2e-3;
  /// The factor of the running mean of g, in [0, 1).
  double beta1 = 0.9;
  /// The factor by which the largest gradient fades, in [0, 1).
  double beta2 = 0.999;
  /// Added to |g|, at least 0.
  double eps = 1e-8;
  /// Adds weight_decay w to the gradient. At least 0.
  double weight_decay = 0.0;
  /// Climbs: takes the opposite of the gradient. Weights still decay.
  bool maximize = false;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The state of one parameter; tensors of its shape.
template <class T>
struct AdamaxState {
  std::int64_t steps = 0;  ///< updates of this parameter
  Tensor<T> mean;          ///< m, the running mean of g
  Tensor<T> largest;       ///< u

  /// Names them, to be saved.
  void members(StateMembers<T>& m) {
    m.add("steps", steps);
    m.add("mean", mean);
    m.add("largest", largest);
  }
};

/// m <- beta1 m + (1 - beta1) g; u <- max(beta2 u, |g| + eps); w <- w - lr m / ((1 - beta1^t) u)
/// (Kingma and Ba, 2015, section 7.1). As PyTorch's Adamax.
template <class T>
class Adamax final : public OptimizerWith<T, AdamaxOptions, AdamaxState<T>> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does.
  explicit Adamax(std::vector<Variable<T>> parameters, AdamaxOptions options = {})
      : OptimizerWith<T, AdamaxOptions, AdamaxState<T>>("Adamax", std::move(parameters),
                                                        std::move(options)) {}

 private:
  void update_one(const AdamaxOptions& options, double lr, const Tensor<T>& g,
                  AdamaxState<T>& state, Tensor<T>& w) override;
};

/// What these options are for.
template <>
struct OptimizerOf<AdamaxOptions> {
  /// The optimizer.
  template <class T>
  using type = Adamax<T>;
};

}  // namespace glissade::optim
