#include "glissade/core/parallel.h"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "float_mode.h"
#include "glissade/core/check.h"
#include "spin.h"

// A job is a function and a number of parts. The thread that has it publishes it by one store to
// `ticket_`, which is the job's number, its number of parts and the next part that nobody has; a
// thread takes a part by one compare-and-swap. The parts are fixed, but not who does them: a worker
// that is asleep, or that the system has given no time, is not waited for, its part is done by
// another.
//
// Workers wait for the next job by spinning for about a millisecond, which is longer than the
// pauses within a training step, and then sleep. A thread that sleeps needs 50 us to come back, on
// a virtual machine several times that, and finds that the job has been done without it: with
// shorter spinning a pool could miss every job of a step, for tens of steps.

namespace glissade {

constinit thread_local bool detail::in_parallel_part = false;

namespace {

using detail::in_parallel_part;

// About a millisecond on the processors of today, whose pause takes 140 cycles.
constexpr int kSpins = 20000;

// The ticket: 32 bits of the job's number, 16 bits parts, 16 bits next part.
struct Ticket {
  std::uint64_t bits;

  std::uint32_t job() const { return static_cast<std::uint32_t>(bits >> 32); }
  std::uint32_t parts() const { return static_cast<std::uint32_t>(bits >> 16) & 0xffff; }
  std::uint32_t next() const { return static_cast<std::uint32_t>(bits) & 0xffff; }
  bool has_parts() const { return next() < parts(); }
};

class PartScope {
 public:
  PartScope() { in_parallel_part = true; }
  ~PartScope() { in_parallel_part = false; }
  PartScope(const PartScope&) = delete;
  PartScope& operator=(const PartScope&) = delete;
};

class Pool {
 public:
  // Returns false, having done nothing, if the pool has another job or may not be used any more.
  bool run(int parts, void (*function)(void*, int), void* context) {
    const std::unique_lock owner(owner_, std::try_to_lock);
    if (!owner.owns_lock() || closed_) return false;
    start_workers(std::min(num_threads(), parts) - 1);
    function_ = function;
    context_ = context;
    mode_ = FloatMode::current();
    error_ = nullptr;
    workers_wanted_.store(num_threads() - 1, std::memory_order_relaxed);
    unfinished_.store(parts, std::memory_order_relaxed);
    const std::uint32_t job = Ticket{ticket_.load(std::memory_order_relaxed)}.job() + 1;
    // Part 0 is this thread's.
    ticket_.store(std::uint64_t{job} << 32 | static_cast<std::uint64_t>(parts) << 16 | 1);
    if (sleeping_.load() > 0) {
      { const std::lock_guard lock(sleep_); }
      wake_.notify_all();
    }
    run_part(0);
    unfinished_.fetch_sub(1);
    work();
    wait_for_parts();
    if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
    return true;
  }

