#include "report.h"

#include <glissade/core/blas_info.h>
#include <glissade/core/threads.h>

#include <exception>
#include <map>
#include <memory>

namespace glissade::bench {
namespace {

struct Prepared {
  explicit Prepared(Method made) : method(std::move(made)), work(method.run) {}
  Method method;
  Work work;
};

// The work and what it is compared with take turns.
template <class T>
void compare(benchmark::State& state, Prepared& prepared, Subject<T>& subject) {
  std::vector<double> times;
  std::vector<double> function_times;
  std::vector<double> analytic_times;
  for (auto _ : state) {
    state.PauseTiming();
    function_times.push_back(subject.function().turn());
    analytic_times.push_back(subject.analytic().turn());
    state.ResumeTiming();
    times.push_back(prepared.work.turn() * prepared.method.scale);
  }
  state.counters["seconds"] = median(times);
  state.counters["x_function"] = median_ratio(times, function_times);
  state.counters["x_analytic"] = median_ratio(times, analytic_times);
}

template <class T>
void gradient_benchmark(benchmark::State& state, Prepared& prepared, Subject<T>& subject) {
  const Method& method = prepared.method;
  if (!(method.rel_error <= method.tolerance)) {
    const std::string message =
        fmt::format("the gradient is not right: rel_error {:.2e}, at most {:.0e}", method.rel_error,
                    method.tolerance);
    state.SkipWithError(message.c_str());
    return;
  }
  compare(state, prepared, subject);
  const std::size_t bytes = method.kept_bytes + allocated_bytes([&method] { method.run(1); });
  state.counters["rel_error"] = method.rel_error;
  state.counters["evaluations"] = method.evaluations;
  state.counters["parameters"] = static_cast<double>(subject.parameters());
  state.counters["peak_bytes"] = static_cast<double>(bytes);
  if (method.sampled > 0) state.counters["sampled"] = static_cast<double>(method.sampled);
  state.SetLabel(blas_info().kernel);
}

}  // namespace

template <class T>
Subject<T>& subject(const std::string& name) {
  static std::map<std::string, Subject<T>> subjects;
  return subjects.try_emplace(name, name).first->second;
}

benchmark::internal::Benchmark* add(const std::string& name,
                                    const std::function<void(benchmark::State&)>& function) {
  return benchmark::RegisterBenchmark(name.c_str(), function)->Unit(benchmark::kMicrosecond);
}

template <class T>
void add_gradient(const std::string& name, const std::string& problem,
                  const std::function<Method(Subject<T>&)>& make) {
  add(name,
      [problem, make, prepared = std::shared_ptr<Prepared>()](benchmark::State& state) mutable {
        try {
          Subject<T>& compared = subject<T>(problem);
          if (!prepared) prepared = std::make_shared<Prepared>(make(compared));
          gradient_benchmark(state, *prepared, compared);
        } catch (const std::exception& error) {
          state.SkipWithError(error.what());
        }
      });
}

int run_benchmarks(int argc, char** argv, const char* flags) {
  set_num_threads(1);
  benchmark::AddCustomContext("blas", to_string(blas_info()));
  benchmark::AddCustomContext("compiler", GLISSADE_BENCH_COMPILER);
  benchmark::AddCustomContext("flags", flags == nullptr ? GLISSADE_BENCH_FLAGS : flags);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

template Subject<float>& subject(const std::string&);
template Subject<double>& subject(const std::string&);
template void add_gradient(const std::string&, const std::string&,
                           const std::function<Method(Subject<float>&)>&);
template void add_gradient(const std::string&, const std::string&,
                           const std::function<Method(Subject<double>&)>&);

}  // namespace glissade::bench
