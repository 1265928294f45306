#include "glissade/core/normalize.h"

#include <cmath>

#include "glissade/core/tensor.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "normalize.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "dispatch.h"
#include "simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {
using kernels::ChannelView;

// --- Sums along contiguous memory ----------------------------------------------------------------

template <class V>
struct Two {
  V first;
  V second;
};

// The sums of two terms of each position i < n: term(d, i, load) returns a vector of both, made of
// what load(pointer) loads.
template <class T, class Term>
HWY_INLINE Two<T> sum_terms(Index n, const Term& term) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const auto whole = [d](const T* p) HWY_ATTR { return hn::LoadU(d, p); };
  auto first0 = hn::Zero(d);
  auto first1 = first0;
  auto second0 = first0;
  auto second1 = first0;
  Index i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const auto t0 = term(d, i, whole);
    const auto t1 = term(d, i + lanes, whole);
    first0 = hn::Add(first0, t0.first);
    second0 = hn::Add(second0, t0.second);
    first1 = hn::Add(first1, t1.first);
    second1 = hn::Add(second1, t1.second);
  }
  for (; i < n; i += lanes) {
    const Index rest = std::min(lanes, n - i);
    const auto valid = hn::FirstN(d, static_cast<std::size_t>(rest));
    const auto part = [d, rest](const T* p) HWY_ATTR { return load_first(d, p, rest); };
    const auto t = term(d, i, part);
    first0 = hn::Add(first0, hn::IfThenElseZero(valid, t.first));
    second0 = hn::Add(second0, hn::IfThenElseZero(valid, t.second));
  }
  return {hn::GetLane(hn::SumOfLanes(d, hn::Add(first0, first1))),
          hn::GetLane(hn::SumOfLanes(d, hn::Add(second0, second1)))};
}

// The sums of x - shift and of its square.
template <class T>
HWY_INLINE Two<T> sum_distances(Index n, const T* x, T shift) {
  return sum_terms<T>(n, [x, shift](auto d, Index i, const auto& load) HWY_ATTR {
    const auto distance = hn::Sub(load(x + i), hn::Set(d, shift));
    return Two<decltype(distance)>{distance, hn::Mul(distance, distance)};
  });
}

// The sums of g and of g (x - shift).
template <class T>
HWY_INLINE Two<T> sum_products(Index n, const T* g, const T* x, T shift) {
  return sum_terms<T>(n, [g, x, shift](auto d, Index i, const auto& load) HWY_ATTR {
    const auto v = load(g + i);
    return Two<decltype(v)>{v, hn::Mul(v, hn::Sub(load(x + i), hn::Set(d, shift)))};
  });
}

// The sums of h and of h (x - shift), h = g weight.
template <class T>
HWY_INLINE Two<T> sum_weighed_products(Index n, const T* g, const T* weight, const T* x, T shift) {
  return sum_terms<T>(n, [g, weight, x, shift](auto d, Index i, const auto& load) HWY_ATTR {
    const auto h = hn::Mul(load(g + i), load(weight + i));
    return Two<decltype(h)>{h, hn::Mul(h, hn::Sub(load(x + i), hn::Set(d, shift)))};
  });
}

// --- Sums down the rows --------------------------------------------------------------------------

// The sums over all rows of two terms for each column: add(row, a, b) adds a row's to a (n) and b
// (n). In blocks of rows, so that a long column does not lose what is small against its sum.
template <class T, class Add>
HWY_INLINE void sum_rows(Index rows, Index n, T* a, T* b, const Add& add) {
  constexpr Index kBlock = 512;
  std::fill(a, a + n, T{0});
  std::fill(b, b + n, T{0});
  if (rows <= kBlock) {
    for (Index row = 0; row < rows; ++row) add(row, a, b);
    return;
  }
  Tensor<T> block({2, n});
  for (Index begin = 0; begin < rows; begin += kBlock) {
    block.fill(T{0});
    T* const part_a = block.data();
    T* const part_b = part_a + n;
    for (Index row = begin; row < std::min(begin + kBlock, rows); ++row) add(row, part_a, part_b);
    for (Index j = 0; j < n; ++j) a[j] += part_a[j];
    for (Index j = 0; j < n; ++j) b[j] += part_b[j];
  }
}

// --- Channels ------------------------------------------------------------------------------------

// Calls run(channel, offset) for each contiguous run of `inner` elements.
template <class Run>
HWY_INLINE void for_each_run(const ChannelView& view, const Run& run) {
  for (Index i = 0; i < view.outer; ++i) {
    for (Index c = 0; c < view.channels; ++c) run(c, (i * view.channels + c) * view.inner);
  }
}

