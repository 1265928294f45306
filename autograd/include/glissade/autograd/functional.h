#pragma once

// Derivatives of whole functions: Jacobians, Hessians, their products with vectors, Laplacians.
//
// Each tool comes in two forms. The first takes a variable and the leaves that it was computed
// from: `hessian(loss, parameters)`. The second takes a function and tensors, as PyTorch's
// torch.func does, and touches no variable of the caller's: `hessian(f, x)`. There f is a callable
//
//     Variable<T> f(const Variable<T>& x)                  for a tensor, or
//     Variable<T> f(const std::vector<Variable<T>>& x)     for a vector of tensors.
//
// An input that the function does not depend on has derivatives of zero.

#include <concepts>
#include <cstdint>
#include <utility>
#include <vector>

#include "glissade/autograd/grad.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/autograd/variable.h"

namespace glissade {

// --- Of a variable, with respect to leaves ------------------------------------------------------

/// The product Jᵀ v of the Jacobian of `output` over all `inputs` with a vector of the output's
/// shape, in parts of the inputs' shapes: one backward pass. The graph stays. Throws
/// std::invalid_argument as `grad` does.
template <class T>
std::vector<Tensor<T>> vjp(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                           const Tensor<T>& vector);

/// The product J v of the Jacobian of `output` over all `inputs` with a vector, given in parts of
/// the inputs' shapes; it has the output's shape. u ↦ Jᵀ u is linear, and its derivative along v is
/// J v: two backward passes, the second through the first, for any number of inputs and outputs.
/// The graph stays. Throws std::invalid_argument as `grad` does, and if the vectors do not have the
/// inputs' shapes.
template <class T>
Tensor<T> jvp(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
              const std::vector<Tensor<T>>& vectors);

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

/// Which way `jacobian` and `batched_jacobian` go.
enum class JacobianBy {
  automatic,  ///< the way with fewer passes; rows if they are equal
  rows,       ///< a backward pass for each output
  columns,    ///< a backward pass for each input, through that of u ↦ Jᵀ u, which is linear
};

/// The Jacobian (m, n) of `output` with m elements, n being the number of elements of all inputs
/// one after the other: element (i, j) is d output[i] / d input[j]. It takes m backward passes by
/// rows, n by columns. The graph stays. Throws std::invalid_argument as `grad` does, except that
/// the output may have any shape.
template <class T>
Tensor<T> jacobian(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                   JacobianBy by = JacobianBy::automatic);

/// The Jacobian of each example of a batch by itself: `output` is (batch, ...) with m elements for
/// each example, `x` is (batch, ...) with n, the result is (batch, m, n). Row i of the output must
/// depend on row i of x alone, as in a network without batch normalisation; all examples then share
/// m backward passes (n by columns). The graph stays. Throws std::invalid_argument as `jacobian`
/// does, if the first extents differ, and if examples are seen to depend on each other (which one
/// more pass looks for).
template <class T>
Tensor<T> batched_jacobian(const Variable<T>& output, const Variable<T>& x,
                           JacobianBy by = JacobianBy::automatic);

/// The Laplacian, the sum of the second derivatives ∂²output/∂x_j², of a scalar `output` over all
/// elements of `x`, or of a batch of them: `output` (batch) or (batch, 1) and `x` (batch, ...),
/// where output i depends on row i of x alone, which is not checked. The result has the output's
/// shape. It takes one backward pass that is recorded, and one more for each of the n elements of
/// an example. With `create_graph` the result can be differentiated again: the residual of a
/// partial differential equation is a function of the network's weights. The graph stays. Throws
/// std::invalid_argument as `grad` does, and if the shapes are others.
template <class T>
Variable<T> laplacian(const Variable<T>& output, const Variable<T>& x,
                      const GradOptions& options = {});

/// Options of `largest_eigenvalue`.
struct EigenvalueOptions {
  /// The most products with the Hessian, at least 1 (twice that if a negative eigenvalue is
  /// larger).
  std::int64_t iterations = 200;
  /// The relative change of the estimate at which it ends.
  double tolerance = 1e-6;
  /// Chooses the first vector.
  std::uint64_t seed = 1;
};

/// The largest eigenvalue of the Hessian of the scalar `output` over all `inputs` together, by
/// power iteration on Hessian-vector products: the curvature L that bounds the rate of gradient
/// descent. The Hessian itself is never built. The graph stays. Throws std::invalid_argument as
/// `hvp` does, if an option is out of range, and if a product is not finite.
template <class T>
double largest_eigenvalue(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                          const EigenvalueOptions& options = {});

// --- Of a function, at a point ------------------------------------------------------------------

/// A function of one variable or of several: X is Variable<T> or std::vector<Variable<T>>.
template <class F, class T, class X>
concept DifferentiableFunction = requires(F& f, const X& x) {
  { f(x) } -> std::convertible_to<Variable<T>>;
};

/// What `value_and_grad` returns. G is Tensor<T>, or std::vector<Tensor<T>> for several inputs.
template <class T, class G>
struct ValueAndGradient {
  T value;     ///< f(x)
  G gradient;  ///< of the shape of x, or of each
};
/// What `vjp`, `jvp` and `hvp` of a function return. P is Tensor<T>, or std::vector<Tensor<T>>.
template <class T, class P>
struct ValueAndProduct {
  Tensor<T> value;  ///< f(x)
  P product;        ///< the derivative's product with the vector
};

namespace detail {
// A function's value, and the leaves that it was computed from.
template <class T>
struct Evaluation {
  std::vector<Variable<T>> inputs;
  Variable<T> output;
};
// Records also where the caller does not: a derivative is not recorded by that.
template <class T, class F>
Evaluation<T> evaluate(F& f, const std::vector<Tensor<T>>& x) {
  const RecordingScope recording(true);
  Evaluation<T> result;
  for (const Tensor<T>& value : x) result.inputs.emplace_back(value, true);
  result.output = f(std::as_const(result.inputs));
  return result;
}
template <class T, class F>
Evaluation<T> evaluate(F& f, const Tensor<T>& x) {
  const RecordingScope recording(true);
  const Variable<T> input(x, true);
  return {.inputs = {input}, .output = f(input)};
}
template <class T>
std::vector<Tensor<T>> gradients(const Evaluation<T>& evaluation);
}  // namespace detail

///@{
/// f(x) and its gradient at x, for f with a value of one element. Throws std::invalid_argument if
/// it has another shape.
template <class T, DifferentiableFunction<T, std::vector<Variable<T>>> F>
ValueAndGradient<T, std::vector<Tensor<T>>> value_and_grad(F&& f, const std::vector<Tensor<T>>& x) {
  const auto at = detail::evaluate(f, x);
  return {.value = at.output.item(), .gradient = detail::gradients(at)};
}
template <class T, DifferentiableFunction<T, Variable<T>> F>
ValueAndGradient<T, Tensor<T>> value_and_grad(F&& f, const Tensor<T>& x) {
  const auto at = detail::evaluate(f, x);
  return {.value = at.output.item(), .gradient = detail::gradients(at).front()};
}
///@}

///@{
/// f(x) and Jᵀ v, for a vector v of the value's shape; see `vjp` above.
template <class T, DifferentiableFunction<T, std::vector<Variable<T>>> F>
ValueAndProduct<T, std::vector<Tensor<T>>> vjp(F&& f, const std::vector<Tensor<T>>& x,
                                               const Tensor<T>& vector) {
  const auto at = detail::evaluate(f, x);
  return {.value = at.output.value(), .product = vjp(at.output, at.inputs, vector)};
}
template <class T, DifferentiableFunction<T, Variable<T>> F>
ValueAndProduct<T, Tensor<T>> vjp(F&& f, const Tensor<T>& x, const Tensor<T>& vector) {
  const auto at = detail::evaluate(f, x);
  return {.value = at.output.value(), .product = vjp(at.output, at.inputs, vector).front()};
}
///@}

///@{
/// f(x) and J v, for a vector v of the shapes of x; see `jvp` above.
template <class T, DifferentiableFunction<T, std::vector<Variable<T>>> F>
ValueAndProduct<T, Tensor<T>> jvp(F&& f, const std::vector<Tensor<T>>& x,
                                  const std::vector<Tensor<T>>& vectors) {
  const auto at = detail::evaluate(f, x);
  return {.value = at.output.value(), .product = jvp(at.output, at.inputs, vectors)};
}
template <class T, DifferentiableFunction<T, Variable<T>> F>
ValueAndProduct<T, Tensor<T>> jvp(F&& f, const Tensor<T>& x, const Tensor<T>& vector) {
  const auto at = detail::evaluate(f, x);
  return {.value = at.output.value(), .product = jvp(at.output, at.inputs, {vector})};
}
///@}

///@{
/// f(x) and H v, for f with a value of one element and a vector v of the shapes of x; see `hvp`
/// above.
template <class T, DifferentiableFunction<T, std::vector<Variable<T>>> F>
ValueAndProduct<T, std::vector<Tensor<T>>> hvp(F&& f, const std::vector<Tensor<T>>& x,
                                               const std::vector<Tensor<T>>& vectors) {
  const auto at = detail::evaluate(f, x);
  return {.value = at.output.value(), .product = hvp(at.output, at.inputs, vectors)};
}
template <class T, DifferentiableFunction<T, Variable<T>> F>
ValueAndProduct<T, Tensor<T>> hvp(F&& f, const Tensor<T>& x, const Tensor<T>& vector) {
  const auto at = detail::evaluate(f, x);
  return {.value = at.output.value(), .product = hvp(at.output, at.inputs, {vector}).front()};
}
///@}

///@{
/// The Jacobian (m, n) of f at x; see `jacobian` above.
template <class T, DifferentiableFunction<T, std::vector<Variable<T>>> F>
Tensor<T> jacobian(F&& f, const std::vector<Tensor<T>>& x, JacobianBy by = JacobianBy::automatic) {
  const auto at = detail::evaluate(f, x);
  return jacobian(at.output, at.inputs, by);
}
template <class T, DifferentiableFunction<T, Variable<T>> F>
Tensor<T> jacobian(F&& f, const Tensor<T>& x, JacobianBy by = JacobianBy::automatic) {
  const auto at = detail::evaluate(f, x);
  return jacobian(at.output, at.inputs, by);
}
///@}

/// The Jacobians (batch, m, n) of the examples of a batch; see `batched_jacobian` above.
template <class T, DifferentiableFunction<T, Variable<T>> F>
Tensor<T> batched_jacobian(F&& f, const Tensor<T>& x, JacobianBy by = JacobianBy::automatic) {
  const auto at = detail::evaluate(f, x);
  return batched_jacobian(at.output, at.inputs.front(), by);
}

///@{
/// The Hessian (n, n) of f at x, for f with a value of one element; see `hessian` above.
template <class T, DifferentiableFunction<T, std::vector<Variable<T>>> F>
Tensor<T> hessian(F&& f, const std::vector<Tensor<T>>& x) {
  const auto at = detail::evaluate(f, x);
  return hessian(at.output, at.inputs);
}
template <class T, DifferentiableFunction<T, Variable<T>> F>
Tensor<T> hessian(F&& f, const Tensor<T>& x) {
  const auto at = detail::evaluate(f, x);
  return hessian(at.output, at.inputs);
}
///@}

/// The Laplacian of f at x, of the shape of its value: of one example, or of a batch; see
/// `laplacian` above.
template <class T, DifferentiableFunction<T, Variable<T>> F>
Tensor<T> laplacian(F&& f, const Tensor<T>& x) {
  const auto at = detail::evaluate(f, x);
  return laplacian(at.output, at.inputs.front()).value();
}

}  // namespace glissade
