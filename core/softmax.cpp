#include "glissade/core/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "axis_view.h"
#include "elements.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softmax.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "dispatch.h"
#include "math-inl.h"
#include "simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {

// Stores exp(x - shift) to p (unless null) and returns the sum.
template <class T>
HWY_INLINE T exp_and_sum(Index n, const T* x, T shift, T* p) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const auto m = hn::Set(d, shift);
  auto total = hn::Zero(d);
  Index i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto e = exp_of_at_most_0(d, hn::Sub(hn::LoadU(d, x + i), m));
    total = hn::Add(total, e);
    if (p != nullptr) hn::StoreU(e, d, p + i);
  }
  if (i < n) {
    const auto valid = hn::FirstN(d, static_cast<std::size_t>(n - i));
    const auto x_valid = hn::IfThenElse(valid, load_first(d, x + i, n - i), m);
    const auto e = hn::IfThenElseZero(valid, exp_of_at_most_0(d, hn::Sub(x_valid, m)));
    total = hn::Add(total, e);
    if (p != nullptr) store_first(e, d, p + i, n - i);
  }
  return hn::GetLane(hn::SumOfLanes(d, total));
}

// Rows of up to one and a half vectors are computed side by side, one in each lane: a row by itself
// would be reduced within its vectors, twice.
inline bool is_short(Index n, Index lanes) { return 2 * n <= 3 * lanes; }

// softmax_loop for as many short rows as there are lanes, or `rows` if there are fewer.
template <class T>
HWY_INLINE void softmax_lanes(Index rows, Index n, const T* x, T* p, T* lse, T* largest) {
  const hn::ScalableTag<T> d;
  constexpr auto kMaxLanes = static_cast<Index>(hn::MaxLanes(d));
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  // (n, lanes). One by one: gathers take longer, much longer on processors that guard them.
  HWY_ALIGN T values[2 * kMaxLanes * kMaxLanes];
  for (Index r = 0; r < lanes; ++r) {
    const T* const row = x + std::min(r, rows - 1) * n;
    for (Index k = 0; k < n; ++k) values[k * lanes + r] = row[k];
  }
  auto shift = hn::Set(d, -std::numeric_limits<T>::infinity());
  for (Index k = 0; k < n; ++k) shift = Larger()(shift, hn::Load(d, values + k * lanes));
  auto total = hn::Zero(d);
  for (Index k = 0; k < n; ++k) {
    const auto e = exp_of_at_most_0(d, hn::Sub(hn::Load(d, values + k * lanes), shift));
    hn::Store(e, d, values + k * lanes);
    total = hn::Add(total, e);
  }
  if (largest != nullptr) {
    store_first(shift, d, largest, rows);
    store_first(log(d, total), d, lse, rows);
  } else if (lse != nullptr) {
    // An infinite maximum is the logarithm itself: x - shift would be NaN.
    const auto is_infinite = hn::Eq(hn::Abs(shift), infinity(d));
    store_first(hn::IfThenElse(is_infinite, shift, hn::Add(shift, log(d, total))), d, lse, rows);
  }
  if (p == nullptr) return;
  const auto scale = hn::Div(hn::Set(d, T{1}), total);
  for (Index k = 0; k < n; ++k) {
    hn::Store(hn::Mul(hn::Load(d, values + k * lanes), scale), d, values + k * lanes);
  }
  for (Index r = 0; r < rows; ++r) {
    for (Index k = 0; k < n; ++k) p[r * n + k] = values[k * lanes + r];
  }
}

// p = softmax of each row and lse its logarithm of the sum of exponentials; either may be null.
// With `largest`, the row's largest element goes there, and lse is that of the row less it.
template <class T>
HWY_INLINE void softmax_loop(Index rows, Index n, const T* x, T* p, T* lse, T* largest) {
  const auto lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  if (lanes > 1 && rows >= lanes / 2 && n >= 1 && is_short(n, lanes)) {
    for (Index row = 0; row < rows; row += lanes) {
      softmax_lanes(std::min(lanes, rows - row), n, x + row * n, p == nullptr ? p : p + row * n,
                    lse == nullptr ? lse : lse + row, largest == nullptr ? largest : largest + row);
    }
    return;
  }
  for (Index row = 0; row < rows; ++row) {
    const T* in = x + row * n;
    T* out = p == nullptr ? nullptr : p + row * n;
    const T shift = maximum(n, in);
    const T total = exp_and_sum(n, in, shift, out);
    if (largest != nullptr) {
      largest[row] = shift;
      lse[row] = std::log(total);
    } else if (lse != nullptr) {
      // An infinite maximum is the logarithm itself: x - shift would be NaN.
      lse[row] = std::isinf(shift) ? shift : shift + std::log(total);
    }
    if (out != nullptr) {
      const T scale = T{1} / total;
      const auto times = [scale](auto d, auto v) HWY_ATTR { return hn::Mul(v, hn::Set(d, scale)); };
      map(n, out, out, times);
    }
  }
}

