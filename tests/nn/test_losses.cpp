// The losses: derivatives of first and second order, edge cases and errors.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "catch.h"
#include "glissade/autograd/grad.h"
#include "glissade/nn/loss.h"
#include "glissade/nn/metrics.h"
#include "support/derivatives.h"

using namespace glissade;
using Labels = Tensor<std::int32_t>;

namespace {

constexpr nn::Reduction kReductions[] = {nn::Reduction::mean, nn::Reduction::sum,
                                         nn::Reduction::none};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("the losses of regression have right derivatives of first and second order") {
  for (const nn::Reduction reduction : kReductions) {
    for (const Shape& shape : {Shape{3, 4}, Shape{1}, Shape{}, Shape{0, 2}}) {
      if (shape.size() == 0 && reduction == nn::Reduction::mean) continue;  // an error
      INFO(to_string(shape));
      const std::vector<Tensor<double>> inputs = {random(shape, 1), random(shape, 2)};
      check_derivatives(
          [=](const Variables& v) { return nn::mse_loss(v[0], v[1], {.reduction = reduction}); },
          inputs);
      check_derivatives(
          [=](const Variables& v) { return nn::l1_loss(v[0], v[1], {.reduction = reduction}); },
          inputs);
      check_derivatives(
          [=](const Variables& v) {
            return nn::huber_loss(v[0], v[1], {.delta = 0.7, .reduction = reduction});
          },
          inputs);
    }
  }
  // One variable on both sides, and a prediction that is used elsewhere too.
  check_derivatives([](const Variables& v) { return nn::mse_loss(v[0], square(v[0])) * v[0]; },
                    {random({2, 2}, 3)});
}

TEST_CASE("cross_entropy and nll_loss have right derivatives of first and second order") {
  const Labels labels({5}, {2, 0, -1, 3, 3});
  const Tensor<double> logits = random({5, 4}, 4);
  const Tensor<double> weight({4}, {0.5, 1.0, 2.0, 0.25});
  for (const nn::Reduction reduction : kReductions) {
    for (const double smoothing : {0.0, 0.3, 1.0}) {
      for (const bool weighted : {false, true}) {
        INFO("smoothing " << smoothing << ", weighted " << weighted);
        check_derivatives(
            [&](const Variables& v) {
              return nn::cross_entropy(v[0], labels,
                                       {.weight = weighted ? weight : Tensor<double>(),
                                        .label_smoothing = smoothing,
                                        .ignore_index = -1,
                                        .reduction = reduction});
            },
            {logits});
      }
    }
    check_derivatives(
        [&](const Variables& v) {
          return nn::nll_loss(v[0], labels,
                              {.weight = weight, .ignore_index = -1, .reduction = reduction});
        },
        {logits});
  }
  // The gradient is added to what is there already: the logits are used twice.
  check_derivatives(
      [&](const Variables& v) {
        return nn::cross_entropy(v[0], labels, {.ignore_index = -1}) +
               nn::cross_entropy(v[0], labels, {.label_smoothing = 0.2, .ignore_index = -1}) +
               sum(square(v[0]));
      },
      {logits});
}

TEST_CASE("binary_cross_entropy_with_logits has right derivatives of first and second order") {
  Tensor<double> targets = random({4, 3}, 6);
  for (double& t : targets) t = std::abs(t) / 2.0;
  for (const nn::Reduction reduction : kReductions) {
    check_derivatives(
        [&](const Variables& v) {
          return nn::binary_cross_entropy_with_logits(
              v[0], v[1],
              {.weight = Tensor<double>({4, 1}, {1, 2, 3, 4}),
               .pos_weight = Tensor<double>({3}, {2, 1, 4}),
               .reduction = reduction});
        },
        {random({4, 3}, 5), targets});
  }
}

TEST_CASE("the rules in place give the gradients of the differentiable rules") {
  const Labels labels({5}, {2, 0, -1, 3, 3});
  const auto compare = [](const Shape& shape, const auto& loss) {
    Variable<double> x(random(shape, 10), true);
    const auto gradient = [&](bool create_graph) {
      x.zero_grad();
      loss(x).backward({.create_graph = create_graph});
      return x.grad().value();
    };
    const Tensor<double> in_place = gradient(false);
    const Tensor<double> differentiable = gradient(true);
    x.zero_grad();  // its gradient has a graph that leads back to x: a cycle
    for (Index i = 0; i < x.size(); ++i) {
      CHECK(in_place[i] == Approx(differentiable[i]).epsilon(1e-13).margin(1e-16));
    }
  };
  const Variable<double> target(random({4, 3}, 11));
  compare({5, 4}, [&](const Variable<double>& x) {
    return nn::cross_entropy(3.0 * x, labels, {.ignore_index = -1});
  });
  compare({5, 4}, [&](const Variable<double>& x) {
    return nn::cross_entropy(x, labels,
                             {.weight = Tensor<double>({4}, {0.5, 1.0, 2.0, 0.25}),
                              .label_smoothing = 0.2,
                              .ignore_index = -1});
  });
  compare({4, 3}, [&](const Variable<double>& x) { return nn::mse_loss(square(x), target); });
  compare({4, 3}, [&](const Variable<double>& x) { return nn::l1_loss(target, square(x)); });
  compare({4, 3}, [&](const Variable<double>& x) { return nn::huber_loss(square(x), target); });
}

TEST_CASE("a graph that is kept goes backward again with the same gradients") {
  const Labels labels({3}, {2, 0, 3});
  const auto targets = Tensor<double>::full({3, 4}, 0.25);
  using Loss = std::function<Variable<double>(const Variable<double>&, const Variable<double>&)>;
  const Loss losses[] = {
      [](const auto& x, const auto& t) { return nn::mse_loss(x, t); },
      [](const auto& x, const auto& t) { return nn::binary_cross_entropy_with_logits(x, t); },
      [&](const auto& x, const auto&) { return nn::cross_entropy(x, labels); },
  };
  for (const Loss& loss : losses) {
    for (const bool both : {false, true}) {
      if (both && &loss == &losses[2]) continue;  // labels have no gradient
      Variable<double> x(random({3, 4}, 15), true);
      Variable<double> t(targets, both);
      const auto value = loss(x * 1.0, t * 1.0);
      INFO(value.node()->name() << ", both " << both);
      value.backward({.retain_graph = true});
      const Tensor<double> once = x.grad().value();
      x.zero_grad();
      value.backward();
      CHECK(std::equal(once.begin(), once.end(), x.grad().value().begin()));
      if (!both) continue;
      // The gradient of the target, of two equal passes, and what the differentiable rule gives.
      const auto again = grad(loss(x, t), {t}, {.create_graph = true}).at(0);
      for (Index i = 0; i < t.size(); ++i) {
        CHECK(t.grad().value()[i] == Approx(2.0 * again.value()[i]).epsilon(1e-13));
      }
    }
  }
}

TEST_CASE("the gradients of l1_loss and huber_loss at infinities and NaN are PyTorch's") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Variable<double> zero(Tensor<double>({3}));
  for (const bool create_graph : {false, true}) {
    Variable<double> x(Tensor<double>({3}, {kInfinity, -kInfinity, kNan}), true);
    nn::huber_loss(x, zero, {.delta = 2.0, .reduction = nn::Reduction::sum})
        .backward({.create_graph = create_graph});
    CHECK(x.grad().value()[0] == 2.0);
    CHECK(x.grad().value()[1] == -2.0);
    CHECK(std::isnan(x.grad().value()[2]));
    x.zero_grad();
    nn::l1_loss(x, zero, {.reduction = nn::Reduction::sum})
        .backward({.create_graph = create_graph});
    CHECK(x.grad().value()[0] == 1.0);
    CHECK(x.grad().value()[1] == -1.0);
    CHECK(x.grad().value()[2] == 0.0);  // torch.sign(nan) is 0
    x.zero_grad();
  }
}

