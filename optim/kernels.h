#pragma once

// The fused updates of the optimizers: one pass over parameters, gradients and state, for each
// instruction set. Private to optim.
//
// Arrays have n elements and do not overlap. All factors that depend on the step alone are computed
// by the caller in double; the element-wise arithmetic is in T. T is float or double.

#include "glissade/core/shape.h"

namespace glissade::optim::kernels {

/// g' = g + weight_decay w;  w <- w - lr g'.
template <class T>
void sgd(Index n, double lr, double weight_decay, const T* g, T* w);

struct MomentumFactors {
  double lr;
  double weight_decay;
  double keep;            ///< of the velocity
  double add;             ///< of the gradient, to the velocity
  double gradient_share;  ///< of the gradient in the step
  double velocity_share;  ///< of the velocity in the step
};
/// g' = g + weight_decay w;  v <- keep v + add g';
/// w <- w - lr (gradient_share g' + velocity_share v).
template <class T>
void sgd_momentum(Index n, const MomentumFactors& factors, const T* g, T* velocity, T* w);

struct RMSpropFactors {
  double lr;
  double weight_decay;
  double alpha;
  double eps;
  double momentum;
};
/// g' = g + weight_decay w;  s <- alpha s + (1 - alpha) g'^2;  d = sqrt(s) + eps;
/// with a `mean`: a <- a + (1 - alpha) (g' - a), d = sqrt(max(s - a^2, 0)) + eps;
/// w <- w - lr g' / d, or with a `velocity`: b <- momentum b + g' / d, w <- w - lr b.
/// `mean` and `velocity` may be null.
template <class T>
void rmsprop(Index n, const RMSpropFactors& factors, const T* g, T* square_mean, T* mean,
             T* velocity, T* w);

/// g' = g + weight_decay w;  s <- s + g'^2;  w <- w - lr g' / (sqrt(s) + eps).
template <class T>
void adagrad(Index n, double lr, double weight_decay, double eps, const T* g, T* square_sum, T* w);

struct AdadeltaFactors {
  double lr;
  double weight_decay;
  double rho;
  double eps;
};
/// g' = g + weight_decay w;  s <- rho s + (1 - rho) g'^2;  c = g' sqrt(d + eps) / sqrt(s + eps);
/// d <- rho d + (1 - rho) c^2;  w <- w - lr c.
template <class T>
void adadelta(Index n, const AdadeltaFactors& factors, const T* g, T* square_mean, T* change_mean,
              T* w);

struct AdamaxFactors {
  double step_size;  ///< lr / (1 - beta1^t)
  double beta1;
  double beta2;
  double eps;
  double weight_decay;
};
/// g' = g + weight_decay w;  m <- m + (1 - beta1) (g' - m);  u <- max(beta2 u, |g'| + eps);
/// w <- w - step_size m / u.
template <class T>
void adamax(Index n, const AdamaxFactors& factors, const T* g, T* mean, T* largest, T* w);

struct AdamFactors {
  double step_size;  ///< lr / (1 - beta1^t)
  double beta1;
  double beta2;
  double inverse_root;  ///< 1 / sqrt(1 - beta2^t)
  double eps;
  double weight_decay;  ///< times the parameter, added to the gradient (Adam)
  double shrink;        ///< factor of the parameters before the step (AdamW: 1 - lr weight_decay)
  double gradient_step = 0.0;  ///< of the gradient itself in the step (NAdam)
};
/// w' = shrink w;  g' = g + weight_decay w';  m <- m + (1 - beta1) (g' - m);
/// v <- beta2 v + (1 - beta2) g'^2;  u = v, or with a `peak`: u = peak <- max(peak, v);
/// w <- w' - (step_size m + gradient_step g') / (sqrt(u) inverse_root + eps). `peak` may be null;
/// with a peak, gradient_step is taken as 0.
template <class T>
void adam(Index n, const AdamFactors& factors, const T* g, T* m, T* v, T* peak, T* w);

}  // namespace glissade::optim::kernels
