#pragma once

// Element-wise work on several threads.

#include <algorithm>

#include "glissade/core/parallel.h"

namespace glissade::kernels {

// How many elements are worth a thread of their own: both take some 5 us, several times what it
// costs to hand work over.
constexpr Index kSimpleGrain = Index{1} << 15;    // reading and writing, a few operations
constexpr Index kFunctionGrain = Index{1} << 13;  // exp and its like

// Up to so many elements a plain loop is faster than finding the vectors' code.
constexpr Index kFew = 8;

// The sum of squares in double: of a few elements, and where squares leave float's range.
template <class T>
double squares_in_double(Index n, const T* x) {
  double total = 0.0;
  for (Index i = 0; i < n; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return total;
}

// Calls f(from, to) on parts of 0 ... n - 1 that begin at whole cache lines; at once for n < 2
// grain.
template <class F>
void for_elements(Index n, Index grain, const F& f) {
  if (n < 2 * grain) return f(Index{0}, n);
  constexpr Index kLine = 64;
  parallel_for(0, (n + kLine - 1) / kLine, grain / kLine,
               [&](Index from, Index to) { f(from * kLine, std::min(to * kLine, n)); });
}

// The same for rows of n elements each. A division takes as long as some rows do.
template <class F>
void for_rows(Index rows, Index n, Index grain, const F& f) {
  if (rows * n < 2 * grain) return f(Index{0}, rows);
  parallel_for(0, rows, std::max<Index>(1, grain / std::max<Index>(1, n)), f);
}

}  // namespace glissade::kernels
