#pragma once

// The call of a function that was compiled for several instruction sets. Highway's own macro asks
// its library for the chosen one in each call, which small networks feel.

#include <atomic>

#include "hwy/highway.h"

namespace glissade::detail {

inline hwy::ChosenTarget& chosen_target() {
  static constinit std::atomic<hwy::ChosenTarget*> known{nullptr};
  hwy::ChosenTarget* target = known.load(std::memory_order_relaxed);
  if (target == nullptr) [[unlikely]] {
    target = &hwy::GetChosenTarget();
    known.store(target, std::memory_order_relaxed);
  }
  return *target;
}

}  // namespace glissade::detail

// As HWY_DYNAMIC_DISPATCH.
#if (HWY_TARGETS & (HWY_TARGETS - 1)) == 0
#define GLISSADE_DISPATCH(function) HWY_DYNAMIC_DISPATCH(function)
#else
#define GLISSADE_DISPATCH(function) \
  (*(HWY_DISPATCH_TABLE(function)[glissade::detail::chosen_target().GetIndex()]))
#endif
