// Gradients by numerical, analytic and automatic differentiation: time, memory and error.
//
//     bench_gradients --benchmark_filter='gradient/mlp.*/f64'
//     bench_gradients --data=DIR
//
// gradient/PROBLEM/METHOD/DTYPE   a gradient by each method
// growth/METHOD/PARAMETERS        on perceptrons of 10 to 10^6 parameters
// step_size/PROBLEM/METHOD/H      the error of differences of the step H, not a time
// chain/NODES                     a chain of scalars by Glissade: building, backward, freeing
//
// Counters: seconds, the median time of one gradient; x_function and x_analytic, the medians of its
// ratio to the value alone and to the hand-written gradient (both with the value) of the same
// round, in which the three take turns of about 2 ms; rel_error, against the analytic gradient in
// float64 in the largest norm; evaluations of the function for one gradient; parameters;
// peak_bytes, what the method keeps and the library's allocator hands out at most; sampled, if a
// whole gradient would take long, how many of its elements were computed: the time is that of all,
// extrapolated. The time that Google Benchmark prints is that of one turn.
//
// step_size: h; rel_error, at up to 100 elements; optimal_h and optimal_error, the lowest point in
// theory. ladder/auto is the ladder, with the median of the steps that it chose.
//
// A gradient that is not right is an error, and is not timed. One thread.
//
// --data=DIR writes each problem to DIR/PROBLEM.safetensors, for peers in other languages.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "gradients/report.h"
#include "gradients/step_size.h"

namespace {

using namespace glissade;
using namespace glissade::bench;

constexpr Index kGrowth[] = {10, 100, 1'000, 10'000, 100'000, 1'000'000};

void step_benchmark(benchmark::State& state, const std::string& problem, const std::string& method,
                    double h) {
  Subject<double>& looked_at = subject<double>(problem);
  StepError found;
  for (auto _ : state) {
    found = method == "ladder" ? ladder_error(looked_at) : step_error(method, looked_at, h);
  }
  state.counters["h"] = found.h;
  state.counters["rel_error"] = found.rel_error;
  if (method == "ladder" || method == "complex_step") return;  // no lowest point
  static std::map<std::string, StepError> optima;
  auto optimum = optima.find(problem + method);
  if (optimum == optima.end()) {
    optimum = optima.emplace(problem + method, optimal_step(method, looked_at)).first;
  }
  state.counters["optimal_h"] = optimum->second.h;
  state.counters["optimal_error"] = optimum->second.rel_error;
}

// y = c (c (... (c x))), each product a node.
void chain_benchmark(benchmark::State& state, Index nodes) {
  Variable<double> x = parameter(Tensor<double>::scalar(1.0));
  constexpr double kFactor = 0.9999999;
  Work work([&](int repetitions) {
    for (int i = 0; i < repetitions; ++i) {
      x.zero_grad();
      Variable<double> y = x;
      for (Index k = 0; k < nodes; ++k) y = y * kFactor;
      y.backward();
    }
  });
  std::vector<double> times;
  for (auto _ : state) times.push_back(work.turn());
  const double expected = std::pow(kFactor, static_cast<double>(nodes));
  const double error = std::abs(x.grad().item() - expected) / expected;
  if (!(error < 1e-9)) {
    state.SkipWithError("the gradient is not right");
    return;
  }
  state.counters["seconds"] = median(times);
  state.counters["ns_per_node"] = 1e9 * median(times) / static_cast<double>(nodes);
  state.counters["rel_error"] = error;
}

template <class T>
void add_gradients(const char* dtype) {
  for (const std::string& problem : problem_names()) {
    for (const std::string& name : method_names<T>()) {
      add_gradient<T>(fmt::format("gradient/{}/{}/{}", problem, name, dtype), problem,
                      [name](Subject<T>& compared) { return method(name, compared); });
    }
  }
}

void add_growth() {
  for (const std::string& name : method_names<double>()) {
    for (const Index parameters : kGrowth) {
      add_gradient<double>(fmt::format("growth/{}/{}", name, parameters),
                           fmt::format("growth_{}", parameters),
                           [name](Subject<double>& compared) { return method(name, compared); });
    }
  }
}

void add_step_sizes() {
  const auto add_point = [](const std::string& problem, const std::string& method,
                            const std::string& step, double h) {
    add("step_size/" + problem + "/" + method + "/" + step, [=](benchmark::State& state) {
      step_benchmark(state, problem, method, h);
    })->Iterations(1);
  };
  for (const char* problem :
       {"quadratic_10", "rosenbrock_10", "logistic_1000x100", "mlp_10_32_32_1", "gmm"}) {
    for (int tenths = 0; tenths >= -150; tenths -= 5) {
      const double h = std::pow(10.0, tenths / 10.0);
      const std::string step = fmt::format("{:.1e}", h);
      for (const char* method : {"forward", "central", "five_point", "complex_step"}) {
        add_point(problem, method, step, h);
      }
    }
    for (const double h : {1e-20, 1e-50, 1e-100, 1e-200, 1e-300}) {
      add_point(problem, "complex_step", fmt::format("{:.1e}", h), h);
    }
    add_point(problem, "ladder", "auto", 0.0);
  }
}

void write_data(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  std::vector<std::string> names = problem_names();
  for (const Index parameters : kGrowth) names.push_back("growth_" + std::to_string(parameters));
  for (const std::string& name : names) {
    const Definition problem = definition(name);
    const Tensor<double>& point = bench::point(problem);
    Tensor<double> gradient(point.shape());
    Tensor<double> value({1});
    value[0] = make_problem<double>(problem)->analytic(point.data(), gradient.data());
    auto tensors = std::visit([](const auto& p) { return p.data(); }, problem);
    tensors.emplace_back("parameters", point);
    tensors.emplace_back("gradient", gradient);
    tensors.emplace_back("value", value);
    write_safetensors(directory / (name + ".safetensors"), tensors);
  }
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::string_view kData = "--data=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kData)) continue;
    try {
      write_data(argument.substr(kData.size()));
      return 0;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "bench_gradients: %s\n", error.what());
      return 1;
    }
  }
  add_gradients<double>("f64");
  add_gradients<float>("f32");
  add_growth();
  add_step_sizes();
  for (const Index nodes : {Index{1'000}, Index{100'000}, Index{1'000'000}}) {
    add("chain/" + std::to_string(nodes),
        [nodes](benchmark::State& state) { chain_benchmark(state, nodes); });
  }
  return run_benchmarks(argc, argv);
}
