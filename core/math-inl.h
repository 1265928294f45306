// Vector mathematics, compiled once for each instruction set (see simd-inl.h). Functions that
// Highway has are Highway's, completed at the ends of their ranges: infinities and NaN give what
// std:: gives. The others, and tanh, which is twice as fast here, are at most 7 units in the last
// place off (tanh 3, erf 3.5).

#if defined(GLISSADE_CORE_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GLISSADE_CORE_MATH_INL_H_
#undef GLISSADE_CORE_MATH_INL_H_
#else
#define GLISSADE_CORE_MATH_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <limits>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE hn::Vec<D> infinity(D d) {
  return hn::Set(d, std::numeric_limits<hn::TFromD<D>>::infinity());
}

template <class D, class V>
HWY_INLINE V keep_nan(D, V x, V result) {
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

// f(x), which is e^x or e^x - 1, up to where the result is infinite: beyond, Highway's scaling by
// 2^n leaves its range.
template <class D, class V, class F>
HWY_INLINE V complete_exp(D d, V x, const F& f) {
  using T = hn::TFromD<D>;
  const V limit = hn::Set(d, static_cast<T>(sizeof(T) == 4 ? 88.73 : 709.79));
  const V finite = f(hn::Min(x, limit));
  return keep_nan(d, x, hn::IfThenElse(hn::Ge(x, limit), infinity(d), finite));
}

template <class D, class V>
HWY_INLINE V exp(D d, V x) {
  return complete_exp(d, x, [d](V v) HWY_ATTR { return hn::Exp(d, v); });
}

template <class D, class V>
HWY_INLINE V expm1(D d, V x) {
  return complete_exp(d, x, [d](V v) HWY_ATTR { return hn::Expm1(d, v); });
}

// `result` = log(positive), or log1p(positive - 1), completed for the other values of `positive`.
template <class D, class V>
HWY_INLINE V complete_log(D d, V positive, V result) {
  using T = hn::TFromD<D>;
  const V zero = hn::Zero(d);
  result = hn::IfThenElse(hn::Eq(positive, zero), hn::Neg(infinity(d)), result);
  result = hn::IfThenElse(hn::Lt(positive, zero), hn::Set(d, std::numeric_limits<T>::quiet_NaN()),
                          result);
  result = hn::IfThenElse(hn::Eq(positive, infinity(d)), positive, result);
  return keep_nan(d, positive, result);
}

template <class D, class V>
HWY_INLINE V log(D d, V x) {
  return complete_log(d, x, hn::Log(d, x));
}

template <class D, class V>
HWY_INLINE V log1p(D d, V x) {
  return complete_log(d, hn::Add(x, hn::Set(d, hn::TFromD<D>{1})), hn::Log1p(d, x));
}

// The coefficients of polynomials, from the constant on. They interpolate at the zeros of a
// Chebyshev polynomial, so that the largest error, which is said, is within a few per cent of the
// least.
template <class T>
struct Coefficients;

template <>
struct Coefficients<float> {
  // (e^r - 1 - r) / r^2 for |r| <= log(2) / 2: 3e-9 of it
  static constexpr float expm1[] = {0.5000000013F,   0.1666666668F, 0.04166646493F,
                                    0.008333310925F, 0.001393365F,  0.0001989099082F};
  // erf(x) / x in powers of x^2, for |x| <= 1: 1.3e-9
  static constexpr float erf[] = {1.128379166F,    -0.3761262667F,  0.1128359472F,
                                  -0.02685421201F, 0.005189087423F, -0.0008016864287F,
                                  7.875875063e-05F};
  // (1 + 2 x) e^(x^2) erfc(x) in powers of (x - centre) / (x + centre), for 0 <= x <= most: 3e-9
  static constexpr float erfc[] = {1.253008058F,      -0.1356211434F,   -0.04756228054F,
                                   0.1296465756F,     -0.1192726527F,   0.06829350976F,
                                   -0.02379023418F,   0.002579434685F,  0.001994474591F,
                                   -0.0007983391415F, -0.0002773269222F};
  // (2 atanh(s) / s - 2) / s^2 in powers of s^2, for 0 <= s <= 1/3: 1e-8
  static constexpr float atanh[] = {0.6666666732F, 0.3999970633F, 0.2859235799F, 0.217065758F,
                                    0.2322432922F};
  static constexpr float erfc_centre = 3.0F;
  static constexpr float erfc_most = 10.1F;  // where erfc(x) becomes 0
  static constexpr float tanh_most = 10.0F;  // where tanh(x) has become 1
};

template <>
struct Coefficients<double> {  // errors: 3e-18, 8e-18, 1.2e-17, 1.3e-16
  static constexpr double expm1[] = {0.5,
                                     0.166666666666666713,
                                     0.0416666666666666713,
                                     0.00833333333332613585,
                                     0.00138888888888837481,
                                     0.000198412698748206266,
                                     2.48015873255477427e-05,
                                     2.75572554002064223e-06,
                                     2.75572736431102974e-07,
                                     2.51052170047207447e-08,
                                     2.09146869680868758e-09};
  static constexpr double erf[] = {
      1.12837916709551256,      -0.376126389031835429,    0.112837916709450065,
      -0.0268661706432377703,   0.00522397760711642255,   -0.000854832597538969182,
      0.000120552949048397074,  -1.49247369074196605e-05, 1.64474247033173623e-06,
      -1.62084838018717052e-07, 1.37200645467776862e-08,  -7.79589882700214246e-10};
  static constexpr double erfc[] = {
      1.24234924487115439,      -0.140009180137619205,    -0.0105555963322173946,
      0.0975190951532331762,    -0.115089598160261819,    0.0879831538257394852,
      -0.048823325825829586,    0.0190993309285998787,    -0.00421501993865602744,
      -0.000302267757480882107, 0.000564384681427096305,  -0.000121513047854677483,
      -4.27836157989692443e-05, 2.4262985810030896e-05,   2.33291686409340647e-06,
      -3.81864533188283233e-06, -5.39765981247921714e-08, 6.05593815541299244e-07,
      4.73292645894259317e-09,  -9.69135844847489915e-08, -8.66525002615075469e-09,
      1.15970552792999365e-08,  2.89462218762522496e-09};
  static constexpr double atanh[] = {
      0.66666666666666663,   0.40000000000014585, 0.285714285671087587, 0.222222227174278641,
      0.181817894361328586,  0.15385570064958623, 0.133141442096549351, 0.120010728095907127,
      0.0880073848614467413, 0.161640456119435311};
  static constexpr double erfc_centre = 3.5;
  static constexpr double erfc_most = 27.5;
  static constexpr double tanh_most = 20.0;
};

// c[0] + c[1] x + c[2] x^2 + ...: even and odd powers in chains of their own.
template <class D, class V, class T, std::size_t n>
HWY_INLINE V polynomial(D d, V x, const T (&c)[n]) {
  const V square = hn::Mul(x, x);
  V a = hn::Set(d, c[n - 1]);
  V b = hn::Set(d, c[n - 2]);
#pragma GCC unroll 16
  for (std::size_t i = n - 2; i >= 2; i -= 2) {
    a = hn::MulAdd(a, square, hn::Set(d, c[i - 1]));
    b = hn::MulAdd(b, square, hn::Set(d, c[i - 2]));
  }
  if constexpr (n % 2 == 0) return hn::MulAdd(a, x, b);
  return hn::MulAdd(b, x, hn::MulAdd(a, square, hn::Set(d, c[0])));
}

// The smaller of x and `most`, and NaN where x is NaN.
template <class D, class V>
HWY_INLINE V at_most(D d, V x, hn::TFromD<D> most) {
  const V limit = hn::Set(d, most);
  return hn::IfThenElse(hn::Gt(x, limit), limit, x);
}

// 2^kExtra e^x = power + power * small, where power = 2^(n + kExtra) with the integer n nearest to
// x / log(2), and small = e^(x - n log(2)) - 1; where the power is a normal number.
template <int kExtra, class D, class V>
struct ExpParts {
  HWY_INLINE ExpParts(D d, V x) {
    using T = hn::TFromD<D>;
    constexpr int kMantissa = std::numeric_limits<T>::digits - 1;
    // Added to this number, a small one is rounded to an integer, in the last bits of the sum.
    const V shift = hn::Set(d, static_cast<T>(std::uint64_t{3} << (kMantissa - 1)));
    const V shifted = hn::MulAdd(x, hn::Set(d, static_cast<T>(1.4426950408889634)), shift);
    const V n = hn::Sub(shifted, shift);
    constexpr T kLog2 = static_cast<T>(0.69314718055994531);
    constexpr T kRest = static_cast<T>(sizeof(T) == 8 ? 2.3190468138462996e-17 : -1.9046543e-9);
    const V near = hn::NegMulAdd(n, hn::Set(d, kLog2), x);
    const V r = hn::NegMulAdd(n, hn::Set(d, kRest), near);  // log(2) is kLog2 + kRest
    small = hn::MulAdd(hn::Mul(r, r), polynomial(d, r, Coefficients<T>::expm1), r);
    const hn::RebindToUnsigned<D> bits;
    const auto exponent = hn::ShiftLeft<kMantissa>(hn::BitCast(bits, shifted));
    const V extra = hn::Set(d, static_cast<T>(std::uint64_t{1} << kExtra));
    power = hn::BitCast(d, hn::Add(exponent, hn::BitCast(bits, extra)));
  }

  V power;
  V small;
};

// e^x for x <= 0, denormal numbers too.
template <class D, class V>
HWY_INLINE V exp_of_at_most_0(D d, V x) {
  using T = hn::TFromD<D>;
  constexpr int kExtra = sizeof(T) == 4 ? 30 : 60;
  const ExpParts<kExtra, D, V> e(d, x);
  const V small = hn::Set(d, T{1} / static_cast<T>(std::uint64_t{1} << kExtra));
  const V result = hn::Mul(hn::MulAdd(e.power, e.small, e.power), small);
  const auto vanishes = hn::Lt(x, hn::Set(d, static_cast<T>(sizeof(T) == 4 ? -105.0 : -746.0)));
  return hn::IfThenZeroElse(vanishes, result);
}

// (e^2x - 1) / (e^2x + 1), where e^2x - 1 = power - 1 + power * small is accurate near 0 too.
template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  using T = hn::TFromD<D>;
  const V y = at_most(d, hn::Abs(x), Coefficients<T>::tanh_most);
  const ExpParts<0, D, V> e(d, hn::Add(y, y));
  const V expm1 = hn::MulAdd(e.power, e.small, hn::Sub(e.power, hn::Set(d, T{1})));
  return hn::CopySign(hn::Div(expm1, hn::Add(expm1, hn::Set(d, T{2}))), x);
}

