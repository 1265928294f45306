// Linear models against scikit-learn.
#include <cmath>
#include <limits>
#include <string>

#include "catch.h"
#include "glissade/core/rng.h"
#include "glissade/optim/linear_models.h"
#include "support/reference.h"

using namespace glissade;
using namespace glissade::optim;

namespace {

double noted(const std::string& key, const std::string& name) {
  const std::string text = " " + reference_file().metadata().at(key);
  const std::size_t begin = text.find(" " + name + "=");
  REQUIRE(begin != std::string::npos);
  const std::string value = text.substr(begin + name.size() + 2);
  return value.starts_with("True") ? 1.0 : value.starts_with("False") ? 0.0 : std::stod(value);
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("linear and ridge regression agree with scikit-learn, by QR and by Cholesky") {
  for (const std::string name : {"linear", "linear_two_outputs", "linear_no_bias", "linear_wide",
                                 "ridge", "ridge_no_bias", "ridge_wide"}) {
    const std::string key = "linear_models/" + name;
    const auto x = reference<double>(key + "/x");
    const auto y = reference<double>(key + "/y");
    const double ridge = noted(key, "ridge");
    for (const LinearSolver solver : {LinearSolver::qr, LinearSolver::cholesky}) {
      if (name == "linear_wide" && solver == LinearSolver::cholesky) continue;
      INFO(name << (solver == LinearSolver::qr ? ", qr" : ", cholesky"));
      const auto model = linear_regression(
          x, y, {.ridge = ridge, .bias = noted(key, "bias") == 1.0, .solver = solver});
      CHECK(relative_error(model.weight, reference<double>(key + "/weight"), 1.0) < 1e-10);
      CHECK(relative_error(model.bias, reference<double>(key + "/bias"), 1.0) < 1e-10);
      CHECK(model.cost == Approx(reference<double>(key + "/cost").item()).margin(1e-20));
      CHECK(model.converged);
    }
  }
}

TEST_CASE("linear_regression: a vector of targets, float32, and predictions") {
  const Tensor<float> x(Shape{4, 1}, {0, 1, 2, 3});
  const auto model = linear_regression(x, Tensor<float>(Shape{4}, {1, 3, 5, 7}));
  CHECK(model.weight(0, 0) == Approx(2.0));
  CHECK(model.bias[0] == Approx(1.0));
  const Tensor<float> predicted = model(Tensor<float>(Shape{1, 1}, {10}));
  CHECK(predicted.shape() == Shape{1, 1});
  CHECK(predicted(0, 0) == Approx(21.0));
}

TEST_CASE("logistic and softmax regression agree with scikit-learn") {
  for (const std::string name : {"logistic", "logistic_no_bias", "softmax", "softmax_no_bias"}) {
    INFO(name);
    const std::string key = "linear_models/" + name;
    const auto x = reference<double>(key + "/x");
    const auto labels = reference<std::int32_t>(key + "/labels");
    const ClassifierOptions options{
        .l2 = noted(key, "l2"), .bias = noted(key, "bias") == 1.0, .tolerance = 1e-11};
    const auto model =
        name.starts_with("logistic")
            ? logistic_regression(x, labels, options)
            : softmax_regression(x, labels, static_cast<Index>(noted(key, "classes")), options);
    CHECK(model.converged);
    // scikit-learn stops where its line search cannot see a decrease any more: half of the digits.
    CHECK(relative_error(model.weight, reference<double>(key + "/weight"), 1.0) < 1e-6);
    // The biases of all classes together are not determined.
    const auto expected = reference<double>(key + "/bias");
    for (Index i = 0; i < expected.size(); ++i) {
      CHECK(model.bias[i] - model.bias[0] == Approx(expected[i] - expected[0]).margin(1e-6));
    }
    if (expected.size() == 1) CHECK(model.bias[0] == Approx(expected[0]).margin(1e-6));
  }
}

TEST_CASE("logistic_regression: separable data has no minimum, which ends with large weights") {
  const Tensor<double> x(Shape{4, 1}, {-2, -1, 1, 2});
  const auto model = logistic_regression(x, Tensor<std::int32_t>(Shape{4}, {0, 0, 1, 1}),
                                         {.tolerance = 1e-12, .max_iterations = 20});
  CHECK(std::isfinite(model.weight[0]));
  CHECK(model.weight[0] > 5.0);
  CHECK_FALSE(model.converged);
  CHECK(model.cost < 1e-3);
}

TEST_CASE("linear models: errors name what is wrong") {
  const Tensor<double> x(Shape{3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor<double> y(Shape{3});
  CHECK_THROWS_WITH(linear_regression(x, Tensor<double>(Shape{2})),
                    Contains("linear_regression: x has the shape (3, 2), the targets (2)"));
  CHECK_THROWS_WITH(linear_regression(x, y, {.ridge = -1.0}), Contains("ridge") && Contains("-1"));
  CHECK_THROWS_WITH(linear_regression(Tensor<double>(Shape{0, 2}), Tensor<double>(Shape{0})),
                    Contains("x must be a matrix with rows and columns, got the shape (0, 2)"));
  CHECK_THROWS_WITH(
      linear_regression(Tensor<double>(Shape{2, 2}, {1, 1, kNaN, 1}), Tensor<double>(Shape{2})),
      Contains("row 1, column 0 of x is nan"));
  CHECK_THROWS_WITH(linear_regression(Tensor<double>(Shape{3, 2}, {1, 1, 2, 2, 4, 4}), y,
                                      {.solver = LinearSolver::cholesky}),
                    Contains("columns of x that depend on others; use the solver qr"));
  CHECK_THROWS_WITH(linear_regression(x, Tensor<double>(Shape{3}, {1, kNaN, 2})),
                    Contains("linear_regression: row 1, column 0 of y is nan"));
  // Columns that depend on others up to rounding.
  Rng rng(1);
  for (int run = 0; run < 20; ++run) {
    Tensor<double> dependent(Shape{8, 3});
    for (Index i = 0; i < 8; ++i) {
      dependent(i, 0) = rng.normal();
      dependent(i, 1) = rng.normal();
      dependent(i, 2) = dependent(i, 0) + dependent(i, 1);
    }
    CHECK_THROWS_WITH(
        linear_regression(dependent, Tensor<double>(Shape{8}), {.solver = LinearSolver::cholesky}),
        Contains("depend on others"));
  }
  CHECK_THROWS_WITH(logistic_regression(x, Tensor<std::int32_t>(Shape{3}, {0, 1, 2})),
                    Contains("logistic_regression: label 2 is 2, expected 0 to 1"));
  CHECK_THROWS_WITH(softmax_regression(x, Tensor<std::int32_t>(Shape{3}), 1),
                    Contains("classes must be at least 2, got 1"));
  CHECK_THROWS_WITH(logistic_regression(x, Tensor<std::int32_t>(Shape{3}), {.max_iterations = 0}),
                    Contains("max_iterations must be at least 1, got 0"));
  CHECK_THROWS_WITH(linear_regression(x, y)(Tensor<double>(Shape{1, 3})),
                    Contains("(1, 3)") && Contains("(1, 2)"));
}
