#pragma once

// Derivatives of whole functions: Jacobians, Hessians, and their products with vectors.

#include <vector>

#include "glissade/autograd/variable.h"

namespace glissade {

/// The product of the Hessian of the scalar `output` over all `inputs` together with a vector,
/// given and returned in parts of the inputs' shapes: grad(grad(output) · vectors) (Pearlmutter,
/// 1994), at the cost of a few gradients. Zero for inputs on which nothing depends. The graph
/// stays. Throws std::invalid_argument as `grad` does, and if the vectors do not have the inputs'
/// shapes.
template <class T>
std::vector<Tensor<T>> hvp(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                           const std::vector<Tensor<T>>& vectors);

/// The Hessian (n, n) of the scalar `output`, n being the number of elements of all inputs one
/// after the other: n backward passes. Both triangles are computed, and agree up to rounding. The
/// graph stays. Throws std::invalid_argument as `grad` does.
template <class T>
Tensor<T> hessian(const Variable<T>& output, const std::vector<Variable<T>>& inputs);

/// The Jacobian (m, n) of `output` with m elements, n being the number of elements of all inputs
/// one after the other: element (i, j) is d output[i] / d input[j]. It takes m backward passes, or
/// n if that is less (a column is the gradient of u ↦ Jᵀ u, which is linear). The graph stays.
/// Throws std::invalid_argument as `grad` does, except that the output may have any shape.
template <class T>
Tensor<T> jacobian(const Variable<T>& output, const std::vector<Variable<T>>& inputs);

}  // namespace glissade
