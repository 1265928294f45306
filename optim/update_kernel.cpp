// The fused updates of all optimizers.

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels.h"
#include "prefetch.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "update_kernel.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "dispatch.h"
#include "simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glissade::optim::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using glissade::HWY_NAMESPACE::load_first;
using glissade::HWY_NAMESPACE::map2;
using glissade::HWY_NAMESPACE::store_first;

// The loops but those of SGD and Adam are left to the compiler, which makes vectors of them because
// their arrays do not overlap. It forgets that of functions that it inlines (g++ 12: Adam was 4
// times slower).

template <class T>
HWY_INLINE void sgd_loop(const SGDFactors& factors, Index n, const T* g, T* w) {
  const T rate = static_cast<T>(factors.lr);
  const T sign = static_cast<T>(factors.sign);
  const T decay = static_cast<T>(factors.weight_decay);
  map2(n, w, 1, g, 1, w, [rate, sign, decay](auto d, auto weight, auto gradient) HWY_ATTR {
    const auto sum = hn::MulAdd(hn::Set(d, decay), weight, hn::Mul(hn::Set(d, sign), gradient));
    return hn::NegMulAdd(hn::Set(d, rate), sum, weight);
  });
}

template <class T>
HWY_NOINLINE void momentum_loop(const MomentumFactors& factors, Index n, const T* HWY_RESTRICT g,
                                T* HWY_RESTRICT velocity, T* HWY_RESTRICT w) {
  const T rate = static_cast<T>(factors.lr);
  const T sign = static_cast<T>(factors.sign);
  const T decay = static_cast<T>(factors.weight_decay);
  const T keep = static_cast<T>(factors.keep);
  const T add = static_cast<T>(factors.add);
  const T gradient_share = static_cast<T>(factors.gradient_share);
  const T velocity_share = static_cast<T>(factors.velocity_share);
  for (Index i = 0; i < n; ++i) {
    const T gradient = sign * g[i] + decay * w[i];
    const T moved = keep * velocity[i] + add * gradient;
    velocity[i] = moved;
    w[i] -= rate * (gradient_share * gradient + velocity_share * moved);
  }
}

