// Numerical derivatives against closed forms, complex steps, and automatic differentiation.

#include <algorithm>
#include <cmath>
#include <complex>

#include "catch.h"
#include "glissade/autograd/functional.h"
#include "glissade/autograd/grad.h"
#include "glissade/autograd/numerical.h"
#include "glissade/core/rng.h"

using namespace glissade;

namespace {

using V = Variable<double>;
using Vars = std::vector<V>;
using Tensors = std::vector<Tensor<double>>;
using Complex = std::complex<double>;

Tensor<double> normal(const Shape& shape, std::uint64_t seed, double std = 1.0) {
  Tensor<double> tensor(shape);
  Rng(seed).fill_normal(tensor, 0.0, std);
  return tensor;
}

double largest(const Tensor<double>& tensor) {
  double most = 0.0;
  for (const double x : tensor) most = std::max(most, std::fabs(x));
  return most;
}

// The largest error beside the largest element. The estimates bound their errors within a factor 3
// but for one element in a hundred, and all within 10.
double relative_error(const std::vector<numerical::Result>& numerical, const Tensors& expected) {
  double worst = 0.0;
  double scale = 0.0;
  Index elements = 0;
  Index beyond = 0;
  REQUIRE(numerical.size() == expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    REQUIRE(numerical[k].value.shape() == expected[k].shape());
    scale = std::max(scale, largest(expected[k]));
    for (Index i = 0; i < expected[k].size(); ++i) {
      const double error = std::fabs(numerical[k].value[i] - expected[k][i]);
      worst = std::max(worst, error);
      // the expected value has its own rounding errors
      const double own = 0x1p-48 * largest(expected[k]);
      CHECK(error <= 10.0 * numerical[k].error[i] + own);
      if (!(error <= 3.0 * numerical[k].error[i] + own)) ++beyond;
      ++elements;
    }
  }
  CHECK(beyond <= elements / 100);
  return worst / scale;
}

// The ladder on a loss of parameters, against its gradient by the backward pass.
double ladder_error(const std::function<V(const Vars&)>& loss, const Tensors& values) {
  Vars parameters;
  for (const Tensor<double>& value : values) parameters.push_back(parameter(value));
  Tensors expected;
  for (const V& gradient : grad(loss(parameters), parameters)) expected.push_back(gradient.value());
  const auto found = numerical::gradient([&] { return loss(parameters); }, parameters);
  for (std::size_t k = 0; k < values.size(); ++k) CHECK(parameters[k].value() == values[k]);
  return relative_error(found, expected);
}

V mlp(const V& x, const Vars& p, const Activation& f) {
  return linear(activation(linear(activation(linear(x, p[0], p[1]), f), p[2], p[3]), f), p[4],
                p[5]);
}

constexpr double kGoal = 2e-10;

}  // namespace

TEST_CASE("the ladder: quadratic and Rosenbrock in 2, 10 and 1000 dimensions, closed form",
          "[slow]") {
  for (const Index n : {2, 10, 1000}) {
    const Tensor<double> x = normal({n}, 1);
    Tensor<double> expected({n});
    for (Index i = 0; i < n; ++i) expected[i] = static_cast<double>(i + 1) * x[i];
    const auto quadratic = [n](const Tensor<double>& at) {
      double total = 0.0;
      for (Index i = 0; i < n; ++i) total += 0.5 * static_cast<double>(i + 1) * at[i] * at[i];
      return total;
    };
    CHECK(relative_error({numerical::gradient(quadratic, x)}, {expected}) < kGoal);

    const auto rosenbrock = [n](const Tensor<double>& at) {
      double total = 0.0;
      for (Index i = 0; i + 1 < n; ++i) {
        const double bend = at[i + 1] - at[i] * at[i];
        total += 100.0 * bend * bend + (1.0 - at[i]) * (1.0 - at[i]);
      }
      return total;
    };
    expected.fill(0.0);
    for (Index i = 0; i + 1 < n; ++i) {
      const double bend = x[i + 1] - x[i] * x[i];
      expected[i] += -400.0 * bend * x[i] - 2.0 * (1.0 - x[i]);
      expected[i + 1] += 200.0 * bend;
    }
    const numerical::Result result = numerical::gradient(rosenbrock, x);
    CHECK(relative_error({result}, {expected}) < kGoal);
    CHECK(result.evaluations < 45 * n + 20);
  }
}

