// The layers: what they compute, their derivatives, and their errors.
#include <cmath>
#include <memory>
#include <vector>

#include "catch.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/flatten.h"
#include "glissade/nn/linear.h"
#include "glissade/nn/residual.h"
#include "glissade/nn/sequential.h"
#include "support/derivatives.h"

using namespace glissade;

namespace {

// A layer of a class of its own, which computes something else.
struct Doubled : nn::Linear<double> {
  using nn::Linear<double>::Linear;
  Variable<double> forward(const Variable<double>& x) override {
    return 2.0 * nn::Linear<double>::forward(x);
  }
};

}  // namespace

TEST_CASE("Linear computes x times the transposed weight, plus bias") {
  nn::Linear<double> layer(parameter(Tensor<double>({2, 3}, {1, 2, 3, 4, 5, 6})),
                           parameter(Tensor<double>({2}, {10, 20})));
  const Variable<double> x(Tensor<double>({2, 3}, {1, 0, 0, 1, 1, 1}));
  CHECK(layer(x).value() == Tensor<double>({2, 2}, {11, 24, 16, 35}));
  layer.bias = {};
  CHECK(layer(x).value() == Tensor<double>({2, 2}, {1, 4, 6, 15}));
  CHECK(layer.description() == "Linear(3, 2, no bias)");
  CHECK(layer.named_parameters().size() == 1);
}

TEST_CASE("Linear with an activation is the layer and then the activation") {
  Rng rng(3);
  nn::Linear<double> layer(3, 4, rng);
  const Variable<double> x(random({5, 3}, 1));
  using Kind = Activation::Kind;
  const Activation all[] = {{Kind::identity},
                            {Kind::relu},
                            {Kind::leaky_relu, 0.1},
                            {Kind::leaky_relu, -0.1},
                            {Kind::elu, 0.7},
                            {Kind::gelu},
                            {Kind::silu},
                            {Kind::tanh},
                            {Kind::sigmoid},
                            {Kind::softplus}};
  for (const Activation& which : all) {
    INFO(to_string(which.kind));
    CHECK(layer(x, which).value() == activation(layer(x), which).value());
    check_derivatives(
        [&](const Variables& v) { return nn::Linear<double>(v[0], v[1]).forward(v[2], which); },
        {random({4, 3}, 1), random({4}, 2), random({2, 3}, 3)});
  }
}

TEST_CASE("Linear checks its sizes") {
  Rng rng(1);
  CHECK_THROWS_WITH(nn::Linear(0, 3, rng),
                    "Linear: the numbers of features must be at least 1, got 0 in and 3 out");
  CHECK_THROWS_WITH(nn::Linear<float>(parameter(Tensor<float>({3}))),
                    "Linear: the weight must have two axes, (out, in), got (3)");
  CHECK_THROWS_WITH(
      nn::Linear<float>(parameter(Tensor<float>({3, 2})), parameter(Tensor<float>({2}))),
      "Linear: the bias (2) does not fit the weight (3, 2)");
}

TEST_CASE("activation layers are the functions of the same name") {
  const Variable<double> x(Tensor<double>({2, 2}, {-1.5, -0.25, 0.25, 1.5}));
  const auto same = [&](nn::Module<double>&& layer, const Variable<double>& expected,
                        const std::string& description) {
    CHECK(layer(x).value() == expected.value());
    CHECK(layer.description() == description);
  };
  same(nn::ReLU<double>(), relu(x), "ReLU");
  same(nn::LeakyReLU<double>(), leaky_relu(x, 0.01), "LeakyReLU(0.01)");
  same(nn::LeakyReLU<double>(0.2), leaky_relu(x, 0.2), "LeakyReLU(0.2)");
  same(nn::ELU<double>(), elu(x, 1.0), "ELU(1)");
  same(nn::ELU<double>(0.5), elu(x, 0.5), "ELU(0.5)");
  same(nn::GELU<double>(), gelu(x), "GELU");
  same(nn::SiLU<double>(), silu(x), "SiLU");
  same(nn::Tanh<double>(), tanh(x), "Tanh");
  same(nn::Sigmoid<double>(), sigmoid(x), "Sigmoid");
  same(nn::Softplus<double>(), softplus(x), "Softplus");
  same(nn::Softmax<double>(), softmax(x, 1), "Softmax(-1)");
  same(nn::Softmax<double>(0), softmax(x, 0), "Softmax(0)");
  same(nn::LogSoftmax<double>(1), log_softmax(x, 1), "LogSoftmax(1)");
  CHECK(nn::ReLU()(Variable<float>(Tensor<float>({1}, {-1}))).item() == 0.0F);
}

