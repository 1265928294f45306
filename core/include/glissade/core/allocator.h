#pragma once

// Memory for tensors and graph nodes: 64-byte aligned blocks that are kept and reused, so that a
// training step in the steady state asks the system for nothing.

#include <array>
#include <bit>
#include <cstddef>

namespace glissade {

/// What the calling thread's cache has done since the thread began. All stay 0 under
/// AddressSanitizer, where nothing is cached, so that it sees every use of freed memory.
struct AllocatorStats {
  std::size_t reused = 0;        ///< allocations served from memory that was there
  std::size_t from_system = 0;   ///< allocations that asked the system for memory
  std::size_t cached_bytes = 0;  ///< bytes in this thread's free blocks
};

/// The statistics of the calling thread's cache.
AllocatorStats allocator_stats();

/// Gives the large free blocks (over 4 KiB) that the calling thread keeps, and those that all
/// threads share, back to the system.
void release_cached_memory();

namespace detail {

// Size classes: four to each power of two, from 64 bytes.
constexpr std::size_t kBlockAlignment = 64;
constexpr std::size_t kMaxBlockBytes = std::size_t{1} << 62;
constexpr std::size_t kBlockClasses = 4 * 64;

struct SizeClass {
  std::size_t index;
  std::size_t bytes;  // the size of this class's blocks
};

constexpr SizeClass size_class(std::size_t bytes) {
  if (bytes <= 4 * kBlockAlignment) {  // 64, 128, 192, 256: classes 0 to 3
    const std::size_t units = bytes == 0 ? 1 : (bytes + kBlockAlignment - 1) / kBlockAlignment;
    return {units - 1, units * kBlockAlignment};
  }
  // bytes is in (2^p, 2^(p+1)], which is cut into four steps of 2^(p-2), p >= 8.
  const auto p = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;
  const std::size_t steps = ((bytes - 1) >> (p - 2)) + 1;  // 5 to 8
  return {4 * (p - 7) + steps - 5, steps << (p - 2)};
}

struct FreeBlock {
  FreeBlock* next;
};

// What a thread keeps. While it may keep nothing, `limit` is 0 and the lists are empty.
struct BlockCache {
  std::array<FreeBlock*, kBlockClasses> free;
  AllocatorStats stats;
  std::size_t limit;  // of stats.cached_bytes
};

// Constant-initialised and trivially destructible, so that a tensor with static storage duration
// can still be freed after the thread's other thread-local objects are gone.
extern constinit thread_local BlockCache block_cache;

void* allocate_elsewhere(std::size_t bytes);
void deallocate_elsewhere(void* block, std::size_t bytes) noexcept;

}  // namespace detail

/// A block of at least `bytes` bytes, aligned to 64 bytes; throws std::bad_alloc when there is no
/// memory. Blocks come from the calling thread's cache, by size class (multiples of 64
/// bytes up to 256, then at most a quarter larger than asked for).
// Here, so that the class of a constant size is a constant: graphs of scalars do little else.
inline void* allocate(std::size_t bytes) {
  if (bytes <= detail::kMaxBlockBytes) {
    const detail::SizeClass wanted = detail::size_class(bytes);
    detail::BlockCache& cache = detail::block_cache;
    if (detail::FreeBlock* const block = cache.free[wanted.index]) {
      cache.free[wanted.index] = block->next;
      cache.stats.cached_bytes -= wanted.bytes;
      ++cache.stats.reused;
      return block;
    }
  }
  return detail::allocate_elsewhere(bytes);
}

/// Gives back a block from `allocate(bytes)`, to the cache of the calling thread, which may be
/// another than the one that allocated it.
inline void deallocate(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) return;
  const detail::SizeClass given = detail::size_class(bytes);
  detail::BlockCache& cache = detail::block_cache;
  if (given.bytes > cache.limit - cache.stats.cached_bytes) {
    return detail::deallocate_elsewhere(block, bytes);
  }
  auto* const free_block = static_cast<detail::FreeBlock*>(block);
  free_block->next = cache.free[given.index];
  cache.free[given.index] = free_block;
  cache.stats.cached_bytes += given.bytes;
}

}  // namespace glissade
