#include "glissade/core/move.h"

#include <algorithm>

#include "axis_view.h"

namespace glissade::kernels {

template <class T>
void transpose(Index rows, Index columns, const T* from, T* to) {
  constexpr Index kBlock = 16;  // 16 x 16 elements: both sides' lines stay in the L1 cache
  for (Index i0 = 0; i0 < rows; i0 += kBlock) {
    for (Index j0 = 0; j0 < columns; j0 += kBlock) {
      for (Index i = i0; i < std::min(i0 + kBlock, rows); ++i) {
        for (Index j = j0; j < std::min(j0 + kBlock, columns); ++j) {
          to[j * rows + i] = from[i * columns + j];
        }
      }
    }
  }
}

template <class T>
Tensor<T> transpose(const Tensor<T>& x) {
  check(x.rank() == 2, "transpose: a matrix is wanted, the shape is {}", x.shape());
  Tensor<T> y = Tensor<T>::uninitialized({x.dim(1), x.dim(0)});
  transpose(x.dim(0), x.dim(1), x.data(), y.data());
  return y;
}

template <class T>
Tensor<T> slice(const Tensor<T>& x, int axis, Index begin, Index end) {
  axis = x.shape().axis(axis, "slice");
  const AxisView view(x.shape(), axis);
  check(begin >= 0 && begin <= end && end <= view.extent,
        "slice: positions {} to {} are not within axis {} of the shape {}", begin, end, axis,
        x.shape());
  Tensor<T> y = Tensor<T>::uninitialized(x.shape().with(axis, end - begin));
  if (y.size() == 0) return y;
  for (Index i = 0; i < view.outer; ++i) {
    const T* from = x.data() + (i * view.extent + begin) * view.inner;
    std::copy(from, from + (end - begin) * view.inner, y.data() + i * (end - begin) * view.inner);
  }
  return y;
}

template <class T>
void add_to_slice(const Tensor<T>& x, Tensor<T>& to, int axis, Index begin, Index end) {
  const AxisView view(to.shape(), axis);
  check(begin >= 0 && begin <= end && end <= view.extent &&
            x.size() == view.outer * (end - begin) * view.inner,
        "add_to_slice: {} does not fit positions {} to {} of axis {} of the shape {}", x.shape(),
        begin, end, axis, to.shape());
  const Index run = (end - begin) * view.inner;
  const T* from = x.data();
  for (Index i = 0; i < view.outer; ++i) {
    T* const target = to.data() + (i * view.extent + begin) * view.inner;
    for (Index k = 0; k < run; ++k) target[k] += *from++;
  }
}

template <class T>
Tensor<T> pad(const Tensor<T>& x, int axis, Index before, Index after) {
  axis = x.shape().axis(axis, "pad");
  check(before >= 0 && after >= 0, "pad: {} before and {} after must not be negative", before,
        after);
  const AxisView view(x.shape(), axis);
  Index extent = 0;
  check(!__builtin_add_overflow(before, view.extent, &extent) &&
            !__builtin_add_overflow(extent, after, &extent),
        "pad: {} before and {} after are too many", before, after);
  Tensor<T> y(x.shape().with(axis, extent));
  if (x.size() == 0) return y;
  for (Index i = 0; i < view.outer; ++i) {
    const T* from = x.data() + i * view.extent * view.inner;
    std::copy(from, from + view.extent * view.inner, y.data() + (i * extent + before) * view.inner);
  }
  return y;
}

template <class T>
Tensor<T> concat(std::span<const Tensor<T>* const> parts, int axis) {
  check(!parts.empty(), "concat: there is nothing to join");
  const Shape& first = parts[0]->shape();
  axis = first.axis(axis, "concat");
  Index extent = 0;
  for (const Tensor<T>* part : parts) {
    check(part->rank() == first.rank() && part->shape().with(axis, first[axis]) == first,
          "concat: the shapes {} and {} differ beside axis {}", first, part->shape(), axis);
    extent += part->shape()[axis];
  }
  Tensor<T> y = Tensor<T>::uninitialized(first.with(axis, extent));
  if (y.size() == 0) return y;
  const AxisView view(y.shape(), axis);
  Index before = 0;
  for (const Tensor<T>* part : parts) {
    const Index run = part->shape()[axis] * view.inner;
    for (Index i = 0; i < view.outer; ++i) {
      const T* from = part->data() + i * run;
      std::copy(from, from + run, y.data() + (i * extent + before) * view.inner);
    }
    before += part->shape()[axis];
  }
  return y;
}

template <class T>
void gather_rows(const Tensor<T>& source, std::span<const std::int32_t> rows, Tensor<T>& out) {
  check(source.rank() > 0, "gather_rows: a scalar has no rows");
  check(&out != &source, "gather_rows: the result must not be the source");
  const AxisView view(source.shape(), 0);
  out.resize(source.shape().with(0, static_cast<Index>(rows.size())));
  T* to = out.data();
  for (const Index row : rows) {
    check(row >= 0 && row < view.extent, "gather_rows: there is no row {} in the shape {}", row,
          source.shape());
    const T* from = source.data() + row * view.inner;
    to = std::copy(from, from + view.inner, to);
  }
}

namespace {
// Throws unless `index` has the shape `shape`, the extent of `axis` apart, and its values are in
// [0, limit).
void check_index(const char* name, const Shape& shape, int axis, const Tensor<std::int32_t>& index,
                 Index limit) {
  check(index.rank() == shape.rank() && index.shape().with(axis, shape[axis]) == shape,
        "{}: the index of shape {} does not fit the shape {} beside axis {}", name, index.shape(),
        shape, axis);
  for (const std::int32_t i : index) {
    check(i >= 0 && i < limit, "{}: index {} is out of range for an axis of extent {}", name, i,
          limit);
  }
}
}  // namespace

template <class T>
Tensor<T> gather(const Tensor<T>& x, int axis, const Tensor<std::int32_t>& index) {
  axis = x.shape().axis(axis, "gather");
  const AxisView from(x.shape(), axis);
  check_index("gather", x.shape(), axis, index, from.extent);
  const AxisView view(index.shape(), axis);
  Tensor<T> y = Tensor<T>::uninitialized(index.shape());
  if (y.size() == 0) return y;
  for (Index i = 0; i < view.outer; ++i) {
    for (Index k = 0; k < view.extent; ++k) {
      for (Index j = 0; j < view.inner; ++j) {
        const Index to = (i * view.extent + k) * view.inner + j;
        y[to] = x[(i * from.extent + index[to]) * view.inner + j];
      }
    }
  }
  return y;
}

template <class T>
Tensor<T> scatter_add(const Tensor<T>& x, int axis, const Tensor<std::int32_t>& index,
                      Index extent) {
  axis = x.shape().axis(axis, "scatter_add");
  check(extent >= 0, "scatter_add: the extent {} is negative", extent);
  check(index.shape() == x.shape(), "scatter_add: the index has shape {}, the values {}",
        index.shape(), x.shape());
  check_index("scatter_add", x.shape(), axis, index, extent);
  const AxisView view(x.shape(), axis);
  Tensor<T> y(x.shape().with(axis, extent));
  if (x.size() == 0) return y;
  for (Index i = 0; i < view.outer; ++i) {
    for (Index k = 0; k < view.extent; ++k) {
      for (Index j = 0; j < view.inner; ++j) {
        const Index from = (i * view.extent + k) * view.inner + j;
        y[(i * extent + index[from]) * view.inner + j] += x[from];
      }
    }
  }
  return y;
}

namespace {
// Throws unless `index` is a vector with values in [0, limit).
void check_positions(const char* name, const Tensor<std::int32_t>& index, Index limit) {
  check(index.rank() == 1, "{}: the index of shape {} is not a vector", name, index.shape());
  for (const std::int32_t i : index) {
    check(i >= 0 && i < limit, "{}: index {} is out of range for an axis of extent {}", name, i,
          limit);
  }
}
}  // namespace

template <class T>
Tensor<T> index_select(const Tensor<T>& x, int axis, const Tensor<std::int32_t>& index) {
  axis = x.shape().axis(axis, "index_select");
  const AxisView view(x.shape(), axis);
  check_positions("index_select", index, x.shape()[axis]);
  Tensor<T> y = Tensor<T>::uninitialized(x.shape().with(axis, index.size()));
  if (y.size() == 0) return y;
  T* to = y.data();
  for (Index i = 0; i < view.outer; ++i) {
    const T* from = x.data() + i * view.extent * view.inner;
    if (view.inner == 1) {
      for (const std::int32_t k : index) *to++ = from[k];
    } else {
      for (const Index k : index) {
        to = std::copy(from + k * view.inner, from + (k + 1) * view.inner, to);
      }
    }
  }
  return y;
}

template <class T>
Tensor<T> index_add(const Tensor<T>& x, int axis, const Tensor<std::int32_t>& index, Index extent) {
  axis = x.shape().axis(axis, "index_add");
  check(extent >= 0, "index_add: the extent {} is negative", extent);
  check_positions("index_add", index, extent);
  check(index.size() == x.shape()[axis],
        "index_add: {} positions for the extent {} of axis {} of the shape {}", index.size(),
        x.shape()[axis], axis, x.shape());
  Tensor<T> y(x.shape().with(axis, extent));
  if (x.size() == 0) return y;
  const AxisView view(x.shape(), axis);
  const T* from = x.data();
  for (Index i = 0; i < view.outer; ++i) {
    T* const to = y.data() + i * extent * view.inner;
    if (view.inner == 1) {
      for (const std::int32_t k : index) to[k] += *from++;
    } else {
      for (const Index k : index) {
        for (Index j = 0; j < view.inner; ++j) to[k * view.inner + j] += *from++;
      }
    }
  }
  return y;
}

#define GLISSADE_INSTANTIATE(T)                                                              \
  template void transpose(Index, Index, const T*, T*);                                       \
  template Tensor<T> transpose(const Tensor<T>&);                                            \
  template Tensor<T> slice(const Tensor<T>&, int, Index, Index);                             \
  template void add_to_slice(const Tensor<T>&, Tensor<T>&, int, Index, Index);               \
  template Tensor<T> pad(const Tensor<T>&, int, Index, Index);                               \
  template Tensor<T> concat(std::span<const Tensor<T>* const>, int);                         \
  template void gather_rows(const Tensor<T>&, std::span<const std::int32_t>, Tensor<T>&);    \
  template Tensor<T> gather(const Tensor<T>&, int, const Tensor<std::int32_t>&);             \
  template Tensor<T> scatter_add(const Tensor<T>&, int, const Tensor<std::int32_t>&, Index); \
  template Tensor<T> index_select(const Tensor<T>&, int, const Tensor<std::int32_t>&);       \
  template Tensor<T> index_add(const Tensor<T>&, int, const Tensor<std::int32_t>&, Index);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
GLISSADE_INSTANTIATE(std::int32_t)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade::kernels
