#include "rng_fill.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "glissade/core/rng.h"
#include "simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rng_fill.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "hwy/highway.h"
// clang-format on

// As in rng.cpp, only operations that IEEE 754 defines to the last bit: no MulAdd, which is fused
// on some instruction sets and not on others, and no approximations.

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR  // vectors of one lane, which cannot hold half a block
void PhiloxBlocks(std::uint64_t key, std::uint64_t stream, std::uint64_t first, std::size_t blocks,
                  std::uint32_t* words) {
  for (std::uint64_t index = first; index < first + blocks; ++index, words += 4) {
    const auto block = philox4x32(detail::words_of(index, stream), detail::words_of(key));
    std::copy(block.begin(), block.end(), words);
  }
}
#else
// Each 64-bit lane computes one block, of which it holds the words in its lower half; what the
// upper half holds has no effect. Even lanes take the first half of the blocks, odd lanes the
// second: after interleaving they are in order.
void PhiloxBlocks(std::uint64_t key, std::uint64_t stream, std::uint64_t first, std::size_t blocks,
                  std::uint32_t* words) {
  const hn::ScalableTag<std::uint64_t> d;
  const hn::Repartition<std::uint32_t, decltype(d)> d32;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN std::uint64_t order[HWY_MAX_BYTES / sizeof(std::uint64_t)];
  for (std::size_t i = 0; i < lanes; ++i) order[i] = i / 2 + i % 2 * (lanes / 2);
  const auto offsets = hn::Load(d, order);
  const auto low_half = hn::Set(d, 0xFFFFFFFF);
  const auto multiplier0 = hn::Set(d32, 0xD2511F53);
  const auto multiplier1 = hn::Set(d32, 0xCD9E8D57);

  for (std::size_t block = 0; block < blocks; block += lanes) {
    const auto index = hn::Add(hn::Set(d, first + block), offsets);
    auto c0 = index;
    auto c1 = hn::ShiftRight<32>(index);
    auto c2 = hn::Set(d, stream);
    auto c3 = hn::Set(d, stream >> 32);
    auto k0 = static_cast<std::uint32_t>(key);
    auto k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
      const auto p0 = hn::MulEven(hn::BitCast(d32, c0), multiplier0);
      const auto p1 = hn::MulEven(hn::BitCast(d32, c2), multiplier1);
      c0 = hn::Xor(hn::ShiftRight<32>(p1), hn::Xor(c1, hn::Set(d, k0)));
      c1 = p1;
      c2 = hn::Xor(hn::ShiftRight<32>(p0), hn::Xor(c3, hn::Set(d, k1)));
      c3 = p0;
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    const auto c01 = hn::Or(hn::And(c0, low_half), hn::ShiftLeft<32>(c1));
    const auto c23 = hn::Or(hn::And(c2, low_half), hn::ShiftLeft<32>(c3));
    const auto front = hn::BitCast(d32, hn::InterleaveLower(d, c01, c23));
    const auto back = hn::BitCast(d32, hn::InterleaveUpper(d, c01, c23));
    if (blocks - block >= lanes) {
      hn::StoreU(front, d32, words + 4 * block);
      hn::StoreU(back, d32, words + 4 * block + 2 * lanes);
    } else {
      HWY_ALIGN std::uint32_t rest[2 * HWY_MAX_BYTES / sizeof(std::uint32_t)];
      hn::Store(front, d32, rest);
      hn::Store(back, d32, rest + 2 * lanes);
      std::copy(rest, rest + 4 * (blocks - block), words + 4 * block);
    }
  }
}

#endif

// values[i] = f(words[i]).
template <class F>
HWY_INLINE void map_words(const std::uint32_t* words, std::size_t count, float* values,
                          const F& f) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::RebindToUnsigned<decltype(d)> du;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(f(d, di, hn::BitCast(di, hn::LoadU(du, words + i))), d, values + i);
  }
  if (i == count) return;
  HWY_ALIGN std::uint32_t rest[HWY_MAX_BYTES / sizeof(std::uint32_t)] = {};
  HWY_ALIGN float result[HWY_MAX_BYTES / sizeof(float)];
  std::copy(words + i, words + count, rest);
  hn::Store(f(d, di, hn::BitCast(di, hn::Load(du, rest))), d, result);
  std::copy(result, result + (count - i), values + i);
}

struct Uniform {
  float low;
  float high;
  template <class D, class DI>
  HWY_INLINE hn::Vec<D> operator()(D d, DI di, hn::Vec<DI> word) const {
    const hn::RebindToUnsigned<D> du;
    const auto top24 = hn::BitCast(di, hn::ShiftRight<8>(hn::BitCast(du, word)));
    const auto unit = hn::Mul(hn::ConvertTo(d, top24), hn::Set(d, 0x1p-24F));
    const auto value = hn::Add(hn::Set(d, low), hn::Mul(unit, hn::Set(d, high - low)));
    // Rounding may carry the sum up to `high`, which the range leaves out.
    return hn::Min(value, hn::Set(d, std::nextafter(high, low)));
  }
};
void UniformFromWords(const std::uint32_t* words, std::size_t count, float low, float high,
                      float* values) {
  map_words(words, count, values, Uniform{low, high});
}

