// Physics-informed networks in one dimension: a network u(x) that solves a differential equation,
// because its residual is the loss (Raissi, Perdikaris and Karniadakis, 2019). The second
// derivative u_xx is taken by two passes backward, Adam begins and L-BFGS ends. The equations have
// exact solutions to compare with. `physics_informed --help` lists the options.

#include <fmt/format.h>
#include <glissade/glissade.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include "support/options.h"
#include "support/report.h"

using namespace glissade;

namespace {

struct Config {
  support::CommonOptions common;
  std::uint64_t seed = 1;
  Index points = 128;
  Index width = 24;
  std::int64_t adam = 1000;
  std::int64_t lbfgs = 1500;
  double viscosity = 0.2;
};

using Scalar = std::function<double(double)>;
// The residual of an equation at the points x, (points, 1), where the solution is u.
using Residual =
    std::function<Variable<double>(const Variable<double>& u, const Variable<double>& x)>;

// An equation on [-1, 1] with given values at both ends.
struct Equation {
  std::string name;
  std::string text;
  Residual residual;
  Scalar exact;
  Scalar exact_second;  // its second derivative
};

Tensor<double> column(const std::vector<double>& values, const Scalar& f) {
  Tensor<double> result(Shape{static_cast<Index>(values.size()), 1});
  std::transform(values.begin(), values.end(), result.begin(), f);
  return result;
}

// u_xx = f, where f is such that u = sin(pi x) + sin(4 pi x) / 5.
Equation poisson() {
  constexpr double kPi = std::numbers::pi;
  const Scalar second = [](double x) {
    return -kPi * kPi * (std::sin(kPi * x) + 3.2 * std::sin(4.0 * kPi * x));
  };
  const Residual residual = [](const Variable<double>& u, const Variable<double>& x) {
    const Variable<double> at = x.detach();
    const Variable<double> f = (sin(at * kPi) + sin(at * (4.0 * kPi)) * 3.2) * (-kPi * kPi);
    return laplacian(u, x, {.create_graph = true}) - f;
  };
  return {.name = "poisson",
          .text = "u_xx = f",
          .residual = residual,
          .exact = [](double x) { return std::sin(kPi * x) + 0.2 * std::sin(4.0 * kPi * x); },
          .exact_second = second};
}

// u u_x = v u_xx with u(-1) = tanh(1 / 2v) = -u(1): a shock that stands still, u = -tanh(x / 2v),
// Burgers' equation in the steady state.
Equation burgers(double v) {
  const Residual residual = [v](const Variable<double>& u, const Variable<double>& x) {
    const Variable<double> u_x = grad(sum(u), {x}, {.create_graph = true}).front();
    const Variable<double> u_xx = grad(sum(u_x), {x}, {.create_graph = true}).front();
    return u * u_x - u_xx * v;
  };
  const Scalar second = [v](double x) {
    const double t = std::tanh(x / (2.0 * v));
    return t * (1.0 - t * t) / (2.0 * v * v);
  };
  return {.name = "burgers",
          .text = fmt::format("u u_x = {:g} u_xx", v),
          .residual = residual,
          .exact = [v](double x) { return -std::tanh(x / (2.0 * v)); },
          .exact_second = second};
}

// A network that has the right values at both ends whatever its weights are: the straight line
// between them, plus (1 - x^2) times the layers' output.
struct Solution : nn::Module<double> {
  nn::Sequential<double> layers;
  double middle;
  double slope;

  Solution(const Equation& equation, Index width, Rng& rng)
      : layers{nn::Linear<double>(1, width, rng, {.init = nn::Init::xavier_normal}),
               nn::Tanh<double>(),
               nn::Linear<double>(width, width, rng, {.init = nn::Init::xavier_normal}),
               nn::Tanh<double>(),
               nn::Linear<double>(width, 1, rng, {.init = nn::Init::xavier_normal})},
        middle((equation.exact(1.0) + equation.exact(-1.0)) / 2.0),
        slope((equation.exact(1.0) - equation.exact(-1.0)) / 2.0) {}