TEST_CASE("the ladder: linear and logistic regression, a Gaussian mixture") {
  const V x = normal({1000, 20}, 2);
  const V y = normal({1000, 1}, 3);
  CHECK(ladder_error([&](const Vars& p) { return mean(square(matmul(x, p[0]) + p[1] - y)); },
                     {normal({20, 1}, 4), normal({1}, 5)}) < kGoal);

  const V features = normal({1000, 100}, 6);
  Tensor<double> labels({1000, 1});
  for (Index i = 0; i < 1000; i += 2) labels[i] = 1.0;
  CHECK(ladder_error(
            [&](const Vars& p) {
              const V z = matmul(features, p[0]) + p[1];
              return mean(softplus(z) - z * V(labels));
            },
            {normal({100, 1}, 7), normal({1}, 8)}) < kGoal);

  const V points = normal({200, 3}, 9);
  CHECK(ladder_error(
            [&](const Vars& p) {
              Vars parts;
              for (Index k = 0; k < 4; ++k) {
                const V z = (points - p[1][k]) * exp(p[2][k]);
                parts.push_back(reshape(p[0][k] + sum(p[2][k]) - 0.5 * sum(square(z), 1, false),
                                        Shape{1, 200}));
              }
              return 200.0 * logsumexp(reshape(p[0], {4}), 0, false) -
                     sum(logsumexp(concat(parts, 0), 0, false));
            },
            {normal({4}, 10), normal({4, 3}, 11), normal({4, 3}, 12, 0.3)}) < kGoal);
}

TEST_CASE("the ladder: networks, with kinks inside the larger steps") {
  using Kind = Activation::Kind;
  const V x = normal({32, 10}, 13);
  const V y = normal({32, 1}, 14);
  for (const Kind kind : {Kind::tanh, Kind::relu}) {
    CHECK(ladder_error([&](const Vars& p) { return mean(square(mlp(x, p, Activation{kind}) - y)); },
                       {normal({16, 10}, 15, 0.3), normal({16}, 16, 0.1), normal({8, 16}, 17, 0.3),
                        normal({8}, 18, 0.1), normal({1, 8}, 19, 0.3), normal({1}, 20, 0.1)}) <
          kGoal);
  }
}

TEST_CASE("the ladder: some weights of 784-128-10 with cross-entropy", "[slow]") {
  const V x = normal({64, 784}, 21);
  Tensor<std::int32_t> labels({64, 1});
  for (Index i = 0; i < 64; ++i) labels[i] = static_cast<std::int32_t>(i % 10);
  Vars p{parameter(normal({128, 784}, 22, 0.05)), parameter(normal({128}, 23, 0.05)),
         parameter(normal({10, 128}, 24, 0.1)), parameter(normal({10}, 25, 0.1))};
  const auto loss = [&] {
    const V logits = linear(linear(x, p[0], p[1], {Activation::Kind::relu}), p[2], p[3]);
    return mean(gather(log_softmax(logits, 1), 1, labels)) * -1.0;
  };
  const Vars gradients = grad(loss(), p);
  Rng rng(26);
  for (std::size_t k = 0; k < p.size(); ++k) {
    for (int i = 0; i < 5; ++i) {
      const Index at = rng.integer(0, p[k].size());
      const double before = p[k].value()[at];
      const auto along = [&](double w) {
        p[k].mutable_value()[at] = w;
        const NoGradGuard no_grad;
        return loss().item();
      };
      const numerical::Estimate found = numerical::derivative(along, before);
      p[k].mutable_value()[at] = before;
      const double expected = gradients[k].value()[at];
      CHECK(std::fabs(found.value - expected) < kGoal * largest(gradients[k].value()));
    }
  }
}

