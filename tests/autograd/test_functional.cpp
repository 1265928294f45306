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

TEST_CASE("value_and_grad, vjp, jvp and hvp of functions, by hand") {
  using V = Variable<double>;
  const Tensor<double> x(Shape{3}, {1.0, 2.0, -0.5});
  const Tensor<double> v(Shape{3}, {0.5, -1.0, 2.0});
  const auto cubes = [](const V& in) { return in * in * in; };
  const auto total = [&](const V& in) { return sum(cubes(in)); };
  const auto [value, gradient] = value_and_grad(total, x);
  CHECK(value == 8.875);
  CHECK(gradient == Tensor<double>(Shape{3}, {3.0, 12.0, 0.75}));
  CHECK(vjp(cubes, x, v).product == Tensor<double>(Shape{3}, {1.5, -12.0, 1.5}));
  CHECK(jvp(cubes, x, v).product == Tensor<double>(Shape{3}, {1.5, -12.0, 1.5}));
  CHECK(jvp(cubes, x, v).value == Tensor<double>(Shape{3}, {1.0, 8.0, -0.125}));
  CHECK(hvp(total, x, v).product == Tensor<double>(Shape{3}, {3.0, -12.0, -6.0}));
  CHECK(hessian(total, x)(1, 1) == 12.0);
  CHECK(laplacian(total, x).item() == 15.0);

  // a b + b: (2, 1) and (3), a Jacobian that is neither square nor symmetric
  const std::vector<Tensor<double>> ab = {Tensor<double>(Shape{2, 1}, {2.0, 3.0}), x};
  const auto f = [](const std::vector<V>& in) { return in[0] * in[1] + in[1]; };
  const std::vector<Tensor<double>> along = {Tensor<double>(Shape{2, 1}, {1.0, -1.0}), v};
  const Tensor<double> forward = jvp(f, ab, along).product;
  REQUIRE(forward.shape() == Shape{2, 3});
  CHECK(forward(0, 1) == 1.0 * 2.0 + 3.0 * -1.0);
  CHECK(forward(1, 2) == -1.0 * -0.5 + 4.0 * 2.0);
  const Tensor<double> rows = jacobian(f, ab, JacobianBy::rows);
  CHECK(rows == jacobian(f, ab, JacobianBy::columns));
  CHECK(rows(5, 1) == -0.5);
  CHECK(rows(5, 4) == 4.0);
  CHECK(rows(5, 0) == 0.0);
  const auto back = vjp(f, ab, Tensor<double>::full(Shape{2, 3}, 1.0)).product;
  CHECK(back[0] == Tensor<double>(Shape{2, 1}, {2.5, 2.5}));
  CHECK(back[1] == Tensor<double>(Shape{3}, {7.0, 7.0, 7.0}));
}

TEST_CASE("derivative tools record where the caller does not, and leave no trace") {
  using V = Variable<double>;
  const V w = random_leaf(Shape{3}, 10);
  const Tensor<double> x(Shape{3}, {1.0, 2.0, 3.0});
  const auto f = [&](const V& in) { return sum(w * square(in)); };
  const NoGradGuard no_grad;
  CHECK(value_and_grad(f, x).gradient[2] == Approx(6.0 * w.value()[2]));
  CHECK(hvp(f, x, x).product[1] == Approx(4.0 * w.value()[1]));
  CHECK(hessian(f, x)(0, 0) == Approx(2.0 * w.value()[0]));
  CHECK(jvp(f, x, x).product.item() == Approx(2.0 * f(V(x)).item()));
  CHECK_FALSE(w.has_grad());
  CHECK_FALSE(is_recording());
}

TEST_CASE("derivative tools: a function of nothing has derivatives of zero; errors name shapes") {
  using V = Variable<double>;
  const Tensor<double> x(Shape{2}, {1.0, 2.0});
  const auto constant = [](const V&) { return V(Tensor<double>::scalar(4.0)); };
  CHECK(value_and_grad(constant, x).value == 4.0);
  CHECK(value_and_grad(constant, x).gradient == Tensor<double>(Shape{2}));
  CHECK(hvp(constant, x, x).product == Tensor<double>(Shape{2}));
  CHECK(jvp(constant, x, x).product == Tensor<double>(Shape{}));
  CHECK(hessian(constant, x) == Tensor<double>(Shape{2, 2}));
  CHECK(jacobian(constant, x, JacobianBy::columns) == Tensor<double>(Shape{1, 2}));
  CHECK(laplacian(constant, x).item() == 0.0);

  const auto identity = [](const V& in) { return in; };
  CHECK_THROWS_WITH(value_and_grad(identity, x), Contains("(2)") && Contains("one element"));
  CHECK_THROWS_WITH(hessian(identity, x), Contains("hessian") && Contains("(2)"));
  CHECK_THROWS_WITH(vjp(identity, x, Tensor<double>(Shape{3})),
                    Contains("vjp: the output has the shape (2), the vector (3)"));
  CHECK_THROWS_WITH(jvp(identity, x, Tensor<double>(Shape{3})),
                    Contains("jvp: input 0 has the shape (2), the vector for it (3)"));
}

