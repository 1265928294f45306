#include <limits>
#include <vector>

#include "catch.h"
#include "glissade/optim/early_stopping.h"
#include "glissade/optim/stopping.h"

using namespace glissade;
using namespace glissade::optim;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The number of the first check, from 1, at which the rule fires; 0 if it never does.
template <class Measures>
int first_stop(StoppingRule rule, const Measures& costs) {
  int check = 0;
  for (const double cost : costs) {
    ++check;
    if (rule.update({.iteration = check, .cost = cost})) return check;
  }
  return 0;
}
using Costs = std::vector<double>;

}  // namespace

TEST_CASE("stopping: each rule fires when it should, and gives its reason") {
  const auto reason = [](StoppingRule rule, const Progress& progress) {
    const auto stop = rule.update(progress);
    if (!stop) return std::string();
    CHECK(stop->reasons == std::vector<StopReason>{stop->reason});
    CHECK_FALSE(stop->message.empty());
    return std::string(to_string(stop->reason));
  };
  CHECK(reason(max_iterations(5), {.iteration = 4}).empty());
  CHECK(reason(max_iterations(5), {.iteration = 5}) == "max_iterations");
  CHECK(reason(max_epochs(2), {.iteration = 100, .epoch = 1}).empty());
  CHECK(reason(max_epochs(2), {.epoch = 2}) == "max_epochs");
  CHECK(reason(max_seconds(1.5), {.seconds = 1.4}).empty());
  CHECK(reason(max_seconds(1.5), {.seconds = 1.5}) == "max_seconds");
  CHECK(reason(cost_below(0.5), {.cost = 0.5}).empty());
  CHECK(reason(cost_below(0.5), {}).empty());
  CHECK(reason(cost_below(0.5), {.cost = 0.4}) == "cost");
  CHECK(reason(gradient_norm_below(1e-3), {.gradient_norm = 1e-3}).empty());
  CHECK(reason(gradient_norm_below(1e-3), {}).empty());
  CHECK(reason(gradient_norm_below(1e-3), {.gradient_norm = 9e-4}) == "gradient_norm");
  CHECK(reason(parameter_change_below(1e-3), {.parameter_change = 1e-3}).empty());
  CHECK(reason(parameter_change_below(1e-3), {.parameter_change = 0.0}) == "parameter_change");
  CHECK(reason(diverged(), {.cost = 1e300}).empty());
  CHECK(reason(diverged(), {}).empty());
  CHECK(reason(diverged(), {.cost = kNaN}) == "diverged");
  CHECK(reason(diverged(), {.cost = kInfinity}) == "diverged");
  CHECK(reason(diverged(), {.cost = -kInfinity}) == "diverged");
  CHECK(reason(diverged(10.0), {.cost = 10.0}).empty());
  CHECK(reason(diverged(10.0), {.cost = 10.5}) == "diverged");
  CHECK(reason([](const Progress& p) { return p.iteration == 3; }, {.iteration = 3}) == "custom");
}

TEST_CASE("stopping: rules that remember") {
  CHECK(first_stop(cost_change_below(0.1), Costs{5.0, 3.0, 2.95, 2.94}) == 3);
  CHECK(first_stop(cost_change_below(0.1), Costs{5.0, kNaN, 5.0, 5.0}) == 4);
  CHECK(first_stop(no_improvement(2), Costs{5.0, 6.0, 4.0, 4.0, 4.5, 1.0}) == 5);
  CHECK(first_stop(no_improvement(2), Costs{5.0, kNaN, 4.0, kNaN, kNaN}) == 5);
  CHECK(first_stop(no_improvement(2, {.min_delta = 0.5}), Costs{5.0, 4.6, 4.4, 4.3, 4.2}) == 5);
  CHECK(first_stop(consecutive(2, cost_below(1.0)), Costs{0.5, 2.0, 0.5, 0.4}) == 4);
}

TEST_CASE("stopping: early_stopping watches the validation loss only, where there is one") {
  StoppingRule rule = early_stopping(2);
  CHECK_FALSE(rule.update({.cost = 1.0, .validation_loss = 1.0}));
  CHECK_FALSE(rule.update({.cost = 2.0}));
  CHECK_FALSE(rule.update({.cost = 3.0}));
  CHECK_FALSE(rule.update({.cost = 0.5, .validation_loss = 1.1}));
  const auto stop = rule.update({.cost = 0.1, .validation_loss = 1.0});
  REQUIRE(stop);
  CHECK(stop->reason == StopReason::early_stopping);
  CHECK(stop->message == "the validation loss has not been better than 1 for 2 checks");
}

