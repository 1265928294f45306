// Module: names, modes, freezing, sharing, and the path of modules in errors; with modules that a
// user would write.
#include <string>
#include <vector>

#include "catch.h"
#include "glissade/core/rng.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/linear.h"
#include "glissade/nn/residual.h"
#include "glissade/nn/sequential.h"

using namespace glissade;

namespace {

// A module as in the documentation.
struct Autoencoder : nn::Module<> {
  nn::Linear<> encode, decode;

  explicit Autoencoder(Rng& rng) : encode(6, 2, rng), decode(2, 6, rng) {}
  Variable<float> forward(const Variable<float>& x) override { return decode(relu(encode(x))); }
  void members(nn::Members<>& m) override {
    m.child("encode", encode);
    m.child("decode", decode);
  }
};

// Divides by a running mean: a module with a buffer, and another mode for training.
template <class T>
struct Centre : nn::Module<T> {
  Variable<T> scale = parameter(Tensor<T>({2}, {1, 1}));
  Tensor<T> mean = Tensor<T>({2});

  Variable<T> forward(const Variable<T>& x) override {
    if (this->is_training()) mean = glissade::mean(x, 0).value();
    return (x - Variable<T>(mean)) * scale;
  }
  void members(nn::Members<T>& m) override {
    m.parameter("scale", scale);
    m.buffer("mean", mean);
  }
};

// Two layers with one weight.
struct Tied : nn::Module<double> {
  nn::Linear<double> first, second;

  explicit Tied(Rng& rng) : first(3, 3, rng), second(3, 3, rng) { second.weight = first.weight; }
  Variable<double> forward(const Variable<double>& x) override { return second(first(x)); }
  void members(nn::Members<double>& m) override {
    m.child("first", first);
    m.child("second", second);
  }
};

template <class T>
std::vector<std::string> names(const std::vector<T>& named) {
  std::vector<std::string> result;
  for (const T& item : named) result.push_back(item.name);
  return result;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a module of one's own has the members that it names") {
  Rng rng(1);
  Autoencoder model(rng);
  CHECK(names(model.named_parameters()) ==
        Names{"encode.weight", "encode.bias", "decode.weight", "decode.bias"});
  CHECK(names(model.named_modules()) == Names{"", "encode", "decode"});
  CHECK(model.parameters().size() == 4);
  CHECK(model.parameter_count() == 6 * 2 + 2 + 2 * 6 + 6);
  CHECK(model.description() == "Autoencoder");
  const Variable<float> x(Tensor<float>({3, 6}));
  CHECK(model(x).shape() == Shape{3, 6});
  model(x).backward(Variable<float>(Tensor<float>({3, 6})));
  for (const auto& [name, parameter] : model.named_parameters()) {
    INFO(name);
    CHECK(parameter.has_grad());
  }
  model.zero_grad();
  for (const auto& parameter : model.parameters()) CHECK_FALSE(parameter.has_grad());
}

TEST_CASE("names in Sequential and Residual are PyTorch's") {
  Rng rng(1);
  nn::Sequential model{nn::Linear(4, 3, rng), nn::ReLU(),
                       nn::Residual(nn::Sequential{nn::Linear(3, 3, rng, {.bias = false})}),
                       Autoencoder(rng)};
  CHECK(names(model.named_parameters()) == Names{"0.weight", "0.bias", "2.inner.0.weight",
                                                 "3.encode.weight", "3.encode.bias",
                                                 "3.decode.weight", "3.decode.bias"});
  CHECK(names(model.named_modules()) ==
        Names{"", "0", "1", "2", "2.inner", "2.inner.0", "3", "3.encode", "3.decode"});
}

TEST_CASE("modes reach all modules inside") {
  Rng rng(1);
  nn::Sequential model{nn::Dropout(0.5, rng), nn::Residual(nn::Sequential{nn::Dropout(0.5, rng)})};
  for (const auto& [name, module] : model.named_modules()) CHECK(module->is_training());
  model.eval();
  for (const auto& [name, module] : model.named_modules()) CHECK_FALSE(module->is_training());
  model.train();
  for (const auto& [name, module] : model.named_modules()) CHECK(module->is_training());
  // A part can have a mode of its own.
  model[1].eval();
  CHECK(names(model.named_modules())[3] == "1.inner");
  CHECK(names(model.named_modules())[4] == "1.inner.0");
  CHECK_FALSE(model.named_modules()[4].module->is_training());
  CHECK(model[0].is_training());
}

TEST_CASE("buffers are part of a module, and not trained") {
  nn::Sequential<double> model{Centre<double>()};
  const Variable<double> x(Tensor<double>({2, 2}, {1, 10, 3, 30}));
  CHECK(model(x).value() == Tensor<double>({2, 2}, {-1, -10, 1, 10}));
  const auto buffers = model.named_buffers();
  REQUIRE(names(buffers) == Names{"0.mean"});
  CHECK(*buffers[0].buffer == Tensor<double>({2}, {2, 20}));
  CHECK(names(model.named_parameters()) == Names{"0.scale"});
  model.eval();
  CHECK(model(Variable<double>(Tensor<double>({1, 2}))).value() ==
        Tensor<double>({1, 2}, {-2, -20}));
}

TEST_CASE("a frozen module gets no gradients, and passes them on") {
  Rng rng(1);
  nn::Sequential model{nn::Linear(3, 4, rng), nn::Tanh(), nn::Linear(4, 2, rng)};
  auto run = [&] {
    model.zero_grad();
    sum(model(Variable<float>(Tensor<float>::full({2, 3}, 1.0F)))).backward();
    std::vector<bool> have;
    for (const auto& parameter : model.parameters()) have.push_back(parameter.has_grad());
    return have;
  };
  model[2].set_requires_grad(false);
  CHECK(run() == std::vector<bool>{true, true, false, false});
  CHECK(model.parameter_count() == 3 * 4 + 4 + 4 * 2 + 2);
  model.set_requires_grad(true);
  model[0].set_requires_grad(false);
  CHECK(run() == std::vector<bool>{false, false, true, true});
  model.set_requires_grad(false);
  CHECK_FALSE(model(Variable<float>(Tensor<float>({2, 3}))).requires_grad());
  model.set_requires_grad(true);
  CHECK(run() == std::vector<bool>(4, true));
}

TEST_CASE("a shared parameter is listed and counted once") {
  Rng rng(1);
  Tied model(rng);
  CHECK(names(model.named_parameters()) == Names{"first.weight", "first.bias", "second.bias"});
  CHECK(model.parameters().size() == 3);
  CHECK(model.parameter_count() == 9 + 3 + 3);
  // Its gradient is the sum of both uses: with x = 0 only the second layer's, whose input is the
  // first bias.
  model.first.bias.mutable_value() = Tensor<double>({3}, {1, 2, 3});
  sum(model(Variable<double>(Tensor<double>({1, 3})))).backward();
  CHECK(model.first.weight.grad().value() == Tensor<double>({3, 3}, {1, 2, 3, 1, 2, 3, 1, 2, 3}));
}

TEST_CASE("a copy of a module shares its parameters, a moved module keeps them") {
  Rng rng(1);
  nn::Linear<> layer(2, 2, rng);
  nn::Linear<> copy = layer;
  layer.weight.mutable_value().fill(7.0F);
  CHECK(copy.weight.value()[0] == 7.0F);
  copy.eval();
  CHECK(layer.is_training());
  const nn::Linear<> moved = std::move(copy);
  CHECK(moved.weight.node() == layer.weight.node());

  nn::Sequential model{nn::Linear(2, 2, rng), Centre<float>()};
  nn::Sequential same = model;
  CHECK(same.size() == 2);
  CHECK(&same[0] == &model[0]);
}

TEST_CASE("copy_parameters_from copies values, buffers too, and checks first") {
  Rng rng(1);
  nn::Sequential<double> a{nn::Linear<double>(3, 2, rng), Centre<double>()};
  nn::Sequential<double> b{nn::Linear<double>(3, 2, rng), Centre<double>()};
  *a.named_buffers()[0].buffer = Tensor<double>({2}, {5, 6});
  b.copy_parameters_from(a);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(a.parameters()[i].value() == b.parameters()[i].value());
    CHECK(a.parameters()[i].node() != b.parameters()[i].node());
  }
  CHECK(*b.named_buffers()[0].buffer == Tensor<double>({2}, {5, 6}));

