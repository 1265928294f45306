// What all optimizers have in common: groups, frozen parameters, schedules, state, errors.
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "catch.h"
#include "glissade/optim/adadelta.h"
#include "glissade/optim/adagrad.h"
#include "glissade/optim/adam.h"
#include "glissade/optim/adamax.h"
#include "glissade/optim/adamw.h"
#include "glissade/optim/lion.h"
#include "glissade/optim/muon.h"
#include "glissade/optim/nadam.h"
#include "glissade/optim/radam.h"
#include "glissade/optim/rmsprop.h"
#include "glissade/optim/sgd.h"

using namespace glissade;

namespace {

using Values = std::vector<double>;
using Variables = std::vector<Variable<double>>;

Variable<double> vector_of(const Values& values) {
  return parameter(Tensor<double>({static_cast<Index>(values.size())}, std::span(values)));
}

// Makes `gradient` the gradient of p.
void set_gradient(Variable<double>& p, const Values& gradient) {
  p.zero_grad();
  p.backward(Variable<double>(Tensor<double>(p.shape(), std::span(gradient))));
}

Values values_of(const Variable<double>& p) { return {p.value().begin(), p.value().end()}; }

// One step of x^2 + 2 y^2.
void descend(Variable<double>& p, optim::Optimizer<double>& optimizer) {
  optimizer.zero_grad();
  const Variable<double> x = p[0];
  const Variable<double> y = p[1];
  (x * x + 2.0 * y * y).backward();
  optimizer.step();
}

}  // namespace

TEST_CASE("descent on x^2 + 2 y^2 converges below 2/L and oscillates at it") {
  for (const double lr : {0.01, 0.1, 0.5}) {
    INFO("lr " << lr);
    Variable<double> p = vector_of({3.0, 4.0});
    optim::SGD descent(Variables{p}, {.lr = lr});
    double x = 3.0;
    double y = 4.0;
    for (int step = 0; step < 50; ++step) {
      descend(p, descent);
      x *= 1.0 - 2.0 * lr;
      y *= 1.0 - 4.0 * lr;
      CHECK(p.value()[0] == Approx(x).epsilon(1e-12));
      CHECK(p.value()[1] == Approx(y).epsilon(1e-12));
    }
  }
  Variable<double> p = vector_of({3.0, 4.0});
  optim::SGD descent(Variables{p}, {.lr = 0.5});
  descend(p, descent);
  CHECK(values_of(p) == Values{0.0, -4.0});
  descend(p, descent);
  CHECK(values_of(p) == Values{0.0, 4.0});
}

TEST_CASE("each optimizer makes the first step that its formula says") {
  const auto first_step = [](auto make) {
    Variable<double> p = vector_of({1.0, -2.0});
    auto optimizer = make(Variables{p});
    set_gradient(p, {0.5, -4.0});
    optimizer.step();
    return values_of(p);
  };
  CHECK(first_step([](Variables p) { return optim::SGD(p, {.lr = 0.1, .momentum = 0.9}); }) ==
        Values{1.0 - 0.1 * 0.5, -2.0 + 0.1 * 4.0});
  // s = 0.1 g^2, so that the step is lr / sqrt(0.1) in the direction of the sign.
  const Values rmsprop = first_step(
      [](Variables p) { return optim::RMSprop(p, {.lr = 0.1, .alpha = 0.9, .eps = 0.0}); });
  CHECK(rmsprop[0] == Approx(1.0 - std::sqrt(0.1)).epsilon(1e-14));
  CHECK(rmsprop[1] == Approx(-2.0 + std::sqrt(0.1)).epsilon(1e-14));
  // Adam's corrected means are g and g^2.
  const Values adam =
      first_step([](Variables p) { return optim::Adam(p, {.lr = 0.1, .eps = 1.0}); });
  CHECK(adam[0] == Approx(1.0 - 0.1 * 0.5 / 1.5).epsilon(1e-14));
  CHECK(adam[1] == Approx(-2.0 + 0.1 * 4.0 / 5.0).epsilon(1e-14));
  const Values adamw = first_step(
      [](Variables p) { return optim::AdamW(p, {.lr = 0.1, .eps = 1.0, .weight_decay = 0.5}); });
  CHECK(adamw[0] == Approx(0.95 - 0.1 * 0.5 / 1.5).epsilon(1e-14));
  CHECK(adamw[1] == Approx(-1.9 + 0.1 * 4.0 / 5.0).epsilon(1e-14));
}