// (x - max) - log(sum) rather than x - lse: exact for large x
template <class T>
HWY_INLINE void log_softmax_loop(Index rows, Index n, const T* x, T* y) {
  for (Index row = 0; row < rows; ++row, x += n, y += n) {
    const T shift = maximum(n, x);
    const T log_total = std::log(exp_and_sum<T>(n, x, shift, nullptr));
    map(n, x, y, [shift, log_total](auto d, auto v) HWY_ATTR {
      return hn::Sub(hn::Sub(v, hn::Set(d, shift)), hn::Set(d, log_total));
    });
  }
}
void LogSoftmaxFloat(Index rows, Index n, const float* x, float* y) {
  log_softmax_loop(rows, n, x, y);
}
void LogSoftmaxDouble(Index rows, Index n, const double* x, double* y) {
  log_softmax_loop(rows, n, x, y);
}

void SoftmaxFloat(Index rows, Index n, const float* x, float* p, float* lse, float* largest) {
  softmax_loop(rows, n, x, p, lse, largest);
}
void SoftmaxDouble(Index rows, Index n, const double* x, double* p, double* lse, double* largest) {
  softmax_loop(rows, n, x, p, lse, largest);
}

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade {
namespace {
HWY_EXPORT(SoftmaxFloat);
HWY_EXPORT(SoftmaxDouble);
HWY_EXPORT(LogSoftmaxFloat);
HWY_EXPORT(LogSoftmaxDouble);

void log_softmax_part(Index rows, Index n, const float* x, float* y) {
  GLISSADE_DISPATCH(LogSoftmaxFloat)(rows, n, x, y);
}
void log_softmax_part(Index rows, Index n, const double* x, double* y) {
  GLISSADE_DISPATCH(LogSoftmaxDouble)(rows, n, x, y);
}
void softmax_part(Index rows, Index n, const float* x, float* p, float* lse, float* largest) {
  GLISSADE_DISPATCH(SoftmaxFloat)(rows, n, x, p, lse, largest);
}
void softmax_part(Index rows, Index n, const double* x, double* p, double* lse, double* largest) {
  GLISSADE_DISPATCH(SoftmaxDouble)(rows, n, x, p, lse, largest);
}

template <class T>
void log_softmax_rows(Index rows, Index n, const T* x, T* y) {
  kernels::for_rows(rows, n, kernels::kFunctionGrain, [&](Index from, Index to) {
    log_softmax_part(to - from, n, x + from * n, y + from * n);
  });
}
}  // namespace

namespace kernels {

template <class T>
void softmax_rows(Index rows, Index n, const T* x, T* p, T* lse, T* largest) {
  for_rows(rows, n, kFunctionGrain, [&](Index from, Index to) {
    softmax_part(to - from, n, x + from * n, p == nullptr ? p : p + from * n,
                 lse == nullptr ? lse : lse + from, largest == nullptr ? largest : largest + from);
  });
}

namespace {

// Calls rows(count, extent, in, out) with each line along the axis made contiguous; `out` has
// `extent` or 1 elements a line, by `out_extent`.
template <class T, class Rows>
void along_axis(const AxisView& view, const T* x, T* y, Index out_extent, const Rows& rows) {
  if (view.extent == 0 && out_extent == 0) return;
  if (view.inner == 1) return rows(view.outer, view.extent, x, y);
  Tensor<T> line = Tensor<T>::uninitialized({view.extent});
  Tensor<T> result = Tensor<T>::uninitialized({out_extent});
  for (Index i = 0; i < view.outer; ++i) {
    for (Index j = 0; j < view.inner; ++j) {
      const T* from = x + (view.extent == 0 ? 0 : i * view.extent * view.inner + j);
      T* to = y + i * out_extent * view.inner + j;
      for (Index k = 0; k < view.extent; ++k) line[k] = from[k * view.inner];
      rows(1, view.extent, line.data(), result.data());
      for (Index k = 0; k < out_extent; ++k) to[k * view.inner] = result[k];
    }
  }
}

}  // namespace

template <class T>
Tensor<T> softmax(const Tensor<T>& x, int axis) {
  const AxisView view(x.shape(), x.shape().axis(axis, "softmax"));
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  along_axis(view, x.data(), y.data(), view.extent, [](Index rows, Index n, const T* in, T* out) {
    softmax_rows<T>(rows, n, in, out, nullptr);
  });
  return y;
}

template <class T>
Tensor<T> log_softmax(const Tensor<T>& x, int axis) {
  const AxisView view(x.shape(), x.shape().axis(axis, "log_softmax"));
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  along_axis(view, x.data(), y.data(), view.extent,
             [](Index rows, Index n, const T* in, T* out) { log_softmax_rows(rows, n, in, out); });
  return y;
}

template <class T>
Tensor<T> logsumexp(const Tensor<T>& x, int axis) {
  axis = x.shape().axis(axis, "logsumexp");
  const AxisView view(x.shape(), axis);
  Tensor<T> y = Tensor<T>::uninitialized(x.shape().without(axis));
  along_axis(view, x.data(), y.data(), 1, [](Index rows, Index n, const T* in, T* out) {
    softmax_rows<T>(rows, n, in, nullptr, out);
  });
  return y;
}

#define GLISSADE_INSTANTIATE(T)                                   \
  template void softmax_rows(Index, Index, const T*, T*, T*, T*); \
  template Tensor<T> softmax(const Tensor<T>&, int);              \
  template Tensor<T> log_softmax(const Tensor<T>&, int);          \
  template Tensor<T> logsumexp(const Tensor<T>&, int);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace kernels
}  // namespace glissade
#endif  // HWY_ONCE
