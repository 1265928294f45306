#pragma once

// An optimizer put together from transformations of gradients.

#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// Options of `Chained`.
struct ChainedOptions {
  /// The learning rate.
  Schedule lr = 1e-3;

  /// Nothing else can be wrong.
  void check() const {}
};

/// Without a state: that is in the transformation.
struct ChainedState {};

/// w <- w - lr u, where u is what a transformation makes of the gradient:
///
///     optim::Chained optimizer(model.parameters(),
///                              chain(clip_by_global_norm(1.0), scale_by_adam(),
///                                    add_decayed_weights(1e-2)),
///                              {.lr = 1e-3});
///
/// is AdamW with clipping. Groups have rates of their own; the transformation is one for all.
template <class T>
class Chained final : public OptimizerWith<T, ChainedOptions, ChainedState> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does.
  Chained(std::vector<Variable<T>> parameters, const GradientTransformation& transformation,
          ChainedOptions options = {})
      : OptimizerWith<T, ChainedOptions, ChainedState>("Chained", std::move(parameters),
                                                       std::move(options)) {
    this->set_gradient_transformation(transformation);
  }

 private:
  void update_one(const ChainedOptions& options, double lr, const Tensor<T>& g, ChainedState& state,
                  Tensor<T>& w) override;
};

}  // namespace glissade::optim