TEST_CASE("groups have options and schedules of their own") {
  Variable<double> a = vector_of({1.0});
  Variable<double> b = vector_of({1.0});
  optim::SGD sgd(Variables{a}, {.lr = optim::step(0.5, 1, 0.5)});
  CHECK(sgd.add_group({b}, {.lr = 0.1, .weight_decay = 1.0}) == 1);
  CHECK(sgd.group_count() == 2);
  CHECK(sgd.parameters(1)[0].node() == b.node());
  CHECK(sgd.options(1).weight_decay == 1.0);
  set_gradient(a, {1.0});
  set_gradient(b, {1.0});
  CHECK(sgd.lr() == 0.5);
  CHECK(sgd.lr(1) == 0.1);
  sgd.step();
  CHECK(a.value()[0] == 0.5);
  CHECK(b.value()[0] == Approx(1.0 - 0.1 * 2.0));
  CHECK(sgd.lr() == 0.25);
  sgd.step();
  CHECK(a.value()[0] == 0.25);
  CHECK(sgd.step_count() == 2);
  sgd.set_lr(1.0, 0);
  CHECK(sgd.lr() == 1.0);
  CHECK(sgd.options().lr(100) == 1.0);
  sgd.set_options({.lr = 0.2}, 1);
  CHECK(sgd.options(1).weight_decay == 0.0);
  sgd.set_step_count(10);
  CHECK(sgd.step_count() == 10);
}

TEST_CASE("frozen parameters and those without a gradient stay as they are") {
  Variable<double> frozen = vector_of({1.0});
  Variable<double> unused = vector_of({2.0});
  Variable<double> used = vector_of({3.0});
  optim::AdamW adam(Variables{frozen, unused, used}, {.lr = 0.1, .weight_decay = 0.5});
  set_gradient(frozen, {1.0});
  set_gradient(used, {1.0});
  frozen.set_requires_grad(false);
  adam.step();
  CHECK(frozen.value()[0] == 1.0);
  CHECK(unused.value()[0] == 2.0);
  CHECK(used.value()[0] == Approx(3.0 * 0.95 - 0.1));
  CHECK(adam.states()[0].steps == 0);
  CHECK(adam.states()[2].steps == 1);
  // Unfrozen later: its bias correction begins with its own first update.
  frozen.set_requires_grad(true);
  set_gradient(frozen, {1.0});
  adam.step();
  CHECK(frozen.value()[0] == Approx(0.95 - 0.1));
  adam.zero_grad();
  CHECK(!frozen.has_grad());
  CHECK(!used.has_grad());
}

TEST_CASE("a copy of an optimizer, or its state, goes on as the original does") {
  Variable<double> p = vector_of({3.0, 4.0});
  optim::Adam adam(Variables{p}, {.lr = optim::exponential(0.1, 0.1), .amsgrad = true});
  for (int i = 0; i < 5; ++i) descend(p, adam);
  const optim::Adam saved = adam;
  const Tensor<double> start = p.value();
  for (int i = 0; i < 5; ++i) descend(p, adam);
  const Values end = values_of(p);

  p.mutable_value() = start;
  adam = saved;
  for (int i = 0; i < 5; ++i) descend(p, adam);
  CHECK(values_of(p) == end);

  Variable<double> q = vector_of({0.0, 0.0});
  q.mutable_value() = start;
  optim::Adam restored(Variables{q}, {.lr = optim::exponential(0.1, 0.1), .amsgrad = true});
  restored.state(0, 0) = saved.states()[0];
  restored.set_step_count(saved.step_count());
  for (int i = 0; i < 5; ++i) descend(q, restored);
  CHECK(values_of(q) == end);
}

