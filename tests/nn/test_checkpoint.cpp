// Activations that are computed again in the backward pass.
#include <cstdint>
#include <vector>

#include "catch.h"
#include "glissade/autograd/checkpoint.h"
#include "glissade/autograd/functional.h"
#include "glissade/autograd/grad.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/autograd/gradcheck.h"
#include "glissade/autograd/per_example.h"
#include "glissade/nn/batch_norm.h"
#include "glissade/nn/checkpoint.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/linear.h"
#include "glissade/nn/loss.h"
#include "glissade/nn/residual.h"
#include "glissade/nn/sequential.h"

using namespace glissade;

namespace {

template <class T>
Variable<T> numbers(const Shape& shape, std::uint64_t seed, bool requires_grad = false) {
  Rng rng(seed);
  Tensor<T> x(shape);
  rng.fill_normal(x, T{0}, T{1});
  return Variable<T>(std::move(x), requires_grad);
}

std::vector<Tensor<float>> gradients(const nn::Module<>& model) {
  std::vector<Tensor<float>> all;
  for (const auto& parameter : model.parameters()) all.push_back(parameter.grad().value());
  return all;
}

}  // namespace

TEST_CASE("checkpoint gives the same bits for arguments and for what is used besides") {
  const auto x = numbers<float>({9, 5}, 1, true);
  const auto w = numbers<float>({5, 7}, 2, true);
  const auto scaled = w * 2.0;  // not a leaf, and used besides
  int calls = 0;
  const auto f = [&](const Variable<float>& a) {
    ++calls;
    return tanh(matmul(relu(a), scaled));
  };
  const auto run = [&](bool checkpointed) {
    auto leaf = x;
    auto weight = w;
    leaf.zero_grad();
    weight.zero_grad();
    const auto y = checkpointed ? checkpoint(f, x) : f(x);
    sum(square(y) * 0.3).backward({.retain_graph = true});
    return std::vector<Tensor<float>>{y.value(), x.grad().value(), w.grad().value()};
  };
  const auto plain = run(false);
  CHECK(calls == 1);
  const auto again = run(true);
  CHECK(calls == 3);
  CHECK((again == plain));
  CHECK((run(true) == plain));
}

TEST_CASE("checkpoint takes several arguments, some of them constant") {
  const auto a = numbers<double>({4, 3}, 1, true);
  const auto b = numbers<double>({3, 4}, 2);
  const auto c = numbers<double>({4, 4}, 3, true);
  const auto f = [](const Variable<double>& p, const Variable<double>& q,
                    const Variable<double>& r) { return exp(matmul(p, q)) * r; };
  const auto y = checkpoint(f, a, b, c);
  CHECK(std::string(y.operation()) == "checkpoint");
  const auto found = grad(sum(y), {a, c});
  const auto expected = grad(sum(f(a, b, c)), {a, c});
  CHECK((found[0].value() == expected[0].value()));
  CHECK((found[1].value() == expected[1].value()));
}

TEST_CASE("checkpoint inside checkpoint, and results that go on in two ways") {
  const auto x = numbers<double>({6}, 1, true);
  const auto w = numbers<double>({6}, 2, true);
  const auto inner = [&](const Variable<double>& v) { return tanh(v * w) + w; };
  const auto plain = [&](const Variable<double>& v) { return inner(inner(v) * v); };
  const auto nested = [&](const Variable<double>& v) {
    return checkpoint(inner, checkpoint(inner, v) * v);
  };
  const auto loss = [&](const Variable<double>& y) { return sum(y * y + exp(y) * x); };
  const auto expected = grad(loss(plain(x)), {x, w});
  const auto found = grad(loss(checkpoint(nested, x)), {x, w});
  CHECK((found[0].value() == expected[0].value()));
  CHECK((found[1].value() == expected[1].value()));
}

TEST_CASE("a checkpoint can be differentiated twice") {
  const auto w = numbers<double>({3, 3}, 5, true);
  const auto f = [w](const std::vector<Variable<double>>& v) {
    return checkpoint(
        [w](const Variable<double>& a) { return sum(square(tanh(matmul(a, w * w)))); }, v[0]);
  };
  const auto x = numbers<double>({2, 3}, 4, true);
  CHECK(gradcheck(f, {x.value()}));
  CHECK(gradgradcheck(f, {x.value()}));
  // With respect to what is used besides, too.
  const auto twice = [&](const Variable<double>& y) {
    const auto first = grad(y, {w}, {.create_graph = true});
    return grad(sum(square(first[0])), {w, x});
  };
  const auto found = twice(f({x}));
  const auto expected = twice(sum(square(tanh(matmul(x, w * w)))));
  CHECK((found[0].value() == expected[0].value()));
  CHECK((found[1].value() == expected[1].value()));
}

