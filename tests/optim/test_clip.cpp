// Gradient norms and clipping: against PyTorch, and what happens at the edges.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "catch.h"
#include "glissade/optim/clip.h"
#include "support/reference.h"

using namespace glissade;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A parameter whose gradient is the given tensor.
template <class T>
Variable<T> with_gradient(const Tensor<T>& gradient) {
  Variable<T> result = parameter(Tensor<T>(gradient.shape()));
  result.backward(Variable<T>(gradient));
  return result;
}

std::vector<Variable<double>> parameters_of(const std::string& key) {
  std::vector<Variable<double>> result;
  for (const char* number : {"0", "1", "2"}) {
    result.push_back(with_gradient(reference<double>(key + "/before" + number)));
  }
  return result;
}

void check_after(const std::string& key, const std::vector<Variable<double>>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    INFO(key << ", parameter " << i);
    const auto expected = reference<double>(key + "/after" + std::to_string(i));
    CHECK(relative_error(parameters[i].grad().value(), expected) < 1e-12);
  }
}

double number(const std::string& key) { return reference<double>(key).item(); }

}  // namespace

TEST_CASE("clip_grad_norm agrees with PyTorch") {
  for (const char* name :
       {"grad_norm_1", "grad_norm_2", "grad_norm_2_loose", "grad_norm_3", "grad_norm_inf"}) {
    const std::string key = std::string("clip/") + name;
    INFO(key);
    const auto parameters = parameters_of(key);
    const double norm_type = number(key + "/norm_type");
    const double total = number(key + "/total_norm");
    CHECK(optim::grad_norm(parameters, norm_type) == Approx(total).epsilon(1e-13));
    const double norm =
        optim::clip_grad_norm(parameters, number(key + "/max_norm"), {.norm_type = norm_type});
    CHECK(norm == Approx(total).epsilon(1e-13));
    check_after(key, parameters);
  }
}

TEST_CASE("clip_grad_value agrees with PyTorch") {
  const auto parameters = parameters_of("clip/grad_value");
  optim::clip_grad_value(parameters, number("clip/grad_value/clip_value"));
  check_after("clip/grad_value", parameters);
}

TEST_CASE("parameters without a gradient do not count") {
  const Variable<double> with = with_gradient(Tensor<double>({2}, {3.0, 4.0}));
  const Variable<double> without = parameter(Tensor<double>({2}, {100.0, 100.0}));
  const std::vector<Variable<double>> both{without, with};
  CHECK(optim::grad_norm(both) == Approx(5.0));
  CHECK(optim::clip_grad_norm(both, 1.0) == Approx(5.0));
  CHECK(optim::grad_norm(both) == Approx(1.0).epsilon(1e-6));
  optim::clip_grad_value(both, 0.5);
  CHECK(!without.has_grad());
  CHECK(optim::grad_norm(std::vector<Variable<double>>{without}) == 0.0);
  CHECK(optim::clip_grad_norm(std::vector<Variable<double>>{}, 1.0) == 0.0);
}

TEST_CASE("the norm of large float gradients does not overflow") {
  const std::vector<Variable<float>> parameters{with_gradient(Tensor<float>({2}, {3e30F, 4e30F}))};
  CHECK(optim::clip_grad_norm(parameters, 1.0) == Approx(5e30).epsilon(1e-6));
  const Variable<float> gradient = parameters[0].grad();
  CHECK(gradient.value()[0] == Approx(0.6).epsilon(1e-5));
  CHECK(gradient.value()[1] == Approx(0.8).epsilon(1e-5));
}

TEST_CASE("gradients that are not finite are reported or spoil all, as in PyTorch") {
  const auto make = [](double bad) {
    return std::vector<Variable<double>>{with_gradient(Tensor<double>({2}, {1.0, 2.0})),
                                         with_gradient(Tensor<double>({3}, {1.0, bad, 1.0}))};
  };
  for (const double norm_type : {1.0, 2.0, 3.5, kInfinity}) {
    INFO("norm type " << norm_type);
    auto parameters = make(kNan);
    CHECK_THROWS_WITH(optim::clip_grad_norm(parameters, 1.0,
                                            {.norm_type = norm_type, .error_if_nonfinite = true}),
                      Contains("parameter 1") && Contains("(3)") && Contains("NaN"));
    CHECK(parameters[0].grad().value()[1] == 2.0);
    // A NaN counts wherever it stands.
    const std::vector<Variable<double>> reversed{parameters[1], parameters[0]};
    CHECK(std::isnan(optim::grad_norm(reversed, norm_type)));
    CHECK(std::isnan(optim::clip_grad_norm(parameters, 1.0, {.norm_type = norm_type})));
    CHECK(std::isnan(parameters[0].grad().value()[1]));

    parameters = make(-kInfinity);
    CHECK_THROWS_WITH(optim::clip_grad_norm(parameters, 1.0,
                                            {.norm_type = norm_type, .error_if_nonfinite = true}),
                      Contains("parameter 1") && Contains("infinite"));
    CHECK(optim::clip_grad_norm(parameters, 1.0, {.norm_type = norm_type}) == kInfinity);
    CHECK(parameters[0].grad().value()[1] == 0.0);
  }
  auto parameters = make(kNan);
  optim::clip_grad_value(parameters, 0.5);
  CHECK(parameters[0].grad().value()[1] == 0.5);
  CHECK(std::isnan(parameters[1].grad().value()[1]));
}

TEST_CASE("an infinite limit only measures, and a limit of 0 stops everything") {
  const std::vector<Variable<double>> parameters{with_gradient(Tensor<double>({2}, {3.0, 4.0}))};
  CHECK(optim::clip_grad_norm(parameters, kInfinity) == Approx(5.0));
  CHECK(parameters[0].grad().value()[0] == 3.0);
  CHECK(optim::clip_grad_norm(parameters, 0.0) == Approx(5.0));
  CHECK(parameters[0].grad().value()[0] == 0.0);
}

TEST_CASE("clipping names the option that is wrong and its value") {
  const std::vector<Variable<double>> parameters{with_gradient(Tensor<double>({1}, {3.0}))};
  CHECK_THROWS_WITH(optim::clip_grad_norm(parameters, -1.0),
                    Contains("clip_grad_norm: max_norm") && Contains("-1"));
  CHECK_THROWS_WITH(optim::clip_grad_norm(parameters, kNan),
                    Contains("max_norm") && Contains("nan"));
  CHECK_THROWS_WITH(optim::clip_grad_norm(parameters, 1.0, {.norm_type = 0.0}),
                    Contains("norm_type") && Contains("got 0"));
  CHECK_THROWS_WITH(optim::clip_grad_value(parameters, -2.0),
                    Contains("clip_grad_value: clip_value") && Contains("-2"));
  CHECK(parameters[0].grad().value()[0] == 3.0);
}
