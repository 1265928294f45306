// Updates of many parameters on several threads.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <vector>

#include "glissade/core/parallel.h"
#include "kernels.h"

namespace glissade::optim::kernels {
namespace {

// Parts begin at whole vectors of an array.
constexpr Index kUnit = 64;

template <class T>
struct Noted {
  Factors factors;
  Arrays<T> arrays;
};

// Kept between batches for its memory.
template <class T>
std::vector<Noted<T>>& notes_of_thread() {
  thread_local std::vector<Noted<T>> notes;
  return notes;
}

Index begin_in(Index position, Index size) {
  if (position >= size) return size;
  return std::max<Index>(position, 0) / kUnit * kUnit;
}

template <class T>
Arrays<T> part_of(const Arrays<T>& whole, Index from, Index to) {
  Arrays<T> part{to - from, whole.g + from, whole.w + from, {}};
  for (std::size_t i = 0; i < std::size(whole.state); ++i) {
    part.state[i] = whole.state[i] == nullptr ? nullptr : whole.state[i] + from;
  }
  return part;
}

}  // namespace

template <class T>
void UpdateBatch<T>::update_noted() {
  std::vector<Noted<T>>& updates = notes_of_thread<T>();
  Index total = 0;
  for (const Noted<T>& update : updates) total += update.arrays.n;
  // All elements in one row, so that each thread has as many of them.
  parallel_for(0, total, kGrain, [&updates](Index begin, Index end) {
    Index first = 0;
    for (const auto& [factors, arrays] : updates) {
      const Index from = begin_in(begin - first, arrays.n);
      const Index to = begin_in(end - first, arrays.n);
      if (from < to) update_arrays(factors, part_of(arrays, from, to));
      first += arrays.n;
    }
  });
  updates.clear();
  collecting = false;
}

template <class T>
void UpdateBatch<T>::note(const Factors& factors, const Arrays<T>& arrays) {
  notes_of_thread<T>().push_back({factors, arrays});
}

template class UpdateBatch<float>;
template class UpdateBatch<double>;

}  // namespace glissade::optim::kernels
