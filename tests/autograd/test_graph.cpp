// The graph itself: accumulation, freeing, guards, and the errors a user can make.

#include <cmath>

#include "catch.h"
#include "glissade/autograd/grad.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/autograd/operation.h"
#include "glissade/core/allocator.h"

using namespace glissade;
using V = Variable<double>;

namespace {
V leaf(double x) { return parameter(Tensor<double>::scalar(x)); }
}  // namespace

TEST_CASE("backward accumulates into grad, and zero_grad forgets it") {
  V x = leaf(3.0);
  square(x).backward();
  CHECK(x.grad().item() == 6.0);
  square(x).backward();
  CHECK(x.grad().item() == 12.0);
  x.zero_grad();
  CHECK_FALSE(x.has_grad());
  CHECK_FALSE(x.grad().defined());
  (x * 5.0).backward();
  CHECK(x.grad().item() == 5.0);
}

TEST_CASE("an input used several times gets the sum of its gradients") {
  V x = leaf(3.0);
  (x + x).backward();
  CHECK(x.grad().item() == 2.0);
  x.zero_grad();
  V y = x * x;
  (y * y + y + x).backward();  // x⁴ + x² + x
  CHECK(x.grad().item() == 4 * 27.0 + 6.0 + 1.0);
}

TEST_CASE("gradients of two leaves that come from one addition do not share memory") {
  V a = leaf(1.0);
  V b = leaf(2.0);
  (a + b).backward();
  a.mutable_grad().fill(7.0);
  CHECK(b.grad().item() == 1.0);
}

TEST_CASE("a gradient that the user holds does not change with the next backward") {
  V x = leaf(3.0);
  square(x).backward();
  const V held = x.grad();
  x.zero_grad();
  (x * 5.0).backward();
  CHECK(held.item() == 6.0);
  CHECK(x.grad().item() == 5.0);
  const V again = x.grad();
  (x * 5.0).backward();  // accumulates
  CHECK(again.item() == 5.0);
  CHECK(x.grad().item() == 10.0);
}

TEST_CASE("a diamond reused 60 times takes linear time") {
  V x = leaf(1.0);
  V y = x;
  for (int i = 0; i < 60; ++i) y = y + y;
  y.backward();
  CHECK(x.grad().item() == std::ldexp(1.0, 60));
}

TEST_CASE("what was made before the targets of grad is not searched") {
  V x = leaf(2.0);
  V past = square(x);
  past.backward();  // lets go of what lies behind it: a search would be an error
  V u = leaf(3.0);
  V y = past * u;
  CHECK(grad(y, {u})[0].item() == 4.0);
  CHECK_THROWS_AS(grad(past * u, {x}), std::invalid_argument);
}

TEST_CASE("leaves without requires_grad get no gradient, and nothing is recorded for them") {
  V constant(Tensor<double>::scalar(2.0));
  V x = leaf(3.0);
  V y = constant * x;
  CHECK_FALSE((constant * constant).requires_grad());
  CHECK((constant * constant).is_leaf());
  CHECK(y.requires_grad());
  CHECK_FALSE(y.is_leaf());
  CHECK(std::string(y.operation()) == "mul");
  y.backward();
  CHECK_FALSE(constant.has_grad());
  CHECK(x.grad().item() == 2.0);
}

TEST_CASE("a frozen leaf gets no gradient until it is thawed") {
  V w = leaf(2.0);
  V x = leaf(3.0);
  w.set_requires_grad(false);
  (w * x).backward();
  CHECK_FALSE(w.has_grad());
  w.set_requires_grad(true);
  (w * x).backward();
  CHECK(w.grad().item() == 3.0);
}

TEST_CASE("under a no-grad guard nothing is recorded; guards nest") {
  V x = leaf(3.0);
  {
    const NoGradGuard outer;
    CHECK_FALSE(square(x).requires_grad());
    {
      const NoGradGuard inner;
      CHECK_FALSE(is_recording());
    }
    CHECK_FALSE(is_recording());
  }
  CHECK(is_recording());
  CHECK(square(x).requires_grad());
}

TEST_CASE("detach leads out of the graph") {
  V x = leaf(3.0);
  V y = square(x).detach() * x;
  y.backward();
  CHECK(x.grad().item() == 9.0);
}

TEST_CASE("backward frees the graph unless it is retained") {
  V x = leaf(3.0);
  V y = square(x);
  y.backward();
  CHECK_THROWS_WITH(y.backward(),
                    Contains("backward: the graph behind 'square' has been let go by an earlier "
                             "backward; pass {.retain_graph = true}"));
  V z = square(x);
  z.backward({.retain_graph = true});
  z.backward();
  CHECK(x.grad().item() == 18.0);
}

TEST_CASE("retain_grad keeps the gradient of an interior variable") {
  V x = leaf(3.0);
  V y = square(x);
  y.retain_grad();
  (y * 2.0).backward();
  CHECK(y.grad().item() == 2.0);
  CHECK(x.grad().item() == 12.0);
}

