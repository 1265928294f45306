// Work that is split over threads.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.h"
#include "glissade/core/parallel.h"
#include "support/threads.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

using namespace glissade;

namespace {

using Range = std::pair<Index, Index>;

std::set<Range> ranges(Index begin, Index end, Index grain) {
  std::mutex mutex;
  std::set<Range> found;
  parallel_for(begin, end, grain, [&](Index from, Index to) {
    const std::lock_guard lock(mutex);
    CHECK(found.insert({from, to}).second);
  });
  return found;
}

}  // namespace

TEST_CASE("parallel_for covers a range in ranges of at least the grain", "[threads]") {
  for (const int threads : {1, 2, 3, 8}) {
    const Threads scope(threads);
    for (const Index grain : {Index{1}, Index{5}, Index{100}}) {
      for (const Index count : {0, 1, 2, 5, 9, 10, 11, 99, 100, 199, 200, 201, 1000}) {
        INFO(threads << " threads, grain " << grain << ", count " << count);
        const std::set<Range> parts = ranges(7, 7 + count, grain);
        Index next = 7;
        for (const auto& [from, to] : parts) {
          CHECK(from == next);
          CHECK(to > from);
          if (parts.size() > 1) CHECK(to - from >= grain);
          next = to;
        }
        CHECK(next == 7 + count);
        CHECK(static_cast<int>(parts.size()) <= threads);
        const Index fit = std::min<Index>(threads, count / grain);
        if (fit > 0) CHECK(static_cast<Index>(parts.size()) == fit);
      }
    }
  }
}

TEST_CASE("each part runs once, and several at the same time", "[threads]") {
  const Threads scope(3);
  // Three parts wait for each other, so that it takes three threads.
  std::atomic<int> here = 0;
  std::array<std::thread::id, 3> ids;
  parallel_parts(3, [&](int part) {
    ids[static_cast<std::size_t>(part)] = std::this_thread::get_id();
    ++here;
    while (here.load() < 3) std::this_thread::yield();
  });
  CHECK(std::set<std::thread::id>(ids.begin(), ids.end()).size() == 3);

  for (int round = 0; round < 2000; ++round) {
    std::array<std::atomic<int>, 7> calls{};
    parallel_parts(7, [&](int part) { ++calls[static_cast<std::size_t>(part)]; });
    int all = 0;
    for (const auto& count : calls) all += count.load();
    REQUIRE(all == 7);
    for (const auto& count : calls) REQUIRE(count.load() == 1);
  }
}

TEST_CASE("threads that sleep are woken", "[threads]") {
  const Threads scope(2);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    std::atomic<int> here = 0;
    parallel_parts(2, [&](int) {
      ++here;
      while (here.load() < 2) std::this_thread::yield();
    });
    CHECK(here.load() == 2);
  }
}

TEST_CASE("never more threads than were set work on parts", "[threads]") {
  {
    const Threads many(6);
    parallel_parts(6, [](int) {});
  }
  const Threads scope(2);
  std::atomic<int> here = 0;
  std::atomic<int> most = 0;
  for (int round = 0; round < 50; ++round) {
    parallel_parts(12, [&](int) {
      const int now = ++here;
      int seen = most.load();
      while (seen < now && !most.compare_exchange_weak(seen, now)) {
      }
      std::this_thread::sleep_for(std::chrono::microseconds(20));
      --here;
    });
  }
  CHECK(most.load() == 2);
}

TEST_CASE("work in a part is not split again", "[threads]") {
  const Threads scope(4);
  CHECK_FALSE(in_parallel());
  CHECK(available_threads() == 4);
  parallel_parts(4, [](int) {
    const auto self = std::this_thread::get_id();
    bool same = in_parallel() && available_threads() == 1;
    parallel_parts(4, [&](int) { same = same && std::this_thread::get_id() == self; });
    parallel_for(0, 100, 1, [&](Index from, Index to) { same = same && from == 0 && to == 100; });
    if (!same) throw std::logic_error("split again");
  });
  CHECK_FALSE(in_parallel());
}

TEST_CASE("the exception of the lowest part reaches the caller", "[threads]") {
  const Threads scope(3);
  for (int round = 0; round < 100; ++round) {
    std::string message;
    try {
      parallel_parts(3, [](int part) {
        if (part > 0) throw std::runtime_error("part " + std::to_string(part));
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    REQUIRE(message == "part 1");
  }
  std::atomic<int> calls = 0;
  parallel_parts(3, [&](int) { ++calls; });
  CHECK(calls.load() == 3);
}

TEST_CASE("several threads may split work at the same time", "[threads]") {
  const Threads scope(3);
  std::array<std::atomic<long>, 4> sums{};
  std::vector<std::thread> threads;
  for (auto& sum : sums) {
    threads.emplace_back([&sum] {
      for (int round = 0; round < 300; ++round) {
        parallel_for(0, 1000, 10, [&](Index from, Index to) {
          for (Index i = from; i < to; ++i) sum += i;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& sum : sums) CHECK(sum.load() == 300L * 999 * 1000 / 2);
}

#if defined(__SSE2__)
TEST_CASE("parts run in the caller's floating-point mode", "[threads]") {
  const Threads scope(3);
  parallel_parts(3, [](int) {});
  const unsigned before = _mm_getcsr();
  constexpr unsigned kFlushToZero = 0x8000;
  std::atomic<int> here = 0;
  std::array<unsigned, 3> modes{};
  const auto look = [&](int part) {
    modes[static_cast<std::size_t>(part)] = _mm_getcsr() & kFlushToZero;
    ++here;
    while (here.load() < 3) std::this_thread::yield();
  };
  _mm_setcsr(before | kFlushToZero);
  parallel_parts(3, look);
  _mm_setcsr(before & ~kFlushToZero);
  CHECK((modes == std::array<unsigned, 3>{kFlushToZero, kFlushToZero, kFlushToZero}));
  here = 0;
  parallel_parts(3, look);
  CHECK((modes == std::array<unsigned, 3>{0, 0, 0}));
  _mm_setcsr(before);
}
#endif

#if !defined(__SANITIZE_THREAD__)  // which does not let a child with threads fork on
TEST_CASE("a child process makes threads of its own", "[threads]") {
  const Threads scope(3);
  parallel_parts(3, [](int) {});
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> here = 0;
    parallel_parts(3, [&](int) {
      ++here;
      while (here.load() < 3) std::this_thread::yield();
    });
    _exit(here.load() == 3 ? 0 : 1);
  }
  int status = 1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
#endif