template <bool kCentred, bool kMomentum, class T>
HWY_NOINLINE void rmsprop_loop(const RMSpropFactors& factors, Index n, const T* HWY_RESTRICT g,
                               T* HWY_RESTRICT square_mean, T* HWY_RESTRICT mean,
                               T* HWY_RESTRICT velocity, T* HWY_RESTRICT w) {
  const T rate = static_cast<T>(factors.lr);
  const T sign = static_cast<T>(factors.sign);
  const T decay = static_cast<T>(factors.weight_decay);
  const T keep = static_cast<T>(factors.alpha);
  const T add = static_cast<T>(1.0 - factors.alpha);
  const T eps = static_cast<T>(factors.eps);
  const T momentum = static_cast<T>(factors.momentum);
  for (Index i = 0; i < n; ++i) {
    const T gradient = sign * g[i] + decay * w[i];
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
HWY_INLINE void rmsprop_any(const RMSpropFactors& factors, const Arrays<T>& a) {
  const auto [square_mean, mean, velocity] = a.state;
  if (mean != nullptr && velocity != nullptr) {
    rmsprop_loop<true, true>(factors, a.n, a.g, square_mean, mean, velocity, a.w);
  } else if (mean != nullptr) {
    rmsprop_loop<true, false>(factors, a.n, a.g, square_mean, mean, velocity, a.w);
  } else if (velocity != nullptr) {
    rmsprop_loop<false, true>(factors, a.n, a.g, square_mean, mean, velocity, a.w);
  } else {
    rmsprop_loop<false, false>(factors, a.n, a.g, square_mean, mean, velocity, a.w);
  }
}

template <class T>
HWY_NOINLINE void adagrad_loop(const AdagradFactors& factors, Index n, const T* HWY_RESTRICT g,
                               T* HWY_RESTRICT square_sum, T* HWY_RESTRICT w) {
  const T rate = static_cast<T>(factors.lr);
  const T sign = static_cast<T>(factors.sign);
  const T decay = static_cast<T>(factors.weight_decay);
  const T eps = static_cast<T>(factors.eps);
  for (Index i = 0; i < n; ++i) {
    const T gradient = sign * g[i] + decay * w[i];
    const T total = square_sum[i] + gradient * gradient;
    square_sum[i] = total;
    w[i] -= rate * (gradient / (std::sqrt(total) + eps));
  }
}

template <class T>
HWY_NOINLINE void adadelta_loop(const AdadeltaFactors& factors, Index n, const T* HWY_RESTRICT g,
                                T* HWY_RESTRICT square_mean, T* HWY_RESTRICT change_mean,
                                T* HWY_RESTRICT w) {
  const T rate = static_cast<T>(factors.lr);
  const T sign = static_cast<T>(factors.sign);
  const T decay = static_cast<T>(factors.weight_decay);
  const T keep = static_cast<T>(factors.rho);
  const T add = static_cast<T>(1.0 - factors.rho);
  const T eps = static_cast<T>(factors.eps);
  for (Index i = 0; i < n; ++i) {
    const T gradient = sign * g[i] + decay * w[i];
    const T square = keep * square_mean[i] + add * (gradient * gradient);
    square_mean[i] = square;
    const T change = std::sqrt(change_mean[i] + eps) / std::sqrt(square + eps) * gradient;
    change_mean[i] = keep * change_mean[i] + add * (change * change);
    w[i] -= rate * change;
  }
}

template <class T>
HWY_NOINLINE void adamax_loop(const AdamaxFactors& factors, Index n, const T* HWY_RESTRICT g,
                              T* HWY_RESTRICT mean, T* HWY_RESTRICT largest, T* HWY_RESTRICT w) {
  const T step_size = static_cast<T>(factors.step_size);
  const T sign = static_cast<T>(factors.sign);
  const T decay = static_cast<T>(factors.weight_decay);
  const T add = static_cast<T>(1.0 - factors.beta1);
  const T fade = static_cast<T>(factors.beta2);
  const T eps = static_cast<T>(factors.eps);
  for (Index i = 0; i < n; ++i) {
    const T gradient = sign * g[i] + decay * w[i];
    const T average = mean[i] + add * (gradient - mean[i]);
    mean[i] = average;
    const T before = fade * largest[i];
    const T now = std::abs(gradient) + eps;
    const T bound = before > now ? before : now;
    largest[i] = bound;
    w[i] -= step_size * (average / bound);
  }
}

// The square root of x, which is not negative, to about one unit in the last place. With AVX-512
// the approximation to 14 bits and a Newton step take half as long as the root, and leave the
// divider to the division.
template <class D, class V>
HWY_INLINE V root([[maybe_unused]] D d, V x) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    const V half = hn::Set(d, 0.5F);
    const V inverse = hn::ApproximateReciprocalSqrt(x);
    const V near = hn::Mul(x, inverse);
    const V refined = hn::MulAdd(near, hn::NegMulAdd(near, hn::Mul(half, inverse), half), near);
    // The inverse of 0 is infinite, that of infinity 0: their products are NaN.
    const auto is_zero = hn::Eq(x, hn::Zero(d));
    const auto is_infinite = hn::Eq(x, hn::Set(d, std::numeric_limits<float>::infinity()));
    return hn::IfThenElse(hn::Or(is_zero, is_infinite), x, refined);
  }
#endif
  return hn::Sqrt(x);
}

// The numbers of Adam, once in each lane.
template <class D>
struct AdamVectors {
  using V = hn::Vec<D>;
  using T = hn::TFromD<D>;

  AdamVectors(D d, const AdamFactors& factors)
      : step_size(hn::Set(d, static_cast<T>(factors.step_size))),
        sign(hn::Set(d, static_cast<T>(factors.sign))),
        add1(hn::Set(d, static_cast<T>(1.0 - factors.beta1))),
        beta2(hn::Set(d, static_cast<T>(factors.beta2))),
        add2(hn::Set(d, static_cast<T>(1.0 - factors.beta2))),
        inverse_root(hn::Set(d, static_cast<T>(factors.inverse_root))),
        eps(hn::Set(d, static_cast<T>(factors.eps))),
        weight_decay(hn::Set(d, static_cast<T>(factors.weight_decay))),
        shrink(hn::Set(d, static_cast<T>(factors.shrink))),
        gradient_step(hn::Set(d, static_cast<T>(factors.gradient_step))) {}

