// The table of what a model consists of.
#include <memory>

#include "catch.h"
#include "glissade/core/rng.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/residual.h"
#include "glissade/nn/sequential.h"
#include "glissade/nn/summary.h"

using namespace glissade;

TEST_CASE("summary lists modules, output shapes, parameters and totals") {
  Rng rng(1);
  nn::Sequential model{nn::Linear(784, 256, rng), nn::ReLU(), nn::Dropout(0.2, rng),
                       nn::Linear(256, 10, rng)};
  CHECK(nn::summary(model, {32, 784}) ==
        "Name  Module            Output     Parameters                       Count\n"
        "-------------------------------------------------------------------------\n"
        "      Sequential        (32, 10)                                        0\n"
        "0     Linear(784, 256)  (32, 256)  weight (256, 784), bias (256)  200,960\n"
        "1     ReLU              (32, 256)                                       0\n"
        "2     Dropout(0.2)      (32, 256)                                       0\n"
        "3     Linear(256, 10)   (32, 10)   weight (10, 256), bias (10)      2,570\n"
        "-------------------------------------------------------------------------\n"
        "203,530 parameters, 203,530 of them trained; 795.0 KiB\n");
}

TEST_CASE("summary without an input has no output shapes, and counts frozen parameters apart") {
  Rng rng(1);
  nn::Sequential model{nn::Linear<double>(2, 3, rng),
                       nn::Residual(nn::Linear<double>(3, 3, rng, {.bias = false}))};
  model[0].set_requires_grad(false);
  const auto& constant = model;
  CHECK(nn::summary(constant) ==
        "Name     Module                 Parameters               Count\n"
        "--------------------------------------------------------------\n"
        "         Sequential                                          0\n"
        "0        Linear(2, 3)           weight (3, 2), bias (3)      9\n"
        "1        Residual                                            0\n"
        "1.inner  Linear(3, 3, no bias)  weight (3, 3)                9\n"
        "--------------------------------------------------------------\n"
        "18 parameters, 9 of them trained; 144 bytes\n");
}

TEST_CASE("summary gives a parameter to the module that names it, also behind a child") {
  struct Tempered : nn::Module<> {
    nn::Linear<> body;
    Variable<float> temperature = Variable<float>(Tensor<float>({1}), true);
    explicit Tempered(Rng& rng) : body(2, 2, rng) {}
    Variable<float> forward(const Variable<float>& x) override { return body(x) * temperature; }
    void members(nn::Members<>& m) override {
      m.child("body", body);
      m.parameter("temperature", temperature);
    }
  };
  Rng rng(1);
  const std::string text = nn::summary(Tempered(rng));
  CHECK_THAT(text, Contains("temperature (1)              1\n"));
  CHECK_THAT(text, Contains("weight (2, 2), bias (2)      6\n"));
}

TEST_CASE("summary leaves the mode of a module that two others share") {
  Rng rng(1);
  const auto shared = std::make_shared<nn::Dropout<float>>(0.5, rng);
  nn::Sequential<> first;
  nn::Sequential<> second;
  first.add(shared);
  second.add(shared);
  nn::Sequential<> model;
  model.add(first).add(second);
  shared->eval();
  (void)nn::summary(model, {1, 2});
  CHECK_FALSE(shared->is_training());
  CHECK(model[1].is_training());
}

TEST_CASE("summary counts a shared parameter once and leaves the modes as they are") {
  Rng rng(1);
  nn::Linear<double> layer(2, 2, rng);
  nn::Sequential model{layer, nn::Dropout<double>(0.9, rng), layer};
  model[1].eval();
  const std::string text = nn::summary(model, {1, 2});
  CHECK_THAT(text, Contains("6 parameters, 6 of them trained; 48 bytes"));
  CHECK(model.is_training());
  CHECK(model[0].is_training());
  CHECK_FALSE(model[1].is_training());
  CHECK_THROWS_WITH(nn::summary(model, {1, 3}), EndsWith("(in Sequential > 0: Linear(2, 2))"));
  CHECK(model[0].is_training());
}
