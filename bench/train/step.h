#pragma once

// A training step (forward, backward, update) as a user of Glissade writes it.

#include <glissade/glissade.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "workloads.h"

namespace glissade::bench {

class Step {
 public:
  explicit Step(const Problem& problem);

  /// One step; returns the loss before it.
  float operator()();

  /// All weights and biases, in the order of `Problem::parameters`.
  std::vector<float> parameters() const;
  void set_parameters(std::span<const float> values);

 private:
  float split_step();

  Workload workload_;
  nn::Sequential<> model_;
  std::optional<nn::DataParallel<nn::Sequential<>>> parallel_;
  Variable<float> inputs_;
  Variable<float> targets_;
  Tensor<std::int32_t> labels_;
  std::unique_ptr<optim::Optimizer<float>> optimizer_;
};

}  // namespace glissade::bench
