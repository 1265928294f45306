// Steps whose batch is split over threads.
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "catch.h"
#include "glissade/core/parallel.h"
#include "glissade/nn/batch_norm.h"
#include "glissade/nn/data_parallel.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/linear.h"
#include "glissade/nn/loss.h"
#include "glissade/nn/residual.h"
#include "glissade/nn/sequential.h"
#include "support/threads.h"

using namespace glissade;

namespace {

struct Batch {
  Variable<float> x;
  Tensor<std::int32_t> labels;
};

Batch make_batch(Index rows) {
  Rng rng(7);
  Tensor<float> x({rows, 12});
  rng.fill_normal(x, 0.0F, 1.0F);
  Tensor<std::int32_t> labels({rows});
  for (Index i = 0; i < rows; ++i) labels[i] = static_cast<std::int32_t>(i % 5);
  return {Variable<float>(std::move(x)), std::move(labels)};
}

nn::Sequential<> make_model() {
  Rng rng(3);
  return nn::Sequential{nn::Linear(12, 24, rng), nn::ReLU(),
                        nn::Residual(nn::Sequential{nn::Linear(24, 24, rng), nn::Tanh()}),
                        nn::Linear(24, 5, rng)};
}

constexpr auto kLoss = [](auto& net, const auto& rows, const auto& labels) {
  return nn::cross_entropy(net(rows), labels);
};

std::vector<Tensor<float>> gradients(const nn::Module<>& model) {
  std::vector<Tensor<float>> all;
  for (const auto& parameter : model.parameters()) {
    all.push_back(parameter.has_grad() ? parameter.grad().value() : Tensor<float>());
  }
  return all;
}

double largest_difference(const std::vector<Tensor<float>>& a,
                          const std::vector<Tensor<float>>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(a[i].shape() == b[i].shape());
    for (Index k = 0; k < a[i].size(); ++k) {
      largest = std::max(largest, std::abs(static_cast<double>(a[i][k]) - b[i][k]));
    }
  }
  return largest;
}

}  // namespace

TEST_CASE("DataParallel gives the gradient and the loss of the whole batch", "[threads]") {
  for (const Index rows : {1, 2, 3, 7, 32, 33}) {
    const Batch batch = make_batch(rows);
    auto model = make_model();
    const auto loss = kLoss(model, batch.x, batch.labels);
    loss.backward();
    const auto expected = gradients(model);
    nn::DataParallel parallel(model);
    for (const int threads : {1, 2, 3, 5}) {
      const Threads scope(threads);
      INFO(rows << " rows, " << threads << " threads");
      model.zero_grad();
      const float value = parallel.backward(kLoss, batch.x, batch.labels);
      CHECK(value == Approx(loss.item()).epsilon(1e-6));
      const auto found = gradients(model);
      CHECK(largest_difference(found, expected) < 1e-6);
      for (int i = 0; i < 5; ++i) {  // the same bits each time
        model.zero_grad();
        CHECK(parallel.backward(kLoss, batch.x, batch.labels) == value);
        CHECK((gradients(model) == found));
      }
    }
  }
}

TEST_CASE("DataParallel with a sum of losses, and gradients that add up", "[threads]") {
  const Threads scope(3);
  const Batch batch = make_batch(20);
  auto model = make_model();
  const auto sum = [](auto& net, const auto& rows, const auto& labels) {
    return nn::cross_entropy(net(rows), labels, {.reduction = nn::Reduction::sum});
  };
  sum(model, batch.x, batch.labels).backward();
  const auto once = gradients(model);
  sum(model, batch.x, batch.labels).backward();
  const auto twice = gradients(model);

  model.zero_grad();
  nn::DataParallel parallel(model, {.reduction = nn::Reduction::sum});
  parallel.backward(sum, batch.x, batch.labels);
  CHECK(largest_difference(gradients(model), once) < 1e-5);
  const Variable<float> held = model.parameters().front().grad();
  const Tensor<float> before = held.value();
  parallel.backward(sum, batch.x, batch.labels);
  CHECK(largest_difference(gradients(model), twice) < 1e-5);
  CHECK((held.value() == before));  // what the user holds is not changed
}