template <class D, std::size_t N>
HWY_INLINE hn::Vec<D> polynomial(D d, const float (&coefficients)[N], hn::Vec<D> x) {
  auto sum = hn::Set(d, coefficients[N - 1]);
  for (std::size_t i = N - 1; i-- > 0;) sum = hn::Add(hn::Mul(sum, x), hn::Set(d, coefficients[i]));
  return sum;
}

// The logarithm of a normal positive x, as log_ieee in rng.cpp.
template <class D, class DI>
HWY_INLINE hn::Vec<D> log_ieee(D d, DI di, hn::Vec<D> x) {
  static constexpr float kSeries[] = {2.0F, 2.0F / 3, 2.0F / 5, 2.0F / 7, 2.0F / 9, 2.0F / 11};
  const auto bits = hn::BitCast(di, x);
  const auto exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));
  const auto m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent)));
  const auto one = hn::Set(d, 1.0F);
  const auto s = hn::Div(hn::Sub(m, one), hn::Add(m, one));
  const auto log_m = hn::Mul(s, polynomial(d, kSeries, hn::Mul(s, s)));
  return hn::Add(hn::Mul(hn::ConvertTo(d, exponent), hn::Set(d, 0x1.62e430p-1F)), log_m);
}

// AS 241, PPND7, at the probability (word + 1/2) / 2^32. Its distances from 1/2 and from the nearer
// end, 0 or 1, are taken from the integer, before digits are lost.
struct Normal {
  float mean;
  float std;
  template <class D, class DI>
  HWY_INLINE hn::Vec<D> operator()(D d, DI di, hn::Vec<DI> word) const {
    static constexpr float kA[] = {3.3871327179e0F, 5.0434271938e1F, 1.5929113202e2F,
                                   5.9109374720e1F};
    static constexpr float kB[] = {1.0F, 1.7895169469e1F, 7.8757757664e1F, 6.7187563600e1F};
    static constexpr float kC[] = {1.4234372777e0F, 2.7568153900e0F, 1.3067284816e0F,
                                   1.7023821103e-1F};
    static constexpr float kD[] = {1.0F, 7.3700164250e-1F, 1.2021132975e-1F};
    const auto half = hn::Set(d, 0.5F);
    const auto unit = hn::Set(d, 0x1p-32F);
    const auto centred = hn::Xor(word, hn::Set(di, std::numeric_limits<std::int32_t>::min()));
    const auto q = hn::Mul(hn::Add(hn::ConvertTo(d, centred), half), unit);
    const auto r = hn::Sub(hn::Set(d, 0.180625F), hn::Mul(q, q));
    const auto central = hn::Div(hn::Mul(q, polynomial(d, kA, r)), polynomial(d, kB, r));

    // 2^31 - 1 - centred, or centred + 2^31 if it is negative.
    const auto to_edge = hn::Xor(hn::Xor(centred, hn::BroadcastSignBit(centred)),
                                 hn::Set(di, std::numeric_limits<std::int32_t>::max()));
    const auto tail = hn::Mul(hn::Add(hn::ConvertTo(d, to_edge), half), unit);
    const auto t = hn::Sub(hn::Sqrt(hn::Neg(log_ieee(d, di, tail))), hn::Set(d, 1.6F));
    const auto magnitude = hn::Div(polynomial(d, kC, t), polynomial(d, kD, t));

    const auto is_central = hn::Le(hn::Abs(q), hn::Set(d, 0.425F));
    const auto quantile = hn::IfThenElse(is_central, central, hn::CopySign(magnitude, q));
    return hn::Add(hn::Set(d, mean), hn::Mul(hn::Set(d, std), quantile));
  }
};
void NormalFromWords(const std::uint32_t* words, std::size_t count, float mean, float std,
                     float* values) {
  map_words(words, count, values, Normal{mean, std});
}

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade {
HWY_EXPORT(PhiloxBlocks);
HWY_EXPORT(UniformFromWords);
HWY_EXPORT(NormalFromWords);

void detail::philox_blocks(std::uint64_t key, std::uint64_t stream, std::uint64_t first,
                           std::size_t blocks, std::uint32_t* words) {
  HWY_DYNAMIC_DISPATCH(PhiloxBlocks)(key, stream, first, blocks, words);
}
void detail::uniform_from_words(const std::uint32_t* words, std::size_t count, float low,
                                float high, float* values) {
  HWY_DYNAMIC_DISPATCH(UniformFromWords)(words, count, low, high, values);
}
void detail::normal_from_words(const std::uint32_t* words, std::size_t count, float mean, float std,
                               float* values) {
  HWY_DYNAMIC_DISPATCH(NormalFromWords)(words, count, mean, std, values);
}

}  // namespace glissade
#endif
