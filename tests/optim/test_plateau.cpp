// The rate that falls when a measure no longer improves: against PyTorch, and its errors.
#include <cmath>
#include <string>

#include "catch.h"
#include "glissade/optim/plateau.h"
#include "support/reference.h"

using namespace glissade;

namespace {

void follow(const std::string& name, const optim::PlateauOptions& options) {
  INFO(name);
  optim::ReduceOnPlateau plateau(0.1, options);
  const optim::Schedule schedule = plateau.schedule();  // follows what comes later
  const auto measures = reference<double>("schedule/plateau_" + name + "/measures");
  const auto expected = reference<double>("schedule/plateau_" + name + "/lr");
  double before = 0.1;
  for (Index i = 0; i < measures.size(); ++i) {
    INFO("check " << i);
    const bool falls = plateau.update(measures[i]);
    CHECK(schedule(i) == Approx(expected[i]).epsilon(1e-12));
    if (expected[i] != before) CHECK(falls);
    before = expected[i];
  }
}

}  // namespace

TEST_CASE("ReduceOnPlateau agrees with PyTorch, whose patience is one less") {
  follow("relative", {.factor = 0.5, .patience = 4, .threshold = 1e-3, .min_lr = 0.002});
  follow("absolute", {.patience = 3, .threshold = 0.01, .relative = false, .min_lr = 0.002});
  follow("maximum", {.factor = 0.5,
                     .patience = 2,
                     .relative = false,
                     .maximize = true,
                     .cooldown = 3,
                     .min_lr = 0.002});
}

TEST_CASE("ReduceOnPlateau lowers any schedule") {
  optim::ReduceOnPlateau plateau(optim::step(1.0, 10, 0.1), {.factor = 0.5, .patience = 1});
  const optim::Schedule schedule = plateau.schedule();
  CHECK_FALSE(plateau.update(2.0));
  CHECK(plateau.best() == 2.0);
  CHECK(plateau.update(2.0));
  CHECK(schedule(0) == 0.5);
  CHECK(schedule(10) == Approx(0.05));
}

TEST_CASE("ReduceOnPlateau names the option that is wrong and its value") {
  const auto make = [](const optim::PlateauOptions& options) {
    optim::ReduceOnPlateau(0.1, options);
  };
  CHECK_THROWS_WITH(make({.factor = 1.0}),
                    Contains("ReduceOnPlateau: factor") && Contains("got 1"));
  CHECK_THROWS_WITH(make({.patience = 0}), Contains("ReduceOnPlateau: patience") && Contains("0"));
  CHECK_THROWS_WITH(make({.threshold = std::nan("")}), Contains("threshold") && Contains("nan"));
  CHECK_THROWS_WITH(make({.threshold = 1.0}), Contains("threshold must be less than 1"));
  CHECK_THROWS_WITH(make({.cooldown = -1}), Contains("cooldown") && Contains("-1"));
  CHECK_THROWS_WITH(make({.min_lr = -1.0}), Contains("min_lr") && Contains("-1"));
}
