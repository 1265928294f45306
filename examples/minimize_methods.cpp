// How many evaluations each method needs to come within 1e-8 of the minimum of the classic test
// functions. A method with a rate is tried with several, and the best one counts.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "glissade/glissade.h"

namespace {

using namespace glissade;
using Cost = std::function<Variable<double>(const Variable<double>&)>;
using Result = optim::MinimizeResult<Tensor<double>>;

struct Function {
  std::string name;
  Cost cost;
  Tensor<double> start;
  double minimum;  // the lowest value
};

// `pattern`, again and again, n numbers long.
Tensor<double> repeated(Index n, const std::vector<double>& pattern) {
  Tensor<double> x(Shape{n});
  for (Index i = 0; i < n; ++i) x[i] = pattern[static_cast<std::size_t>(i) % pattern.size()];
  return x;
}

// Functions with many minima are begun where the lowest one is near.
std::vector<Function> functions() {
  namespace tf = optim::test_functions;
  std::vector<Function> all;
  for (const Index n : {2, 5, 10, 20, 50, 100}) {
    all.push_back(
        {fmt::format("Rosenbrock {}", n), tf::rosenbrock<double>, repeated(n, {-1.2, 1.0}), 0.0});
  }
  // From there, Rosenbrock's function of more dimensions also leads to its other minimum.
  all.push_back({"Beale", tf::beale<double>, repeated(2, {1.0}), 0.0});
  all.push_back({"Booth", tf::booth<double>, repeated(2, {-2.0, 5.0}), 0.0});
  all.push_back({"Himmelblau", tf::himmelblau<double>, repeated(2, {0.5, -0.25}), 0.0});
  all.push_back({"Rastrigin 2", tf::rastrigin<double>, repeated(2, {0.2, -0.15}), 0.0});
  all.push_back({"Ackley 2", tf::ackley<double>, repeated(2, {0.4, -0.3}), 0.0});
  all.push_back({"Styblinski-Tang 3", tf::styblinski_tang<double>, repeated(3, {-1.0, -4.0, -2.0}),
                 -39.166165703771419 * 3});
  for (const double kappa : {1e2, 1e4, 1e6}) {
    all.push_back({fmt::format("Quadratic {:.0e}", kappa),
                   [kappa](const Variable<double>& x) { return tf::ill_conditioned(x, kappa); },
                   repeated(10, {1.0, -1.0, 2.0, 0.5}), 0.0});
  }
  return all;
}

using Run = std::function<Result(const Function&, double lr, const optim::StoppingRule&)>;
struct Method {
  std::string name;
  bool has_rate;
  Run run;
};

template <class Options>
Method first_order(const std::string& name, Options options) {
  return {name, true, [options](const Function& f, double lr, const optim::StoppingRule& stop) {
            Options own = options;
            own.lr = lr;
            return optim::minimize(f.cost, f.start, own, stop);
          }};
}

template <class Options>
Method second_order(const std::string& name, Options options) {
  return {name, false,
          [options](const Function& f, double /*lr*/, const optim::StoppingRule& stop) {
            return optim::minimize(f.cost, f.start, options, stop);
          }};
}

std::vector<Method> methods() {
  return {
      first_order("SGD", optim::SGDOptions{}),
      first_order("momentum", optim::SGDOptions{.momentum = 0.9}),
      first_order("Nesterov", optim::SGDOptions{.momentum = 0.9, .nesterov = true}),
      first_order("Adagrad", optim::AdagradOptions{}),
      first_order("Adadelta", optim::AdadeltaOptions{}),
      first_order("RMSprop", optim::RMSpropOptions{}),
      first_order("Adam", optim::AdamOptions{}),
      first_order("Adamax", optim::AdamaxOptions{}),
      first_order("NAdam", optim::NAdamOptions{}),
      first_order("RAdam", optim::RAdamOptions{}),
      second_order("L-BFGS", optim::LBFGSOptions{}),
      second_order("Newton", optim::NewtonOptions{}),
      second_order("trust region", optim::TrustRegionOptions{}),
  };
}

struct Best {
  std::int64_t evaluations;
  double lr;
};

// The fewest evaluations over the rates; nothing if none comes within 1e-8 of the minimum.
std::optional<Best> evaluations_to_1e8(const Method& method, const Function& function,
                                       std::int64_t most) {
  std::vector<double> rates{1.0};
  if (method.has_rate) rates = {1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0};
  std::optional<Best> best;
  for (const double lr : rates) {
    const std::int64_t limit = best ? best->evaluations : most;
    const Result result = method.run(
        function, lr, optim::cost_below(function.minimum + 1e-8) || optim::max_iterations(limit));
    if (result.reason != optim::StopReason::cost) continue;
    if (!best || result.evaluations.costs < best->evaluations) {
      best = Best{result.evaluations.costs, lr};
    }
  }
  return best;
}

std::string cell(const std::optional<Best>& best, bool has_rate) {
  if (!best) return "-";
  if (!has_rate) return fmt::format("{}", best->evaluations);
  return fmt::format("{} ({:g})", best->evaluations, best->lr);
}

int run(int argc, char** argv) {
  CLI::App app("Evaluations of each method to 1e-8 on the classic test functions");
  bool json = false;
  std::int64_t most = 20000;
  std::vector<std::string> only;
  app.add_flag("--json", json, "print one JSON object instead of the table");
  app.add_option("--most", most, "give up after so many iterations")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--methods", only, "only these methods")->delimiter(',');
  CLI11_PARSE(app, argc, argv);

  std::vector<Method> chosen;
  for (const Method& method : methods()) {
    if (only.empty() || std::find(only.begin(), only.end(), method.name) != only.end()) {
      chosen.push_back(method);
    }
  }
  check(only.empty() || chosen.size() == only.size(), "one of the methods {} is not known",
        fmt::join(only, ", "));

  nlohmann::ordered_json object;
  if (!json) {
    fmt::print("| function |");
    for (const Method& method : chosen) fmt::print(" {} |", method.name);
    fmt::print("\n|---|");
    for (std::size_t i = 0; i < chosen.size(); ++i) fmt::print("---|");
    fmt::print("\n");
  }
  for (const Function& function : functions()) {
    if (!json) fmt::print("| {} |", function.name);
    for (const Method& method : chosen) {
      const auto best = evaluations_to_1e8(method, function, most);
      if (json) {
        auto& entry = object[function.name][method.name];
        entry["evaluations"] = best ? nlohmann::ordered_json(best->evaluations) : nullptr;
        if (best && method.has_rate) entry["lr"] = best->lr;
      } else {
        fmt::print(" {} |", cell(best, method.has_rate));
        std::fflush(stdout);
      }
    }
    if (json) {
      object[function.name]["start"] =
          std::vector<double>(function.start.begin(), function.start.end());
    } else {
      fmt::print("\n");
    }
  }
  if (json) fmt::print("{}\n", object.dump());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "minimize_methods: {}\n", error.what());
    return 1;
  }
}
