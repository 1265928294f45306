#pragma once

// Element-wise kernels on tensors, with broadcasting, vectorised for the processor they run on.

#include "glissade/core/tensor.h"

namespace glissade::kernels {

/// Functions of one element.
enum class Unary {
  exp,
  log,
  log1p,
  sqrt,
  abs,
  sign,  ///< -1, 0 or 1
  square,
  sin,
  cos,
  erf,
};

/// Functions of two elements.
enum class Binary {
  add,
  sub,
  mul,
  div,
  pow,
};

/// f(x), of x's shape.
template <class T>
Tensor<T> unary(Unary f, const Tensor<T>& x);

/// x = f(x).
template <class T>
void unary_in_place(Unary f, Tensor<T>& x);

/// f(a, b) with broadcasting. Throws std::invalid_argument, naming the operation `name`, if the
/// shapes do not broadcast together.
template <class T>
Tensor<T> binary(Binary f, const Tensor<T>& a, const Tensor<T>& b, const char* name);

/// a = f(a, b) for tensors of the same shape; throws std::invalid_argument otherwise.
template <class T>
void binary_in_place(Binary f, Tensor<T>& a, const Tensor<T>& b, const char* name);

/// f(x, c).
template <class T>
Tensor<T> binary_scalar(Binary f, const Tensor<T>& x, T c);

/// x = f(x, c).
template <class T>
void binary_scalar_in_place(Binary f, Tensor<T>& x, T c);

/// y[i] = a[i] b[i] + c[i] for n elements, with one rounding where the processor can; a null c
/// stands for zeros. y may be any of the others.
template <class T>
void multiply_add(Index n, const T* a, const T* b, const T* c, T* y);

/// x stretched to `shape`, as broadcasting stretches it. Throws std::invalid_argument if it does
/// not fit.
template <class T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape);

}  // namespace glissade::kernels
