#include "glissade/core/allocator.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

// Size classes: four to each power of two, from 64 bytes. Blocks up to kSmallLimit are carved from
// slabs that live as long as the process (they are graph nodes and scalars: millions of them, so
// they must cost neither a system call nor a header). Larger blocks are allocated one by one and
// can be given back. A free block's first word links it to the next one of its class.
//
// A free block goes to the cache of the thread that frees it, which takes no lock. What exceeds the
// cache's limit goes to a depot that the threads share, and so does all that a thread keeps when
// it ends: memory that one thread allocates and another frees, again and again, comes round.

namespace glissade {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kSmallLimit = 4096;
constexpr std::size_t kSlabBytes = std::size_t{1} << 18;
constexpr std::size_t kMaxBytes = std::size_t{1} << 62;
constexpr std::size_t kCacheLimit = std::size_t{256} << 20;  // of a thread
constexpr std::size_t kDepotLimit = std::size_t{4} << 30;    // of large blocks; the rest is freed
constexpr std::size_t kClasses = 4 * 64;

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

struct SizeClass {
  std::size_t index;
  std::size_t bytes;  // the size of this class's blocks
};

SizeClass size_class(std::size_t bytes) {
  if (bytes <= 4 * kAlignment) {  // 64, 128, 192, 256: classes 0 to 3
    const std::size_t units = bytes == 0 ? 1 : (bytes + kAlignment - 1) / kAlignment;
    return {units - 1, units * kAlignment};
  }
  // bytes is in (2^p, 2^(p+1)], which is cut into four steps of 2^(p-2), p >= 8.
  const auto p = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;
  const std::size_t steps = ((bytes - 1) >> (p - 2)) + 1;  // 5 to 8
  return {4 * (p - 7) + steps - 5, steps << (p - 2)};
}

std::size_t class_bytes(std::size_t index) {
  return index < 4 ? (index + 1) * kAlignment : (index % 4 + 5) << (index / 4 + 5);
}

constexpr std::size_t kFirstLargeClass = 20;  // the first class of more than kSmallLimit bytes

struct FreeBlock {
  FreeBlock* next;
};

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
    for (std::size_t i = kFirstLargeClass; i < kClasses; ++i) {
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
  std::array<std::atomic<FreeBlock*>, kClasses> lists_{};  // changed only under the lock
  Slab* slabs_ = nullptr;
  std::size_t large_bytes_ = 0;
};

Depot& depot() {
  static auto* const instance = new Depot;  // never destroyed: tensors may be freed after main
  return *instance;
}

struct Cache {
  std::array<FreeBlock*, kClasses> free{};
  char* slab = nullptr;  // the unused rest of the current slab
  std::size_t slab_left = 0;
  AllocatorStats stats;
  std::size_t limit = 0;  // of stats.cached_bytes; 0 before the thread is known and after its end
  bool ended = false;
};

// Constant-initialised and trivially destructible, so that a tensor with static storage duration
// can still be freed after the thread's other thread-local objects are gone.
constinit thread_local Cache cache;

// Hands the thread's blocks on when the thread ends.
struct ThreadEnd {
  ThreadEnd() { cache.limit = kCacheLimit; }
  ThreadEnd(const ThreadEnd&) = delete;
  ThreadEnd& operator=(const ThreadEnd&) = delete;
  ~ThreadEnd() {
    for (std::size_t i = 0; i < kClasses; ++i) {
      while (FreeBlock* block = cache.free[i]) {
        cache.free[i] = block->next;
        depot().put(block, {i, class_bytes(i)});
      }
    }
    if (cache.slab_left >= kSmallLimit) depot().put_slab(cache.slab, cache.slab_left);
    cache.slab_left = 0;
    cache.stats.cached_bytes = 0;
    cache.limit = 0;
    cache.ended = true;
  }
};

void keep_until_thread_ends() {
  if (!cache.ended) {
    thread_local const ThreadEnd end;
  }
}

void* pop(const SizeClass& wanted) {
  FreeBlock* block = cache.free[wanted.index];
  if (block == nullptr) return nullptr;
  cache.free[wanted.index] = block->next;
  cache.stats.cached_bytes -= wanted.bytes;
  ++cache.stats.reused;
  return block;
}

void* system_allocate(std::size_t bytes) {
  void* block = std::aligned_alloc(kAlignment, bytes);
  if (block == nullptr) {
    release_cached_memory();
    block = std::aligned_alloc(kAlignment, bytes);
  }
  if (block == nullptr) throw std::bad_alloc();
  ++cache.stats.from_system;
  return block;
}

void* carve(const SizeClass& wanted) {
  if (cache.slab_left < wanted.bytes) {  // the rest, under 4 KiB of 256, is given up
    if (depot().take_slab(cache.slab, cache.slab_left)) {
      ++cache.stats.reused;
    } else {
      cache.slab = static_cast<char*>(system_allocate(kSlabBytes));
      cache.slab_left = kSlabBytes;
    }
  } else {
    ++cache.stats.reused;
  }
  void* block = cache.slab;
  cache.slab += wanted.bytes;
  cache.slab_left -= wanted.bytes;
  return block;
}

// When the cache has nothing.
void* allocate_elsewhere(const SizeClass& wanted) {
  keep_until_thread_ends();
  if (void* block = depot().take(wanted)) {
    ++cache.stats.reused;
    return block;
  }
  const bool small = wanted.bytes <= kSmallLimit;
  return small && !cache.ended ? carve(wanted) : system_allocate(wanted.bytes);
}

}  // namespace

AllocatorStats allocator_stats() { return cache.stats; }

void release_cached_memory() {
  for (std::size_t i = kFirstLargeClass; i < kClasses; ++i) {
    while (FreeBlock* block = cache.free[i]) {
      cache.free[i] = block->next;
      cache.stats.cached_bytes -= class_bytes(i);
      std::free(block);
    }
  }
  depot().release_large_blocks();
}

void* allocate(std::size_t bytes) {
  if (bytes > kMaxBytes) throw std::bad_alloc();
  const SizeClass wanted = size_class(bytes);
  if constexpr (!kCaching) {
    void* block = std::aligned_alloc(kAlignment, wanted.bytes);
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }
  if (void* block = pop(wanted)) return block;
  return allocate_elsewhere(wanted);
}

void deallocate(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) return;
  if constexpr (!kCaching) {
    std::free(block);
    return;
  }
  const SizeClass given = size_class(bytes);
  auto* free_block = static_cast<FreeBlock*>(block);
  if (cache.limit == 0) keep_until_thread_ends();
  if (given.bytes > cache.limit - cache.stats.cached_bytes) {
    depot().put(free_block, given);
    return;
  }
  free_block->next = cache.free[given.index];
  cache.free[given.index] = free_block;
  cache.stats.cached_bytes += given.bytes;
}

}  // namespace glissade
