// After the first step, a step of an optimizer asks nobody for memory.
#include <cstddef>
#include <vector>

#include "catch.h"
#include "glissade/core/allocator.h"
#include "glissade/optim/adadelta.h"
#include "glissade/optim/adagrad.h"
#include "glissade/optim/adam.h"
#include "glissade/optim/adamax.h"
#include "glissade/optim/adamw.h"
#include "glissade/optim/averages.h"
#include "glissade/optim/chained.h"
#include "glissade/optim/clip.h"
#include "glissade/optim/lion.h"
#include "glissade/optim/muon.h"
#include "glissade/optim/nadam.h"
#include "glissade/optim/radam.h"
#include "glissade/optim/rmsprop.h"
#include "glissade/optim/sgd.h"
#include "support/count_new.h"

using namespace glissade;

namespace {

// The allocations, of any kind, of the second and third step.
template <class Optimizer>
std::size_t allocations_of(Optimizer optimizer, const std::vector<Variable<float>>& parameters) {
  for (Variable<float> p : parameters) {
    p.zero_grad();
    p.backward(Variable<float>(Tensor<float>::full(p.shape(), 0.5F)));
  }
  optimizer.step();
  const AllocatorStats before = allocator_stats();
  const std::size_t heap_before = new_calls;
  for (int i = 0; i < 2; ++i) {
    optim::clip_grad_norm(parameters, 1.0);
    optim::clip_grad_value(parameters, 0.1);
    optimizer.step();
  }
  const std::size_t heap = new_calls - heap_before;
  const AllocatorStats after = allocator_stats();
  return heap + (after.reused - before.reused) + (after.from_system - before.from_system);
}

}  // namespace

TEST_CASE("steps after the first allocate nothing") {
  const std::vector<Variable<float>> p{parameter(Tensor<float>({100, 30})),
                                       parameter(Tensor<float>({100}))};
  CHECK(counting_works());
  const auto rate = optim::warmup(2, optim::cosine(0.1, 10));
  CHECK(allocations_of(optim::SGD(p, {.lr = rate}), p) == 0);
  CHECK(allocations_of(optim::SGD(p, {.lr = rate, .momentum = 0.9, .nesterov = true}), p) == 0);
  CHECK(allocations_of(optim::RMSprop(p, {.lr = rate, .momentum = 0.9, .centered = true}), p) == 0);
  CHECK(allocations_of(optim::Adam(p, {.lr = rate, .amsgrad = true}), p) == 0);
  CHECK(allocations_of(optim::AdamW(p, {.lr = rate}), p) == 0);
  CHECK(allocations_of(optim::Adagrad(p, {.lr = rate}), p) == 0);
  CHECK(allocations_of(optim::Adadelta(p, {.lr = rate}), p) == 0);
  CHECK(allocations_of(optim::Adamax(p, {.lr = rate}), p) == 0);
  CHECK(allocations_of(optim::NAdam(p, {.lr = rate}), p) == 0);
  CHECK(allocations_of(optim::RAdam(p, {.lr = rate}), p) == 0);
  using namespace optim;
  const auto transformation =
      chain(zero_nans(), clip_by_global_norm(1.0), clip(0.5), centralize(), add_noise(0.1),
            accumulate(2), add_decayed_weights(0.1), trace(0.5), scale_by_adam(), scale_by_rms(),
            scale_by_lion(), scale_by_sign(), scale_by_schedule(rate), scale(2.0));
  CHECK(allocations_of(Chained(p, transformation, {.lr = rate}), p) == 0);
  CHECK(allocations_of(optim::Lion(p, {.lr = rate}), p) == 0);
  const std::vector<Variable<float>> matrices{p[0], parameter(Tensor<float>({20, 50}))};
  CHECK(allocations_of(optim::Muon(matrices, {.lr = rate}), matrices) == 0);
}
