// Anomaly mode: the first operation that made a NaN or an infinity, with its layer and step.
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "catch.h"
#include "glissade/autograd/anomaly.h"
#include "glissade/autograd/grad.h"
#include "glissade/nn/layer_norm.h"
#include "glissade/nn/linear.h"
#include "glissade/nn/loss.h"
#include "glissade/nn/sequential.h"

using namespace glissade;

namespace {

template <class Function>
AnomalyError caught(const Function& function) {
  try {
    function();
  } catch (const AnomalyError& error) {
    return error;
  }
  FAIL("no AnomalyError");
  throw std::logic_error("unreachable");
}

Variable<double> leaf(std::initializer_list<double> values) {
  return parameter(Tensor<double>(Shape{static_cast<Index>(values.size())}, values));
}

struct Log : nn::Module<double> {
  Variable<double> forward(const Variable<double>& x) override { return log(x); }
};

}  // namespace

TEST_CASE("anomaly: the operation that made it, not the ones after it") {
  const auto x = leaf({1.0, 0.0, 2.0});
  CHECK_NOTHROW(sum(square(log(x) * 2.0)));  // not in anomaly mode
  AnomalyMode anomaly;
  anomaly.set_step(17);
  const auto error = caught([&] { sum(square(log(x) * 2.0)); });
  CHECK(error.operation() == "log");
  CHECK(error.where().empty());
  CHECK(error.step() == 17);
  CHECK(std::string(error.what()) ==
        "anomaly: log of finite numbers is -inf at element 1 of shape (3), at step 17");
}

TEST_CASE("anomaly: the layer is named") {
  Rng rng(1);
  nn::Sequential<double> model{nn::Linear<double>(2, 2, rng), Log(), nn::Linear<double>(2, 1, rng)};
  model.parameters()[0].mutable_value().fill(-1.0);
  const Variable<double> x(Tensor<double>(Shape{1, 2}, {3.0, 4.0}));
  const AnomalyMode anomaly;
  const auto error = caught([&] { model(x); });
  CHECK(error.operation() == "log");
  CHECK_THAT(error.where(), StartsWith("Sequential > 1: "));
  CHECK(error.step() == -1);
}

TEST_CASE("anomaly: a gradient, with the layer of its operation") {
  struct Root : nn::Module<double> {
    Variable<double> forward(const Variable<double>& x) override { return sqrt(x); }
  };
  nn::Sequential<double> model{Root()};
  const auto x = leaf({4.0, 0.0});
  const AnomalyMode anomaly;
  const Variable<double> y = sum(model(x) * 3.0);  // finite
  const auto error = caught([&] { y.backward(); });
  CHECK(error.operation() == "sqrt");
  CHECK_THAT(error.where(), StartsWith("Sequential > 0: "));
  CHECK_THAT(error.what(), Contains("the gradient of input 0 of sqrt is inf at element 1"));
  // Through the same graph again: the pass has been cleaned up.
  CHECK_THROWS_AS(sum(sqrt(x)).backward(), AnomalyError);
}

TEST_CASE("anomaly: a leaf that was not finite before, a fused layer, and a loss") {
  Rng rng(2);
  nn::Linear<float> layer(2, 3, rng);
  const Variable<float> x(Tensor<float>(Shape{1, 2}, {1.0F, 2.0F}));
  {
    const AnomalyMode anomaly;
    layer.weight.mutable_value()(1, 1) = std::numeric_limits<float>::quiet_NaN();
    const auto error = caught([&] { layer(x, {.kind = Activation::Kind::relu}); });
    CHECK(error.operation() == "leaf");
    CHECK_THAT(error.what(), Contains("input 1 of linear was not finite before: nan at element 3"));
    layer.weight.mutable_value()(1, 1) = 3e38F;
    CHECK(caught([&] { layer(x); }).operation() == "linear");
    const Variable<float> p = parameter(Tensor<float>(Shape{1}, {1e30F}));
    CHECK(caught([&] { nn::mse_loss(p, Variable<float>(Tensor<float>(Shape{1}))); }).operation() ==
          "mse_loss");
  }
  CHECK_NOTHROW(layer(x));  // over
}

TEST_CASE("anomaly: finite training says nothing, also to second order, and modes nest") {
  const auto x = leaf({0.5, 1.5});
  const AnomalyMode outer;
  {
    const AnomalyMode inner;
    const auto g = grad(sum(exp(x) * x), {x}, {.create_graph = true});
    CHECK_NOTHROW(sum(square(g[0])).backward());
  }
  CHECK_THROWS_AS(log(x - 0.5), AnomalyError);
}

TEST_CASE("anomaly: a normalisation has its name") {
  nn::LayerNorm<double> norm(3, {.eps = 0.0});
  const Variable<double> x(Tensor<double>(Shape{1, 3}, {2.0, 2.0, 2.0}), true);
  const AnomalyMode anomaly;
  CHECK(caught([&] { norm(x); }).operation() == "layer_norm");
}
