// gradcheck on parameters, float32, functions that are not deterministic, and rules that cannot be
// differentiated; what it reports.

#include <cmath>

#include "catch.h"
#include "glissade/autograd/gradcheck.h"
#include "glissade/autograd/operation.h"
#include "op_registry.h"

using namespace glissade;
using namespace glissade::testing;

namespace {

using V = Variable<double>;
using Vars = std::vector<V>;

// The sine, with a rule that is off by `factor`.
template <class T>
Variable<T> sine(const Variable<T>& x, double factor) {
  Tensor<T> y = x.value();
  for (T& v : y) v = std::sin(v);
  return operation(
      "sine", std::move(y), {x},
      [factor](const auto& grad, const auto&, const auto& in) { return grad * cos(in) * factor; });
}

}  // namespace

TEST_CASE("a model as a function of its parameters") {
  Rng rng(1);
  const V x = random_tensor({6, 4}, rng);
  const Vars p{parameter(random_tensor({5, 4}, rng)), parameter(random_tensor({5}, rng)),
               parameter(random_tensor({1, 5}, rng))};
  const std::vector<Tensor<double>> before{p[0].value(), p[1].value(), p[2].value()};
  double factor = 1.0;
  const auto loss = [&] {
    return mean(square(matmul(sine(linear(x, p[0], p[1]), factor), transpose(p[2]))));
  };
  const GradcheckResult right = gradcheck(loss, p);
  INFO(right.message);
  CHECK(right.passed);
  CHECK(right.compared == 2 * (20 + 5 + 5));
  CHECK(gradgradcheck(loss, p).passed);
  for (std::size_t k = 0; k < p.size(); ++k) {
    CHECK(p[k].value() == before[k]);
    CHECK_FALSE(p[k].has_grad());
  }
  factor = 1.001;
  const GradcheckResult wrong = gradcheck(loss, p, {.name = "the model"});
  CHECK(wrong.status == GradcheckStatus::failed);
  CHECK_THAT(wrong.message, Contains("gradcheck of the model: element ") &&
                                Contains("of input 0 (of shape (5, 4)): analytical") &&
                                Contains("numerical") && Contains("error estimate"));
  CHECK_THROWS_WITH(gradcheck(loss, Vars{p[0], V(Tensor<double>({1}))}),
                    Contains("gradcheck: parameter 1 is not a leaf that requires a gradient"));
}

TEST_CASE("the report names the worst element, both values, the step and the error estimate") {
  const std::vector<Tensor<double>> x{Tensor<double>({2}, {0.25, 0.5})};
  const GradcheckResult result = gradcheck([](const Vars& v) { return sine(v[0], 1.0); }, x);
  REQUIRE(result.passed);
  CHECK(result.message.empty());
  CHECK(result.worst.input == 0);
  CHECK(result.worst.analytical == Approx(result.worst.numerical));
  CHECK(result.worst.step > 0.0);
  CHECK(result.worst.error > 0.0);
  CHECK(result.worst.error < 1e-11);
  CHECK(result.worst.tolerance > result.worst.error);
  CHECK_THAT(to_string(result), Contains("passed: 4 derivatives compared, 0 not smooth; worst: "
                                         "element ") &&
                                    Contains("of input 0: analytical"));
  CHECK_THROWS_WITH(gradcheck([](const Vars& v) { return v[0]; }, x, {.samples = 0}),
                    Contains("gradcheck: samples = 0 must be positive"));
  CHECK_THROWS_WITH(gradcheck([](const Vars& v) { return v[0]; }, x, {.projections = -1}),
                    Contains("gradcheck: projections = -1 must be positive"));
  CHECK_THROWS_WITH(gradcheck([](const Vars& v) { return v[0]; }, x, {.safety = 0.0}),
                    Contains("gradcheck: safety = 0 must be positive"));
}