TEST_CASE("cross_entropy is nll_loss after log_softmax") {
  const Labels labels({3}, {1, 1, 0});
  const Variable<double> logits(random({3, 2}, 7));
  CHECK(nn::cross_entropy(logits, labels).item() ==
        Approx(nn::nll_loss(log_softmax(logits, 1), labels).item()).epsilon(1e-14));
  // By hand: log(1 + e^-2) and log(1 + e^2), halved.
  const Variable<double> two(Tensor<double>({2, 2}, {3, 1, 3, 1}));
  CHECK(nn::cross_entropy(two, Labels({2}, {0, 1})).item() ==
        Approx((std::log1p(std::exp(-2.0)) + std::log1p(std::exp(2.0))) / 2).epsilon(1e-14));
}

TEST_CASE("cross_entropy keeps its digits for logits far from 0") {
  const Labels labels({1}, {0});
  const Variable<float> logits(Tensor<float>({1, 3}, {1e4F, 1e4F, 1e4F}));
  CHECK(nn::cross_entropy(logits, labels).item() == Approx(std::log(3.0)).epsilon(1e-6));
  const float infinity = std::numeric_limits<float>::infinity();
  const Variable<float> never(Tensor<float>({1, 2}, {0.0F, -infinity}));
  CHECK(nn::cross_entropy(never, labels).item() == 0.0F);
  CHECK(nn::cross_entropy(never, Labels({1}, {1})).item() == infinity);
}

