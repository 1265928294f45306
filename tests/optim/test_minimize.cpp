// minimize: what it accepts, what it returns, and why it stops.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "catch.h"
#include "glissade/nn/linear.h"
#include "glissade/nn/sequential.h"
#include "glissade/optim/adam.h"
#include "glissade/optim/annealing.h"
#include "glissade/optim/lbfgs.h"
#include "glissade/optim/least_squares.h"
#include "glissade/optim/minimize.h"
#include "glissade/optim/newton.h"
#include "glissade/optim/restarts.h"
#include "glissade/optim/sgd.h"
#include "glissade/optim/test_functions.h"

using namespace glissade;
using namespace glissade::optim;

namespace {

constexpr auto kBowl = [](const auto& x) { return square(x[0]) + 2.0 * square(x[1]); };

}  // namespace

TEST_CASE("minimize: gradient descent follows the closed form") {
  for (const double lr : {0.01, 0.1, 0.5}) {
    const auto result = minimize(kBowl, {3.0, 4.0}, SGDOptions{.lr = lr}, max_iterations(50),
                                 {.history = true, .history_points = true});
    CHECK(result.iterations == 50);
    CHECK(result.reason == StopReason::max_iterations);
    CHECK(std::abs(result.x[0] - 3.0 * std::pow(1.0 - 2.0 * lr, 50)) < 1e-12);
    CHECK(std::abs(result.x[1] - 4.0 * std::pow(1.0 - 4.0 * lr, 50)) < 1e-12);
    CHECK(result.evaluations.costs == 51);
    CHECK(result.evaluations.gradients == 51);
    REQUIRE(result.history.size() == 51);
    CHECK(result.history[0].cost == 41.0);
    CHECK(std::isnan(result.history[0].lr));
    CHECK(result.history[1].lr == lr);
    CHECK(result.history[1].point[0] == Approx(3.0 - 6.0 * lr));
    CHECK(result.history[1].step_length == Approx(lr * std::hypot(6.0, 16.0)));
    CHECK(result.history[1].gradient_norm ==
          Approx(std::hypot(2.0 * result.history[1].point[0], 4.0 * result.history[1].point[1])));
    CHECK(result.history.back().point == result.x);
    CHECK(result.history.back().cost == result.cost);
  }
}

TEST_CASE("minimize: stops at the step that the arithmetic predicts") {
  // x + 1 is multiplied by 0.8 at each step, so step t has the length 0.2 · 6 · 0.8^(t-1).
  const auto f = [](const Variable<double>& x) { return sum(square(x) + 2.0 * x + 1.0); };
  const auto result = minimize(f, {5.0}, SGDOptions{.lr = 0.1},
                               parameter_change_below(1e-6) || max_iterations(999));
  const int predicted = static_cast<int>(std::ceil(1.0 + std::log(1e-6 / 1.2) / std::log(0.8)));
  CHECK(result.iterations == predicted);
  CHECK(result.reason == StopReason::parameter_change);
  CHECK(result.message.find("the parameters changed by") == 0);
  CHECK(result.x[0] == Approx(-1.0).margin(1e-5));
  // The newest point, not the one before it.
  CHECK(std::abs(result.x[0] + 1.0 - 6.0 * std::pow(0.8, predicted)) < 1e-12);
}

TEST_CASE("minimize: the best point is kept when the newest is worse") {
  // x is gone at once, y grows by 1.08 at each step: the best is the first one.
  const auto result = minimize(kBowl, {3.0, 4.0}, SGDOptions{.lr = 0.52}, max_iterations(20));
  CHECK(result.cost > 41.0);
  CHECK(result.best_cost == Approx(2 * 4.32 * 4.32 + 0.12 * 0.12));
  CHECK(kBowl(Variable<double>(result.best_x)).item() == result.best_cost);
  CHECK(kBowl(Variable<double>(result.x)).item() == result.cost);
}

