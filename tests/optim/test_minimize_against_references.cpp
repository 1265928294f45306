// The points that methods go through, against PyTorch's L-BFGS and against NumPy's, written from
// the books (scripts/reference/reference_minimize.py).
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "catch.h"
#include "glissade/optim/lbfgs.h"
#include "glissade/optim/least_squares.h"
#include "glissade/optim/minimize.h"
#include "glissade/optim/newton.h"
#include "glissade/optim/test_functions.h"
#include "support/reference.h"

using namespace glissade;
using namespace glissade::optim;

namespace {

using Function = std::function<Variable<double>(const Variable<double>&)>;

const std::map<std::string, Function>& functions() {
  namespace tf = test_functions;
  static const std::map<std::string, Function> all{
      {"rosenbrock_2", tf::rosenbrock<double>},
      {"rosenbrock_10", tf::rosenbrock<double>},
      {"beale", tf::beale<double>},
      {"booth", tf::booth<double>},
      {"himmelblau", tf::himmelblau<double>},
      {"rastrigin", tf::rastrigin<double>},
      {"ackley", tf::ackley<double>},
      {"styblinski_tang", tf::styblinski_tang<double>},
      {"ill_conditioned", [](const auto& x) { return tf::ill_conditioned(x, 1e4); }},
  };
  return all;
}

Tensor<double> row(const Tensor<double>& points, Index i) {
  const Index n = points.dim(1);
  return Tensor<double>(
      Shape{n}, std::span<const double>(points.data() + i * n, static_cast<std::size_t>(n)));
}

// Relative to 1 where the minimum is at 0. Points that the method stays at, because a step was
// refused, are in both.
void compare(const Tensor<double>& points, const MinimizeResult<Tensor<double>>& result,
             double tolerance) {
  REQUIRE(static_cast<Index>(result.history.size()) == points.dim(0));
  for (Index i = 0; i < points.dim(0); ++i) {
    INFO("point " << i);
    const Tensor<double>& point = result.history[static_cast<std::size_t>(i)].point;
    const Tensor<double> expected = row(points, i);
    for (Index j = 0; j < point.size(); ++j) {
      CHECK(std::abs(point[j] - expected[j]) < tolerance * std::max(1.0, std::abs(expected[j])));
    }
  }
}

template <class Options>
int follow(const std::string& method, const Options& options) {
  int found = 0;
  for (const auto& [name, f] : functions()) {
    const std::string key = "minimize/" + method + "/" + name + "/points";
    if (!has_reference(key)) continue;
    ++found;
    INFO(key);
    const auto points = reference<double>(key);
    const auto result = minimize(f, row(points, 0), options, max_iterations(points.dim(0) - 1),
                                 {.history = true, .history_points = true});
    compare(points, result, kTolerance<double>);
  }
  return found;
}

}  // namespace

TEST_CASE("L-BFGS goes through the points of PyTorch's") {
  CHECK(follow("lbfgs", LBFGSOptions{.first_step_norm = 1}) == 9);
}

TEST_CASE("damped Newton goes through the points of an independent one") {
  CHECK(follow("newton", NewtonOptions{}) == 7);
}

TEST_CASE("the trust region goes through the points of an independent one") {
  CHECK(follow("trust_region", TrustRegionOptions{}) == 7);
}

TEST_CASE("Levenberg-Marquardt goes through the points of an independent one") {
  for (const std::string name : {"exponential_decay", "sine"}) {
    INFO(name);
    const std::string key = "minimize/levenberg_marquardt/" + name;
    const Variable<double> t(reference<double>(key + "/t"));
    const Variable<double> y(reference<double>(key + "/y"));
    const auto points = reference<double>(key + "/points");
    const auto residuals = [&](const Variable<double>& x) {
      if (name == "sine") return x[0] * sin(x[1] * t + x[2]) - y;
      return x[0] * exp(-x[1] * t) + x[2] - y;
    };
    const auto result =
        least_squares(residuals, row(points, 0), LevenbergMarquardtOptions{},
                      max_iterations(points.dim(0) - 1), {.history = true, .history_points = true});
    compare(points, result, kTolerance<double>);
  }
}
