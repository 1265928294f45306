#pragma once

// Adagrad: steps divided by the root of the sum of all squared gradients.

#include <cstdint>
#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// Options of `Adagrad`.
struct AdagradOptions {
  /// The learning rate.
  Schedule lr = 0.01;
  /// Divides the rate by 1 + lr_decay (t - 1), t the updates of the parameter; at least 0.
  double lr_decay = 0.0;
  /// Adds weight_decay w to the gradient. At least 0.
  double weight_decay = 0.0;
  /// What the sum of squares begins with, at least 0.
  double initial_accumulator_value = 0.0;
  /// Added to the root, at least 0.
  double eps = 1e-10;
  /// Climbs: takes the opposite of the gradient. Weights still decay.
  bool maximize = false;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The state of one parameter; tensors of its shape.
template <class T>
struct AdagradState {
  std::int64_t steps = 0;  ///< updates of this parameter
  Tensor<T> square_sum;    ///< s, the sum of all g^2

  /// Names them, to be saved.
  void members(StateMembers<T>& m) {
    m.add("steps", steps);
    m.add("square_sum", square_sum);
  }
};

/// s <- s + g^2; w <- w - lr g / (sqrt(s) + eps) (Duchi, Hazan and Singer, 2011). As PyTorch's
/// Adagrad.
template <class T>
class Adagrad final : public OptimizerWith<T, AdagradOptions, AdagradState<T>> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does.
  explicit Adagrad(std::vector<Variable<T>> parameters, AdagradOptions options = {})
      : OptimizerWith<T, AdagradOptions, AdagradState<T>>("Adagrad", std::move(parameters),
                                                          std::move(options)) {}

 private:
  void update_one(const AdagradOptions& options, double lr, const Tensor<T>& g,
                  AdagradState<T>& state, Tensor<T>& w) override;
};

/// What these options are for.
template <>
struct OptimizerOf<AdagradOptions> {
  /// The optimizer.
  template <class T>
  using type = Adagrad<T>;
};

}  // namespace glissade::optim