TEST_CASE("stopping: || and && combine, every rule sees every check, and reset forgets") {
  StoppingRule both = cost_change_below(0.1) && gradient_norm_below(1.0);
  CHECK_FALSE(both.update({.cost = 5.0, .gradient_norm = 0.5}));
  CHECK_FALSE(both.update({.cost = 4.99, .gradient_norm = 2.0}));
  const auto stop = both.update({.cost = 4.98, .gradient_norm = 0.5});
  REQUIRE(stop);
  CHECK(stop->reason == StopReason::cost_change);
  CHECK(stop->reasons == std::vector{StopReason::cost_change, StopReason::gradient_norm});
  CHECK(stop->message ==
        "the cost changed by 0.01, less than 0.1 and the gradient norm 0.5 is below 1");

  StoppingRule either = max_iterations(3) || no_improvement(2);
  StoppingRule copy = either;
  CHECK_FALSE(either.update({.iteration = 0, .cost = 1.0}));
  CHECK_FALSE(either.update({.iteration = 1, .cost = 1.0}));
  const auto second = either.update({.iteration = 2, .cost = 1.0});
  REQUIRE(second);
  CHECK(second->reason == StopReason::no_improvement);
  // A copy made before goes its own way, and a reset rule begins again.
  CHECK_FALSE(copy.update({.iteration = 2, .cost = 1.0}));
  either.reset();
  CHECK_FALSE(either.update({.iteration = 0, .cost = 2.0}));
  CHECK_FALSE(either.update({.iteration = 1, .cost = 2.0}));
  CHECK(either.update({.iteration = 3, .cost = 1.0})->reason == StopReason::max_iterations);
  const auto all = (max_iterations(1) || cost_below(1.0)).update({.iteration = 1, .cost = 0.0});
  CHECK(all->reasons == std::vector{StopReason::max_iterations, StopReason::cost});
}

TEST_CASE("stopping: errors name the option and its value") {
  CHECK_THROWS_WITH(max_iterations(-1), Contains("max_iterations: n must be at least 0, got -1"));
  CHECK_THROWS_WITH(max_epochs(-1), Contains("max_epochs: n must be at least 0, got -1"));
  CHECK_THROWS_WITH(max_seconds(-1.0), Contains("seconds") && Contains("-1"));
  CHECK_THROWS_WITH(cost_below(kNaN), Contains("threshold must be finite, got nan"));
  CHECK_THROWS_WITH(gradient_norm_below(0.0), Contains("eps must be a finite number > 0, got 0"));
  CHECK_THROWS_WITH(cost_change_below(-1.0), Contains("eps must be a finite number > 0, got -1"));
  CHECK_THROWS_WITH(parameter_change_below(kInfinity), Contains("eps") && Contains("inf"));
  CHECK_THROWS_WITH(no_improvement(0),
                    Contains("no_improvement: patience must be at least 1, got 0"));
  CHECK_THROWS_WITH(early_stopping(0),
                    Contains("early_stopping: patience must be at least 1, got 0"));
  CHECK_THROWS_WITH(no_improvement(1, {.min_delta = -1.0}),
                    Contains("min_delta") && Contains("-1"));
  CHECK_THROWS_WITH(diverged(kNaN), Contains("bound must not be NaN"));
  CHECK_THROWS_WITH(consecutive(0, max_iterations(1)),
                    Contains("checks must be at least 1, got 0"));
}

TEST_CASE("EarlyStopping restores the parameters and the buffers of the best check") {
  auto w = parameter(Tensor<float>(Shape{2}, {0, 0}));
  Tensor<float> running_mean(Shape{1}, {0});
  EarlyStopping<float> early(2, {w}, {&running_mean}, {.min_delta = 0.15});
  CHECK(early.best_check() == -1);
  int checks = 0;
  // Better by less than min_delta at check 2: not enough to go on, but the best.
  for (const double loss : {1.0, 0.5, 0.4, 0.45, 0.1}) {
    w.mutable_value().fill(static_cast<float>(loss));
    running_mean[0] = static_cast<float>(10 * loss);
    ++checks;
    if (early.update(loss)) break;
  }
  CHECK(checks == 4);
  CHECK(early.best_loss() == 0.4);
  CHECK(early.best_check() == 2);
  early.restore_best();
  CHECK(w.value()[1] == 0.4F);
  CHECK(running_mean[0] == 4.0F);

  running_mean = Tensor<float>(Shape{3});
  w.mutable_value().fill(7.0F);
  CHECK_THROWS_WITH(early.restore_best(), Contains("buffer 0 had the shape (1) and now has (3)"));
  CHECK(w.value()[0] == 7.0F);
  CHECK_THROWS_WITH(EarlyStopping<float>(0, {w}), Contains("patience must be at least 1, got 0"));
  CHECK_THROWS_WITH(Snapshot<float>({Variable<float>()}), Contains("parameter 0 is undefined"));
  CHECK_THROWS_WITH(Snapshot<float>({w}, {nullptr}), Contains("buffer 0 is null"));
}
