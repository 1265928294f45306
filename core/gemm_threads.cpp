// Products on several threads: the result is cut into as many blocks, each a product of its own.

#include <algorithm>

#include "blas.h"
#include "glissade/core/parallel.h"

namespace glissade::detail {
namespace {

// What is worth a thread of its own: multiplications that take about 5 us, several times what it
// costs to hand work over.
constexpr Index kGrain = Index{1} << 18;
// Blocks begin at multiples of this: no kernel has larger ones that would be cut.
constexpr Index kUnit = 16;

// How many blocks the result has downwards and across.
struct Grid {
  Index rows = 1;
  Index columns = 1;
};

// A block of r rows and c columns reads (r + c) k numbers, which it has to bring into its cache and
// into the kernel's order: the grid with the smallest r + c.
Grid best_grid(Index m, Index n, Index threads) {
  Grid best;
  Index smallest = m + n;
  for (Index rows = 1; rows <= threads; ++rows) {
    const Index columns = threads / rows;
    if (rows * columns != threads || rows > (m + kUnit - 1) / kUnit ||
        columns > (n + kUnit - 1) / kUnit) {
      continue;
    }
    const Index reads = (m + rows - 1) / rows + (n + columns - 1) / columns;
    if (reads < smallest) {
      smallest = reads;
      best = {rows, columns};
    }
  }
  return best;
}

// Where part i of `parts` begins in 0 ... extent.
Index begin_of(Index i, Index parts, Index extent) {
  const Index units = (extent + kUnit - 1) / kUnit;
  return std::min(units * i / parts * kUnit, extent);
}

}  // namespace

template <class T>
void gemm_on_threads(const Product<T>& p) {
  const double multiplications =
      static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  if (multiplications < 2.0 * kGrain || available_threads() == 1 || ready_blas().serial) {
    return gemm_one_thread(p);
  }
  Grid grid;
  const double fit = multiplications / kGrain;
  Index threads = std::min(available_threads(), kMostParts);
  if (fit < static_cast<double>(threads)) threads = static_cast<Index>(fit);
  for (; threads > 1 && grid.rows * grid.columns == 1; --threads) {
    grid = best_grid(p.m, p.n, threads);
  }
  parallel_parts(static_cast<int>(grid.rows * grid.columns), [&](int part) {
    const Index row = begin_of(part / grid.columns, grid.rows, p.m);
    const Index column = begin_of(part % grid.columns, grid.columns, p.n);
    Product<T> block = p;
    block.m = begin_of(part / grid.columns + 1, grid.rows, p.m) - row;
    block.n = begin_of(part % grid.columns + 1, grid.columns, p.n) - column;
    block.a += row * (p.ta == Transpose::yes ? 1 : p.lda);
    block.b += column * (p.tb == Transpose::yes ? p.ldb : 1);
    block.c += row * p.ldc + column;
    gemm_one_thread(block);
  });
}

template void gemm_on_threads(const Product<float>&);
template void gemm_on_threads(const Product<double>&);

}  // namespace glissade::detail