TEST_CASE("minimize: functions with their own gradient, and of several variables") {
  const auto own = [](const Tensor<double>& x, Tensor<double>& g) {
    g[0] = 2.0 * x[0];
    g[1] = 4.0 * x[1];
    return x[0] * x[0] + 2.0 * x[1] * x[1];
  };
  const auto automatic = minimize(kBowl, {3.0, 4.0}, AdamOptions{.lr = 0.1}, max_iterations(30));
  const auto by_hand = minimize(own, {3.0, 4.0}, AdamOptions{.lr = 0.1}, max_iterations(30));
  CHECK(by_hand.x[0] == Approx(automatic.x[0]).epsilon(1e-13));
  CHECK(by_hand.x[1] == Approx(automatic.x[1]).epsilon(1e-13));
  const auto lbfgs = minimize(own, {3.0, 4.0}, LBFGSOptions{}, gradient_norm_below(1e-10));
  CHECK(lbfgs.reason == StopReason::gradient_norm);

  const std::vector<Tensor<float>> start{Tensor<float>(Shape{2, 2}, {1, 2, 3, 4}),
                                         Tensor<float>(Shape{3}, {1, 1, 1})};
  const auto several = [](const std::vector<Variable<float>>& x) {
    return sum(square(x[0] - 1.0)) + sum(square(x[1] + 2.0));
  };
  const auto both = minimize(several, start, LBFGSOptions{}, gradient_norm_below(1e-4));
  CHECK(both.x[0](1, 1) == Approx(1.0).margin(1e-4));
  CHECK(both.x[1][2] == Approx(-2.0).margin(1e-4));

  const auto own_several = [](const std::vector<Tensor<double>>& x,
                              std::vector<Tensor<double>>& g) {
    g[0][0] = 2.0 * x[0][0];
    g[1][0] = 2.0 * x[1][0];
    return x[0][0] * x[0][0] + x[1][0] * x[1][0];
  };
  const auto result = minimize(
      own_several, std::vector{Tensor<double>(Shape{1}, {2.0}), Tensor<double>(Shape{1}, {3.0})},
      SGDOptions{.lr = 0.25}, max_iterations(1));
  CHECK(result.x[0][0] == 1.0);
  CHECK(result.x[1][0] == 1.5);
}

TEST_CASE("minimize: an existing model's parameters are changed in place") {
  auto w = parameter(Tensor<double>(Shape{2}, {3.0, 4.0}));
  const auto result = minimize([&] { return kBowl(w); }, std::vector<Variable<double>>{w},
                               NewtonOptions{}, gradient_norm_below(1e-12));
  CHECK(result.iterations == 1);
  CHECK(w.value() == result.x[0]);
  CHECK(result.cost == Approx(0.0).margin(1e-25));
}

TEST_CASE("minimize: an optimizer made by a function, with parameter groups") {
  const auto make = [](std::vector<Variable<double>> p) {
    auto sgd =
        std::make_unique<SGD<double>>(std::vector<Variable<double>>{p[0]}, SGDOptions{.lr = 0.25});
    sgd->add_group({p[1]}, {.lr = 0.125});
    return sgd;
  };
  const auto result = minimize(
      [](const std::vector<Variable<double>>& x) { return sum(square(x[0]) + square(x[1])); },
      std::vector{Tensor<double>(Shape{1}, {2.0}), Tensor<double>(Shape{1}, {2.0})}, make,
      max_iterations(1));
  CHECK(result.x[0][0] == 1.0);
  CHECK(result.x[1][0] == 1.5);
}

TEST_CASE("minimize: divergence always stops, with its reason") {
  const auto f = [](const auto& x) { return sum(exp(square(x))); };
  const auto result = minimize(f, {3.0}, SGDOptions{.lr = 1.0}, max_iterations(1000));
  CHECK(result.reason == StopReason::diverged);
  CHECK(result.iterations == 1);
  CHECK(result.best_x[0] == 3.0);
  const auto bounded =
      minimize(kBowl, {3.0, 4.0}, SGDOptions{.lr = 0.6}, diverged(1e6) || max_iterations(1000));
  CHECK(bounded.reason == StopReason::diverged);
  CHECK(bounded.cost > 1e6);
  CHECK(bounded.cost < 1e7);
}

TEST_CASE("minimize: early stopping by a validation measure, asked now and then") {
  // The cost falls for ever; the validation is best at x = 2.
  const auto f = [](const auto& x) { return sum(square(x)); };
  int asked = 0;
  const auto result =
      minimize(f, {4.0}, SGDOptions{.lr = 0.05}, early_stopping(2) || max_iterations(1000),
               {.validation =
                    [&](const std::vector<Variable<double>>& x) {
                      ++asked;
                      return std::abs(x[0].value()[0] - 2.0);
                    },
                .validate_every = 3});
  CHECK(result.reason == StopReason::early_stopping);
  CHECK(asked == result.iterations / 3 + 1);
  CHECK(result.best_cost < 0.4);
  CHECK(std::abs(std::abs(result.best_x[0] - 2.0) - result.best_cost) < 1e-15);
  CHECK(result.x[0] < result.best_x[0]);
}

