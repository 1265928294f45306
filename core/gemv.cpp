#include "gemv.h"

#include <algorithm>
#include <cstddef>
#include <type_traits>

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

// y[0 ... 7] = alpha times the sums of the lanes + beta y.
template <class D, class V, class T>
HWY_INLINE void write_sums(D d, const V* s, T alpha, T beta, T* y) {
  HWY_ALIGN T sums[8];
  sums_of_lanes(d, s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], sums);
  for (Index r = 0; r < 8; r += static_cast<Index>(hn::Lanes(d))) {
    auto value = hn::Mul(hn::Load(d, sums + r), hn::Set(d, alpha));
    if (beta != T{0}) value = hn::MulAdd(hn::LoadU(d, y + r), hn::Set(d, beta), value);
    hn::StoreU(value, d, y + r);
  }
}

// y[i] = alpha a[i] . x + beta y[i] for all rows but the last rows % 8, of kVectors whole vectors
// and what `last` says: x stays in registers.
template <int kVectors, class D, class T>
HWY_INLINE void few_columns_times(D d, const LastVector<D>& last, Index rows, Index columns,
                                  T alpha, const T* a, const T* x, T beta, T* y) {
  using V = hn::Vec<D>;
  V xs[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) xs[v] = hn::LoadU(d, x + v * last.lanes);
  const V last_x = last.count > 0 ? last.load(x) : hn::Zero(d);
  for (Index i = 0; i + 8 <= rows; i += 8, a += 8 * columns) {
    V s[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) {
      const T* const row = a + r * columns;
      s[r] = hn::Mul(hn::LoadU(d, row), xs[0]);
#pragma GCC unroll 8
      for (int v = 1; v < kVectors; ++v) {
        s[r] = hn::MulAdd(hn::LoadU(d, row + v * last.lanes), xs[v], s[r]);
      }
    }
    if (last.count > 0) {
#pragma GCC unroll 8
      for (int r = 0; r < 8; ++r) s[r] = hn::MulAdd(last.load(a + r * columns), last_x, s[r]);
    }
    write_sums(d, s, alpha, beta, y + i);
  }
}

// The same for any number of columns.
template <class D, class T>
HWY_INLINE void many_columns_times(D d, const LastVector<D>& last, Index rows, Index columns,
                                   T alpha, const T* a, const T* x, T beta, T* y) {
  using V = hn::Vec<D>;
  const Index whole = columns - last.count;
  for (Index i = 0; i + 8 <= rows; i += 8, a += 8 * columns) {
    V s[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) s[r] = hn::Zero(d);
    for (Index j = 0; j < whole; j += last.lanes) {
      const V v = hn::LoadU(d, x + j);
#pragma GCC unroll 8
      for (int r = 0; r < 8; ++r) s[r] = hn::MulAdd(hn::LoadU(d, a + r * columns + j), v, s[r]);
    }
    if (last.count > 0) {
      const V v = last.load(x);
#pragma GCC unroll 8
      for (int r = 0; r < 8; ++r) s[r] = hn::MulAdd(last.load(a + r * columns), v, s[r]);
    }
    write_sums(d, s, alpha, beta, y + i);
  }
}

// The same for four rows.
template <class D, class T>
HWY_INLINE void four_rows_times(D d, const LastVector<D>& last, Index columns, T alpha, const T* a,
                                const T* x, T beta, T* y) {
  using V = hn::Vec<D>;
  const V zero = hn::Zero(d);
  V s[4] = {zero, zero, zero, zero};
  for (Index j = 0; j < columns - last.count; j += last.lanes) {
    const V v = hn::LoadU(d, x + j);
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) s[r] = hn::MulAdd(hn::LoadU(d, a + r * columns + j), v, s[r]);
  }
  if (last.count > 0) {
    const V v = last.load(x);
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) s[r] = hn::MulAdd(last.load(a + r * columns), v, s[r]);
  }
  HWY_ALIGN T sums[8];
  sums_of_lanes(d, s[0], s[1], s[2], s[3], zero, zero, zero, zero, sums);
  for (int r = 0; r < 4; ++r) {
    y[r] = beta == T{0} ? alpha * sums[r] : alpha * sums[r] + beta * y[r];
  }
}