TEST_CASE("a function that is not deterministic is named, forward and backward") {
  const std::vector<Tensor<double>> x{Tensor<double>({2}, {0.25, 0.5})};
  int calls = 0;
  const auto forward = [&](const Vars& v) { return v[0] * (1.0 + 1e-15 * ++calls); };
  const GradcheckResult first = gradcheck(forward, x, {.name = "dropout"});
  CHECK(first.status == GradcheckStatus::not_deterministic);
  CHECK_FALSE(first.passed);
  CHECK_THAT(first.message, Contains("gradcheck of dropout: not deterministic: two calls"));
  const auto backward = [&](const Vars& v) {
    return operation("unsteady", v[0].value(), {v[0]},
                     [&calls](const auto& grad, const auto&, const auto&) {
                       return grad * (1.0 + 1e-15 * ++calls);
                     });
  };
  const GradcheckResult second = gradcheck(backward, x);
  CHECK(second.status == GradcheckStatus::not_deterministic);
  CHECK_THAT(second.message, Contains("two backward passes gave different gradients of input 0"));
}

TEST_CASE("a rule that is not differentiable in the gradient it is given fails VJP against JVP") {
  const auto f = [](const Vars& v) {
    return operation(
        "detached", v[0].value(), {v[0]},
        [](const auto& grad, const auto&, const auto& in) { return grad.detach() + in * 0.0; });
  };
  const GradcheckResult result = gradcheck(f, {Tensor<double>({2}, {1.0, 2.0})});
  CHECK(result.status == GradcheckStatus::failed);
  CHECK_THAT(result.message, Contains("the Jacobian-vector product says 0, the vector-Jacobian"));
}

TEST_CASE("a function that gives no digits to compare is not smooth, and does not pass") {
  // a staircase: its true derivative is zero everywhere but at the steps
  const auto stairs = [](const Vars& v) {
    Tensor<double> y = v[0].value();
    for (double& z : y) z = std::floor(z * 1e8) * 1e-8;
    return operation("stairs", std::move(y), {v[0]},
                     [](const auto& grad, const auto&, const auto&) { return grad * 1.0; });
  };
  const GradcheckResult result = gradcheck(stairs, {Tensor<double>({1}, {0.123456789012})});
  CHECK_FALSE(result.passed);
}

TEST_CASE("float32 gradients against float64 ones") {
  Rng rng(2);
  for (const double factor : {1.0, 1.001, -1.0}) {
    const auto f = [factor]<class T>(const std::vector<Variable<T>>& v) {
      return softmax(matmul(sine(v[0], factor), v[1]), -1);
    };
    const auto right = []<class T>(const std::vector<Variable<T>>& v) {
      return softmax(matmul(sine(v[0], 1.0), v[1]), -1);
    };
    Tensor<float> a({4, 7});
    Tensor<float> b({7, 3});
    rng.fill_normal(a);
    rng.fill_normal(b);
    const GradcheckResult result = gradcheck_float(f, right, {a, b});
    INFO(result.message);
    CHECK(result.passed == (factor == 1.0));
    if (factor != 1.0) CHECK_THAT(result.message, Contains("float32: gradcheck: element"));
    CHECK(gradcheck_float(f, {a, b}).passed);  // both are wrong in the same way
  }
}

TEST_CASE("float32 gradients of every activation pass") {
  using Kind = Activation::Kind;
  Rng rng(3);
  for (const Kind kind : {Kind::relu, Kind::leaky_relu, Kind::elu, Kind::gelu, Kind::silu,
                          Kind::tanh, Kind::sigmoid, Kind::softplus}) {
    Tensor<float> x({37});
    rng.fill_normal(x, 0.0F, 2.0F);
    const GradcheckResult result = gradcheck_float(
        [kind]<class T>(const std::vector<Variable<T>>& v) {
          return activation(v[0], Activation{kind, 0.3});
        },
        {x});
    INFO(static_cast<int>(kind) << result.message);
    CHECK(result.passed);
  }
}
