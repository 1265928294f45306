// The fused update of RMSprop.

#include <cmath>

#include "kernels.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rmsprop_kernel.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace glissade::optim::kernels::HWY_NAMESPACE {

template <bool kCentred, bool kMomentum, class T>
void rmsprop_loop(Index n, const RMSpropFactors& factors, const T* HWY_RESTRICT g,
                  T* HWY_RESTRICT square_mean, T* HWY_RESTRICT mean, T* HWY_RESTRICT velocity,
                  T* HWY_RESTRICT w) {
  const T rate = static_cast<T>(factors.lr);
  const T decay = static_cast<T>(factors.weight_decay);
  const T keep = static_cast<T>(factors.alpha);
  const T add = static_cast<T>(1.0 - factors.alpha);
  const T eps = static_cast<T>(factors.eps);
  const T momentum = static_cast<T>(factors.momentum);
  for (Index i = 0; i < n; ++i) {
    const T gradient = g[i] + decay * w[i];
    T variance = keep * square_mean[i] + add * (gradient * gradient);
    square_mean[i] = variance;
    if constexpr (kCentred) {
      const T average = mean[i] + add * (gradient - mean[i]);
      mean[i] = average;
      // Rounding can leave a small negative number where the gradient hardly changes.
      variance -= average * average;
      variance = variance < T{0} ? T{0} : variance;
    }
    T change = gradient / (std::sqrt(variance) + eps);
    if constexpr (kMomentum) {
      change += momentum * velocity[i];
      velocity[i] = change;
    }
    w[i] -= rate * change;
  }
}

template <class T>
HWY_INLINE void rmsprop_any(Index n, const RMSpropFactors& factors, const T* g, T* square_mean,
                            T* mean, T* velocity, T* w) {
  if (mean != nullptr && velocity != nullptr) {
    rmsprop_loop<true, true>(n, factors, g, square_mean, mean, velocity, w);
  } else if (mean != nullptr) {
    rmsprop_loop<true, false>(n, factors, g, square_mean, mean, velocity, w);
  } else if (velocity != nullptr) {
    rmsprop_loop<false, true>(n, factors, g, square_mean, mean, velocity, w);
  } else {
    rmsprop_loop<false, false>(n, factors, g, square_mean, mean, velocity, w);
  }
}

void rmsprop_f32(Index n, const RMSpropFactors& factors, const float* g, float* square_mean,
                 float* mean, float* velocity, float* w) {
  rmsprop_any(n, factors, g, square_mean, mean, velocity, w);
}
void rmsprop_f64(Index n, const RMSpropFactors& factors, const double* g, double* square_mean,
                 double* mean, double* velocity, double* w) {
  rmsprop_any(n, factors, g, square_mean, mean, velocity, w);
}

}  // namespace glissade::optim::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade::optim::kernels {

HWY_EXPORT(rmsprop_f32);
HWY_EXPORT(rmsprop_f64);

template <>
void rmsprop(Index n, const RMSpropFactors& factors, const float* g, float* square_mean,
             float* mean, float* velocity, float* w) {
  HWY_DYNAMIC_DISPATCH(rmsprop_f32)(n, factors, g, square_mean, mean, velocity, w);
}
template <>
void rmsprop(Index n, const RMSpropFactors& factors, const double* g, double* square_mean,
             double* mean, double* velocity, double* w) {
  HWY_DYNAMIC_DISPATCH(rmsprop_f64)(n, factors, g, square_mean, mean, velocity, w);
}

}  // namespace glissade::optim::kernels
#endif
