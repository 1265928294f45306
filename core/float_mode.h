#pragma once

// The thread's floating-point mode: rounding, and whether denormal numbers count as zero. It
// belongs to each thread, and work for another thread is done in that one's.

#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace glissade {

class FloatMode {
 public:
  static FloatMode current() {
    FloatMode mode;
#if defined(__SSE2__)
    mode.word_ = _mm_getcsr() & ~kExceptionFlags;
#elif defined(__aarch64__)
    asm volatile("mrs %0, fpcr" : "=r"(mode.word_));
#endif
    return mode;
  }

  void set() const {
#if defined(__SSE2__)
    _mm_setcsr(static_cast<unsigned>(word_));
#elif defined(__aarch64__)
    asm volatile("msr fpcr, %0" : : "r"(word_));
#endif
  }

 private:
#if defined(__SSE2__)
  static constexpr unsigned kExceptionFlags = 0x3f;
#endif
  std::uint64_t word_ = 0;
};

/// While it lives, the calling thread is in the given mode.
class FloatModeScope {
 public:
  explicit FloatModeScope(const FloatMode& mode) : saved_(FloatMode::current()) { mode.set(); }
  ~FloatModeScope() { saved_.set(); }
  FloatModeScope(const FloatModeScope&) = delete;
  FloatModeScope& operator=(const FloatModeScope&) = delete;

 private:
  FloatMode saved_;
};

}  // namespace glissade