TEST_CASE("backward with a gradient of the output is a vector-Jacobian product") {
  V x = parameter(Tensor<double>({2}, {3.0, 4.0}));
  square(x).backward(V(Tensor<double>({2}, {1.0, 10.0})));
  CHECK(x.grad().value() == Tensor<double>({2}, {6.0, 80.0}));
}

TEST_CASE("grad returns gradients without touching grad()") {
  V x = leaf(3.0);
  V y = leaf(4.0);
  V h = x * y;
  const auto g = grad(square(h), {x, h});
  CHECK(g[0].item() == 2.0 * 12.0 * 4.0);
  CHECK(g[1].item() == 24.0);
  CHECK_FALSE(x.has_grad());
  CHECK_FALSE(y.has_grad());
  CHECK_FALSE(h.has_grad());
}

TEST_CASE("grad computes only what leads to the inputs") {
  V x = leaf(3.0);
  V y = leaf(4.0);
  int calls = 0;
  const auto counted =
      operation("counted", y.value(), {y}, [&calls](const auto& g, const auto&, const auto&) {
        ++calls;
        return g;
      });
  CHECK(grad(x * counted, {x})[0].item() == 4.0);
  CHECK(calls == 0);
}

TEST_CASE("grad of a variable with respect to itself is one") {
  V x = leaf(3.0);
  CHECK(grad(x, {x})[0].item() == 1.0);
  x.backward();
  CHECK(x.grad().item() == 1.0);
}

TEST_CASE("grad twice and three times") {
  V x = leaf(2.0);
  V y = pow(x, 4.0);
  V d1 = grad(y, {x}, {.create_graph = true})[0];
  V d2 = grad(d1, {x}, {.create_graph = true})[0];
  V d3 = grad(d2, {x}, {.create_graph = true})[0];
  V d4 = grad(d3, {x})[0];
  CHECK(d1.item() == Approx(32.0));
  CHECK(d2.item() == Approx(48.0));
  CHECK(d3.item() == Approx(48.0));
  CHECK(d4.item() == Approx(24.0));
}

TEST_CASE("backward with create_graph leaves gradients that can be differentiated") {
  V x = leaf(2.0);
  pow(x, 3.0).backward({.create_graph = true});
  const V first = x.grad();
  CHECK(first.item() == Approx(12.0));
  x.zero_grad();
  first.backward();
  CHECK(x.grad().item() == Approx(12.0));
}

TEST_CASE("create_graph works under a no-grad guard set by the caller") {
  V x = leaf(2.0);
  V y = pow(x, 3.0);
  const NoGradGuard guard;
  const V d = grad(y, {x}, {.create_graph = true})[0];
  CHECK(d.requires_grad());
}

TEST_CASE("errors of backward and grad say what is wrong") {
  V x = parameter(Tensor<double>({2}, {1.0, 2.0}));
  CHECK_THROWS_WITH(x.backward(), Contains("backward: the variable has shape (2); without a "
                                           "gradient of the output it must have one element"));
  CHECK_THROWS_WITH(V(Tensor<double>::scalar(1.0)).backward(),
                    Contains("does not depend on anything that requires a gradient"));
  CHECK_THROWS_WITH(x.backward(V(Tensor<double>({3}))),
                    Contains("the gradient of the output has shape (3), the output (2)"));
  CHECK_THROWS_WITH(V().value(), Contains("variable: it is undefined"));
  CHECK_THROWS_WITH(grad(sum(x), {V(Tensor<double>::scalar(1.0))}),
                    Contains("grad: input 0 (of shape ()) does not require a gradient"));
  V unused = leaf(1.0);
  CHECK_THROWS_WITH(grad(sum(x), {unused}), Contains("does not depend on input 0"));
  CHECK(grad(sum(x), {unused}, {.allow_unused = true})[0].item() == 0.0);
  CHECK_THROWS_WITH(sum(x).set_requires_grad(false),
                    Contains("is the result of 'sum', not a leaf"));
  CHECK_THROWS_WITH(x.mutable_grad(), Contains("has no gradient"));
}

TEST_CASE("an error in the middle of backward leaves the graph usable") {
  V x = leaf(3.0);
  bool fails = true;
  const auto shaky = [&](const V& input) {
    return operation("shaky", input.value(), {input},
                     [&fails](const auto& g, const auto&, const auto&) {
                       if (fails) fail("shaky: told to fail");
                       return g;
                     });
  };
  V y = shaky(x * 2.0) * 3.0 + x;
  CHECK_THROWS_WITH(y.backward({.retain_graph = true}), Contains("told to fail"));
  x.zero_grad();
  fails = false;
  y.backward();
  CHECK(x.grad().item() == 7.0);
}

TEST_CASE("the rule of relu takes over the gradient's buffer, yet other uses do not see it") {
  V x = parameter(Tensor<double>({2}, {-1.0, 1.0}));
  V h = x * 1.0;
  h.retain_grad();
  V y = relu(h);
  y.retain_grad();
  (y + h).backward(V(Tensor<double>({2}, {1.0, 1.0})));
  CHECK(y.grad().value() == Tensor<double>({2}, {1.0, 1.0}));
  CHECK(h.grad().value() == Tensor<double>({2}, {1.0, 2.0}));
}

