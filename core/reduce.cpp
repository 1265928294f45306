#include "glissade/core/reduce.h"

#include <algorithm>
#include <utility>

#include "axis_view.h"
#include "elements.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reduce.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "dispatch.h"
#include "simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {
using kernels::AxisView;

float SumFloat(Index n, const float* x) { return sum(n, x); }
double SumDouble(Index n, const double* x) { return sum(n, x); }

// `sum`, which is that of the squares of x, unless one of them is beyond float's range.
template <class T>
HWY_INLINE double safe_squares(Index n, const T* x, T sum) {
  if constexpr (sizeof(T) == 4) {
    if (!(sum > 1e-30F && sum < 1e30F)) return kernels::squares_in_double(n, x);
  }
  return static_cast<double>(sum);
}

template <class T>
HWY_INLINE double squares(Index n, const T* x) {
  const auto square = [](auto, auto v) HWY_ATTR { return hn::Mul(v, v); };
  return safe_squares(n, x, fold(n, x, T{0}, square, Plus(), SumLanes()));
}

// The same of d = a - b.
template <class T>
HWY_INLINE double squared_difference(Index n, const T* a, const T* b, T* d) {
  const auto at = [a, b, d](auto tag, const auto& access, Index i) HWY_ATTR {
    const auto v = hn::Sub(access.load(tag, a + i), access.load(tag, b + i));
    access.store(v, tag, d + i);
    return hn::Mul(v, v);
  };
  return safe_squares(n, d, fold_at(NarrowTag<T>(), n, T{0}, at, Plus(), SumLanes()));
}

// The sum of f(begin, count) over blocks, in double: so short that the error of a float sum stays
// near its rounding.
template <class F>
HWY_INLINE double sum_of_short_blocks(Index n, const F& f) {
  constexpr Index kBlock = 4096;
  double total = 0.0;
  for (Index i = 0; i < n; i += kBlock) total += f(i, std::min(kBlock, n - i));
  return total;
}

template <class T>
HWY_INLINE double squares_loop(Index n, const T* x) {
  return sum_of_short_blocks(n,
                             [x](Index i, Index count) HWY_ATTR { return squares(count, x + i); });
}
double SquaresFloat(Index n, const float* x) { return squares_loop(n, x); }
double SquaresDouble(Index n, const double* x) { return squares_loop(n, x); }

template <class T>
HWY_INLINE double difference_loop(Index n, const T* a, const T* b, T* d) {
  return sum_of_short_blocks(n, [a, b, d](Index i, Index count) HWY_ATTR {
    return squared_difference(count, a + i, b + i, d + i);
  });
}
double DifferenceFloat(Index n, const float* a, const float* b, float* d) {
  return difference_loop(n, a, b, d);
}
double DifferenceDouble(Index n, const double* a, const double* b, double* d) {
  return difference_loop(n, a, b, d);
}

// y (outer, inner) = beta y + sum over k of x (outer, k, inner), for `columns` of the inner ones,
// with which x and y begin.
template <class T>
HWY_INLINE void sum_axis_loop(const AxisView& view, Index columns, const T* x, T beta, T* y) {
  if (view.inner == 1) {
    for (Index i = 0; i < view.outer; ++i) {
      const T s = sum(view.extent, x + i * view.extent);
      y[i] = beta == T{0} ? s : beta * y[i] + s;
    }
    return;
  }
  for (Index i = 0; i < view.outer; ++i) {
    const T* const block = x + i * view.extent * view.inner;
    sum_columns(view.extent, columns, beta, y + i * view.inner,
                [&](auto d, const auto& access, Index k, Index j)
                    HWY_ATTR { return access.load(d, block + k * view.inner + j); });
  }
}
void SumAxisFloat(const AxisView& view, Index columns, const float* x, float beta, float* y) {
  sum_axis_loop(view, columns, x, beta, y);
}
void SumAxisDouble(const AxisView& view, Index columns, const double* x, double beta, double* y) {
  sum_axis_loop(view, columns, x, beta, y);
}

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade {
namespace {
HWY_EXPORT(SumFloat);
HWY_EXPORT(SumDouble);
HWY_EXPORT(SquaresFloat);
HWY_EXPORT(SquaresDouble);
HWY_EXPORT(DifferenceFloat);
HWY_EXPORT(DifferenceDouble);
HWY_EXPORT(SumAxisFloat);
HWY_EXPORT(SumAxisDouble);

float run_sum(Index n, const float* x) { return GLISSADE_DISPATCH(SumFloat)(n, x); }
double run_sum(Index n, const double* x) { return GLISSADE_DISPATCH(SumDouble)(n, x); }
double run_squares(Index n, const float* x) { return GLISSADE_DISPATCH(SquaresFloat)(n, x); }
double run_squares(Index n, const double* x) { return GLISSADE_DISPATCH(SquaresDouble)(n, x); }
double run_difference(Index n, const float* a, const float* b, float* d) {
  return GLISSADE_DISPATCH(DifferenceFloat)(n, a, b, d);
}
double run_difference(Index n, const double* a, const double* b, double* d) {
  return GLISSADE_DISPATCH(DifferenceDouble)(n, a, b, d);
}
void run_sum_axis(const kernels::AxisView& view, Index columns, const float* x, float beta,
                  float* y) {
  GLISSADE_DISPATCH(SumAxisFloat)(view, columns, x, beta, y);
}
void run_sum_axis(const kernels::AxisView& view, Index columns, const double* x, double beta,
                  double* y) {
  GLISSADE_DISPATCH(SumAxisDouble)(view, columns, x, beta, y);
}
}  // namespace

namespace kernels {

namespace {

// Long sums are made of the sums of blocks, which do not depend on the number of threads.
constexpr Index kSumBlock = Index{1} << 16;

template <class R, class Part>
R sum_of_blocks(Index n, const Part& part) {
  if (n <= kSumBlock) return part(0, n);
  const Index blocks = (n + kSumBlock - 1) / kSumBlock;
  Tensor<R> sums = Tensor<R>::uninitialized({blocks});
  parallel_for(0, blocks, 1, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      const Index begin = i * kSumBlock;
      sums[i] = part(begin, std::min(kSumBlock, n - begin));
    }
  });
  return run_sum(blocks, sums.data());
}

}  // namespace

