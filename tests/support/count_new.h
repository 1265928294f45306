// Counts the calls of operator new in a test program, which this header replaces: include it in one
// source. Not under AddressSanitizer, which has an operator new of its own: nothing is counted
// then.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define GLISSADE_TEST_COUNTS_NEW 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GLISSADE_TEST_COUNTS_NEW 0
#endif
#endif
#ifndef GLISSADE_TEST_COUNTS_NEW
#define GLISSADE_TEST_COUNTS_NEW 1
#endif

inline constexpr bool kCountsNew = GLISSADE_TEST_COUNTS_NEW != 0;
inline std::atomic<std::size_t> new_calls{0};

#if GLISSADE_TEST_COUNTS_NEW
void* operator new(std::size_t bytes) {
  ++new_calls;
  if (void* block = std::malloc(bytes > 0 ? bytes : 1)) return block;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
#endif

// Whether a call of operator new is counted, where calls are counted at all.
inline bool counting_works() {
  const std::size_t before = new_calls;
  delete new volatile int(1);
  return !kCountsNew || new_calls == before + 1;
}