TEST_CASE("a mean without rows that count is NaN, with a gradient of 0") {
  const Labels ignored({2}, {-100, -100});
  for (const bool create_graph : {false, true}) {
    Variable<double> logits(random({2, 3}, 8), true);
    const Variable<double> loss = nn::cross_entropy(logits, ignored);
    CHECK(std::isnan(loss.item()));
    loss.backward({.create_graph = create_graph});
    CHECK(logits.grad().value() == Tensor<double>({2, 3}));
    logits.zero_grad();
    nn::nll_loss(logits, ignored).backward();
    for (const double g : logits.grad().value()) CHECK(g == 0.0);
  }
  const Variable<double> nothing(Tensor<double>({0, 3}));
  CHECK_THROWS_WITH(nn::cross_entropy(nothing, Labels({0}, {})),
                    Contains("cross_entropy: the batch is empty") && Contains("(0, 3)"));
  CHECK_THROWS_WITH(nn::nll_loss(nothing, Labels({0}, {})),
                    Contains("nll_loss: the batch is empty"));
  CHECK_THROWS_WITH(nn::binary_cross_entropy_with_logits(nothing, nothing),
                    Contains("binary_cross_entropy_with_logits: the batch is empty"));
  CHECK(nn::cross_entropy(nothing, Labels({0}, {}), {.reduction = nn::Reduction::sum}).item() ==
        0.0);
  CHECK_THROWS_WITH(nn::mse_loss(nothing, nothing), Contains("mse_loss: the batch is empty"));
}

TEST_CASE("losses show what is wrong with their arguments") {
  const Variable<float> logits(Tensor<float>({3, 2}));
  CHECK_THROWS_WITH(nn::cross_entropy(logits, Labels({3}, {0, 1, 2})),
                    "cross_entropy: row 2 has the label 2, but there are 2 classes");
  CHECK_THROWS_WITH(nn::cross_entropy(logits, Labels({3}, {0, -1, 1})),
                    "cross_entropy: row 1 has the label -1, but there are 2 classes");
  CHECK_THROWS_WITH(nn::cross_entropy(logits, Labels({2}, {0, 1})),
                    "cross_entropy: the labels (2) do not fit the scores (3, 2)");
  CHECK_THROWS_WITH(nn::cross_entropy(Variable<float>(Tensor<float>({3})), Labels({3}, {0, 0, 0})),
                    Contains("(batch, classes), got (3)"));
  CHECK_THROWS_WITH(
      nn::cross_entropy(logits, Labels({3}, {0, 1, 1}), {.weight = Tensor<float>({3}, {1, 1, 1})}),
      "cross_entropy: the class weights (3) do not fit the scores (3, 2)");
  CHECK_THROWS_WITH(nn::cross_entropy(logits, Labels({3}, {0, 1, 1}), {.label_smoothing = 1.5}),
                    "cross_entropy: label_smoothing must be from 0 to 1, got 1.5");
  CHECK_THROWS_AS(nn::cross_entropy(logits, Labels({3}, {0, 1, 1}), {.label_smoothing = kNan}),
                  std::invalid_argument);
  CHECK_THROWS_WITH(nn::nll_loss(logits, Labels({3}, {0, 1, 7})),
                    "nll_loss: row 2 has the label 7, but there are 2 classes");
  const Variable<float> column(Tensor<float>({3, 1}));
  CHECK_THROWS_WITH(nn::mse_loss(column, Tensor<float>({3})),
                    "mse_loss: the prediction (3, 1) and the target (3) differ");
  CHECK_THROWS_WITH(nn::l1_loss(column, logits), Contains("l1_loss: the prediction (3, 1)"));
  CHECK_THROWS_WITH(nn::huber_loss(column, column, {.delta = 0.0}),
                    "huber_loss: delta must be positive, got 0");
  CHECK_THROWS_WITH(
      nn::binary_cross_entropy_with_logits(logits, column),
      "binary_cross_entropy_with_logits: the logits (3, 2) and the targets (3, 1) differ");
  CHECK_THROWS_WITH(nn::binary_cross_entropy_with_logits(
                        column, column, {.pos_weight = Tensor<float>({2}, {1, 1})}),
                    Contains("pos_weight (2) does not broadcast to the logits (3, 1)"));
}

TEST_CASE("losses are constants when nothing needs a gradient") {
  const Variable<double> x(random({2, 2}, 9));
  CHECK_FALSE(nn::mse_loss(x, x).requires_grad());
  CHECK_FALSE(nn::cross_entropy(x, Labels({2}, {0, 1})).requires_grad());
  // A target alone may need one.
  CHECK(nn::mse_loss(x, Variable<double>(random({2, 2}, 9), true)).requires_grad());
}

TEST_CASE("accuracy counts the rows whose largest score is at the label") {
  const Tensor<float> scores({3, 2}, {0.1F, 0.9F, 0.8F, 0.2F, 0.5F, 0.5F});
  CHECK(nn::correct_count(scores, Labels({3}, {1, 1, 0})) == 2);
  CHECK(nn::accuracy(scores, Labels({3}, {1, 1, 0})) == Approx(2.0 / 3.0));
  CHECK(nn::accuracy(Variable<float>(scores), Labels({3}, {1, 0, 0})) == 1.0);
  CHECK(std::isnan(nn::accuracy(Tensor<float>({0, 2}), Labels({0}, {}))));
  CHECK_THROWS_WITH(nn::accuracy(scores, Labels({2}, {1, 1})),
                    "accuracy: the labels (2) do not fit the scores (3, 2)");
}
