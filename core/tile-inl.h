// The innermost part of our matrix product, compiled once for each instruction set (see
// simd-inl.h): a tile of C that stays in registers, and the packing of B and A for it.

#if defined(GLISSADE_CORE_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GLISSADE_CORE_TILE_INL_H_
#undef GLISSADE_CORE_TILE_INL_H_
#else
#define GLISSADE_CORE_TILE_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {

// Tiles fill the registers: 6 rows of 4 vectors with 32 registers, of 2 vectors with 16. Narrower
// tiles have more rows, so that enough sums run side by side.
#if HWY_TARGET == HWY_AVX2
inline constexpr int kMostVectors = 2;
constexpr int most_rows(int vectors) { return vectors == 1 ? 12 : 6; }
#elif HWY_TARGET == HWY_SCALAR
inline constexpr int kMostVectors = 4;
constexpr int most_rows(int) { return 2; }
#else
inline constexpr int kMostVectors = 4;
constexpr int most_rows(int vectors) { return vectors <= 2 ? 12 : vectors == 3 ? 8 : 6; }
#endif
inline constexpr int kMostRows = 12;

template <class T>
struct Tile {
  Index depth;  // of the sums
  // Element (row, p) of op(A) is a[row * a_row + p * a_step].
  const T* a;
  Index a_row;
  Index a_step;
  // Row p of op(B) begins at b + p * b_step, and all its vectors are whole.
  const T* b;
  Index b_step;
  T alpha;
  T beta;
  T* c;
  Index ldc;
  Index last;  // columns in the last vector of C
};

// C = alpha op(A) op(B) + beta C for kRows rows and kVectors vectors of columns. Each sum is made
// from the first p to the last by fused multiply-adds, whatever the tile's size: an element's bits
// do not depend on how C is cut into tiles.
template <class T, int kRows, int kVectors>
void tile(const Tile<T>& t) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  V sum[kRows][kVectors];
  const T* a[kRows];
  a[0] = t.a;
#pragma GCC unroll 16
  for (int i = 1; i < kRows; ++i) a[i] = a[i - 1] + t.a_row;
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) sum[i][v] = hn::Zero(d);
  }

  const T* b = t.b;
  const Index b_step = t.b_step;
  const Index a_step = t.a_step;
  Index at = 0;
  for (Index p = t.depth; p > 0; --p, at += a_step, b += b_step) {
    V row[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) row[v] = hn::LoadU(d, b + v * lanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const V x = hn::Set(d, a[i][at]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) sum[i][v] = hn::MulAdd(x, row[v], sum[i][v]);
    }
  }

  if (t.alpha != T{1}) {
    const V alpha = hn::Set(d, t.alpha);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) sum[i][v] = hn::Mul(alpha, sum[i][v]);
    }
  }
  T* const c = t.c;
  const Index ldc = t.ldc;
  const Index last = t.last;
  const Index last_vector = (kVectors - 1) * lanes;
  if (t.beta != T{0}) {
    const V beta = hn::Set(d, t.beta);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
      for (int v = 0; v + 1 < kVectors; ++v) {
        sum[i][v] = hn::MulAdd(beta, hn::LoadU(d, c + i * ldc + v * lanes), sum[i][v]);
      }
    }
    if (last == lanes) {
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {
        V& s = sum[i][kVectors - 1];
        s = hn::MulAdd(beta, hn::LoadU(d, c + i * ldc + last_vector), s);
      }
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {
        V& s = sum[i][kVectors - 1];
        s = hn::MulAdd(beta, load_first(d, c + i * ldc + last_vector, last), s);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v + 1 < kVectors; ++v) hn::StoreU(sum[i][v], d, c + i * ldc + v * lanes);
  }
  if (last == lanes) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      hn::StoreU(sum[i][kVectors - 1], d, c + i * ldc + last_vector);
    }
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      store_first(sum[i][kVectors - 1], d, c + i * ldc + last_vector, last);
    }
  }
}

template <class T>
using TileFunction = void (*)(const Tile<T>&);

// The tiles of each number of rows (from 1) that are `kVectors` wide; null where there is none.
template <class T, int kVectors, std::size_t... kRowsBefore>
constexpr std::array<TileFunction<T>, sizeof...(kRowsBefore)> tiles_of_width(
    std::index_sequence<kRowsBefore...>) {
  const auto one = [](auto rows) -> TileFunction<T> {
    constexpr int kRows = decltype(rows)::value;
    if constexpr (kRows <= most_rows(kVectors)) return &tile<T, kRows, kVectors>;
    return nullptr;
  };
  return {one(std::integral_constant<int, static_cast<int>(kRowsBefore) + 1>())...};
}

template <class T, std::size_t... kVectorsBefore>
constexpr std::array<std::array<TileFunction<T>, kMostRows>, sizeof...(kVectorsBefore)> all_tiles(
    std::index_sequence<kVectorsBefore...>) {
  return {tiles_of_width<T, static_cast<int>(kVectorsBefore) + 1>(
      std::make_index_sequence<kMostRows>())...};
}

// tiles[vectors - 1][rows - 1]
template <class T>
inline constexpr auto tiles = all_tiles<T>(std::make_index_sequence<kMostVectors>());

// --- Packing ---------------------------------------------------------------------------------

