// The training doctor: what it checks before, what it finds in single runs, anomalies of use, and
// the rollback. examples/training_doctor has the set of runs on which it is judged.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

#include "catch.h"
#include "glissade/nn/doctor.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/linear.h"
#include "glissade/nn/loss.h"
#include "glissade/nn/sequential.h"

using namespace glissade;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

nn::Sequential<double> small_model(std::uint64_t seed = 1) {
  Rng rng(seed);
  return nn::Sequential<double>{nn::Linear<double>(2, 4, rng), nn::ReLU<double>(),
                                nn::Linear<double>(4, 3, rng)};
}

Tensor<double> normal(const Shape& shape, double scale = 1.0) {
  Rng rng(7);
  Tensor<double> x(shape);
  rng.fill_normal(x, 0.0, scale);
  return x;
}

// Descent on ½ Σ curvature w² by hand, with the doctor looking on.
struct Quadratic : nn::Module<double> {
  Variable<double> w = parameter(Tensor<double>(Shape{1, 2}, {1.0, 1.0}));
  Tensor<double> counter{Shape{1}};

  Variable<double> forward(const Variable<double>& x) override { return sum(square(w * x)) * 0.5; }
  void members(nn::Members<double>& m) override {
    m.parameter("w", w);
    m.buffer("counter", counter);
  }
  void descend(double lr) {
    const Tensor<double> g = w.grad().value();
    for (Index i = 0; i < 2; ++i) w.mutable_value()[i] -= lr * g[i];
    counter[0] += 1.0;
  }
};

}  // namespace

TEST_CASE("doctor: inputs that are not scaled, and inputs that are") {
  auto model = small_model();
  nn::TrainingDoctor<double> doctor(model);
  CHECK_FALSE(doctor.check_inputs(normal(Shape{50, 2})));
  const auto large = doctor.check_inputs(normal(Shape{50, 2}, 200.0));
  REQUIRE(large);
  CHECK(large->trouble == nn::Trouble::unscaled_inputs);
  CHECK(large->step == -1);
  CHECK_THAT(large->remedy, Contains("nn::standardize"));
  Tensor<double> shifted = normal(Shape{50, 2});
  for (Index i = 0; i < 50; ++i) shifted(i, 1) += 100.0;
  CHECK_THAT(doctor.check_inputs(shifted)->message,
             Contains("Column 1 of the inputs has the mean 99.9"));
  CHECK(doctor.check_inputs(normal(Shape{50, 2}, 1e-3)));
  Tensor<double> one_hot(Shape{600, 600});
  for (Index i = 0; i < 600; ++i) one_hot(i, i) = 1.0;
  CHECK_FALSE(doctor.check_inputs(one_hot));
  CHECK(doctor.findings().size() == 3);
  Tensor<double> bad = normal(Shape{5, 2});
  bad(3, 1) = kNaN;
  CHECK_THROWS_WITH(doctor.check_inputs(bad), Contains("row 3, column 1 of the inputs is nan"));
  CHECK_THROWS_WITH(doctor.check_inputs(Tensor<double>(Shape{0, 2})), Contains("no inputs"));
}

TEST_CASE("doctor: labels out of range") {
  auto model = small_model();
  nn::TrainingDoctor<double> doctor(model);
  CHECK_FALSE(doctor.check_labels(Tensor<std::int32_t>(Shape{3}, {0, 1, 2}), 3));
  const auto finding = doctor.check_labels(Tensor<std::int32_t>(Shape{3}, {0, 3, -1}), 3);
  CHECK(finding->trouble == nn::Trouble::labels_out_of_range);
  CHECK_THAT(finding->message, Contains("Label 1 is 3, but with 3 classes labels are 0 to 2"));
  CHECK(doctor.check_labels(Tensor<std::int32_t>(Shape{1}, {-1}), 3));
}