TEST_CASE("centred RMSprop does not become NaN where the gradient is constant") {
  Variable<double> p = vector_of({1.0, 1.0, 1.0});
  optim::RMSprop rmsprop(Variables{p}, {.lr = 1e-9, .alpha = 0.5, .centered = true});
  set_gradient(p, {0.1, 1.0 / 3.0, -0.7});
  for (int i = 0; i < 200; ++i) rmsprop.step();
  for (const double value : values_of(p)) CHECK(std::isfinite(value));
}

TEST_CASE("averages that fade away do not become denormal, which would be slow") {
  Variable<float> p = parameter(Tensor<float>({1}, {1.0F}));
  optim::Adam adam(std::vector<Variable<float>>{p}, {.lr = 0.0});
  p.backward(Variable<float>(Tensor<float>({1}, {1e-18F})));
  adam.step();
  CHECK(std::fpclassify(adam.states()[0].square_mean[0]) == FP_ZERO);
  CHECK(adam.states()[0].mean[0] == Approx(1e-19));
  p.zero_grad();
  p.backward(Variable<float>(Tensor<float>({1}, {0.0F})));
  for (int i = 0; i < 2000; ++i) adam.step();
  CHECK(std::fpclassify(adam.states()[0].mean[0]) != FP_SUBNORMAL);
  CHECK(adam.states()[0].mean[0] < 1e-36F);
  // The caller's arithmetic is as before.
  volatile float tiny = std::numeric_limits<float>::min();
  tiny = tiny / 2.0F;
  CHECK(tiny > 0.0F);
}

TEST_CASE("empty parameters and scalars are parameters too") {
  Variable<double> none = parameter(Tensor<double>(Shape{0, 3}));
  Variable<double> one = parameter(Tensor<double>::scalar(2.0));
  optim::Adam adam(Variables{none, one}, {.lr = 0.5});
  (one * one + sum(none)).backward();
  adam.step();
  CHECK(one.item() == Approx(1.5));
}

TEST_CASE("parameters that cannot be optimized are errors that say which") {
  const Variable<double> a = vector_of({1.0, 2.0});
  const Variable<double> b = vector_of({1.0});
  CHECK_THROWS_WITH(optim::SGD(Variables{}, {}), Contains("SGD: group 0 has no parameters"));
  CHECK_THROWS_WITH(optim::Adam(Variables{a, Variable<double>()}, {}),
                    Contains("Adam: parameter 1 of group 0 is undefined"));
  CHECK_THROWS_WITH(optim::Adam(Variables{b, a, b}, {}),
                    Contains("parameter 2 of group 0, of shape (1), is given twice") &&
                        Contains("parameter 0 of group 0"));
  CHECK_THROWS_WITH(optim::RMSprop(Variables{a * 2.0}, {}),
                    Contains("RMSprop: parameter 0") && Contains("operation mul"));
  optim::AdamW adam(Variables{b, a});
  CHECK_THROWS_WITH(adam.add_group({a}), Contains("AdamW: parameter 0 of group 1") &&
                                             Contains("parameter 1 of group 0"));
  CHECK(adam.group_count() == 1);
  CHECK_THROWS_WITH(adam.lr(1), Contains("no group 1"));
  CHECK_THROWS_WITH(adam.parameters(7), Contains("no group 7"));
  CHECK_THROWS_WITH(adam.options(1), Contains("no group 1"));
  CHECK_THROWS_WITH(adam.state(0, 2), Contains("no number 2"));
  CHECK_THROWS_WITH(adam.set_step_count(-1), Contains("-1"));
}

TEST_CASE("Muon takes matrices only, and makes their steps orthogonal") {
  const Variable<double> vector = vector_of({1.0, 2.0});
  Variable<double> matrix = parameter(Tensor<double>({2, 3}));
  CHECK_THROWS_WITH(
      optim::Muon(Variables{matrix, vector}),
      Contains("Muon: parameter 1 of group 0 has the shape (2)") && Contains("only matrices"));
  // With (2, -1.5, 0.375) the iteration converges to the orthogonal matrix nearest to the gradient.
  optim::Muon muon(
      Variables{matrix},
      {.lr = 0.5, .weight_decay = 0.0, .ns_steps = 60, .ns_coefficients = {1.875, -1.25, 0.375}});
  CHECK_THROWS_WITH(muon.add_group({vector}), Contains("parameter 0 of group 1"));
  matrix.backward(Variable<double>(Tensor<double>({2, 3}, {3.0, 0.0, 0.0, 0.0, 0.0, -1e-3})));
  muon.step();
  const Values expected{-0.5, 0.0, 0.0, 0.0, 0.0, 0.5};
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(values_of(matrix)[i] == Approx(expected[i]).margin(1e-12));
  }
  // No gradient at all is no step, rather than 0 / 0.
  Variable<double> still = parameter(Tensor<double>::full({2, 2}, 1.0));
  optim::Muon quiet(Variables{still, parameter(Tensor<double>(Shape{0, 3}))},
                    {.weight_decay = 0.0});
  still.backward(Variable<double>(Tensor<double>({2, 2})));
  quiet.step();
  CHECK(values_of(still) == Values(4, 1.0));
}

