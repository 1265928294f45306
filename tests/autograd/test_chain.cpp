// Backward passes that run a chain of nodes before they search the graph.
#include <cmath>
#include <stdexcept>

#include "catch.h"
#include "glissade/autograd/checkpoint.h"
#include "glissade/autograd/grad.h"
#include "glissade/autograd/node.h"
#include "glissade/autograd/operation.h"
#include "glissade/autograd/ops.h"

using namespace glissade;
using V = Variable<double>;

namespace {
V leaf(double value) { return V(Tensor<double>::scalar(value), true); }
}  // namespace

TEST_CASE("a chain that ends in a graph of another kind") {
  V x = leaf(0.7);
  V w = leaf(1.3);
  const V y = x * w * 2.0;                    // seen from two sides
  V z = sin(y) * y;                           // here the search begins
  for (int i = 0; i < 5; ++i) z = z * w + x;  // leaves beside the chain
  z.backward();
  // The same by the search alone, which goes through a graph that has to be recorded.
  const V again = x * w * 2.0;
  V expected = sin(again) * again;
  for (int i = 0; i < 5; ++i) expected = expected * w + x;
  const auto gradients = grad<double>(expected, {x, w}, {.create_graph = true});
  CHECK(x.grad().item() == Approx(gradients[0].item()).epsilon(1e-15));
  CHECK(w.grad().item() == Approx(gradients[1].item()).epsilon(1e-15));
}

TEST_CASE("what was let go behind a chain is found before anything has changed") {
  V x = leaf(3.0);
  V w = leaf(2.0);
  V h = square(x);
  V y = h * w * 5.0;
  (h * 1.0).backward();
  h = V();  // only the chain holds it now
  REQUIRE(x.grad().item() == 6.0);
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_WITH(y.backward(), Contains("the graph behind 'square' has been let go"));
    CHECK_FALSE(w.has_grad());
    CHECK(x.grad().item() == 6.0);
  }
  y = V();
  (x * w * 5.0).backward();  // nothing is let go any more
  CHECK(w.grad().item() == 15.0);
}

TEST_CASE("a rule may not go backward through what is behind it in a chain") {
  V x = leaf(3.0);
  const V y = operation("deep", Tensor<double>::scalar(1.0), {x * 2.0 * 4.0},
                        [](const auto& g, const auto&, const auto& in) {
                          const RecordingScope recording(true);
                          const V behind = in.node()->inputs()[0];
                          return g * grad<double>(square(behind), {behind})[0];
                        });
  CHECK_THROWS_WITH(y.backward(),
                    Contains("grad: a backward rule may not go backward through 'mul_scalar'"));
  CHECK_FALSE(x.has_grad());
}

TEST_CASE("a rule in a chain may go backward through a graph of its own") {
  V x = leaf(3.0);
  V y = operation("own", Tensor<double>::scalar(36.0), {x * 2.0 * 1.0},
                  [](const auto& g, const auto&, const auto& in) {
                    const RecordingScope recording(true);
                    V copy = in.detach();
                    copy.set_requires_grad(true);
                    return g * grad<double>(square(copy), {copy})[0].detach();
                  });
  for (int i = 0; i < 3; ++i) y = y * 1.0;
  y.backward();
  CHECK(x.grad().item() == 24.0);
}

TEST_CASE("a checkpoint in a chain uses what is further down") {
  V x = leaf(2.0);
  V deep = square(x);
  V y = checkpoint([deep](const V& in) { return in * deep; }, deep * 3.0);
  deep = V();
  (y * 1.0).backward();  // 3 x^4
  CHECK(x.grad().item() == 12.0 * 8.0);
}

TEST_CASE("nodes of a chain that others hold too") {
  V x = leaf(2.0);
  const V y = x * 3.0;
  const V z = square(y);
  const V other = sin(y);  // not in the pass
  (z * 2.0).backward();
  CHECK(x.grad().item() == 72.0);
  CHECK_THROWS_WITH(other.backward(), Contains("has been let go"));
  CHECK(x.grad().item() == 72.0);
}

TEST_CASE("a chain that is kept goes backward again") {
  V x = leaf(2.0);
  V y = x;
  for (int i = 0; i < 4; ++i) y = y * x;
  y.backward({.retain_graph = true});
  CHECK(x.grad().item() == 80.0);
  y.backward();
  CHECK(x.grad().item() == 160.0);
  CHECK_THROWS_WITH(y.backward(), Contains("has been let go"));
}

TEST_CASE("a rule that throws in a chain leaves what is behind it as it was") {
  V x = leaf(2.0);
  bool fails = true;
  const V inner = x * 3.0;
  V y = operation("fails", Tensor<double>::scalar(6.0), {inner * 2.0},
                  [&fails](const auto& g, const auto&, const auto&) {
                    if (fails) throw std::runtime_error("not now");
                    return g;
                  });
  y = y * 5.0;
  CHECK_THROWS_WITH(y.backward({.retain_graph = true}), "not now");
  fails = false;
  y.backward();
  CHECK(x.grad().item() == 30.0);
}
