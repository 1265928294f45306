// Experiment 10: the gradient of a logistic regression's cost by three methods: differences
// (numerical), by hand (analytical) and by the chain rule over the graph (automatic). How accurate
// are differences with a step h, and how long does each method take for n parameters?

#include <fmt/format.h>
#include <glissade/glissade.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support/options.h"
#include "support/report.h"

using namespace glissade;

namespace {

// The cost (1/m) sum_i [softplus(x_i w) - y_i x_i w] of m labelled points: that of a logistic
// regression with parameters w (n).
struct Problem {
  Problem(Index examples, Index parameters, Rng& rng)
      : x({examples, parameters}), y({examples}), w({parameters}) {
    rng.fill_normal(x);
    rng.fill_normal(w, 0.0, 1.0 / std::sqrt(static_cast<double>(parameters)));
    for (double& label : y) label = rng.uniform() < 0.5 ? 0.0 : 1.0;
    x_constant = Variable<double>(x);
    y_constant = Variable<double>(y);
  }

  Variable<double> cost(const Variable<double>& at) const {
    return nn::binary_cross_entropy_with_logits(matmul(x_constant, at), y_constant);
  }
  double cost(const Tensor<double>& at) const {
    const NoGradGuard no_grad;
    return cost(Variable<double>(at)).item();
  }

  Tensor<double> x;
  Tensor<double> y;
  Tensor<double> w;
  Variable<double> x_constant;
  Variable<double> y_constant;
};

// By hand: X^T (sigmoid(X w) - y) / m.
Tensor<double> analytical(const Problem& p) {
  const Index m = p.x.dim(0);
  const Index n = p.x.dim(1);
  Tensor<double> residual = matmul(p.x, p.w.reshape({n, 1}));
  for (Index i = 0; i < m; ++i) {
    residual[i] = (1.0 / (1.0 + std::exp(-residual[i])) - p.y[i]) / static_cast<double>(m);
  }
  return matmul(residual, p.x, Transpose::yes).reshape({n});
}

// By the chain rule, one pass over the graph.
Tensor<double> automatic(const Problem& p) {
  const Variable<double> w(p.w, true);
  return grad(p.cost(w), {w})[0].value();
}

// (f(w + h e_i) - f(w)) / h for each i: n + 1 evaluations.
Tensor<double> forward_difference(const Problem& p, double h) {
  Tensor<double> w = p.w;
  Tensor<double> g(w.shape());
  const double here = p.cost(w);
  for (Index i = 0; i < w.size(); ++i) {
    const double before = std::exchange(w[i], w[i] + h);
    g[i] = (p.cost(w) - here) / h;
    w[i] = before;
  }
  return g;
}

// (f(w + h e_i) - f(w - h e_i)) / 2h for each i: 2 n evaluations.
Tensor<double> central_difference(const Problem& p, double h) {
  Tensor<double> w = p.w;
  Tensor<double> g(w.shape());
  for (Index i = 0; i < w.size(); ++i) {
    const double before = w[i];
    w[i] = before + h;
    const double above = p.cost(w);
    w[i] = before - h;
    g[i] = (above - p.cost(w)) / (2.0 * h);
    w[i] = before;
  }
  return g;
}

// |a - b| / |b|.
double relative_error(const Tensor<double>& a, const Tensor<double>& b) {
  double difference = 0.0;
  double norm = 0.0;
  for (Index i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

// Seconds for one call: the shortest of several, because everything else only adds to it.
template <class Function>
double seconds(const Function& function) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  double best = std::numeric_limits<double>::infinity();
  do {
    const auto before = Clock::now();
    function();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - before).count());
  } while (std::chrono::duration<double>(Clock::now() - start).count() < 0.02);
  return best;
}

// The slope of log(error) against log(h) between two steps.
double order(double h1, double error1, double h2, double error2) {
  return std::log(error1 / error2) / std::log(h1 / h2);
}

struct Errors {
  std::vector<double> h, forward, central;
};

