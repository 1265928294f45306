// Embedding and PReLU: values, derivatives, errors.
#include <cmath>

#include "catch.h"
#include "glissade/nn/embedding.h"
#include "glissade/nn/flatten.h"
#include "glissade/nn/prelu.h"
#include "glissade/nn/sequential.h"
#include "support/derivatives.h"

using namespace glissade;

TEST_CASE("Embedding gives the rows of its indices, of any shape") {
  nn::Embedding<float> layer(parameter(Tensor<float>({3, 2}, {0, 1, 10, 11, 20, 21})));
  CHECK(layer(Tensor<std::int32_t>({3}, {2, 0, 2})).value() ==
        Tensor<float>({3, 2}, {20, 21, 0, 1, 20, 21}));
  CHECK(layer(Tensor<std::int32_t>({2, 1, 2}, {0, 1, 2, 0})).value() ==
        Tensor<float>({2, 1, 2, 2}, {0, 1, 10, 11, 20, 21, 0, 1}));
  CHECK(layer(Tensor<std::int32_t>::scalar(1)).value() == Tensor<float>({2}, {10, 11}));
  CHECK(layer(Tensor<std::int32_t>({0, 4})).shape() == Shape{0, 4, 2});
  CHECK(layer(Variable<float>(Tensor<float>({2}, {1, 2}))).value() ==
        Tensor<float>({2, 2}, {10, 11, 20, 21}));
  CHECK(layer.description() == "Embedding(3, 2)");
  CHECK(layer.named_parameters().front().name == "weight");
}

TEST_CASE("Embedding: derivatives of first and second order, with repeats") {
  const auto rows = [](const Variables& v, const Tensor<std::int32_t>& indices) {
    return nn::Embedding<double>(v[0])(indices);
  };
  const Tensor<std::int32_t> repeats({2, 3}, {0, 2, 2, 3, 2, 0});
  check_derivatives([&](const Variables& v) { return rows(v, repeats); }, {random({4, 3}, 1)});
  // Through something that bends, so that second derivatives are not all 0.
  check_derivatives([&](const Variables& v) { return square(rows(v, repeats)) * rows(v, repeats); },
                    {random({4, 3}, 2)});
  check_derivatives([&](const Variables& v) { return rows(v, Tensor<std::int32_t>({0})); },
                    {random({4, 3}, 2)});
}

TEST_CASE("the padding of an Embedding is 0 at first and not trained") {
  Rng rng(1);
  nn::Embedding<double> layer(4, 3, rng, {.padding_idx = -1});
  CHECK(layer.padding_idx() == 3);
  CHECK(layer.description() == "Embedding(4, 3, padding 3)");
  for (Index j = 0; j < 3; ++j) CHECK(layer.weight.value()(3, j) == 0.0);
  const Tensor<std::int32_t> indices({4}, {3, 1, 3, 1});
  for (const bool create_graph : {false, true}) {
    layer.zero_grad();
    sum(layer(indices)).backward({.create_graph = create_graph});
    CHECK(layer.weight.grad().value() ==
          Tensor<double>({4, 3}, {0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0, 0}));
    layer.zero_grad();
  }
  CHECK_FALSE(nn::Embedding<double>(4, 3, rng).padding_idx().has_value());
}

TEST_CASE("Embedding starts with standard normal numbers") {
  Rng rng(3);
  const Tensor<double> table = nn::Embedding<double>(400, 100, rng).weight.value();
  double sum = 0.0;
  double squares = 0.0;
  for (const double x : table) {
    sum += x;
    squares += x * x;
  }
  // Five standard deviations of the estimates.
  CHECK(sum / 40000 == Approx(0.0).margin(0.025));
  CHECK(squares / 40000 == Approx(1.0).margin(0.036));
}

TEST_CASE("Embedding is trained as the first module of a Sequential") {
  Rng rng(1);
  nn::Sequential model{nn::Embedding(5, 4, rng), nn::Flatten(), nn::Linear(8, 3, rng)};
  const Variable<float> out = model(Variable<float>(Tensor<float>({6, 2}, {0, 1, 2, 3, 4, 0,  //
                                                                           1, 2, 3, 4, 0, 1})));
  CHECK(out.shape() == Shape{6, 3});
  sum(square(out)).backward();
  CHECK(model.parameters()[0].has_grad());
}

