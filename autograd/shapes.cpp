// Operations that move elements. Each: the value, then the rule, which moves gradients back.

#include <array>
#include <utility>

#include "glissade/autograd/operation.h"
#include "glissade/core/elementwise.h"
#include "glissade/core/move.h"
#include "glissade/core/reduce.h"
#include "instantiate.h"

namespace glissade {

template <class T>
Variable<T> reshape(const Variable<T>& x, const Shape& shape) {
  if (shape == x.shape()) return x;
  return operation_in_place(
      "reshape", x.value().reshape(shape), {x},
      [](Variable<T>& grad, std::span<const Variable<T>> inputs, GradientSink<T>& sink) {
        if (!grad.node()->is_disposable()) return false;
        sink.give(0, Variable<T>(std::move(grad.mutable_value()).reshape(inputs[0].shape())));
        return true;
      },
      [](const auto& grad, const auto&, const auto& in) { return reshape(grad, in.shape()); });
}

template <class T>
Variable<T> reshape(const Variable<T>& x, std::initializer_list<Index> extents) {
  std::vector<Index> complete = extents;
  Index known = 1;
  Index* unknown = nullptr;
  for (Index& extent : complete) {
    if (extent == -1) {
      check(unknown == nullptr, "reshape: more than one extent of ({}) is -1",
            fmt::join(extents, ", "));
      unknown = &extent;
    } else {
      check(!__builtin_mul_overflow(known, extent, &known), "reshape: ({}) is too large",
            fmt::join(extents, ", "));
    }
  }
  if (unknown != nullptr) {
    check(known > 0 && x.size() % known == 0, "reshape: {} elements do not fill ({})", x.size(),
          fmt::join(extents, ", "));
    *unknown = x.size() / known;
  }
  return reshape(x, Shape(std::span<const Index>(complete)));
}

template <class T>
Variable<T> transpose(const Variable<T>& x) {
  return operation("transpose", kernels::transpose(x.value()), {x},
                   [](const auto& grad, const auto&, const auto&) { return transpose(grad); });
}

template <class T>
Variable<T> broadcast_to(const Variable<T>& x, const Shape& shape) {
  if (shape == x.shape()) return x;
  return operation(
      "broadcast_to", kernels::broadcast_to(x.value(), shape), {x},
      [](const auto& grad, const auto&, const auto& in) { return sum_to(grad, in.shape()); });
}

template <class T>
Variable<T> sum_to(const Variable<T>& x, const Shape& shape) {
  if (shape == x.shape()) return x;
  return operation(
      "sum_to", kernels::sum_to(x.value(), shape), {x},
      [](const auto& grad, const auto&, const auto& in) { return broadcast_to(grad, in.shape()); });
}

namespace {

// The gradient of positions along an axis goes to these positions alone: taking a tensor apart
// costs as much as the parts, not as the tensor for each of them.
template <class T>
auto write_slice(int axis, Index begin, Index end) {
  return
      [axis, begin, end](Variable<T>& grad, std::span<const Variable<T>>, GradientSink<T>& sink) {
        sink.write(0, [&](Tensor<T>& to, T beta) {
          if (beta == T{}) to.fill(T{});
          kernels::add_to_slice(grad.value(), to, axis, begin, end);
        });
        return true;
      };
}

}  // namespace

template <class T>
Variable<T> slice(const Variable<T>& x, int axis, Index begin, Index end) {
  axis = x.shape().axis(axis, "slice");
  return operation_in_place("slice", kernels::slice(x.value(), axis, begin, end), {x},
                            write_slice<T>(axis, begin, end),
                            [axis, begin, end](const auto& grad, const auto&, const auto& in) {
                              return pad(grad, axis, begin, in.shape()[axis] - end);
                            });
}

template <class T>
Variable<T> slice_rows(const Variable<T>& x, Index begin, Index end) {
  return slice(x, 0, begin, end);
}

template <class T>
Variable<T> pad(const Variable<T>& x, int axis, Index before, Index after) {
  axis = x.shape().axis(axis, "pad");
  return operation("pad", kernels::pad(x.value(), axis, before, after), {x},
                   [axis, before](const auto& grad, const auto&, const auto& in) {
                     return slice(grad, axis, before, before + in.shape()[axis]);
                   });
}

template <class T>
Variable<T> select(const Variable<T>& x, Index i) {
  check(x.rank() > 0, "select: a scalar has no entry {}", i);
  const Index extent = x.shape()[0];
  const Index row = i < 0 ? i + extent : i;
  check(row >= 0 && row < extent, "select: entry {} is out of range for the shape {}", i,
        x.shape());
  const Shape shape = x.shape().without(0);
  return operation_in_place(
      "select", kernels::slice(x.value(), 0, row, row + 1).reshape(shape), {x},
      write_slice<T>(0, row, row + 1), [row](const auto& grad, const auto&, const auto& in) {
        return pad(reshape(grad, in.shape().with(0, 1)), 0, row, in.shape()[0] - row - 1);
      });
}

template <class T>
Variable<T> concat(const std::vector<Variable<T>>& parts, int axis) {
  std::vector<const Tensor<T>*> values;
  values.reserve(parts.size());
  for (const Variable<T>& part : parts) values.push_back(&part.value());
  Tensor<T> joined = kernels::concat<T>(values, axis);
  axis = joined.shape().axis(axis, "concat");
  std::vector<Index> ends;
  ends.reserve(parts.size());
  for (const Variable<T>& part : parts) {
    ends.push_back((ends.empty() ? 0 : ends.back()) + part.shape()[axis]);
  }
  return variadic_operation(
      "concat", std::move(joined), parts,
      [axis, ends = std::move(ends)](std::size_t i, const auto& grad, const auto&, const auto&) {
        return slice(grad, axis, i == 0 ? 0 : ends[i - 1], ends[i]);
      });
}

template <class T>
Variable<T> gather(const Variable<T>& x, int axis, const Tensor<std::int32_t>& index) {
  axis = x.shape().axis(axis, "gather");
  return operation("gather", kernels::gather(x.value(), axis, index), {x},
                   [axis, index](const auto& grad, const auto&, const auto& in) {
                     return scatter_add(grad, axis, index, in.shape()[axis]);
                   });
}

template <class T>
Variable<T> scatter_add(const Variable<T>& x, int axis, const Tensor<std::int32_t>& index,
                        Index extent) {
  axis = x.shape().axis(axis, "scatter_add");
  return operation("scatter_add", kernels::scatter_add(x.value(), axis, index, extent), {x},
                   [axis, index](const auto& grad, const auto&, const auto&) {
                     return gather(grad, axis, index);
                   });
}

template <class T>
Variable<T> index_select(const Variable<T>& x, int axis, const Tensor<std::int32_t>& index) {
  axis = x.shape().axis(axis, "index_select");
  return operation("index_select", kernels::index_select(x.value(), axis, index), {x},
                   [axis, index](const auto& grad, const auto&, const auto& in) {
                     return index_add(grad, axis, index, in.shape()[axis]);
                   });
}

template <class T>
Variable<T> index_add(const Variable<T>& x, int axis, const Tensor<std::int32_t>& index,
                      Index extent) {
  axis = x.shape().axis(axis, "index_add");
  return operation("index_add", kernels::index_add(x.value(), axis, index, extent), {x},
                   [axis, index](const auto& grad, const auto&, const auto&) {
                     return index_select(grad, axis, index);
                   });
}

#define GLISSADE_INSTANTIATE(T)                                                                  \
  template Variable<T> reshape(const Variable<T>&, const Shape&);                                \
  template Variable<T> reshape(const Variable<T>&, std::initializer_list<Index>);                \
  template Variable<T> transpose(const Variable<T>&);                                            \
  template Variable<T> broadcast_to(const Variable<T>&, const Shape&);                           \
  template Variable<T> sum_to(const Variable<T>&, const Shape&);                                 \
  template Variable<T> slice(const Variable<T>&, int, Index, Index);                             \
  template Variable<T> slice_rows(const Variable<T>&, Index, Index);                             \
  template Variable<T> pad(const Variable<T>&, int, Index, Index);                               \
  template Variable<T> select(const Variable<T>&, Index);                                        \
  template Variable<T> concat(const std::vector<Variable<T>>&, int);                             \
  template Variable<T> gather(const Variable<T>&, int, const Tensor<std::int32_t>&);             \
  template Variable<T> scatter_add(const Variable<T>&, int, const Tensor<std::int32_t>&, Index); \
  template Variable<T> index_select(const Variable<T>&, int, const Tensor<std::int32_t>&);       \
  template Variable<T> index_add(const Variable<T>&, int, const Tensor<std::int32_t>&, Index);
GLISSADE_FOR_EACH_FLOAT(GLISSADE_INSTANTIATE)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
