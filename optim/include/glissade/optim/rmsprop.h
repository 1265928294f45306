#pragma once

// RMSprop: steps divided by a running root mean square of the gradient.

#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// Options of `RMSprop`.
struct RMSpropOptions {
  /// The learning rate.
  Schedule lr = 0.01;
  /// The factor of the running mean of g^2 (beta in some notes), in [0, 1).
  double alpha = 0.99;
  /// Added to the root, at least 0.
  double eps = 1e-8;
  /// Adds weight_decay w to the gradient. At least 0.
  double weight_decay = 0.0;
  /// The factor of the velocity, in [0, 1); 0 for none.
  double momentum = 0.0;
  /// Divides by the standard deviation of the gradient instead of its root mean square.
  bool centered = false;
  /// Climbs: takes the opposite of the gradient. Weights still decay.
  bool maximize = false;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The state of one parameter; tensors of its shape.
template <class T>
struct RMSpropState {
  Tensor<T> square_mean;  ///< s, the running mean of g^2
  Tensor<T> mean;         ///< a, the running mean of g; empty unless centered
  Tensor<T> velocity;     ///< b; empty without momentum

  /// Names them, to be saved.
  void members(StateMembers<T>& m) {
    m.add("square_mean", square_mean);
    m.add("mean", mean);
    m.add("velocity", velocity);
  }
};

/// s <- alpha s + (1 - alpha) g^2; d = sqrt(s) + eps; w <- w - lr g / d (Hinton, 2012, lecture 6e
/// of his course). Centred (Graves, 2013), with a the running mean of g, d = sqrt(s - a^2) + eps;
/// with momentum, b <- momentum b + g / d and w <- w - lr b. As PyTorch's RMSprop, except that s -
/// a^2 is taken as 0 where rounding makes it negative (PyTorch's parameters become NaN).
template <class T>
class RMSprop final : public OptimizerWith<T, RMSpropOptions, RMSpropState<T>> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does.
  explicit RMSprop(std::vector<Variable<T>> parameters, RMSpropOptions options = {})
      : OptimizerWith<T, RMSpropOptions, RMSpropState<T>>("RMSprop", std::move(parameters),
                                                          std::move(options)) {}

 private:
  void update_one(const RMSpropOptions& options, double lr, const Tensor<T>& g,
                  RMSpropState<T>& state, Tensor<T>& w) override;
};

/// What these options are for.
template <>
struct OptimizerOf<RMSpropOptions> {
  /// The optimizer.
  template <class T>
  using type = RMSprop<T>;
};

}  // namespace glissade::optim
