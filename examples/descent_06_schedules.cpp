// Experiment 6: every learning-rate schedule, drawn, and the same network trained with each of them
// by mini-batch descent with momentum. `descent_06_schedules --help` lists the options.

#include <fmt/format.h>
#include <glissade/glissade.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/data.h"
#include "support/options.h"
#include "support/report.h"

using namespace glissade;

namespace {

struct Config {
  support::CommonOptions common;
  std::uint64_t seed = 1;
  Index epochs = 60;
  double lr = 0.2;
};

constexpr Index kBatch = 32;
constexpr Index kExamples = 1024;
constexpr Index kStepsPerEpoch = kExamples / kBatch;

struct Named {
  std::string name;
  std::string formula;
  optim::Schedule schedule;
};

// All of them over `total` steps. Reduce on plateau is not a function of the step alone: it is in
// `train`.
std::vector<Named> make_schedules(double lr, std::int64_t total) {
  const std::int64_t third = total / 3;
  const std::int64_t tenth = total / 10;
  return {
      {"constant", "lr", optim::constant(lr)},
      {"step", "lr 0.5^floor(t / k), k = T/6", optim::step(lr, total / 6, 0.5)},
      {"multi_step", "a factor of 0.1 after T/2 and 3T/4",
       optim::multi_step(lr, {total / 2, 3 * total / 4}, 0.1)},
      {"exponential", "lr e^(-4 t / T)", optim::exponential(lr, 4.0 / static_cast<double>(total))},
      {"inverse_time", "lr / (1 + 9 t / T)",
       optim::inverse_time(lr, 9.0 / static_cast<double>(total))},
      {"polynomial", "lr (1 - t / T)^2", optim::polynomial(lr, total, 2.0)},
      {"cosine", "lr (1 + cos(pi t / T)) / 2", optim::cosine(lr, total)},
      {"warm_restarts", "cosine over T/7, 2T/7, 4T/7", optim::warm_restarts(lr, total / 7, 2.0)},
      {"warmup", "T/10 steps up, then cosine",
       optim::warmup(tenth, optim::cosine(lr, total - tenth))},
      {"one_cycle", "up and down once, to 2 lr", optim::one_cycle(2.0 * lr, total)},
      {"cyclic", "up and down thrice, halving",
       optim::cyclic(0.1 * lr, 2.0 * lr, third / 2, {.cycle_factor = 0.5})},
  };
}

struct Run {
  std::vector<double> rates;        // of each step
  std::vector<double> epochs;       // when the costs were measured
  std::vector<double> train, test;  // costs
  double accuracy = 0.0;            // on the test data, at the end
};

struct Data {
  nn::Dataset<double> train, test;
};

// `after_epoch` gets the test cost of each epoch.
Run train(const Config& config, const Data& data, const optim::Schedule& lr,
          const std::function<void(double)>& after_epoch) {
  Rng rng(config.seed + 1);  // the same first weights and batches for every schedule
  nn::Sequential<double> model{nn::Linear<double>(2, 32, rng, {.init = nn::Init::kaiming_uniform}),
                               nn::ReLU<double>(),
                               nn::Linear<double>(32, 32, rng, {.init = nn::Init::kaiming_uniform}),
                               nn::ReLU<double>(), nn::Linear<double>(32, 2, rng)};
  optim::SGD<double> sgd(model.parameters(), {.lr = lr, .momentum = 0.9});
  const auto cost = [&](const nn::Dataset<double>& on) {
    const NoGradGuard no_grad;
    return nn::cross_entropy(model(on.inputs), on.targets).item();
  };
  Run run;
  const auto measure = [&](Index epoch) {
    run.epochs.push_back(static_cast<double>(epoch));
    run.train.push_back(cost(data.train));
    run.test.push_back(cost(data.test));
  };
  measure(0);
  auto batches = nn::batches(data.train, kBatch, rng);
  for (Index epoch = 1; epoch <= config.epochs; ++epoch) {
    for (const auto& [x, labels] : batches) {
      sgd.zero_grad();
      nn::cross_entropy(model(x), labels).backward();
      run.rates.push_back(sgd.lr());
      sgd.step();
    }
    measure(epoch);
    after_epoch(run.test.back());
  }
  const NoGradGuard no_grad;
  run.accuracy = nn::accuracy(model(data.test.inputs), data.test.targets);
  return run;
}

void run(const Config& config) {
  support::Report report(config.common);
  Rng rng(config.seed);
  Data data{support::spirals(kExamples, 1.0, 0.12, rng),
            support::spirals(kExamples, 1.0, 0.12, rng)};
  const auto moments = nn::moments(data.train.inputs);
  nn::standardize(data.train.inputs, moments);
  nn::standardize(data.test.inputs, moments);
  const std::int64_t total = config.epochs * kStepsPerEpoch;

  plot::Figure rates({.title = "Learning-rate schedules",
                      .columns = 4,
                      .panel_width = 250.0,
                      .panel_height = 200.0,
                      .shared_legend = true});
  plot::Figure costs({.title = "The same network trained with each",
                      .columns = 4,
                      .panel_width = 250.0,
                      .panel_height = 200.0,
                      .shared_legend = true});
  support::Table table({"schedule", "last rate", "train cost", "test cost", "test accuracy", ""});
  report.json["total_steps"] = total;
  report.json["steps_per_epoch"] = kStepsPerEpoch;
  report.json["lr"] = config.lr;
  Run reference;  // the constant rate, drawn in every panel

  const auto add = [&](const std::string& name, const std::string& formula, const Run& run) {
    if (name == "constant") reference = run;
    std::vector<double> steps;
    support::Json some = support::Json::array();
    for (std::size_t t = 0; t < run.rates.size(); ++t) {
      steps.push_back(static_cast<double>(t) / static_cast<double>(kStepsPerEpoch));
      if (t % 7 == 0) some.push_back({t, run.rates[t]});
    }
    auto& rate_axes = rates.add({.title = name,
                                 .x_label = "epoch",
                                 .y_label = "learning rate",
                                 .y_range = plot::Range{-0.05 * config.lr, 2.15 * config.lr}});
    rate_axes.line(steps, run.rates, {.style = 0, .marker = false});
    auto& cost_axes = costs.add({.title = name,
                                 .x_label = "epoch",
                                 .y_label = "training cost",
                                 .y_scale = plot::Scale::log,
                                 .y_range = plot::Range{0.05, 1.0}});
    cost_axes.line(reference.epochs, reference.train, {.label = "constant rate", .grey = true});
    cost_axes.line(run.epochs, run.train, {.label = "this schedule", .style = 0, .marker = false});
    table.row({name, fmt::format("{:.2e}", run.rates.back()),
               fmt::format("{:.4f}", run.train.back()), fmt::format("{:.4f}", run.test.back()),
               fmt::format("{:.1f} %", 100.0 * run.accuracy), formula});
    report.json["schedules"].push_back({{"name", name},
                                        {"formula", formula},
                                        {"rates", some},
                                        {"train_cost", run.train.back()},
                                        {"test_cost", run.test.back()},
                                        {"test_accuracy", run.accuracy},
                                        {"test_costs", run.test}});
  };
  for (const auto& [name, formula, schedule] : make_schedules(config.lr, total)) {
    add(name, formula, train(config, data, schedule, [](double) {}));
  }
  optim::ReduceOnPlateau plateau(config.lr, {.factor = 0.3, .patience = 4});
  const Run run =
      train(config, data, plateau.schedule(), [&](double test_cost) { plateau.update(test_cost); });
  add("plateau", "a factor of 0.3 after 4 epochs without progress", run);

  report.say("Two spirals, a network 2-32-32-2, mini-batches of {}, T = {} steps", kBatch, total);
  report.print(table);
  report.picture(rates, "06_schedules");
  report.picture(costs, "06_training");
  report.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Config config;
  support::CommandLine line(
      "Experiment 6: learning-rate schedules, drawn, and one network trained with each.");
  line.add_seed(config.seed);
  line.add("--epochs", config.epochs, "Passes over the training data", 5, 10000);
  line.add("--lr", config.lr, "The rate that all schedules are made of");
  return line.run(argc, argv, [&] {
    config.common = line.common();
    if (config.common.quick) config.epochs = std::min<Index>(config.epochs, 10);
    run(config);
  });
}