TEST_CASE("DataParallel follows freezing, values and modes", "[threads]") {
  const Threads scope(2);
  const Batch batch = make_batch(16);
  auto model = make_model();
  nn::DataParallel parallel(model);
  parallel.backward(kLoss, batch.x, batch.labels);

  // Frozen, with other values in other memory.
  auto first = model.parameters().front();
  first.set_requires_grad(false);
  first.mutable_value() = Tensor<float>::full(first.shape(), 0.1F);
  model.zero_grad();
  parallel.backward(kLoss, batch.x, batch.labels);
  CHECK_FALSE(first.has_grad());
  const auto found = gradients(model);
  model.zero_grad();
  kLoss(model, batch.x, batch.labels).backward();
  CHECK(largest_difference(found, gradients(model)) < 1e-6);

  model.eval();
  std::vector<char> training(2, 1);
  parallel.backward(
      [&](auto& net, const auto& rows, const auto& labels) {
        training[labels[0] == 0 ? 0 : 1] = net.is_training() || net[0].is_training() ? 1 : 0;
        return kLoss(net, rows, labels);
      },
      batch.x, batch.labels);
  CHECK((training == std::vector<char>{0, 0}));
}

TEST_CASE("a parameter that only a later part uses gets its gradient", "[threads]") {
  const Threads scope(2);
  Rng rng(1);
  struct Two : nn::Module<> {
    nn::Linear<> low, high;
    explicit Two(Rng& rng) : low(3, 1, rng), high(3, 1, rng) {}
    Variable<float> forward(const Variable<float>& x) override {
      return x.value()[0] < 0.5F ? low(x) : high(x);
    }
    void members(nn::Members<>& m) override {
      m.child("low", low);
      m.child("high", high);
    }
  };
  Two model(rng);
  nn::DataParallel parallel(model, {.reduction = nn::Reduction::sum});
  const Tensor<float> x({2, 3}, {0, 0, 0, 1, 1, 1});
  const auto loss = [](auto& net, const Tensor<float>& rows) { return sum(net(rows)); };
  parallel.backward(loss, x);
  CHECK((model.low.weight.grad().value() == Tensor<float>({1, 3}, {0, 0, 0})));
  CHECK((model.high.weight.grad().value() == Tensor<float>({1, 3}, {1, 1, 1})));
  parallel.backward(loss, x);
  CHECK((model.high.weight.grad().value() == Tensor<float>({1, 3}, {2, 2, 2})));
  CHECK((model.high.bias.grad().value() == Tensor<float>({1}, {2})));
}

TEST_CASE("shared parameters have one gradient", "[threads]") {
  const Threads scope(2);
  Rng rng(1);
  const nn::Linear layer(12, 12, rng);
  nn::Sequential model{layer, nn::Tanh(), layer, nn::Linear(12, 5, rng)};
  const Batch batch = make_batch(10);
  kLoss(model, batch.x, batch.labels).backward();
  const auto expected = gradients(model);
  CHECK(expected.size() == 4);
  model.zero_grad();
  nn::DataParallel parallel(model);
  parallel.backward(kLoss, batch.x, batch.labels);
  CHECK(largest_difference(gradients(model), expected) < 1e-6);
}

TEST_CASE("dropout is repeatable, and different in the parts", "[threads]") {
  const Threads scope(2);
  const auto run = [] {
    Rng rng(5);
    nn::Sequential model{nn::Dropout(0.5, rng), nn::Linear(12, 5, rng)};
    nn::DataParallel parallel(model);
    const Batch batch = make_batch(8);
    std::vector<Tensor<float>> all;
    for (int i = 0; i < 3; ++i) {
      model.zero_grad();
      parallel.backward(kLoss, batch.x, batch.labels);
      for (auto& gradient : gradients(model)) all.push_back(std::move(gradient));
    }
    return all;
  };
  CHECK((run() == run()));

  Rng rng(5);
  nn::Sequential model{nn::Dropout(0.5, rng)};
  nn::DataParallel parallel(model, {.reduction = nn::Reduction::sum});
  std::vector<Tensor<float>> outputs(2);
  const auto weight = parameter(Tensor<float>::scalar(1.0F));
  Tensor<float> x({2, 200});
  for (Index i = 0; i < x.size(); ++i) x[i] = i < 200 ? 1.0F : 2.0F;
  CHECK_THROWS_AS(parallel.backward(
                      [&](auto& net, const auto& rows) {
                        const Variable<float> y = net(rows);
                        outputs[rows[0] == 1.0F ? 0 : 1] = y.value();
                        return sum(y);  // depends on no parameter
                      },
                      x),
                  std::invalid_argument);
  REQUIRE(outputs[0].size() == 200);
  REQUIRE(outputs[1].size() == 200);
  int different = 0;
  for (Index i = 0; i < 200; ++i) different += outputs[1][i] != 2.0F * outputs[0][i] ? 1 : 0;
  CHECK(different > 50);
}

