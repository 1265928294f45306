// Experiment 4: batch, stochastic and mini-batch descent on one linear regression. The cost against
// epochs, updates and seconds, and the variance of the mini-batch gradient against the batch size
// B: it falls as 1/B. `descent_04_minibatches --help` lists the options.

#include <fmt/format.h>
#include <glissade/glissade.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/data.h"
#include "support/options.h"
#include "support/report.h"

using namespace glissade;

namespace {

using Dataset = nn::Dataset<double, double>;

struct Config {
  support::CommonOptions common;
  std::uint64_t seed = 1;
  Index examples = 1000;
  Index features = 20;
  Index epochs = 50;
  Index draws = 2000;
};

// Features of standard deviation 1 to 0.1, so that some directions are slow.
Dataset make_data(const Config& config, Rng& rng) {
  auto data = support::linear_regression(config.examples, config.features, 0.5, rng);
  for (Index i = 0; i < config.examples; ++i) {
    for (Index j = 0; j < config.features; ++j) {
      data.x(i, j) *= std::pow(0.1, static_cast<double>(j) / static_cast<double>(config.features));
    }
  }
  return {std::move(data.x), std::move(data.y).reshape({config.examples, 1})};
}

double cost_of(nn::Linear<double>& model, const Dataset& data) {
  const NoGradGuard no_grad;
  return nn::mse_loss(model(data.inputs), data.targets).item();
}

// A model that starts at 0.
nn::Linear<double> make_model(Index features) {
  return nn::Linear<double>(parameter(Tensor<double>({1, features})));
}

// How the cost (above the lowest) fell.
struct Curve {
  std::vector<double> epochs, updates, seconds, excess;
};

Curve train(const Config& config, const Dataset& data, Index batch_size, double lr, double lowest) {
  Rng rng(config.seed + 1);
  auto model = make_model(config.features);
  optim::SGD<double> sgd(model.parameters(), {.lr = lr});
  auto batches = nn::batches(data, batch_size, rng);
  support::Stopwatch watch;
  Curve curve;
  std::int64_t updates = 0;
  Index seen = 0;
  const auto measure = [&] {
    curve.epochs.push_back(static_cast<double>(seen) / static_cast<double>(data.size()));
    curve.updates.push_back(static_cast<double>(updates));
    curve.seconds.push_back(watch.seconds());
    curve.excess.push_back(cost_of(model, data) - lowest);
  };
  measure();
  double next = 1.0;  // when to measure again: ever more rarely, and after each epoch
  for (Index epoch = 0; epoch < config.epochs; ++epoch) {
    watch.start();
    for (const auto& [x, y] : batches) {
      sgd.zero_grad();
      nn::mse_loss(model(x), y).backward();
      sgd.step();
      ++updates;
      seen += x.dim(0);
      if (static_cast<double>(updates) >= next) {
        watch.stop();
        measure();
        next = std::ceil(next * 1.1);
        watch.start();
      }
    }
    watch.stop();
    measure();
  }
  return curve;
}

void compare_variants(support::Report& report, plot::Figure& figure, const Config& config,
                      const Dataset& data) {
  const auto closed_form = lstsq(data.inputs, data.targets);
  auto best = make_model(config.features);
  best.weight.mutable_value() = closed_form.x.reshape({1, config.features});
  const double lowest = cost_of(best, data);

  struct Variant {
    std::string name;
    Index batch_size;
    double lr;
  };
  const std::vector<Variant> variants{{"batch", config.examples, 0.5},
                                      {"stochastic (B = 1)", 1, 0.005},
                                      {"mini-batch (B = 32)", 32, 0.1}};
  auto make_axes = [&](const std::string& against, plot::Scale scale) -> plot::Axes& {
    return figure.add({.title = "cost against " + against,
                       .x_label = against,
                       .y_label = "cost - lowest cost",
                       .x_scale = scale,
                       .y_scale = plot::Scale::log});
  };
  auto& by_epochs = make_axes("epochs", plot::Scale::linear);
  auto& by_updates = make_axes("updates", plot::Scale::log);
  auto& by_seconds = make_axes("seconds", plot::Scale::log);
  support::Table table({"variant", "rate", "updates", "seconds", "after 1 epoch", "at the end"});
  report.json["lowest_cost"] = lowest;
  for (const auto& [name, batch_size, lr] : variants) {
    const Curve curve = train(config, data, batch_size, lr, lowest);
    std::size_t first = 0;
    while (curve.epochs[first] < 1.0) ++first;
    by_epochs.line(curve.epochs, curve.excess, {.label = name});
    by_updates.line(curve.updates, curve.excess, {.label = name});
    by_seconds.line(curve.seconds, curve.excess, {.label = name});
    table.row({name, fmt::format("{:g}", lr), fmt::format("{:.0f}", curve.updates.back()),
               fmt::format("{:.4f}", curve.seconds.back()),
               fmt::format("{:.2e}", curve.excess[first]),
               fmt::format("{:.2e}", curve.excess.back())});
    report.json["variants"].push_back({{"name", name},
                                       {"batch_size", batch_size},
                                       {"lr", lr},
                                       {"updates", curve.updates.back()},
                                       {"seconds", curve.seconds.back()},
                                       {"first_excess", curve.excess.front()},
                                       {"excess_after_1_epoch", curve.excess[first]},
                                       {"last_excess", curve.excess.back()}});
  }
  report.say("The three variants: cost above the lowest, {:.6f} (by least squares)", lowest);
  report.print(table);
}

// The mean squared distance of a mini-batch gradient from the gradient over all examples, measured.
struct Measured {
  double variance = 0.0;
  double error = 0.0;  // standard error of `variance`
};

// Draws batches with replacement, or without.
Measured measure(const Dataset& data, const Tensor<double>& w, const Tensor<double>& gradient,
                 Index batch_size, bool replace, Index draws, Rng& rng) {
  const Variable<double> at(w, true);
  std::vector<std::int32_t> all(static_cast<std::size_t>(data.size()));
  const auto count = static_cast<std::size_t>(batch_size);
  double sum = 0.0;
  double squares = 0.0;
  for (Index k = 0; k < draws; ++k) {
    if (replace) {
      for (std::size_t i = 0; i < count; ++i) {
        all[i] = static_cast<std::int32_t>(rng.integer(0, data.size()));
      }
    } else {
      rng.permutation(all);
    }
    const auto batch = nn::subset(data, std::span<const std::int32_t>(all).first(count));
    const auto loss = nn::mse_loss(linear(Variable<double>(batch.inputs), at, {}), batch.targets);
    const auto g = grad(loss, {at})[0];
    double distance = 0.0;
    for (Index i = 0; i < w.size(); ++i) {
      const double difference = g.value()[i] - gradient[i];
      distance += difference * difference;
    }
    sum += distance;
    squares += distance * distance;
  }
  const auto n = static_cast<double>(draws);
  const double mean = sum / n;
  return {mean, std::sqrt((squares / n - mean * mean) / (n - 1.0))};
}

struct Line {
  double slope = 0.0;
  double error = 0.0;  // standard error of `slope`
};

// The straight line through points (x, y), each of standard error e: weighted least squares.
Line fit_line(const std::vector<double>& x, const std::vector<double>& y,
              const std::vector<double>& e) {
  double s = 0.0, sx = 0.0, sy = 0.0, sxx = 0.0, sxy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double weight = 1.0 / (e[i] * e[i]);
    s += weight;
    sx += weight * x[i];
    sy += weight * y[i];
    sxx += weight * x[i] * x[i];
    sxy += weight * x[i] * y[i];
  }
  const double determinant = s * sxx - sx * sx;
  return {(s * sxy - sx * sy) / determinant, std::sqrt(s / determinant)};
}