TEST_CASE("doctor: a softmax before cross_entropy, seen in evaluation mode") {
  const Variable<double> x(normal(Shape{5, 2}));
  auto model = small_model();
  nn::TrainingDoctor<double> doctor(model);
  CHECK_FALSE(doctor.check_logits(x));
  Rng rng(2);
  auto with_softmax = small_model();
  with_softmax.add(nn::Softmax<double>());
  with_softmax.add(nn::Dropout<double>(0.5, rng));
  with_softmax[0].train(false);
  nn::TrainingDoctor<double> second(with_softmax);
  CHECK(second.check_logits(x)->trouble == nn::Trouble::softmax_before_cross_entropy);
  // Every module is in its own mode again.
  CHECK(with_softmax.is_training());
  CHECK_FALSE(with_softmax[0].is_training());
  CHECK(with_softmax[4].is_training());
}

TEST_CASE("doctor: rates above 2/L, with L from Hessian-vector products") {
  Quadratic model;
  const Variable<double> x(Tensor<double>(Shape{1, 2}, {2.0, 0.5}));  // curvatures 4 and 0.25
  const auto loss = [&] { return model(x); };
  CHECK(nn::largest_curvature<double>(loss, model.parameters()) == Approx(4.0));
  nn::TrainingDoctor<double> doctor(model);
  CHECK_FALSE(doctor.check_rate(loss, 0.499));
  const auto finding = doctor.check_rate(loss, 0.501);
  REQUIRE(finding);
  CHECK(finding->trouble == nn::Trouble::rate_too_large);
  CHECK_THAT(finding->message, Contains("above 0.5 = 2/L, with the largest curvature L = 4"));
  CHECK_FALSE(doctor.check_rate(loss, 0.9, 0.9));
  CHECK(doctor.check_rate(loss, 0.96, 0.9));
  CHECK_THROWS_WITH(doctor.check_rate(loss, -1.0), Contains("lr") && Contains("-1"));
  CHECK_THROWS_WITH(doctor.check_rate(loss, 1.0, 1.0),
                    Contains("momentum must be in [0, 1), got 1"));
  // The highest curvature, not the largest in magnitude: x² - 4 y² + cross terms.
  const auto saddle = [&] {
    return sum(square(model.w) * Variable<double>(Tensor<double>(Shape{1, 2}, {1.0, -4.0})));
  };
  CHECK(nn::largest_curvature<double>(saddle, model.parameters()) == Approx(2.0));
}

TEST_CASE("doctor: a divergence is rolled back with a smaller rate, until it converges") {
  Quadratic model;
  const Variable<double> x(Tensor<double>(Shape{1, 2}, {2.0, 0.5}));
  nn::TrainingDoctor<double> doctor(model, {.rollback = true});
  int rollbacks = 0;
  double loss = 0.0;
  for (int step = 0; step < 300; ++step) {
    model.zero_grad();
    const Variable<double> cost = model(x);
    cost.backward();
    loss = cost.item();
    const nn::Checkup checkup = doctor.observe(loss);
    if (checkup.rolled_back) {
      ++rollbacks;
      CHECK(checkup.findings.at(0).trouble == nn::Trouble::diverging);
      // The start is the only good state, the buffer included.
      CHECK(model.w.value() == Tensor<double>(Shape{1, 2}, {1.0, 1.0}));
      CHECK(model.counter[0] == 0.0);
      continue;
    }
    model.descend(1.5 * doctor.lr_scale());  // 2/L is 0.5
  }
  CHECK(rollbacks == 2);
  CHECK(doctor.lr_scale() == 0.25);
  CHECK(loss < 1e-6);
}

