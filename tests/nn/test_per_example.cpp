// Gradients of single examples through the layers: against torch.func, and against one backward
// pass for each example.
#include <string>
#include <vector>

#include "catch.h"
#include "glissade/autograd/grad.h"
#include "glissade/autograd/per_example.h"
#include "glissade/nn/activations.h"
#include "glissade/nn/batch_norm.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/embedding.h"
#include "glissade/nn/flatten.h"
#include "glissade/nn/layer_norm.h"
#include "glissade/nn/linear.h"
#include "glissade/nn/loss.h"
#include "glissade/nn/prelu.h"
#include "glissade/nn/sequential.h"
#include "support/reference.h"

using namespace glissade;

namespace {

using V = Variable<double>;

Tensor<double> random(const Shape& shape, std::uint64_t seed) {
  Rng rng(seed);
  Tensor<double> x(shape);
  rng.fill_normal(x, 0.0, 1.0);
  return x;
}

void check_against_loop(const V& losses, const std::vector<V>& parameters) {
  const auto gradients = per_example_gradients(losses, parameters);
  for (Index i = 0; i < losses.size(); ++i) {
    const auto expected = grad(losses[i], parameters, {.retain_graph = true});
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      const Index size = parameters[k].size();
      REQUIRE(gradients[k].size() == losses.size() * size);
      for (Index j = 0; j < size; ++j) {
        CAPTURE(i, k, j);
        CHECK(gradients[k][i * size + j] ==
              Approx(expected[k].value()[j]).epsilon(1e-11).margin(1e-12));
      }
    }
  }
}

}  // namespace

TEST_CASE("per_example_gradients of layers of every kind, against torch.func") {
  const SafetensorsFile file(GLISSADE_TEST_DATA_DIR "/torch_functional_reference.safetensors");
  const std::string key = "functional/layers/";
  Rng rng(1);
  nn::Sequential<double> model{nn::Embedding<double>(7, 4, rng, {.padding_idx = 2}),
                               nn::Flatten<double>(),
                               nn::Linear<double>(12, 5, rng),
                               nn::LayerNorm<double>(5),
                               nn::PReLU<double>(5),
                               nn::Linear<double>(5, 5, rng, {.bias = false}),
                               nn::RMSNorm<double>(5, {.eps = 1e-6}),
                               nn::BatchNorm1d<double>(5),
                               nn::PReLU<double>(1),
                               nn::Linear<double>(5, 3, rng)};
  const auto named = model.named_parameters();
  std::vector<V> parameters;
  for (const auto& [name, parameter] : named) {
    V(parameter).mutable_value() = file.get<double>(key + name);
    parameters.push_back(parameter);
  }
  for (const auto& [name, buffer] : model.named_buffers()) *buffer = file.get<double>(key + name);
  model.eval();
  const Tensor<std::int32_t> ids = file.get<std::int32_t>(key + "ids");
  Tensor<double> numbers(ids.shape());
  std::copy(ids.begin(), ids.end(), numbers.begin());
  const V losses = nn::cross_entropy(model(V(numbers)), file.get<std::int32_t>(key + "labels"),
                                     {.reduction = nn::Reduction::none});
  const auto gradients = per_example_gradients(losses, parameters);
  for (std::size_t k = 0; k < named.size(); ++k) {
    CAPTURE(named[k].name);
    CHECK(relative_error(gradients[k], file.get<double>(key + "grad." + named[k].name), 1.0) <
          1e-10);
  }
}

TEST_CASE("per_example_gradients: layers with several rows for each example") {
  Rng rng(2);
  const V x(random(Shape{4, 5, 3}, 3));
  nn::LayerNorm<double> norm(3);
  nn::PReLU<double> one(1);
  nn::PReLU<double> many(5);
  nn::BatchNorm1d<double> batch_norm(5);
  batch_norm.running_mean = random(Shape{5}, 4);
  batch_norm.eval();
  nn::Dropout<double> dropout(0.3, rng);
  const V y = dropout(batch_norm(many(one(norm(x)))));
  std::vector<V> parameters{norm.weight, norm.bias,         one.weight,
                            many.weight, batch_norm.weight, batch_norm.bias};
  for (V& parameter : parameters) parameter.mutable_value() = random(parameter.shape(), 5);
  check_against_loop(sum(sum(square(y), 2), 1), parameters);
}

TEST_CASE("per_example_gradients refuses a batch normalisation in training") {
  Rng rng(3);
  nn::Sequential<double> model{nn::Linear<double>(3, 4, rng), nn::BatchNorm1d<double>(4),
                               nn::Linear<double>(4, 1, rng)};
  const V x(random(Shape{6, 3}, 6));
  const auto losses = [&] { return sum(square(model(x)), 1); };
  CHECK_THROWS_WITH(
      per_example_gradients(losses(), model.parameters()),
      Contains("'batch_norm', of shape (6, 4), makes examples depend on each other") &&
          Contains("in training, not in evaluation"));
  model.eval();
  check_against_loop(losses(), model.parameters());
}