TEST_CASE("Flatten keeps the batch") {
  nn::Flatten flatten;
  CHECK(flatten(Variable<float>(Tensor<float>({2, 3, 4}))).shape() == Shape{2, 12});
  CHECK(flatten(Variable<float>(Tensor<float>({0, 3, 4}))).shape() == Shape{0, 12});
  CHECK(flatten(Variable<float>(Tensor<float>({5, 2}))).shape() == Shape{5, 2});
  CHECK_THROWS_WITH(flatten(Variable<float>(Tensor<float>({5}))),
                    "Flatten: the input must have at least two axes, got (5) (in Flatten)");
}

TEST_CASE("Sequential applies its modules in turn, however it is made") {
  Rng rng(2);
  nn::Linear<double> a(3, 5, rng);
  nn::Linear<double> b(5, 2, rng);
  const Variable<double> x(random({4, 3}, 5));
  const Tensor<double> expected = b(relu(a(x))).value();

  nn::Sequential listed{a, nn::ReLU<double>(), b};
  CHECK(listed(x).value() == expected);
  nn::Sequential<double> added;
  added.add(a).add(nn::ReLU<double>()).add(b);
  CHECK(added(x).value() == expected);
  std::vector<std::shared_ptr<nn::Module<double>>> shared = {
      std::make_shared<nn::Linear<double>>(a), std::make_shared<nn::ReLU<double>>(),
      std::make_shared<nn::Linear<double>>(b)};
  nn::Sequential from_shared(shared);
  CHECK(from_shared(x).value() == expected);
  CHECK(&from_shared[2] == shared[2].get());
  std::vector<std::unique_ptr<nn::Module<double>>> unique;
  unique.push_back(std::make_unique<nn::Linear<double>>(a));
  unique.push_back(std::make_unique<nn::ReLU<double>>());
  unique.push_back(std::make_unique<nn::Linear<double>>(b));
  nn::Sequential from_unique(std::move(unique));
  CHECK(from_unique(x).value() == expected);

  nn::Sequential<double> nested;
  nested.add(nn::Sequential{a, nn::ReLU<double>()}).add(b);
  CHECK(nested.size() == 2);
  CHECK(nested(x).value() == expected);
  nn::Sequential<double> empty;
  CHECK(empty(x).value() == x.value());
  CHECK_THROWS_WITH(empty[0], "Sequential: there is no module 0, only 0");
  CHECK_THROWS_WITH(empty.add(std::shared_ptr<nn::Module<double>>()),
                    "Sequential: module 0 is null");
}

TEST_CASE("Sequential computes a layer and its activation together, with the same results") {
  Rng rng(2);
  const Variable<double> x(random({4, 3}, 5));
  nn::Linear<double> layer(3, 5, rng);
  // One node where the derivative follows from the output, two otherwise.
  const auto first_operation = [&](nn::Sequential<double> model) {
    return std::string(model(x).operation());
  };
  CHECK(first_operation(nn::Sequential{layer}) == "linear");
  CHECK(first_operation(nn::Sequential{layer, nn::Tanh<double>()}) == "linear");
  CHECK(first_operation(nn::Sequential{layer, nn::GELU<double>()}) == "gelu");
  CHECK(first_operation(nn::Sequential{layer, nn::Tanh<double>(), nn::Tanh<double>()}) == "tanh");

  nn::Sequential model{layer, nn::Softplus<double>()};
  const Variable<double> together = model(x);
  const Variable<double> apart = softplus(layer(x));
  CHECK(together.value() == apart.value());
  sum(square(together)).backward();
  const Tensor<double> gradient = layer.weight.grad().value();
  layer.zero_grad();
  sum(square(apart)).backward();
  for (Index i = 0; i < gradient.size(); ++i) {
    CHECK(gradient[i] == Approx(layer.weight.grad().value()[i]).epsilon(1e-13));
  }

  // A class derived from Linear may compute something else.
  nn::Sequential doubled{Doubled(layer.weight, layer.bias), nn::Tanh<double>()};
  CHECK(doubled(x).value() == tanh(2.0 * layer(x)).value());
}

