#include "gemv.h"

#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gemv.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {

// y[i] = alpha a[i] . x + beta y[i]: four rows at a time, which share the loads of x.
template <class T>
HWY_INLINE void rows_times(Index rows, Index columns, T alpha, const T* a, const T* x, T beta,
                           T* y) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const Index whole = columns - columns % lanes;
  const Index rest = columns - whole;
  const auto put = [&](Index i, auto sums) HWY_ATTR {
    const T value = alpha * hn::GetLane(hn::SumOfLanes(d, sums));
    y[i] = beta == T{0} ? value : value + beta * y[i];
  };
  Index i = 0;
  for (; i + 4 <= rows; i += 4, a += 4 * columns) {
    auto s0 = hn::Zero(d);
    auto s1 = s0;
    auto s2 = s0;
    auto s3 = s0;
    for (Index j = 0; j < whole; j += lanes) {
      const auto v = hn::LoadU(d, x + j);
      s0 = hn::MulAdd(hn::LoadU(d, a + j), v, s0);
      s1 = hn::MulAdd(hn::LoadU(d, a + columns + j), v, s1);
      s2 = hn::MulAdd(hn::LoadU(d, a + 2 * columns + j), v, s2);
      s3 = hn::MulAdd(hn::LoadU(d, a + 3 * columns + j), v, s3);
    }
    if (whole < columns) {
      const auto v = load_first(d, x + whole, rest);
      s0 = hn::MulAdd(load_first(d, a + whole, rest), v, s0);
      s1 = hn::MulAdd(load_first(d, a + columns + whole, rest), v, s1);
      s2 = hn::MulAdd(load_first(d, a + 2 * columns + whole, rest), v, s2);
      s3 = hn::MulAdd(load_first(d, a + 3 * columns + whole, rest), v, s3);
    }
    put(i, s0);
    put(i + 1, s1);
    put(i + 2, s2);
    put(i + 3, s3);
  }
  for (; i < rows; ++i, a += columns) {
    auto s = hn::Zero(d);
    for (Index j = 0; j < whole; j += lanes) {
      s = hn::MulAdd(hn::LoadU(d, a + j), hn::LoadU(d, x + j), s);
    }
    if (whole < columns) {
      s = hn::MulAdd(load_first(d, a + whole, rest), load_first(d, x + whole, rest), s);
    }
    put(i, s);
  }
}

// y[j] = alpha sum over i of x[i] a[i][j] + beta y[j]: the sums of two vectors of columns stay in
// registers while all rows pass, four rows at a time so that additions do not wait for each other.
template <class T>
HWY_INLINE void rows_weighed(Index rows, Index columns, T alpha, const T* a, const T* x, T beta,
                             T* y) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const auto factor = hn::Set(d, alpha);
  Index j = 0;
  for (; j + 2 * lanes <= columns; j += 2 * lanes) {
    auto p0 = hn::Zero(d);
    auto p1 = p0;
    auto p2 = p0;
    auto p3 = p0;
    auto q0 = p0;
    auto q1 = p0;
    auto q2 = p0;
    auto q3 = p0;
    const T* row = a + j;
    Index i = 0;
    for (; i + 4 <= rows; i += 4, row += 4 * columns) {
      const auto x0 = hn::Set(d, x[i]);
      const auto x1 = hn::Set(d, x[i + 1]);
      const auto x2 = hn::Set(d, x[i + 2]);
      const auto x3 = hn::Set(d, x[i + 3]);
      p0 = hn::MulAdd(hn::LoadU(d, row), x0, p0);
      q0 = hn::MulAdd(hn::LoadU(d, row + lanes), x0, q0);
      p1 = hn::MulAdd(hn::LoadU(d, row + columns), x1, p1);
      q1 = hn::MulAdd(hn::LoadU(d, row + columns + lanes), x1, q1);
      p2 = hn::MulAdd(hn::LoadU(d, row + 2 * columns), x2, p2);
      q2 = hn::MulAdd(hn::LoadU(d, row + 2 * columns + lanes), x2, q2);
      p3 = hn::MulAdd(hn::LoadU(d, row + 3 * columns), x3, p3);
      q3 = hn::MulAdd(hn::LoadU(d, row + 3 * columns + lanes), x3, q3);
    }
    for (; i < rows; ++i, row += columns) {
      const auto x0 = hn::Set(d, x[i]);
      p0 = hn::MulAdd(hn::LoadU(d, row), x0, p0);
      q0 = hn::MulAdd(hn::LoadU(d, row + lanes), x0, q0);
    }
    auto p = hn::Mul(factor, hn::Add(hn::Add(p0, p1), hn::Add(p2, p3)));
    auto q = hn::Mul(factor, hn::Add(hn::Add(q0, q1), hn::Add(q2, q3)));
    if (beta != T{0}) {
      p = hn::MulAdd(hn::Set(d, beta), hn::LoadU(d, y + j), p);
      q = hn::MulAdd(hn::Set(d, beta), hn::LoadU(d, y + j + lanes), q);
    }
    hn::StoreU(p, d, y + j);
    hn::StoreU(q, d, y + j + lanes);
  }
  // What is left, less than two vectors: one after the other, the last one in part.
  for (; j < columns; j += lanes) {
    const Index rest = std::min(lanes, columns - j);
    auto p0 = hn::Zero(d);
    auto p1 = p0;
    auto p2 = p0;
    auto p3 = p0;
    const T* row = a + j;
    Index i = 0;
    for (; i + 4 <= rows; i += 4, row += 4 * columns) {
      p0 = hn::MulAdd(load_first(d, row, rest), hn::Set(d, x[i]), p0);
      p1 = hn::MulAdd(load_first(d, row + columns, rest), hn::Set(d, x[i + 1]), p1);
      p2 = hn::MulAdd(load_first(d, row + 2 * columns, rest), hn::Set(d, x[i + 2]), p2);
      p3 = hn::MulAdd(load_first(d, row + 3 * columns, rest), hn::Set(d, x[i + 3]), p3);
    }
    for (; i < rows; ++i, row += columns) {
      p0 = hn::MulAdd(load_first(d, row, rest), hn::Set(d, x[i]), p0);
    }
    auto p = hn::Mul(factor, hn::Add(hn::Add(p0, p1), hn::Add(p2, p3)));
    if (beta != T{0}) p = hn::MulAdd(hn::Set(d, beta), load_first(d, y + j, rest), p);
    store_first(p, d, y + j, rest);
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
  HWY_DYNAMIC_DISPATCH(GemvFloat)(transposed, rows, columns, alpha, a, x, beta, y);
}
template <>
void gemv(bool transposed, Index rows, Index columns, double alpha, const double* a,
          const double* x, double beta, double* y) {
  HWY_DYNAMIC_DISPATCH(GemvDouble)(transposed, rows, columns, alpha, a, x, beta, y);
}

}  // namespace kernels
}  // namespace glissade
#endif  // HWY_ONCE
