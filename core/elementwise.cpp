#include "glissade/core/elementwise.h"

#include <cmath>

#include "broadcast.h"
#include "elements.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "elementwise.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "dispatch.h"
#include "math-inl.h"
#include "simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {
using kernels::Binary;
using kernels::BroadcastLoops;
using kernels::Unary;

// The functors' names say what they do; D is the vector type's tag, V a vector.
#define GLISSADE_UNARY(Name, expression)      \
  struct Name {                               \
    template <class D, class V>               \
    HWY_INLINE V operator()(D d, V x) const { \
      (void)d;                                \
      return expression;                      \
    }                                         \
  };
GLISSADE_UNARY(Exp, exp(d, x))
GLISSADE_UNARY(Log, log(d, x))
GLISSADE_UNARY(Log1p, log1p(d, x))
GLISSADE_UNARY(Sqrt, hn::Sqrt(x))
GLISSADE_UNARY(Abs, hn::Abs(x))
GLISSADE_UNARY(Square, hn::Mul(x, x))
GLISSADE_UNARY(Sin, each_lane(d, x, [](auto v) { return std::sin(v); }))
GLISSADE_UNARY(Cos, each_lane(d, x, [](auto v) { return std::cos(v); }))
GLISSADE_UNARY(Erf, erf(d, x))
#undef GLISSADE_UNARY

struct Sign {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    const V zero = hn::Zero(d);
    const V one = hn::Set(d, hn::TFromD<D>{1});
    const V sign =
        hn::Sub(hn::IfThenElseZero(hn::Gt(x, zero), one), hn::IfThenElseZero(hn::Lt(x, zero), one));
    return keep_nan(d, x, sign);
  }
};

template <class T>
HWY_INLINE void unary_loop(Unary f, Index n, const T* x, T* y) {
  switch (f) {
    case Unary::exp:
      return map(n, x, y, Exp());
    case Unary::log:
      return map(n, x, y, Log());
    case Unary::log1p:
      return map(n, x, y, Log1p());
    case Unary::sqrt:
      return map(n, x, y, Sqrt());
    case Unary::abs:
      return map(n, x, y, Abs());
    case Unary::sign:
      return map(n, x, y, Sign());
    case Unary::square:
      return map(n, x, y, Square());
    case Unary::sin:
      return map(n, x, y, Sin());
    case Unary::cos:
      return map(n, x, y, Cos());
    case Unary::erf:
      return map(n, x, y, Erf());
  }
}
void UnaryFloat(Unary f, Index n, const float* x, float* y) { unary_loop(f, n, x, y); }
void UnaryDouble(Unary f, Index n, const double* x, double* y) { unary_loop(f, n, x, y); }

struct Add {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Add(a, b);
  }
};
struct Sub {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Sub(a, b);
  }
};
struct Mul {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Mul(a, b);
  }
};
struct Div {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Div(a, b);
  }
};

template <class T, class Op>
HWY_INLINE void binary_rows(const BroadcastLoops& loops, const T* a, const T* b, T* y,
                            const Op& op) {
  kernels::for_each_row(loops, a, b, y,
                        [&op](Index n, const T* pa, Index sa, const T* pb, Index sb, T* py)
                            HWY_ATTR { map2(n, pa, sa, pb, sb, py, op); });
}

template <class T>
void pow_rows(const BroadcastLoops& loops, const T* a, const T* b, T* y) {
  kernels::for_each_row(loops, a, b, y,
                        [](Index n, const T* pa, Index sa, const T* pb, Index sb, T* py) {
                          for (Index i = 0; i < n; ++i) py[i] = std::pow(pa[i * sa], pb[i * sb]);
                        });
}

template <class T>
HWY_INLINE void binary_loop(Binary f, const BroadcastLoops& loops, const T* a, const T* b, T* y) {
  switch (f) {
    case Binary::add:
      return binary_rows(loops, a, b, y, Add());
    case Binary::sub:
      return binary_rows(loops, a, b, y, Sub());
    case Binary::mul:
      return binary_rows(loops, a, b, y, Mul());
    case Binary::div:
      return binary_rows(loops, a, b, y, Div());
    case Binary::pow:
      return pow_rows(loops, a, b, y);
  }
}
void BinaryFloat(Binary f, const BroadcastLoops& loops, const float* a, const float* b, float* y) {
  binary_loop(f, loops, a, b, y);
}
void BinaryDouble(Binary f, const BroadcastLoops& loops, const double* a, const double* b,
                  double* y) {
  binary_loop(f, loops, a, b, y);
}

