// Element-wise functions of one variable. Each: the value, then the rule.

#include <numbers>

#include "give_product.h"
#include "glissade/autograd/operation.h"
#include "glissade/core/elementwise.h"
#include "instantiate.h"

namespace glissade {

using detail::times;
using kernels::Binary;
using kernels::Unary;

template <class T>
Variable<T> exp(const Variable<T>& x) {
  return operation("exp", kernels::unary(Unary::exp, x.value()), {x},
                   [](const auto& grad, const auto& output, const auto&) { return grad * output; });
}

template <class T>
Variable<T> log(const Variable<T>& x) {
  return operation("log", kernels::unary(Unary::log, x.value()), {x},
                   [](const auto& grad, const auto&, const auto& in) { return grad / in; });
}

template <class T>
Variable<T> log1p(const Variable<T>& x) {
  return operation("log1p", kernels::unary(Unary::log1p, x.value()), {x},
                   [](const auto& grad, const auto&, const auto& in) { return grad / (in + 1.0); });
}

template <class T>
Variable<T> sqrt(const Variable<T>& x) {
  return operation(
      "sqrt", kernels::unary(Unary::sqrt, x.value()), {x},
      [](const auto& grad, const auto& output, const auto&) { return grad / (output * 2.0); });
}

template <class T>
Variable<T> abs(const Variable<T>& x) {
  return operation("abs", kernels::unary(Unary::abs, x.value()), {x},
                   [](const auto& grad, const auto&, const auto& in) {
                     return grad * Variable<T>(kernels::unary(Unary::sign, in.value()));
                   });
}

template <class T>
Variable<T> square(const Variable<T>& x) {
  return operation_in_place(
      "square", kernels::unary(Unary::square, x.value()), {x},
      times([](const Tensor<T>& in) { return kernels::binary_scalar(Binary::mul, in, T{2}); }),
      [](const auto& grad, const auto&, const auto& in) { return grad * in * 2.0; });
}

template <class T>
Variable<T> sin(const Variable<T>& x) {
  return operation_in_place(
      "sin", kernels::unary(Unary::sin, x.value()), {x},
      times([](const Tensor<T>& in) { return kernels::unary(Unary::cos, in); }),
      [](const auto& grad, const auto&, const auto& in) { return grad * cos(in); });
}

template <class T>
Variable<T> cos(const Variable<T>& x) {
  return operation_in_place(
      "cos", kernels::unary(Unary::cos, x.value()), {x}, times([](const Tensor<T>& in) {
        Tensor<T> slope = kernels::unary(Unary::sin, in);
        kernels::binary_scalar_in_place(Binary::mul, slope, T{-1});
        return slope;
      }),
      [](const auto& grad, const auto&, const auto& in) { return -(grad * sin(in)); });
}

template <class T>
Variable<T> erf(const Variable<T>& x) {
  return operation("erf", kernels::unary(Unary::erf, x.value()), {x},
                   [](const auto& grad, const auto&, const auto& in) {
                     constexpr double kScale = 2.0 * std::numbers::inv_sqrtpi;
                     return grad * exp(-square(in)) * kScale;
                   });
}

#define GLISSADE_INSTANTIATE(T)                    \
  template Variable<T> exp(const Variable<T>&);    \
  template Variable<T> log(const Variable<T>&);    \
  template Variable<T> log1p(const Variable<T>&);  \
  template Variable<T> sqrt(const Variable<T>&);   \
  template Variable<T> abs(const Variable<T>&);    \
  template Variable<T> square(const Variable<T>&); \
  template Variable<T> sin(const Variable<T>&);    \
  template Variable<T> cos(const Variable<T>&);    \
  template Variable<T> erf(const Variable<T>&);
GLISSADE_FOR_EACH_FLOAT(GLISSADE_INSTANTIATE)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