  // Ends the workers, when no job is running any more.
  void close() {
    const std::lock_guard owner(owner_);
    closed_ = true;
    stop_.store(true);
    { const std::lock_guard lock(sleep_); }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

 private:
  void start_workers(int wanted) {
    while (static_cast<int>(workers_.size()) < wanted) {
      const auto index = static_cast<int>(workers_.size());
      const std::uint32_t seen = Ticket{ticket_.load(std::memory_order_relaxed)}.job();
      try {
        workers_.emplace_back([this, index, seen] { serve(index, seen); });
      } catch (const std::system_error&) {
        return;  // the system gives no more threads: those that there are do the work
      }
    }
  }

  void serve(int index, std::uint32_t seen) {
    for (;;) {
      seen = wait_for_job(seen);
      if (stop_.load()) return;
      // Fewer threads may be wanted than there are.
      if (index < workers_wanted_.load(std::memory_order_relaxed)) work();
    }
  }

  std::uint32_t wait_for_job(std::uint32_t seen) {
    const auto job = [this] { return Ticket{ticket_.load()}.job(); };
    const auto ready = [&] { return job() != seen || stop_.load(std::memory_order_relaxed); };
    if (!spin_until(ready, kSpins)) {
      std::unique_lock lock(sleep_);
      sleeping_.fetch_add(1);
      wake_.wait(lock, ready);
      sleeping_.fetch_sub(1);
    }
    return job();
  }

  // Does parts of the present job until all are taken.
  void work() {
    for (;;) {
      Ticket ticket{ticket_.load()};
      do {
        if (!ticket.has_parts()) return;
      } while (!ticket_.compare_exchange_weak(ticket.bits, ticket.bits + 1));
      // This part is not done yet, so the job is still there.
      const auto part = static_cast<int>(ticket.next());
      run_part(part);
      if (unfinished_.fetch_sub(1) == 1 && caller_sleeps_.load()) {
        { const std::lock_guard lock(sleep_); }
        done_.notify_one();
      }
    }
  }

  void run_part(int part) {
    const FloatModeScope mode(mode_);
    const PartScope scope;
    try {
      function_(context_, part);
    } catch (...) {
      const std::lock_guard lock(error_mutex_);
      if (error_ == nullptr || part < error_part_) {
        error_ = std::current_exception();
        error_part_ = part;
      }
    }
  }

  void wait_for_parts() {
    const auto done = [this] { return unfinished_.load() == 0; };
    if (spin_until(done, kSpins)) return;
    std::unique_lock lock(sleep_);
    caller_sleeps_.store(true);
    done_.wait(lock, done);
    caller_sleeps_.store(false);
  }

  std::mutex owner_;  // of whoever has a job here
  std::vector<std::thread> workers_;
  bool closed_ = false;

  // The job: written before ticket_, read by those who have taken a part.
  void (*function_)(void*, int) = nullptr;
  void* context_ = nullptr;
  FloatMode mode_;
  std::mutex error_mutex_;
  std::exception_ptr error_;
  int error_part_ = 0;

  alignas(64) std::atomic<std::uint64_t> ticket_ = 0;
  alignas(64) std::atomic<int> unfinished_ = 0;  // parts that have not ended
  alignas(64) std::atomic<int> workers_wanted_ = 0;
  std::atomic<bool> stop_ = false;

  std::mutex sleep_;
  std::condition_variable wake_;  // a job, or the end
  std::condition_variable done_;  // of a job
  std::atomic<int> sleeping_ = 0;
  std::atomic<bool> caller_sleeps_ = false;
};

// Never destroyed: a worker that is not joined may look at it to the end.
std::atomic<Pool*> pool{nullptr};
std::atomic<bool> ended{false};  // the process is at its end

// A child process has the memory of the pool, but none of its threads: it makes a new one. The old
// one is kept, so that it does not count as a leak.
void forget_pool() {
  static std::atomic<Pool*> of_the_parent{nullptr};
  of_the_parent.store(pool.exchange(nullptr));
}

struct AtExit {
  AtExit() { pthread_atfork(nullptr, nullptr, forget_pool); }
  AtExit(const AtExit&) = delete;
  AtExit& operator=(const AtExit&) = delete;
  ~AtExit() {
    ended.store(true);
    Pool* const last = pool.load();
    // If a part has called exit, it cannot be waited for.
    if (last != nullptr && !in_parallel_part) last->close();
  }
};

Pool* the_pool() {
  static const AtExit at_exit;
  Pool* made = pool.load(std::memory_order_acquire);
  if (made != nullptr || ended.load()) return made;
  auto* const fresh = new Pool;
  if (pool.compare_exchange_strong(made, fresh)) return fresh;
  delete fresh;  // another thread was faster
  return made;
}

}  // namespace

void detail::run_parts(int parts, void (*run)(void* context, int part), void* context) {
  check(parts >= 1 && parts <= kMostParts, "parallel_parts: the parts must be 1 to {}, got {}",
        kMostParts, parts);
  Pool* const shared = the_pool();
  if (shared != nullptr && shared->run(parts, run, context)) return;
  for (int i = 0; i < parts; ++i) run(context, i);
}

}  // namespace glissade
