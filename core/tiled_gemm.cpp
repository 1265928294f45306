#include "tiled_gemm.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "glissade/core/allocator.h"
#include "simd_targets.h"

// Vectors of unknown size cannot be in arrays, which the tiles are: on processors with SVE or RVV
// the targets without them are compiled.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tiled_gemm.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off: after foreach_target.h
#include "dispatch.h"
#include "tile-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glissade::HWY_NAMESPACE {

using detail::Product;

// Sums are made in parts of at most this many elements, so that a panel of B and what belongs to it
// of A stay in the caches.
inline constexpr Index kDepth = 256;

// Products of at most this depth and one panel of columns take a shorter way.
inline constexpr Index kSmallDepth = 64;

// Larger parts of op(B) and Aᵀ are copied into panels even if they could be read where they are.
inline constexpr Index kReadInPlaceBytes = Index{192} << 10;
inline constexpr Index kReadTransposedBytes = Index{96} << 10;

// An extent in as few parts of at most `most` as there must be, which differ by at most one. The
// divisions are of 32 bits, since those of 64 take longer than a small tile.
struct Parts {
  Parts(Index extent, Index most) : size(extent) {
    if (extent <= most) return;
    const auto whole = static_cast<std::uint32_t>(extent);
    const auto parts = (whole - 1) / static_cast<std::uint32_t>(most) + 1;
    count = parts;
    size = whole / parts;
    larger = whole % parts;
  }
  Index operator[](Index i) const { return size + (i < larger ? 1 : 0); }

  Index count = 1;
  Index size;
  Index larger = 0;  // so many parts have one more
};

// Memory from the allocator's cache, for what is too large for the stack.
template <class T>
class Scratch {
 public:
  explicit Scratch(Index size)
      : bytes_(static_cast<std::size_t>(size) * sizeof(T)),
        data_(size == 0 ? nullptr : static_cast<T*>(allocate(bytes_))) {}
  ~Scratch() { deallocate(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() const { return data_; }

 private:
  std::size_t bytes_;
  T* data_;
};

// One panel of columns: all rows of C, in tiles, of which the last two are of nearly equal height.
template <class T>
HWY_INLINE void multiply_panel(Tile<T>& t, Index m, Index vectors) {
  const Index most = most_rows(static_cast<int>(vectors));
  const auto& tile_of_rows = tiles<T>[static_cast<std::size_t>(vectors - 1)];
  while (m > 0) {
    const Index height = m >= 2 * most ? most : m > most ? (m + 1) / 2 : m;
    tile_of_rows[static_cast<std::size_t>(height - 1)](t);
    t.a += height * t.a_row;
    t.c += height * t.ldc;
    m -= height;
  }
}

// The columns of op(B) that a panel is made of, in whole vectors: `row` elements apart.
template <class T>
struct Columns {
  const T* first;
  Index row;
};

// `columns` of `depth` rows, which begin at b; copied to `panel`, in rows of `width`, unless they
// can be read where they are.
template <class T>
HWY_INLINE Columns<T> whole_columns(bool transposed, bool in_place, Index columns, Index depth,
                                    const T* b, Index ldb, Index width, T* panel) {
  if (transposed) {
    pack_transposed(columns, depth, b, ldb, width, panel);
  } else if (!in_place || columns < width) {
    pack_rows(depth, columns, b, ldb, width, panel);
  } else {
    return {b, ldb};
  }
  return {panel, width};
}

// The products of the smallest networks, whose result is one panel of columns: nothing is cut into
// parts but the rows.
template <class T>
HWY_INLINE void multiply_one_panel(const Product<T>& p) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const bool a_transposed = p.ta == Transpose::yes;
  const Index vectors = (p.n + lanes - 1) / lanes;
  const Index width = vectors * lanes;
  HWY_ALIGN T panel[kSmallDepth * kMostVectors * hn::MaxLanes(d)];
  const auto [b, b_step] =
      whole_columns(p.tb == Transpose::yes, true, p.n, p.k, p.b, p.ldb, width, panel);
  Tile<T> t{
      p.k, p.a,   a_transposed ? 1 : p.lda, a_transposed ? p.lda : 1, b, b_step, p.alpha, p.beta,
      p.c, p.ldc, p.n - (width - lanes)};
  multiply_panel(t, p.m, vectors);
}

// In parts of the depth; of these in panels of columns, which are packed when they are needed. This
// is the order of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM
// Transactions on Mathematical Software 34 (2008), with one panel of B at a time.
template <class T>
HWY_INLINE void multiply(const Product<T>& p) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  if (p.k <= kSmallDepth && p.n <= kMostVectors * lanes) return multiply_one_panel(p);
  const bool a_transposed = p.ta == Transpose::yes;
  const bool b_transposed = p.tb == Transpose::yes;
  const Parts depths(p.k, kDepth);
  const Parts panels((p.n + lanes - 1) / lanes, kMostVectors);
  const Index depth_most = depths[0];
  const Index item = sizeof(T);
  const bool in_place = !b_transposed && depth_most * p.n * item <= kReadInPlaceBytes;
  const bool pack_a = a_transposed && depth_most * p.m * item > kReadTransposedBytes;
  const Index packed_row = (depth_most + lanes - 1) / lanes * lanes;
  HWY_ALIGN T panel[kDepth * kMostVectors * hn::MaxLanes(d)];
  const Scratch<T> packed_a(pack_a ? p.m * packed_row : 0);
  Index p0 = 0;
  for (Index l = 0; l < depths.count; ++l) {
    const Index depth = depths[l];
    const T* a = p.a + (a_transposed ? p0 * p.lda : p0);
    Index a_row = a_transposed ? 1 : p.lda;
    Index a_step = a_transposed ? p.lda : 1;
    if (pack_a) {
      pack_transposed(depth, p.m, a, p.lda, packed_row, packed_a.data());
      a = packed_a.data();
      a_row = packed_row;
      a_step = 1;
    }
    Index j0 = 0;
    for (Index j = 0; j < panels.count; ++j) {
      const Index vectors = panels[j];
      const Index width = vectors * lanes;
      const Index columns = std::min(width, p.n - j0);
      const T* const from = p.b + (b_transposed ? j0 * p.ldb + p0 : p0 * p.ldb + j0);
      const auto [b, b_step] =
          whole_columns(b_transposed, in_place, columns, depth, from, p.ldb, width, panel);
      Tile<T> t{depth,
                a,
                a_row,
                a_step,
                b,
                b_step,
                p.alpha,
                l == 0 ? p.beta : T{1},
                p.c + j0,
                p.ldc,
                columns - (width - lanes)};
      multiply_panel(t, p.m, vectors);
      j0 += width;
    }
    p0 += depth;
  }
}