TEST_CASE("the methods with a fixed step have the errors that theory says") {
  const auto f = [](double x) { return std::exp(x); };
  const double expected = std::exp(1.0);
  const auto error = [&](numerical::Difference method, double step) {
    const numerical::Estimate found =
        numerical::derivative(f, 1.0, {.method = method, .step = step});
    CHECK(std::isnan(found.error));
    return found.value - expected;
  };
  using enum numerical::Difference;
  CHECK(error(forward, 1e-3) == Approx(0.5e-3 * expected).epsilon(1e-3));
  CHECK(error(central, 1e-2) == Approx(1e-4 / 6.0 * expected).epsilon(1e-3));
  CHECK(error(five_point, 0.1) == Approx(-1e-4 / 30.0 * expected).epsilon(1e-2));
  CHECK(std::fabs(error(forward, 0.0)) < 1e-7);
  CHECK(std::fabs(error(forward, 0.0)) > 1e-10);
  CHECK(std::fabs(error(central, 0.0)) < 2e-10);
  CHECK(std::fabs(error(five_point, 0.0)) < 5e-12);
  CHECK(std::fabs(numerical::derivative(f, 1.0).value - expected) < 1e-12);
  CHECK_THROWS_WITH(error(central, -1.0), Contains("numerical: the step -1 must be positive"));
}

TEST_CASE("the divisor is the step as it was realised") {
  // at x = 1e9, h = 1e-7 is not a multiple of the spacing of numbers
  const auto line = [](double x) { return x; };
  for (const auto method : {numerical::Difference::forward, numerical::Difference::central}) {
    CHECK(numerical::derivative(line, 1e9, {.method = method, .step = 3e-16}).value == 1.0);
  }
}

TEST_CASE("evaluations: n + 1 forward, 2n central, 4n five-point, and one for the shape") {
  Index calls = 0;
  const auto f = [&calls](const Tensor<double>& x) {
    ++calls;
    return x[0] * x[2];
  };
  const Tensor<double> x({3}, {1.0, 2.0, 3.0});
  using enum numerical::Difference;
  for (const auto& [method, count] :
       {std::pair{forward, Index{4}}, {central, 7}, {five_point, 13}}) {
    calls = 0;
    CHECK(numerical::gradient(f, x, {.method = method}).evaluations == count);
    CHECK(calls == count);
  }
  calls = 0;
  const numerical::Projection projection =
      numerical::projection(f, x, Tensor<double>({3}, {3.0, 0.0, 1.0}));
  CHECK(calls == 4);
  CHECK(std::fabs(projection.numerical - projection.analytical) <= projection.error);
  CHECK(projection.error < 1e-8);
}

TEST_CASE("any callable: tensors, variables, several of them, none") {
  const Tensor<double> x({2}, {0.5, -1.5});
  const Tensors both{x, Tensor<double>({1}, {2.0})};
  const Tensor<double> expected({2}, {std::cos(0.5), std::cos(1.5)});
  const auto check_sines = [&](const numerical::Result& found) {
    CHECK(relative_error({found}, {expected}) < 1e-12);
  };
  check_sines(numerical::gradient(
      [](const Tensor<double>& t) { return std::sin(t[0]) + std::sin(t[1]); }, x));
  check_sines(numerical::gradient([](const V& v) { return sum(sin(v)); }, x));
  const auto tensors = numerical::gradient(
      [](const Tensors& t) { return t[1][0] * (std::sin(t[0][0]) + std::sin(t[0][1])); }, both);
  CHECK(tensors[0].value[0] == Approx(2.0 * expected[0]));
  CHECK(tensors[1].value[0] == Approx(std::sin(0.5) + std::sin(-1.5)));
  const auto variables =
      numerical::gradient([](const Vars& v) { return sum(v[1] * sin(v[0])); }, both);
  CHECK(variables[0].value[1] == Approx(2.0 * expected[1]));
  CHECK_THROWS_WITH(numerical::gradient([](const V& v) { return v * 2.0; }, x),
                    Contains("the function of a gradient returns one number, not 2"));
}

TEST_CASE("what was changed is put back, also when the function throws") {
  Vars p{parameter(Tensor<double>({2}, {1.0, 2.0}))};
  int calls = 0;
  const auto throws = [&] {
    check(++calls < 30, "enough");
    return sum(square(p[0]));
  };
  CHECK_THROWS_WITH(numerical::gradient(throws, p), Contains("enough"));
  CHECK(p[0].value() == Tensor<double>({2}, {1.0, 2.0}));
  calls = 28;
  CHECK_THROWS_WITH(numerical::projection(throws, p, {Tensor<double>({2})}), Contains("enough"));
  CHECK(p[0].value() == Tensor<double>({2}, {1.0, 2.0}));
}

