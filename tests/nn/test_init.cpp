// How weights start: against PyTorch's gains, fans and bounds, and the statistics of the draws.
#include <algorithm>
#include <cmath>
#include <string>

#include "catch.h"
#include "glissade/nn/init.h"
#include "glissade/nn/linear.h"
#include "support/reference.h"

using namespace glissade;

namespace {

struct Statistics {
  double mean = 0.0;
  double deviation = 0.0;
  double largest = 0.0;  // magnitude
};

template <class T>
Statistics statistics(const Tensor<T>& tensor) {
  Statistics result;
  for (const T x : tensor) {
    result.mean += static_cast<double>(x);
    result.deviation += static_cast<double>(x) * static_cast<double>(x);
    result.largest = std::max(result.largest, std::abs(static_cast<double>(x)));
  }
  const auto n = static_cast<double>(tensor.size());
  result.mean /= n;
  result.deviation = std::sqrt(result.deviation / n - result.mean * result.mean);
  return result;
}

// Draws from the range (-bound, bound), and fills it.
void check_uniform(const Tensor<double>& weight, double bound) {
  const Statistics found = statistics(weight);
  CHECK(found.largest <= bound);
  CHECK(found.largest > 0.999 * bound);
  CHECK(found.mean == Approx(0.0).margin(0.01 * bound));
  CHECK(found.deviation == Approx(bound / std::sqrt(3.0)).epsilon(0.01));
}

void check_normal(const Tensor<double>& weight, double deviation) {
  const Statistics found = statistics(weight);
  CHECK(found.mean == Approx(0.0).margin(0.02 * deviation));
  CHECK(found.deviation == Approx(deviation).epsilon(0.01));
  CHECK(found.largest > 3.5 * deviation);
}

using Kind = Activation::Kind;
struct Nonlinearity {
  const char* name;
  Activation activation;
};
const Nonlinearity kNonlinearities[] = {{"linear", {}},
                                        {"sigmoid", {Kind::sigmoid}},
                                        {"tanh", {Kind::tanh}},
                                        {"relu", {Kind::relu}},
                                        {"leaky_relu_0.01", {Kind::leaky_relu, 0.01}},
                                        {"leaky_relu_0.2", {Kind::leaky_relu, 0.2}}};

}  // namespace

TEST_CASE("gains and fans are PyTorch's") {
  for (const auto& [name, activation] : kNonlinearities) {
    INFO(name);
    CHECK(nn::init::gain(activation) ==
          Approx(reference<double>(std::string("init/gain/") + name).item()).epsilon(1e-14));
  }
  for (const char* text : {"8x5", "16x3x5x5"}) {
    const Shape shape = text[0] == '8' ? Shape{8, 5} : Shape{16, 3, 5, 5};
    const auto expected = reference<std::int32_t>(std::string("init/") + text + "/fan_in_fan_out");
    CHECK(nn::init::fans(shape).in == expected[0]);
    CHECK(nn::init::fans(shape).out == expected[1]);
  }
  CHECK_THROWS_WITH(nn::init::fans(Shape{5}),
                    "init: the fans of a weight need at least two axes, got (5)");
}

TEST_CASE("the gains that PyTorch does not have preserve the mean square") {
  // E[f(z)^2] as the mean over random z.
  Rng rng(1);
  Tensor<double> z({400000});
  rng.fill_normal(z, 0.0, 1.0);
  for (const Activation& which : {Activation{Kind::gelu}, Activation{Kind::silu},
                                  Activation{Kind::elu, 1.0}, Activation{Kind::softplus}}) {
    Tensor<double> y(z.shape());
    kernels::activation_forward(which, z.size(), z.data(), y.data());
    double square = 0.0;
    for (const double value : y) square += value * value;
    CHECK(nn::init::gain(which) ==
          Approx(1.0 / std::sqrt(square / static_cast<double>(z.size()))).epsilon(0.01));
  }
}

