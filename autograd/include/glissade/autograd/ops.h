#pragma once

// The operations on variables. Every one is differentiable twice and more.
//
// Errors: all throw std::invalid_argument naming the operation and the shapes when the shapes do
// not fit. "axis" may be negative: it counts from the last one.

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "glissade/autograd/variable.h"
#include "glissade/core/activation.h"

namespace glissade {

// --- Arithmetic, element-wise, with broadcasting ------------------------------------------------

/// a + b. The shapes are broadcast as in NumPy, (m, n) + (n) is (m, n); each gradient is summed
/// back to the shape of its operand.
template <class T>
Variable<T> add(const Variable<T>& a, const Variable<T>& b);
/// a - b, with broadcasting.
template <class T>
Variable<T> sub(const Variable<T>& a, const Variable<T>& b);
/// a b, element by element with broadcasting; for the matrix product see `matmul`.
template <class T>
Variable<T> mul(const Variable<T>& a, const Variable<T>& b);
/// x + a b, element by element with broadcasting: one operation where the shapes are the same.
template <class T>
Variable<T> addcmul(const Variable<T>& x, const Variable<T>& a, const Variable<T>& b);
/// a / b, with broadcasting; infinite or NaN where b is 0.
template <class T>
Variable<T> div(const Variable<T>& a, const Variable<T>& b);
/// x + c.
template <class T>
Variable<T> add(const Variable<T>& x, double c);
/// c x.
template <class T>
Variable<T> mul(const Variable<T>& x, double c);
/// -x.
template <class T>
Variable<T> neg(const Variable<T>& x);
/// x to the power `exponent`. The gradient is NaN or infinite where the derivative is.
template <class T>
Variable<T> pow(const Variable<T>& x, double exponent);
/// base to the power exponent, element-wise with broadcasting; base > 0 where the exponent needs
/// a gradient.
template <class T>
Variable<T> pow(const Variable<T>& base, const Variable<T>& exponent);

// --- Element-wise functions ---------------------------------------------------------------------

/// e^x; infinity where T cannot hold it.
template <class T>
Variable<T> exp(const Variable<T>& x);
/// The natural logarithm; -infinity at 0, NaN below.
template <class T>
Variable<T> log(const Variable<T>& x);
/// log(1 + x), accurate near 0.
template <class T>
Variable<T> log1p(const Variable<T>& x);
/// The square root; NaN for negative x. The derivative at 0 is infinite.
template <class T>
Variable<T> sqrt(const Variable<T>& x);
/// |x|; the derivative at 0 is taken as 0.
template <class T>
Variable<T> abs(const Variable<T>& x);
/// x^2.
template <class T>
Variable<T> square(const Variable<T>& x);
/// The sine of x in radians.
template <class T>
Variable<T> sin(const Variable<T>& x);
/// The cosine of x in radians.
template <class T>
Variable<T> cos(const Variable<T>& x);
/// The Gauss error function.
template <class T>
Variable<T> erf(const Variable<T>& x);

// --- Activations (definitions: glissade/core/activation.h) --------------------------------------

/// max(x, 0); the derivative at 0 is taken as 0.
template <class T>
Variable<T> relu(const Variable<T>& x);
/// x for x > 0, otherwise negative_slope x.
template <class T>
Variable<T> leaky_relu(const Variable<T>& x, double negative_slope = 0.01);
/// x for x > 0, otherwise alpha (e^x - 1).
template <class T>
Variable<T> elu(const Variable<T>& x, double alpha = 1.0);
/// x Phi(x) with the normal distribution function Phi (Hendrycks and Gimpel, 2016), exact.
template <class T>
Variable<T> gelu(const Variable<T>& x);
/// x sigmoid(x), also called swish.
template <class T>
Variable<T> silu(const Variable<T>& x);
/// The hyperbolic tangent, (e^x - e^-x) / (e^x + e^-x).
template <class T>
Variable<T> tanh(const Variable<T>& x);
/// 1 / (1 + e^-x).
template <class T>
Variable<T> sigmoid(const Variable<T>& x);
/// log(1 + e^x), computed without overflow.
template <class T>
Variable<T> softplus(const Variable<T>& x);
/// The activation as a value: what a layer's option chooses.
template <class T>
Variable<T> activation(const Variable<T>& x, const Activation& activation);

// --- Reductions ---------------------------------------------------------------------------------

/// The sum of all elements, a scalar.
template <class T>
Variable<T> sum(const Variable<T>& x);
/// The sum along one axis, which disappears, or stays with extent 1 if `keepdim`.
template <class T>
Variable<T> sum(const Variable<T>& x, int axis, bool keepdim = false);
/// The mean of all elements, a scalar; NaN for an empty tensor.
template <class T>
Variable<T> mean(const Variable<T>& x);
/// The mean along one axis, which disappears, or stays with extent 1 if `keepdim`; NaN if its
/// extent is 0.
template <class T>
Variable<T> mean(const Variable<T>& x, int axis, bool keepdim = false);
/// The largest element, a scalar; an error for an empty tensor. The gradient goes to the first
/// largest element; NaN counts as largest.
template <class T>
Variable<T> max(const Variable<T>& x);
/// The largest element along one axis, which disappears, or stays with extent 1 if `keepdim`;
/// otherwise as above. An error if the axis has extent 0 while the result has elements.
template <class T>
Variable<T> max(const Variable<T>& x, int axis, bool keepdim = false);
/// The smallest element, a scalar; otherwise as `max`.
template <class T>
Variable<T> min(const Variable<T>& x);
/// The smallest element along one axis; otherwise as `max`.
template <class T>
Variable<T> min(const Variable<T>& x, int axis, bool keepdim = false);
/// log(sum(exp(x))) along an axis, computed without overflow.
template <class T>
Variable<T> logsumexp(const Variable<T>& x, int axis, bool keepdim = false);
/// exp(x) / sum(exp(x)) along an axis.
template <class T>
Variable<T> softmax(const Variable<T>& x, int axis);
/// log(softmax(x)) along an axis, computed without overflow.
template <class T>
Variable<T> log_softmax(const Variable<T>& x, int axis);

// --- Shape --------------------------------------------------------------------------------------

///@{
/// The same elements in another shape of the same size. One extent may be given as -1 in
/// `extents`: it is inferred from the others.
template <class T>
Variable<T> reshape(const Variable<T>& x, std::initializer_list<Index> extents);
template <class T>
Variable<T> reshape(const Variable<T>& x, const Shape& shape);
///@}
/// The transpose of a matrix.
template <class T>
Variable<T> transpose(const Variable<T>& x);
/// Stretches axes of extent 1 and adds leading axes, as broadcasting does.
template <class T>
Variable<T> broadcast_to(const Variable<T>& x, const Shape& shape);
/// The reverse of broadcasting: sums x over the axes that `shape` would be stretched along.
template <class T>
Variable<T> sum_to(const Variable<T>& x, const Shape& shape);
/// Positions begin <= i < end of an axis.
template <class T>
Variable<T> slice(const Variable<T>& x, int axis, Index begin, Index end);
/// Rows begin <= i < end: `slice` along the first axis.
template <class T>
Variable<T> slice_rows(const Variable<T>& x, Index begin, Index end);
/// x with `before` zeros before and `after` zeros behind it along an axis: the reverse of `slice`.
template <class T>
Variable<T> pad(const Variable<T>& x, int axis, Index before, Index after);
/// Entry `i` along the first axis, without that axis; `x[i]` is the same.
template <class T>
Variable<T> select(const Variable<T>& x, Index i);
/// Joins variables along an axis; all other extents must agree, and there must be at least one.
template <class T>
Variable<T> concat(const std::vector<Variable<T>>& parts, int axis = 0);
/// out[i][j] = x[index[i][j]][j] for axis 0, x[i][index[i][j]] for axis 1, and so on: `index` has
/// the rank of x, and its extents, the axis apart, are those of x (PyTorch's gather).
template <class T>
Variable<T> gather(const Variable<T>& x, int axis, const Tensor<std::int32_t>& index);
/// Zeros of `extent` along the axis, to which out[index[i][j]][j] += x[i][j] (axis 0), and so on:
/// the reverse of `gather`. Indices may repeat.
template <class T>
Variable<T> scatter_add(const Variable<T>& x, int axis, const Tensor<std::int32_t>& index,
                        Index extent);
/// Positions index[0], index[1], ... of an axis, whose extent becomes index.size(); positions may
/// repeat (PyTorch's index_select). `index` is a vector.
template <class T>
Variable<T> index_select(const Variable<T>& x, int axis, const Tensor<std::int32_t>& index);
/// Zeros of `extent` along the axis, to whose positions index[0], index[1], ... the positions 0, 1,
/// ... of x are added: the reverse of `index_select` (PyTorch's index_add, to zeros).
template <class T>
Variable<T> index_add(const Variable<T>& x, int axis, const Tensor<std::int32_t>& index,
                      Index extent);

// --- Products -----------------------------------------------------------------------------------

/// The matrix product: (m, k) times (k, n) is (m, n). A vector (k) on the left counts as (1, k),
/// on the right as (k, 1), and its axis disappears from the result.
template <class T>
Variable<T> matmul(const Variable<T>& a, const Variable<T>& b);

/// A dense layer: activation(x Wᵀ + b), in one node. x: (batch, in), weight: (out, in) as in
/// PyTorch, bias: (out), or undefined for none; the result is (batch, out). The activation is one
/// whose derivative follows from its output (`Activation::from_output`).
template <class T>
Variable<T> linear(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                   const Activation& activation = {});

}  // namespace glissade
