// One training step (forward, backward, update) as a user writes it, against its matrix products
// alone and against a step written by hand for the network: the same cblas_sgemm calls on the same
// kernel in the same run.
//
//     bench_train --benchmark_filter=step/W3/threads:1
//     bench_train --workloads                             the networks, as JSON
//
// The three take turns of about 2 ms, or one step if that is longer. Counters: seconds,
// products_seconds and handwritten_seconds, medians of one step; x_products and x_handwritten, the
// medians of the ratios of neighbouring turns. With two threads also split_seconds and x_split,
// against the products of half the batch in each of two threads, and x_floor, against the faster of
// the two ways to split the products. peak_bytes is the most memory that the library's allocator
// had in use, needed_bytes what no step can do without, x_needed their ratio.
//
// Before anything is timed, Glissade and the step by hand make the same steps, each from the same
// parameters; loss_error and update_error say how far apart they are. The time that Google
// Benchmark prints is that of one turn.

#include <benchmark/benchmark.h>
#include <cblas.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <glissade/core/blas_info.h>
#include <glissade/core/parallel.h>
#include <glissade/core/threads.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "support/measure.h"
#include "train/handwritten.h"
#include "train/products.h"
#include "train/step.h"

namespace {

using namespace glissade;
using namespace glissade::bench;

// How far the two may be apart after a few steps; what is wrong is much farther.
constexpr int kCheckedSteps = 10;
constexpr double kLossTolerance = 1e-4;
constexpr double kUpdateTolerance = 1e-2;

constexpr int kWakingJobs = 500;

// OpenBLAS's threads wait for work for 27 ms without sleeping, 2^26 ticks, and would take the
// processors from what takes the next turn; 2^20 ticks are still longer than the pauses in a step.
constexpr const char* kTimeoutName = "OPENBLAS_THREAD_TIMEOUT";
constexpr const char* kTimeout = "20";

struct Agreement {
  double loss_error = 0.0;    // the largest difference of the losses / the first loss
  double update_error = 0.0;  // the largest |difference of parameters| / |their change in the step|
};

// |a - b|
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double squares = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    squares += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  }
  return std::sqrt(squares);
}

// Each step begins with the same parameters: in a deep network the rounding of one step, in a unit
// at the kink of its ReLU, would grow from step to step.
Agreement agreement(const Problem& problem) {
  Step step(problem);
  Handwritten handwritten(problem);
  Agreement result;
  double first_loss = 0.0;
  for (int i = 0; i < kCheckedSteps; ++i) {
    const std::vector<float> before = handwritten.parameters();
    step.set_parameters(before);
    const double ours = step();
    const double theirs = handwritten();
    if (i == 0) first_loss = theirs;
    result.loss_error = std::max(result.loss_error, std::abs(ours - theirs) / first_loss);
    const std::vector<float> after = handwritten.parameters();
    const double error = distance(step.parameters(), after) / distance(before, after);
    result.update_error = std::max(result.update_error, error);
  }
  return result;
}

template <class Callable>
std::function<void(int)> repeated(Callable& callable) {
  return [&callable](int repetitions) {
    for (int i = 0; i < repetitions; ++i) callable();
  };
}

// Work that a turn of the step is compared with.
struct Rival {
  Rival(std::string its_name, std::function<void(int)> run, WorkOptions options = {})
      : name(std::move(its_name)), work(std::move(run), std::move(options)) {}

  std::string name;
  Work work;
  std::vector<double> times;
};