TEST_CASE("Lion's steps have one length; a NaN shows") {
  Variable<double> p = vector_of({1.0, 1.0, 1.0, 1.0});
  optim::Lion lion(Variables{p}, {.lr = 0.25});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  set_gradient(p, {1e-9, -7.0, 0.0, nan});
  lion.step();
  CHECK(p.value()[0] == 0.75);
  CHECK(p.value()[1] == 1.25);
  CHECK(p.value()[2] == 1.0);
  CHECK(std::isnan(p.value()[3]));
}

TEST_CASE("options out of range are errors that name the option and its value") {
  const Variables p{vector_of({1.0})};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(optim::SGD(p, {.lr = -0.1}), Contains("lr") && Contains("-0.1"));
  CHECK_THROWS_WITH(optim::SGD(p, {.lr = nan}), Contains("lr") && Contains("nan"));
  CHECK_THROWS_WITH(optim::SGD(p, {.momentum = 1.0}), Contains("SGD: momentum") && Contains("1"));
  CHECK_THROWS_WITH(optim::SGD(p, {.dampening = -0.5}),
                    Contains("SGD: dampening") && Contains("-0.5"));
  CHECK_THROWS_WITH(optim::SGD(p, {.weight_decay = -1.0}),
                    Contains("SGD: weight_decay") && Contains("-1"));
  CHECK_THROWS_WITH(optim::SGD(p, {.nesterov = true}), Contains("nesterov needs momentum"));
  CHECK_THROWS_WITH(optim::SGD(p, {.momentum = 0.9, .dampening = 0.1, .nesterov = true}),
                    Contains("nesterov needs dampening = 0, got 0.1"));
  CHECK_THROWS_WITH(optim::RMSprop(p, {.alpha = 1.5}),
                    Contains("RMSprop: alpha") && Contains("1.5"));
  CHECK_THROWS_WITH(optim::RMSprop(p, {.eps = -1.0}), Contains("RMSprop: eps") && Contains("-1"));
  CHECK_THROWS_WITH(optim::RMSprop(p, {.weight_decay = nan}),
                    Contains("RMSprop: weight_decay") && Contains("nan"));
  CHECK_THROWS_WITH(optim::RMSprop(p, {.momentum = -0.9}),
                    Contains("RMSprop: momentum") && Contains("-0.9"));
  CHECK_THROWS_WITH(optim::Adam(p, {.beta1 = 1.0}), Contains("Adam: beta1") && Contains("got 1"));
  CHECK_THROWS_WITH(optim::Adam(p, {.beta2 = -0.1}), Contains("Adam: beta2") && Contains("-0.1"));
  CHECK_THROWS_WITH(optim::Adam(p, {.eps = nan}), Contains("Adam: eps") && Contains("nan"));
  CHECK_THROWS_WITH(optim::Adam(p, {.weight_decay = -3.0}),
                    Contains("Adam: weight_decay") && Contains("-3"));
  CHECK_THROWS_WITH(optim::AdamW(p, {.beta1 = nan}), Contains("AdamW: beta1") && Contains("nan"));
  CHECK_THROWS_WITH(optim::Adagrad(p, {.lr_decay = -1.0}), Contains("Adagrad: lr_decay"));
  CHECK_THROWS_WITH(optim::Adagrad(p, {.initial_accumulator_value = nan}),
                    Contains("Adagrad: initial_accumulator_value") && Contains("nan"));
  CHECK_THROWS_WITH(optim::Adadelta(p, {.rho = 1.0}), Contains("Adadelta: rho"));
  CHECK_THROWS_WITH(optim::Adamax(p, {.beta2 = 1.0}), Contains("Adamax: beta2"));
  CHECK_THROWS_WITH(optim::NAdam(p, {.momentum_decay = -0.1}), Contains("NAdam: momentum_decay"));
  CHECK_THROWS_WITH(optim::RAdam(p, {.eps = -1.0}), Contains("RAdam: eps") && Contains("-1"));
  CHECK_THROWS_WITH(optim::Lion(p, {.beta1 = 1.0}), Contains("Lion: beta1") && Contains("got 1"));
  CHECK_THROWS_WITH(optim::Lion(p, {.weight_decay = nan}), Contains("Lion: weight_decay"));
  const Variables m{parameter(Tensor<double>({2, 2}))};
  CHECK_THROWS_WITH(optim::Muon(m, {.momentum = 1.0}), Contains("Muon: momentum"));
  CHECK_THROWS_WITH(optim::Muon(m, {.ns_steps = 100}),
                    Contains("Muon: ns_steps must be in [1, 99]"));
  CHECK_THROWS_WITH(optim::Muon(m, {.ns_coefficients = {1.0, nan, 1.0}}),
                    Contains("Muon: ns_coefficients must be finite, got nan"));
  CHECK_THROWS_WITH(optim::Muon(m, {.eps = 0.0}), Contains("Muon: eps"));
  CHECK_THROWS_WITH(optim::Muon(m, {.adjust_lr = static_cast<optim::AdjustLr>(7)}),
                    Contains("Muon: adjust_lr") && Contains("7"));
  optim::AdamW adam(p);
  CHECK_THROWS_WITH(adam.set_options({.weight_decay = -1.0}), Contains("AdamW: weight_decay"));
  CHECK(adam.options().weight_decay == 0.01);
}

