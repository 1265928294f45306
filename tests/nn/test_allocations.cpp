// A training step asks nobody for memory once the first have been made.
#include "catch.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/core/allocator.h"
#include "glissade/core/rng.h"
#include "glissade/nn/batch_norm.h"
#include "glissade/nn/data_parallel.h"
#include "glissade/nn/dataset.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/layer_norm.h"
#include "glissade/nn/loss.h"
#include "glissade/nn/residual.h"
#include "glissade/nn/sequential.h"
#include "support/count_new.h"
#include "support/threads.h"

using namespace glissade;

namespace {

struct Requests {
  std::size_t from_new = 0;
  std::size_t from_system = 0;
};

// What `run` asks the system for.
template <class Run>
Requests requests(const Run& run) {
  const std::size_t from_system = allocator_stats().from_system;
  const std::size_t from_new = new_calls;
  run();
  return {.from_new = new_calls - from_new,
          .from_system = allocator_stats().from_system - from_system};
}

}  // namespace

TEST_CASE("passes over the data with dropout, loss and backward allocate nothing") {
  Rng rng(1);
  Tensor<float> images({70, 20});
  rng.fill_uniform(images, 0.0F, 1.0F);
  Tensor<std::int32_t> labels({70});
  for (Index i = 0; i < 70; ++i) labels[i] = static_cast<std::int32_t>(i % 10);
  const nn::Dataset data(std::move(images), std::move(labels));
  nn::Sequential model{nn::Linear(20, 32, rng), nn::ReLU(), nn::Dropout(0.2, rng),
                       nn::Residual(nn::Sequential{nn::Linear(32, 32, rng), nn::GELU()}),
                       nn::Linear(32, 10, rng)};
  const auto epoch = [&] {
    for (const auto& [inputs, targets] : nn::batches(data, 16, rng)) {
      model.zero_grad();
      nn::cross_entropy(model(inputs), targets, {.label_smoothing = 0.1}).backward();
    }
  };
  CHECK(counting_works());
  epoch();
  epoch();
  const Requests later = requests(epoch);
  CHECK(later.from_new == 0);
  CHECK(later.from_system == 0);
}

TEST_CASE("a training step of a tiny network with mse_loss allocates nothing") {
  Rng rng(1);
  nn::Sequential model{nn::Linear(2, 16, rng), nn::Tanh(), nn::Linear(16, 1, rng)};
  const Tensor<float> x({8, 2});
  const Tensor<float> y({8, 1});
  const auto step = [&] {
    model.zero_grad();
    nn::mse_loss(model(x), y).backward();
  };
  for (int i = 0; i < 3; ++i) step();
  const Requests later = requests(step);
  CHECK(later.from_new == 0);
  CHECK(later.from_system == 0);
}

TEST_CASE("steps with DataParallel allocate nothing", "[threads]") {
  const Threads scope(2);
  Rng rng(1);
  nn::Sequential model{nn::Linear(20, 32, rng), nn::ReLU(), nn::Linear(32, 10, rng)};
  nn::DataParallel parallel(model);
  const Variable<float> x(Tensor<float>::full({16, 20}, 0.5F));
  const Tensor<std::int32_t> labels({16});
  const auto step = [&] {
    model.zero_grad();
    parallel.backward([](auto& net, const auto& rows,
                         const auto& classes) { return nn::cross_entropy(net(rows), classes); },
                      x, labels);
  };
  // The second part runs on either thread, and each of them needs its blocks once.
  for (int i = 0; i < 500; ++i) step();
  const Requests later = requests([&] {
    for (int i = 0; i < 100; ++i) step();
  });
  CHECK(later.from_new == 0);
  CHECK(later.from_system <= 2);
}

TEST_CASE("inference allocates nothing", "[threads]") {
  Rng rng(1);
  // Products and element-wise work that several threads share, and normalisation.
  nn::Sequential model{nn::Linear(256, 512, rng),
                       nn::ReLU(),
                       nn::Dropout(0.1, rng),
                       nn::BatchNorm1d(512),
                       nn::LayerNorm(512),
                       nn::Linear(512, 256, rng),
                       nn::GELU(),
                       nn::Linear(256, 10, rng),
                       nn::Softmax()};
  model.eval();
  const Variable<float> x(Tensor<float>::full({128, 256}, 0.5F));
  for (const int threads : {1, 2}) {
    const Threads scope(threads);
    const NoGradGuard no_grad;
    for (int i = 0; i < 3; ++i) model(x);
    const Requests later = requests([&] {
      for (int i = 0; i < 10; ++i) model(x);
    });
    INFO(threads << " threads");
    CHECK(later.from_new == 0);
    CHECK(later.from_system == 0);
  }
}