TEST_CASE("Residual adds its input") {
  Rng rng(2);
  nn::Linear<double> layer(3, 3, rng);
  nn::Residual block(nn::Sequential{layer, nn::Tanh<double>()});
  const Variable<double> x(random({4, 3}, 5));
  CHECK(block(x).value() == (x + tanh(layer(x))).value());
  check_derivatives(
      [](const Variables& v) {
        nn::Residual inner{nn::Linear<double>(v[0], v[1])};
        return inner(v[2]);
      },
      {random({3, 3}, 1), random({3}, 2), random({2, 3}, 3)});
  nn::Residual copy = block;
  CHECK(&copy.inner() == &block.inner());
  nn::Residual wrong(nn::Linear<double>(3, 2, rng));
  CHECK_THROWS_WITH(wrong(x),
                    "Residual: the input (4, 3) and the inner module's output (4, 2) differ "
                    "(in Residual)");
  CHECK_THROWS_WITH(nn::Residual<double>(std::shared_ptr<nn::Module<double>>()),
                    "Residual: the module is null");
}

TEST_CASE("Dropout keeps the expectation and drops independently with probability p") {
  Rng rng(7);
  nn::Dropout<double> dropout(0.3, rng);
  constexpr Index kCount = 200000;
  Variable<double> x(Tensor<double>::full({kCount}, 2.0), true);
  const Variable<double> y = dropout(x);
  Index dropped = 0;
  Index dropped_pairs = 0;
  bool previous = false;
  for (const double value : y.value()) {
    if (value != 0.0) REQUIRE(value == Approx(2.0 / 0.7).epsilon(1e-14));
    dropped += value == 0.0 ? 1 : 0;
    dropped_pairs += previous && value == 0.0 ? 1 : 0;
    previous = value == 0.0;
  }
  // Five standard deviations: sqrt(p (1 - p) / n) = 0.00102, and about twice that for pairs.
  CHECK(static_cast<double>(dropped) / kCount == Approx(0.3).margin(0.0051));
  CHECK(static_cast<double>(dropped_pairs) / kCount == Approx(0.09).margin(0.005));

  // The gradient passes where the value did, with the same factor.
  sum(y).backward();
  for (Index i = 0; i < kCount; ++i) REQUIRE(x.grad().value()[i] == y.value()[i] / 2.0);
  // Another pass has another mask.
  CHECK_FALSE(dropout(x).value() == y.value());
}

TEST_CASE("Dropout is the identity in evaluation mode and for p = 0") {
  Rng rng(7);
  nn::Dropout dropout(0.9, rng);
  const Variable<float> x(Tensor<float>::full({100}, 1.0F));
  dropout.eval();
  CHECK(dropout(x).node() == x.node());
  nn::Dropout none(0.0, rng);
  CHECK(none(x).node() == x.node());
  CHECK(dropout.description() == "Dropout(0.9)");
}

TEST_CASE("Dropout has random numbers of its own") {
  const Variable<float> x(Tensor<float>::full({64}, 1.0F));
  Rng rng(5);
  nn::Dropout first(0.5, rng);
  nn::Dropout second(0.5, rng);
  const Rng::State after = rng.state();
  const Tensor<float> values = first(x).value();
  CHECK(rng.state() == after);
  CHECK_FALSE(second(x).value() == values);
  Rng again(5);
  CHECK(nn::Dropout(0.5, again)(x).value() == values);
}

TEST_CASE("a copy of a Dropout draws numbers of its own") {
  const Variable<float> x(Tensor<float>::full({64}, 1.0F));
  Rng rng(5);
  nn::Dropout original(0.5, rng);
  nn::Dropout copy = original;
  nn::Dropout assigned(0.1, rng);
  assigned = original;
  CHECK(assigned.p() == 0.5);
  const Tensor<float> values = original(x).value();
  CHECK_FALSE(copy(x).value() == values);
  CHECK_FALSE(assigned(x).value() == values);
}

TEST_CASE("Dropout rejects what is no probability below 1") {
  Rng rng(1);
  CHECK_THROWS_WITH(nn::Dropout(1.0, rng), "Dropout: p must be at least 0 and less than 1, got 1");
  CHECK_THROWS_AS(nn::Dropout(-0.1, rng), std::invalid_argument);
  CHECK_THROWS_AS(nn::Dropout(std::nan(""), rng), std::invalid_argument);
}
