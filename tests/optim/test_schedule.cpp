// Learning-rate schedules: against PyTorch, against the formulas, composed, and their errors.
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numbers>
#include <string>

#include "catch.h"
#include "glissade/optim/schedule.h"
#include "support/reference.h"

using namespace glissade;
using optim::Schedule;

namespace {

void check_rates(const Schedule& schedule, const std::string& name) {
  INFO(name);
  const auto expected = reference<double>("schedule/" + name + "/lr");
  for (Index t = 0; t < expected.size(); ++t) {
    INFO("step " << t);
    CHECK(schedule(t) == Approx(expected[t]).epsilon(1e-12).margin(1e-16));
  }
}

}  // namespace

TEST_CASE("schedules agree with PyTorch over 100 steps") {
  check_rates(0.1, "constant");
  check_rates(optim::constant(0.1), "constant");
  check_rates(optim::step(0.1, 30, 0.1), "step");
  check_rates(optim::step(0.1, 7, 0.5), "step_7");
  check_rates(optim::exponential(0.1, -std::log(0.95)), "exponential");
  check_rates(optim::cosine(0.1, 100), "cosine");
  check_rates(optim::cosine(0.1, 99, 0.001), "cosine_min");
  check_rates(optim::warmup(10, 0.1), "linear_warmup");
  const Schedule rise = optim::warmup(10, 1.0);
  const Schedule fall = optim::step(0.1, 30, 0.1);
  check_rates([=](std::int64_t t) { return rise(t) * fall(t); }, "warmup_step");
  check_rates(optim::polynomial(0.1, 80, 2.0), "polynomial");
  check_rates(optim::multi_step(0.1, {10, 35, 60}, 0.5), "multi_step");
  check_rates(optim::warm_restarts(0.1, 10, 2.0, 0.001), "warm_restarts");
  check_rates(optim::one_cycle(0.1, 101), "one_cycle");
  check_rates(optim::one_cycle(0.1, 101,
                               {.rise = 0.25,
                                .annealing = optim::Annealing::linear,
                                .div_factor = 10.0,
                                .final_div_factor = 100.0,
                                .three_phase = true}),
              "one_cycle_three_phase");
  check_rates(optim::cyclic(0.01, 0.1, 10, {.steps_down = 15}), "cyclic");
  check_rates(optim::cyclic(0.01, 0.1, 10, {.steps_down = 15, .cycle_factor = 0.5}),
              "cyclic_halving");
  check_rates(optim::cyclic(0.01, 0.1, 10, {.steps_down = 15, .step_factor = 0.99}),
              "cyclic_falling");
  const double gamma = -std::log(0.98);
  check_rates(optim::swa(optim::exponential(0.1, gamma), 20, 0.05), "swa");
  check_rates(optim::swa(optim::exponential(0.1, gamma), 30, 0.2, 7, optim::Annealing::linear),
              "swa_linear");
  const Schedule linear[] = {optim::polynomial(1.0, 10), optim::scale(4.0, optim::constant(0.5))};
  check_rates([=](std::int64_t t) { return 0.1 * (1.0 - 0.75 * linear[0](t)); }, "linear");
}

TEST_CASE("schedules are put together by step and by epoch") {
  const Schedule parts = optim::sequence(
      {optim::constant(1.0), optim::step(0.5, 2, 0.5), optim::inverse_time(0.3, 0.5)}, {2, 5});
  const double rates[] = {1.0, 1.0, 0.5, 0.5, 0.25, 0.3, 0.2, 0.15};
  std::int64_t t = 0;
  for (const double rate : rates) CHECK(parts(t++) == Approx(rate).epsilon(1e-15));
  const Schedule epochs = optim::per_epoch(3, optim::step(1.0, 1, 0.5));
  for (const std::int64_t s : {0, 1, 2, 3, 5, 6}) {
    CHECK(epochs(s) == std::pow(0.5, static_cast<double>(s / 3)));
  }
  CHECK(optim::scale(4.0, optim::step(0.5, 1, 0.5))(2) == 0.5);
}

