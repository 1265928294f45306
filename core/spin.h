#pragma once

// Waiting without sleeping.

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace glissade {

/// Tells the processor that the thread waits.
inline void pause_briefly() {
#if defined(__SSE2__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits for a condition, which it looks at `tries` times; returns whether it has come true.
template <class Condition>
bool spin_until(const Condition& condition, int tries) {
  for (int i = 0; i < tries; ++i) {
    if (condition()) return true;
    pause_briefly();
  }
  return condition();
}

}  // namespace glissade
