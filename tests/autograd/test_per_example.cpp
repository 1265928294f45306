// Gradients of single examples: against one backward pass for each example. Layers: tests/nn.
#include "catch.h"
#include "glissade/autograd/grad.h"
#include "glissade/autograd/per_example.h"
#include "glissade/core/rng.h"

using namespace glissade;

namespace {

using V = Variable<double>;

V random_leaf(const Shape& shape, std::uint64_t seed) {
  Rng rng(seed);
  Tensor<double> x(shape);
  rng.fill_normal(x, 0.0, 1.0);
  return parameter(std::move(x));
}

V data_like(const Shape& shape, std::uint64_t seed) { return random_leaf(shape, seed).detach(); }

// The gradients of each loss by itself agree with all at once.
void check_against_loop(const V& losses, const std::vector<V>& parameters,
                        const PerExampleOptions& options = {}) {
  const auto gradients = per_example_gradients(losses, parameters, options);
  REQUIRE(gradients.size() == parameters.size());
  for (Index i = 0; i < losses.size(); ++i) {
    const auto expected = grad(losses[i], parameters, {.retain_graph = true, .allow_unused = true});
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      const Index size = parameters[k].size();
      REQUIRE(gradients[k].rank() == parameters[k].rank() + 1);
      REQUIRE(gradients[k].size() == losses.size() * size);
      for (Index j = 0; j < size; ++j) {
        CAPTURE(i, k, j);
        CHECK(gradients[k][i * size + j] ==
              Approx(expected[k].value()[j]).epsilon(1e-12).margin(1e-13));
      }
    }
  }
  for (const V& parameter : parameters) CHECK_FALSE(parameter.has_grad());
}

}  // namespace

TEST_CASE("per_example_gradients: dense layers, shared weights, frozen ones") {
  const V x = data_like(Shape{6, 3}, 1);
  const V w = random_leaf(Shape{3, 3}, 2);
  const V b = random_leaf(Shape{3}, 3);
  const V h = linear(x, w, b, {.kind = Activation::Kind::tanh});
  SECTION("two layers") {
    const V v = random_leaf(Shape{2, 3}, 4);
    check_against_loop(sum(square(linear(h, v, V())), 1), {w, b, v});
    check_against_loop(sum(square(linear(h, v, V())), 1), {v}, {.check_independence = false});
  }
  SECTION("one weight, used twice") { check_against_loop(sum(exp(linear(h, w, b)), 1), {w, b}); }
  SECTION("a frozen layer above") {
    check_against_loop(sum(exp(linear(h, w.detach(), b)), 1), {b, w});
  }
  SECTION("positions as rows: four rows for an example") {
    const V rows = reshape(data_like(Shape{6, 4, 3}, 5), Shape{24, 3});
    const V mixed = reshape(
        rows * reshape(broadcast_to(reshape(h, Shape{6, 1, 3}), Shape{6, 4, 3}), Shape{24, 3}),
        Shape{24, 3});
    const V y = linear(linear(mixed, w, b, {.kind = Activation::Kind::tanh}), w, V());
    check_against_loop(sum(sum(square(reshape(y, Shape{6, 4, 3})), 2), 1), {w, b});
  }
  SECTION("one example, none, a parameter without use") {
    const V y = linear(data_like(Shape{1, 3}, 6), w, b);
    check_against_loop(sum(square(y), 1), {w, random_leaf(Shape{2}, 7), b});
    const V none = linear(V(Tensor<double>(Shape{0, 3})), w, b);
    CHECK(per_example_gradients(sum(none, 1), {w})[0].shape() == Shape{0, 3, 3});
  }
}

TEST_CASE("per_example_gradients: operations on parameters, with and without a rule of their own") {
  const V x = data_like(Shape{5, 4}, 8);
  const V w = random_leaf(Shape{4, 3}, 9);
  const V b = random_leaf(Shape{3}, 10);
  const V s = random_leaf(Shape{}, 11);
  const V row = random_leaf(Shape{1, 3}, 12);
  SECTION("products and arithmetic with broadcasting") {
    const V y = (matmul(x, w) + b) / (exp(row) + 1.0) - s * row;
    check_against_loop(sum(square(y * s - b), 1), {w, b, s, row});
  }
  SECTION("a weight that is computed") {
    const V normed = w / pow(sum(square(w), 0, true), 0.5);
    check_against_loop(sum(square(linear(tanh(linear(x, transpose(normed), V())), w, V())), 1),
                       {w});
  }
  SECTION("no rule of its own: a power, rows looked up, parts joined") {
    const Tensor<std::int32_t> index(Shape{5, 3}, {0, 1, 2, 3, 3, 0, 1, 2, 2, 0, 0, 0, 3, 2, 1});
    const V y = gather(w, 0, index) * matmul(x, w);
    check_against_loop(sum(pow(exp(y), b), 1), {w, b});
    check_against_loop(sum(concat<double>({y, y * b}, 1), 1), {w, b});
  }
  SECTION("a parameter for each row, as many as examples") {
    const V own = random_leaf(Shape{5, 3}, 13);
    check_against_loop(sum(square(matmul(x, w) * own + own), 1), {own, w});
    check_against_loop(sum(square(linear(own, w, V()) - x), 1), {own, w});
  }
}

TEST_CASE("per_example_gradients refuses what mixes examples, naming it") {
  const V x = data_like(Shape{8, 3}, 14);
  const V w = random_leaf(Shape{3, 3}, 15);
  const V h = linear(x, w, V());
  CHECK_THROWS_WITH(per_example_gradients(sum(square(h - mean(h, 0)), 1), {w}),
                    Contains("'sum_axis'") && Contains("batch normalisation"));
  CHECK_THROWS_WITH(per_example_gradients(sum(square(softmax(h, 0)), 1), {w}),
                    Contains("'softmax'") && Contains("depend on each other"));
  const V shifted = concat<double>({slice_rows(h, 1, 8), slice_rows(h, 0, 1)});
  CHECK_THROWS_WITH(per_example_gradients(sum(square(shifted), 1), {w}), Contains("slice"));
  CHECK_THROWS_WITH(per_example_gradients(h, {w}), Contains("(batch)") && Contains("(8, 3)"));
  CHECK_THROWS_WITH(per_example_gradients(sum(h, 1), {x}), Contains("parameter 0"));
  CHECK_THROWS_WITH(per_example_gradients(sum(x, 1), {w}), Contains("do not depend"));
  const V six = random_leaf(Shape{1, 1, 1, 1, 1, 3}, 16);
  CHECK_THROWS_WITH(per_example_gradients(sum(h * reshape(six, Shape{3}), 1), {six}),
                    Contains("(1, 1, 1, 1, 1, 3)"));
  // the graph and the marks on it are as before
  CHECK(grad(sum(h), {w})[0].shape() == Shape{3, 3});
}
