// gradcheck on layers, losses and whole models, as functions of their parameters.

#include "catch.h"
#include "glissade/autograd/gradcheck.h"
#include "glissade/autograd/operation.h"
#include "glissade/core/rng.h"
#include "glissade/nn/activations.h"
#include "glissade/nn/batch_norm.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/layer_norm.h"
#include "glissade/nn/linear.h"
#include "glissade/nn/loss.h"
#include "glissade/nn/sequential.h"

using namespace glissade;

namespace {

Tensor<double> normal(const Shape& shape, std::uint64_t seed) {
  Tensor<double> tensor(shape);
  Rng(seed).fill_normal(tensor, 0.0, 1.0);
  return tensor;
}

Tensor<std::int32_t> labels(Index count, std::int32_t classes) {
  Tensor<std::int32_t> tensor({count});
  for (Index i = 0; i < count; ++i) tensor[i] = static_cast<std::int32_t>(i) % classes;
  return tensor;
}

}  // namespace

TEST_CASE("gradcheck: models with normalisations and a loss, to second order") {
  Rng rng(1);
  nn::Sequential<double> model{nn::Linear<double>(5, 8, rng), nn::BatchNorm1d<double>(8),
                               nn::Tanh<double>(), nn::LayerNorm<double>(Shape{8}),
                               nn::Linear<double>(8, 3, rng)};
  const Variable<double> x = normal({7, 5}, 2);
  const auto loss = [&] { return nn::cross_entropy(model(x), labels(7, 3)); };
  const GradcheckResult first = gradcheck(loss, model.parameters(), {.name = "the model"});
  INFO(first.message);
  CHECK(first.passed);
  CHECK(first.compared == 2 * model.parameter_count());
  const GradcheckResult second = gradgradcheck(loss, model.parameters());
  INFO(second.message);
  CHECK(second.passed);
}

TEST_CASE("gradcheck: a model with many parameters, whole and with one element wrong") {
  Rng rng(3);
  nn::Linear<double> first(60, 40, rng);
  nn::Linear<double> second(40, 10, rng);
  const Variable<double> x = normal({16, 60}, 4);
  bool zeroed = false;
  const auto loss = [&] {
    Variable<double> weight = first.weight;
    if (zeroed) {
      Tensor<double> mask = Tensor<double>::full(weight.shape(), 1.0);
      mask(17, 23) = 0.0;
      weight = operation("zeroed", weight.value(), {weight},
                         [mask](const auto& grad, const auto&, const auto&) {
                           return grad * Variable<double>(mask);
                         });
    }
    const Variable<double> hidden = relu(linear(x, weight, first.bias));
    return nn::cross_entropy(second(hidden), labels(16, 10));
  };
  std::vector<Variable<double>> parameters = first.parameters();
  for (const auto& parameter : second.parameters()) parameters.push_back(parameter);
  const GradcheckResult right = gradcheck(loss, parameters);
  INFO(right.message);
  CHECK(right.passed);
  zeroed = true;
  const GradcheckResult wrong = gradcheck(loss, parameters);
  CHECK(wrong.status == GradcheckStatus::failed);
  CHECK_THAT(wrong.message, Contains("projection on a random direction"));
}

TEST_CASE("gradcheck: dropout in training is not deterministic, in evaluation it is") {
  Rng rng(5);
  nn::Sequential<double> model{nn::Linear<double>(4, 6, rng), nn::Dropout<double>(0.5, rng)};
  const Variable<double> x = normal({3, 4}, 6);
  const auto loss = [&] { return mean(square(model(x))); };
  CHECK(gradcheck(loss, model.parameters()).status == GradcheckStatus::not_deterministic);
  model.eval();
  CHECK(gradcheck(loss, model.parameters()).passed);
}
