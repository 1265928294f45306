#include "measure.h"

#include <glissade/core/allocator.h>

#include <algorithm>
#include <ctime>
#include <exception>
#include <limits>
#include <thread>
#include <utility>

namespace glissade::bench {
namespace {
constexpr double kTurn = 2e-3;
constexpr int kMostRepetitions = 1'000'000;

// In seconds.
double now_on(Clock clock) {
  timespec now{};
  clock_gettime(clock == Clock::processor ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

Work::Work(std::function<void(int)> run, WorkOptions options)
    : run_(std::move(run)), options_(std::move(options)) {
  estimate_ = seconds_of(1);
  if (estimate_ > kTurn) return;
  seconds_of(1);  // the first one had to warm up
  for (double total = 0.0; total < kTurn / 8 && repetitions_ < kMostRepetitions;) {
    repetitions_ *= 2;
    estimate_ = seconds_of(repetitions_);
    total = estimate_ * repetitions_;
  }
  repetitions_ = std::clamp(static_cast<int>(kTurn / estimate_), 1, kMostRepetitions);
}

double Work::turn() { return seconds_of(repetitions_); }

double Work::seconds_of(int repetitions) {
  if (options_.prepare) options_.prepare();
  const double start = now_on(options_.clock);
  run_(repetitions);
  return std::max(now_on(options_.clock) - start, 1e-9) / repetitions;
}

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double median_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return median(std::move(ratios));
}

std::size_t allocated_bytes(const std::function<void()>& run) {
  std::size_t bytes = 0;
  std::exception_ptr failure;
  std::thread([&] {
    try {
      run();
      bytes = allocator_stats().cached_bytes;
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
  return bytes;
}

}  // namespace glissade::bench