// erfc(x) for x >= 0, where square + rest = x^2. From Shepherd and Laframboise, "Chebyshev
// approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity", Mathematics of Computation 36
// (1981).
template <class D, class V>
HWY_INLINE V erfc_positive(D d, V x, V square, V rest) {
  using T = hn::TFromD<D>;
  using C = Coefficients<T>;
  const V centre = hn::Set(d, C::erfc_centre);
  const V q = hn::Div(hn::Sub(x, centre), hn::Add(x, centre));
  const V scaled =
      hn::Div(polynomial(d, q, C::erfc), hn::MulAdd(x, hn::Set(d, T{2}), hn::Set(d, T{1})));
  const V factor = hn::Exp(d, hn::Neg(square));
  return hn::Mul(scaled, hn::NegMulAdd(factor, rest, factor));
}

template <class D, class V>
HWY_INLINE V erf(D d, V x) {
  using T = hn::TFromD<D>;
  using C = Coefficients<T>;
  const V y = at_most(d, hn::Abs(x), C::erfc_most);
  const V square = hn::Mul(y, y);
  const V one = hn::Set(d, T{1});
  const V far = hn::Sub(one, erfc_positive(d, y, square, hn::MulSub(y, y, square)));
  const V near = hn::Mul(y, polynomial(d, square, C::erf));
  return hn::CopySign(hn::IfThenElse(hn::Lt(y, one), near, far), x);
}