// y[i] = alpha a[i] . x + beta y[i]: eight rows at a time, which share the loads of x. Vectors of
// 64 bytes are slower: every load of a row that does not begin with a line of the cache reads two.
template <class T>
HWY_INLINE void rows_times(Index rows, Index columns, T alpha, const T* a, const T* x, T beta,
                           T* y) {
  const hn::CappedTag<T, 32 / sizeof(T)> d;
  const LastVector last(d, columns);
  const Index lanes = last.lanes;
  const Index whole = columns - last.count;
  // Cases rather than a fold over them: captured by a lambda, `last` would be read again and again.
  switch (rows < 8 ? 0 : whole / lanes) {
    case 1:
      few_columns_times<1>(d, last, rows, columns, alpha, a, x, beta, y);
      break;
    case 2:
      few_columns_times<2>(d, last, rows, columns, alpha, a, x, beta, y);
      break;
    case 3:
      few_columns_times<3>(d, last, rows, columns, alpha, a, x, beta, y);
      break;
    case 4:
      few_columns_times<4>(d, last, rows, columns, alpha, a, x, beta, y);
      break;
    case 5:
      few_columns_times<5>(d, last, rows, columns, alpha, a, x, beta, y);
      break;
    default:
      many_columns_times(d, last, rows, columns, alpha, a, x, beta, y);
  }
  Index i = rows - rows % 8;
  a += i * columns;
  if (i + 4 <= rows) {
    four_rows_times(d, last, columns, alpha, a, x, beta, y + i);
    i += 4;
    a += 4 * columns;
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

// A vector of which all lanes but the first `seen` are written.
struct AllButFirst {
  Index seen;
  template <class D, class T>
  HWY_INLINE hn::Vec<D> load(D d, const T* p) const {
    return hn::LoadU(d, p);
  }
  template <class V, class D, class T>
  HWY_INLINE void store(V v, D d, T* p) const {
    hn::BlendedStore(v, hn::Not(hn::FirstN(d, static_cast<std::size_t>(seen))), d, p);
  }
};

// y += the sum of `kRows` rows, weighed, for the vector of columns that begins with j: in two
// chains, so that additions do not wait for each other.
template <int kRows, class D, class T, class Access>
HWY_INLINE void add_to_vector(D d, const T* const* rows, const hn::Vec<D>* weights, Index j, T* y,
                              const Access& access) {
  auto even = access.load(d, y + j);
  auto odd = hn::Zero(d);
#pragma GCC unroll 12
  for (int r = 0; r < kRows; r += 2) {
    even = hn::MulAdd(access.load(d, rows[r] + j), weights[r], even);
    if (r + 1 < kRows) odd = hn::MulAdd(access.load(d, rows[r + 1] + j), weights[r + 1], odd);
  }
  access.store(hn::Add(even, odd), d, y + j);
}

// The same for two vectors, which are the two chains here: a line of the cache, if the row begins
// with one.
template <int kRows, class D, class T>
HWY_INLINE void add_to_two(D d, const T* const* rows, const hn::Vec<D>* weights, Index j, T* y) {
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  auto first = hn::LoadU(d, y + j);
  auto second = hn::LoadU(d, y + j + lanes);
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    first = hn::MulAdd(hn::LoadU(d, rows[r] + j), weights[r], first);
    second = hn::MulAdd(hn::LoadU(d, rows[r] + j + lanes), weights[r], second);
  }
  hn::StoreU(first, d, y + j);
  hn::StoreU(second, d, y + j + lanes);
}

// The same for all columns, at least a vector of them, with the weights alpha x; from the last
// column to the first, as the rows are.
template <int kRows, class D, class T>
HWY_INLINE void add_rows(D d, Index columns, Index stride, T alpha, const T* a, const T* x, T* y) {
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const T* rows[kRows];
  hn::Vec<D> weights[kRows];
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    rows[r] = a + r * stride;
    weights[r] = hn::Set(d, alpha * x[r]);
  }
  Index j = columns - columns % lanes;
  if (j < columns) {
    const Index begin = columns - lanes;
    add_to_vector<kRows>(d, rows, weights, begin, y, AllButFirst{j - begin});
  }
  if (j % (2 * lanes) != 0) {
    j -= lanes;
    add_to_vector<kRows>(d, rows, weights, j, y, WholeVector());
  }
  while (j > 0) {
    j -= 2 * lanes;
    add_to_two<kRows>(d, rows, weights, j, y);
  }
}