void take_turns(benchmark::State& state, const Problem& problem, int threads) {
  const Workload& workload = problem.workload;
  const Clock clock = threads == 1 ? Clock::processor : Clock::wall;
  // The rivals' threads are OpenBLAS's own, which the library never uses. Its own ones are awake,
  // as they are in training, where step follows step.
  const auto prepare = [threads] {
    set_num_threads(threads);
    openblas_set_num_threads(1);
    for (int i = 0; i < kWakingJobs; ++i) parallel_parts(threads, [](int) {});
  };
  const auto prepare_rival = [threads] { openblas_set_num_threads(threads); };
  Step step(problem);
  Products products(workload, workload.batch);
  Handwritten handwritten(problem);
  std::unique_ptr<SplitProducts> split;
  std::vector<Rival> rivals;
  rivals.reserve(3);
  rivals.emplace_back("products", repeated(products), WorkOptions{clock, prepare_rival});
  rivals.emplace_back("handwritten", repeated(handwritten), WorkOptions{clock, prepare_rival});
  if (threads == 2) {
    split = std::make_unique<SplitProducts>(workload);
    rivals.emplace_back(
        "split", [&split](int repetitions) { split->run(repetitions); },
        WorkOptions{clock, [&split] {
                      openblas_set_num_threads(1);
                      split->prepare();
                    }});
  }
  Work own(repeated(step), {clock, prepare});
  std::vector<double> times;
  for (auto _ : state) {
    state.PauseTiming();
    for (Rival& rival : rivals) rival.times.push_back(rival.work.turn());
    state.ResumeTiming();
    times.push_back(own.turn());
  }
  state.counters["seconds"] = median(times);
  for (const Rival& rival : rivals) {
    state.counters[rival.name + "_seconds"] = median(rival.times);
    state.counters["x_" + rival.name] = median_ratio(times, rival.times);
  }
  if (split) {
    const Rival& floor = median(rivals[0].times) < median(rivals[2].times) ? rivals[0] : rivals[2];
    state.counters["x_floor"] = median_ratio(times, floor.times);
  }
}

void train_benchmark(benchmark::State& state, const Workload& workload, int threads) {
  set_num_threads(threads);
  const Problem problem(workload);
  const Agreement agreed = agreement(problem);
  if (!(agreed.loss_error <= kLossTolerance && agreed.update_error <= kUpdateTolerance)) {
    const std::string message = fmt::format(
        "Glissade and the step by hand differ: the loss by {:.1e}, the update by {:.1e}",
        agreed.loss_error, agreed.update_error);
    state.SkipWithError(message.c_str());
    return;
  }
  take_turns(state, problem, threads);
  const std::size_t peak = allocated_bytes([&problem] {
    Step step(problem);
    for (int i = 0; i < 3; ++i) step();
  });
  state.counters["loss_error"] = agreed.loss_error;
  state.counters["update_error"] = agreed.update_error;
  state.counters["parameters"] = static_cast<double>(workload.parameters());
  state.counters["peak_bytes"] = static_cast<double>(peak);
  state.counters["needed_bytes"] = static_cast<double>(workload.needed_bytes());
  state.counters["x_needed"] =
      static_cast<double>(peak) / static_cast<double>(workload.needed_bytes());
  state.SetLabel(blas_info().kernel);
}

void add(const std::string& name, const Workload& workload, int threads) {
  benchmark::RegisterBenchmark(name.c_str(), [workload, threads](benchmark::State& state) {
    try {
      train_benchmark(state, workload, threads);
    } catch (const std::exception& error) {
      state.SkipWithError(error.what());
    }
  })->Unit(benchmark::kMicrosecond);
}

// What other programs are told to train.
void print_workloads() {
  std::vector<std::string> lines;
  const auto add_all = [&lines](const std::vector<Workload>& workloads) {
    for (const Workload& w : workloads) lines.push_back(to_json(w));
  };
  add_all(standard_workloads());
  add_all(sweeps());
  fmt::print("[{}]\n", fmt::join(lines, ",\n "));
}

}  // namespace

int main(int argc, char** argv) {
  // OpenBLAS reads its environment before main: so the program begins again.
  if (std::getenv(kTimeoutName) == nullptr) {
    setenv(kTimeoutName, kTimeout, 1);
    execv("/proc/self/exe", argv);
  }
  if (argc == 2 && std::strcmp(argv[1], "--workloads") == 0) {
    print_workloads();
    return 0;
  }
  for (const Workload& workload : standard_workloads()) {
    for (const int threads : {1, 2}) {
      add(fmt::format("step/{}/threads:{}", workload.name, threads), workload, threads);
    }
  }
  for (const Workload& workload : sweeps()) add(workload.name, workload, 1);
  benchmark::AddCustomContext("blas", to_string(blas_info()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
