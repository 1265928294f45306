// Experiment 7: one network, trained by plain gradient descent with the learning rates 1, 0.1,
// 0.01, 0.001 and 0.0001. The first diverges, the second oscillates, the third is right, the others
// are slow. `descent_07_learning_rates --help` lists the options.

#include <fmt/format.h>
#include <glissade/glissade.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "support/options.h"
#include "support/report.h"

using namespace glissade;

namespace {

struct Config {
  support::CommonOptions common;
  std::uint64_t seed = 1;
  Index epochs = 300;
  Index batch_size = 4;
  Index width = 16;
  std::vector<double> rates{1.0, 0.1, 0.01, 0.001, 0.0001};
};

// y = sin(1.5 x) + noise at 128 points between -3 and 3.
nn::Dataset<double, double> make_data(Rng& rng) {
  Tensor<double> x({128, 1});
  rng.fill_uniform(x, -3.0, 3.0);
  Tensor<double> y({128, 1});
  for (Index i = 0; i < x.size(); ++i) {
    y[i] = std::sin(1.5 * x[i]) + rng.normal(0.0, 0.1);
  }
  return {std::move(x), std::move(y)};
}

// The cost of all examples at the start and after each epoch; it ends early when that is no longer
// a number.
std::vector<double> train(const Config& config, double lr,
                          const nn::Dataset<double, double>& data) {
  Rng rng(config.seed);  // the same first weights and batches for every rate
  nn::Sequential<double> model{nn::Linear<double>(1, config.width, rng), nn::Tanh<double>(),
                               nn::Linear<double>(config.width, 1, rng)};
  optim::SGD<double> descent(model.parameters(), {.lr = lr});
  const auto cost = [&] {
    const NoGradGuard no_grad;
    return nn::mse_loss(model(data.inputs), data.targets).item();
  };
  std::vector<double> costs{cost()};
  auto batches = nn::batches(data, config.batch_size, rng);
  while (static_cast<Index>(costs.size()) <= config.epochs && std::isfinite(costs.back())) {
    for (const auto& [x, y] : batches) {
      descent.zero_grad();
      nn::mse_loss(model(x), y).backward();
      descent.step();
    }
    costs.push_back(cost());
  }
  return costs;
}

// How a run ended: over its second half.
struct Ending {
  double level = 0.0;   // the mean cost
  double swing = 0.0;   // the largest cost / the smallest
  double rising = 0.0;  // the share of epochs after which the cost is higher
};

Ending ending_of(const std::vector<double>& costs) {
  const std::span<const double> half = std::span(costs).subspan(costs.size() / 2);
  Ending ending;
  for (std::size_t i = 0; i < half.size(); ++i) {
    ending.level += half[i] / static_cast<double>(half.size());
    if (i > 0 && half[i] > half[i - 1]) ending.rising += 1.0 / static_cast<double>(half.size() - 1);
  }
  const auto [smallest, largest] = std::minmax_element(half.begin(), half.end());
  ending.swing = *largest / *smallest;
  return ending;
}

// A number in the table.
std::string text_of(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}g}", value, digits) : "not finite";
}

// What becomes of a run, in the words of the textbooks. `best` is the lowest level of all runs.
std::string verdict(const std::vector<double>& costs, double best) {
  if (!std::isfinite(costs.back()) || costs.back() > costs.front()) return "diverging";
  const Ending ending = ending_of(costs);
  if (ending.rising > 0.25 && ending.swing > 2.0) return "oscillating";
  return ending.level <= 1.5 * best ? "right" : "slow";
}

void run(const Config& config) {
  support::Report report(config.common);
  Rng rng(config.seed);
  const auto data = make_data(rng);

  std::vector<std::vector<double>> runs;
  double best = std::numeric_limits<double>::infinity();
  for (const double lr : config.rates) {
    runs.push_back(train(config, lr, data));
    if (std::isfinite(runs.back().back())) best = std::min(best, ending_of(runs.back()).level);
  }

  plot::Figure figure(
      {.title = "One network, five learning rates", .panel_width = 640.0, .panel_height = 400.0});
  auto& axes = figure.add({.x_label = "epoch",
                           .y_label = "cost (mean squared error)",
                           .y_scale = plot::Scale::log,
                           .y_range = plot::Range{5e-3, 1e2}});
  support::Table table({"learning rate", "first cost", "last cost", "epochs", "level", "swing",
                        "rising", "verdict"});
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& costs = runs[i];
    const std::string word = verdict(costs, best);
    const Ending ending = ending_of(costs);
    table.row({fmt::format("{:g}", config.rates[i]), fmt::format("{:.4f}", costs.front()),
               text_of(costs.back(), 4), fmt::format("{}", costs.size() - 1),
               text_of(ending.level, 4), text_of(ending.swing, 3),
               fmt::format("{:.0f} %", 100.0 * ending.rising), word});
    report.json["runs"].push_back(
        {{"lr", config.rates[i]}, {"costs", costs}, {"level", ending.level}, {"verdict", word}});
    axes.line(costs, {.label = fmt::format("{:g}: {}", config.rates[i], word)});
  }
  report.say(
      "A network 1-{}-1 with tanh, {} examples, mini-batches of {}; level, swing and rising "
      "of the second half",
      config.width, data.size(), config.batch_size);
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
  line.add("--epochs", config.epochs, "Passes over the data with each rate", 2, 1000000);
  line.add("--batch-size", config.batch_size, "Examples in a mini-batch", 1, 128);
  line.add("--width", config.width, "Hidden units", 1, 4096);
  line.add("--lr", config.rates, "The learning rates, separated by commas");
  return line.run(argc, argv, [&] {
    config.common = line.common();
    run(config);
  });
}