  template <bool kPlain>
  HWY_INLINE V gradient(V g, V w) const {
    if constexpr (kPlain) return g;
    return hn::MulAdd(weight_decay, hn::Mul(shrink, w), hn::Mul(sign, g));
  }
  HWY_INLINE void update_moments(V gradient, V& m, V& v) const {
    m = hn::MulAdd(add1, hn::Sub(gradient, m), m);
    v = hn::MulAdd(hn::Mul(add2, gradient), gradient, hn::Mul(beta2, v));
  }
  template <bool kPeak, bool kGradient, bool kPlain>
  HWY_INLINE void update_weights(D d, V g, V m, V v, V& peak, V& w) const {
    V bound = v;
    if constexpr (kPeak) {
      bound = hn::IfThenElse(hn::Gt(v, peak), v, peak);
      peak = bound;
    }
    const V divisor = hn::MulAdd(root(d, bound), inverse_root, eps);
    const V before = kPlain ? w : hn::Mul(shrink, w);
    const V step = hn::NegMulAdd(step_size, hn::Div(m, divisor), before);
    if constexpr (kGradient) {
      w = hn::NegMulAdd(gradient_step, hn::Div(gradient<kPlain>(g, w), divisor), step);
    } else {
      w = step;
    }
  }

  V step_size, sign, add1, beta2, add2, inverse_root, eps, weight_decay, shrink, gradient_step;
};

// The moments of a block of elements, then its weights: in one loop the processor would see only
// few elements at a time of the long chain from a gradient to its weight. kPlain: the weights do
// not decay, and the loss is minimized.
template <bool kPeak, bool kGradient, bool kPlain, class T>
HWY_NOINLINE void adam_loop(const AdamFactors& factors, Index n, const T* HWY_RESTRICT g,
                            T* HWY_RESTRICT m, T* HWY_RESTRICT v, T* HWY_RESTRICT peak,
                            T* HWY_RESTRICT w) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const AdamVectors<decltype(d)> adam(d, factors);
  auto none = hn::Zero(d);
  Index i = 0;
  while (i + lanes <= n) {
    const Index end = std::min(i + kBlock<T>, n);
    prefetch_ahead(g, i, n);
    prefetch_ahead(m, i, n);
    prefetch_ahead(v, i, n);
    prefetch_ahead(w, i, n);
    const Index begin = i;
    for (; i + lanes <= end; i += lanes) {
      auto mean = hn::LoadU(d, m + i);
      auto square = hn::LoadU(d, v + i);
      const auto gradient =
          adam.template gradient<kPlain>(hn::LoadU(d, g + i), hn::LoadU(d, w + i));
      adam.update_moments(gradient, mean, square);
      hn::StoreU(mean, d, m + i);
      hn::StoreU(square, d, v + i);
    }
    for (Index k = begin; k < i; k += lanes) {
      auto most = kPeak ? hn::LoadU(d, peak + k) : none;
      auto weight = hn::LoadU(d, w + k);
      adam.template update_weights<kPeak, kGradient, kPlain>(
          d, hn::LoadU(d, g + k), hn::LoadU(d, m + k), hn::LoadU(d, v + k), most, weight);
      if constexpr (kPeak) hn::StoreU(most, d, peak + k);
      hn::StoreU(weight, d, w + k);
    }
  }
  const Index rest = n - i;
  if (rest == 0) return;
  auto mean = load_first(d, m + i, rest);
  auto square = load_first(d, v + i, rest);
  auto most = kPeak ? load_first(d, peak + i, rest) : none;
  auto weight = load_first(d, w + i, rest);
  const auto last = load_first(d, g + i, rest);
  adam.update_moments(adam.template gradient<kPlain>(last, weight), mean, square);
  adam.template update_weights<kPeak, kGradient, kPlain>(d, last, mean, square, most, weight);
  store_first(mean, d, m + i, rest);
  store_first(square, d, v + i, rest);
  if constexpr (kPeak) store_first(most, d, peak + i, rest);
  store_first(weight, d, w + i, rest);
}