TEST_CASE("doctor: a loss that is not finite, and a gradient that is not") {
  Quadratic model;
  {
    nn::TrainingDoctor<double> doctor(model);
    CHECK(doctor.observe(1.0).findings.empty());
    const auto checkup = doctor.observe(kNaN);
    CHECK(checkup.findings.at(0).trouble == nn::Trouble::diverging);
    CHECK(checkup.findings.at(0).step == 1);
    CHECK_FALSE(checkup.rolled_back);
    CHECK(doctor.observe(kNaN).findings.empty());  // told once
    CHECK_THAT(doctor.report(), StartsWith("diverging (step 1): The loss is nan"));
  }
  model.w.mutable_value()[0] = std::numeric_limits<double>::infinity();
  const Variable<double> x(Tensor<double>(Shape{1, 2}, {1.0, 1.0}));
  model(x).backward();
  nn::TrainingDoctor<double> doctor(model);
  CHECK(doctor.observe(1.0).findings.at(0).trouble == nn::Trouble::exploding);
}

TEST_CASE("doctor: a sudden gradient explodes, and dead units are named with their layer") {
  auto model = small_model();
  const Variable<double> x(normal(Shape{8, 2}));
  nn::TrainingDoctor<double> doctor(model, {.window = 10});
  for (auto& parameter : model.parameters()) {
    if (parameter.rank() == 1 && parameter.size() == 4) parameter.mutable_value().fill(-50.0);
  }
  bool found_dead = false;
  bool found_spike = false;
  for (int step = 0; step < 30; ++step) {
    model.zero_grad();
    doctor.begin_step();
    const Variable<double> y = model(x);
    sum(y * (step == 25 ? 1e5 : 1.0)).backward();
    for (const nn::Finding& finding : doctor.observe(1.0 / (1.0 + step)).findings) {
      if (finding.trouble == nn::Trouble::dead_units) {
        found_dead = true;
        CHECK(finding.layer == "1");
        CHECK_THAT(finding.message, StartsWith("4 of 4 units of the ReLU layer '1'"));
      }
      if (finding.trouble == nn::Trouble::exploding) {
        found_spike = true;
        CHECK(finding.step == 25);
        CHECK_THAT(finding.message, Contains("1e+05 times the usual one"));
        CHECK_THAT(finding.remedy, Contains("clip_grad_norm"));
      }
    }
  }
  CHECK(found_dead);
  CHECK(found_spike);
}

TEST_CASE("doctor: two that watch in turn, other models, and calls that vary") {
  auto model = small_model();
  auto teacher = small_model(2);
  for (auto& parameter : teacher.parameters()) parameter.mutable_value().fill(-1.0);
  Tensor<double> ones(Shape{4, 2});
  ones.fill(1.0);
  const Variable<double> x(ones);
  {
    nn::TrainingDoctor<double> a(model, {.window = 10});
    nn::TrainingDoctor<double> b(teacher, {.window = 10});
    for (int step = 0; step < 15; ++step) {
      a.begin_step();
      b.begin_step();
      model(x);
      if (step == 0) model(x);  // a second call, which never comes again
      teacher(x);               // dead from the start
      a.observe(1.0 / (1 + step));
      b.observe(1.0);
    }
    CHECK(a.report() == "healthy: nothing found in 15 steps\n");
    REQUIRE(b.findings().size() == 1);
    CHECK(b.findings()[0].trouble == nn::Trouble::dead_units);
  }
  CHECK_NOTHROW(model(x));  // nobody watches any more
}

TEST_CASE(
    "doctor: noisy losses, losses around zero, and losses that are mostly zero are no trouble") {
  auto model = small_model();
  Rng rng(3);
  for (int kind = 0; kind < 4; ++kind) {
    for (int run = 0; run < 10; ++run) {
      nn::TrainingDoctor<double> doctor(model, {.rollback = true});
      for (int step = 0; step < 400; ++step) {
        const double z = rng.normal();
        const double fall = -3.0 * step / 400.0;
        const double losses[] = {std::exp(0.5 * z), z, std::max(0.0, z - 1.5), fall + 0.05 * z};
        doctor.observe(losses[kind]);
      }
      INFO("kind " << kind << ", run " << run << ": " << doctor.report());
      CHECK(doctor.findings().empty());
      CHECK(doctor.lr_scale() == 1.0);
    }
  }
}

