// Experiment 9: the gradients in a network of 20 layers: sigmoid or ReLU; small, Xavier or He
// weights; with and without batch normalisation and residual connections. The norm of the gradient
// of each layer's weight before the first step, and what a short training then achieves.
// `descent_09_depth --help` lists the options.

#include <fmt/format.h>
#include <glissade/glissade.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
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
  Index layers = 20;
  Index width = 32;
  std::int64_t steps = 200;
};

enum class Weights { small, xavier, he };

struct Kind {
  bool relu = false;
  Weights weights = Weights::small;
  bool batch_norm = false;
  bool residual = false;
};

std::string name_of(Weights weights) {
  switch (weights) {
    case Weights::small:
      return "plain: N(0, 0.01^2)";
    case Weights::xavier:
      return "Xavier";
    case Weights::he:
      return "He";
  }
  return {};
}

std::string name_of(const Kind& kind) {
  std::string name = kind.relu ? "ReLU" : "sigmoid";
  if (kind.batch_norm) name += ", batch norm";
  if (kind.residual) name += ", residual";
  return name;
}

nn::Linear<double> make_linear(Index in, Index out, Weights weights, Rng& rng) {
  nn::Linear<double> layer(in, out, rng);
  nn::init::zeros(layer.bias);
  switch (weights) {
    case Weights::small:
      nn::init::normal(layer.weight, rng, {.std = 0.01});
      break;
    case Weights::xavier:
      nn::init::xavier_normal(layer.weight, rng);
      break;
    case Weights::he:
      nn::init::kaiming_normal(layer.weight, rng);
      break;
  }
  return layer;
}

nn::Sequential<double> make_model(const Config& config, const Kind& kind, Rng& rng) {
  const auto add_block = [&](nn::Sequential<double>& to, Index in) {
    to.add(make_linear(in, config.width, kind.weights, rng));
    if (kind.batch_norm) to.add(nn::BatchNorm1d<double>(config.width));
    if (kind.relu) {
      to.add(nn::ReLU<double>());
    } else {
      to.add(nn::Sigmoid<double>());
    }
  };
  nn::Sequential<double> model;
  add_block(model, 2);
  for (Index i = 2; i < config.layers; ++i) {
    if (kind.residual) {
      nn::Sequential<double> inner;
      add_block(inner, config.width);
      model.add(nn::Residual<double>(inner));
    } else {
      add_block(model, config.width);
    }
  }
  model.add(make_linear(config.width, 2, kind.weights, rng));
  return model;
}

// The norm of the gradient of each layer's weight, first to last.
std::vector<double> gradient_norms(nn::Sequential<double>& model, const nn::Dataset<double>& data) {
  nn::cross_entropy(model(data.inputs), data.targets).backward();
  std::vector<double> norms;
  for (const auto& [name, parameter] : model.named_parameters()) {
    if (parameter.rank() == 2) norms.push_back(optim::grad_norm<double>({parameter}));
  }
  model.zero_grad();
  return norms;
}

// The cost after some steps of Adam.
double train(nn::Sequential<double>& model, const nn::Dataset<double>& data, std::int64_t steps) {
  optim::Adam<double> adam(model.parameters(), {.lr = 1e-3});
  for (std::int64_t step = 0; step < steps; ++step) {
    adam.zero_grad();
    nn::cross_entropy(model(data.inputs), data.targets).backward();
    adam.step();
  }
  const NoGradGuard no_grad;
  return nn::cross_entropy(model(data.inputs), data.targets).item();
}

void run(const Config& config) {
  support::Report report(config.common);
  Rng rng(config.seed);
  auto data = support::spirals(128, 0.5, 0.05, rng);
  nn::standardize(data.inputs, nn::moments(data.inputs));

  plot::Figure figure({.title = fmt::format("Gradients in {} layers", config.layers),
                       .columns = 4,
                       .panel_width = 310.0,
                       .panel_height = 260.0,
                       .shared_legend = true});
  support::Table table({"network", "weights", "first layer", "last layer", "first / last",
                        fmt::format("cost after {} steps", config.steps)});
  std::vector<double> numbers;
  for (Index i = 1; i <= config.layers; ++i) numbers.push_back(static_cast<double>(i));
  for (const bool relu : {false, true}) {
    for (const auto& [batch_norm, residual] :
         {std::pair{false, false}, {true, false}, {false, true}, {true, true}}) {
      Kind kind{.relu = relu, .batch_norm = batch_norm, .residual = residual};
      const bool remedy = batch_norm || residual;
      auto& axes =
          figure.add({.title = name_of(kind),
                      .x_label = "layer",
                      .y_label = "norm of the gradient",
                      .y_scale = plot::Scale::log,
                      .y_range = remedy ? plot::Range{1e-4, 1e6} : plot::Range{1e-38, 1e4}});
      for (const Weights weights : {Weights::small, Weights::xavier, Weights::he}) {
        kind.weights = weights;
        Rng own(config.seed + 1);
        auto model = make_model(config, kind, own);
        const auto norms = gradient_norms(model, data);
        const double cost = train(model, data, config.steps);
        axes.line(numbers, norms, {.label = name_of(weights)});
        table.row({name_of(kind), name_of(weights), fmt::format("{:.1e}", norms.front()),
                   fmt::format("{:.1e}", norms.back()),
                   fmt::format("{:.1e}", norms.front() / norms.back()),
                   fmt::format("{:.4f}", cost)});
        report.json["networks"].push_back({{"activation", relu ? "relu" : "sigmoid"},
                                           {"batch_norm", batch_norm},
                                           {"residual", residual},
                                           {"init", weights == Weights::small    ? "plain"
                                                    : weights == Weights::xavier ? "xavier"
                                                                                 : "he"},
                                           {"gradient_norms", norms},
                                           {"cost", cost}});
      }
    }
  }
  report.say("{} layers of {} units, two spirals of {} points; an untrained guess costs {:.4f}",
             config.layers, config.width, data.size(), std::log(2.0));
  report.print(table);
  report.picture(figure, "09_depth");
  report.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Config config;
  support::CommandLine line(
      "Experiment 9: activations, weights, batch normalisation and residuals in 20 layers.");
  line.add_seed(config.seed);
  line.add("--layers", config.layers, "Linear layers", 2, 1000);
  line.add("--width", config.width, "Units in each", 1, 4096);
  line.add("--steps", config.steps, "Steps of Adam", 0, 1000000);
  return line.run(argc, argv, [&] {
    config.common = line.common();
    if (config.common.quick) config.steps = std::min<std::int64_t>(config.steps, 10);
    run(config);
  });
}