TEST_CASE("minimize: every method finds the minimum of Rosenbrock's function") {
  namespace tf = test_functions;
  const auto rosenbrock = [](const Variable<double>& x) { return tf::rosenbrock(x); };
  const auto check_result = [](const MinimizeResult<Tensor<double>>& result) {
    CHECK(result.x[0] == Approx(1.0).margin(1e-7));
    CHECK(result.x[1] == Approx(1.0).margin(1e-7));
    CHECK(result.reason == StopReason::gradient_norm);
  };
  const StoppingRule stop = gradient_norm_below(1e-8) || max_iterations(200);
  check_result(minimize(rosenbrock, {-1.2, 1.0}, LBFGSOptions{}, stop));
  check_result(minimize(rosenbrock, {-1.2, 1.0}, NewtonOptions{}, stop));
  check_result(minimize(rosenbrock, {-1.2, 1.0}, TrustRegionOptions{}, stop));
  const auto residuals = [](const Variable<double>& x) {
    return concat<double>({reshape(10.0 * (x[1] - square(x[0])), {1}), reshape(1.0 - x[0], {1})});
  };
  check_result(least_squares(residuals, {-1.2, 1.0}, LevenbergMarquardtOptions{}, stop));
  check_result(least_squares(residuals, {-1.2, 1.0}, LBFGSOptions{}, stop));
}

TEST_CASE("minimize: the trust region leaves a saddle point, also the hard case") {
  // (0, 0) is a saddle of x² - y² + y⁴/4, with minima of -1 at y = ±sqrt(2). The gradient has no
  // part along the negative curvature.
  const auto f = [](const auto& v) { return square(v[0]) - square(v[1]) + 0.25 * pow(v[1], 4.0); };
  const auto result =
      minimize(f, {1.0, 0.0}, TrustRegionOptions{},
               (gradient_norm_below(1e-9) && cost_below(-0.5)) || max_iterations(100));
  CHECK(result.cost == Approx(-1.0));
  CHECK(std::abs(result.x[1]) == Approx(std::sqrt(2.0)));
}

TEST_CASE("minimize: simulated annealing finds the lowest of many minima, the same way each time") {
  const auto f = [](const Variable<double>& x) { return test_functions::rastrigin(x); };
  const StoppingRule stop = max_iterations(10000);
  int found = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const SimulatedAnnealingOptions options{
        .temperature = exponential(20.0, 0.0007), .step = exponential(1.5, 0.0003), .seed = seed};
    const auto first = minimize(f, {4.0, -3.0}, options, stop);
    if (first.best_cost < 0.1) ++found;
    CHECK(first.evaluations.gradients == 0);
    CHECK(first.evaluations.costs == 10001);
    if (seed == 0) CHECK(minimize(f, {4.0, -3.0}, options, stop).best_x == first.best_x);
  }
  CHECK(found >= 4);
  CHECK(minimize(f, {4.0, -3.0}, LBFGSOptions{}, max_iterations(100)).best_cost > 1.0);
}

TEST_CASE("minimize: at temperature 0 annealing only goes down") {
  const SimulatedAnnealingOptions options{.temperature = 0.0, .step = 0.5, .seed = 1};
  const auto result = minimize(kBowl, {3.0, 4.0}, options, max_iterations(300), {.history = true});
  for (std::size_t i = 1; i < result.history.size(); ++i) {
    CHECK(result.history[i].cost <= result.history[i - 1].cost);
    CHECK(std::isnan(result.history[i].gradient_norm));
  }
  CHECK(result.cost < 0.5);
}

TEST_CASE("random_restarts: the best of several runs") {
  const auto f = [](const Variable<double>& x) { return test_functions::styblinski_tang(x); };
  const Tensor<double> low(Shape{2}, {-5.0, -5.0});
  const Tensor<double> high(Shape{2}, {5.0, 5.0});
  const StoppingRule stop = gradient_norm_below(1e-9) || max_iterations(100);
  const auto result = random_restarts(f, low, high, LBFGSOptions{}, stop, {.runs = 20, .seed = 5});
  CHECK(result.costs.size() == 20);
  CHECK(result.best.best_cost == Approx(-2 * 39.16616570377142).epsilon(1e-12));
  CHECK(result.costs[static_cast<std::size_t>(result.best_run)] == result.best.best_cost);
  CHECK(result.evaluations.costs > result.best.evaluations.costs);
  const auto enough = random_restarts(f, low, high, LBFGSOptions{}, stop,
                                      {.runs = 20, .seed = 5, .good_enough = -78.0});
  CHECK(enough.costs.size() < 20);
  for (std::size_t i = 0; i < enough.costs.size(); ++i) {
    CHECK(enough.costs[i] == result.costs[i]);
    CHECK((enough.costs[i] < -78.0) == (i + 1 == enough.costs.size()));
  }
  CHECK_THROWS_WITH(random_restarts(f, high, low, LBFGSOptions{}, stop),
                    Contains("low = 5 must not be above high = -5"));
  CHECK_THROWS_WITH(random_restarts(f, low, high, LBFGSOptions{}, stop, {.runs = 0}),
                    Contains("runs must be at least 1, got 0"));
}