TEST_CASE("batch norm's running statistics are those of the first part", "[threads]") {
  const Threads scope(2);
  nn::Sequential model{nn::BatchNorm1d(1)};
  nn::DataParallel parallel(model, {.reduction = nn::Reduction::sum});
  const Tensor<float> x({4, 1}, {1, 3, 50, 70});
  const auto loss = [](auto& net, const auto& rows) { return sum(square(net(rows))); };
  parallel.backward(loss, x);
  const auto buffers = model.buffers();
  CHECK((*buffers[0])[0] == Approx(0.2F));  // 0.1 * the mean, 2
  CHECK(*model.counters()[0] == Tensor<std::int64_t>::scalar(1));
  // In evaluation all parts have them.
  model.eval();
  std::vector<float> means(2);
  parallel.backward(
      [&](auto& net, const auto& rows) {
        means[rows[0] == 1.0F ? 0 : 1] = (*net.buffers()[0])[0];
        return sum(square(net(rows)));
      },
      x);
  CHECK(means[1] == means[0]);
  CHECK(means[0] == Approx(0.2F));
}

TEST_CASE("errors in a part reach the caller, and the next step is right", "[threads]") {
  const Threads scope(2);
  const Batch batch = make_batch(8);
  auto model = make_model();
  nn::DataParallel parallel(model);
  CHECK_THROWS_WITH(parallel.backward(
                        [](auto& net, const auto& rows, const auto& labels) {
                          if (labels[0] != 0) throw std::runtime_error("a bad label");
                          return kLoss(net, rows, labels);
                        },
                        batch.x, batch.labels),
                    "a bad label");
  model.zero_grad();
  parallel.backward(kLoss, batch.x, batch.labels);
  const auto found = gradients(model);
  model.zero_grad();
  kLoss(model, batch.x, batch.labels).backward();
  CHECK(largest_difference(found, gradients(model)) < 1e-6);
}

TEST_CASE("DataParallel says what it cannot do", "[threads]") {
  const Threads scope(2);
  const Batch batch = make_batch(8);
  auto model = make_model();
  CHECK_THROWS_WITH(nn::DataParallel(model, {.reduction = nn::Reduction::none}),
                    "DataParallel: the reduction must be mean or sum, not none");
  nn::DataParallel parallel(model);
  CHECK_THROWS_WITH(parallel.backward(kLoss, batch.x, Tensor<std::int32_t>({7})),
                    "DataParallel: the batch has 8 rows and a tensor of shape (7)");
  CHECK_THROWS_WITH(parallel.backward(kLoss, parameter(batch.x.value()), batch.labels),
                    "DataParallel: an input of shape (8, 12) requires a gradient, which would be "
                    "lost with the parts it is split into");
  CHECK_THROWS_WITH(
      parallel.backward([](auto& net, const auto& rows) { return net(rows); }, batch.x),
      "DataParallel: the loss must be a scalar, not of shape (4, 5)");
  CHECK_THROWS_WITH(parallel.backward([](auto& net, const auto& x) { return sum(net(x)); },
                                      Tensor<float>::scalar(1)),
                    "DataParallel: a scalar has no rows to split");

  auto& first = dynamic_cast<nn::Linear<>&>(model[0]);
  first.bias = parameter(Tensor<float>({24}));
  CHECK_THROWS_WITH(parallel.backward(kLoss, batch.x, batch.labels),
                    "DataParallel: a parameter of Sequential has been replaced by another; make a "
                    "new DataParallel");

  Rng rng(1);
  nn::Sequential<> by_pointer;
  by_pointer.add(std::make_unique<nn::Linear<>>(12, 5, rng));
  nn::DataParallel copies(by_pointer);
  CHECK_THROWS_WITH(copies.backward(kLoss, batch.x, batch.labels),
                    "Sequential: module 0, Linear(12, 5), cannot be copied; add it as an object of "
                    "its own class, not by a pointer");

  struct Holder : nn::Module<> {
    std::shared_ptr<nn::Linear<>> inner;
    explicit Holder(Rng& rng) : inner(std::make_shared<nn::Linear<>>(12, 5, rng)) {}
    Variable<float> forward(const Variable<float>& x) override { return (*inner)(x); }
    void members(nn::Members<>& m) override { m.child("inner", *inner); }
    std::string description() const override { return "Holder"; }
  };
  Holder holder(rng);
  nn::DataParallel shared(holder);
  CHECK_THROWS_WITH(shared.backward(kLoss, batch.x, batch.labels),
                    "DataParallel: a copy of Holder shares the module Linear(12, 5) with the "
                    "original; the class that holds it by a pointer has to override "
                    "unshare_modules");
}