TEST_CASE("checkpoint without a gradient to compute is the call alone") {
  int calls = 0;
  const auto f = [&](const Variable<float>& a) {
    ++calls;
    return a * 2.0;
  };
  const auto x = numbers<float>({3}, 1, true);
  {
    const NoGradGuard no_grad;
    CHECK(checkpoint(f, x).is_leaf());
  }
  CHECK(checkpoint(f, numbers<float>({3}, 1)).is_leaf());
  CHECK(calls == 2);
  const auto same = checkpoint([](const Variable<float>& a) { return a; }, x);
  CHECK(same.node() == x.node());
}

TEST_CASE("a function that gives something else the second time is found out") {
  const auto x = numbers<float>({3, 2}, 1, true);
  int calls = 0;
  const auto y =
      checkpoint([&](const Variable<float>& a) { return ++calls == 1 ? a * 2.0 : sum(a, 0); }, x);
  CHECK_THROWS_WITH(sum(y).backward(),
                    "checkpoint: the function's result was of shape (3, 2), and when it was called "
                    "again (2)");
  CHECK_FALSE(is_recomputing());
  CHECK_THROWS_WITH(checkpoint([](const Variable<float>& a) { return a; }, Variable<float>()),
                    "checkpoint: argument 0 is undefined");
  // A graph that has been let go is not computed again.
  const auto z = checkpoint([](const Variable<float>& a) { return a * 3.0; }, x);
  sum(z).backward();
  CHECK_THROWS_AS(sum(z).backward(), std::invalid_argument);
}

TEST_CASE("an exception in the second call leaves the graph's nodes in order") {
  const auto x = numbers<float>({3}, 1, true);
  bool fails = true;
  const auto y = checkpoint(
      [&](const Variable<float>& a) {
        if (is_recomputing() && fails) throw std::runtime_error("not again");
        return exp(a);
      },
      x * 2.0);
  const auto z = sum(y * y);
  CHECK_THROWS_WITH(z.backward({.retain_graph = true}), "not again");
  fails = false;
  CHECK_FALSE(is_recomputing());
  auto leaf = x;
  leaf.zero_grad();
  z.backward();
  const Tensor<float> found = x.grad().value();
  leaf.zero_grad();
  sum(exp(x * 2.0) * exp(x * 2.0)).backward();
  for (Index i = 0; i < 3; ++i) CHECK(found[i] == Approx(x.grad().value()[i]));
}

TEST_CASE("a checkpointed model has the same dropout, statistics and gradients") {
  const auto x = numbers<float>({16, 10}, 1);
  const Tensor<std::int32_t> labels({16});
  const auto train = [&](int segments) {
    Rng rng(3);
    nn::Sequential model{
        nn::Linear(10, 12, rng),
        nn::ReLU(),
        nn::Dropout(0.3, rng),
        nn::Linear(12, 12, rng),
        nn::BatchNorm1d(12),
        nn::Tanh(),
        nn::Residual(nn::Sequential{nn::Linear(12, 12, rng), nn::Dropout(0.5, rng)}),
        nn::Linear(12, 4, rng)};
    std::vector<Tensor<float>> all;
    for (int step = 0; step < 3; ++step) {
      model.zero_grad();
      const auto y = segments == 0 ? model(x)
                     : segments == 1
                         ? nn::checkpoint(model, x)
                         : nn::checkpoint_sequential(model, static_cast<std::size_t>(segments), x);
      nn::cross_entropy(y, labels).backward();
      for (auto& gradient : gradients(model)) all.push_back(std::move(gradient));
    }
    for (const auto* buffer : model.buffers()) all.push_back(*buffer);
    all.push_back(Tensor<float>::scalar(static_cast<float>(model.counters()[0]->item())));
    return all;
  };
  const auto plain = train(0);
  for (int segments = 1; segments <= 8; ++segments) {
    INFO(segments << " segments");
    CHECK((train(segments) == plain));
  }
  Rng rng(1);
  const nn::Sequential model{nn::Linear(10, 12, rng)};
  CHECK_THROWS_WITH(nn::checkpoint_sequential(model, 2, x),
                    "checkpoint_sequential: the segments must be 1 to the number of modules, 1, "
                    "got 2");
}

TEST_CASE("gradients of single examples go through checkpoints") {
  Rng rng(1);
  nn::Sequential model{nn::Linear(4, 6, rng), nn::Tanh(), nn::Linear(6, 3, rng)};
  const auto x = numbers<float>({5, 4}, 1);
  const Tensor<std::int32_t> labels({5});
  const auto losses = [&](const Variable<float>& y) {
    return nn::cross_entropy(y, labels, {.reduction = nn::Reduction::none});
  };
  const auto expected = per_example_gradients(losses(model(x)), model.parameters());
  const auto found = per_example_gradients(losses(nn::checkpoint(model, x)), model.parameters());
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    REQUIRE(found[i].shape() == expected[i].shape());
    for (Index k = 0; k < found[i].size(); ++k) {
      CHECK(found[i][k] == Approx(expected[i][k]).margin(1e-6));
    }
  }
}