TEST_CASE("minimize: at a minimum up to rounding, methods say no_progress") {
  const auto f = [](const auto& x) { return test_functions::rosenbrock(x); };
  const StoppingRule never = cost_below(-1.0) || max_iterations(1000);
  CHECK(minimize(f, {-1.2, 1.0}, LBFGSOptions{}, never).reason == StopReason::no_progress);
  CHECK(minimize(f, {-1.2, 1.0}, NewtonOptions{}, never).reason == StopReason::no_progress);
  CHECK(minimize(f, {-1.2, 1.0}, TrustRegionOptions{}, never).reason == StopReason::no_progress);
}

TEST_CASE("minimize: a refused step is no small change") {
  const auto f = [](const Variable<double>& x) { return test_functions::rosenbrock(x); };
  const StoppingRule small = cost_change_below(1e-14) || parameter_change_below(1e-12);
  const StoppingRule stop = small || max_iterations(300);
  CHECK(minimize(f, {-1.2, 1.0}, TrustRegionOptions{}, stop).cost < 1e-10);
  const auto residuals = [](const Variable<double>& x) {
    return concat<double>({reshape(10.0 * (x[1] - square(x[0])), {1}), reshape(1.0 - x[0], {1})});
  };
  CHECK(least_squares(residuals, {-1.2, 1.0}, LevenbergMarquardtOptions{}, stop).cost < 1e-10);
  const auto walk = minimize(f, {-1.2, 1.0}, SimulatedAnnealingOptions{.temperature = 0.0}, stop);
  CHECK(walk.iterations == 300);
}

TEST_CASE("minimize: flat spots, valleys, infinities and float32 all come to an end") {
  const StoppingRule never = cost_below(-1e9) || max_iterations(2000);
  const auto iterations = [&](const auto& f, const auto& start, const auto& method) {
    const auto result = minimize(f, start, method, never);
    CHECK(result.iterations < 2000);
    return result;
  };
  const Tensor<double> below(Shape{2}, {-1.0, -1.0});
  const auto flat = [](const auto& x) { return sum(relu(x)); };
  CHECK(iterations(flat, below, TrustRegionOptions{}).x == below);
  CHECK(iterations(flat, below, NewtonOptions{}).x == below);
  // A valley: the minimum is a line, and what is reached stays near the start.
  const auto valley = [](const auto& x) { return square(x[0] + x[1] - 1.0); };
  const Tensor<double> aside(Shape{2}, {3.0, 4.0});
  for (const Tensor<double>& x : {iterations(valley, aside, TrustRegionOptions{}).x,
                                  iterations(valley, aside, NewtonOptions{}).x}) {
    CHECK(x[0] == Approx(0.0).margin(1e-6));
    CHECK(x[1] == Approx(1.0).margin(1e-6));
  }
  const auto bottomless = [](const auto& x) { return neg(sum(exp(x))); };
  CHECK(iterations(bottomless, Tensor<double>(Shape{1}), TrustRegionOptions{}).iterations < 100);
  const auto bump = [](const auto& x) { return sum(log(square(x - 0.3) + 1.0)); };
  const Tensor<float> start(Shape{4}, {0.5F, -0.7F, 0.1F, 1.2F});
  iterations(bump, start, TrustRegionOptions{});
  iterations(bump, start, NewtonOptions{});
  iterations(bump, start, LBFGSOptions{});
  // In small units.
  const auto tiny = [](const auto& x) { return test_functions::rosenbrock(x * 1e10); };
  CHECK(minimize(tiny, Tensor<double>(Shape{2}, {-1.2e-10, 1e-10}), LBFGSOptions{}, never).cost <
        1e-10);
}

