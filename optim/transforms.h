#pragma once

// What the transformations of gradients share. Private to optim.

#include <string>

#include "glissade/optim/transformation.h"

namespace glissade::optim {

/// Calls `f(i, update)` for each update that is present.
template <class T, class F>
void for_each_present(std::span<Update<T>> updates, const F& f) {
  for (std::size_t i = 0; i < updates.size(); ++i) {
    if (updates[i].present) f(i, updates[i]);
  }
}

/// One tensor of state for each parameter, zeros at first.
template <class T>
class StateTensors {
 public:
  void add_parameters(std::span<const Shape> shapes) {
    for (const Shape& shape : shapes) tensors_.push_back(Tensor<T>(shape));
  }
  Tensor<T>& operator[](std::size_t i) { return tensors_[i]; }
  /// As "name.0", "name.1" and so on.
  void members(const char* name, StateMembers<T>& members) {
    members.in(name, [&] {
      for (std::size_t i = 0; i < tensors_.size(); ++i) {
        members.add_whole(std::to_string(i), tensors_[i]);
      }
    });
  }

 private:
  std::vector<Tensor<T>> tensors_;
};

/// The same for counts.
class StateCounts {
 public:
  void add_parameters(std::size_t count) { counts_.resize(counts_.size() + count); }
  std::int64_t& operator[](std::size_t i) { return counts_[i]; }
  template <class T>
  void members(const char* name, StateMembers<T>& members) {
    members.in(name, [&] {
      for (std::size_t i = 0; i < counts_.size(); ++i) members.add(std::to_string(i), counts_[i]);
    });
  }

 private:
  std::vector<std::int64_t> counts_;
};

}  // namespace glissade::optim
