// Jacobians and Hessians against derivatives by hand; PyTorch's are in the nets of the reference.
#include <cmath>

#include "catch.h"
#include "glissade/autograd/functional.h"
#include "glissade/autograd/grad.h"
#include "glissade/core/rng.h"

using namespace glissade;

namespace {

Variable<double> random_leaf(const Shape& shape, std::uint64_t seed) {
  Rng rng(seed);
  Tensor<double> x(shape);
  rng.fill_normal(x, 0.0, 1.0);
  return parameter(std::move(x));
}

}  // namespace

TEST_CASE("jacobian: fewer outputs than inputs, more, and several inputs") {
  const auto x = random_leaf(Shape{3}, 1);
  const auto y = random_leaf(Shape{2}, 2);
  SECTION("two outputs of five inputs") {
    const Variable<double> out =
        concat<double>({reshape(x[0] * y[1], {1}), reshape(exp(x[2]), {1})});
    const Tensor<double> j = jacobian(out, {x, y});
    REQUIRE(j.shape() == Shape{2, 5});
    CHECK(j(0, 0) == Approx(y.value()[1]));
    CHECK(j(0, 4) == Approx(x.value()[0]));
    CHECK(j(1, 2) == Approx(std::exp(x.value()[2])));
    CHECK(j(0, 1) == 0);
    CHECK(j(1, 4) == 0);
  }
  SECTION("six outputs of three inputs, by columns") {
    const auto a = random_leaf(Shape{6, 3}, 3);
    const Variable<double> out = sin(matmul(a.detach(), x));
    const Tensor<double> j = jacobian(out, {x});
    REQUIRE(j.shape() == Shape{6, 3});
    const Tensor<double> slope = cos(matmul(a.detach(), x)).value();
    for (Index i = 0; i < 6; ++i) {
      for (Index k = 0; k < 3; ++k) CHECK(j(i, k) == Approx(slope[i] * a.value()(i, k)));
    }
  }
  SECTION("more outputs than inputs, linear in them: the derivative has no graph of x") {
    const Variable<double> out = concat<double>({x * 2.0, x * 3.0});
    const Tensor<double> j = jacobian(out, {x, y});
    REQUIRE(j.shape() == Shape{6, 5});
    CHECK(j(1, 1) == 2);
    CHECK(j(5, 2) == 3);
    CHECK(j(5, 3) == 0);
  }
}

TEST_CASE("hessian and hvp of a function of two variables") {
  const auto x = random_leaf(Shape{2, 2}, 4);
  const auto y = random_leaf(Shape{3}, 5);
  // d2/dx_i^2 = e^x_i sum(y^2), d2/dx_i dy_j = 2 e^x_i y_j, d2/dy_j^2 = 2 sum(e^x).
  const Variable<double> f = sum(exp(x)) * sum(square(y));
  const Tensor<double> h = hessian(f, {x, y});
  REQUIRE(h.shape() == Shape{7, 7});
  const double squares = sum(square(y)).item();
  for (Index i = 0; i < 4; ++i) {
    const double e = std::exp(x.value()[i]);
    CHECK(h(i, i) == Approx(e * squares));
    CHECK(h(i, (i + 1) % 4) == Approx(0.0).margin(1e-14));
    for (Index j = 0; j < 3; ++j) {
      CHECK(h(i, 4 + j) == Approx(2 * e * y.value()[j]));
      CHECK(h(4 + j, i) == Approx(2 * e * y.value()[j]));
    }
  }
  CHECK(h(4, 4) == Approx(2 * sum(exp(x)).item()));

  const Tensor<double> v = random_leaf(Shape{2, 2}, 6).value();
  const Tensor<double> w = random_leaf(Shape{3}, 7).value();
  const auto products = hvp(f, {x, y}, {v, w});
  for (Index i = 0; i < 7; ++i) {
    double expected = 0.0;
    for (Index j = 0; j < 7; ++j) expected += h(i, j) * (j < 4 ? v[j] : w[j - 4]);
    CHECK((i < 4 ? products[0][i] : products[1][i - 4]) == Approx(expected));
  }
  CHECK_FALSE(x.has_grad());
}

TEST_CASE("hessian: zero for a linear function and for inputs that do not matter") {
  const auto x = random_leaf(Shape{2}, 8);
  const auto y = random_leaf(Shape{2}, 9);
  CHECK(hessian(sum(x * 3.0), {x}) == Tensor<double>(Shape{2, 2}));
  const Tensor<double> h = hessian(sum(square(x)), {x, y});
  CHECK(h(0, 0) == 2);
  CHECK(h(2, 2) == 0);
  CHECK(hvp(sum(x * 3.0), {x}, {Tensor<double>(Shape{2}, {1, 1})})[0] == Tensor<double>(Shape{2}));
  CHECK_THROWS_WITH(hvp(sum(square(x)), {x}, {Tensor<double>(Shape{3})}),
                    Contains("hvp: input 0 has the shape (2)") && Contains("(3)"));
  CHECK_THROWS_WITH(hvp(sum(square(x)), {x}, {}), Contains("hvp: 1 inputs, but 0 vectors"));
}