TEST_CASE("batched_jacobian: blocks of the whole Jacobian; examples that are not independent") {
  const auto x = random_leaf(Shape{4, 3}, 11);
  const auto a = random_leaf(Shape{2, 3}, 12);
  const Variable<double> y = sin(linear(x, a, Variable<double>()));
  const Tensor<double> whole = jacobian(y, {x});
  for (const JacobianBy by : {JacobianBy::rows, JacobianBy::columns, JacobianBy::automatic}) {
    const Tensor<double> blocks = batched_jacobian(y, x, by);
    REQUIRE(blocks.shape() == Shape{4, 2, 3});
    for (Index b = 0; b < 4; ++b) {
      for (Index i = 0; i < 2; ++i) {
        for (Index j = 0; j < 3; ++j) {
          CHECK(blocks(b, i, j) == Approx(whole(b * 2 + i, b * 3 + j)).epsilon(1e-14));
        }
      }
    }
  }
  CHECK(batched_jacobian(y * 0.0 + 1.0, x) == Tensor<double>(Shape{4, 2, 3}));
  CHECK_THROWS_WITH(batched_jacobian(x - mean(x, 0), x), Contains("example 2 of x (4, 3)"));
  CHECK_THROWS_WITH(batched_jacobian(softmax(x, 0), x), Contains("depend on"));
  CHECK_THROWS_WITH(batched_jacobian(sum(y, 0), x), Contains("(2)") && Contains("(4, 3)"));
}

TEST_CASE("laplacian: of a batch, against the trace of Hessians, and as a part of a graph") {
  using V = Variable<double>;
  const auto x = random_leaf(Shape{5, 2}, 13);
  const auto w = random_leaf(Shape{2}, 14);
  // u = sin(w0 x0) e^(w1 x1): the Laplacian is (w1^2 - w0^2) u
  const auto u_of = [&](const V& in) {
    return sin(slice(in, 1, 0, 1) * w[0]) * exp(slice(in, 1, 1, 2) * w[1]);
  };
  const V u = u_of(x);
  const V l = laplacian(u, x, {.create_graph = true});
  REQUIRE(l.shape() == Shape{5, 1});
  const double w0 = w.value()[0];
  const double w1 = w.value()[1];
  for (Index i = 0; i < 5; ++i) {
    CHECK(l.value()[i] == Approx((w1 * w1 - w0 * w0) * u.value()[i]).epsilon(1e-12));
    const auto one = [&](const V& in) { return u_of(reshape(in, Shape{1, 2})); };
    const Tensor<double> point(Shape{2}, {x.value()(i, 0), x.value()(i, 1)});
    const Tensor<double> h = hessian(one, point);
    CHECK(l.value()[i] == Approx(h(0, 0) + h(1, 1)).epsilon(1e-12));
  }
  // d/dw of the sum of the Laplacians: against that of the closed form
  const V closed = sum((square(w[1]) - square(w[0])) * u);
  const Tensor<double> expected = grad(closed, {w}, {.retain_graph = true})[0].value();
  const Tensor<double> actual = grad(sum(l), {w}, {.retain_graph = true})[0].value();
  for (Index i = 0; i < 2; ++i) CHECK(actual[i] == Approx(expected[i]).epsilon(1e-12));
  CHECK_FALSE(laplacian(u, x).requires_grad());
  CHECK(laplacian(sum(x, 1), x).value() == Tensor<double>(Shape{5}));
  CHECK_THROWS_WITH(laplacian(x, x), Contains("laplacian") && Contains("(5, 2)"));
}

TEST_CASE("third derivatives by repeated grad") {
  // x^5: 5 x^4, 20 x^3, 60 x^2, 120 x, 120
  const auto x = parameter(Tensor<double>::scalar(1.5));
  Variable<double> d = pow(x, 5.0);
  const double expected[] = {5 * 5.0625, 20 * 3.375, 60 * 2.25, 120 * 1.5, 120};
  for (const double value : expected) {
    d = grad(d, {x}, {.create_graph = true})[0];
    CHECK(d.item() == Approx(value).epsilon(1e-14));
  }
}

TEST_CASE("largest_eigenvalue: of quadratics with known spectra") {
  const auto x = random_leaf(Shape{2}, 15);
  const auto y = random_leaf(Shape{1}, 16);
  const auto quadratic = [&](double a, double b, double c) {
    return (square(x[0]) * a + square(x[1]) * b + sum(square(y)) * c) * 0.5;
  };
  CHECK(largest_eigenvalue(quadratic(1, 5, 3), {x, y}) == Approx(5.0).epsilon(1e-5));
  CHECK(largest_eigenvalue(quadratic(-7, 2, 3), {x, y}, {.iterations = 500, .tolerance = 1e-10}) ==
        Approx(3.0).epsilon(1e-5));
  CHECK(largest_eigenvalue(quadratic(-1, -2, -3), {x, y}, {.seed = 4}) ==
        Approx(-1.0).epsilon(1e-4));
  CHECK(largest_eigenvalue(quadratic(0, 0, 0), {x, y}) == 0.0);
  CHECK_THROWS_WITH(largest_eigenvalue(quadratic(1, 1, 1), {x}, {.iterations = 0}),
                    Contains("iterations must be at least 1, got 0"));
  CHECK_THROWS_WITH(largest_eigenvalue(quadratic(1, 1, 1), {x}, {.tolerance = -1.0}),
                    Contains("tolerance must be at least 0, got -1"));
}