TEST_CASE("a graph gives its memory back") {
  V x = parameter(Tensor<double>({1000}));
  const auto step = [&] {
    x.zero_grad();
    sum(square(tanh(x * 2.0) + x)).backward();
  };
  step();
  step();
  const AllocatorStats before = allocator_stats();
  for (int i = 0; i < 10; ++i) step();
  CHECK(allocator_stats().from_system == before.from_system);
}

TEST_CASE("numbers of every kind mix with variables") {
  V x = leaf(3.0);
  CHECK((2 * x + 1 - x / 2).item() == 5.5);
  CHECK((1 - x).item() == -2.0);
  CHECK((6 / x).item() == Approx(2.0));
  V y = x;
  y += x;
  y *= x;
  y -= x;
  y /= x;
  CHECK(y.item() == Approx(5.0));
  CHECK(x.item() == 3.0);
  CHECK((x * Tensor<double>::scalar(2.0)).item() == 6.0);
}

TEST_CASE("variables print as their values") {
  CHECK(fmt::format("{}", V(Tensor<double>({2}, {1.0, 2.5}))) == "[1, 2.5]");
  CHECK(fmt::format("{}", V()) == "undefined");
}

TEST_CASE("gradients keep their graph, whichever contribution comes first") {
  const auto second = [](const auto& f) {
    V x = leaf(3.0);
    const V first = grad<double>(f(x), {x}, {.create_graph = true})[0];
    REQUIRE(first.requires_grad());
    return grad<double>(first, {x})[0].item();
  };
  CHECK(second([](const V& x) { return x * 2.0 + x * x; }) == 2.0);
  CHECK(second([](const V& x) { return x * x + x * 2.0; }) == 2.0);
  // A skip connection: (x + exp(x^2))'' = (2 + 4 x^2) exp(x^2)
  const double expected = (2.0 + 4.0 * 9.0) * std::exp(9.0);
  CHECK(second([](const V& x) { return x + exp(square(x)); }) == Approx(expected));
  CHECK(second([](const V& x) { return exp(square(x)) + x; }) == Approx(expected));

  V x = leaf(3.0);  // a plain gradient that is there already
  (x * 5.0).backward();
  (x * x).backward({.create_graph = true});
  CHECK(x.grad().item() == 11.0);
  CHECK(x.grad().requires_grad());
  CHECK(grad<double>(x.grad(), {x})[0].item() == 2.0);
  x.zero_grad();
}

TEST_CASE("gradients without a graph are not shared, with create_graph either") {
  V a = leaf(1.0);
  V b = leaf(2.0);
  const V v(Tensor<double>::scalar(1.0));
  (a + b).backward(v, {.create_graph = true});
  a.mutable_grad().fill(7.0);
  CHECK(b.grad().item() == 1.0);
  CHECK(v.item() == 1.0);

  std::vector<V> both = grad<double>(a + b, {a, b, a}, v);
  both[0].mutable_value().fill(7.0);
  CHECK(both[1].item() == 1.0);
  CHECK(both[2].item() == 1.0);
  CHECK(v.item() == 1.0);
}

TEST_CASE("grad lets go only of what it ran through") {
  V x = leaf(3.0);
  const V h = square(x);
  const V d = grad<double>(square(h), {h})[0];
  CHECK(d.item() == 18.0);
  h.backward(d);
  CHECK(x.grad().item() == 108.0);

  V y = square(x);
  y.backward();  // the graph behind y is gone
  CHECK(grad<double>(square(y), {y})[0].item() == 18.0);
  // With x as well, the way from y to x would be missed.
  CHECK_THROWS_WITH((grad<double>(square(y) + x, {y, x})), Contains("has been let go"));
  CHECK_THROWS_WITH((grad<double>(square(y) + x, {x})), Contains("has been let go"));
}

TEST_CASE("a rule may go backward through a graph of its own, not through the one it is in") {
  V x = leaf(3.0);
  const auto own = [](const V& input) {
    return operation("own", square(input.detach()).value(), {input},
                     [](const auto& g, const auto&, const auto& in) {
                       const RecordingScope recording(true);
                       V copy = in.detach();
                       copy.set_requires_grad(true);
                       return g * grad<double>(square(copy), {copy})[0].detach();
                     });
  };
  own(x * 2.0).backward();
  CHECK(x.grad().item() == 24.0);

  const auto entangled = [](const V& input) {
    return operation("entangled", square(input.detach()).value(), {input},
                     [](const auto& g, const auto&, const auto& in) {
                       const RecordingScope recording(true);
                       return grad<double>(square(in), {in}, g)[0];
                     });
  };
  CHECK_THROWS_WITH(entangled(x * 2.0).backward(),
                    Contains("grad: a backward rule may not go backward through 'mul_scalar'"));
}

TEST_CASE("the gradient of pow is finite where the exponent is 0") {
  for (const float base : {0.0F, 1e-40F, -1e-40F, 2.0F}) {
    Variable<float> b = parameter(Tensor<float>::scalar(base));
    const Variable<float> e(Tensor<float>::scalar(0.0F));
    pow(b, e).backward();
    CHECK(b.grad().item() == 0.0F);
  }
}
