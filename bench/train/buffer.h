#pragma once

// Floats that begin at a cache line, for what is written by hand.

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace glissade::bench {

struct FreeBuffer {
  void operator()(float* block) const { std::free(block); }
};
using Buffer = std::unique_ptr<float[], FreeBuffer>;

/// `count` zeros.
inline Buffer zeros(std::size_t count) {
  const std::size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
  auto* const block = static_cast<float*>(std::aligned_alloc(64, bytes == 0 ? 64 : bytes));
  if (block == nullptr) throw std::bad_alloc();
  for (std::size_t i = 0; i < count; ++i) block[i] = 0.0F;
  return Buffer(block);
}

}  // namespace glissade::bench
