#pragma once

// The memory behind a tensor: an owning, 64-byte aligned block from the caching allocator, or room
// for one element in the object itself.

#include <cstddef>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include "glissade/core/allocator.h"

namespace glissade {

/// Owns room for `capacity()` elements, uninitialised. Moves only; a tensor does the copying. A
/// single element is kept inside, so that graphs of scalars need no blocks for their values.
template <class T>
class Storage {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Storage() = default;
  /// Throws std::bad_alloc if there is no memory for `count` elements.
  explicit Storage(std::size_t count) : capacity_(count) {
    if (count == 1) {
      data_ = &one_;
    } else if (count > 0) {
      if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
      data_ = static_cast<T*>(allocate(count * sizeof(T)));
    }
  }
  /// Refers to memory of others, which is neither freed nor counted: `capacity()` is 0. What is
  /// moved from it refers there too.
  static Storage borrow(T* data) {
    Storage storage;
    storage.data_ = data;
    return storage;
  }
  ~Storage() { release(); }

  Storage(Storage&& other) noexcept { take(other); }
  Storage& operator=(Storage&& other) noexcept {
    if (this == &other) return *this;
    release();
    take(other);
    return *this;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  /// The number of elements that there is room for.
  std::size_t capacity() const { return capacity_; }

 private:
  void release() noexcept {
    if (capacity_ > 1) deallocate(data_, capacity_ * sizeof(T));
  }
  void take(Storage& other) noexcept {
    capacity_ = std::exchange(other.capacity_, 0);
    data_ = std::exchange(other.data_, nullptr);
    if (capacity_ == 1) {
      one_ = other.one_;
      data_ = &one_;
    }
  }

  T* data_ = nullptr;
  std::size_t capacity_ = 0;
  T one_{};  // the element, if capacity_ is 1
};

}  // namespace glissade
