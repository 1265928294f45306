#pragma once

// Adadelta: steps in the unit of the parameter, from running means of squares.

#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// Options of `Adadelta`.
struct AdadeltaOptions {
  /// The learning rate.
  Schedule lr = 1.0;
  /// The factor of both running means, in [0, 1).
  double rho = 0.9;
  /// Added under both roots, at least 0.
  double eps = 1e-6;
  /// Adds weight_decay w to the gradient. At least 0.
  double weight_decay = 0.0;
  /// Climbs: takes the opposite of the gradient. Weights still decay.
  bool maximize = false;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The state of one parameter; tensors of its shape.
template <class T>
struct AdadeltaState {
  Tensor<T> square_mean;  ///< s, the running mean of g^2
  Tensor<T> change_mean;  ///< d, the running mean of the squared changes

  /// Names them, to be saved.
  void members(StateMembers<T>& m) {
    m.add("square_mean", square_mean);
    m.add("change_mean", change_mean);
  }
};

/// s <- rho s + (1 - rho) g^2; c = g sqrt(d + eps) / sqrt(s + eps); d <- rho d + (1 - rho) c^2;
/// w <- w - lr c (Zeiler, 2012). As PyTorch's Adadelta.
template <class T>
class Adadelta final : public OptimizerWith<T, AdadeltaOptions, AdadeltaState<T>> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does.
  explicit Adadelta(std::vector<Variable<T>> parameters, AdadeltaOptions options = {})
      : OptimizerWith<T, AdadeltaOptions, AdadeltaState<T>>("Adadelta", std::move(parameters),
                                                            std::move(options)) {}

 private:
  void update_one(const AdadeltaOptions& options, double lr, const Tensor<T>& g,
                  AdadeltaState<T>& state, Tensor<T>& w) override;
};

/// What these options are for.
template <>
struct OptimizerOf<AdadeltaOptions> {
  /// The optimizer.
  template <class T>
  using type = Adadelta<T>;
};

}  // namespace glissade::optim
