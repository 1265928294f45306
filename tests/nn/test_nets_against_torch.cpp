// Whole networks with every activation against PyTorch: outputs, gradients, Hessian-vector products
// and gradient penalties.
#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "glissade/autograd/grad.h"
#include "glissade/core/rng.h"
#include "glissade/nn/loss.h"
#include "glissade/nn/sequential.h"
#include "support/reference.h"

using namespace glissade;

namespace {

template <class T>
std::shared_ptr<nn::Module<T>> activation_named(const std::string& name) {
  if (name == "relu") return std::make_shared<nn::ReLU<T>>();
  if (name == "leaky_relu") return std::make_shared<nn::LeakyReLU<T>>();
  if (name == "elu") return std::make_shared<nn::ELU<T>>();
  if (name == "gelu") return std::make_shared<nn::GELU<T>>();
  if (name == "silu") return std::make_shared<nn::SiLU<T>>();
  if (name == "tanh") return std::make_shared<nn::Tanh<T>>();
  if (name == "sigmoid") return std::make_shared<nn::Sigmoid<T>>();
  if (name == "softplus") return std::make_shared<nn::Softplus<T>>();
  return nullptr;
}

template <class T>
nn::Sequential<T> network(const std::string& key, const std::string& activation) {
  Rng rng(1);
  nn::Sequential<T> model{nn::Linear<T>(5, 8, rng)};
  model.add(activation_named<T>(activation)).add(nn::Linear<T>(8, 6, rng));
  model.add(activation_named<T>(activation)).add(nn::Linear<T>(6, 3, rng));
  for (auto& [name, parameter] : model.named_parameters()) {
    parameter.mutable_value() = reference<T>(key + "/" + name);
  }
  return model;
}

// float32: relative to the largest element of a tensor, since gradients are sums that cancel.
template <class T>
void check_close(const std::string& key, const Variable<T>& actual) {
  INFO(key);
  const double floor = sizeof(T) == sizeof(double) ? 1e-5 : 1.0;
  CHECK(relative_error(actual.value(), reference<T>(key), floor) < kTolerance<T>);
}

template <class T>
void compare(const std::string& key, const std::string& activation) {
  nn::Sequential<T> model = network<T>(key, activation);
  Variable<T> input(reference<T>(key + "/input"), true);
  const auto labels = reference<std::int32_t>(key + "/labels");
  const Variable<T> logits = model(input);
  check_close(key + "/logits", logits);
  const Variable<T> loss = nn::cross_entropy(logits, labels);
  check_close(key + "/loss", loss);

  // The fast rules.
  loss.backward({.retain_graph = true});
  const auto named = model.named_parameters();
  for (const auto& [name, parameter] : named) check_close(key + "/grad/" + name, parameter.grad());
  check_close(key + "/grad/input", input.grad());

  // The differentiable rules, and through them the second order.
  std::vector<Variable<T>> parameters = model.parameters();
  const auto gradients = grad(loss, parameters, {.create_graph = true});
  Variable<T> along(Tensor<T>::scalar(T{}));
  for (std::size_t i = 0; i < named.size(); ++i) {
    check_close(key + "/grad/" + named[i].name, gradients[i]);
    along += sum(gradients[i] * Variable<T>(reference<T>(key + "/v/" + named[i].name)));
  }
  const auto products = grad(along, parameters);
  for (std::size_t i = 0; i < named.size(); ++i) {
    check_close(key + "/hvp/" + named[i].name, products[i]);
  }

  // The gradient penalty.
  parameters.push_back(input);
  const Variable<T> slope = grad(sum(model(input)), {input}, {.create_graph = true}).front();
  check_close(key + "/penalty/slope", slope);
  const Variable<T> penalty = mean(square(sqrt(sum(square(slope), 1)) - 1.0));
  check_close(key + "/penalty/value", penalty);
  const auto of_penalty = grad(penalty, parameters, {.allow_unused = true});
  for (std::size_t i = 0; i < named.size(); ++i) {
    check_close(key + "/penalty/grad/" + named[i].name, of_penalty[i]);
  }
  check_close(key + "/penalty/grad/input", of_penalty.back());
}

}  // namespace

TEST_CASE("networks with every activation agree with PyTorch up to the second order") {
  for (const char* activation :
       {"relu", "tanh", "sigmoid", "gelu", "silu", "leaky_relu", "elu", "softplus"}) {
    compare<double>(std::string("nets/") + activation, activation);
  }
}

TEST_CASE("networks in float32 agree with PyTorch up to the second order") {
  for (const char* activation : {"relu", "tanh"}) {
    compare<float>(std::string("nets_f32/") + activation, activation);
  }
}
