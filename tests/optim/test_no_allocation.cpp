// After the first step, a step of an optimizer asks nobody for memory. This file replaces the
// program's operator new by one that counts.
#include <cstdlib>
#include <new>
#include <vector>

#include "catch.h"
#include "glissade/core/allocator.h"
#include "glissade/optim/adam.h"
#include "glissade/optim/adamw.h"
#include "glissade/optim/clip.h"
#include "glissade/optim/rmsprop.h"
#include "glissade/optim/sgd.h"

namespace {
long heap_allocations = 0;
}  // namespace

void* operator new(std::size_t bytes) {
  ++heap_allocations;
  if (void* block = std::malloc(bytes == 0 ? 1 : bytes)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

using namespace glissade;

namespace {

// The allocations, of any kind, of the second and third step.
template <class Optimizer>
long allocations_of(Optimizer optimizer, const std::vector<Variable<float>>& parameters) {
  for (Variable<float> p : parameters) {
    p.zero_grad();
    p.backward(Variable<float>(Tensor<float>::full(p.shape(), 0.5F)));
  }
  optimizer.step();
  const AllocatorStats before = allocator_stats();
  const long heap_before = heap_allocations;
  for (int i = 0; i < 2; ++i) {
    optim::clip_grad_norm(parameters, 1.0);
    optim::clip_grad_value(parameters, 0.1);
    optimizer.step();
  }
  const long heap = heap_allocations - heap_before;
  const AllocatorStats after = allocator_stats();
  return heap + static_cast<long>(after.reused - before.reused) +
         static_cast<long>(after.from_system - before.from_system);
}

}  // namespace

TEST_CASE("steps after the first allocate nothing") {
  const std::vector<Variable<float>> p{parameter(Tensor<float>({100, 30})),
                                       parameter(Tensor<float>({100}))};
  const long count = heap_allocations;
  CHECK(std::vector<int>(10).size() == 10);
  CHECK(heap_allocations > count);  // the counting counts
  const auto rate = optim::warmup(2, optim::cosine(0.1, 10));
  CHECK(allocations_of(optim::SGD(p, {.lr = rate}), p) == 0);
  CHECK(allocations_of(optim::SGD(p, {.lr = rate, .momentum = 0.9, .nesterov = true}), p) == 0);
  CHECK(allocations_of(optim::RMSprop(p, {.lr = rate, .momentum = 0.9, .centered = true}), p) == 0);
  CHECK(allocations_of(optim::Adam(p, {.lr = rate, .amsgrad = true}), p) == 0);
  CHECK(allocations_of(optim::AdamW(p, {.lr = rate}), p) == 0);
}
