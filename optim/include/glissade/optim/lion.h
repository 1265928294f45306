#pragma once

// Lion: steps of the same length in every coordinate, in the direction of the momentum's sign.

#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// Options of `Lion`. Its rate should be 3 to 10 times smaller than Adam's, its weight decay as
/// much larger.
struct LionOptions {
  /// The learning rate.
  Schedule lr = 1e-4;
  /// The share of the momentum in the direction of the step, in [0, 1).
  double beta1 = 0.9;
  /// The factor of the momentum itself, in [0, 1).
  double beta2 = 0.99;
  /// Before each step, w <- w - lr weight_decay w. At least 0.
  double weight_decay = 0.0;
  /// Climbs: takes the opposite of the gradient. Weights still decay.
  bool maximize = false;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The state of one parameter; a tensor of its shape.
template <class T>
struct LionState {
  Tensor<T> mean;  ///< m, the running mean of g

  /// Names them, to be saved.
  void members(StateMembers<T>& m) { m.add("mean", mean); }
};

/// w <- w - lr (sign(beta1 m + (1 - beta1) g) + weight_decay w); m <- beta2 m + (1 - beta2) g (Chen
/// et al., 2023, "Symbolic discovery of optimization algorithms"). The sign of 0 is 0, that of NaN
/// is NaN.
template <class T>
class Lion final : public OptimizerWith<T, LionOptions, LionState<T>> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does.
  explicit Lion(std::vector<Variable<T>> parameters, LionOptions options = {})
      : OptimizerWith<T, LionOptions, LionState<T>>("Lion", std::move(parameters),
                                                    std::move(options)) {}

 private:
  void update_one(const LionOptions& options, double lr, const Tensor<T>& g, LionState<T>& state,
                  Tensor<T>& w) override;
};

/// What these options are for.
template <>
struct OptimizerOf<LionOptions> {
  /// The optimizer.
  template <class T>
  using type = Lion<T>;
};

}  // namespace glissade::optim
