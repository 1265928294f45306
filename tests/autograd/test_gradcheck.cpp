// Every operation's gradients, to second order, and that no operation is left out.

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>

#include "catch.h"
#include "glissade/autograd/operation.h"
#include "glissade/core/elementwise.h"
#include "op_registry.h"

using namespace glissade;
using namespace glissade::testing;

namespace {
using Vars = std::vector<Variable<double>>;

std::string shapes_of(const OpSample& sample) {
  std::string shapes;
  for (const auto& input : sample.inputs) shapes += to_string(input.shape()) + " ";
  return shapes;
}
}  // namespace

TEST_CASE("every operation passes gradcheck", "[gradcheck]") {
  Rng rng(1);
  for (const OpRow& row : op_registry()) {
    for (const OpSample& sample : row.samples(rng)) {
      INFO(row.function << " on " << shapes_of(sample));
      const GradcheckResult result = gradcheck(sample.function, sample.inputs);
      INFO(result.message);
      CHECK(result.passed);
    }
  }
}

TEST_CASE("every operation passes second-order gradcheck", "[gradcheck][slow]") {
  Rng rng(2);
  for (const OpRow& row : op_registry()) {
    for (const OpSample& sample : row.samples(rng)) {
      INFO(row.function << " on " << shapes_of(sample));
      const GradcheckResult result = gradgradcheck(sample.function, sample.inputs);
      INFO(result.message);
      CHECK(result.passed);
    }
  }
}

TEST_CASE("the registry has a row for every operation in ops.h, overloads included") {
  std::ifstream file(std::string(GLISSADE_SOURCE_DIR) +
                     "/autograd/include/glissade/autograd/ops.h");
  REQUIRE(file);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  std::map<std::string, int> declared;
  const std::regex declaration(R"(\nVariable<T> (\w+)\()");
  for (std::sregex_iterator match(text.begin(), text.end(), declaration), end; match != end;
       ++match) {
    ++declared[(*match)[1]];
  }
  REQUIRE(declared.size() > 40);
  std::map<std::string, int> rows;
  for (const OpRow& row : op_registry()) ++rows[row.function];
  CHECK(rows == declared);
}

namespace {
// x³ with a rule that is off by `factor`.
Variable<double> cube(const Variable<double>& x, double factor) {
  Tensor<double> y = x.value();
  for (double& v : y) v = v * v * v;
  return operation("cube", std::move(y), {x},
                   [factor](const auto& grad, const auto&, const auto& in) {
                     return grad * square(in) * (3.0 * factor);
                   });
}
}  // namespace

TEST_CASE("a user's own operation is checked, right and wrong") {
  Rng rng(3);
  const std::vector<Tensor<double>> inputs{random_tensor({2, 3}, rng)};
  CHECK(gradcheck([](const Vars& v) { return cube(v[0], 1.0); }, inputs).passed);
  CHECK(gradgradcheck([](const Vars& v) { return cube(v[0], 1.0); }, inputs).passed);
  const GradcheckResult wrong =
      gradcheck([](const Vars& v) { return cube(v[0], 1.00001); }, inputs);
  CHECK_FALSE(wrong.passed);
  CHECK_THAT(wrong.message, Contains("of input 0 (of shape (2, 3)): analytical"));
  CHECK_FALSE(gradcheck([](const Vars& v) { return cube(v[0], -1.0); }, inputs).passed);
}

TEST_CASE("gradcheck reports a second derivative that is wrong though the first is right") {
  // the rule multiplies with a constant instead of with the input
  const auto f = [](const Vars& v) {
    return operation(
        "square_detached", kernels::unary(kernels::Unary::square, v[0].value()), {v[0]},
        [](const auto& grad, const auto&, const auto& in) { return grad * in.detach() * 2.0; });
  };
  Rng rng(4);
  const std::vector<Tensor<double>> inputs{away_from_zero({3}, rng)};
  CHECK(gradcheck(f, inputs).passed);
  const GradcheckResult second = gradgradcheck(f, inputs);
  CHECK_FALSE(second.passed);
  CHECK_THAT(second.message, Contains("second order"));
}

TEST_CASE("gradcheck finds a missing term in one input only, and a wrong shape") {
  const auto missing = [](const Vars& v) {
    return operation(
        "mul_wrong", kernels::binary(kernels::Binary::mul, v[0].value(), v[1].value(), "mul"),
        {v[0], v[1]},
        [](const auto& grad, const auto&, const auto&, const auto& b) { return grad * b; },
        [](const auto& grad, const auto&, const auto&, const auto& b) { return grad * b * 0.0; });
  };
  Rng rng(5);
  const GradcheckResult result =
      gradcheck(missing, {away_from_zero({2}, rng), away_from_zero({2}, rng)});
  CHECK_FALSE(result.passed);
  CHECK_THAT(result.message, Contains("of input 1"));

  const auto misshapen = [](const Vars& v) {
    return operation("scaled", v[0].value(), {v[0]},
                     [](const auto& grad, const auto&, const auto&) { return sum(grad); });
  };
  const GradcheckResult shape = gradcheck(misshapen, {away_from_zero({2}, rng)});
  CHECK_FALSE(shape.passed);
  CHECK_THAT(shape.message, Contains("scaled: the backward rule gave a gradient of shape () for "
                                     "input 0, whose shape is (2)"));
}

TEST_CASE("gradcheck fails when the output does not depend on the input in the graph") {
  const GradcheckResult result =
      gradcheck([](const Vars& v) { return v[0].detach(); }, {Tensor<double>({2})});
  CHECK_FALSE(result.passed);
  CHECK_THAT(result.message, Contains("does not depend on the inputs"));
}

TEST_CASE("gradcheck fails where a derivative is not finite") {
  const auto none = [](const Vars& v) {
    return operation("exp_wrong", kernels::unary(kernels::Unary::exp, v[0].value()), {v[0]},
                     [](const auto& grad, const auto&, const auto&) { return grad * 0.0; });
  };
  CHECK_FALSE(gradcheck(none, {Tensor<double>({1}, {709.78})}).passed);  // the difference overflows
  const auto nan = [](const Vars& v) {
    return operation("nan", v[0].value(), {v[0]}, [](const auto& grad, const auto&, const auto&) {
      return grad * std::nan("");
    });
  };
  const GradcheckResult result = gradcheck(nan, {Tensor<double>({2}, {1.0, 2.0})});
  CHECK_FALSE(result.passed);
  CHECK(std::isnan(result.worst_error));
}
