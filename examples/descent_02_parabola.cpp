// Experiment 2: gradient descent on f(x) = x^2 + 2 x + 1 from 5 with the learning rate 0.1, until
// the parameter changes by less than 1e-6. The minimum is at -1. The distance from it is 6 before
// the first step, and each step multiplies it by 1 - 2 lr: when to stop can be computed.

#include <fmt/format.h>
#include <glissade/glissade.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "support/options.h"
#include "support/report.h"

using namespace glissade;

namespace {

constexpr double kStart = 5.0;

// The first step t whose change 2 lr 6 (1 - 2 lr)^(t - 1) is below eps, for 0 < lr < 1/2.
std::int64_t predicted_steps(double lr, double eps) {
  const double first = 2.0 * lr * (kStart + 1.0);
  if (first < eps) return 1;
  return 1 + static_cast<std::int64_t>(std::floor(std::log(first / eps) / -std::log1p(-2.0 * lr))) +
         1;
}

void run(const support::CommonOptions& common, double lr, double eps) {
  check(lr < 0.5, "--lr must be below 0.5, where the first step is at the minimum; got {}", lr);
  support::Report report(common);
  const auto f = [](const Variable<double>& x) { return sum(square(x) + 2.0 * x + 1.0); };
  const auto result =
      optim::minimize(f, {kStart}, optim::SGDOptions{.lr = lr},
                      optim::parameter_change_below(eps) || optim::max_iterations(1000000),
                      {.history = true, .history_points = true});
  const std::int64_t predicted = predicted_steps(lr, eps);

  support::Table table({"step", "x", "f", "change"});
  std::vector<double> xs, ys, distances, changes;
  for (const auto& entry : result.history) {
    xs.push_back(entry.point[0]);
    ys.push_back(entry.cost);
    distances.push_back(std::abs(entry.point[0] + 1.0));
    changes.push_back(entry.step_length);
    if (entry.iteration % 8 == 0 || entry.iteration == result.iterations) {
      table.row({fmt::format("{}", entry.iteration), fmt::format("{:.9f}", entry.point[0]),
                 fmt::format("{:.3e}", entry.cost), fmt::format("{:.3e}", entry.step_length)});
    }
  }
  report.say("f(x) = x^2 + 2 x + 1 from {:g}, learning rate {:g}", kStart, lr);
  report.print(table);
  report.say("stopped: {}", result.message);
  report.say("steps made: {}; predicted, from 2 lr 6 (1 - 2 lr)^(t - 1) < {:g}: {}",
             result.iterations, eps, predicted);
  report.json = {{"lr", lr},
                 {"eps", eps},
                 {"x", result.x[0]},
                 {"cost", result.cost},
                 {"steps", result.iterations},
                 {"predicted_steps", predicted},
                 {"reason", optim::to_string(result.reason)},
                 {"path", xs}};

  plot::Figure figure({.title = "Gradient descent on x^2 + 2 x + 1", .columns = 2});
  auto& curve = figure.add({.title = "the steps",
                            .x_label = "x",
                            .y_label = "f",
                            .x_range = plot::Range{-3.5, 5.5},
                            .y_range = plot::Range{-2.0, 40.0}});
  std::vector<double> grid, values;
  for (int i = 0; i <= 100; ++i) {
    grid.push_back(-3.5 + 0.09 * i);
    values.push_back((grid.back() + 1.0) * (grid.back() + 1.0));
  }
  curve.line(grid, values, {.label = "x^2 + 2 x + 1", .grey = true});
  curve.line(xs, ys, {.label = "steps", .style = 0, .line = false});
  auto& progress = figure.add({.title = "how it converges",
                               .x_label = "step",
                               .y_label = "distance",
                               .y_scale = plot::Scale::log});
  progress.line(distances, {.label = "|x + 1|"});
  progress.line(changes, {.label = "change of x"});
  progress.line({0.0, static_cast<double>(xs.size() - 1)}, {eps, eps},
                {.label = "where it stops", .grey = true});
  report.picture(figure, "02_parabola");
  report.finish();
}

}  // namespace

int main(int argc, char** argv) {
  double lr = 0.1;
  double eps = 1e-6;
  support::CommandLine line("Experiment 2: descent on a parabola until x hardly changes.");
  line.add("--lr", lr, "Learning rate, below 0.5");
  line.add("--eps", eps, "The change of x at which to stop");
  return line.run(argc, argv, [&] { run(line.common(), lr, eps); });
}
