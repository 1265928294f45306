#include "gemv.h"

#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gemv.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "dispatch.h"
#include "simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {

// The sums of the lanes of eight vectors of at most 32 bytes.
template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE void sums_of_lanes(D d, V s0, V s1, V s2, V s3, V s4, V s5, V s6, V s7,
                              T* HWY_RESTRICT sums) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(d) * sizeof(T) == 32) {
    // In each block the sums of two (double) or four (float) vectors, then those of two blocks.
    const auto pair = [d](V a, V b) HWY_ATTR {
      return hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
    };
    const auto blocks = [d](V a, V b) HWY_ATTR {
      return hn::Add(hn::ConcatLowerLower(d, b, a), hn::ConcatUpperUpper(d, b, a));
    };
    if constexpr (sizeof(T) == 8) {
      hn::Store(blocks(pair(s0, s1), pair(s2, s3)), d, sums);
      hn::Store(blocks(pair(s4, s5), pair(s6, s7)), d, sums + 4);
    } else {
      const hn::Repartition<double, D> wide;
      const auto four = [&](V a, V b) HWY_ATTR {  // a: sums of two vectors, twice; b: the same
        const auto p = hn::BitCast(wide, a);
        const auto q = hn::BitCast(wide, b);
        return hn::Add(hn::BitCast(d, hn::InterleaveLower(wide, p, q)),
                       hn::BitCast(d, hn::InterleaveUpper(wide, p, q)));
      };
      hn::Store(blocks(four(pair(s0, s1), pair(s2, s3)), four(pair(s4, s5), pair(s6, s7))), d,
                sums);
    }
    return;
  }
#endif
  const V all[] = {s0, s1, s2, s3, s4, s5, s6, s7};
  for (int i = 0; i < 8; ++i) sums[i] = hn::GetLane(hn::SumOfLanes(d, all[i]));
}

// Where the last vector of a row begins, and which of its lanes are not in the one before it. A
// row shorter than a vector is read in part.
template <class D>
struct LastVector {
  LastVector(D tag, Index columns)
      : d(tag),
        lanes(static_cast<Index>(hn::Lanes(d))),
        count(columns % lanes),
        begin(columns < lanes ? 0 : columns - lanes),
        in_part(columns < lanes),
        seen(hn::FirstN(d, static_cast<std::size_t>(lanes - count))) {}

  // The lanes that the whole vectors before have left, others 0.
  template <class T>
  HWY_INLINE auto load(const T* row) const {
    return in_part ? load_first(d, row, count)
                   : hn::IfThenZeroElse(seen, hn::LoadU(d, row + begin));
  }

  D d;
  Index lanes;
  Index count;  // the lanes that are left
  Index begin;
  bool in_part;
  hn::Mask<D> seen;
};

