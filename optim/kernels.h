#pragma once

// The fused updates of the optimizers: one pass over parameters, gradients and state, for each
// instruction set. Private to optim.
//
// The numbers of a rule are a struct; `update` runs the rule whose struct it is given. All that
// depends on the step alone is computed by the caller in double; the element-wise arithmetic is in
// T, float or double. Where nothing else is said, g' = sign g + weight_decay w; sign is -1 to
// maximize.

#include <variant>

#include "glissade/core/parallel.h"
#include "glissade/core/tensor.h"

namespace glissade::optim::kernels {

/// w <- w - lr g'.
struct SGDFactors {
  double lr;
  double sign;
  double weight_decay;
};

/// v <- keep v + add g';  w <- w - lr (gradient_share g' + velocity_share v). State: v.
struct MomentumFactors {
  double lr;
  double sign;
  double weight_decay;
  double keep;            ///< of the velocity
  double add;             ///< of the gradient, to the velocity
  double gradient_share;  ///< of the gradient in the step
  double velocity_share;  ///< of the velocity in the step
};

/// s <- alpha s + (1 - alpha) g'^2;  d = sqrt(s) + eps;
/// with a: a <- a + (1 - alpha) (g' - a), d = sqrt(max(s - a^2, 0)) + eps;
/// w <- w - lr g' / d, or with b: b <- momentum b + g' / d, w <- w - lr b.
/// State: s, a, b; a and b may be null.
struct RMSpropFactors {
  double lr;
  double sign;
  double weight_decay;
  double alpha;
  double eps;
  double momentum;
};

/// s <- s + g'^2;  w <- w - lr g' / (sqrt(s) + eps). State: s.
struct AdagradFactors {
  double lr;
  double sign;
  double weight_decay;
  double eps;
};

/// s <- rho s + (1 - rho) g'^2;  c = g' sqrt(d + eps) / sqrt(s + eps);
/// d <- rho d + (1 - rho) c^2;  w <- w - lr c. State: s, d.
struct AdadeltaFactors {
  double lr;
  double sign;
  double weight_decay;
  double rho;
  double eps;
};

/// m <- m + (1 - beta1) (g' - m);  u <- max(beta2 u, |g'| + eps);  w <- w - step_size m / u.
/// State: m, u.
struct AdamaxFactors {
  double step_size;  ///< lr / (1 - beta1^t)
  double sign;
  double weight_decay;
  double beta1;
  double beta2;
  double eps;
};

/// w' = shrink w;  g' = sign g + weight_decay w';  m <- m + (1 - beta1) (g' - m);
/// v <- beta2 v + (1 - beta2) g'^2;  u = v, or with p: u = p <- max(p, v);
/// w <- w' - (step_size m + gradient_step g') / (sqrt(u) inverse_root + eps).
/// State: m, v, p; p may be null; with p, gradient_step is taken as 0.
struct AdamFactors {
  double step_size;  ///< lr / (1 - beta1^t)
  double sign;
  double weight_decay;  ///< times the parameter, added to the gradient (Adam)
  double shrink;        ///< factor of the parameters before the step (AdamW: 1 - lr weight_decay)
  double beta1;
  double beta2;
  double inverse_root;  ///< 1 / sqrt(1 - beta2^t)
  double eps;
  double gradient_step = 0.0;  ///< of the gradient itself in the step (NAdam)
};

/// c = beta1 m + (1 - beta1) g';  w <- shrink w - lr sign(c);  m <- beta2 m + (1 - beta2) g', where
/// g' = sign g. State: m.
struct LionFactors {
  double lr;
  double sign;
  double shrink;  ///< 1 - lr weight_decay
  double beta1;
  double beta2;
};

using Factors = std::variant<SGDFactors, MomentumFactors, RMSpropFactors, AdagradFactors,
                             AdadeltaFactors, AdamaxFactors, AdamFactors, LionFactors>;

/// The arrays of one parameter, of n elements each, which do not overlap. `state` are those that
/// the rule names, in its order.
template <class T>
struct Arrays {
  Index n;
  const T* g;
  T* w;
  T* state[3];
};

template <class T>
void update_arrays(const Factors& factors, const Arrays<T>& arrays);

/// While it lives, on its thread, updates are only noted; they are made together in the end, their
/// elements divided among the threads of the library. What an update does to an element does not
/// depend on the others.
template <class T>
class UpdateBatch {
 public:
  /// `total` elements are to come; if they are not worth several threads, nothing is different.
  explicit UpdateBatch(Index total)
      : collects_(total >= 2 * kGrain && !collecting && available_threads() > 1) {
    if (collects_) collecting = true;
  }
  ~UpdateBatch() {
    if (collects_) update_noted();
  }
  UpdateBatch(const UpdateBatch&) = delete;
  UpdateBatch& operator=(const UpdateBatch&) = delete;

  /// Notes an update, or makes it if no batch collects them on this thread.
  static void add(const Factors& factors, const Arrays<T>& arrays) {
    if (!collecting) return update_arrays(factors, arrays);
    note(factors, arrays);
  }

 private:
  // Elements that are worth a thread of their own: an update of them takes some 5 us.
  static constexpr Index kGrain = Index{1} << 14;
  static constinit inline thread_local bool collecting = false;

  static void note(const Factors& factors, const Arrays<T>& arrays);
  static void update_noted();

  bool collects_;
};

/// One update of the parameter w with the gradient g; the tensors of the state have its shape, or
/// are null.
template <class T>
void update(const Factors& factors, const Tensor<T>& g, Tensor<T>& w, Tensor<T>* first = nullptr,
            Tensor<T>* second = nullptr, Tensor<T>* third = nullptr) {
  const auto data = [](Tensor<T>* state) { return state != nullptr ? state->data() : nullptr; };
  UpdateBatch<T>::add(factors,
                      {w.size(), g.data(), w.data(), {data(first), data(second), data(third)}});
}

}  // namespace glissade::optim::kernels
