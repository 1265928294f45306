// Glissade as a tool of GradBench (https://github.com/gradbench/gradbench): JSON messages, one a
// line, on standard input; a response to each on standard output. The protocol is in the suite's
// CONTRIBUTING.md. The suite's evals are what runs this; see scripts/bench gradbench.

#include <glissade/core/threads.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>

#include "evaluation.h"

namespace gradbench {

const std::map<std::string, Module>& modules() {
  static const std::map<std::string, Module> all{
      {"ba", ba()},     {"det", det()},       {"gmm", gmm()},           {"hello", hello()},
      {"ht", ht()},     {"kmeans", kmeans()}, {"llsq", llsq()},         {"lse", lse()},
      {"lstm", lstm()}, {"ode", ode()},       {"particle", particle()}, {"saddle", saddle()}};
  return all;
}

namespace {

// Runs the function at least `min_runs` times and at least `min_seconds` long, as the protocol
// says. Reading the input and writing the output are not part of any run.
Json evaluate(const Json& message) {
  using Clock = std::chrono::steady_clock;
  const auto& module = modules().at(message.at("module"));
  const auto function = module.find(message.at("function"));
  glissade::check(function != module.end(), "gradbench: {} has no function {}",
                  message["module"].get<std::string>(), message["function"].get<std::string>());
  const Json& input = message.at("input");
  const bool repeats = input.is_object() && input.contains("min_runs");
  const int min_runs = repeats ? input["min_runs"].get<int>() : 1;
  const double min_seconds = repeats ? input.at("min_seconds").get<double>() : 0.0;

  const Evaluation evaluation = function->second(input);
  Json timings = Json::array();
  double seconds = 0.0;
  for (int i = 0; i < min_runs || seconds < min_seconds; ++i) {
    const auto start = Clock::now();
    evaluation.run();
    const auto time = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start);
    timings.push_back({{"name", "evaluate"}, {"nanoseconds", time.count()}});
    seconds += static_cast<double>(time.count()) * 1e-9;
  }
  return {{"success", true}, {"output", evaluation.output()}, {"timings", std::move(timings)}};
}

Json respond(const Json& message) {
  const std::string kind = message.at("kind");
  if (kind == "start") return {{"tool", "glissade"}};
  if (kind == "define") return {{"success", modules().contains(message.at("module"))}};
  if (kind == "evaluate") {
    try {
      return evaluate(message);
    } catch (const std::exception& error) {
      return {{"success", false}, {"error", error.what()}};
    }
  }
  return Json::object();
}

}  // namespace
}  // namespace gradbench

int main() {
  glissade::set_num_threads(1);  // as the suite's other tools run
  try {
    for (std::string line; std::getline(std::cin, line);) {
      const auto message = gradbench::Json::parse(line);
      gradbench::Json response = gradbench::respond(message);
      response["id"] = message.at("id");
      std::cout << response.dump() << std::endl;  // the other side waits for it
    }
  } catch (const std::exception& error) {
    std::cerr << "gradbench_glissade: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