TEST_CASE("minimize: derivatives that are not finite end the run, and nothing is lost") {
  const StoppingRule stop = max_iterations(10);
  const auto kink = [](const auto& x) { return sum(pow(abs(x), 1.5)); };
  for (const auto& result : {minimize(kink, {1.0, 0.0}, NewtonOptions{}, stop),
                             minimize(kink, {1.0, 0.0}, TrustRegionOptions{}, stop)}) {
    CHECK(result.reason == StopReason::no_progress);
    CHECK_THAT(result.message, Contains("NaN or an infinity"));
    CHECK(result.x[0] == 1.0);
  }
  // In float32 the damping grows beyond the numbers.
  const Variable<float> y(Tensor<float>(Shape{2}, {10.0F, -10.0F + 1e-5F}));
  const auto residuals = [&](const Variable<float>& x) { return x - y; };
  const auto fit = least_squares(residuals, Tensor<float>(Shape{1}), LevenbergMarquardtOptions{},
                                 cost_below(0.0) || max_iterations(1000));
  CHECK(fit.reason == StopReason::no_progress);
  CHECK(std::abs(fit.x[0]) < 1e-4F);
}

TEST_CASE(
    "minimize: rules that can never fire, parameters given twice, starts outside of the domain") {
  const StoppingRule epochs = max_epochs(3);
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, 4.0}, SGDOptions{}, epochs),
                    Contains("can never fire: max_epochs"));
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, 4.0}, SGDOptions{}, early_stopping(2)),
                    Contains("early_stopping: there is no validation"));
  CHECK_THROWS_WITH(
      minimize(kBowl, {3.0, 4.0}, SimulatedAnnealingOptions{}, gradient_norm_below(1.0)),
      Contains("computes no gradients"));
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, 4.0}, SGDOptions{}, epochs && max_iterations(5)),
                    Contains("can never fire"));
  CHECK_NOTHROW(minimize(kBowl, {3.0, 4.0}, SGDOptions{}, epochs || max_iterations(5)));
  const auto w = parameter(Tensor<double>(Shape{2}, {3.0, 4.0}));
  CHECK_THROWS_WITH(minimize([&] { return kBowl(w); }, std::vector<Variable<double>>{w, w},
                             SGDOptions{}, max_iterations(1)),
                    Contains("parameter 1, of shape (2), is given twice"));
  CHECK_THROWS_WITH(
      minimize(kBowl, {3.0, 4.0},
               SimulatedAnnealingOptions{.temperature = [](std::int64_t) { return -1.0; }},
               max_iterations(1)),
      Contains("SimulatedAnnealing, temperature"));

  const auto barrier = [](const Variable<double>& x) { return sum(x - log(x)); };
  const auto result =
      random_restarts(barrier, Tensor<double>(Shape{1}, {-1.0}), Tensor<double>(Shape{1}, {3.0}),
                      LBFGSOptions{}, gradient_norm_below(1e-8) || max_iterations(50));
  CHECK(result.best.best_x[0] == Approx(1.0));
  CHECK(std::count(result.costs.begin(), result.costs.end(),
                   std::numeric_limits<double>::infinity()) > 0);
  CHECK_THROWS_WITH(
      random_restarts(barrier, Tensor<double>(Shape{1}, {-2.0}), Tensor<double>(Shape{1}, {-1.0}),
                      LBFGSOptions{}, max_iterations(5)),
      Contains("not finite at any of 10 starts"));
}

TEST_CASE("minimize: a validation that is NaN at first, and gradients that are gone at the end") {
  int asked = 0;
  const auto result = minimize(kBowl, {3.0, 4.0}, SGDOptions{.lr = 0.1}, max_iterations(20),
                               {.validation = [&](const std::vector<Variable<double>>& x) {
                                 return ++asked == 1 ? std::numeric_limits<double>::quiet_NaN()
                                                     : std::abs(x[0].value()[0]);
                               }});
  CHECK(result.best_cost < 0.1);
  const auto w = parameter(Tensor<double>(Shape{2}, {3.0, 4.0}));
  minimize([&] { return kBowl(w); }, std::vector<Variable<double>>{w}, LBFGSOptions{},
           max_iterations(3));
  CHECK_FALSE(w.has_grad());
}

TEST_CASE("minimize: nothing to do at the start") {
  const auto result = minimize(kBowl, {0.0, 0.0}, LBFGSOptions{}, gradient_norm_below(1e-8));
  CHECK(result.iterations == 0);
  CHECK(result.reason == StopReason::gradient_norm);
  CHECK(minimize(kBowl, {3.0, 4.0}, SGDOptions{}, max_iterations(0)).x ==
        Tensor<double>(Shape{2}, {3.0, 4.0}));
}