TEST_CASE("warm restarts, the range test and one cycle keep to their ends") {
  const Schedule restarts = optim::warm_restarts(0.2, 4, 1.5);  // 4, 6, 9 steps
  for (const std::int64_t begin : {0, 4, 10, 19}) CHECK(restarts(begin) == 0.2);
  CHECK(restarts(7) == Approx(0.1).epsilon(1e-14));
  CHECK(optim::warm_restarts(0.2, 4)(4'000'000'000'000) == 0.2);
  CHECK(optim::warm_restarts(0.2, 4, 1.0 + 1e-9)(1'000'000) > 0.0);
  CHECK(optim::warm_restarts(0.2, 4, 1e300)(1'000'000'000'000) == Approx(0.2));

  const Schedule test = optim::range_test(1e-5, 1.0, 6);
  for (int i = 0; i < 6; ++i) CHECK(test(i) == Approx(std::pow(10.0, i - 5)).epsilon(1e-14));
  CHECK(test(1000) == 1.0);
  const Schedule cycle = optim::one_cycle(1.0, 10, {.div_factor = 10.0, .final_div_factor = 10.0});
  CHECK(cycle(0) == Approx(0.1));
  CHECK(cycle(2) == Approx(1.0));
  CHECK(cycle(9) == Approx(0.01));
  CHECK(cycle(1000) == cycle(9));
}

TEST_CASE("after a warm-up the next schedule begins with its own step 0") {
  // PyTorch's SequentialLR leaves out the last step of the rise, which has the full rate already.
  const Schedule schedule = optim::warmup(10, optim::cosine(0.1, 90));
  const auto expected = reference<double>("schedule/warmup_cosine/lr");
  for (Index t = 0; t < 100; ++t) {
    CHECK(schedule(t) == Approx(expected[t < 10 ? t : t - 1]).epsilon(1e-12).margin(1e-16));
  }
  const Schedule two = optim::warmup(4, optim::warmup(2, optim::step(1.0, 3, 0.5)));
  const double rates[] = {0.125, 0.25, 0.375, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25};
  std::int64_t t = 0;
  for (const double rate : rates) CHECK(two(t++) == rate);
}

TEST_CASE("schedules have the values of their formulas") {
  const Schedule halves = optim::step(0.1, 10, 0.5);
  CHECK(halves(0) == 0.1);
  CHECK(halves(9) == 0.1);
  CHECK(halves(10) == 0.05);
  CHECK(halves(19) == 0.05);
  CHECK(halves(29) == 0.025);
  CHECK(optim::exponential(0.1, 0.5)(0) == 0.1);
  CHECK(optim::exponential(0.1, 0.5)(4) == Approx(0.1 * 0.1353352832366127).epsilon(1e-14));
  const Schedule arc = optim::cosine(0.3, 4, 0.1);
  CHECK(arc(0) == Approx(0.3).epsilon(1e-15));
  CHECK(arc(1) == Approx(0.2 + 0.05 * std::numbers::sqrt2).epsilon(1e-14));
  CHECK(arc(2) == Approx(0.2).epsilon(1e-15));
  CHECK(arc(4) == 0.1);
  CHECK(arc(1000000) == 0.1);
}

TEST_CASE("a schedule is made from a number or from any function of the step") {
  const Schedule number = 0.25;
  CHECK(number(0) == 0.25);
  CHECK(number(1'000'000'000'000) == 0.25);
  const Schedule whole = 1;
  CHECK(whole(7) == 1.0);
  const Schedule inverse = [](std::int64_t t) { return 0.1 / (1.0 + static_cast<double>(t)); };
  CHECK(inverse(4) == Approx(0.02));
  const Schedule copy = inverse;
  CHECK(copy(4) == inverse(4));
}