// first[c], second[c] = the sums over the channel's runs of sums(channel, offset), added in double.
template <class T, class Sums>
HWY_INLINE void sum_runs(const ChannelView& view, T* first, T* second, const Sums& sums) {
  for (Index c = 0; c < view.channels; ++c) {
    Two<double> total{0.0, 0.0};
    for (Index i = 0; i < view.outer; ++i) {
      const Two<T> part = sums(c, (i * view.channels + c) * view.inner);
      total.first += static_cast<double>(part.first);
      total.second += static_cast<double>(part.second);
    }
    first[c] = static_cast<T>(total.first);
    second[c] = static_cast<T>(total.second);
  }
}

template <class T>
HWY_INLINE void channel_moments_any(const ChannelView& view, const T* HWY_RESTRICT x,
                                    T* HWY_RESTRICT mean, T* HWY_RESTRICT variance) {
  const Index n = view.channels;
  const T share = T{1} / static_cast<T>(view.group_size());
  Tensor<T> sums({n});
  T* HWY_RESTRICT distance = sums.data();
  if (view.inner == 1) {
    sum_rows(view.outer, n, mean, variance, [x, n](Index row, T* HWY_RESTRICT a, T*) HWY_ATTR {
      for (Index j = 0; j < n; ++j) a[j] += x[row * n + j];
    });
  } else {
    sum_runs(view, mean, variance, [&](Index, Index offset) HWY_ATTR {
      return Two<T>{sum(view.inner, x + offset), T{0}};
    });
  }
  for (Index c = 0; c < n; ++c) mean[c] *= share;
  if (view.inner == 1) {
    sum_rows(view.outer, n, distance, variance,
             [x, n, mean](Index row, T* HWY_RESTRICT a, T* HWY_RESTRICT b) HWY_ATTR {
               for (Index j = 0; j < n; ++j) {
                 const T from_mean = x[row * n + j] - mean[j];
                 a[j] += from_mean;
                 b[j] += from_mean * from_mean;
               }
             });
  } else {
    sum_runs(view, distance, variance, [&](Index c, Index offset) HWY_ATTR {
      return sum_distances(view.inner, x + offset, mean[c]);
    });
  }
  for (Index c = 0; c < n; ++c) {
    const T correction = distance[c] * share;
    mean[c] += correction;
    const T spread = variance[c] * share - correction * correction;
    variance[c] = spread < T{0} ? T{0} : spread;  // by rounding; NaN stays
  }
}

template <class T>
HWY_INLINE void channel_affine_any(const ChannelView& view, const T* HWY_RESTRICT x,
                                   const T* HWY_RESTRICT shift, const T* HWY_RESTRICT factor,
                                   const T* HWY_RESTRICT offset, T* HWY_RESTRICT y) {
  if (view.inner == 1) {
    const Index n = view.channels;
    for (Index row = 0; row < view.outer; ++row, x += n, y += n) {
      for (Index j = 0; j < n; ++j) y[j] = (x[j] - shift[j]) * factor[j] + offset[j];
    }
    return;
  }
  for_each_run(view, [=](Index c, Index at) HWY_ATTR {
    const T from = shift[c];
    const T by = factor[c];
    const T add = offset[c];
    for (Index i = at; i < at + view.inner; ++i) y[i] = (x[i] - from) * by + add;
  });
}

template <class T>
HWY_INLINE void channel_sums_any(const ChannelView& view, const T* HWY_RESTRICT g,
                                 const T* HWY_RESTRICT x, const T* HWY_RESTRICT shift, T* sum_g,
                                 T* sum_gx) {
  const Index n = view.channels;
  if (view.inner == 1) {
    sum_rows(view.outer, n, sum_g, sum_gx,
             [=](Index row, T* HWY_RESTRICT a, T* HWY_RESTRICT b) HWY_ATTR {
               for (Index j = 0; j < n; ++j) {
                 a[j] += g[row * n + j];
                 b[j] += g[row * n + j] * (x[row * n + j] - shift[j]);
               }
             });
    return;
  }
  sum_runs(view, sum_g, sum_gx, [&](Index c, Index at) HWY_ATTR {
    return sum_products(view.inner, g + at, x + at, shift[c]);
  });
}

// dx[i] = value(i) + beta dx[i] for begin <= i < end.
template <class T, class Value>
HWY_INLINE void accumulate(Index begin, Index end, T beta, T* HWY_RESTRICT dx, const Value& value) {
  if (beta == T{0}) {
    for (Index i = begin; i < end; ++i) dx[i] = value(i);
  } else {
    for (Index i = begin; i < end; ++i) dx[i] = value(i) + beta * dx[i];
  }
}

