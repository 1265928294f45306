// Experiment 3: linear regression by batch gradient descent and in closed form, from 100 examples
// with 3 features to 10,000 features: do they agree, and how long does each take?
// `descent_03_linear_regression --help` lists the options.

#include <fmt/format.h>
#include <glissade/glissade.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "support/data.h"
#include "support/options.h"
#include "support/report.h"

using namespace glissade;

namespace {

// The minimum of |X w - y|^2: the normal equations X^T X w = X^T y by Cholesky. With fewer examples
// than features there are many, and w = X^T (X X^T)^-1 y is the shortest.
Tensor<double> closed_form(const support::Regression& data) {
  const Index examples = data.x.dim(0);
  const Index features = data.x.dim(1);
  const bool wide = examples < features;
  Tensor<double> gram = wide ? matmul(data.x, data.x, Transpose::no, Transpose::yes)
                             : matmul(data.x, data.x, Transpose::yes, Transpose::no);
  check(cholesky(gram), "linear regression: features depend on each other");
  const auto y = Tensor<double>(data.y).reshape({examples, 1});
  if (wide) {
    return matmul(data.x, cholesky_solve(gram, y), Transpose::yes, Transpose::no)
        .reshape({features});
  }
  return cholesky_solve(gram, matmul(data.x, y, Transpose::yes, Transpose::no)).reshape({features});
}

struct Fit {
  Tensor<double> w;
  std::int64_t steps = 0;
  std::vector<double> costs;
};

// Descent on the mean squared error from 0, until the gradient is 1e-11 of what it was. It stays in
// the span of the rows of X, so that it too finds the shortest of many minima.
Fit descend(const support::Regression& data) {
  const Variable<double> x(data.x);
  const Variable<double> y(data.y);
  const auto cost = [&](const Variable<double>& w) { return mean(square(matmul(x, w) - y)); };
  const Tensor<double> start({data.x.dim(1)});
  const auto at_start = parameter(start);
  const double curvature =
      nn::largest_curvature<double>([&] { return cost(at_start); }, {at_start}, 1000, 1e-5);
  const auto gradient = grad(cost(at_start), {at_start})[0];
  const double norm = std::sqrt(sum(square(gradient)).item());

  const auto result = optim::minimize(
      cost, start, optim::SGDOptions{.lr = 1.6 / curvature},
      optim::gradient_norm_below(1e-11 * norm) || optim::max_iterations(20000), {.history = true});
  Fit fit{.w = result.x, .steps = result.iterations, .costs = {}};
  for (const auto& entry : result.history) fit.costs.push_back(entry.cost);
  return fit;
}

struct Size {
  Index examples, features;
};

void run(const support::CommonOptions& common, std::uint64_t seed, std::vector<Size> sizes) {
  support::Report report(common);
  std::vector<double> features, closed_times, descent_times;
  support::Table table({"examples", "features", "closed form", "descent", "steps", "difference"});
  plot::Figure figure({.title = "Linear regression: descent and closed form", .columns = 2});
  auto& convergence = figure.add({.title = "convergence of descent",
                                  .x_label = "step",
                                  .y_label = "(cost - lowest) / first cost",
                                  .y_scale = plot::Scale::log,
                                  .y_range = plot::Range{1e-14, 2.0}});
  for (const auto& [m, n] : sizes) {
    Rng rng(seed);
    const auto data = support::linear_regression(m, n, 0.1, rng);
    support::Stopwatch closed_watch;
    closed_watch.start();
    const auto exact = closed_form(data);
    closed_watch.stop();
    support::Stopwatch descent_watch;
    descent_watch.start();
    const Fit fit = descend(data);
    descent_watch.stop();

    double difference = 0.0;
    for (Index i = 0; i < n; ++i) difference = std::max(difference, std::abs(exact[i] - fit.w[i]));
    features.push_back(static_cast<double>(n));
    closed_times.push_back(closed_watch.seconds());
    descent_times.push_back(descent_watch.seconds());
    table.row({fmt::format("{}", m), fmt::format("{}", n),
               fmt::format("{:.4f} s", closed_times.back()),
               fmt::format("{:.4f} s", descent_times.back()), fmt::format("{}", fit.steps),
               fmt::format("{:.1e}", difference)});
    report.json["runs"].push_back({{"examples", m},
                                   {"features", n},
                                   {"closed_form_seconds", closed_times.back()},
                                   {"descent_seconds", descent_times.back()},
                                   {"steps", fit.steps},
                                   {"largest_difference", difference}});
    if (n <= 10) {  // for who wants to solve it again
      report.json["runs"].back()["x"] = std::vector<double>(data.x.begin(), data.x.end());
      report.json["runs"].back()["y"] = std::vector<double>(data.y.begin(), data.y.end());
      report.json["runs"].back()["w"] = std::vector<double>(fit.w.begin(), fit.w.end());
      report.json["runs"].back()["closed_form"] = std::vector<double>(exact.begin(), exact.end());
    }
    std::vector<double> excess;
    for (const double cost : fit.costs) {
      excess.push_back((cost - fit.costs.back()) / fit.costs.front());
    }
    convergence.line(excess, {.label = fmt::format("{} features", n)});
  }
  report.say("Linear regression: mean squared error, standard normal features, noise of 0.1");
  report.print(table);

  auto& time = figure.add({.title = "time",
                           .x_label = "number of features",
                           .y_label = "seconds",
                           .x_scale = plot::Scale::log,
                           .y_scale = plot::Scale::log});
  time.line(features, closed_times, {.label = "closed form", .every_point = true});
  time.line(features, descent_times, {.label = "descent", .every_point = true});
  report.picture(figure, "03_linear_regression");
  report.finish();
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  Index examples = 2000;
  Index features = 10000;
  support::CommandLine line("Experiment 3: linear regression by descent and in closed form.");
  line.add_seed(seed);
  line.add("--examples", examples, "Examples of the largest problem", 1, 100000);
  line.add("--features", features, "Features of the largest problem", 1, 100000);
  return line.run(argc, argv, [&] {
    std::vector<Size> sizes{{100, 3}, {400, 30}, {1200, 300}};
    if (!line.common().quick) {
      sizes.push_back({4000, 1000});
      sizes.push_back({examples, features});
    } else {
      sizes.push_back({200, 1000});
    }
    run(line.common(), seed, sizes);
  });
}
