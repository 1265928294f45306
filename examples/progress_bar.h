#pragma once

// A progress bar for one epoch: redrawn in place on a terminal; nothing where output is piped.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

class ProgressBar {
 public:
  using Clock = std::chrono::steady_clock;

  ProgressBar(std::string label, std::int64_t steps) : label_(std::move(label)), steps_(steps) {}

  /// Shows that `done` steps and `examples` examples are done, at most ten times a second.
  void update(std::int64_t done, std::int64_t examples, double loss) {
    if (!terminal_) return;
    const Clock::time_point now = Clock::now();
    if (done < steps_ && now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double left = seconds / static_cast<double>(done) * static_cast<double>(steps_ - done);
    constexpr std::int64_t kWidth = 24;
    const auto filled = static_cast<std::size_t>(kWidth * done / std::max<std::int64_t>(steps_, 1));
    fmt::print("\r{} [{}{}] {:3}%  {:.0f} examples/s  loss {:.4f}  {:.0f} s left \x1b[K", label_,
               std::string(filled, '#'), std::string(kWidth - filled, '.'),
               100 * done / std::max<std::int64_t>(steps_, 1),
               static_cast<double>(examples) / std::max(seconds, 1e-9), loss, left);
    std::fflush(stdout);
  }

  /// Takes the bar away again.
  void clear() const {
    if (terminal_) fmt::print("\r\x1b[K");
  }

 private:
  std::string label_;
  std::int64_t steps_;
  bool terminal_ = isatty(STDOUT_FILENO) == 1;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_{};
};