template <class T>
HWY_INLINE void channel_gradient_any(const ChannelView& view, const T* HWY_RESTRICT g,
                                     const T* HWY_RESTRICT x, const T* HWY_RESTRICT shift,
                                     const T* HWY_RESTRICT factor, const T* HWY_RESTRICT mean_g,
                                     const T* HWY_RESTRICT slope, T beta, T* HWY_RESTRICT dx) {
  if (view.inner == 1) {
    const Index n = view.channels;
    for (Index row = 0; row < view.outer; ++row, g += n, x += n, dx += n) {
      if (slope == nullptr) {
        accumulate(Index{0}, n, beta, dx, [=](Index j) HWY_ATTR { return factor[j] * g[j]; });
      } else {
        accumulate(Index{0}, n, beta, dx, [=](Index j) HWY_ATTR {
          return factor[j] * (g[j] - mean_g[j] - slope[j] * (x[j] - shift[j]));
        });
      }
    }
    return;
  }
  for_each_run(view, [=](Index c, Index at) HWY_ATTR {
    const T by = factor[c];
    if (slope == nullptr) {
      accumulate(at, at + view.inner, beta, dx, [=](Index i) HWY_ATTR { return by * g[i]; });
      return;
    }
    const T level = mean_g[c];
    const T rise = slope[c];
    const T from = shift[c];
    accumulate(at, at + view.inner, beta, dx,
               [=](Index i) HWY_ATTR { return by * (g[i] - level - rise * (x[i] - from)); });
  });
}

// --- Rows ----------------------------------------------------------------------------------------

template <class T>
HWY_INLINE void normalize_rows_any(Index rows, Index n, bool centred, T eps,
                                   const T* HWY_RESTRICT x, const T* HWY_RESTRICT weight,
                                   const T* HWY_RESTRICT offset, T* HWY_RESTRICT y,
                                   T* HWY_RESTRICT mean, T* HWY_RESTRICT scale) {
  const T share = T{1} / static_cast<T>(n);
  for (Index row = 0; row < rows; ++row, x += n, y += n) {
    T from = centred ? sum(n, x) * share : T{0};
    const Two<T> sums = sum_distances(n, x, from);
    T variance = sums.second * share;
    if (centred) {
      const T correction = sums.first * share;
      from += correction;
      variance -= correction * correction;
      if (variance < T{0}) variance = T{0};  // by rounding; NaN stays
    }
    const T by = T{1} / std::sqrt(variance + eps);
    for (Index i = 0; i < n; ++i) y[i] = (x[i] - from) * by * weight[i] + offset[i];
    mean[row] = from;
    scale[row] = by;
  }
}

template <class T>
HWY_INLINE void normalize_rows_gradient_any(Index rows, Index n, bool centred,
                                            const T* HWY_RESTRICT g, const T* HWY_RESTRICT x,
                                            const T* HWY_RESTRICT weight,
                                            const T* HWY_RESTRICT mean, const T* HWY_RESTRICT scale,
                                            T beta, T* HWY_RESTRICT dx) {
  const T share = T{1} / static_cast<T>(n);
  for (Index row = 0; row < rows; ++row, g += n, x += n, dx += n) {
    const T from = mean[row];
    const T by = scale[row];
    const Two<T> sums = sum_weighed_products(n, g, weight, x, from);
    const T level = centred ? sums.first * share : T{0};
    const T rise = sums.second * share * by * by;
    accumulate(Index{0}, n, beta, dx, [=](Index i) HWY_ATTR {
      return by * (g[i] * weight[i] - level - rise * (x[i] - from));
    });
  }
}

template <class T>
HWY_INLINE void normalize_rows_sums_any(Index rows, Index n, const T* HWY_RESTRICT g,
                                        const T* HWY_RESTRICT x, const T* HWY_RESTRICT mean,
                                        const T* HWY_RESTRICT scale, T* sum_g, T* sum_gx) {
  sum_rows(rows, n, sum_g, sum_gx, [=](Index row, T* HWY_RESTRICT a, T* HWY_RESTRICT b) HWY_ATTR {
    const T from = mean[row];
    const T by = scale[row];
    for (Index j = 0; j < n; ++j) {
      a[j] += g[row * n + j];
      b[j] += g[row * n + j] * ((x[row * n + j] - from) * by);
    }
  });
}

