// Updates of many parameters on several threads.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <vector>

#include "glissade/core/parallel.h"
#include "kernels.h"

namespace glissade::optim::kernels {
namespace {

// Elements that are worth a thread of their own: an update of them takes some 5 us.
constexpr Index kGrain = Index{1} << 14;
// Parts begin at whole vectors of an array.
constexpr Index kUnit = 64;

template <class T>
struct Noted {
  Factors factors;
  Arrays<T> arrays;
};

template <class T>
struct Notes {
  bool open = false;
  std::vector<Noted<T>> updates;  // kept between batches for its memory

  static Notes& of_thread() {
    thread_local Notes notes;
    return notes;
  }
};

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
UpdateBatch<T>::UpdateBatch(Index total)
    : collects_(total >= 2 * kGrain && available_threads() > 1 && !Notes<T>::of_thread().open) {
  if (collects_) Notes<T>::of_thread().open = true;
}

template <class T>
UpdateBatch<T>::~UpdateBatch() {
  if (!collects_) return;
  std::vector<Noted<T>>& updates = Notes<T>::of_thread().updates;
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
  Notes<T>::of_thread().open = false;
}

template <class T>
void UpdateBatch<T>::add(const Factors& factors, const Arrays<T>& arrays) {
  Notes<T>& notes = Notes<T>::of_thread();
  if (!notes.open) return update_arrays(factors, arrays);
  notes.updates.push_back({factors, arrays});
}

template class UpdateBatch<float>;
template class UpdateBatch<double>;

}  // namespace glissade::optim::kernels
