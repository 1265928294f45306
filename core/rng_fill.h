#pragma once

// The vectorised inner loops of Rng: the same bits with every instruction set.

#include <array>
#include <cstddef>
#include <cstdint>

namespace glissade::detail {

/// Two 64-bit numbers as Philox's counter, and one as its key: lower half first.
constexpr std::array<std::uint32_t, 2> words_of(std::uint64_t number) {
  return {static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(number >> 32)};
}
constexpr std::array<std::uint32_t, 4> words_of(std::uint64_t first, std::uint64_t second) {
  return {words_of(first)[0], words_of(first)[1], words_of(second)[0], words_of(second)[1]};
}

/// Writes the Philox4x32-10 blocks first, first + 1, ... of a key and stream: 4 * `blocks` words.
void philox_blocks(std::uint64_t key, std::uint64_t stream, std::uint64_t first, std::size_t blocks,
                   std::uint32_t* words);

/// Turns each word into a number uniform in [low, high).
void uniform_from_words(const std::uint32_t* words, std::size_t count, float low, float high,
                        float* values);

/// Turns each word into a normally distributed number.
void normal_from_words(const std::uint32_t* words, std::size_t count, float mean, float std,
                       float* values);

}  // namespace glissade::detail
