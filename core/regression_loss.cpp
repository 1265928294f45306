#include "glissade/core/regression_loss.h"

#include "elements.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "regression_loss.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "dispatch.h"
#include "math-inl.h"
#include "simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {

// Calls f(d, access, i) for a vector of the elements i and on, which `access` reads and writes.
template <class T, class F>
HWY_INLINE void for_vectors(Index n, const F& f) {
  const NarrowTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + lanes <= n; i += lanes) f(d, WholeVector(), i);
  if (i < n) f(d, FirstLanes{n - i}, i);
}

template <class T>
HWY_INLINE void loss_loop(Index n, const T* x, const T* t, T* tails, T* losses) {
  for_vectors<T>(n, [=](auto d, const auto& access, Index i) HWY_ATTR {
    const auto logit = access.load(d, x + i);
    const auto e = exp_minus_abs(d, logit);
    // One division for e / (1 + e), the tail, and e / (2 + e), of which the logarithm is made.
    const auto one = hn::Set(d, T{1});
    const auto one_more = hn::Add(one, e);
    const auto two_more = hn::Add(hn::Set(d, T{2}), e);
    const auto part = hn::Div(e, hn::Mul(one_more, two_more));
    access.store(hn::Mul(part, two_more), d, tails + i);
    const auto logarithm = log1p_from(d, e, hn::Mul(part, one_more));
    // log(1 + e^-|x|) + (1 - t) x for positive logits, log(1 + e^-|x|) - t x for others
    const auto positive = hn::IfThenElseZero(hn::Gt(logit, hn::Zero(d)), one);
    const auto factor = hn::Sub(positive, access.load(d, t + i));
    access.store(hn::MulAdd(factor, logit, logarithm), d, losses + i);
  });
}
void LossFloat(Index n, const float* x, const float* t, float* tails, float* losses) {
  loss_loop(n, x, t, tails, losses);
}
void LossDouble(Index n, const double* x, const double* t, double* tails, double* losses) {
  loss_loop(n, x, t, tails, losses);
}

template <class T>
HWY_INLINE void slope_loop(Index n, const T* x, const T* t, T scale, T* tails) {
  for_vectors<T>(n, [=](auto d, const auto& access, Index i) HWY_ATTR {
    const auto tail = access.load(d, tails + i);
    const auto target = access.load(d, t + i);
    // (1 - t) - tail for positive logits, where the sigmoid would lose the tail's digits beside 1
    const auto above = hn::Sub(hn::Sub(hn::Set(d, T{1}), target), tail);
    const auto positive = hn::Gt(access.load(d, x + i), hn::Zero(d));
    const auto difference = hn::IfThenElse(positive, above, hn::Sub(tail, target));
    access.store(hn::Mul(hn::Set(d, scale), difference), d, tails + i);
  });
}
void SlopeFloat(Index n, const float* x, const float* t, float scale, float* tails) {
  slope_loop(n, x, t, scale, tails);
}
void SlopeDouble(Index n, const double* x, const double* t, double scale, double* tails) {
  slope_loop(n, x, t, scale, tails);
}

template <class T>
HWY_INLINE void scale_loop(Index n, T factor, T* x) {
  for_vectors<T>(n, [=](auto d, const auto& access, Index i) HWY_ATTR {
    access.store(hn::Mul(access.load(d, x + i), hn::Set(d, factor)), d, x + i);
  });
}
void ScaleFloat(Index n, float factor, float* x) { scale_loop(n, factor, x); }
void ScaleDouble(Index n, double factor, double* x) { scale_loop(n, factor, x); }

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade {
namespace {
HWY_EXPORT(LossFloat);
HWY_EXPORT(LossDouble);
HWY_EXPORT(SlopeFloat);
HWY_EXPORT(SlopeDouble);
HWY_EXPORT(ScaleFloat);
HWY_EXPORT(ScaleDouble);
}  // namespace

namespace kernels {
namespace {

// Where the call would cost more than the work.
template <class T>
void scale_few(Index n, T factor, T* x) {
  for (Index i = 0; i < n; ++i) x[i] *= factor;
}

}  // namespace

template <>
void logistic_loss(Index n, const float* x, const float* t, float* tails, float* losses) {
  for_elements(n, kFunctionGrain, [=](Index from, Index to) {
    GLISSADE_DISPATCH(LossFloat)(to - from, x + from, t + from, tails + from, losses + from);
  });
}
template <>
void logistic_loss(Index n, const double* x, const double* t, double* tails, double* losses) {
  for_elements(n, kFunctionGrain, [=](Index from, Index to) {
    GLISSADE_DISPATCH(LossDouble)(to - from, x + from, t + from, tails + from, losses + from);
  });
}

template <>
void logistic_slope(Index n, const float* x, const float* t, float scale, float* tails) {
  for_elements(n, kSimpleGrain, [=](Index from, Index to) {
    GLISSADE_DISPATCH(SlopeFloat)(to - from, x + from, t + from, scale, tails + from);
  });
}
template <>
void logistic_slope(Index n, const double* x, const double* t, double scale, double* tails) {
  for_elements(n, kSimpleGrain, [=](Index from, Index to) {
    GLISSADE_DISPATCH(SlopeDouble)(to - from, x + from, t + from, scale, tails + from);
  });
}

template <>
void scale_slope(Index n, float factor, float* x) {
  if (n <= kFew) return scale_few(n, factor, x);
  for_elements(n, kSimpleGrain, [=](Index from, Index to) {
    GLISSADE_DISPATCH(ScaleFloat)(to - from, factor, x + from);
  });
}
template <>
void scale_slope(Index n, double factor, double* x) {
  if (n <= kFew) return scale_few(n, factor, x);
  for_elements(n, kSimpleGrain, [=](Index from, Index to) {
    GLISSADE_DISPATCH(ScaleDouble)(to - from, factor, x + from);
  });
}

}  // namespace kernels
}  // namespace glissade
#endif  // HWY_ONCE