void measure_accuracy(support::Report& report, plot::Axes& axes, Rng& rng) {
  const Problem problem(100, 20, rng);
  const auto exact = analytical(problem);
  const double error = relative_error(automatic(problem), exact);
  Errors errors;
  support::Table table({"h", "forward", "central"});
  for (int half_decade = -2; half_decade >= -26; --half_decade) {
    const double h = std::pow(10.0, 0.5 * half_decade);
    errors.h.push_back(h);
    errors.forward.push_back(relative_error(forward_difference(problem, h), exact));
    errors.central.push_back(relative_error(central_difference(problem, h), exact));
    if (half_decade % 2 == 0) {
      table.row({fmt::format("{:.0e}", h), fmt::format("{:.1e}", errors.forward.back()),
                 fmt::format("{:.1e}", errors.central.back())});
    }
    report.json["accuracy"].push_back(
        {{"h", h}, {"forward", errors.forward.back()}, {"central", errors.central.back()}});
  }
  report.say("Relative error of the gradient (20 parameters), against that by hand");
  report.print(table);
  // Between h = 0.1 and 0.001 the formula's own error is much larger than that of rounding.
  const double forward_order =
      order(errors.h[0], errors.forward[0], errors.h[4], errors.forward[4]);
  const double central_order =
      order(errors.h[0], errors.central[0], errors.h[4], errors.central[4]);
  report.say("the error falls as h^{:.2f} (forward) and h^{:.2f} (central)", forward_order,
             central_order);
  report.say("automatic: {:.1e}", error);
  report.json["order"] = {{"forward", forward_order}, {"central", central_order}};
  report.json["automatic_error"] = error;

  axes.line(errors.h, errors.forward, {.label = "forward difference", .every_point = true});
  axes.line(errors.h, errors.central, {.label = "central difference", .every_point = true});
  const std::vector<double> ends{errors.h.front(), errors.h.back()};
  axes.line(ends, {error, error}, {.label = "automatic"});
}

void measure_time(support::Report& report, plot::Axes& axes, Rng& rng, Index largest) {
  std::vector<double> numbers;
  std::vector<std::vector<double>> times(5);
  support::Table table(
      {"parameters", "cost alone", "analytical", "automatic", "forward", "central"});
  for (const Index n : {10, 30, 100, 300, 1000, 3000}) {
    if (n > largest) break;
    const Problem problem(50, n, rng);
    const std::vector<double> row{
        seconds([&] { return problem.cost(problem.w); }),
        seconds([&] { return analytical(problem); }),
        seconds([&] { return automatic(problem); }),
        seconds([&] { return forward_difference(problem, 1e-8); }),
        seconds([&] { return central_difference(problem, 1e-5); }),
    };
    numbers.push_back(static_cast<double>(n));
    std::vector<std::string> cells{fmt::format("{}", n)};
    for (std::size_t i = 0; i < row.size(); ++i) {
      times[i].push_back(row[i]);
      cells.push_back(fmt::format("{:.1f} us", 1e6 * row[i]));
    }
    table.row(cells);
    report.json["time"].push_back({{"parameters", n},
                                   {"cost", row[0]},
                                   {"analytical", row[1]},
                                   {"automatic", row[2]},
                                   {"forward", row[3]},
                                   {"central", row[4]}});
  }
  report.say("\nTime for one gradient (50 examples)");
  report.print(table);
  axes.line(numbers, times[3], {.label = "forward difference", .style = 0});
  axes.line(numbers, times[4], {.label = "central difference", .style = 1});
  axes.line(numbers, times[2], {.label = "automatic", .style = 2});
  axes.line(numbers, times[1], {.label = "analytical (by hand)", .style = 3});
  axes.line(numbers, times[0], {.label = "the cost alone", .grey = true});
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  support::CommandLine line(
      "Experiment 10: numerical, analytical and automatic gradients, their accuracy and time.");
  line.add_seed(seed);
  return line.run(argc, argv, [&] {
    set_num_threads(1);  // two that wait for each other on a busy machine would spoil the times
    support::Report report(line.common());
    Rng rng(seed);
    plot::Figure figure({.title = "Three ways to a gradient", .columns = 2, .shared_legend = true});
    auto& accuracy = figure.add({.title = "accuracy",
                                 .x_label = "step h",
                                 .y_label = "relative error",
                                 .x_scale = plot::Scale::log,
                                 .y_scale = plot::Scale::log});
    auto& time = figure.add({.title = "time for one gradient",
                             .x_label = "number of parameters",
                             .y_label = "seconds",
                             .x_scale = plot::Scale::log,
                             .y_scale = plot::Scale::log});
    measure_accuracy(report, accuracy, rng);
    measure_time(report, time, rng, line.common().quick ? 300 : 3000);
    report.picture(figure, "10_gradients");
    report.finish();
  });
}
