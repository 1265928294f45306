#include "glissade/core/activation.h"

#include <algorithm>
#include <cmath>

#include "elements.h"
#include "glissade/core/check.h"
#include "glissade/core/reduce.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "activation.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "dispatch.h"
#include "math-inl.h"
#include "simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {

using Kind = Activation::Kind;

// Each activation is a struct with `value(d, x)` and `slope`, the derivative, from the input x and
// the output y; those that only look at y are the ones that Activation::from_output names.

struct Unchanged {
  template <class D, class V>
  HWY_INLINE V value(D, V x) const {
    return x;
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V, V) const {
    return hn::Set(d, hn::TFromD<D>{1});
  }
};

struct Relu {
  template <class D, class V>
  HWY_INLINE V value(D d, V x) const {
    return keep_nan(d, x, hn::Max(x, hn::Zero(d)));
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V, V y) const {
    return hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), hn::Set(d, hn::TFromD<D>{1}));
  }
};

template <class T>
struct LeakyRelu {
  T alpha;
  template <class D, class V>
  HWY_INLINE V value(D d, V x) const {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(x, hn::Set(d, alpha)));
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V x, V y) const {
    const V sign = alpha < T{0} ? x : y;  // with a negative alpha, y does not tell x's sign
    return hn::IfThenElse(hn::Gt(sign, hn::Zero(d)), hn::Set(d, T{1}), hn::Set(d, alpha));
  }
};

template <class T>
struct Elu {
  T alpha;
  template <class D, class V>
  HWY_INLINE V value(D d, V x) const {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(expm1(d, x), hn::Set(d, alpha)));
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V x, V y) const {  // alpha e^x = y + alpha
    const V sign = alpha < T{0} ? x : y;
    return hn::IfThenElse(hn::Gt(sign, hn::Zero(d)), hn::Set(d, T{1}),
                          hn::Add(y, hn::Set(d, alpha)));
  }
};

struct Gelu {
  template <class D, class V>
  HWY_INLINE V value(D d, V x) const {
    return hn::Mul(x, normal_cdf(d, x));
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V x, V) const {  // Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi)
    using T = hn::TFromD<D>;
    const V density = hn::Mul(hn::Set(d, static_cast<T>(0.39894228040143267794)),
                              exp(d, hn::Mul(hn::Set(d, T{-0.5}), hn::Mul(x, x))));
    return hn::MulAdd(x, density, normal_cdf(d, x));
  }
};

struct Silu {
  template <class D, class V>
  HWY_INLINE V value(D d, V x) const {
    return hn::Mul(x, sigmoid(d, x));
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V x, V) const {  // s (1 + x (1 - s))
    const V one = hn::Set(d, hn::TFromD<D>{1});
    const V s = sigmoid(d, x);
    return hn::Mul(s, hn::MulAdd(x, hn::Sub(one, s), one));
  }
};

struct Tanh {
  template <class D, class V>
  HWY_INLINE V value(D d, V x) const {
    return tanh(d, x);
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V, V y) const {
    return hn::NegMulAdd(y, y, hn::Set(d, hn::TFromD<D>{1}));
  }
};

struct Sigmoid {
  template <class D, class V>
  HWY_INLINE V value(D d, V x) const {
    return sigmoid(d, x);
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V, V y) const {
    return hn::Mul(y, hn::Sub(hn::Set(d, hn::TFromD<D>{1}), y));
  }
};

struct Softplus {
  template <class D, class V>
  HWY_INLINE V value(D d, V x) const {
    return softplus(d, x);
  }
  template <class D, class V>
  HWY_INLINE V slope(D d, V x, V) const {
    return sigmoid(d, x);
  }
};

template <class T, class F>
HWY_INLINE void with_activation(const Activation& activation, const F& f) {
  const T alpha = static_cast<T>(activation.alpha);
  switch (activation.kind) {
    case Kind::identity:
      return f(Unchanged());
    case Kind::relu:
      return f(Relu());
    case Kind::leaky_relu:
      return f(LeakyRelu<T>{alpha});
    case Kind::elu:
      return f(Elu<T>{alpha});
    case Kind::gelu:
      return f(Gelu());
    case Kind::silu:
      return f(Silu());
    case Kind::tanh:
      return f(Tanh());
    case Kind::sigmoid:
      return f(Sigmoid());
    case Kind::softplus:
      return f(Softplus());
  }
}

template <class T>
HWY_INLINE void forward_loop(const Activation& activation, Index n, const T* x, T* y) {
  with_activation<T>(activation, [&](auto f) HWY_ATTR {
    map(n, x, y, [f](auto d, auto v) HWY_ATTR { return f.value(d, v); });
  });
}

