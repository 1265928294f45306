// The fused update of Adadelta.

#include <cmath>

#include "kernels.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "adadelta_kernel.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace glissade::optim::kernels::HWY_NAMESPACE {

template <class T>
HWY_INLINE void adadelta_loop(Index n, const AdadeltaFactors& factors, const T* HWY_RESTRICT g,
                              T* HWY_RESTRICT square_mean, T* HWY_RESTRICT change_mean,
                              T* HWY_RESTRICT w) {
  const T rate = static_cast<T>(factors.lr);
  const T decay = static_cast<T>(factors.weight_decay);
  const T keep = static_cast<T>(factors.rho);
  const T add = static_cast<T>(1.0 - factors.rho);
  const T eps = static_cast<T>(factors.eps);
  for (Index i = 0; i < n; ++i) {
    const T gradient = g[i] + decay * w[i];
    const T square = keep * square_mean[i] + add * (gradient * gradient);
    square_mean[i] = square;
    const T change = std::sqrt(change_mean[i] + eps) / std::sqrt(square + eps) * gradient;
    change_mean[i] = keep * change_mean[i] + add * (change * change);
    w[i] -= rate * change;
  }
}

void adadelta_f32(Index n, const AdadeltaFactors& factors, const float* g, float* square_mean,
                  float* change_mean, float* w) {
  adadelta_loop(n, factors, g, square_mean, change_mean, w);
}
void adadelta_f64(Index n, const AdadeltaFactors& factors, const double* g, double* square_mean,
                  double* change_mean, double* w) {
  adadelta_loop(n, factors, g, square_mean, change_mean, w);
}

}  // namespace glissade::optim::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade::optim::kernels {

HWY_EXPORT(adadelta_f32);
HWY_EXPORT(adadelta_f64);

template <>
void adadelta(Index n, const AdadeltaFactors& factors, const float* g, float* square_mean,
              float* change_mean, float* w) {
  HWY_DYNAMIC_DISPATCH(adadelta_f32)(n, factors, g, square_mean, change_mean, w);
}
template <>
void adadelta(Index n, const AdadeltaFactors& factors, const double* g, double* square_mean,
              double* change_mean, double* w) {
  HWY_DYNAMIC_DISPATCH(adadelta_f64)(n, factors, g, square_mean, change_mean, w);
}

}  // namespace glissade::optim::kernels
#endif
