#pragma once

// Stochastic gradient descent, with momentum.

#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// Options of `SGD`.
struct SGDOptions {
  /// The learning rate.
  Schedule lr = 0.01;
  /// The factor of the velocity, in [0, 1); 0 is plain gradient descent.
  double momentum = 0.0;
  /// Takes this share off the gradient before it is added to the velocity (not at the first
  /// step). In [0, 1]; 0 with Nesterov's momentum.
  double dampening = 0.0;
  /// Adds weight_decay w to the gradient. At least 0.
  double weight_decay = 0.0;
  /// Looks ahead: w <- w - lr (g + momentum v). Needs momentum > 0.
  bool nesterov = false;
  /// Climbs: takes the opposite of the gradient. Weights still decay.
  bool maximize = false;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The state of one parameter.
template <class T>
struct SGDState {
  std::int64_t steps = 0;  ///< updates made with momentum
  Tensor<T> velocity;      ///< v, of the parameter's shape; empty without momentum

  /// Names them, to be saved.
  void members(StateMembers<T>& m) {
    m.add("steps", steps);
    m.add("velocity", velocity);
  }
};

/// Gradient descent: g <- g + weight_decay w; v <- momentum v + (1 - dampening) g, at a
/// parameter's first step v <- g; w <- w - lr v. As PyTorch's SGD (Sutskever et al., 2013, but with
/// the rate outside of the velocity).
template <class T>
class SGD final : public OptimizerWith<T, SGDOptions, SGDState<T>> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does.
  explicit SGD(std::vector<Variable<T>> parameters, SGDOptions options = {})
      : OptimizerWith<T, SGDOptions, SGDState<T>>("SGD", std::move(parameters),
                                                  std::move(options)) {}

 private:
  void update_one(const SGDOptions& options, double lr, const Tensor<T>& g, SGDState<T>& state,
                  Tensor<T>& w) override;
};

/// What these options are for.
template <>
struct OptimizerOf<SGDOptions> {
  /// The optimizer.
  template <class T>
  using type = SGD<T>;
};

}  // namespace glissade::optim