template <class T>
HWY_INLINE void adam_any(const AdamFactors& factors, const Arrays<T>& a) {
  const auto [m, v, peak] = a.state;
  const bool plain = factors.weight_decay == 0.0 && factors.shrink == 1.0 && factors.sign == 1.0;
  if (peak != nullptr) {
    adam_loop<true, false, false>(factors, a.n, a.g, m, v, peak, a.w);
  } else if (factors.gradient_step != 0.0) {
    adam_loop<false, true, false>(factors, a.n, a.g, m, v, peak, a.w);
  } else if (plain) {
    adam_loop<false, false, true>(factors, a.n, a.g, m, v, peak, a.w);
  } else {
    adam_loop<false, false, false>(factors, a.n, a.g, m, v, peak, a.w);
  }
}

template <class T>
HWY_NOINLINE void lion_loop(const LionFactors& factors, Index n, const T* HWY_RESTRICT g,
                            T* HWY_RESTRICT mean, T* HWY_RESTRICT w) {
  const T rate = static_cast<T>(factors.lr);
  const T sign = static_cast<T>(factors.sign);
  const T shrink = static_cast<T>(factors.shrink);
  const T add1 = static_cast<T>(1.0 - factors.beta1);
  const T add2 = static_cast<T>(1.0 - factors.beta2);
  for (Index i = 0; i < n; ++i) {
    const T gradient = sign * g[i];
    const T blend = mean[i] + add1 * (gradient - mean[i]);
    mean[i] += add2 * (gradient - mean[i]);
    // 0 and NaN are what they are.
    const T up = blend > T{0} ? T{1} : blend;
    const T direction = blend < T{0} ? T{-1} : up;
    w[i] = shrink * w[i] - rate * direction;
  }
}

template <class T>
HWY_INLINE void update_any(const Factors& factors, const Arrays<T>& a) {
  if (const auto* sgd = std::get_if<SGDFactors>(&factors)) {
    sgd_loop(*sgd, a.n, a.g, a.w);
  } else if (const auto* momentum = std::get_if<MomentumFactors>(&factors)) {
    momentum_loop(*momentum, a.n, a.g, a.state[0], a.w);
  } else if (const auto* rmsprop = std::get_if<RMSpropFactors>(&factors)) {
    rmsprop_any(*rmsprop, a);
  } else if (const auto* adagrad = std::get_if<AdagradFactors>(&factors)) {
    adagrad_loop(*adagrad, a.n, a.g, a.state[0], a.w);
  } else if (const auto* adadelta = std::get_if<AdadeltaFactors>(&factors)) {
    adadelta_loop(*adadelta, a.n, a.g, a.state[0], a.state[1], a.w);
  } else if (const auto* adamax = std::get_if<AdamaxFactors>(&factors)) {
    adamax_loop(*adamax, a.n, a.g, a.state[0], a.state[1], a.w);
  } else if (const auto* adam = std::get_if<AdamFactors>(&factors)) {
    adam_any(*adam, a);
  } else if (const auto* lion = std::get_if<LionFactors>(&factors)) {
    lion_loop(*lion, a.n, a.g, a.state[0], a.w);
  }
}

void update_f32(const Factors& factors, const Arrays<float>& arrays) {
  update_any(factors, arrays);
}
void update_f64(const Factors& factors, const Arrays<double>& arrays) {
  update_any(factors, arrays);
}

}  // namespace glissade::optim::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade::optim::kernels {

HWY_EXPORT(update_f32);
HWY_EXPORT(update_f64);

template <>
void update_arrays(const Factors& factors, const Arrays<float>& arrays) {
  GLISSADE_DISPATCH(update_f32)(factors, arrays);
}
template <>
void update_arrays(const Factors& factors, const Arrays<double>& arrays) {
  GLISSADE_DISPATCH(update_f64)(factors, arrays);
}

}  // namespace glissade::optim::kernels
#endif