template <class T>
T sum(const Tensor<T>& x) {
  return sum_of_blocks<T>(x.size(),
                          [&](Index i, Index count) { return run_sum(count, x.data() + i); });
}

template <class T>
double sum_of_squares(const Tensor<T>& x) {
  if (x.size() <= kFew) return squares_in_double(x.size(), x.data());
  return sum_of_blocks<double>(
      x.size(), [&](Index i, Index count) { return run_squares(count, x.data() + i); });
}

template <class T>
double difference(Index n, const T* a, const T* b, T* d) {
  if (n <= kFew) {
    for (Index i = 0; i < n; ++i) d[i] = a[i] - b[i];
    return squares_in_double(n, d);
  }
  return sum_of_blocks<double>(
      n, [=](Index i, Index count) { return run_difference(count, a + i, b + i, d + i); });
}

template <class T>
void sum_rows(Index rows, Index columns, const T* x, T beta, T* y) {
  const AxisView view(1, rows, columns);
  if (rows * columns < 2 * kSimpleGrain || columns == 1) {
    run_sum_axis(view, columns, x, beta, y);
    return;
  }
  constexpr Index kColumns = 64;  // whole vectors
  const Index grain = std::max<Index>(1, kSimpleGrain / (kColumns * std::max<Index>(1, rows)));
  parallel_for(0, (columns + kColumns - 1) / kColumns, grain, [&](Index from, Index to) {
    const Index begin = from * kColumns;
    const Index end = std::min(to * kColumns, columns);
    run_sum_axis(view, end - begin, x + begin, beta, y + begin);
  });
}

template <class T>
void sum_axis(const Tensor<T>& x, int axis, T beta, Tensor<T>& y) {
  axis = x.shape().axis(axis, "sum");
  const AxisView view(x.shape(), axis);
  check(y.size() == view.outer * view.inner, "sum: the output {} does not fit {} without axis {}",
        y.shape(), x.shape(), axis);
  if (view.outer == 1) return sum_rows(view.extent, view.inner, x.data(), beta, y.data());
  for_rows(view.outer, view.extent * view.inner, kSimpleGrain, [&](Index from, Index to) {
    AxisView part = view;
    part.outer = to - from;
    run_sum_axis(part, view.inner, x.data() + from * view.extent * view.inner, beta,
                 y.data() + from * view.inner);
  });
}

template <class T>
Tensor<T> sum_to(const Tensor<T>& x, const Shape& shape) {
  check(broadcast_shapes(shape, x.shape(), "sum_to") == x.shape(),
        "sum_to: {} does not stretch to {}", shape, x.shape());
  if (x.size() > 0 && shape.size() == 1) return Tensor<T>::full(shape, sum(x));
  // The leading axes that `shape` lacks, then those of extent 1, each summed away in its turn.
  const Tensor<T>* current = &x;
  Tensor<T> y;
  const int lead = x.rank() - shape.rank();
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool stretched = axis < lead || (shape[axis - lead] == 1 && x.shape()[axis] != 1);
    if (!stretched) continue;
    Tensor<T> reduced = Tensor<T>::uninitialized(current->shape().with(axis, 1));
    sum_axis(*current, axis, T{0}, reduced);
    y = std::move(reduced);
    current = &y;
  }
  if (current == &x) return x.reshape(shape);
  return std::move(y).reshape(shape);
}

#define GLISSADE_INSTANTIATE(T)                                 \
  template T sum(const Tensor<T>&);                             \
  template double sum_of_squares(const Tensor<T>&);             \
  template double difference(Index, const T*, const T*, T*);    \
  template void sum_rows(Index, Index, const T*, T, T*);        \
  template void sum_axis(const Tensor<T>&, int, T, Tensor<T>&); \
  template Tensor<T> sum_to(const Tensor<T>&, const Shape&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace kernels
}  // namespace glissade
#endif  // HWY_ONCE