// y = f(y + bias), row by row.
template <class T>
HWY_INLINE void bias_forward_loop(const Activation& activation, Index rows, Index columns,
                                  const T* bias, T* y) {
  with_activation<T>(activation, [&](auto f) HWY_ATTR {
    for (Index row = 0; row < rows; ++row, y += columns) {
      map2(columns, y, 1, bias, 1, y,
           [f](auto d, auto v, auto b) HWY_ATTR { return f.value(d, hn::Add(v, b)); });
    }
  });
}

// dx = g f'(x); a null x stands for y, which the activations from the output do not look past.
template <class T>
HWY_INLINE void backward_loop(const Activation& activation, Index n, const T* x, const T* y,
                              const T* g, T* dx) {
  if (x == nullptr) x = y;
  with_activation<T>(activation, [&](auto f) HWY_ATTR {
    const hn::ScalableTag<T> d;
    const auto lanes = static_cast<Index>(hn::Lanes(d));
    Index i = 0;
    for (; i + lanes <= n; i += lanes) {
      const auto slope = f.slope(d, hn::LoadU(d, x + i), hn::LoadU(d, y + i));
      hn::StoreU(hn::Mul(hn::LoadU(d, g + i), slope), d, dx + i);
    }
    const Index rest = n - i;
    if (rest == 0) return;
    const auto slope = f.slope(d, load_first(d, x + i, rest), load_first(d, y + i, rest));
    store_first(hn::Mul(load_first(d, g + i, rest), slope), d, dx + i, rest);
  });
}

// g = g f'(x) for a matrix, from y = f(x), and db = beta db + the sums of its columns: some columns
// at a time, down all rows.
template <class T>
HWY_INLINE void bias_backward_loop(const Activation& activation, Index rows, Index columns,
                                   const T* y, T* g, T beta, T* db) {
  with_activation<T>(activation, [&](auto f) HWY_ATTR {
    sum_columns(rows, columns, beta, db,
                [&](auto d, const auto& access, Index row, Index j) HWY_ATTR {
                  const auto v = access.load(d, y + row * columns + j);
                  T* const at = g + row * columns + j;
                  const auto dz = hn::Mul(access.load(d, at), f.slope(d, v, v));
                  access.store(dz, d, at);
                  return dz;
                });
  });
}