TEST_CASE("Embedding names the index that is wrong, and its place") {
  Rng rng(1);
  nn::Embedding layer(3, 2, rng);
  CHECK_THROWS_WITH(layer(Tensor<std::int32_t>({2}, {0, 3})),
                    "Embedding: element 1 is the index 3, but there are 3 embeddings "
                    "(in Embedding(3, 2))");
  CHECK_THROWS_AS(layer(Tensor<std::int32_t>({1}, {-1})), std::invalid_argument);
  const auto numbers = [](float x) { return Variable<float>(Tensor<float>({2}, {1, x})); };
  CHECK_THROWS_WITH(layer(numbers(1.5F)),
                    "Embedding: element 1 is 1.5, not a whole number (in Embedding(3, 2))");
  CHECK_THROWS_WITH(layer(numbers(3)),
                    "Embedding: element 1 is the index 3, but there are 3 embeddings "
                    "(in Embedding(3, 2))");
  for (const float bad : {-1.0F, std::nanf(""), HUGE_VALF, -HUGE_VALF, 1e20F}) {
    CHECK_THROWS_AS(layer(numbers(bad)), std::invalid_argument);
  }
  CHECK_THROWS_WITH(layer(Tensor<std::int32_t>({1, 1, 1, 1, 1, 1})),
                    Contains("Embedding: the indices (1, 1, 1, 1, 1, 1) have too many axes"));
  CHECK_THROWS_WITH(nn::Embedding(0, 2, rng),
                    "Embedding: the numbers must be at least 1, got 0 embeddings of 2");
  CHECK_THROWS_WITH(nn::Embedding(3, 2, rng, {.padding_idx = 3}),
                    "Embedding: padding_idx 3 is out of range for 3 embeddings");
  CHECK_THROWS_AS(nn::Embedding(3, 2, rng, {.padding_idx = -4}), std::invalid_argument);
  CHECK_THROWS_WITH(nn::Embedding<float>(parameter(Tensor<float>({3}))),
                    Contains("Embedding: the weight must have two axes"));
}

TEST_CASE("PReLU: values, and derivatives of first and second order") {
  nn::PReLU<double> one;
  CHECK(one(Variable<double>(Tensor<double>({4}, {-2, 0, 3, -4}))).value() ==
        Tensor<double>({4}, {-0.5, 0, 3, -1}));
  nn::PReLU<double> each(2, 0.5);
  each.weight.mutable_value() = Tensor<double>({2}, {2, -1});
  const Variable<double> x(Tensor<double>({2, 2}, {-1, -1, 4, -3}));
  CHECK(each(x).value() == Tensor<double>({2, 2}, {-2, 1, 4, 3}));
  for (const auto& [shape, slopes] : {std::pair<Shape, Index>{{3, 4}, 1},
                                      {{3, 4}, 4},
                                      {{2, 3, 4}, 3},
                                      {{2, 2, 2, 2}, 2},
                                      {{}, 1},
                                      {{5}, 1},
                                      {{2, 1}, 1}}) {
    INFO(to_string(shape) << ", " << slopes);
    check_derivatives(
        [slopes = slopes](const Variables& v) {
          nn::PReLU<double> layer(slopes);
          layer.weight = v[1];
          return layer(v[0]);
        },
        {random(shape, 1), random({slopes}, 2)});
  }
}

TEST_CASE("PReLU at 0 and at infinity") {
  // PyTorch takes 0 for negative: the derivative there is the slope.
  nn::PReLU<double> layer;
  constexpr double kInfinity = HUGE_VAL;
  const Variable<double> x(Tensor<double>({3}, {0.0, kInfinity, -kInfinity}), true);
  for (const bool create_graph : {false, true}) {
    const Variable<double> y = layer(x);
    CHECK(y.value() == Tensor<double>({3}, {0.0, kInfinity, -kInfinity}));
    Variable<double> leaf = x;
    leaf.zero_grad();
    layer.zero_grad();
    y.backward(Variable<double>(Tensor<double>({3}, {1, 1, 1})), {.create_graph = create_graph});
    CHECK(x.grad().value() == Tensor<double>({3}, {0.25, 1.0, 0.25}));
    CHECK(layer.weight.grad().value().item() == -kInfinity);
    leaf.zero_grad();
    layer.zero_grad();
  }
}

TEST_CASE("PReLU checks its sizes and describes itself") {
  CHECK_THROWS_WITH(nn::PReLU(0), "PReLU: num_parameters must be at least 1, got 0");
  nn::PReLU layer(3);
  CHECK(layer.description() == "PReLU(3)");
  CHECK(layer.named_parameters().front().name == "weight");
  CHECK_THROWS_WITH(layer(Variable<float>(Tensor<float>({3, 2}))),
                    "PReLU: there are 3 slopes, but the input (3, 2) does not have 3 positions "
                    "along axis 1 (in PReLU(3))");
  CHECK_THROWS_AS(layer(Variable<float>(Tensor<float>({3}))), std::invalid_argument);
}
