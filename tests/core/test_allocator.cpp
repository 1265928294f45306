// The caching allocator: alignment, reuse, statistics, and blocks that outlive their thread.

#include <glissade/core/allocator.h>
#include <glissade/core/tensor.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "catch.h"

using glissade::allocate;
using glissade::allocator_stats;
using glissade::deallocate;
using glissade::release_cached_memory;
using glissade::Shape;
using glissade::Tensor;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GLISSADE_TEST_UNCACHED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define GLISSADE_TEST_UNCACHED
#endif

namespace {

// Freed after main, when the thread's cache is gone: one small block, one large.
Tensor<float> static_small(Shape{3});      // NOLINT(cert-err58-cpp)
Tensor<float> static_large(Shape{50000});  // NOLINT(cert-err58-cpp)
// Its destructor runs after the cache's, which begins later.
thread_local Tensor<float> thread_small;

struct Block {
  void* data;
  std::size_t bytes;
};

}  // namespace

TEST_CASE("blocks of every size are aligned and do not overlap") {
  std::vector<Block> blocks;
  for (std::size_t bytes = 0; bytes < 3000000; bytes = bytes * 9 / 8 + 1) {
    for (int copy = 0; copy < 3; ++copy) {
      void* data = allocate(bytes);
      REQUIRE(reinterpret_cast<std::uintptr_t>(data) % 64 == 0);
      std::memset(data, static_cast<int>(blocks.size() % 251), bytes);
      blocks.push_back({data, bytes});
    }
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto* data = static_cast<const unsigned char*>(blocks[i].data);
    bool intact = true;
    for (std::size_t k = 0; k < blocks[i].bytes; ++k) intact = intact && data[k] == i % 251;
    REQUIRE(intact);
  }
  for (const Block& block : blocks) deallocate(block.data, block.bytes);
}

TEST_CASE("random allocations and frees keep every block intact") {
  std::mt19937 random(7);
  std::vector<Block> live;
  const auto check_and_free = [&](std::size_t i) {
    const auto* data = static_cast<const unsigned char*>(live[i].data);
    const auto mark = static_cast<unsigned char>(live[i].bytes % 253);
    REQUIRE((live[i].bytes == 0 || (data[0] == mark && data[live[i].bytes - 1] == mark)));
    deallocate(live[i].data, live[i].bytes);
    std::swap(live[i], live.back());
    live.pop_back();
  };
  for (int step = 0; step < 20000; ++step) {
    if (live.size() > 300 || (!live.empty() && random() % 2 == 0)) {
      check_and_free(random() % live.size());
    } else {
      const std::size_t bytes = random() % (step % 10 == 0 ? 100000 : 5000);
      void* data = allocate(bytes);
      std::memset(data, static_cast<int>(bytes % 253), bytes);
      live.push_back({data, bytes});
    }
  }
  while (!live.empty()) check_and_free(live.size() - 1);
}