// Copies `rows` rows of `columns` elements, `ld` apart, to rows of `width` elements, a multiple of
// the vector's; what is behind the columns becomes 0 up to the end of their last vector.
template <class T>
HWY_INLINE void pack_rows(Index rows, Index columns, const T* from, Index ld, Index width, T* to) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const Index whole = columns - columns % lanes;
  for (; rows > 0; --rows, from += ld, to += width) {
    for (Index j = 0; j < whole; j += lanes) hn::Store(hn::LoadU(d, from + j), d, to + j);
    if (whole < columns) {
      hn::Store(load_first(d, from + whole, columns - whole), d, to + whole);
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// A vector whose block number b is the 16 bytes at at(b).
template <class D, class At>
HWY_INLINE hn::Vec<D> blocks(D d, const At& at) {
  constexpr std::size_t kBlock = 16 / sizeof(hn::TFromD<D>);
  constexpr std::size_t kBlocks = hn::MaxLanes(D()) / kBlock;
  auto result = hn::LoadDup128(d, at(kBlocks - 1));
#pragma GCC unroll 4
  for (std::size_t b = kBlocks - 1; b > 0; --b) {
    result = hn::IfThenElse(hn::FirstN(d, b * kBlock), hn::LoadDup128(d, at(b - 1)), result);
  }
  return result;
}

// Four columns of as many rows as a vector has lanes, transposed: row 4 b + r, which begins at
// row(b, r), comes into block b.
template <class D, class Row>
HWY_INLINE void transpose_columns(D d, const Row& row, Index width, float* to) {
  const auto every_fourth = [&](std::size_t r) HWY_ATTR {
    return blocks(d, [&](std::size_t b) { return row(b, r); });
  };
  const auto v0 = every_fourth(0);
  const auto v1 = every_fourth(1);
  const auto v2 = every_fourth(2);
  const auto v3 = every_fourth(3);
  const hn::Repartition<double, D> pairs;
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, v0, v1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, v2, v3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, v0, v1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, v2, v3));
  hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, to);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, to + width);
  hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, to + 2 * width);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, to + 3 * width);
}

// Two columns, for double: row 2 b + r comes into block b.
template <class D, class Row>
HWY_INLINE void transpose_columns(D d, const Row& row, Index width, double* to) {
  const auto every_second = [&](std::size_t r) HWY_ATTR {
    return blocks(d, [&](std::size_t b) { return row(b, r); });
  };
  const auto v0 = every_second(0);
  const auto v1 = every_second(1);
  hn::Store(hn::InterleaveLower(d, v0, v1), d, to);
  hn::Store(hn::InterleaveUpper(d, v0, v1), d, to + width);
}

// The same for all columns, of which there are at least four (two, for double). The last block
// begins earlier, and is partly transposed twice. row(b, r, p) is where column p of a row is.
template <class D, class T, class Row>
HWY_INLINE void transpose_rows(D d, Index columns, const Row& row, Index width, T* to) {
  constexpr Index kBlock = 16 / sizeof(T);
  constexpr Index kLine = 64 / sizeof(T);  // the next one of each row is fetched ahead
  constexpr std::size_t kBlocks = hn::MaxLanes(D()) / kBlock;
  for (Index p = 0; p < columns; p += kBlock) {
    if (p % kLine == 0 && p + kLine < columns) {
      for (std::size_t b = 0; b < kBlocks; ++b) {
        for (std::size_t r = 0; r < kBlock; ++r) __builtin_prefetch(row(b, r, p + kLine));
      }
    }
    const Index at = std::min(p, columns - kBlock);
    transpose_columns(
        d, [&](std::size_t b, std::size_t r) { return row(b, r, at); }, width, to + at * width);
  }
}
#endif

// The transpose of `rows` rows of `columns` elements, `ld` apart: `columns` rows of `width`
// elements, a multiple of the vector's. Behind the rows the last one is repeated.
template <class T>
HWY_INLINE void pack_transposed(Index rows, Index columns, const T* from, Index ld, Index width,
                                T* to) {
  const hn::ScalableTag<T> d;
  constexpr std::size_t kMaxLanes = hn::MaxLanes(d);
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  for (Index first = 0; first < width; first += lanes, from += lanes * ld, to += lanes) {
    const Index left = rows - first;
#if HWY_TARGET != HWY_SCALAR
    constexpr std::size_t kBlock = 16 / sizeof(T);
    if (columns >= static_cast<Index>(kBlock) && left >= lanes) {
      const T* const begin = from;
      const auto row = [begin, ld](std::size_t b, std::size_t r, Index p) {
        return begin + static_cast<Index>(kBlock * b) * ld + (static_cast<Index>(r) * ld + p);
      };
      transpose_rows(d, columns, row, width, to);
      continue;
    }
    if (columns == 2 && ld == 2 && left >= lanes) {  // points of a plane
      auto x = hn::Zero(d);
      auto y = x;
      hn::LoadInterleaved2(d, from, x, y);
      hn::Store(x, d, to);
      hn::Store(y, d, to + width);
      continue;
    }
#endif
    const T* begins[kMaxLanes];
    for (Index r = 0; r < lanes; ++r) begins[r] = from + std::min(r, left - 1) * ld;
#if HWY_TARGET != HWY_SCALAR
    if (columns >= static_cast<Index>(kBlock)) {
      const auto row = [&begins](std::size_t b, std::size_t r, Index p) {
        return begins[kBlock * b + r] + p;
      };
      transpose_rows(d, columns, row, width, to);
      continue;
    }
#endif
    for (Index p = 0; p < columns; ++p) {
      for (Index r = 0; r < lanes; ++r) to[p * width + r] = begins[r][p];
    }
  }
}

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // GLISSADE_CORE_TILE_INL_H_