// y[i] = alpha a[i] . x + beta y[i]: eight rows at a time, which share the loads of x. Vectors of
// 64 bytes are slower: every load of a row that does not begin with a line of the cache reads two.
template <class T>
HWY_INLINE void rows_times(Index rows, Index columns, T alpha, const T* a, const T* x, T beta,
                           T* y) {
  const hn::CappedTag<T, 32 / sizeof(T)> d;
  const LastVector last(d, columns);
  const Index lanes = last.lanes;
  const Index whole = columns - last.count;
  Index i = 0;
  for (; i + 8 <= rows; i += 8, a += 8 * columns) {
    auto s0 = hn::Zero(d);
    auto s1 = s0;
    auto s2 = s0;
    auto s3 = s0;
    auto s4 = s0;
    auto s5 = s0;
    auto s6 = s0;
    auto s7 = s0;
    for (Index j = 0; j < whole; j += lanes) {
      const auto v = hn::LoadU(d, x + j);
      s0 = hn::MulAdd(hn::LoadU(d, a + j), v, s0);
      s1 = hn::MulAdd(hn::LoadU(d, a + columns + j), v, s1);
      s2 = hn::MulAdd(hn::LoadU(d, a + 2 * columns + j), v, s2);
      s3 = hn::MulAdd(hn::LoadU(d, a + 3 * columns + j), v, s3);
      s4 = hn::MulAdd(hn::LoadU(d, a + 4 * columns + j), v, s4);
      s5 = hn::MulAdd(hn::LoadU(d, a + 5 * columns + j), v, s5);
      s6 = hn::MulAdd(hn::LoadU(d, a + 6 * columns + j), v, s6);
      s7 = hn::MulAdd(hn::LoadU(d, a + 7 * columns + j), v, s7);
    }
    if (last.count > 0) {
      const auto v = last.load(x);
      s0 = hn::MulAdd(last.load(a), v, s0);
      s1 = hn::MulAdd(last.load(a + columns), v, s1);
      s2 = hn::MulAdd(last.load(a + 2 * columns), v, s2);
      s3 = hn::MulAdd(last.load(a + 3 * columns), v, s3);
      s4 = hn::MulAdd(last.load(a + 4 * columns), v, s4);
      s5 = hn::MulAdd(last.load(a + 5 * columns), v, s5);
      s6 = hn::MulAdd(last.load(a + 6 * columns), v, s6);
      s7 = hn::MulAdd(last.load(a + 7 * columns), v, s7);
    }
    HWY_ALIGN T sums[8];
    sums_of_lanes(d, s0, s1, s2, s3, s4, s5, s6, s7, sums);
    for (Index r = 0; r < 8; r += lanes) {
      auto value = hn::Mul(hn::Load(d, sums + r), hn::Set(d, alpha));
      T* const to = y + i + r;
      if (beta != T{0}) value = hn::MulAdd(hn::LoadU(d, to), hn::Set(d, beta), value);
      hn::StoreU(value, d, to);
    }
  }
  for (; i < rows; ++i, a += columns) {
    // Two chains, because one row may be all there is.
    auto s0 = hn::Zero(d);
    auto s1 = s0;
    Index j = 0;
    for (; j + 2 * lanes <= whole; j += 2 * lanes) {
      s0 = hn::MulAdd(hn::LoadU(d, a + j), hn::LoadU(d, x + j), s0);
      s1 = hn::MulAdd(hn::LoadU(d, a + j + lanes), hn::LoadU(d, x + j + lanes), s1);
    }
    if (j < whole) s0 = hn::MulAdd(hn::LoadU(d, a + j), hn::LoadU(d, x + j), s0);
    if (last.count > 0) s1 = hn::MulAdd(last.load(a), last.load(x), s1);
    const T value = alpha * hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s1)));
    y[i] = beta == T{0} ? value : value + beta * y[i];
  }
}

// How columns are read and written: a row shorter than a vector, in part.
template <class D>
struct ShortRow {
  template <class T>
  HWY_INLINE auto load(const T* p) const {
    return load_first(d, p, count);
  }
  template <class V, class T>
  HWY_INLINE void store(V v, T* p, bool) const {
    store_first(v, d, p, count);
  }

  D d;
  Index count;
};

// In whole vectors, of which the last one of a row may overlap the one before it: its first `seen`
// lanes are not written again.
template <class D>
struct WholeVectors {
  template <class T>
  HWY_INLINE auto load(const T* p) const {
    return hn::LoadU(d, p);
  }
  template <class V, class T>
  HWY_INLINE void store(V v, T* p, bool last) const {
    if (last && seen > 0) {
      hn::BlendedStore(v, hn::Not(hn::FirstN(d, static_cast<std::size_t>(seen))), d, p);
    } else {
      hn::StoreU(v, d, p);
    }
  }

  D d;
  Index seen;
};

