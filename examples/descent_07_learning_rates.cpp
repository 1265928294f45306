// Experiment 7: one network, trained by plain gradient descent with the learning rates 1, 0.1,
// 0.01, 0.001 and 0.0001. The first diverges, the second oscillates, the third is right, the others
// are slow. `descent_07_learning_rates --help` lists the options.

#include <fmt/format.h>
#include <glissade/glissade.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "support/options.h"
#include "support/report.h"

using namespace glissade;

namespace {

struct Config {
  support::CommonOptions common;
  std::uint64_t seed = 1;
  std::int64_t steps = 4000;
  Index width = 40;
  std::vector<double> rates{1.0, 0.1, 0.01, 0.001, 0.0001};
};

// y = sin(2 x) + x / 2 + noise at 128 points between -3 and 3.
nn::Dataset<double, double> make_data(Rng& rng) {
  Tensor<double> x({128, 1});
  rng.fill_uniform(x, -3.0, 3.0);
  Tensor<double> y({128, 1});
  for (Index i = 0; i < x.size(); ++i) {
    y[i] = std::sin(2.0 * x[i]) + 0.5 * x[i] + rng.normal(0.0, 0.1);
  }
  return {std::move(x), std::move(y)};
}

// The cost before each step, and after the last one; it ends early when it is no longer a number.
std::vector<double> train(const Config& config, double lr,
                          const nn::Dataset<double, double>& data) {
  Rng rng(config.seed);  // the same first weights for every rate
  nn::Sequential<double> model{nn::Linear<double>(1, config.width, rng), nn::Tanh<double>(),
                               nn::Linear<double>(config.width, 1, rng)};
  optim::SGD<double> descent(model.parameters(), {.lr = lr});
  const Variable<double> x(data.inputs);
  const Variable<double> y(data.targets);
  std::vector<double> costs;
  for (std::int64_t step = 0; step <= config.steps; ++step) {
    descent.zero_grad();
    const auto cost = nn::mse_loss(model(x), y);
    costs.push_back(cost.item());
    if (!std::isfinite(costs.back())) break;
    cost.backward();
    descent.step();
  }
  return costs;
}

// The share of steps after which the cost is higher.
double share_of_rises(const std::vector<double>& costs) {
  int rises = 0;
  for (std::size_t i = 1; i < costs.size(); ++i) rises += costs[i] <= costs[i - 1] ? 0 : 1;
  return rises / static_cast<double>(costs.size() - 1);
}

// What becomes of a run, in the words of the textbooks. `best` is the lowest last cost of all runs.
std::string verdict(const std::vector<double>& costs, double best) {
  if (!std::isfinite(costs.back()) || costs.back() > costs.front()) return "diverging";
  if (share_of_rises(costs) > 0.1) return "oscillating";
  return costs.back() <= 2.0 * best ? "right" : "slow";
}

void run(const Config& config) {
  support::Report report(config.common);
  Rng rng(config.seed);
  const auto data = make_data(rng);

  std::vector<std::vector<double>> runs;
  double best = 1e300;
  for (const double lr : config.rates) {
    runs.push_back(train(config, lr, data));
    const double last = runs.back().back();
    if (std::isfinite(last) && share_of_rises(runs.back()) <= 0.1) best = std::min(best, last);
  }

  plot::Figure figure(
      {.title = "One network, five learning rates", .panel_width = 640.0, .panel_height = 400.0});
  auto& axes = figure.add({.x_label = "step",
                           .y_label = "cost (mean squared error)",
                           .y_scale = plot::Scale::log,
                           .y_range = plot::Range{5e-3, 1e3}});
  support::Table table({"learning rate", "first cost", "last cost", "steps", "rising", "verdict"});
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& costs = runs[i];
    const std::string word = verdict(costs, best);
    table.row({fmt::format("{:g}", config.rates[i]), fmt::format("{:.4f}", costs.front()),
               fmt::format("{:.4g}", costs.back()), fmt::format("{}", costs.size() - 1),
               fmt::format("{:.0f} %", 100.0 * share_of_rises(costs)), word});
    report.json["runs"].push_back({{"lr", config.rates[i]},
                                   {"first", costs.front()},
                                   {"last", costs.back()},
                                   {"steps", costs.size() - 1},
                                   {"rising", share_of_rises(costs)},
                                   {"verdict", word}});
    axes.line(costs, {.label = fmt::format("{:g}: {}", config.rates[i], word)});
  }
  report.say("Gradient descent on a network 1-{}-1 with tanh, {} examples", config.width,
             data.size());
  report.print(table);
  report.picture(figure, "07_learning_rates");
  report.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Config config;
  support::CommandLine line(
      "Experiment 7: one network, trained with learning rates from 1 to 0.0001.");
  line.add_seed(config.seed);
  line.add("--steps", config.steps, "Steps with each rate", 1, 1000000);
  line.add("--width", config.width, "Hidden units", 1, 4096);
  line.add("--lr", config.rates, "The learning rates, separated by commas");
  return line.run(argc, argv, [&] {
    config.common = line.common();
    run(config);
  });
}