void measure_variance(support::Report& report, plot::Figure& figure, const Config& config,
                      const Dataset& data, Rng& rng) {
  // At w = 0: the gradient of example i is -2 y_i x_i. `single` is the variance of one of them.
  const Tensor<double> w({1, config.features});
  const auto m = static_cast<double>(data.size());
  Tensor<double> gradient({1, config.features});
  double single = 0.0;
  for (Index i = 0; i < data.size(); ++i) {
    for (Index j = 0; j < config.features; ++j) {
      const double g = -2.0 * data.targets[i] * data.inputs(i, j);
      gradient[j] += g / m;
      single += g * g / m;
    }
  }
  for (const double g : gradient) single -= g * g;

  auto& axes = figure.add({.title = "variance of the gradient",
                           .x_label = "batch size B",
                           .y_label = "variance",
                           .x_scale = plot::Scale::log,
                           .y_scale = plot::Scale::log});
  auto& product_axes = figure.add({.title = "the same, times B",
                                   .x_label = "batch size B",
                                   .y_label = "B x variance / that of one example",
                                   .x_scale = plot::Scale::log,
                                   .y_range = plot::Range{0.5, 1.2}});
  report.json["single_variance"] = single;
  report.say("Variance of the mini-batch gradient, {} batches of each size; 95 % intervals",
             config.draws);
  for (const bool replace : {true, false}) {
    const std::string how = replace ? "with replacement" : "without replacement";
    support::Table table({"B (" + how + ")", "measured", "interval", "theory"});
    std::vector<double> sizes, variances, low, high, logs, log_variances, log_errors;
    std::vector<double> products, product_low, product_high, corrections;
    support::Json rows = support::Json::array();
    for (Index b = 1; b <= data.size() / 2; b *= 2) {
      const auto size = static_cast<double>(b);
      const auto [variance, error] = measure(data, w, gradient, b, replace, config.draws, rng);
      // Without replacement, a batch of all m examples has no variance.
      const double correction = replace ? 1.0 : (m - size) / (m - 1.0);
      const double theory = single / size * correction;
      sizes.push_back(size);
      variances.push_back(variance);
      low.push_back(variance - 1.96 * error);
      high.push_back(variance + 1.96 * error);
      products.push_back(size * variance / single);
      product_low.push_back(size * low.back() / single);
      product_high.push_back(size * high.back() / single);
      corrections.push_back(correction);
      logs.push_back(std::log(size));
      log_variances.push_back(std::log(variance / correction));
      log_errors.push_back(error / variance);
      table.row({fmt::format("{}", b), fmt::format("{:.4f}", variance),
                 fmt::format("{:.4f} .. {:.4f}", low.back(), high.back()),
                 fmt::format("{:.4f}", theory)});
      rows.push_back({{"B", b},
                      {"variance", variance},
                      {"low", low.back()},
                      {"high", high.back()},
                      {"theory", theory}});
    }
    const Line line = fit_line(logs, log_variances, log_errors);
    axes.line(sizes, variances, {.label = how, .every_point = true});
    axes.intervals(sizes, low, high);
    product_axes.line(sizes, products, {.label = how, .every_point = true});
    product_axes.intervals(sizes, product_low, product_high);
    product_axes.line(sizes, corrections, {.label = "theory", .grey = true});
    report.print(table);
    report.say("slope of log(variance{}) against log(B): {:.4f}, 95 % interval {:.4f} .. {:.4f}",
               replace ? "" : " (m - 1) / (m - B)", line.slope, line.slope - 1.96 * line.error,
               line.slope + 1.96 * line.error);
    report.json[replace ? "with_replacement" : "without_replacement"] = {
        {"rows", rows},
        {"slope", line.slope},
        {"slope_low", line.slope - 1.96 * line.error},
        {"slope_high", line.slope + 1.96 * line.error}};
  }
}

}  // namespace

int main(int argc, char** argv) {
  Config config;
  support::CommandLine line(
      "Experiment 4: batch, stochastic and mini-batch descent, and the variance of the gradient.");
  line.add_seed(config.seed);
  line.add("--examples", config.examples, "Examples", 64, 1000000);
  line.add("--epochs", config.epochs, "Passes over the data", 1, 100000);
  line.add("--draws", config.draws, "Batches drawn for each variance", 10, 10000000);
  return line.run(argc, argv, [&] {
    config.common = line.common();
    if (config.common.quick) {
      config.epochs = std::min<Index>(config.epochs, 10);
      config.draws = std::min<Index>(config.draws, 500);
    }
    support::Report report(config.common);
    Rng rng(config.seed);
    const Dataset data = make_data(config, rng);
    plot::Figure figure(
        {.title = "Batch, stochastic and mini-batch descent", .columns = 3, .panel_width = 360.0});
    compare_variants(report, figure, config, data);
    measure_variance(report, figure, config, data, rng);
    report.picture(figure, "04_minibatches");
    report.finish();
  });
}
