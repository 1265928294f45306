#pragma once

// Times of work that takes turns with other work: the machine's clock wanders, so what is compared
// runs side by side, a few milliseconds each, and the median of the ratios of neighbours counts.
// Of work that one thread does, its processor time counts, so that other programs disturb little.

#include <functional>
#include <vector>

namespace glissade::bench {

/// Which clock counts.
enum class Clock {
  processor,  ///< the processor time of the calling thread
  wall,       ///< for work that several threads do
};

/// Options of `Work`.
struct WorkOptions {
  Clock clock = Clock::processor;
  /// Called before each turn, and not timed.
  std::function<void()> prepare;
};

/// Something to time: a callable that does it as many times as it is told.
class Work {
 public:
  explicit Work(std::function<void(int)> run, WorkOptions options = {});

  /// Runs one turn: as many repetitions as fill about 2 ms, at least one. Returns the seconds of
  /// one repetition.
  double turn();
  /// The seconds of one repetition, from the first ones.
  double estimate() const { return estimate_; }

 private:
  double seconds_of(int repetitions);

  std::function<void(int)> run_;
  WorkOptions options_;
  double estimate_ = 0.0;
  int repetitions_ = 1;
};

/// The median; NaN if there are no values.
double median(std::vector<double> values);
/// The median of a[i] / b[i].
double median_ratio(const std::vector<double>& a, const std::vector<double>& b);

/// The bytes that the library's allocator hands out at most at a time while `run` runs. In a thread
/// of its own, whose cache begins empty: all that it holds afterwards has been in use.
std::size_t allocated_bytes(const std::function<void()>& run);

}  // namespace glissade::bench
