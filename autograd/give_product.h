#pragma once

// Rules in place of operations on elements: a gradient times a factor, in the memory where it
// belongs.

#include <cstddef>
#include <span>
#include <utility>

#include "glissade/autograd/node.h"
#include "glissade/core/elementwise.h"

namespace glissade::detail {

/// What `sink` has for an input, plus grad * factor.
template <class T>
void write_product(GradientSink<T>& sink, std::size_t input, const Tensor<T>& grad,
                   const Tensor<T>& factor) {
  if (!sink.needed(input)) return;
  sink.write(input, [&](Tensor<T>& to, T beta) {
    kernels::multiply_add(to.size(), grad.data(), factor.data(),
                          beta == T{} ? nullptr : std::as_const(to).data(), to.data());
  });
}

/// The same, in the memory of `grad` if nobody else can see it: the last use of `grad`.
template <class T>
void give_product(GradientSink<T>& sink, std::size_t input, Variable<T>& grad,
                  const Tensor<T>& factor) {
  if (!sink.needed(input)) return;
  if (!grad.node()->is_disposable()) return write_product(sink, input, grad.value(), factor);
  T* const g = grad.mutable_value().data();
  kernels::multiply_add<T>(grad.size(), g, factor.data(), nullptr, g);
  sink.give(input, std::move(grad));
}

/// The rule in place of a function of one variable x with the derivative slope(x), a tensor.
template <class Slope>
auto times(Slope slope) {
  return [slope]<class T>(Variable<T>& grad, std::span<const Variable<T>> inputs,
                          GradientSink<T>& sink) {
    give_product(sink, 0, grad, slope(inputs[0].value()));
    return true;
  };
}

}  // namespace glissade::detail
