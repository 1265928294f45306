#pragma once

// The derivatives of the activations, for their own nodes and for the fused layer.

#include "glissade/autograd/variable.h"
#include "glissade/core/activation.h"

namespace glissade {

/// grad f'(x) in differentiable operations, for the activation f with input x and output y = f(x).
/// x is not looked at if `activation.from_output()`, and may then be undefined.
template <class T>
Variable<T> activation_rule(const Activation& activation, const Variable<T>& grad,
                            const Variable<T>& x, const Variable<T>& y);

/// grad f'(x) at once, in grad's buffer if nobody else can see it; x as above, null if undefined.
template <class T>
Variable<T> activation_gradient(const Activation& activation, Variable<T> grad, const Tensor<T>* x,
                                const Tensor<T>& y);

}  // namespace glissade
