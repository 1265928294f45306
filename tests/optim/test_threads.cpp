// Networks that train at the same time, each in a thread of its own.
#include <array>
#include <thread>
#include <vector>

#include "catch.h"
#include "glissade/core/rng.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/loss.h"
#include "glissade/nn/sequential.h"
#include "glissade/optim/adam.h"
#include "glissade/optim/clip.h"
#include "glissade/optim/rmsprop.h"
#include "glissade/optim/sgd.h"
#include "support/threads.h"

using namespace glissade;

namespace {

constexpr int kThreads = 4;

// The parameters after 20 steps; nothing but the seed makes a difference.
std::vector<Tensor<float>> train(int seed) {
  Rng rng(static_cast<std::uint64_t>(seed));
  nn::Sequential model{nn::Linear(20, 64, rng), nn::ReLU(), nn::Dropout(0.2, rng),
                       nn::Linear(64, 32, rng), nn::Tanh(), nn::Linear(32, 3, rng)};
  Tensor<float> inputs({48, 20});
  rng.fill_normal(inputs, 0.0, 1.0);
  Tensor<std::int32_t> labels({48});
  for (Index i = 0; i < 48; ++i) labels[i] = static_cast<std::int32_t>(i % 3);
  const auto parameters = model.parameters();
  optim::Adam adam(parameters, {.lr = 0.01});
  for (int step = 0; step < 20; ++step) {
    adam.zero_grad();
    nn::cross_entropy(model(inputs), labels).backward();
    optim::clip_grad_norm(parameters, 1.0);
    adam.step();
  }
  std::vector<Tensor<float>> values;
  for (const auto& parameter : parameters) values.push_back(parameter.value());
  return values;
}

}  // namespace

TEST_CASE("training in several threads gives what training in one gives", "[threads]") {
  std::array<std::vector<Tensor<float>>, kThreads> together;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&together, i] { together[static_cast<std::size_t>(i)] = train(i); });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < kThreads; ++i) {
    // Not CHECK(a == b): a failure would print thousands of numbers.
    CHECK((together[static_cast<std::size_t>(i)] == train(i)));
  }
}

TEST_CASE("a model made in one thread trains and ends in another", "[threads]") {
  Rng rng(1);
  nn::Sequential model{nn::Linear(4, 8, rng), nn::ReLU(), nn::Linear(8, 1, rng)};
  float before = 0.0F;
  float after = 0.0F;
  std::thread([moved = std::move(model), &before, &after]() mutable {
    const Variable<float> x(Tensor<float>::full({5, 4}, 0.5F));
    const Variable<float> target(Tensor<float>({5, 1}));
    optim::Adam adam(moved.parameters(), {.lr = 0.05});
    for (int step = 0; step < 50; ++step) {
      adam.zero_grad();
      const auto loss = nn::mse_loss(moved(x), target);
      (step == 0 ? before : after) = loss.item();
      loss.backward();
      adam.step();
    }
  }).join();
  CHECK(after < 0.5F * before);
}

TEST_CASE("updates by several threads are the same bits as by one", "[threads]") {
  const auto train = [](int threads, const auto& make) {
    const Threads scope(threads);
    Rng rng(1);
    // Of many sizes: some are divided, and some parts have several parameters.
    std::vector<Variable<float>> parameters;
    for (const Index size : {1, 40000, 7, 100, 30001, 64, 3, 20000}) {
      parameters.push_back(parameter(Tensor<float>({size})));
      rng.fill_normal(parameters.back().mutable_value(), 0.0F, 1.0F);
    }
    auto optimizer = make(parameters);
    for (int step = 0; step < 3; ++step) {
      optimizer.zero_grad();
      for (Variable<float>& p : parameters) {
        Tensor<float> gradient(p.shape());
        rng.fill_normal(gradient, 0.0F, 1.0F);
        p.backward(Variable<float>(std::move(gradient)));
      }
      optimizer.step();
    }
    std::vector<Tensor<float>> values;
    for (const auto& p : parameters) values.push_back(p.value());
    return values;
  };
  const auto check_all = [&](const auto& make) {
    const auto one = train(1, make);
    for (const int threads : {2, 3, 5}) CHECK((train(threads, make) == one));
  };
  using Parameters = std::vector<Variable<float>>;
  check_all([](const Parameters& p) { return optim::Adam(p, {.lr = 0.1, .amsgrad = true}); });
  check_all([](const Parameters& p) { return optim::SGD(p, {.lr = 0.1, .momentum = 0.9}); });
  check_all([](const Parameters& p) {
    return optim::RMSprop(p, {.lr = 0.1, .momentum = 0.9, .centered = true});
  });
}