TEST_CASE("doctor: bad data is not rolled back for ever") {
  auto model = small_model();
  nn::TrainingDoctor<double> doctor(model, {.rollback = true, .max_rollbacks = 3});
  int rollbacks = 0;
  for (int step = 0; step < 100; ++step) {
    rollbacks += doctor.observe(step % 10 == 9 ? kNaN : 1.0 / (1 + step)).rolled_back ? 1 : 0;
  }
  CHECK(rollbacks == 3);
  CHECK(doctor.lr_scale() == 0.125);
  INFO(doctor.report());
  REQUIRE(doctor.findings().size() == 3);
  CHECK_THAT(doctor.findings()[2].message, Contains("the last one: look at the data"));
}

TEST_CASE("doctor: weights that are all zero, and models of vectors only") {
  auto model = small_model();
  model.parameters()[0].mutable_value().fill(0.0);
  nn::TrainingDoctor<double> doctor(model);
  const Variable<double> x(normal(Shape{8, 2}));
  for (int step = 0; step < 5; ++step) {
    model.zero_grad();
    sum(square(model(x))).backward();
    doctor.observe(1.0);
  }
  CHECK(doctor.findings().empty());
}

TEST_CASE("largest_curvature: eigenvalues of opposite signs, and a product that is not finite") {
  const auto w = parameter(Tensor<double>(Shape{2}, {0.1, 0.2}));
  const std::function<Variable<double>()> product = [&] { return w[0] * w[1]; };
  CHECK(nn::largest_curvature(product, {w}) == Approx(1.0).epsilon(1e-4));
  const std::function<Variable<double>()> hill = [&] { return neg(sum(square(w))); };
  CHECK(nn::largest_curvature(hill, {w}) == Approx(-2.0));
  const auto zero = parameter(Tensor<double>(Shape{1}, {0.0}));
  const std::function<Variable<double>()> kink = [&] { return sum(pow(zero, 1.5)); };
  CHECK_THROWS_WITH(nn::largest_curvature(kink, {zero}), Contains("is not finite"));
}

TEST_CASE("doctor: healthy is said so, and options are checked") {
  auto model = small_model();
  CHECK(nn::TrainingDoctor<double>(model).report() == "healthy: nothing found in 0 steps\n");
  const auto make = [&](const nn::DoctorOptions& options) {
    nn::TrainingDoctor<double>(model, options);
  };
  CHECK_THROWS_WITH(make({.window = 9}), Contains("window must be at least 10, got 9"));
  CHECK_THROWS_WITH(make({.layer_ratio = 1.0}), Contains("layer_ratio") && Contains("got 1"));
  CHECK_THROWS_WITH(make({.spike = kNaN}), Contains("spike") && Contains("nan"));
  CHECK_THROWS_WITH(make({.dead_share = 1.0}), Contains("dead_share must be in (0, 1), got 1"));
  CHECK_THROWS_WITH(make({.reversal = 0.5}), Contains("reversal must be in (-1, 0), got 0.5"));
  CHECK_THROWS_WITH(make({.long_step = 0.0}), Contains("long_step") && Contains("got 0"));
  CHECK_THROWS_WITH(make({.stall = 0.0}), Contains("stall must be in (0, 1), got 0"));
  CHECK_THROWS_WITH(make({.max_rollbacks = 0}), Contains("max_rollbacks") && Contains("got 0"));
  CHECK_THROWS_WITH(make({.rollback_factor = 2.0}),
                    Contains("rollback_factor") && Contains("got 2"));
  nn::ReLU<double> empty;
  CHECK_THROWS_WITH(nn::TrainingDoctor<double>(empty), Contains("has no parameters"));
  CHECK(to_string(nn::Trouble::rate_too_large) == "rate_too_large");
}