  nn::Sequential<double> wide{nn::Linear<double>(3, 2, rng), Centre<double>()};
  wide.named_parameters()[1].parameter.mutable_value() = Tensor<double>({4});
  const Tensor<double> before = wide.parameters()[0].value();
  CHECK_THROWS_WITH(wide.copy_parameters_from(a),
                    "copy_parameters_from: 0.bias (4) and 0.bias (2) differ");
  CHECK(wide.parameters()[0].value() == before);
  nn::Sequential<double> empty;
  CHECK_THROWS_WITH(empty.copy_parameters_from(a),
                    Contains("copy_parameters_from: Sequential has 0"));
}

TEST_CASE("errors name the path of modules, with the names that the modules have there") {
  Rng rng(1);
  nn::Sequential model{nn::Linear(4, 3, rng), nn::ReLU(), nn::Linear(256, 10, rng)};
  const Variable<float> x(Tensor<float>({5, 4}));
  CHECK_THROWS_WITH(model(x), Contains("linear") && Contains("(5, 3)") && Contains("(10, 256)") &&
                                  EndsWith("(in Sequential > 2: Linear(256, 10))"));
  // A layer that is computed together with its activation.
  CHECK_THROWS_WITH(model(Variable<float>(Tensor<float>({5, 9}))),
                    Contains("(5, 9)") && EndsWith("(in Sequential > 0: Linear(4, 3))"));
  nn::Sequential deep{nn::Residual(Autoencoder(rng))};
  CHECK_THROWS_WITH(deep(x), EndsWith("(in Sequential > 0: Residual > inner: Autoencoder > "
                                      "encode: Linear(6, 2))"));
  // Outside of modules there is no path.
  CHECK_THROWS_WITH(matmul(x, x), !Contains("(in "));
}