// y[j] = alpha sum over i of x[i] a[i][j] + beta y[j] for kVectors vectors of columns: the sums
// stay in registers. The last vector begins at column `last` and is written by `access`.
template <int kVectors, class D, class T, class Access>
HWY_INLINE void few_columns_weighed(D d, Index rows, Index columns, T alpha, const T* a, const T* x,
                                    T beta, T* y, Index last, const Access& access) {
  using V = hn::Vec<D>;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  V even[kVectors];
  V odd[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) even[v] = odd[v] = hn::Zero(d);
  const auto add = [&](Index row, V* sums) HWY_ATTR {
    const V weight = hn::Set(d, x[row]);
    const T* const begin = a + row * columns;
#pragma GCC unroll 8
    for (int v = 0; v + 1 < kVectors; ++v) {
      sums[v] = hn::MulAdd(hn::LoadU(d, begin + v * lanes), weight, sums[v]);
    }
    sums[kVectors - 1] = hn::MulAdd(access.load(d, begin + last), weight, sums[kVectors - 1]);
  };
  Index i = rows;
  for (; i >= 2; i -= 2) {
    add(i - 1, odd);
    add(i - 2, even);
  }
  if (i > 0) add(0, even);
  const auto write = [&](int v, T* to, const auto& part) HWY_ATTR {
    V sum = hn::Mul(hn::Add(even[v], odd[v]), hn::Set(d, alpha));
    if (beta != T{0}) sum = hn::MulAdd(hn::Set(d, beta), part.load(d, to), sum);
    part.store(sum, d, to);
  };
#pragma GCC unroll 8
  for (int v = 0; v + 1 < kVectors; ++v) write(v, y + v * lanes, WholeVector());
  write(kVectors - 1, y + last, access);
}

// The same for up to kMost vectors of columns.
template <int kVectors, int kMost, class D, class T>
HWY_INLINE void few_columns_weighed(D d, Index rows, Index columns, T alpha, const T* a, const T* x,
                                    T beta, T* y) {
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  if (columns > kVectors * lanes) {
    if constexpr (kVectors < kMost) {
      few_columns_weighed<kVectors + 1, kMost>(d, rows, columns, alpha, a, x, beta, y);
    }
    return;
  }
  const Index last = columns - lanes;
  const Index seen = kVectors * lanes - columns;
  if (last < 0) {
    if constexpr (kVectors == 1) {
      few_columns_weighed<1>(d, rows, columns, alpha, a, x, beta, y, 0, FirstLanes{columns});
    }
  } else if (seen > 0) {
    few_columns_weighed<kVectors>(d, rows, columns, alpha, a, x, beta, y, last, AllButFirst{seen});
  } else {
    few_columns_weighed<kVectors>(d, rows, columns, alpha, a, x, beta, y, last, WholeVector());
  }
}

// y[j] = alpha sum over i of x[i] a[i][j] + beta y[j]: twelve rows at a time, so that rows are read
// from the first to the last element, and y waits in the first-level cache. Vectors of 32 bytes for
// the reason above. From the last row to the first one: what A x has read last is still in a cache.
template <class T>
HWY_INLINE void rows_weighed(Index rows, Index columns, T alpha, const T* a, const T* x, T beta,
                             T* y) {
  constexpr int kFewVectors = 6;
  constexpr Index kColumns = 1024;
  const hn::CappedTag<T, 32 / sizeof(T)> d;
  if (columns <= kFewVectors * static_cast<Index>(hn::Lanes(d))) {
    return few_columns_weighed<1, kFewVectors>(d, rows, columns, alpha, a, x, beta, y);
  }
  if (beta == T{0}) {
    std::fill_n(y, columns, T{0});
  } else if (beta != T{1}) {
    for (Index j = 0; j < columns; ++j) y[j] *= beta;
  }
  for (Index from = 0; from < columns; from += kColumns) {
    const Index count = std::min(kColumns, columns - from);
    T* const to = y + from;
    const auto add = [&](auto some, Index i) HWY_ATTR {
      constexpr int kRows = decltype(some)::value;
      add_rows<kRows>(d, count, columns, alpha, a + i * columns + from, x + i, to);
    };
    Index i = rows;
    for (; i >= 12; i -= 12) add(std::integral_constant<int, 12>(), i - 12);
    while (i >= 4) {
      i -= 4;
      add(std::integral_constant<int, 4>(), i);
    }
    while (i > 0) add(std::integral_constant<int, 1>(), --i);
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
