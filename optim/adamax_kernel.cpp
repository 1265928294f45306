// The fused update of Adamax.

#include <cmath>

#include "kernels.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "adamax_kernel.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace glissade::optim::kernels::HWY_NAMESPACE {

template <class T>
HWY_INLINE void adamax_loop(Index n, const AdamaxFactors& factors, const T* HWY_RESTRICT g,
                            T* HWY_RESTRICT mean, T* HWY_RESTRICT largest, T* HWY_RESTRICT w) {
  const T step_size = static_cast<T>(factors.step_size);
  const T add = static_cast<T>(1.0 - factors.beta1);
  const T fade = static_cast<T>(factors.beta2);
  const T eps = static_cast<T>(factors.eps);
  const T decay = static_cast<T>(factors.weight_decay);
  for (Index i = 0; i < n; ++i) {
    const T gradient = g[i] + decay * w[i];
    const T average = mean[i] + add * (gradient - mean[i]);
    mean[i] = average;
    const T before = fade * largest[i];
    const T now = std::abs(gradient) + eps;
    const T bound = before > now ? before : now;
    largest[i] = bound;
    w[i] -= step_size * (average / bound);
  }
}

void adamax_f32(Index n, const AdamaxFactors& factors, const float* g, float* mean, float* largest,
                float* w) {
  adamax_loop(n, factors, g, mean, largest, w);
}
void adamax_f64(Index n, const AdamaxFactors& factors, const double* g, double* mean,
                double* largest, double* w) {
  adamax_loop(n, factors, g, mean, largest, w);
}

}  // namespace glissade::optim::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade::optim::kernels {

HWY_EXPORT(adamax_f32);
HWY_EXPORT(adamax_f64);

template <>
void adamax(Index n, const AdamaxFactors& factors, const float* g, float* mean, float* largest,
            float* w) {
  HWY_DYNAMIC_DISPATCH(adamax_f32)(n, factors, g, mean, largest, w);
}
template <>
void adamax(Index n, const AdamaxFactors& factors, const double* g, double* mean, double* largest,
            double* w) {
  HWY_DYNAMIC_DISPATCH(adamax_f64)(n, factors, g, mean, largest, w);
}

}  // namespace glissade::optim::kernels
#endif
