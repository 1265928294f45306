#pragma once

// Random numbers that are the same, bit for bit, with every compiler, standard library and
// processor: a counter-based generator and the library's own distributions.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "glissade/core/shape.h"
#include "glissade/core/tensor.h"

namespace glissade {

/// The block function of Philox4x32-10: 128 random bits for each counter and key. From Salmon,
/// Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// A source of random numbers. A regular value: a copy continues with the same numbers. Not to be
/// used by two threads at once; give each thread its own, from `split`.
///
/// The 32-bit words drawn are the blocks philox4x32({0, 1, 2, ...}, seed) one after the other. Each
/// distribution's documentation says how many words it draws, so that a stream can be reproduced
/// elsewhere.
class Rng {
 public:
  /// All that the numbers to come depend on; what to save in order to continue later.
  struct State {
    std::uint64_t key = 0;       ///< the seed
    std::uint64_t stream = 0;    ///< the upper half of the counter; 0 unless split
    std::uint64_t position = 0;  ///< 32-bit words drawn so far
    friend bool operator==(const State&, const State&) = default;
  };

  /// A new stream of numbers; the same seed gives the same numbers.
  explicit Rng(std::uint64_t seed) : Rng(State{.key = seed}) {}
  /// Continues where the generator with this `state()` was.
  explicit Rng(const State& state) { set_state(state); }

  /// Where this generator is, to be saved and given to `set_state`.
  State state() const { return state_; }
  /// Continues where the generator with this `state()` was.
  void set_state(const State& state);

  /// The next word: each of the 2^32 values is equally likely.
  std::uint32_t next_u32() {
    const std::uint64_t within = state_.position % 4;
    if (within == 0) next_block();
    ++state_.position;
    return block_[within];
  }
  /// Two words, the lower half first.
  std::uint64_t next_u64() {
    const std::uint64_t low = next_u32();
    return low | std::uint64_t{next_u32()} << 32;
  }
  /// The same words as repeated next_u32, faster.
  void fill_bits(std::span<std::uint32_t> words);

  /// Uniform in [0, 1), a multiple of 2^-53. Draws two words.
  double uniform();
  /// Uniform in [low, high), or `low` if they are equal. Draws two words. Throws
  /// std::invalid_argument unless low <= high and high - low is finite.
  double uniform(double low, double high);
  /// Normally distributed. Draws two words. Throws std::invalid_argument unless `mean` is finite
  /// and `std` is finite and not negative.
  ///
  /// The quantile of (b + 1/2) / 2^53, where b are the upper 53 of the 64 bits drawn: Wichura,
  /// algorithm AS 241 (PPND16), Applied Statistics 37 (1988), relative accuracy about 1e-15. The
  /// largest magnitude is 8.3 std.
  double normal(double mean = 0, double std = 1);
  /// Uniform in low, low + 1, ..., high - 1, without bias. Draws one word, or two if high - low is
  /// 2^32 or more, and now and then more. Throws std::invalid_argument unless low < high.
  Index integer(Index low, Index high);

  ///@{
  /// Fills with numbers uniform in [low, high). A float draws one word, of which 24 bits are used;
  /// a double is as from uniform(low, high). Errors as there.
  void fill_uniform(std::span<float> values, float low = 0, float high = 1);
  void fill_uniform(std::span<double> values, double low = 0, double high = 1);
  template <class T>
  void fill_uniform(Tensor<T>& tensor, std::type_identity_t<T> low = 0,
                    std::type_identity_t<T> high = 1) {
    fill_uniform(tensor.span(), low, high);
  }
  ///@}

  ///@{
  /// Fills with normally distributed numbers. A float draws one word: the quantile of
  /// (word + 1/2) / 2^32 (AS 241, PPND7, relative accuracy about 1e-6, the largest magnitude is 6.3
  /// std); a double is as from normal(mean, std). Errors as there.
  void fill_normal(std::span<float> values, float mean = 0, float std = 1);
  void fill_normal(std::span<double> values, double mean = 0, double std = 1);
  template <class T>
  void fill_normal(Tensor<T>& tensor, std::type_identity_t<T> mean = 0,
                   std::type_identity_t<T> std = 1) {
    fill_normal(tensor.span(), mean, std);
  }
  ///@}

  /// Brings the values into random order; every order is equally likely (Fisher and Yates).
  template <class T>
  void shuffle(std::span<T> values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[static_cast<std::size_t>(integer(0, static_cast<Index>(i)))]);
    }
  }
  /// Writes 0, 1, ..., size - 1 in random order. Throws std::invalid_argument if there are more
  /// than 2^31 positions.
  void permutation(std::span<std::int32_t> positions);

  /// An independent generator, for another thread or purpose; draws four words from this one.
  Rng split();

 private:
  void next_block();

  State state_;
  std::array<std::uint32_t, 4>
      block_{};  // the block that `position` is in, unless it is at its start
};

}  // namespace glissade