// y[j] = alpha sum over i of x[i] a[i][j] + beta y[j] for the columns of kVectors vectors, which
// begin at `begins`: their sums stay in registers while all rows pass, kRows rows at a time so that
// additions do not wait for each other.
template <int kRows, int kVectors, class T, class Columns>
HWY_INLINE void weigh_columns(Index rows, Index stride, T alpha, const T* a, const T* x, T beta,
                              T* y, const Index* begins, const Columns& columns) {
  const auto d = columns.d;
  using V = hn::Vec<decltype(d)>;
  V sums[kRows][kVectors];
  for (auto& row : sums) {
    for (V& sum : row) sum = hn::Zero(d);
  }
  Index i = 0;
  for (; i + kRows <= rows; i += kRows, a += kRows * stride) {
    for (int r = 0; r < kRows; ++r) {
      const V weight = hn::Set(d, x[i + r]);
      for (int v = 0; v < kVectors; ++v) {
        sums[r][v] = hn::MulAdd(columns.load(a + r * stride + begins[v]), weight, sums[r][v]);
      }
    }
  }
  for (; i < rows; ++i, a += stride) {
    const V weight = hn::Set(d, x[i]);
    for (int v = 0; v < kVectors; ++v) {
      sums[0][v] = hn::MulAdd(columns.load(a + begins[v]), weight, sums[0][v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    V sum = sums[0][v];
    for (int r = 1; r < kRows; ++r) sum = hn::Add(sum, sums[r][v]);
    sum = hn::Mul(sum, hn::Set(d, alpha));
    T* const to = y + begins[v];
    if (beta != T{0}) sum = hn::MulAdd(hn::Set(d, beta), columns.load(to), sum);
    columns.store(sum, to, v + 1 == kVectors);
  }
}

// y[j] = alpha sum over i of x[i] a[i][j] + beta y[j]: four vectors of columns at a time.
template <class T>
HWY_INLINE void rows_weighed(Index rows, Index columns, T alpha, const T* a, const T* x, T beta,
                             T* y) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  if (columns < lanes) {
    const Index begin = 0;
    const ShortRow<decltype(d)> part{d, columns};
    return weigh_columns<2, 1>(rows, columns, alpha, a, x, beta, y, &begin, part);
  }
  for (Index j = 0; j < columns; j += 4 * lanes) {
    // A last vector that would stick out begins earlier.
    Index begins[4];
    for (Index v = 0; v < 4; ++v) begins[v] = std::min(j + v * lanes, columns - lanes);
    const Index left = columns - j;
    const bool overlaps = left < 4 * lanes && left % lanes != 0;
    const WholeVectors<decltype(d)> whole{d, overlaps ? lanes - left % lanes : 0};
    if (left > 3 * lanes) {
      weigh_columns<2, 4>(rows, columns, alpha, a, x, beta, y, begins, whole);
    } else if (left > 2 * lanes) {
      weigh_columns<2, 3>(rows, columns, alpha, a, x, beta, y, begins, whole);
    } else if (left > lanes) {
      weigh_columns<4, 2>(rows, columns, alpha, a, x, beta, y, begins, whole);
    } else {
      weigh_columns<8, 1>(rows, columns, alpha, a, x, beta, y, begins, whole);
    }
  }
}

template <class T>
HWY_INLINE void any_gemv(bool transposed, Index rows, Index columns, T alpha, const T* a,
                         const T* x, T beta, T* y) {
  if (transposed) {
    rows_weighed(rows, columns, alpha, a, x, beta, y);
  } else {
    rows_times(rows, columns, alpha, a, x, beta, y);
  }
}
void GemvFloat(bool transposed, Index rows, Index columns, float alpha, const float* a,
               const float* x, float beta, float* y) {
  any_gemv(transposed, rows, columns, alpha, a, x, beta, y);
}
void GemvDouble(bool transposed, Index rows, Index columns, double alpha, const double* a,
                const double* x, double beta, double* y) {
  any_gemv(transposed, rows, columns, alpha, a, x, beta, y);
}

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade {
namespace {
HWY_EXPORT(GemvFloat);
HWY_EXPORT(GemvDouble);
}  // namespace

namespace kernels {

template <>
void gemv(bool transposed, Index rows, Index columns, float alpha, const float* a, const float* x,
          float beta, float* y) {
  GLISSADE_DISPATCH(GemvFloat)(transposed, rows, columns, alpha, a, x, beta, y);
}
template <>
void gemv(bool transposed, Index rows, Index columns, double alpha, const double* a,
          const double* x, double beta, double* y) {
  GLISSADE_DISPATCH(GemvDouble)(transposed, rows, columns, alpha, a, x, beta, y);
}

}  // namespace kernels
}  // namespace glissade
#endif  // HWY_ONCE
