#pragma once

// The gradients of single examples of a batch.

#include <vector>

#include "glissade/autograd/variable.h"

namespace glissade {

/// Options of `per_example_gradients`.
struct PerExampleOptions {
  /// Look first whether the examples are independent, by another pass backward through the layers
  /// without their parameters' gradients.
  bool check_independence = true;
};

/// The gradient of each of a batch of losses (batch), with respect to `parameters`: tensors of the
/// shapes (batch, parameter's shape), whose sums over the batch are the gradient of the sum of the
/// losses. What PyTorch writes as vmap(grad(loss)), in one pass forward and one backward:
///
///     const auto losses = nn::cross_entropy(model(x), labels, {.reduction = nn::Reduction::none});
///     const auto gradients = per_example_gradients(losses, model.parameters());
///
/// Variables that have the batch, or a multiple of it, as their first axis and come from data that
/// has it too, are taken for examples, one part for each; all others are shared by the examples.
/// Layers have a rule that keeps the examples' contributions to a shared variable apart: the weight
/// of a dense layer gets the outer product of each row's gradient and input. Where an operation has
/// none, its ordinary rule is called once for each example, which is right, and slow.
///
/// Zeros for a parameter that no loss depends on. The graph stays. Throws std::invalid_argument if
/// the losses do not have one axis or no graph, or a parameter does not require a gradient or has 6
/// axes; and if an operation makes an example depend on others, which it names: a batch
/// normalisation in training does, in evaluation it does not.
template <class T>
std::vector<Tensor<T>> per_example_gradients(const Variable<T>& losses,
                                             const std::vector<Variable<T>>& parameters,
                                             const PerExampleOptions& options = {});

}  // namespace glissade
