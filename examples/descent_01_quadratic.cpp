// Experiment 1: gradient descent on f(x, y) = x^2 + 2 y^2 from (3, 4), 50 steps with the learning
// rates 0.01, 0.1 and 0.5. Each step multiplies x by 1 - 2 lr and y by 1 - 4 lr, so that the ends
// are known. At 0.5, which is 2 / L, y oscillates between 4 and -4 for ever.

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

Variable<double> f(const Variable<double>& p) { return square(p[0]) + 2.0 * square(p[1]); }

void run(const support::CommonOptions& common, std::int64_t steps,
         const std::vector<double>& rates) {
  support::Report report(common);
  const auto start = parameter(Tensor<double>({2}, {3.0, 4.0}));
  const double curvature =
      nn::largest_curvature<double>([&] { return f(start); }, {start}, 1000, 1e-12);
  plot::Figure figure({.title = "Gradient descent on x^2 + 2 y^2", .columns = 2});
  plot::AxesOptions cost_options{.title = "cost",
                                 .x_label = "step",
                                 .y_label = "f",
                                 .y_scale = plot::Scale::log,
                                 .y_range = plot::Range{1e-10, 1e3}};
  std::vector<std::vector<double>> costs;

  support::Table table({"learning rate", "end x", "end y", "formula x", "formula y", "f"});
  for (const double lr : rates) {
    const auto result =
        optim::minimize(f, {3.0, 4.0}, optim::SGDOptions{.lr = lr}, optim::max_iterations(steps),
                        {.history = true, .history_points = true});
    const double x = 3.0 * std::pow(1.0 - 2.0 * lr, static_cast<double>(steps));
    const double y = 4.0 * std::pow(1.0 - 4.0 * lr, static_cast<double>(steps));

    std::vector<double> xs, ys;
    support::Json path = support::Json::array();
    costs.emplace_back();
    for (const auto& entry : result.history) {
      xs.push_back(entry.point[0]);
      ys.push_back(entry.point[1]);
      path.push_back({xs.back(), ys.back()});
      costs.back().push_back(entry.cost);
    }
    auto& axes = figure.add({.title = fmt::format("learning rate {:g}", lr),
                             .x_label = "x",
                             .y_label = "y",
                             .x_range = plot::Range{-3.5, 3.5},
                             .y_range = plot::Range{-5.0, 5.0}});
    axes.contours([](double a, double b) { return a * a + 2.0 * b * b; },
                  {0.5, 2.0, 5.0, 10.0, 17.0, 26.0, 37.0, 50.0}, "f = 0.5, 2, 5, 10, 17, ...");
    axes.line(xs, ys,
              {.label = fmt::format("{} steps", steps),
               .style = static_cast<int>(costs.size()) - 1,
               .every_point = true});

    table.row({fmt::format("{:g}", lr), fmt::format("{:.12g}", result.x[0]),
               fmt::format("{:.12g}", result.x[1]), fmt::format("{:.12g}", x),
               fmt::format("{:.12g}", y), fmt::format("{:.4g}", result.cost)});
    report.json["paths"].push_back({{"lr", lr},
                                    {"end", {result.x[0], result.x[1]}},
                                    {"formula", {x, y}},
                                    {"cost", result.cost},
                                    {"points", path}});
  }
  auto& cost_axes = figure.add(cost_options);
  for (std::size_t i = 0; i < rates.size(); ++i) {
    cost_axes.line(costs[i], {.label = fmt::format("learning rate {:g}", rates[i])});
  }

  report.json["steps"] = steps;
  report.json["L"] = curvature;
  report.json["two_over_L"] = 2.0 / curvature;
  report.say("f(x, y) = x^2 + 2 y^2 from (3, 4), {} steps", steps);
  report.print(table);
  report.say("the largest curvature L is {:.6g}: descent converges below 2 / L = {:.6g}", curvature,
             2.0 / curvature);
  report.picture(figure, "01_quadratic");
  report.finish();
}

}  // namespace

int main(int argc, char** argv) {
  std::int64_t steps = 50;
  std::vector<double> rates{0.01, 0.1, 0.5};
  support::CommandLine line("Experiment 1: descent on x^2 + 2 y^2 with three learning rates.");
  line.add("--steps", steps, "Steps with each rate", 1, 100000);
  line.add("--lr", rates, "The learning rates, separated by commas");
  return line.run(argc, argv, [&] { run(line.common(), steps, rates); });
}