template <class T>
HWY_INLINE void multiply_add_loop(Index n, const T* a, const T* b, const T* c, T* y) {
  if (c == nullptr) return map2(n, a, 1, b, 1, y, Mul());
  map3(n, a, b, c, y,
       [](auto, auto va, auto vb, auto vc) HWY_ATTR { return hn::MulAdd(va, vb, vc); });
}
void MultiplyAddFloat(Index n, const float* a, const float* b, const float* c, float* y) {
  multiply_add_loop(n, a, b, c, y);
}
void MultiplyAddDouble(Index n, const double* a, const double* b, const double* c, double* y) {
  multiply_add_loop(n, a, b, c, y);
}

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade {
namespace {
HWY_EXPORT(UnaryFloat);
HWY_EXPORT(UnaryDouble);
HWY_EXPORT(BinaryFloat);
HWY_EXPORT(BinaryDouble);
HWY_EXPORT(MultiplyAddFloat);
HWY_EXPORT(MultiplyAddDouble);

void run_part(kernels::Unary f, Index n, const float* x, float* y) {
  GLISSADE_DISPATCH(UnaryFloat)(f, n, x, y);
}
void run_part(kernels::Unary f, Index n, const double* x, double* y) {
  GLISSADE_DISPATCH(UnaryDouble)(f, n, x, y);
}
void run_part(kernels::Binary f, const kernels::BroadcastLoops& loops, const float* a,
              const float* b, float* y) {
  GLISSADE_DISPATCH(BinaryFloat)(f, loops, a, b, y);
}
void run_part(kernels::Binary f, const kernels::BroadcastLoops& loops, const double* a,
              const double* b, double* y) {
  GLISSADE_DISPATCH(BinaryDouble)(f, loops, a, b, y);
}

Index grain_of(kernels::Unary f) {
  switch (f) {
    case kernels::Unary::abs:
    case kernels::Unary::sign:
    case kernels::Unary::square:
      return kernels::kSimpleGrain;
    default:
      return kernels::kFunctionGrain;
  }
}

template <class T>
void run(kernels::Unary f, Index n, const T* x, T* y) {
  kernels::for_elements(n, grain_of(f),
                        [&](Index from, Index to) { run_part(f, to - from, x + from, y + from); });
}

// The outermost loop is what is split.
template <class T>
void run(kernels::Binary f, const kernels::BroadcastLoops& loops, const T* a, const T* b, T* y) {
  Index inner = 1;
  for (int i = 1; i < loops.rank; ++i) inner *= loops.extent[static_cast<std::size_t>(i)];
  const Index grain =
      f == kernels::Binary::pow ? kernels::kFunctionGrain / 4 : kernels::kSimpleGrain;
  const auto part_of = [&](Index from, Index to) {
    kernels::BroadcastLoops part = loops;
    part.extent[0] = to - from;
    run_part(f, part, a + from * loops.step_a[0], b + from * loops.step_b[0], y + from * inner);
  };
  if (inner == 1) {
    kernels::for_elements(loops.extent[0], grain, part_of);
  } else {
    kernels::for_rows(loops.extent[0], inner, grain, part_of);
  }
}
}  // namespace

namespace kernels {

namespace {

// A scalar needs neither loops nor vectors: graphs of scalars are made of nothing else. These
// operations are exactly rounded, so their results are the vectors' to the bit; others return
// false.
template <class T>
bool single(Unary f, T x, T& y) {
  switch (f) {
    case Unary::sqrt:
      y = std::sqrt(x);
      return true;
    case Unary::square:
      y = x * x;
      return true;
    default:
      return false;
  }
}

template <class T>
bool single(Binary f, T a, T b, T& y) {
  switch (f) {
    case Binary::add:
      y = a + b;
      return true;
    case Binary::sub:
      y = a - b;
      return true;
    case Binary::mul:
      y = a * b;
      return true;
    case Binary::div:
      y = a / b;
      return true;
    case Binary::pow:
      return false;
  }
  return false;
}

// y = f(a, b) for `size` elements; b advances by step_b. Not inlined, so that a scalar's way
// through run_flat stays short.
template <class T>
HWY_NOINLINE void run_vectors(Binary f, Index size, const T* a, const T* b, Index step_b, T* y) {
  if (size <= kFew && f != Binary::pow) {
    for (Index i = 0; i < size; ++i) single(f, a[i], b[i * step_b], y[i]);
    return;
  }
  BroadcastLoops loops;
  loops.extent[0] = size;
  loops.step_b[0] = step_b;
  run(f, loops, a, b, y);
}

template <class T>
void run_flat(Binary f, Index size, const T* a, const T* b, Index step_b, T* y) {
  if (size == 1 && single(f, *a, *b, *y)) return;
  run_vectors(f, size, a, b, step_b, y);
}

}  // namespace

template <class T>
Tensor<T> unary(Unary f, const Tensor<T>& x) {
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  if (x.size() != 1 || !single(f, *x.data(), *y.data())) run(f, x.size(), x.data(), y.data());
  return y;
}

template <class T>
void unary_in_place(Unary f, Tensor<T>& x) {
  run(f, x.size(), x.data(), x.data());
}

template <class T>
Tensor<T> binary(Binary f, const Tensor<T>& a, const Tensor<T>& b, const char* name) {
  if (a.shape() == b.shape()) {
    Tensor<T> y = Tensor<T>::uninitialized(a.shape());
    run_flat(f, y.size(), a.data(), b.data(), 1, y.data());
    return y;
  }
  const Shape shape = broadcast_shapes(a.shape(), b.shape(), name);
  Tensor<T> y = Tensor<T>::uninitialized(shape);
  if (y.size() > 0) {
    run(f, broadcast_loops(a.shape(), b.shape(), shape), a.data(), b.data(), y.data());
  }
  return y;
}

template <class T>
void binary_in_place(Binary f, Tensor<T>& a, const Tensor<T>& b, const char* name) {
  check(a.shape() == b.shape(), "{}: the shapes {} and {} differ", name, a.shape(), b.shape());
  run_flat(f, a.size(), a.data(), b.data(), 1, a.data());
}

template <class T>
Tensor<T> binary_scalar(Binary f, const Tensor<T>& x, T c) {
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  run_flat(f, y.size(), x.data(), &c, 0, y.data());
  return y;
}

template <class T>
void binary_scalar_in_place(Binary f, Tensor<T>& x, T c) {
  run_flat(f, x.size(), x.data(), &c, 0, x.data());
}

namespace {
void multiply_add_part(Index n, const float* a, const float* b, const float* c, float* y) {
  GLISSADE_DISPATCH(MultiplyAddFloat)(n, a, b, c, y);
}
void multiply_add_part(Index n, const double* a, const double* b, const double* c, double* y) {
  GLISSADE_DISPATCH(MultiplyAddDouble)(n, a, b, c, y);
}
}  // namespace

template <class T>
void multiply_add(Index n, const T* a, const T* b, const T* c, T* y) {
  if (n <= kFew && c == nullptr) {
    for (Index i = 0; i < n; ++i) y[i] = a[i] * b[i];
    return;
  }
  for_elements(n, kSimpleGrain, [&](Index from, Index to) {
    multiply_add_part(to - from, a + from, b + from, c == nullptr ? c : c + from, y + from);
  });
}

template <class T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape) {
  check(broadcast_shapes(x.shape(), shape, "broadcast_to") == shape,
        "broadcast_to: the shape {} cannot be stretched to {}", x.shape(), shape);
  Tensor<T> y = Tensor<T>::uninitialized(shape);
  if (y.size() == 0) return y;
  for_each_row(broadcast_loops(x.shape(), x.shape(), shape), x.data(), x.data(), y.data(),
               [](Index n, const T* a, Index step, const T*, Index, T* row) {
                 if (step == 1) {
                   std::copy(a, a + n, row);
                 } else {
                   for (Index i = 0; i < n; ++i) row[i] = a[i * step];
                 }
               });
  return y;
}

#define GLISSADE_INSTANTIATE(T)                                                       \
  template Tensor<T> unary(Unary, const Tensor<T>&);                                  \
  template void unary_in_place(Unary, Tensor<T>&);                                    \
  template Tensor<T> binary(Binary, const Tensor<T>&, const Tensor<T>&, const char*); \
  template void binary_in_place(Binary, Tensor<T>&, const Tensor<T>&, const char*);   \
  template Tensor<T> binary_scalar(Binary, const Tensor<T>&, T);                      \
  template void binary_scalar_in_place(Binary, Tensor<T>&, T);                        \
  template void multiply_add(Index, const T*, const T*, const T*, T*);                \
  template Tensor<T> broadcast_to(const Tensor<T>&, const Shape&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace kernels
}  // namespace glissade
#endif  // HWY_ONCE
