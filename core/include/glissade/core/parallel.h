#pragma once

// Work split over the library's threads. There is one pool for everything: products, element-wise
// work, optimizers and `nn::DataParallel`, so that never more threads run than `num_threads()`.

#include <algorithm>
#include <type_traits>

#include "glissade/core/shape.h"
#include "glissade/core/threads.h"

namespace glissade {

namespace detail {

// Whether the calling thread is working on a part of something already.
extern constinit thread_local bool in_parallel_part;

// run(context, i) for i = 0 ... parts - 1, each once. 1 <= parts <= kMostParts.
constexpr int kMostParts = 4096;
void run_parts(int parts, void (*run)(void* context, int part), void* context);

}  // namespace detail

/// Whether the calling thread works on a part of a `parallel_for` (or of `parallel_parts`); what it
/// would split is then not split again.
inline bool in_parallel() { return detail::in_parallel_part; }

/// How many threads could share work that begins now: `num_threads()`, or 1 in a part of other
/// work.
inline int available_threads() { return in_parallel() ? 1 : num_threads(); }

/// Calls f(i) once for each i = 0 ... parts - 1, on the calling thread and up to num_threads() - 1
/// others, and returns when all have ended. `parts` is at most 4096. The calling thread runs part
/// 0; which thread runs which other part is not fixed. If all other threads are busy, or the
/// calling thread is itself working on a part, it does everything.
///
/// If calls throw, the others may still be made; then the exception of the lowest i is thrown. The
/// calling thread's floating-point mode (rounding, denormals) holds in all parts; its other
/// thread-local state, such as `NoGradGuard`, does not.
template <class F>
void parallel_parts(int parts, const F& f) {
  if (parts <= 1 || available_threads() == 1) {
    for (int i = 0; i < parts; ++i) f(i);
    return;
  }
  detail::run_parts(
      parts, [](void* context, int part) { (*static_cast<const F*>(context))(part); },
      const_cast<void*>(static_cast<const void*>(&f)));
}

/// Calls f(from, to) on ranges that together are begin ... end - 1, none shorter than `grain`
/// unless all is, on the calling thread and others; at most num_threads() ranges, of nearly equal
/// length. The ranges depend on the number of threads alone, not on time. Nothing is called for an
/// empty range, and a range of up to `grain` is one call on the calling thread, without any
/// overhead. Exceptions and nesting as for `parallel_parts`.
template <class F>
void parallel_for(Index begin, Index end, Index grain, const F& f) {
  const Index count = end - begin;
  if (count < 2 * grain || available_threads() == 1) {
    if (count > 0) f(begin, end);
    return;
  }
  const Index most = std::min(available_threads(), detail::kMostParts);
  const Index parts = std::min(most, count / std::max<Index>(1, grain));
  parallel_parts(static_cast<int>(parts), [&](int part) {
    f(begin + count * part / parts, begin + count * (part + 1) / parts);
  });
}

}  // namespace glissade
