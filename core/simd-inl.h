// Vector loops, compiled once for each instruction set (Highway's
// "-inl.h" convention: no #pragma once, included again by foreach_target.h).

#if defined(GLISSADE_CORE_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GLISSADE_CORE_SIMD_INL_H_
#undef GLISSADE_CORE_SIMD_INL_H_
#else
#define GLISSADE_CORE_SIMD_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <limits>

#include "glissade/core/shape.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// --- Loops -----------------------------------------------------------------------------------
// The last, partial vector is computed as the others are, so that an element's result does not
// depend on its position.

// The first `count` numbers at p; the other lanes are 0, and nothing is read behind them. Where
// masked loads may, they go through a buffer.
template <class D, class T>
HWY_INLINE hn::Vec<D> load_first(D d, const T* p, Index count) {
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(T)] = {};
  std::copy(p, p + count, buffer);
  return hn::Load(d, buffer);
#else
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#endif
}

// Stores the first `count` lanes of v; nothing is written behind them.
template <class V, class D, class T>
HWY_INLINE void store_first(V v, D d, T* p, Index count) {
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(v, d, buffer);
  std::copy(buffer, buffer + count, p);
#else
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#endif
}

// y[i] = op(x[i]); y may be x. Op: V operator()(D, V).
template <class T, class Op>
HWY_INLINE void map(Index n, const T* x, T* y, const Op& op) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(op(d, hn::LoadU(d, x + i)), d, y + i);
  if (i < n) store_first(op(d, load_first(d, x + i, n - i)), d, y + i, n - i);
}

// y[i] = op(a[i], b[i]), where a step of 0 repeats the first element; y may be a or b.
template <class T, class Op>
HWY_INLINE void map2(Index n, const T* a, Index step_a, const T* b, Index step_b, T* y,
                     const Op& op) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  if (step_a == 1 && step_b == 1) {
    for (; i + lanes <= n; i += lanes) {
      hn::StoreU(op(d, hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, y + i);
    }
  } else if (step_a == 1) {
    const auto vb = hn::Set(d, *b);
    for (; i + lanes <= n; i += lanes) hn::StoreU(op(d, hn::LoadU(d, a + i), vb), d, y + i);
  } else if (step_b == 1) {
    const auto va = hn::Set(d, *a);
    for (; i + lanes <= n; i += lanes) hn::StoreU(op(d, va, hn::LoadU(d, b + i)), d, y + i);
  } else {
    const auto v = op(d, hn::Set(d, *a), hn::Set(d, *b));
    for (; i + lanes <= n; i += lanes) hn::StoreU(v, d, y + i);
  }
  if (i == n) return;
  const auto last_a = step_a == 1 ? load_first(d, a + i, n - i) : hn::Set(d, *a);
  const auto last_b = step_b == 1 ? load_first(d, b + i, n - i) : hn::Set(d, *b);
  store_first(op(d, last_a, last_b), d, y + i, n - i);
}

// y[i] = op(a[i], b[i], c[i]); y may be a, b or c.
template <class T, class Op>
HWY_INLINE void map3(Index n, const T* a, const T* b, const T* c, T* y, const Op& op) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(op(d, hn::LoadU(d, a + i), hn::LoadU(d, b + i), hn::LoadU(d, c + i)), d, y + i);
  }
  const Index rest = n - i;
  if (rest == 0) return;
  store_first(
      op(d, load_first(d, a + i, rest), load_first(d, b + i, rest), load_first(d, c + i, rest)), d,
      y + i, rest);
}

// How a vector is read and written: all its lanes, or the first ones.
struct WholeVector {
  template <class D, class T>
  HWY_INLINE hn::Vec<D> load(D d, const T* p) const {
    return hn::LoadU(d, p);
  }
  template <class V, class D, class T>
  HWY_INLINE void store(V v, D d, T* p) const {
    hn::StoreU(v, d, p);
  }
};
struct FirstLanes {
  Index count;
  template <class D, class T>
  HWY_INLINE hn::Vec<D> load(D d, const T* p) const {
    return load_first(d, p, count);
  }
  template <class V, class D, class T>
  HWY_INLINE void store(V v, D d, T* p) const {
    store_first(v, d, p, count);
  }
};

// Vectors of at most 32 bytes, for the losses of linear and logistic regression, which come between
// two products with a vector: those have such vectors (gemv.cpp). A microsecond of wider ones
// between them slows everything down by a sixth to a third for the next one or two milliseconds, on
// a Xeon with AVX-512 and AMX, while networks, whose products have the widest vectors, are slower
// by some percent with mixed widths.
template <class T>
using NarrowTag = hn::CappedTag<T, 32 / sizeof(T)>;

