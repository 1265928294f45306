// Weights by the activation that follows them, for one layer and for whole models.
#include <cmath>

#include "catch.h"
#include "glissade/nn/batch_norm.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/flatten.h"
#include "glissade/nn/init.h"
#include "glissade/nn/layer_norm.h"
#include "glissade/nn/prelu.h"
#include "glissade/nn/residual.h"
#include "glissade/nn/sequential.h"

using namespace glissade;

namespace {

using Kind = Activation::Kind;

constexpr Index kIn = 300;
constexpr Index kOut = 200;
const double kXavier = 2.0 / (kIn + kOut);

double variance(const Variable<double>& weight) {
  double squares = 0.0;
  for (const double x : weight.value()) squares += x * x;
  return squares / static_cast<double>(weight.size());
}

double he(const Activation& activation, Index fan_in = kIn) {
  const double gain = nn::init::gain(activation);
  return gain * gain / static_cast<double>(fan_in);
}

nn::Linear<double> layer(Rng& rng, Index in = kIn, Index out = kOut) { return {in, out, rng}; }

// The variance of the weight of model[0] after the initialisation, if `modules` come after it.
template <class... M>
double variance_before(M&&... modules) {
  Rng rng(1);
  nn::Sequential model{layer(rng), std::forward<M>(modules)...};
  nn::init::for_activation(model, rng);
  return variance(model.parameters()[0]);
}

// A module of one's own, whose order of calls nobody knows.
struct Own : nn::Module<double> {
  nn::Linear<double> inside;
  explicit Own(Rng& rng) : inside(3, 3, rng) {}
  Variable<double> forward(const Variable<double>& x) override { return inside(x); }
  void members(nn::Members<double>& m) override { m.child("inside", inside); }
};

}  // namespace

TEST_CASE("a weight is filled as suits the activation after it") {
  Rng rng(1);
  Variable<double> weight = parameter(Tensor<double>({kOut, kIn}));
  for (const Activation& which :
       {Activation{Kind::relu}, Activation{Kind::leaky_relu, 0.3}, Activation{Kind::elu, 1.0},
        Activation{Kind::gelu}, Activation{Kind::silu}, Activation{Kind::softplus}}) {
    INFO(to_string(which.kind));
    nn::init::for_activation(weight, which, rng);
    CHECK(variance(weight) == Approx(he(which)).epsilon(0.03));
  }
  for (const Activation& which :
       {Activation{}, Activation{Kind::tanh}, Activation{Kind::sigmoid}}) {
    INFO(to_string(which.kind));
    nn::init::for_activation(weight, which, rng);
    CHECK(variance(weight) == Approx(kXavier).epsilon(0.03));
  }
  CHECK(he({Kind::relu}) == Approx(2.0 / kIn));
}

TEST_CASE("each Linear of a model is initialised by what follows it") {
  Rng rng(2);
  CHECK(variance_before(nn::ReLU<double>()) == Approx(2.0 / kIn).epsilon(0.03));
  CHECK(variance_before(nn::Tanh<double>()) == Approx(kXavier).epsilon(0.03));
  CHECK(variance_before() == Approx(kXavier).epsilon(0.03));
  CHECK(variance_before(nn::GELU<double>()) == Approx(he({Kind::gelu})).epsilon(0.03));
  CHECK(variance_before(nn::PReLU<double>(1, -0.5)) == Approx(2.0 / (1.25 * kIn)).epsilon(0.03));
  // Past what is no activation, but not past another layer or a softmax.
  CHECK(variance_before(nn::BatchNorm1d<double>(kOut), nn::Dropout<double>(0.5, rng),
                        nn::ReLU<double>()) == Approx(2.0 / kIn).epsilon(0.03));
  CHECK(variance_before(nn::LayerNorm<double>(kOut), nn::RMSNorm<double>(kOut),
                        nn::Flatten<double>(),
                        nn::ReLU<double>()) == Approx(2.0 / kIn).epsilon(0.03));
  CHECK(variance_before(layer(rng, kOut, 3), nn::ReLU<double>()) == Approx(kXavier).epsilon(0.03));
  CHECK(variance_before(nn::Softmax<double>(), nn::ReLU<double>()) ==
        Approx(kXavier).epsilon(0.03));
  // The activation may be in a Sequential after it.
  CHECK(variance_before(nn::Sequential{nn::ReLU<double>(), layer(rng, kOut, 3)}) ==
        Approx(2.0 / kIn).epsilon(0.03));
}

TEST_CASE("the layers in Sequentials and Residuals are initialised, others are left alone") {
  Rng rng(3);
  nn::Sequential<double> model;
  model.add(nn::Residual(
      nn::Sequential{layer(rng, kIn, kOut), nn::ReLU<double>(), layer(rng, kOut, kIn)}));
  model.add(nn::ReLU<double>()).add(Own(rng));
  const auto parameters = model.named_parameters();
  const auto named = [&](const std::string& name) {
    for (const auto& entry : parameters) {
      if (entry.name == name) return entry.parameter;
    }
    return Variable<double>();
  };
  const Tensor<double> own = named("2.inside.weight").value();
  nn::init::for_activation(model, rng);
  CHECK(variance(named("0.inner.0.weight")) == Approx(2.0 / kIn).epsilon(0.03));
  // Between it and the ReLU is the sum of the Residual.
  CHECK(variance(named("0.inner.2.weight")) == Approx(kXavier).epsilon(0.03));
  CHECK(variance(named("0.inner.0.bias")) == 0.0);
  CHECK(named("2.inside.weight").value() == own);
  CHECK(variance(named("2.inside.bias")) > 0.0);
}
