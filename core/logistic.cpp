#include "glissade/core/logistic.h"

#include "elements.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "logistic.cpp"
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
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + lanes <= n; i += lanes) f(d, WholeVector(), i);
  if (i < n) f(d, FirstLanes{n - i}, i);
}

template <class T>
HWY_INLINE void loss_loop(Index n, const T* x, const T* t, T* exps, T* losses) {
  for_vectors<T>(n, [=](auto d, const auto& access, Index i) HWY_ATTR {
    const auto logit = access.load(d, x + i);
    const auto e = exp_minus_abs(d, logit);
    // log(1 + e^-|x|) + (1 - t) x for positive logits, log(1 + e^-|x|) - t x for others
    const auto positive = hn::IfThenElseZero(hn::Gt(logit, hn::Zero(d)), hn::Set(d, T{1}));
    const auto factor = hn::Sub(positive, access.load(d, t + i));
    access.store(e, d, exps + i);
    access.store(hn::MulAdd(factor, logit, log1p_of_at_most_1(d, e)), d, losses + i);
  });
}
void LossFloat(Index n, const float* x, const float* t, float* exps, float* losses) {
  loss_loop(n, x, t, exps, losses);
}
void LossDouble(Index n, const double* x, const double* t, double* exps, double* losses) {
  loss_loop(n, x, t, exps, losses);
}

template <class T>
HWY_INLINE void slope_loop(Index n, const T* x, const T* t, const T* exps, T scale, T beta,
                           T* out) {
  for_vectors<T>(n, [=](auto d, const auto& access, Index i) HWY_ATTR {
    const auto sigmoid = sigmoid_from(d, access.load(d, x + i), access.load(d, exps + i));
    auto slope = hn::Mul(hn::Set(d, scale), hn::Sub(sigmoid, access.load(d, t + i)));
    if (beta != T{0}) slope = hn::MulAdd(hn::Set(d, beta), access.load(d, out + i), slope);
    access.store(slope, d, out + i);
  });
}
void SlopeFloat(Index n, const float* x, const float* t, const float* exps, float scale, float beta,
                float* out) {
  slope_loop(n, x, t, exps, scale, beta, out);
}
void SlopeDouble(Index n, const double* x, const double* t, const double* exps, double scale,
                 double beta, double* out) {
  slope_loop(n, x, t, exps, scale, beta, out);
}

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade {
namespace {
HWY_EXPORT(LossFloat);
HWY_EXPORT(LossDouble);
HWY_EXPORT(SlopeFloat);
HWY_EXPORT(SlopeDouble);
}  // namespace

namespace kernels {

template <>
void logistic_loss(Index n, const float* x, const float* t, float* exps, float* losses) {
  for_elements(n, kFunctionGrain, [=](Index from, Index to) {
    GLISSADE_DISPATCH(LossFloat)(to - from, x + from, t + from, exps + from, losses + from);
  });
}
template <>
void logistic_loss(Index n, const double* x, const double* t, double* exps, double* losses) {
  for_elements(n, kFunctionGrain, [=](Index from, Index to) {
    GLISSADE_DISPATCH(LossDouble)(to - from, x + from, t + from, exps + from, losses + from);
  });
}

template <>
void logistic_slope(Index n, const float* x, const float* t, const float* exps, float scale,
                    float beta, float* out) {
  for_elements(n, kSimpleGrain, [=](Index i, Index to) {
    GLISSADE_DISPATCH(SlopeFloat)(to - i, x + i, t + i, exps + i, scale, beta, out + i);
  });
}
template <>
void logistic_slope(Index n, const double* x, const double* t, const double* exps, double scale,
                    double beta, double* out) {
  for_elements(n, kSimpleGrain, [=](Index i, Index to) {
    GLISSADE_DISPATCH(SlopeDouble)(to - i, x + i, t + i, exps + i, scale, beta, out + i);
  });
}

}  // namespace kernels
}  // namespace glissade
#endif  // HWY_ONCE
