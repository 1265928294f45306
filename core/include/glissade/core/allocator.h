#pragma once

// Memory for tensors and graph nodes: 64-byte aligned blocks that are kept and reused, so that a
// training step in the steady state asks the system for nothing.

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

/// A block of at least `bytes` bytes, aligned to 64 bytes; throws std::bad_alloc when there is no
/// memory. Blocks come from the calling thread's cache, by size class (multiples of 64
/// bytes up to 256, then at most a quarter larger than asked for).
void* allocate(std::size_t bytes);

/// Gives back a block from `allocate(bytes)`, to the cache of the calling thread, which may be
/// another than the one that allocated it.
void deallocate(void* block, std::size_t bytes) noexcept;

}  // namespace glissade