  Variable<double> forward(const Variable<double>& x) override {
    return x * slope + middle + (1.0 - square(x)) * layers(x);
  }
  void members(nn::Members<double>& m) override { m.child("layers", layers); }
};

struct Solved {
  std::vector<double> x, u, exact, residual;
  std::vector<double> costs;  // at the start and after each iteration
  std::int64_t adam_steps = 0;
  std::int64_t lbfgs_steps = 0;
  double seconds = 0.0;
  double error = 0.0;         // of u, in the L2 norm, relative
  double error_second = 0.0;  // of u_xx
};

double relative_error(const Tensor<double>& actual, const Tensor<double>& expected) {
  double difference = 0.0;
  double norm = 0.0;
  for (Index i = 0; i < actual.size(); ++i) {
    difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return std::sqrt(difference / norm);
}

// `count` points from -1 to 1: both ends, or the middles of as many equal intervals.
std::vector<double> points(Index count, bool with_ends) {
  std::vector<double> x;
  for (Index i = 0; i < count; ++i) {
    const double position = with_ends ? static_cast<double>(i) / static_cast<double>(count - 1)
                                      : (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    x.push_back(2.0 * position - 1.0);
  }
  return x;
}

Solved solve(const Config& config, const Equation& equation) {
  const auto identity = [](double x) { return x; };
  Rng rng(config.seed);
  Solution u(equation, config.width, rng);
  const Variable<double> x = parameter(column(points(config.points, false), identity));
  const auto loss = [&] { return mean(square(equation.residual(u(x), x))); };

  Solved solved;
  support::Stopwatch watch;
  watch.start();
  const optim::MinimizeOptions<double> keep{.history = true};
  const auto train = [&](const auto& method, std::int64_t steps) {
    const auto result =
        optim::minimize(loss, u.parameters(), method,
                        optim::max_iterations(steps) || optim::cost_below(1e-12), keep);
    for (const auto& entry : result.history) {
      if (entry.iteration > 0 || solved.costs.empty()) solved.costs.push_back(entry.cost);
    }
    return result.iterations;
  };
  solved.adam_steps = train(
      optim::AdamOptions{.lr = optim::exponential(1e-2, 3.0 / static_cast<double>(config.adam))},
      config.adam);
  solved.lbfgs_steps = train(optim::LBFGSOptions{.history_size = 50}, config.lbfgs);
  watch.stop();
  solved.seconds = watch.seconds();

  solved.x = points(401, true);
  const Variable<double> at = parameter(column(solved.x, identity));
  const Variable<double> value = u(at);
  const Tensor<double> exact = column(solved.x, equation.exact);
  const Tensor<double> residual = equation.residual(value, at).value();
  solved.error = relative_error(value.value(), exact);
  solved.error_second =
      relative_error(laplacian(value, at).value(), column(solved.x, equation.exact_second));
  solved.u.assign(value.value().begin(), value.value().end());
  solved.exact.assign(exact.begin(), exact.end());
  solved.residual.assign(residual.begin(), residual.end());
  return solved;
}

// The elements begin, begin + step, ... before end.
std::vector<double> every(std::size_t step, const std::vector<double>& v, std::size_t begin = 0,
                          std::size_t end = SIZE_MAX) {
  std::vector<double> some;
  for (std::size_t i = begin; i < std::min(end, v.size()); i += step) some.push_back(v[i]);
  return some;
}

void draw(plot::Figure& figure, const Equation& equation, const Solved& solved) {
  auto& solution =
      figure.add({.title = equation.name + ": " + equation.text, .x_label = "x", .y_label = "u"});
  solution.line(solved.x, solved.u, {.label = "network", .style = 0, .marker = false});
  solution.line(every(20, solved.x), every(20, solved.exact),
                {.label = "exact", .style = 1, .line = false, .every_point = true});
  std::vector<double> errors;
  for (std::size_t i = 0; i < solved.u.size(); ++i) {
    errors.push_back(std::abs(solved.u[i] - solved.exact[i]));
  }
  auto& error = figure.add({.title = fmt::format("relative error {:.1e}", solved.error),
                            .x_label = "x",
                            .y_label = "|u - exact|",
                            .y_scale = plot::Scale::log});
  error.line(solved.x, errors, {.style = 0, .marker = false});
  auto& training = figure.add({.title = "the loss",
                               .x_label = "iteration",
                               .y_label = "mean squared residual",
                               .y_scale = plot::Scale::log});
  const auto adam = static_cast<std::size_t>(solved.adam_steps) + 1;
  std::vector<double> iterations;
  for (std::size_t i = 0; i < solved.costs.size(); ++i) {
    iterations.push_back(static_cast<double>(i));
  }
  // Every fifth point is enough, and makes the picture small.
  training.line(every(5, iterations, 0, adam), every(5, solved.costs, 0, adam),
                {.label = "Adam", .style = 0, .marker = false});
  training.line(every(5, iterations, adam), every(5, solved.costs, adam),
                {.label = "L-BFGS", .style = 1, .marker = false});
}

void run(const Config& config) {
  support::Report report(config.common);
  plot::Figure figure({.title = "Differential equations solved by networks",
                       .columns = 3,
                       .panel_width = 340.0,
                       .panel_height = 280.0});
  support::Table table({"equation", "Adam", "L-BFGS", "seconds", "loss", "error of u", "of u_xx"});
  report.json["points"] = config.points;
  report.json["viscosity"] = config.viscosity;
  for (const Equation& equation : {poisson(), burgers(config.viscosity)}) {
    const Solved solved = solve(config, equation);
    draw(figure, equation, solved);
    table.row({equation.text, fmt::format("{}", solved.adam_steps),
               fmt::format("{}", solved.lbfgs_steps), fmt::format("{:.2f}", solved.seconds),
               fmt::format("{:.1e}", solved.costs.back()), fmt::format("{:.1e}", solved.error),
               fmt::format("{:.1e}", solved.error_second)});
    report.json["equations"].push_back({{"name", equation.name},
                                        {"adam_steps", solved.adam_steps},
                                        {"lbfgs_steps", solved.lbfgs_steps},
                                        {"seconds", solved.seconds},
                                        {"first_cost", solved.costs.front()},
                                        {"cost", solved.costs.back()},
                                        {"relative_error", solved.error},
                                        {"relative_error_second", solved.error_second},
                                        {"x", solved.x},
                                        {"u", solved.u},
                                        {"residual", solved.residual}});
  }
  report.say("Networks 1-{0}-{0}-1 with tanh, the residual at {1} points, errors relative in L2",
             config.width, config.points);
  report.print(table);
  report.picture(figure, "physics_informed");
  report.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Config config;
  support::CommandLine line(
      "Physics-informed networks: Poisson's and Burgers' equation in one dimension.");
  line.add_seed(config.seed);
  line.add("--points", config.points, "Where the residual is taken", 8, 100000);
  line.add("--width", config.width, "Units in each hidden layer", 1, 1000);
  line.add("--adam", config.adam, "Steps of Adam", 1, 1000000);
  line.add("--lbfgs", config.lbfgs, "Iterations of L-BFGS at most", 1, 1000000);
  line.add("--viscosity", config.viscosity, "Of Burgers' equation: small values are hard");
  return line.run(argc, argv, [&] {
    config.common = line.common();
    if (config.common.quick) {
      config.adam = std::min<std::int64_t>(config.adam, 300);
      config.lbfgs = std::min<std::int64_t>(config.lbfgs, 300);
    }
    run(config);
  });
}
