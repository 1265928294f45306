// The largest and smallest elements along an axis, and where they stand.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "axis_view.h"
#include "glissade/core/check.h"
#include "glissade/core/reduce.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "extreme.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "dispatch.h"
#include "simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {
using kernels::AxisView;

// The largest of -x: a NaN stays one.
template <class T>
HWY_INLINE T minimum(Index n, const T* x) {
  const auto opposite = [](auto, auto v) HWY_ATTR { return hn::Neg(v); };
  return -fold(n, x, -std::numeric_limits<T>::infinity(), opposite, Larger(), MaxLanes());
}

// Where `value`, an element of x, first stands; a NaN is any NaN.
template <class T>
HWY_INLINE Index position_of(T value, Index n, const T* x) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const auto wanted = hn::Set(d, value);
  const bool nan = std::isnan(value);
  Index i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    const auto found = nan ? hn::IsNaN(v) : hn::Eq(v, wanted);
    if (!hn::AllFalse(d, found)) return i + static_cast<Index>(hn::FindFirstTrue(d, found));
  }
  while (nan ? !std::isnan(x[i]) : x[i] != value) ++i;
  return i;
}

// The best value of each row of n, and where it first stands.
template <class T, class Best>
HWY_INLINE void best_of_rows(Index rows, Index n, const T* x, T* values, std::int32_t* positions,
                             const Best& best) {
  for (Index i = 0; i < rows; ++i, x += n) {
    const Index position = position_of(best(n, x), n, x);
    values[i] = x[position];
    positions[i] = static_cast<std::int32_t>(position);
  }
}
// The same of each column of `rows` rows of n.
template <class T, class NotBetter>
HWY_INLINE void best_of_columns(Index rows, Index n, const T* x, T* values, std::int32_t* positions,
                                const NotBetter& not_better) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  using I = hn::TFromD<decltype(di)>;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  HWY_ALIGN I found[HWY_MAX_BYTES / sizeof(I)];
  for (Index j = 0; j < n; j += lanes) {
    const Index count = std::min(lanes, n - j);
    const auto load = [&](Index row) HWY_ATTR {
      const T* const from = x + row * n + j;
      return count == lanes ? hn::LoadU(d, from) : load_first(d, from, count);
    };
    auto best = load(0);
    auto at = hn::Zero(di);
    for (Index row = 1; row < rows; ++row) {
      const auto v = load(row);
      // The first NaN stays.
      const auto better = hn::AndNot(hn::IsNaN(best), hn::Not(not_better(v, best)));
      best = hn::IfThenElse(better, v, best);
      at = hn::IfThenElse(hn::RebindMask(di, better), hn::Set(di, static_cast<I>(row)), at);
    }
    store_first(best, d, values + j, count);
    hn::Store(at, di, found);
    std::transform(found, found + count, positions + j,
                   [](I position) { return static_cast<std::int32_t>(position); });
  }
}

template <class T>
HWY_INLINE void extreme_columns(bool largest, Index rows, Index n, const T* x, T* values,
                                std::int32_t* positions) {
  // "not <=" rather than ">", so that NaN counts as larger, and in min as smaller.
  if (largest) {
    best_of_columns(rows, n, x, values, positions,
                    [](auto v, auto best) HWY_ATTR { return hn::Le(v, best); });
  } else {
    best_of_columns(rows, n, x, values, positions,
                    [](auto v, auto best) HWY_ATTR { return hn::Ge(v, best); });
  }
}
template <class T>
HWY_INLINE void extreme_rows(bool largest, Index rows, Index n, const T* x, T* values,
                             std::int32_t* positions) {
  if (largest) {
    best_of_rows(rows, n, x, values, positions,
                 [](Index count, const T* row) HWY_ATTR { return maximum(count, row); });
  } else {
    best_of_rows(rows, n, x, values, positions,
                 [](Index count, const T* row) HWY_ATTR { return minimum(count, row); });
  }
}
template <class T>
HWY_INLINE void extreme_loop(bool largest, const AxisView& view, const T* x, T* values,
                             std::int32_t* positions) {
  if (view.inner == 1) return extreme_rows(largest, view.outer, view.extent, x, values, positions);
  for (Index i = 0; i < view.outer; ++i) {
    extreme_columns(largest, view.extent, view.inner, x + i * view.extent * view.inner,
                    values + i * view.inner, positions + i * view.inner);
  }
}
void ExtremeFloat(bool largest, const AxisView& view, const float* x, float* values,
                  std::int32_t* positions) {
  extreme_loop(largest, view, x, values, positions);
}
void ExtremeDouble(bool largest, const AxisView& view, const double* x, double* values,
                   std::int32_t* positions) {
  extreme_loop(largest, view, x, values, positions);
}

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade {
namespace {
HWY_EXPORT(ExtremeFloat);
HWY_EXPORT(ExtremeDouble);

void run_extreme(bool largest, const kernels::AxisView& view, const float* x, float* values,
                 std::int32_t* positions) {
  GLISSADE_DISPATCH(ExtremeFloat)(largest, view, x, values, positions);
}
void run_extreme(bool largest, const kernels::AxisView& view, const double* x, double* values,
                 std::int32_t* positions) {
  GLISSADE_DISPATCH(ExtremeDouble)(largest, view, x, values, positions);
}
}  // namespace

namespace kernels {
namespace {

// The largest or smallest value of each line along the axis, and where it first stands; NaN is
// better than any number.
template <class T>
ExtremeResult<T> extreme(const char* name, bool largest, const Tensor<T>& x, int axis) {
  axis = x.shape().axis(axis, name);
  const AxisView view(x.shape(), axis);
  const Shape shape = x.shape().without(axis);
  check(view.extent > 0 || shape.size() == 0, "{}: axis {} of the shape {} is empty", name, axis,
        x.shape());
  check(view.extent <= Index{1} << 31,
        "{}: axis {} of the shape {} has positions beyond a 32-bit number", name, axis, x.shape());
  ExtremeResult<T> result{Tensor<T>::uninitialized(shape),
                          Tensor<std::int32_t>::uninitialized(shape)};
  run_extreme(largest, view, x.data(), result.values.data(), result.positions.data());
  return result;
}

}  // namespace

template <class T>
ExtremeResult<T> max(const Tensor<T>& x, int axis) {
  return extreme("max", true, x, axis);
}

template <class T>
ExtremeResult<T> min(const Tensor<T>& x, int axis) {
  return extreme("min", false, x, axis);
}

template <class T>
Tensor<std::int32_t> argmax(const Tensor<T>& x, int axis) {
  return max(x, axis).positions;
}

template <class T>
Tensor<std::int32_t> argmin(const Tensor<T>& x, int axis) {
  return min(x, axis).positions;
}

#define GLISSADE_INSTANTIATE(T)                                \
  template ExtremeResult<T> max(const Tensor<T>&, int);        \
  template ExtremeResult<T> min(const Tensor<T>&, int);        \
  template Tensor<std::int32_t> argmin(const Tensor<T>&, int); \
  template Tensor<std::int32_t> argmax(const Tensor<T>&, int);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace kernels
}  // namespace glissade
#endif  // HWY_ONCE
