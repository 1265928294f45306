#include "glissade/core/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "glissade/core/check.h"

namespace glissade {
namespace {

std::atomic<int> chosen{0};  // 0: not set

int available_processors() {
  cpu_set_t processors;
  if (sched_getaffinity(0, sizeof processors, &processors) == 0) return CPU_COUNT(&processors);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

int num_threads() {
  static const int available = available_processors();
  const int count = chosen.load(std::memory_order_relaxed);
  return count > 0 ? count : available;
}

void set_num_threads(int count) {
  check(count >= 1, "set_num_threads: the number of threads must be at least 1, got {}", count);
  chosen.store(count, std::memory_order_relaxed);
}

}  // namespace glissade
