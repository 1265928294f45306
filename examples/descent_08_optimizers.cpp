// Experiment 8: plain descent, momentum, RMSprop and Adam in two narrow valleys: Rosenbrock's
// function and an ill-conditioned quadratic. On the quadratic, it also shows what theory says of
// plain descent: with a rate just under 2 / L it converges, just over it diverges, and at the best
// rate 2 / (L + mu) the distance shrinks by (kappa - 1) / (kappa + 1) at each step.

#include <fmt/format.h>
#include <glissade/glissade.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/options.h"
#include "support/report.h"

using namespace glissade;

namespace {

using Function = std::function<Variable<double>(const Variable<double>&)>;
using Point = std::array<double, 2>;

// (mu u^2 + L v^2) / 2 with u along 30 degrees and v across. The axes are turned because methods
// with a rate for each coordinate would otherwise see two separate parabolas.
constexpr double kMu = 1.0;
constexpr double kL = 40.0;
const double kCos = std::sqrt(0.75);
constexpr double kSin = 0.5;

template <class T>
T quadratic(const T& x, const T& y) {
  const T u = x * kCos + y * kSin;
  const T v = y * kCos - x * kSin;
  return 0.5 * kMu * (u * u) + 0.5 * kL * (v * v);
}
Variable<double> quadratic_cost(const Variable<double>& p) { return quadratic(p[0], p[1]); }

Variable<double> rosenbrock_cost(const Variable<double>& p) {
  return square(1.0 - p[0]) + 100.0 * square(p[1] - square(p[0]));
}
double rosenbrock(double x, double y) {
  return (1.0 - x) * (1.0 - x) + 100.0 * (y - x * x) * (y - x * x);
}

struct Task {
  std::string name;
  Function f;
  plot::Function values;
  Point start, minimum;
  std::int64_t steps;
  plot::Range x, y;
  std::vector<double> levels;
  double descent, momentum, rmsprop, adam;  // learning rates, each about the best for its method
};

using Result = optim::MinimizeResult<Tensor<double>>;

struct Path {
  std::string method;
  double lr;
  Result result;
};

std::vector<Path> follow(const Task& task, std::int64_t steps) {
  const auto with = [&](const std::string& method, double lr, const auto& options) {
    return Path{
        method, lr,
        optim::minimize(task.f, {task.start[0], task.start[1]}, options,
                        optim::max_iterations(steps), {.history = true, .history_points = true})};
  };
  std::vector<Path> paths;
  paths.push_back(with("descent", task.descent, optim::SGDOptions{.lr = task.descent}));
  paths.push_back(
      with("momentum", task.momentum, optim::SGDOptions{.lr = task.momentum, .momentum = 0.9}));
  paths.push_back(
      with("RMSprop", task.rmsprop, optim::RMSpropOptions{.lr = task.rmsprop, .alpha = 0.9}));
  paths.push_back(with("Adam", task.adam, optim::AdamOptions{.lr = task.adam}));
  return paths;
}

double distance(const Tensor<double>& x, const Point& to) {
  return std::hypot(x[0] - to[0], x[1] - to[1]);
}

// One picture: the path of each method, and the progress of all.
void compare(support::Report& report, const Task& task) {
  plot::Figure figure({.title = "Four methods in a narrow valley: " + task.name,
                       .columns = 3,
                       .panel_width = 340.0,
                       .panel_height = 290.0,
                       .shared_legend = true});
  const auto paths = follow(task, task.steps);
  support::Table table({"method", "learning rate", "end x", "end y", "f", "distance"});
  std::vector<std::vector<double>> costs;
  for (const Path& path : paths) {
    std::vector<double> xs, ys;
    support::Json points = support::Json::array();
    costs.emplace_back();
    for (const auto& entry : path.result.history) {
      xs.push_back(entry.point[0]);
      ys.push_back(entry.point[1]);
      costs.back().push_back(entry.cost);
      if (entry.iteration % 10 == 0) points.push_back({entry.point[0], entry.point[1]});
    }
    const int style = static_cast<int>(costs.size()) - 1;
    auto& plane = figure.add({.title = path.method,
                              .x_label = "x",
                              .y_label = "y",
                              .x_range = task.x,
                              .y_range = task.y});
    plane.contours(task.values, task.levels, "contours of f");
    plane.line(xs, ys, {.label = path.method, .style = style});
    // On top, and only a marker.
    plane.line({task.minimum[0]}, {task.minimum[1]},
               {.label = "minimum", .style = 4, .line = false});
    const auto& end = path.result.x;
    table.row({path.method, fmt::format("{:g}", path.lr), fmt::format("{:.6f}", end[0]),
               fmt::format("{:.6f}", end[1]), fmt::format("{:.2e}", path.result.cost),
               fmt::format("{:.2e}", distance(end, task.minimum))});
    report.json[task.name].push_back({{"method", path.method},
                                      {"lr", path.lr},
                                      {"steps", path.result.iterations},
                                      {"start", task.start},
                                      {"end", {end[0], end[1]}},
                                      {"cost", path.result.cost},
                                      {"every_tenth_point", points}});
  }
  auto& progress = figure.add({.title = "progress",
                               .x_label = "step",
                               .y_label = "f",
                               .y_scale = plot::Scale::log,
                               .y_range = plot::Range{1e-9, 1e3}});
  for (std::size_t i = 0; i < paths.size(); ++i)
    progress.line(costs[i], {.label = paths[i].method});
  report.say("{}: {} steps from ({:g}, {:g})", task.name, task.steps, task.start[0], task.start[1]);
  report.print(table);
  report.picture(figure, "08_" + task.name);
}

// What theory says of plain descent on the quadratic.
void check_theory(support::Report& report, const Task& task) {
  const auto origin = parameter(Tensor<double>({2}));
  const double largest =
      nn::largest_curvature<double>([&] { return task.f(origin); }, {origin}, 1000, 1e-12);
  const auto descend = [&](double lr, std::int64_t steps) {
    return optim::minimize(task.f, {task.start[0], task.start[1]}, optim::SGDOptions{.lr = lr},
                           optim::max_iterations(steps));
  };
  const double start = task.values(task.start[0], task.start[1]);
  support::Table table({"learning rate", "first f", "f after 500 steps", ""});
  report.json["L"] = largest;
  for (const double factor : {0.99, 1.01}) {
    const double lr = factor * 2.0 / largest;
    const auto result = descend(lr, 500);
    table.row({fmt::format("{:g} x 2 / L", factor), fmt::format("{:.4g}", start),
               fmt::format("{:.4g}", result.cost), result.cost < start ? "converges" : "diverges"});
    report.json["limit"].push_back(
        {{"factor", factor}, {"lr", lr}, {"first", start}, {"last", result.cost}});
  }
  report.say("L = {:.6f}, by power iteration on products of the Hessian with vectors", largest);
  report.print(table);

  const double kappa = kL / kMu;
  const auto early = descend(2.0 / (kL + kMu), 20);
  const auto late = descend(2.0 / (kL + kMu), 120);
  const double measured =
      std::pow(distance(late.x, task.minimum) / distance(early.x, task.minimum), 0.01);
  const double predicted = (kappa - 1.0) / (kappa + 1.0);
  report.say("at 2 / (L + mu) the distance shrinks by {:.6f} a step; theory: {:.6f}\n", measured,
             predicted);
  report.json["rate"] = {{"measured", measured}, {"predicted", predicted}};
}

void run(const support::CommonOptions& common) {
  support::Report report(common);
  const Task quadratic_task{.name = "quadratic",
                            .f = quadratic_cost,
                            .values = quadratic<double>,
                            .start = {-3.0, 1.0},
                            .minimum = {0.0, 0.0},
                            .steps = 150,
                            .x = {-3.8, 1.6},
                            .y = {-3.6, 2.0},
                            .levels = {0.25, 1.0, 3.0, 8.0, 20.0, 45.0, 90.0, 150.0},
                            .descent = 2.0 / (kL + kMu),
                            .momentum = 0.02,
                            .rmsprop = 0.05,
                            .adam = 0.3};
  const Task rosenbrock_task{.name = "rosenbrock",
                             .f = rosenbrock_cost,
                             .values = rosenbrock,
                             .start = {-1.2, 1.0},
                             .minimum = {1.0, 1.0},
                             .steps = 2000,
                             .x = {-1.9, 1.7},
                             .y = {-0.9, 2.4},
                             .levels = {0.5, 3.0, 12.0, 40.0, 110.0, 250.0, 500.0, 900.0},
                             .descent = 0.0015,
                             .momentum = 0.0005,
                             .rmsprop = 0.005,
                             .adam = 0.05};
  compare(report, quadratic_task);
  compare(report, rosenbrock_task);
  check_theory(report, quadratic_task);
  report.finish();
}

}  // namespace

int main(int argc, char** argv) {
  support::CommandLine line("Experiment 8: descent, momentum, RMSprop and Adam in narrow valleys.");
  return line.run(argc, argv, [&] { run(line.common()); });
}
