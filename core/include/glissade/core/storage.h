#pragma once

// The memory behind a tensor: an owning, 64-byte aligned block from the caching allocator.

#include <cstddef>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include "glissade/core/allocator.h"

namespace glissade {

/// Owns room for `capacity()` elements, uninitialised. Moves only; a tensor does the copying.
template <class T>
class Storage {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Storage() = default;
  /// Throws std::bad_alloc if there is no memory for `count` elements.
  explicit Storage(std::size_t count) {
    if (count == 0) return;
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    data_ = static_cast<T*>(allocate(count * sizeof(T)));
    capacity_ = count;
  }
  ~Storage() { deallocate(data_, capacity_ * sizeof(T)); }

  Storage(Storage&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
  Storage& operator=(Storage&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  /// The number of elements that there is room for.
  std::size_t capacity() const { return capacity_; }

 private:
  T* data_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace glissade
