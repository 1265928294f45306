// The fused update of Adagrad.

#include <cmath>

#include "kernels.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "adagrad_kernel.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace glissade::optim::kernels::HWY_NAMESPACE {

template <class T>
HWY_INLINE void adagrad_loop(Index n, double lr, double weight_decay, double eps,
                             const T* HWY_RESTRICT g, T* HWY_RESTRICT square_sum,
                             T* HWY_RESTRICT w) {
  const T rate = static_cast<T>(lr);
  const T decay = static_cast<T>(weight_decay);
  const T small = static_cast<T>(eps);
  for (Index i = 0; i < n; ++i) {
    const T gradient = g[i] + decay * w[i];
    const T total = square_sum[i] + gradient * gradient;
    square_sum[i] = total;
    w[i] -= rate * (gradient / (std::sqrt(total) + small));
  }
}

void adagrad_f32(Index n, double lr, double weight_decay, double eps, const float* g,
                 float* square_sum, float* w) {
  adagrad_loop(n, lr, weight_decay, eps, g, square_sum, w);
}
void adagrad_f64(Index n, double lr, double weight_decay, double eps, const double* g,
                 double* square_sum, double* w) {
  adagrad_loop(n, lr, weight_decay, eps, g, square_sum, w);
}

}  // namespace glissade::optim::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade::optim::kernels {

HWY_EXPORT(adagrad_f32);
HWY_EXPORT(adagrad_f64);

template <>
void adagrad(Index n, double lr, double weight_decay, double eps, const float* g, float* square_sum,
             float* w) {
  HWY_DYNAMIC_DISPATCH(adagrad_f32)(n, lr, weight_decay, eps, g, square_sum, w);
}
template <>
void adagrad(Index n, double lr, double weight_decay, double eps, const double* g,
             double* square_sum, double* w) {
  HWY_DYNAMIC_DISPATCH(adagrad_f64)(n, lr, weight_decay, eps, g, square_sum, w);
}

}  // namespace glissade::optim::kernels
#endif