TEST_CASE("a step that cannot be made changes nothing") {
  Variable<double> a = vector_of({1.0});
  Variable<double> b = vector_of({1.0});
  optim::SGD sgd(Variables{a}, {.lr = 0.1});
  sgd.add_group({b}, {.lr = [](std::int64_t t) { return t == 0 ? 0.1 : -1.0; }});
  set_gradient(a, {1.0});
  set_gradient(b, {1.0});
  sgd.step();
  CHECK_THROWS_WITH(sgd.step(), Contains("-1") && Contains("step 1") && Contains("SGD, group 1"));
  CHECK(sgd.step_count() == 1);
  CHECK(a.value()[0] == Approx(0.9));
  sgd.set_lr(0.1, 1);
  b.mutable_value() = Tensor<double>({2}, {1.0, 2.0});
  CHECK_THROWS_WITH(sgd.step(),
                    Contains("parameter 0 of group 1") && Contains("(1)") && Contains("(2)"));
  CHECK(a.value()[0] == Approx(0.9));
}

namespace {

// The example of optimizer.h.
struct SignDescentOptions {
  optim::Schedule lr = 0.01;
  void check() const {}
};
struct NoState {};
template <class T>
class SignDescent : public optim::OptimizerWith<T, SignDescentOptions, NoState> {
 public:
  explicit SignDescent(std::vector<Variable<T>> parameters, SignDescentOptions options = {})
      : optim::OptimizerWith<T, SignDescentOptions, NoState>("SignDescent", std::move(parameters),
                                                             std::move(options)) {}

 private:
  void update_one(const SignDescentOptions&, double lr, const Tensor<T>& g, NoState&,
                  Tensor<T>& w) override {
    for (Index i = 0; i < w.size(); ++i) w[i] -= std::copysign(static_cast<T>(lr), g[i]);
  }
};

}  // namespace

TEST_CASE("a user writes an optimizer in a dozen lines") {
  Variable<double> p = vector_of({1.0, 1.0});
  SignDescent descent(Variables{p}, {.lr = 0.25});
  set_gradient(p, {1e-9, -7.0});
  descent.step();
  CHECK(values_of(p) == Values{0.75, 1.25});
}
