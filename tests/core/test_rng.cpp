// The generator against published vectors and an independent implementation, and its words in every
// form: one by one, in bulk, saved, split. The distributions are in test_distributions.cpp.

#include <glissade/core/rng.h>
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "catch.h"

using glissade::philox4x32;
using glissade::Rng;

using Words = std::array<std::uint32_t, 4>;

namespace {

// Runs a check once for each instruction set that this processor has.
template <class F>
void with_every_instruction_set(const F& f) {
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    INFO(hwy::TargetName(target));
    f();
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace

TEST_CASE("the block function gives Random123's known answers") {
  // tests/kat_vectors of Random123 1.14.0, "philox4x32 10".
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t kOnes = 0xffffffff;
  CHECK(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a seed gives the words that it always gave") {
  // From an independent implementation in Python.
  const std::vector<std::uint32_t> expected = {0x9ceaf053, 0x77f5493b, 0x12bf50ad, 0x5742b3d7,
                                               0xfcdb2127, 0x53ba6cfd, 0x838f5a6e, 0x744e06fb,
                                               0xd36c0225, 0xa8875dcb, 0x9a4d6d99, 0xc609a559};
  Rng rng(42);
  for (const std::uint32_t word : expected) CHECK(rng.next_u32() == word);
  Rng pairs(42);
  CHECK(pairs.next_u64() == 0x77f5493b9ceaf053);
  CHECK(pairs.next_u64() == 0x5742b3d712bf50ad);
}

TEST_CASE("the words are the blocks of the counters 0, 1, 2, ... in order") {
  Rng rng(0x123456789abcdef0);
  for (std::uint32_t i = 0; i < 100; ++i) {
    for (const std::uint32_t word : philox4x32({i, 0, 0, 0}, {0x9abcdef0, 0x12345678})) {
      REQUIRE(rng.next_u32() == word);
    }
  }
}

TEST_CASE("the position and the stream fill the whole counter") {
  Rng rng(Rng::State{.key = 7, .stream = 0xaaaaaaaabbbbbbbb, .position = 0x3fffffffcu * 4 + 12});
  CHECK(rng.next_u32() == philox4x32({0xffffffff, 3, 0xbbbbbbbb, 0xaaaaaaaa}, {7, 0})[0]);
  for (int i = 0; i < 3; ++i) rng.next_u32();
  CHECK(rng.next_u32() == philox4x32({0, 4, 0xbbbbbbbb, 0xaaaaaaaa}, {7, 0})[0]);
}

TEST_CASE("words in bulk are the words one by one, with every instruction set") {
  with_every_instruction_set([] {
    for (std::size_t start = 0; start < 6; ++start) {
      for (const std::size_t count : {0U, 1U, 2U, 3U, 4U, 5U, 7U, 8U, 31U, 32U, 33U, 64U, 1001U}) {
        Rng bulk(11);
        for (std::size_t i = 0; i < start; ++i) bulk.next_u32();
        Rng single = bulk;
        std::vector<std::uint32_t> words(count + 1, 1234);
        bulk.fill_bits(std::span(words).first(count));
        bool same = true;
        for (std::size_t i = 0; i < count; ++i) same = same && words[i] == single.next_u32();
        REQUIRE(same);
        REQUIRE(words[count] == 1234);
        REQUIRE(bulk.state() == single.state());
        REQUIRE(bulk.next_u32() == single.next_u32());
      }
    }
  });
}

TEST_CASE("bulk words cross the 32-bit border of the counter, with every instruction set") {
  with_every_instruction_set([] {
    const Rng::State state{.key = 3, .stream = 9, .position = 0x3fffffffbu * 4};
    Rng bulk(state);
    Rng single(state);
    std::vector<std::uint32_t> words(100);
    bulk.fill_bits(words);
    for (const std::uint32_t word : words) REQUIRE(word == single.next_u32());
  });
}

TEST_CASE("a copy, and a generator with a saved state, continue with the same words") {
  Rng rng(5);
  for (int drawn = 0; drawn < 9; ++drawn) {
    Rng copy = rng;
    Rng restored(rng.state());
    Rng set(99);
    set.set_state(rng.state());
    for (int i = 0; i < 10; ++i) {
      const std::uint32_t word = copy.next_u32();
      REQUIRE(restored.next_u32() == word);
      REQUIRE(set.next_u32() == word);
    }
    rng.next_u32();
  }
  CHECK(rng.state() == Rng::State{.key = 5, .stream = 0, .position = 9});
}

TEST_CASE("split draws four words, and its streams differ from each other and from the parent") {
  Rng parent(42);
  std::set<std::uint64_t> seen;
  std::vector<Rng> rngs;
  rngs.reserve(52);
  for (int i = 0; i < 50; ++i) rngs.push_back(parent.split());
  CHECK(parent.state().position == 200);
  rngs.push_back(parent);
  Rng grandchild = rngs[0].split();
  rngs.push_back(grandchild);
  for (Rng& rng : rngs) {
    for (int i = 0; i < 100; ++i) seen.insert(rng.next_u64());
  }
  CHECK(seen.size() == rngs.size() * 100);
  Rng again(42);
  CHECK(again.split().state() ==
        Rng::State{.key = 0x77f5493b9ceaf053, .stream = 0x5742b3d712bf50ad, .position = 0});
}

TEST_CASE("neighbouring seeds and bits within a word are unrelated") {
  // The fraction of equal bits between the streams of seeds s and s + 1, and of ones in each place.
  int equal = 0;
  std::array<int, 32> ones{};
  constexpr int kWords = 20000;
  Rng a(1000);
  Rng b(1001);
  for (int i = 0; i < kWords; ++i) {
    const std::uint32_t x = a.next_u32();
    const std::uint32_t same = ~(x ^ b.next_u32());
    for (std::size_t bit = 0; bit < 32; ++bit) {
      equal += static_cast<int>(same >> bit & 1);
      ones[bit] += static_cast<int>(x >> bit & 1);
    }
  }
  CHECK(equal / (32.0 * kWords) == Approx(0.5).margin(4 * 0.5 / std::sqrt(32.0 * kWords)));
  for (const int count : ones) {
    CHECK(count / double{kWords} == Approx(0.5).margin(4.5 * 0.5 / std::sqrt(double{kWords})));
  }
}