// The normal distribution function, erfc(-x / sqrt 2) / 2: accurate in both tails.
template <class D, class V>
HWY_INLINE V normal_cdf(D d, V x) {
  using T = hn::TFromD<D>;
  const V half = hn::Set(d, T{0.5});
  const V y =
      at_most(d, hn::Abs(x), static_cast<T>(Coefficients<T>::erfc_most * 1.4142135623730950));
  const V square = hn::Mul(y, y);
  const V rest = hn::Mul(half, hn::MulSub(y, y, square));
  const V scaled = hn::Mul(y, hn::Set(d, static_cast<T>(0.70710678118654752)));
  const V tail = hn::Mul(half, erfc_positive(d, scaled, hn::Mul(half, square), rest));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Sub(hn::Set(d, T{1}), tail), tail);
}

template <class D, class V>
HWY_INLINE V exp_minus_abs(D d, V x) {
  return exp_of_at_most_0(d, hn::Neg(hn::Abs(x)));
}

// 1 / (1 + e^-x), or e^x / (1 + e^x) for negative x.
template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, hn::TFromD<D>{1});
  const V e = exp_minus_abs(d, x);
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

// log(1 + x) for 0 <= x <= 1 from s = x / (2 + x): 2 atanh(s), where 2 s = x - s x.
template <class D, class V>
HWY_INLINE V log1p_from(D d, V x, V s) {
  const V square = hn::Mul(s, s);
  const V rest = hn::Mul(square, polynomial(d, square, Coefficients<hn::TFromD<D>>::atanh));
  return hn::NegMulAdd(s, hn::Sub(x, rest), x);
}
template <class D, class V>
HWY_INLINE V log1p_of_at_most_1(D d, V x) {
  return log1p_from(d, x, hn::Div(x, hn::Add(x, hn::Set(d, hn::TFromD<D>{2}))));
}

// max(x, 0) + log(1 + e^-|x|)
template <class D, class V>
HWY_INLINE V softplus(D d, V x) {
  const V tail = log1p_of_at_most_1(d, exp_minus_abs(d, x));
  return hn::Add(hn::Max(x, hn::Zero(d)), tail);
}

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // GLISSADE_CORE_MATH_INL_H_