void MultiplyFloat(const Product<float>& p) { multiply(p); }
void MultiplyDouble(const Product<double>& p) { multiply(p); }

// With shorter vectors than of 32 bytes nothing was measured, and without any the BLAS library is
// better.
int VectorBytes() { return HWY_TARGET == HWY_SCALAR ? 0 : HWY_MAX_BYTES; }

}  // namespace glissade::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glissade {
namespace {
HWY_EXPORT(MultiplyFloat);
HWY_EXPORT(MultiplyDouble);
HWY_EXPORT(VectorBytes);
}  // namespace

namespace kernels {

// Measured against OpenBLAS 0.3.21, float and double. Its SkylakeX kernels do not pack up to a
// million multiplications: for everything but X Wᵀ they are as good as ours, and better if a row of
// C is too short for vectors. X Wᵀ they compute as dot products, which only pays if the dots are
// long and few. Above that they pack both operands, which takes long for the shapes of small
// networks. Large products they do as well as we, or better. The Haswell kernels always pack, and
// are ahead from a few million multiplications on.
template <class T>
bool prefers_tiled_gemm(const detail::Product<T>& p) {
  constexpr Index kSmall = 1'000'000;
  constexpr Index kMiddle = 4'000'000;
  constexpr Index kLarge = 150'000'000;
  static const int bytes = GLISSADE_DISPATCH(VectorBytes)();
  if (p.m < 2 || p.n < 2 || bytes < 32) return false;
  const Index work = p.m * p.n > kLarge ? kLarge : p.m * p.n * p.k;
  if (bytes == 32) return work < kMiddle && p.m >= 4 && p.n >= 8 && p.m * p.n >= p.k;
  if (work >= kLarge) return false;
  if (work > kSmall) return p.m >= 4 && p.n >= (p.ta == Transpose::yes ? 32 : 10);
  if (p.ta == Transpose::yes) return p.tb == Transpose::no && p.k <= 8 && work <= 4096;
  if (p.tb == Transpose::yes) return p.k <= 16 || (p.m >= 8 && p.n >= 10 && p.m * p.n >= 4 * p.k);
  return p.m <= 16 && p.n >= 16 && p.n <= 32;
}
template bool prefers_tiled_gemm(const detail::Product<float>&);
template bool prefers_tiled_gemm(const detail::Product<double>&);

template <>
void tiled_gemm(const detail::Product<float>& product) {
  GLISSADE_DISPATCH(MultiplyFloat)(product);
}
template <>
void tiled_gemm(const detail::Product<double>& product) {
  GLISSADE_DISPATCH(MultiplyDouble)(product);
}

}  // namespace kernels
}  // namespace glissade
#endif  // HWY_ONCE