TEST_CASE("complex steps are exact to rounding, and agree with the ladder") {
  const auto f = []<class T>(const T& x) { return std::exp(x) / std::sqrt(std::sin(x) + x * x); };
  const double exact = numerical::complex_step(f, 1.5);
  const numerical::Estimate found = numerical::derivative([&](double x) { return f(x); }, 1.5);
  CHECK(std::fabs(found.value - exact) <= 3.0 * found.error);
  CHECK(found.error < 1e-11 * std::fabs(exact));
  // Squire and Trapp's example, at x = 1.5
  const auto g = [](Complex x) {
    return std::exp(x) / (std::pow(std::sin(x), 3.0) + std::pow(std::cos(x), 3.0));
  };
  CHECK(numerical::complex_step(g, 1.5) == Approx(3.622033700716).epsilon(1e-12));

  const Tensor<double> x({3}, {0.5, -1.0, 2.0});
  const Tensor<double> gradient = numerical::complex_step(
      [](std::span<const Complex> z) { return z[0] * std::sin(z[1]) + z[2] * z[2]; }, x);
  CHECK(gradient[0] == Approx(std::sin(-1.0)).epsilon(1e-15));
  CHECK(gradient[1] == Approx(0.5 * std::cos(-1.0)).epsilon(1e-15));
  CHECK(gradient[2] == Approx(4.0).epsilon(1e-15));
}

TEST_CASE("Jacobians, Hessians from values and from gradients, directions") {
  const Tensor<double> x = normal({4}, 30);
  const Tensor<double> a = normal({3, 4}, 31);
  const auto map = [&](const V& v) { return tanh(matmul(V(a), v)); };
  const V leaf = parameter(x);
  const Tensor<double> j = jacobian(map(leaf), {leaf});
  const numerical::Result found = numerical::jacobian(map, x);
  CHECK(relative_error({found}, {j}) < 1e-11);

  const auto f = [&](const V& v) { return sum(exp(map(v))) * sum(square(v)); };
  const Tensor<double> h = hessian(f(leaf), {leaf});
  const numerical::Result from_values = numerical::hessian(f, x);
  CHECK(relative_error({from_values}, {h}) < 1e-7);
  const auto gradient = [&](const Tensor<double>& at) {
    const RecordingScope recording(true);
    const V v = parameter(at);
    return grad(f(v), {v})[0].value();
  };
  const numerical::Result from_gradient = numerical::hessian_of_gradient(gradient, x);
  CHECK(relative_error({from_gradient}, {h}) < 1e-11);
  CHECK(from_gradient.value(1, 3) == from_gradient.value(3, 1));

  const Tensor<double> d = normal({4}, 32);
  const Tensor<double> g = gradient(x);
  double expected = 0.0;
  for (Index i = 0; i < 4; ++i) expected += g[i] * d[i];
  const numerical::Estimate along = numerical::directional(f, x, d);
  CHECK(std::fabs(along.value - expected) <= 3.0 * along.error);
  CHECK(along.error < 1e-10 * std::fabs(expected));
  CHECK_THROWS_WITH(numerical::directional(f, x, normal({3}, 1)), Contains("the direction (3)"));
}

TEST_CASE("four evaluations find one wrong element in a million", "[slow]") {
  const Index n = 1'000'000;
  const Tensor<double> x = normal({n}, 40);
  const auto f = [](const Tensor<double>& at) {
    double total = 0.0;
    for (Index i = 0; i < n; ++i) total += std::sin(at[i]);
    return total;
  };
  Tensor<double> gradient({n});
  for (Index i = 0; i < n; ++i) gradient[i] = std::cos(x[i]);
  numerical::Projection right = numerical::projection(f, x, gradient);
  CHECK(std::fabs(right.numerical - right.analytical) <= right.error);
  gradient[123'456] = 0.0;
  const numerical::Projection wrong = numerical::projection(f, x, gradient);
  CHECK(std::fabs(wrong.numerical - wrong.analytical) > 100.0 * wrong.error);
}
