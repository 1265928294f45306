#pragma once

// A training step as an expert writes it for one network without a library: C++ over cblas.
//
// All memory is reserved before the first step. Parameters, gradients and the optimizer's state
// are one block each, so that an update is one loop. Bias and activation are one pass over the
// output of a product, the activation's derivative and the bias gradient are one pass over its
// gradient, and the gradient of the input is not computed. Compiled with -O3 -march=native
// -ffast-math, which vectorises every loop, exp and tanh too.

#include <cstddef>
#include <vector>

#include "buffer.h"
#include "workloads.h"

namespace glissade::bench {

class Handwritten {
 public:
  explicit Handwritten(const Problem& problem);

  /// One step; returns the loss before it.
  float operator()();

  /// All weights and biases, in the order of `Problem::parameters`.
  std::vector<float> parameters() const;

 private:
  float* weight(const Buffer& block, std::size_t layer) const {
    return block.get() + problem_.weight_at(layer);
  }
  float* bias(const Buffer& block, std::size_t layer) const {
    return block.get() + problem_.bias_at(layer);
  }
  const float* input(std::size_t layer) const {
    return layer == 0 ? problem_.inputs.data() : outputs_[layer - 1].get();
  }

  void forward();
  float loss();
  void backward();
  void update();

  Problem problem_;
  std::size_t batch_;
  std::size_t steps_ = 0;
  Buffer parameters_;
  Buffer gradient_;
  Buffer velocity_;  // of SGD with momentum, Adam's mean of gradients
  Buffer square_;    // Adam's mean of squares
  std::vector<Buffer> outputs_;
  std::vector<Buffer> output_gradients_;
};

}  // namespace glissade::bench