TEST_CASE("schedules name the option that is wrong and its value") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(Schedule(-0.1), Contains("lr") && Contains("-0.1"));
  CHECK_THROWS_WITH(Schedule(nan), Contains("lr") && Contains("nan"));
  CHECK_THROWS_WITH(optim::constant(infinity), Contains("constant: lr") && Contains("inf"));
  CHECK_THROWS_WITH(optim::step(-1.0, 10, 0.5), Contains("step: lr") && Contains("-1"));
  CHECK_THROWS_WITH(optim::step(0.1, 0, 0.5), Contains("step: step_size") && Contains("got 0"));
  CHECK_THROWS_WITH(optim::step(0.1, 10, 1.5), Contains("step: gamma") && Contains("1.5"));
  CHECK_THROWS_WITH(optim::step(0.1, 10, 0.0), Contains("step: gamma") && Contains("got 0"));
  CHECK_THROWS_WITH(optim::step(0.1, 10, nan), Contains("step: gamma") && Contains("nan"));
  CHECK_THROWS_WITH(optim::exponential(0.1, -2.0),
                    Contains("exponential: lambda") && Contains("-2"));
  CHECK_THROWS_WITH(optim::cosine(0.1, 0), Contains("cosine: total") && Contains("got 0"));
  CHECK_THROWS_WITH(optim::cosine(0.1, 10, -1.0), Contains("cosine: min_lr") && Contains("-1"));
  CHECK_THROWS_WITH(optim::cosine(0.1, 10, 0.2), Contains("cosine: min_lr") && Contains("0.2"));
  CHECK_THROWS_WITH(optim::warmup(0, 0.1), Contains("warmup: steps") && Contains("got 0"));
  CHECK_THROWS_WITH(optim::inverse_time(0.1, nan), Contains("inverse_time: lambda"));
  CHECK_THROWS_WITH(optim::polynomial(0.1, 0), Contains("polynomial: total"));
  CHECK_THROWS_WITH(optim::polynomial(0.1, 1, 0.0), Contains("polynomial: power"));
  CHECK_THROWS_WITH(optim::multi_step(0.1, {5, 5}),
                    Contains("multi_step: milestones must be") && Contains("got 5 at position 1"));
  CHECK_THROWS_WITH(optim::multi_step(0.1, {5}, 1.1), Contains("multi_step: gamma"));
  CHECK_THROWS_WITH(optim::warm_restarts(0.1, 10, 0.5), Contains("warm_restarts: m must"));
  CHECK_THROWS_WITH(optim::warm_restarts(0.1, 0), Contains("warm_restarts: period"));
  CHECK_THROWS_WITH(optim::one_cycle(0.0, 100), Contains("one_cycle: max_lr"));
  CHECK_THROWS_WITH(optim::one_cycle(0.1, 3), Contains("one_cycle: a rise of 0.3"));
  CHECK_THROWS_WITH(optim::one_cycle(0.1, 100, {.rise = 0.6, .three_phase = true}),
                    Contains("one_cycle: a rise of 0.6"));
  CHECK_THROWS_WITH(optim::cyclic(0.2, 0.1, 5), Contains("cyclic: max_lr") && Contains("got 0.1"));
  CHECK_THROWS_WITH(optim::cyclic(0.1, 0.2, 5, {.step_factor = 0.0}),
                    Contains("cyclic: step_factor"));
  CHECK_THROWS_WITH(optim::range_test(0.1, 0.1, 5), Contains("range_test: max_lr"));
  CHECK_THROWS_WITH(optim::range_test(0.1, 1.0, 1), Contains("range_test: steps"));
  CHECK_THROWS_WITH(optim::scale(-1.0, 0.1), Contains("scale: factor"));
  CHECK_THROWS_WITH(optim::sequence({0.1, 0.2}, {}), Contains("2 schedules"));
  CHECK_THROWS_WITH(optim::sequence({0.1, 0.2}, {0}), Contains("boundaries must be positive"));
  CHECK_THROWS_WITH(optim::per_epoch(0, 0.1), Contains("per_epoch: steps_per_epoch"));
  CHECK_THROWS_WITH(optim::swa(0.1, -1, 0.1), Contains("swa: start") && Contains("-1"));
  CHECK_THROWS_WITH(optim::swa(0.1, 1, -0.1), Contains("swa: swa_lr"));
  CHECK_THROWS_WITH(optim::swa(0.1, 1, 0.1, 0), Contains("swa: anneal_steps"));
  CHECK_THROWS_WITH(Schedule(0.1)(-1), Contains("step t") && Contains("-1"));
  const std::function<double(std::int64_t)> empty;
  CHECK_THROWS_WITH(Schedule(empty), Contains("empty"));
}

TEST_CASE("a schedule that gives an invalid rate is an error that names the step") {
  const Schedule falling = [](std::int64_t t) { return 1.0 - static_cast<double>(t); };
  CHECK(falling(1) == 0.0);
  CHECK_THROWS_WITH(falling(2), Contains("-1") && Contains("step 2"));
  const Schedule broken = [](std::int64_t) { return std::sqrt(-1.0); };
  CHECK_THROWS_WITH(broken(3), Contains("nan") && Contains("step 3"));
}
