// The fused updates of gradient descent, plain and with momentum.

#include "kernels.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sgd_kernel.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace glissade::optim::kernels::HWY_NAMESPACE {

template <class T>
HWY_INLINE void sgd_any(Index n, double lr, double weight_decay, const T* HWY_RESTRICT g,
                        T* HWY_RESTRICT w) {
  const T rate = static_cast<T>(lr);
  const T decay = static_cast<T>(weight_decay);
  for (Index i = 0; i < n; ++i) w[i] -= rate * (g[i] + decay * w[i]);
}

template <class T>
HWY_INLINE void momentum_any(Index n, const MomentumFactors& factors, const T* HWY_RESTRICT g,
                             T* HWY_RESTRICT velocity, T* HWY_RESTRICT w) {
  const T rate = static_cast<T>(factors.lr);
  const T decay = static_cast<T>(factors.weight_decay);
  const T keep = static_cast<T>(factors.keep);
  const T add = static_cast<T>(factors.add);
  const T gradient_share = static_cast<T>(factors.gradient_share);
  const T velocity_share = static_cast<T>(factors.velocity_share);
  for (Index i = 0; i < n; ++i) {
    const T gradient = g[i] + decay * w[i];
    const T moved = keep * velocity[i] + add * gradient;
    velocity[i] = moved;
    w[i] -= rate * (gradient_share * gradient + velocity_share * moved);
  }
}

void sgd_f32(Index n, double lr, double weight_decay, const float* g, float* w) {
  sgd_any(n, lr, weight_decay, g, w);
}
void sgd_f64(Index n, double lr, double weight_decay, const double* g, double* w) {
  sgd_any(n, lr, weight_decay, g, w);
}
void momentum_f32(Index n, const MomentumFactors& factors, const float* g, float* velocity,
                  float* w) {
  momentum_any(n, factors, g, velocity, w);
}
void momentum_f64(Index n, const MomentumFactors& factors, const double* g, double* velocity,
                  double* w) {
  momentum_any(n, factors, g, velocity, w);
}

}  // namespace glissade::optim::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade::optim::kernels {

HWY_EXPORT(sgd_f32);
HWY_EXPORT(sgd_f64);
HWY_EXPORT(momentum_f32);
HWY_EXPORT(momentum_f64);

template <>
void sgd(Index n, double lr, double weight_decay, const float* g, float* w) {
  HWY_DYNAMIC_DISPATCH(sgd_f32)(n, lr, weight_decay, g, w);
}
template <>
void sgd(Index n, double lr, double weight_decay, const double* g, double* w) {
  HWY_DYNAMIC_DISPATCH(sgd_f64)(n, lr, weight_decay, g, w);
}
template <>
void sgd_momentum(Index n, const MomentumFactors& factors, const float* g, float* velocity,
                  float* w) {
  HWY_DYNAMIC_DISPATCH(momentum_f32)(n, factors, g, velocity, w);
}
template <>
void sgd_momentum(Index n, const MomentumFactors& factors, const double* g, double* velocity,
                  double* w) {
  HWY_DYNAMIC_DISPATCH(momentum_f64)(n, factors, g, velocity, w);
}

}  // namespace glissade::optim::kernels
#endif
