#include "glissade/core/allocator.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

// Blocks up to kSmallLimit are carved from slabs that live as long as the process (they are graph
// nodes and scalars: millions of them, so they must cost neither a system call nor a header).
// Larger blocks are allocated one by one and can be given back. A free block's first word links it
// to the next one of its class.
//
// A free block goes to the cache of the thread that frees it, which takes no lock. What exceeds the
// cache's limit goes to a depot that the threads share, and so does all that a thread keeps when
// it ends: memory that one thread allocates and another frees, again and again, comes round.

namespace glissade {

constinit thread_local detail::BlockCache detail::block_cache{};

namespace {

using detail::block_cache;
using detail::FreeBlock;
using detail::kBlockAlignment;
using detail::kBlockClasses;
using detail::SizeClass;

constexpr std::size_t kSmallLimit = 4096;
constexpr std::size_t kSlabBytes = std::size_t{1} << 18;
constexpr std::size_t kCacheLimit = std::size_t{256} << 20;  // of a thread
constexpr std::size_t kDepotLimit = std::size_t{4} << 30;    // of large blocks; the rest is freed

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCaching = false;  // so that AddressSanitizer sees every use after free
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kCaching = false;
#else
constexpr bool kCaching = true;
#endif
#else
constexpr bool kCaching = true;
#endif

std::size_t class_bytes(std::size_t index) {
  return index < 4 ? (index + 1) * kBlockAlignment : (index % 4 + 5) << (index / 4 + 5);
}

constexpr std::size_t kFirstLargeClass = 20;  // the first class of more than kSmallLimit bytes

// Free blocks that belong to no thread.
class Depot {
 public:
  void put(FreeBlock* block, const SizeClass& given) {
    const bool large = given.index >= kFirstLargeClass;
    {
      const std::lock_guard lock(mutex_);
      if (!large || given.bytes <= kDepotLimit - large_bytes_) {
        if (large) large_bytes_ += given.bytes;
        block->next = lists_[given.index].load(std::memory_order_relaxed);
        lists_[given.index].store(block, std::memory_order_relaxed);
        return;
      }
    }
    std::free(block);
  }

  FreeBlock* take(const SizeClass& wanted) {
    // Mostly there is nothing, which needs no lock to see.
    if (lists_[wanted.index].load(std::memory_order_relaxed) == nullptr) return nullptr;
    const std::lock_guard lock(mutex_);
    FreeBlock* block = lists_[wanted.index].load(std::memory_order_relaxed);
    if (block == nullptr) return nullptr;
    lists_[wanted.index].store(block->next, std::memory_order_relaxed);
    if (wanted.index >= kFirstLargeClass) large_bytes_ -= wanted.bytes;
    return block;
  }

  // The unused rest of a slab.
  void put_slab(char* begin, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    slabs_ = new (begin) Slab{slabs_, bytes};
  }
  bool take_slab(char*& begin, std::size_t& bytes) {
    const std::lock_guard lock(mutex_);
    if (slabs_ == nullptr) return false;
    begin = reinterpret_cast<char*>(slabs_);
    bytes = slabs_->bytes;
    slabs_ = slabs_->next;
    return true;
  }

  void release_large_blocks() {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = kFirstLargeClass; i < kBlockClasses; ++i) {
      FreeBlock* block = lists_[i].exchange(nullptr, std::memory_order_relaxed);
      while (block != nullptr) std::free(std::exchange(block, block->next));
    }
    large_bytes_ = 0;
  }

 private:
  struct Slab {
    Slab* next;
    std::size_t bytes;
  };
  std::mutex mutex_;
  std::array<std::atomic<FreeBlock*>, kBlockClasses> lists_{};  // changed only under the lock
  Slab* slabs_ = nullptr;
  std::size_t large_bytes_ = 0;
};

Depot& depot() {
  static auto* const instance = new Depot;  // never destroyed: tensors may be freed after main
  return *instance;
}

// What small blocks are carved from.
struct CurrentSlab {
  char* rest = nullptr;  // what is unused
  std::size_t left = 0;
  bool ended = false;  // the thread is at its end
};
constinit thread_local CurrentSlab slab;

// Hands the thread's blocks on when the thread ends.
struct ThreadEnd {
  ThreadEnd() { block_cache.limit = kCacheLimit; }
  ThreadEnd(const ThreadEnd&) = delete;
  ThreadEnd& operator=(const ThreadEnd&) = delete;
  ~ThreadEnd() {
    for (std::size_t i = 0; i < kBlockClasses; ++i) {
      while (FreeBlock* block = block_cache.free[i]) {
        block_cache.free[i] = block->next;
        depot().put(block, {i, class_bytes(i)});
      }
    }
    if (slab.left >= kSmallLimit) depot().put_slab(slab.rest, slab.left);
    slab.left = 0;
    block_cache.stats.cached_bytes = 0;
    block_cache.limit = 0;
    slab.ended = true;
  }
};

void keep_until_thread_ends() {
  if (!slab.ended) {
    thread_local const ThreadEnd end;
  }
}

void* system_allocate(std::size_t bytes) {
  void* block = std::aligned_alloc(kBlockAlignment, bytes);
  if (block == nullptr) {
    release_cached_memory();
    block = std::aligned_alloc(kBlockAlignment, bytes);
  }
  if (block == nullptr) throw std::bad_alloc();
  ++block_cache.stats.from_system;
  return block;
}

void* carve(const SizeClass& wanted) {
  if (slab.left < wanted.bytes) {  // the rest, under 4 KiB of 256, is given up
    if (depot().take_slab(slab.rest, slab.left)) {
      ++block_cache.stats.reused;
    } else {
      slab.rest = static_cast<char*>(system_allocate(kSlabBytes));
      slab.left = kSlabBytes;
    }
  } else {
    ++block_cache.stats.reused;
  }
  void* block = slab.rest;
  slab.rest += wanted.bytes;
  slab.left -= wanted.bytes;
  return block;
}

}  // namespace

AllocatorStats allocator_stats() { return block_cache.stats; }

void release_cached_memory() {
  for (std::size_t i = kFirstLargeClass; i < kBlockClasses; ++i) {
    while (FreeBlock* block = block_cache.free[i]) {
      block_cache.free[i] = block->next;
      block_cache.stats.cached_bytes -= class_bytes(i);
      std::free(block);
    }
  }
  depot().release_large_blocks();
}

// When the thread's cache has nothing, or nothing so large exists.
void* detail::allocate_elsewhere(std::size_t bytes) {
  if (bytes > kMaxBlockBytes) throw std::bad_alloc();
  const SizeClass wanted = size_class(bytes);
  if constexpr (!kCaching) {
    void* block = std::aligned_alloc(kBlockAlignment, wanted.bytes);
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }
  keep_until_thread_ends();
  if (void* block = depot().take(wanted)) {
    ++block_cache.stats.reused;
    return block;
  }
  const bool small = wanted.bytes <= kSmallLimit;
  return small && !slab.ended ? carve(wanted) : system_allocate(wanted.bytes);
}

// When the block may not go to the thread's cache, or this is the first that may.
void detail::deallocate_elsewhere(void* block, std::size_t bytes) noexcept {
  if constexpr (!kCaching) {
    std::free(block);
    return;
  }
  if (block_cache.limit == 0) {
    keep_until_thread_ends();
    if (block_cache.limit > 0) return deallocate(block, bytes);
  }
  depot().put(static_cast<FreeBlock*>(block), size_class(bytes));
}

}  // namespace glissade
