// Reductions. Each operation: the value, then the rule.

#include <utility>

#include "glissade/autograd/operation.h"
#include "glissade/core/reduce.h"
#include "glissade/core/softmax.h"
#include "instantiate.h"

namespace glissade {
namespace {

// The result of a reduction along an axis, with that axis kept at extent 1 or dropped.
template <class T>
Tensor<T> keep_axis(Tensor<T> reduced, const Shape& shape, int axis, bool keepdim) {
  if (!keepdim) return reduced;
  return std::move(reduced).reshape(shape.with(axis, 1));
}
template <class T>
Variable<T> kept(const Variable<T>& reduced, const Shape& shape, int axis) {
  return reshape(reduced, shape.with(axis, 1));
}

// What `max` and `min` share: the gradient goes to where the result was found.
template <class T>
Variable<T> extreme(const char* name, const Variable<T>& x, kernels::ExtremeResult<T> found,
                    int axis, bool keepdim) {
  Tensor<std::int32_t> positions = std::move(found.positions).reshape(x.shape().with(axis, 1));
  return operation(
      name, keep_axis(std::move(found.values), x.shape(), axis, keepdim), {x},
      [axis, positions = std::move(positions)](const auto& grad, const auto&, const auto& in) {
        return scatter_add(kept(grad, in.shape(), axis), axis, positions, in.shape()[axis]);
      });
}

}  // namespace

template <class T>
Variable<T> sum(const Variable<T>& x) {
  return operation(
      "sum", Tensor<T>::scalar(kernels::sum(x.value())), {x},
      [](const auto& grad, const auto&, const auto& in) { return broadcast_to(grad, in.shape()); });
}

template <class T>
Variable<T> sum(const Variable<T>& x, int axis, bool keepdim) {
  axis = x.shape().axis(axis, "sum");
  Tensor<T> total = Tensor<T>::uninitialized(x.shape().without(axis));
  kernels::sum_axis(x.value(), axis, T{0}, total);
  return operation("sum_axis", keep_axis(std::move(total), x.shape(), axis, keepdim), {x},
                   [axis](const auto& grad, const auto&, const auto& in) {
                     return broadcast_to(kept(grad, in.shape(), axis), in.shape());
                   });
}

template <class T>
Variable<T> mean(const Variable<T>& x) {
  return sum(x) * (1.0 / static_cast<double>(x.size()));
}

template <class T>
Variable<T> mean(const Variable<T>& x, int axis, bool keepdim) {
  const Index extent = x.shape()[x.shape().axis(axis, "mean")];
  return sum(x, axis, keepdim) * (1.0 / static_cast<double>(extent));
}

template <class T>
Variable<T> max(const Variable<T>& x) {
  check(x.size() > 0, "max: the shape {} has no elements", x.shape());
  return max(reshape(x, Shape{x.size()}), 0);
}

template <class T>
Variable<T> max(const Variable<T>& x, int axis, bool keepdim) {
  axis = x.shape().axis(axis, "max");
  return extreme("max", x, kernels::max(x.value(), axis), axis, keepdim);
}

template <class T>
Variable<T> min(const Variable<T>& x) {
  check(x.size() > 0, "min: the shape {} has no elements", x.shape());
  return min(reshape(x, Shape{x.size()}), 0);
}

template <class T>
Variable<T> min(const Variable<T>& x, int axis, bool keepdim) {
  axis = x.shape().axis(axis, "min");
  return extreme("min", x, kernels::min(x.value(), axis), axis, keepdim);
}

template <class T>
Variable<T> logsumexp(const Variable<T>& x, int axis, bool keepdim) {
  axis = x.shape().axis(axis, "logsumexp");
  return operation("logsumexp",
                   keep_axis(kernels::logsumexp(x.value(), axis), x.shape(), axis, keepdim), {x},
                   [axis](const auto& grad, const auto&, const auto& in) {
                     return kept(grad, in.shape(), axis) * softmax(in, axis);
                   });
}

template <class T>
Variable<T> softmax(const Variable<T>& x, int axis) {
  axis = x.shape().axis(axis, "softmax");
  return operation("softmax", kernels::softmax(x.value(), axis), {x},
                   [axis](const auto& grad, const auto& output, const auto&) {
                     return output * (grad - sum(grad * output, axis, true));
                   });
}

template <class T>
Variable<T> log_softmax(const Variable<T>& x, int axis) {
  axis = x.shape().axis(axis, "log_softmax");
  return operation("log_softmax", kernels::log_softmax(x.value(), axis), {x},
                   [axis](const auto& grad, const auto& output, const auto&) {
                     return grad - exp(output) * sum(grad, axis, true);
                   });
}

#define GLISSADE_INSTANTIATE(T)                                  \
  template Variable<T> sum(const Variable<T>&);                  \
  template Variable<T> sum(const Variable<T>&, int, bool);       \
  template Variable<T> mean(const Variable<T>&);                 \
  template Variable<T> mean(const Variable<T>&, int, bool);      \
  template Variable<T> max(const Variable<T>&);                  \
  template Variable<T> max(const Variable<T>&, int, bool);       \
  template Variable<T> min(const Variable<T>&);                  \
  template Variable<T> min(const Variable<T>&, int, bool);       \
  template Variable<T> logsumexp(const Variable<T>&, int, bool); \
  template Variable<T> softmax(const Variable<T>&, int);         \
  template Variable<T> log_softmax(const Variable<T>&, int);
GLISSADE_FOR_EACH_FLOAT(GLISSADE_INSTANTIATE)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