#define GLISSADE_NORMALIZE(T, Suffix)                                                          \
  void Moments##Suffix(const ChannelView& view, const T* x, T* mean, T* variance) {            \
    channel_moments_any(view, x, mean, variance);                                              \
  }                                                                                            \
  void Affine##Suffix(const ChannelView& view, const T* x, const T* shift, const T* factor,    \
                      const T* offset, T* y) {                                                 \
    channel_affine_any(view, x, shift, factor, offset, y);                                     \
  }                                                                                            \
  void Sums##Suffix(const ChannelView& view, const T* g, const T* x, const T* shift, T* sum_g, \
                    T* sum_gx) {                                                               \
    channel_sums_any(view, g, x, shift, sum_g, sum_gx);                                        \
  }                                                                                            \
  void Gradient##Suffix(const ChannelView& view, const T* g, const T* x, const T* shift,       \
                        const T* factor, const T* mean_g, const T* slope, T beta, T* dx) {     \
    channel_gradient_any(view, g, x, shift, factor, mean_g, slope, beta, dx);                  \
  }                                                                                            \
  void Rows##Suffix(Index rows, Index n, bool centred, T eps, const T* x, const T* weight,     \
                    const T* offset, T* y, T* mean, T* scale) {                                \
    normalize_rows_any(rows, n, centred, eps, x, weight, offset, y, mean, scale);              \
  }                                                                                            \
  void RowsGradient##Suffix(Index rows, Index n, bool centred, const T* g, const T* x,         \
                            const T* weight, const T* mean, const T* scale, T beta, T* dx) {   \
    normalize_rows_gradient_any(rows, n, centred, g, x, weight, mean, scale, beta, dx);        \
  }                                                                                            \
  void RowsSums##Suffix(Index rows, Index n, const T* g, const T* x, const T* mean,            \
                        const T* scale, T* sum_g, T* sum_gx) {                                 \
    normalize_rows_sums_any(rows, n, g, x, mean, scale, sum_g, sum_gx);                        \
  }
GLISSADE_NORMALIZE(float, Float)
GLISSADE_NORMALIZE(double, Double)
#undef GLISSADE_NORMALIZE

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade {

#define GLISSADE_NORMALIZE(T, Suffix)                                                              \
  HWY_EXPORT(Moments##Suffix);                                                                     \
  HWY_EXPORT(Affine##Suffix);                                                                      \
  HWY_EXPORT(Sums##Suffix);                                                                        \
  HWY_EXPORT(Gradient##Suffix);                                                                    \
  HWY_EXPORT(Rows##Suffix);                                                                        \
  HWY_EXPORT(RowsGradient##Suffix);                                                                \
  HWY_EXPORT(RowsSums##Suffix);                                                                    \
  template <>                                                                                      \
  void kernels::channel_moments(const ChannelView& view, const T* x, T* mean, T* variance) {       \
    GLISSADE_DISPATCH(Moments##Suffix)(view, x, mean, variance);                                   \
  }                                                                                                \
  template <>                                                                                      \
  void kernels::channel_affine(const ChannelView& view, const T* x, const T* shift,                \
                               const T* factor, const T* offset, T* y) {                           \
    GLISSADE_DISPATCH(Affine##Suffix)(view, x, shift, factor, offset, y);                          \
  }                                                                                                \
  template <>                                                                                      \
  void kernels::channel_sums(const ChannelView& view, const T* g, const T* x, const T* shift,      \
                             T* sum_g, T* sum_gx) {                                                \
    GLISSADE_DISPATCH(Sums##Suffix)(view, g, x, shift, sum_g, sum_gx);                             \
  }                                                                                                \
  template <>                                                                                      \
  void kernels::channel_gradient(const ChannelView& view, const T* g, const T* x, const T* shift,  \
                                 const T* factor, const T* mean_g, const T* slope, T beta,         \
                                 T* dx) {                                                          \
    GLISSADE_DISPATCH(Gradient##Suffix)                                                            \
    (view, g, x, shift, factor, mean_g, slope, beta, dx);                                          \
  }                                                                                                \
  template <>                                                                                      \
  void kernels::normalize_rows(Index rows, Index n, bool centred, T eps, const T* x,               \
                               const T* weight, const T* offset, T* y, T* mean, T* scale) {        \
    GLISSADE_DISPATCH(Rows##Suffix)                                                                \
    (rows, n, centred, eps, x, weight, offset, y, mean, scale);                                    \
  }                                                                                                \
  template <>                                                                                      \
  void kernels::normalize_rows_gradient(Index rows, Index n, bool centred, const T* g, const T* x, \
                                        const T* weight, const T* mean, const T* scale, T beta,    \
                                        T* dx) {                                                   \
    GLISSADE_DISPATCH(RowsGradient##Suffix)                                                        \
    (rows, n, centred, g, x, weight, mean, scale, beta, dx);                                       \
  }                                                                                                \
  template <>                                                                                      \
  void kernels::normalize_rows_sums(Index rows, Index n, const T* g, const T* x, const T* mean,    \
                                    const T* scale, T* sum_g, T* sum_gx) {                         \
    GLISSADE_DISPATCH(RowsSums##Suffix)(rows, n, g, x, mean, scale, sum_g, sum_gx);                \
  }
GLISSADE_NORMALIZE(float, Float)
GLISSADE_NORMALIZE(double, Double)
#undef GLISSADE_NORMALIZE

}  // namespace glissade
#endif  // HWY_ONCE