TEST_CASE("minimize: errors name the option and its value") {
  const StoppingRule stop = max_iterations(1);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto own = [](const Tensor<double>& x, Tensor<double>& g) {
    g = Tensor<double>(Shape{3});
    return x[0];
  };
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, nan}, SGDOptions{}, stop),
                    Contains("minimize: element 1 of the start is nan"));
  CHECK_THROWS_WITH(minimize(kBowl, Tensor<double>(Shape{0}), SGDOptions{}, stop),
                    Contains("has no elements"));
  CHECK_THROWS_WITH(minimize(kBowl, {3.0}, SGDOptions{}, stop), Contains("(1)"));
  CHECK_THROWS_WITH(minimize(own, {3.0}, SGDOptions{}, stop),
                    Contains("parameter 0 has the shape (1), the gradient") && Contains("(3)"));
  CHECK_THROWS_WITH(minimize([](const auto& x) { return log(x[0]); }, {0.0}, SGDOptions{}, stop),
                    Contains("the cost at the start is -inf"));
  CHECK_THROWS_WITH(minimize([](const auto& x) { return x * 2.0; }, {1.0, 2.0}, SGDOptions{}, stop),
                    Contains("must return one number, it returned the shape (2)"));
  CHECK_THROWS_WITH(
      minimize([](const Variable<double>&) { return Variable<double>(Tensor<double>::scalar(1)); },
               {1.0}, SGDOptions{}, stop),
      Contains("does not depend on the parameters"));
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, 4.0}, SGDOptions{.lr = -1.0}, stop), Contains("-1"));
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, 4.0}, LBFGSOptions{.history_size = 0}, stop),
                    Contains("LBFGS: history_size must be at least 1, got 0"));
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, 4.0}, LBFGSOptions{.first_step_norm = 3}, stop),
                    Contains("LBFGS: first_step_norm must be 1 or 2, got 3"));
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, 4.0}, LBFGSOptions{.c1 = 0.95}, stop),
                    Contains("0 < c1 < c2 < 1 must hold, got 0.95 and 0.9"));
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, 4.0}, NewtonOptions{.shrink = 1.0}, stop),
                    Contains("Newton: shrink must be in (0, 1), got 1"));
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, 4.0}, TrustRegionOptions{.initial_radius = 0.0}, stop),
                    Contains("TrustRegion: initial_radius must be a finite number > 0, got 0"));
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, 4.0}, LevenbergMarquardtOptions{}, stop),
                    Contains("Levenberg-Marquardt needs residuals"));
  CHECK_THROWS_WITH(
      minimize(
          [](const Tensor<double>& x, Tensor<double>& g) {
            g[0] = 1;
            return x[0];
          },
          {1.0}, NewtonOptions{}, stop),
      Contains("needs Hessians, which a function with its own gradient does not give"));
  CHECK_THROWS_WITH(minimize(kBowl, {3.0, 4.0}, SGDOptions{}, stop, {.validate_every = 0}),
                    Contains("validate_every must be at least 1, got 0"));
}

TEST_CASE("least_squares: regression with a network, in place") {
  Rng rng(3);
  nn::Sequential<double> model{nn::Linear<double>(1, 8, rng, {.init = nn::Init::xavier_normal}),
                               nn::Tanh<double>(), nn::Linear<double>(8, 1, rng)};
  Tensor<double> x(Shape{40, 1});
  for (Index i = 0; i < 40; ++i) x[i] = -3.0 + 6.0 * static_cast<double>(i) / 39.0;
  const Variable<double> inputs(x);
  const Variable<double> targets = sin(inputs);
  const auto residuals = [&] { return model(inputs) - targets; };
  const auto result = least_squares(residuals, model.parameters(), LevenbergMarquardtOptions{},
                                    cost_below(1e-6) || max_iterations(200));
  CHECK(result.reason == StopReason::cost);
  CHECK(0.5 * sum(square(residuals())).item() == Approx(result.cost));
  // Adam is not nearly there after as many gradients.
  nn::Sequential<double> other{nn::Linear<double>(1, 8, rng, {.init = nn::Init::xavier_normal}),
                               nn::Tanh<double>(), nn::Linear<double>(8, 1, rng)};
  const auto adam =
      minimize([&] { return 0.5 * sum(square(other(inputs) - targets)); }, other.parameters(),
               AdamOptions{.lr = 0.02}, max_iterations(result.iterations));
  CHECK(adam.cost > 100.0 * result.cost);
}