TEST_CASE("more memory than there can be is bad_alloc") {
  CHECK_THROWS_AS(allocate(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
  CHECK_THROWS_AS(allocate((std::size_t{1} << 62) + 1), std::bad_alloc);
#if !defined(GLISSADE_TEST_UNCACHED) && !defined(__SANITIZE_THREAD__)  // which would rather stop
  CHECK_THROWS_AS(allocate(std::size_t{1} << 60), std::bad_alloc);
#endif
}

TEST_CASE("freeing nothing does nothing") { CHECK_NOTHROW(deallocate(nullptr, 100)); }

#ifndef GLISSADE_TEST_UNCACHED

TEST_CASE("a freed block is the next of its size class") {
  for (const std::size_t bytes : {1U, 64U, 65U, 4096U, 4097U, 1000000U}) {
    void* first = allocate(bytes);
    deallocate(first, bytes);
    void* second = allocate(bytes);
    CHECK(second == first);
    deallocate(second, bytes);
  }
  void* a = allocate(100);  // of the class of 128 bytes
  deallocate(a, 100);
  void* b = allocate(128);
  CHECK(b == a);
  deallocate(b, 128);
}

TEST_CASE("the steady state asks the system for nothing") {
  const auto step = [] {
    std::vector<Tensor<float>> tensors;
    for (glissade::Index i = 2; i < 200; ++i) tensors.emplace_back(Shape{i * i});
  };
  step();
  const auto before = allocator_stats();
  for (int i = 0; i < 5; ++i) step();
  const auto after = allocator_stats();
  CHECK(after.from_system == before.from_system);
  CHECK(after.reused == before.reused + 5 * 198);
  CHECK(after.cached_bytes == before.cached_bytes);
}

TEST_CASE("the statistics count what is cached, and it can be released") {
  release_cached_memory();
  void* small = allocate(1000);
  void* large = allocate(100000);
  const auto before = allocator_stats();
  deallocate(small, 1000);
  deallocate(large, 100000);
  const auto after = allocator_stats();
  CHECK(after.cached_bytes == before.cached_bytes + 1024 + 114688);
  release_cached_memory();
  CHECK(allocator_stats().cached_bytes == before.cached_bytes + 1024);
  const auto asked = allocator_stats().from_system;
  large = allocate(100000);
  CHECK(allocator_stats().from_system == asked + 1);
  deallocate(large, 100000);
}

TEST_CASE("blocks are at most a quarter larger than asked for") {
  for (std::size_t bytes = 64; bytes < 10000000; bytes = bytes * 17 / 16 + 1) {
    release_cached_memory();
    void* block = allocate(bytes);
    const auto before = allocator_stats().cached_bytes;
    deallocate(block, bytes);
    const std::size_t size = allocator_stats().cached_bytes - before;
    REQUIRE(size >= bytes);
    REQUIRE(size * 4 <= bytes * 5 + 4 * 63);
  }
}

TEST_CASE("blocks that one thread allocates and another frees come round", "[threads]") {
  // 400 rounds of 4 MB: without a way back, the other thread would keep 1.6 GB.
  constexpr std::size_t kBytes = 4000000;
  constexpr int kRounds = 400;
  const auto before = allocator_stats();
  std::atomic<void*> handed{nullptr};
  std::thread other([&] {
    for (int i = 0; i < kRounds; ++i) {
      void* block = nullptr;
      while ((block = handed.exchange(nullptr)) == nullptr) std::this_thread::yield();
      deallocate(block, kBytes);
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    void* block = allocate(kBytes);
    std::memset(block, 1, 64);
    while (handed.load() != nullptr) std::this_thread::yield();
    handed = block;
  }
  other.join();
  CHECK(allocator_stats().from_system - before.from_system < 80);
  release_cached_memory();
}

TEST_CASE("what an ended thread had is used by the next", "[threads]") {
  std::set<void*> first;
  std::set<void*> second;
  const auto run = [](std::set<void*>& seen) {
    std::thread([&] {
      std::vector<void*> blocks(2000);
      for (void*& block : blocks) block = allocate(300);
      seen.insert(blocks.begin(), blocks.end());
      for (void* block : blocks) deallocate(block, 300);
    }).join();
  };
  run(first);
  run(second);
  CHECK(first == second);
}

TEST_CASE("the unused rest of an ended thread's slab is used by the next", "[threads]") {
  std::size_t from_system = 0;
  for (int i = 0; i < 50; ++i) {
    std::thread([&] {
      deallocate(allocate(3000), 3000);
      from_system += allocator_stats().from_system;
    }).join();
  }
  CHECK(from_system <= 1);
}

TEST_CASE("a thread that only frees leaves its blocks to others", "[threads]") {
  std::vector<void*> blocks(1000);
  for (void*& block : blocks) block = allocate(2000);
  const std::set<void*> given(blocks.begin(), blocks.end());
  std::thread([&] {
    for (void* block : blocks) deallocate(block, 2000);
  }).join();
  std::set<void*> taken;
  for (void*& block : blocks) taken.insert(block = allocate(2000));
  CHECK(taken == given);
  for (void* block : blocks) deallocate(block, 2000);
}

#endif

TEST_CASE("a tensor may be freed by another thread, or by a thread at its end", "[threads]") {
  for (int i = 0; i < 20; ++i) {
    Tensor<float> made;
    std::thread([&] {
      made = Tensor<float>::full({1000}, 1);
      thread_small = Tensor<float>::full({10}, 2);
    }).join();
    CHECK(made[999] == 1);
    std::thread([moved = std::move(made)]() mutable { moved = Tensor<float>(); }).join();
  }
}

TEST_CASE("threads allocate and free at the same time", "[threads]") {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([seed, &wrong] {
      std::mt19937 random(seed);
      for (int i = 0; i < 3000; ++i) {
        const auto size = static_cast<glissade::Index>(1 + random() % (i % 10 == 0 ? 20000 : 200));
        const auto value = static_cast<float>(random() % 1000);
        const auto tensor = Tensor<float>::full({size}, value);
        for (const float x : tensor) wrong += x != value;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("static tensors hold memory until after main") {
  static_small.fill(1);
  static_large.fill(2);
  CHECK(static_small[2] + static_large[49999] == 3);
}