void ForwardFloat(const Activation& a, Index n, const float* x, float* y) {
  forward_loop(a, n, x, y);
}
void ForwardDouble(const Activation& a, Index n, const double* x, double* y) {
  forward_loop(a, n, x, y);
}
void BiasForwardFloat(const Activation& a, Index rows, Index columns, const float* bias, float* y) {
  bias_forward_loop(a, rows, columns, bias, y);
}
void BiasForwardDouble(const Activation& a, Index rows, Index columns, const double* bias,
                       double* y) {
  bias_forward_loop(a, rows, columns, bias, y);
}
void BackwardFloat(const Activation& a, Index n, const float* x, const float* y, const float* g,
                   float* dx) {
  backward_loop(a, n, x, y, g, dx);
}
void BackwardDouble(const Activation& a, Index n, const double* x, const double* y, const double* g,
                    double* dx) {
  backward_loop(a, n, x, y, g, dx);
}
void BiasBackwardFloat(const Activation& a, Index rows, Index columns, const float* y, float* g,
                       float beta, float* db) {
  bias_backward_loop(a, rows, columns, y, g, beta, db);
}
void BiasBackwardDouble(const Activation& a, Index rows, Index columns, const double* y, double* g,
                        double beta, double* db) {
  bias_backward_loop(a, rows, columns, y, g, beta, db);
}

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade {
namespace {
HWY_EXPORT(ForwardFloat);
HWY_EXPORT(ForwardDouble);
HWY_EXPORT(BiasForwardFloat);
HWY_EXPORT(BiasForwardDouble);
HWY_EXPORT(BackwardFloat);
HWY_EXPORT(BackwardDouble);
HWY_EXPORT(BiasBackwardFloat);
HWY_EXPORT(BiasBackwardDouble);
}  // namespace

std::string to_string(Activation::Kind kind) {
  switch (kind) {
    case Activation::Kind::identity:
      return "identity";
    case Activation::Kind::relu:
      return "relu";
    case Activation::Kind::leaky_relu:
      return "leaky_relu";
    case Activation::Kind::elu:
      return "elu";
    case Activation::Kind::gelu:
      return "gelu";
    case Activation::Kind::silu:
      return "silu";
    case Activation::Kind::tanh:
      return "tanh";
    case Activation::Kind::sigmoid:
      return "sigmoid";
    case Activation::Kind::softplus:
      return "softplus";
  }
  fail("activation: {} is not a kind", static_cast<int>(kind));
}

namespace kernels {
namespace {
// The identity has no loop: it copies, unless it works in place.
template <class T>
bool is_identity(const Activation& activation, Index n, const T* from, T* to) {
  if (activation.kind != Activation::Kind::identity) return false;
  if (from != to) std::copy(from, from + n, to);
  return true;
}

Index grain_of(const Activation& activation) {
  const bool simple = activation.kind == Activation::Kind::relu ||
                      activation.kind == Activation::Kind::leaky_relu ||
                      activation.kind == Activation::Kind::identity;
  return simple ? kSimpleGrain : kFunctionGrain;
}

void forward(const Activation& activation, Index n, const float* x, float* y) {
  GLISSADE_DISPATCH(ForwardFloat)(activation, n, x, y);
}
void forward(const Activation& activation, Index n, const double* x, double* y) {
  GLISSADE_DISPATCH(ForwardDouble)(activation, n, x, y);
}
void bias_forward(const Activation& activation, Index rows, Index columns, const float* bias,
                  float* y) {
  GLISSADE_DISPATCH(BiasForwardFloat)(activation, rows, columns, bias, y);
}
void bias_forward(const Activation& activation, Index rows, Index columns, const double* bias,
                  double* y) {
  GLISSADE_DISPATCH(BiasForwardDouble)(activation, rows, columns, bias, y);
}
void backward(const Activation& activation, Index n, const float* x, const float* y, const float* g,
              float* dx) {
  GLISSADE_DISPATCH(BackwardFloat)(activation, n, x, y, g, dx);
}
void backward(const Activation& activation, Index n, const double* x, const double* y,
              const double* g, double* dx) {
  GLISSADE_DISPATCH(BackwardDouble)(activation, n, x, y, g, dx);
}
void bias_backward(const Activation& activation, Index rows, Index columns, const float* y,
                   float* g, float beta, float* db) {
  GLISSADE_DISPATCH(BiasBackwardFloat)(activation, rows, columns, y, g, beta, db);
}
void bias_backward(const Activation& activation, Index rows, Index columns, const double* y,
                   double* g, double beta, double* db) {
  GLISSADE_DISPATCH(BiasBackwardDouble)(activation, rows, columns, y, g, beta, db);
}
}  // namespace

template <class T>
void activation_forward(const Activation& activation, Index n, const T* x, T* y) {
  if (is_identity(activation, n, x, y)) return;
  for_elements(n, grain_of(activation),
               [&](Index from, Index to) { forward(activation, to - from, x + from, y + from); });
}

template <class T>
void bias_activation_forward(const Activation& activation, Index rows, Index columns, const T* bias,
                             T* y) {
  for_rows(rows, columns, grain_of(activation), [&](Index from, Index to) {
    bias_forward(activation, to - from, columns, bias, y + from * columns);
  });
}

template <class T>
void activation_backward(const Activation& activation, Index n, const T* x, const T* y, const T* g,
                         T* dx) {
  if (is_identity(activation, n, g, dx)) return;
  for_elements(n, grain_of(activation), [&](Index from, Index to) {
    backward(activation, to - from, x == nullptr ? x : x + from, y + from, g + from, dx + from);
  });
}

template <class T>
void bias_activation_backward(const Activation& activation, Index rows, Index columns, const T* y,
                              T* g, T beta, T* db) {
  // Rows that are wide are far apart, which the way down the columns feels; and a large matrix is
  // for several threads.
  constexpr Index kWide = 1024 / sizeof(T);
  if (columns <= kWide && rows * columns < 2 * kSimpleGrain) {
    bias_backward(activation, rows, columns, y, g, beta, db);
    return;
  }
  activation_backward(activation, rows * columns, static_cast<const T*>(nullptr), y, g, g);
  sum_rows(rows, columns, g, beta, db);
}

#define GLISSADE_INSTANTIATE(T)                                                                  \
  template void activation_forward(const Activation&, Index, const T*, T*);                      \
  template void bias_activation_forward(const Activation&, Index, Index, const T*, T*);          \
  template void activation_backward(const Activation&, Index, const T*, const T*, const T*, T*); \
  template void bias_activation_backward(const Activation&, Index, Index, const T*, T*, T, T*);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace kernels
}  // namespace glissade
#endif  // HWY_ONCE