// Folds at(d, access, i), a vector of elements i and on, which is read by `access`, over all i < n
// with `combine`, starting from `start`, its neutral element: in four independent vectors, which
// hides latency and bounds the error of long sums.
template <class D, class T, class At, class Combine, class Reduce>
HWY_INLINE T fold_at(D d, Index n, T start, const At& at, const Combine& combine,
                     const Reduce& reduce) {
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  auto s0 = hn::Set(d, start);
  auto s1 = s0;
  auto s2 = s0;
  auto s3 = s0;
  Index i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = combine(s0, at(d, WholeVector(), i));
    s1 = combine(s1, at(d, WholeVector(), i + lanes));
    s2 = combine(s2, at(d, WholeVector(), i + 2 * lanes));
    s3 = combine(s3, at(d, WholeVector(), i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) s0 = combine(s0, at(d, WholeVector(), i));
  if (i < n) {
    const auto valid = hn::FirstN(d, static_cast<std::size_t>(n - i));
    s1 = combine(s1, hn::IfThenElse(valid, at(d, FirstLanes{n - i}, i), hn::Set(d, start)));
  }
  return hn::GetLane(reduce(d, combine(combine(s0, s1), combine(s2, s3))));
}

// The same for f(x[i]).
template <class T, class F, class Combine, class Reduce>
HWY_INLINE T fold(Index n, const T* x, T start, const F& f, const Combine& combine,
                  const Reduce& reduce) {
  const auto at = [x, &f](auto d, const auto& access, Index i)
                      HWY_ATTR { return f(d, access.load(d, x + i)); };
  return fold_at(hn::ScalableTag<T>(), n, start, at, combine, reduce);
}

struct Identity {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return x;
  }
};
struct Plus {
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return hn::Add(a, b);
  }
};
struct SumLanes {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::SumOfLanes(d, x);
  }
};
// NaN on either side wins, so that it is not lost in a maximum.
struct Larger {
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    const auto larger = hn::IfThenElse(hn::Gt(a, b), a, b);
    return hn::IfThenElse(hn::IsNaN(a), a, larger);
  }
};
struct MaxLanes {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    using T = hn::TFromD<D>;
    const auto nan = hn::IsNaN(x);
    if (!hn::AllFalse(d, nan)) return hn::Set(d, std::numeric_limits<T>::quiet_NaN());
    return hn::MaxOfLanes(d, x);
  }
};

template <class T>
HWY_INLINE T sum(Index n, const T* x) {
  return fold(n, x, T{0}, Identity(), Plus(), SumLanes());
}
template <class T>
HWY_INLINE T maximum(Index n, const T* x) {
  return fold(n, x, -std::numeric_limits<T>::infinity(), Identity(), Larger(), MaxLanes());
}

// The sum of row(k), a vector of some columns of row k, over all rows: in two chains, and in blocks
// of rows, so that a long column does not lose what is small against its sum. The rows come in
// their order.
template <class D, class Row>
HWY_INLINE hn::Vec<D> sum_down(D d, Index rows, const Row& row) {
  constexpr Index kBlock = 1024;
  auto total = hn::Zero(d);
  for (Index begin = 0; begin < rows; begin += kBlock) {
    const Index end = std::min(begin + kBlock, rows);
    auto s0 = hn::Zero(d);
    auto s1 = hn::Zero(d);
    Index k = begin;
    for (; k + 2 <= end; k += 2) {
      s0 = hn::Add(s0, row(k));
      s1 = hn::Add(s1, row(k + 1));
    }
    if (k < end) s0 = hn::Add(s0, row(k));
    total = hn::Add(total, hn::Add(s0, s1));
  }
  return total;
}

// out[j] = beta out[j] + the sum of column j, a vector of columns at a time. row(d, access, k, j)
// gives the columns of row k from j on, read by `access`. The last columns are summed as the others
// are, so that a column's sum does not depend on its position.
template <class T, class Row>
HWY_INLINE void sum_columns(Index rows, Index columns, T beta, T* out, const Row& row) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const auto sum_from = [&](Index j, const auto& access) HWY_ATTR {
    auto sum = sum_down(d, rows, [&](Index k) HWY_ATTR { return row(d, access, k, j); });
    if (beta != T{0}) sum = hn::MulAdd(hn::Set(d, beta), access.load(d, out + j), sum);
    access.store(sum, d, out + j);
  };
  Index j = 0;
  for (; j + lanes <= columns; j += lanes) sum_from(j, WholeVector());
  if (j < columns) sum_from(j, FirstLanes{columns - j});
}

// Applies a scalar function to each lane, for functions that have no vectorised form here.
template <class D, class V, class F>
HWY_INLINE V each_lane(D d, V x, const F& f) {
  HWY_ALIGN hn::TFromD<D> lanes[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  hn::Store(x, d, lanes);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = f(lanes[i]);
  return hn::Load(d, lanes);
}

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // GLISSADE_CORE_SIMD_INL_H_
