// The fused update of Adam and AdamW.

#include <algorithm>
#include <cmath>

#include "kernels.h"
#include "prefetch.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "adam_kernel.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace glissade::optim::kernels::HWY_NAMESPACE {

template <bool kPeak, bool kGradient, class T>
void adam_loop(Index n, const AdamFactors& factors, const T* HWY_RESTRICT g, T* HWY_RESTRICT m,
               T* HWY_RESTRICT v, T* HWY_RESTRICT peak, T* HWY_RESTRICT w) {
  const T step_size = static_cast<T>(factors.step_size);
  const T add1 = static_cast<T>(1.0 - factors.beta1);
  const T beta2 = static_cast<T>(factors.beta2);
  const T add2 = static_cast<T>(1.0 - factors.beta2);
  const T inverse_root = static_cast<T>(factors.inverse_root);
  const T eps = static_cast<T>(factors.eps);
  const T weight_decay = static_cast<T>(factors.weight_decay);
  const T shrink = static_cast<T>(factors.shrink);
  const T gradient_step = static_cast<T>(factors.gradient_step);
  for (Index begin = 0; begin < n; begin += kBlock<T>) {
    const Index end = std::min(begin + kBlock<T>, n);
    prefetch_ahead(g, begin, n);
    prefetch_ahead(m, begin, n);
    prefetch_ahead(v, begin, n);
    prefetch_ahead(w, begin, n);
    for (Index i = begin; i < end; ++i) {
      const T weight = shrink * w[i];
      const T gradient = g[i] + weight_decay * weight;
      const T mean = m[i] + add1 * (gradient - m[i]);
      const T square = beta2 * v[i] + add2 * (gradient * gradient);
      m[i] = mean;
      v[i] = square;
      T bound = square;
      if constexpr (kPeak) {
        bound = square > peak[i] ? square : peak[i];
        peak[i] = bound;
      }
      const T divisor = std::sqrt(bound) * inverse_root + eps;
      T next = weight - step_size * (mean / divisor);
      if constexpr (kGradient) next -= gradient_step * (gradient / divisor);
      w[i] = next;
    }
  }
}

template <class T>
HWY_INLINE void adam_any(Index n, const AdamFactors& factors, const T* g, T* m, T* v, T* peak,
                         T* w) {
  if (peak != nullptr) {
    adam_loop<true, false>(n, factors, g, m, v, peak, w);
  } else if (factors.gradient_step != 0.0) {
    adam_loop<false, true>(n, factors, g, m, v, peak, w);
  } else {
    adam_loop<false, false>(n, factors, g, m, v, peak, w);
  }
}

void adam_f32(Index n, const AdamFactors& factors, const float* g, float* m, float* v, float* peak,
              float* w) {
  adam_any(n, factors, g, m, v, peak, w);
}
void adam_f64(Index n, const AdamFactors& factors, const double* g, double* m, double* v,
              double* peak, double* w) {
  adam_any(n, factors, g, m, v, peak, w);
}

}  // namespace glissade::optim::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade::optim::kernels {

HWY_EXPORT(adam_f32);
HWY_EXPORT(adam_f64);

template <>
void adam(Index n, const AdamFactors& factors, const float* g, float* m, float* v, float* peak,
          float* w) {
  HWY_DYNAMIC_DISPATCH(adam_f32)(n, factors, g, m, v, peak, w);
}
template <>
void adam(Index n, const AdamFactors& factors, const double* g, double* m, double* v, double* peak,
          double* w) {
  HWY_DYNAMIC_DISPATCH(adam_f64)(n, factors, g, m, v, peak, w);
}

}  // namespace glissade::optim::kernels
#endif