TEST_CASE("Xavier and Kaiming have PyTorch's bounds and deviations") {
  Rng rng(3);
  // 200 times the rows of the reference and as many columns keep the ratio of the fans; the scale
  // of the fans is divided out again.
  constexpr Index kScale = 100;
  for (const auto& [name, activation] : kNonlinearities) {
    INFO(name);
    const auto expected = [name = std::string(name)](const std::string& method) {
      return reference<double>("init/8x5/" + method + "/" + name).item() / std::sqrt(kScale);
    };
    Tensor<double> weight({8 * kScale, 5 * kScale});
    const double gain = nn::init::gain(activation);
    nn::init::xavier_uniform(weight, rng, {.gain = gain});
    check_uniform(weight, expected("xavier_uniform"));
    nn::init::xavier_normal(weight, rng, {.gain = gain});
    check_normal(weight, expected("xavier_normal"));
    for (const auto mode : {nn::init::FanMode::fan_in, nn::init::FanMode::fan_out}) {
      const std::string fan = mode == nn::init::FanMode::fan_in ? "fan_in" : "fan_out";
      nn::init::kaiming_uniform(weight, rng, {.mode = mode, .activation = activation});
      check_uniform(weight, expected("kaiming_uniform/" + fan));
      nn::init::kaiming_normal(weight, rng, {.mode = mode, .activation = activation});
      check_normal(weight, expected("kaiming_normal/" + fan));
    }
  }
}

TEST_CASE("further axes of a weight multiply its fans") {
  Rng rng(3);
  Tensor<double> weight({160, 30, 5, 5});
  nn::init::kaiming_uniform(weight, rng, {.activation = {Kind::relu}});
  check_uniform(weight, reference<double>("init/16x3x5x5/kaiming_uniform/fan_in/relu").item() /
                            std::sqrt(10));
}

TEST_CASE("the plain initialisations fill variables and tensors") {
  Rng rng(1);
  const Variable<double> x = parameter(Tensor<double>({100, 100}));
  nn::init::uniform(x, rng, {.low = 2.0, .high = 3.0});
  CHECK(statistics(x.value()).mean == Approx(2.5).margin(0.02));
  nn::init::normal(x, rng, {.mean = -1.0, .std = 0.5});
  CHECK(statistics(x.value()).mean == Approx(-1.0).margin(0.03));
  CHECK(statistics(x.value()).deviation == Approx(0.5).epsilon(0.03));
  nn::init::constant(x, 4.5);
  CHECK(x.value() == Tensor<double>::full({100, 100}, 4.5));
  Tensor<float> tensor = Tensor<float>::full({3}, 1.0F);
  nn::init::zeros(tensor);
  CHECK(tensor == Tensor<float>({3}));
  Tensor<float> nothing({0, 4});
  CHECK_NOTHROW(nn::init::kaiming_normal(nothing, rng));
}

TEST_CASE("Linear starts as PyTorch's does, or as it is told") {
  Rng rng(1);
  const nn::Linear<double> plain(500, 800, rng);
  // The reference has 5 inputs.
  const double bound = reference<double>("init/8x5/linear_default").item() / std::sqrt(100.0);
  check_uniform(plain.weight.value(), bound);
  CHECK(statistics(plain.bias.value()).largest <= bound);
  CHECK(statistics(plain.bias.value()).largest > 0.95 * bound);

  const nn::Linear<double> xavier(500, 800, rng, {.init = nn::Init::xavier_uniform});
  check_uniform(xavier.weight.value(), std::sqrt(6.0 / 1300.0));
  CHECK(statistics(xavier.bias.value()).largest == 0.0);
  const nn::Linear<double> normal(500, 800, rng, {.init = nn::Init::xavier_normal});
  check_normal(normal.weight.value(), std::sqrt(2.0 / 1300.0));
  const nn::Linear<double> he(500, 800, rng, {.init = nn::Init::kaiming_uniform});
  check_uniform(he.weight.value(), std::sqrt(6.0 / 500.0));
  const nn::Linear<double> he_normal(500, 800, rng, {.init = nn::Init::kaiming_normal});
  check_normal(he_normal.weight.value(), std::sqrt(2.0 / 500.0));

  Rng first(9);
  Rng second(9);
  CHECK(nn::Linear(3, 4, first).weight.value() == nn::Linear(3, 4, second).weight.value());
  CHECK_FALSE(nn::Linear(3, 4, first, {.bias = false}).bias.defined());
}
