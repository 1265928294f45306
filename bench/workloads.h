#pragma once

// The training steps that Glissade is measured on: multilayer perceptrons from tiny to wide and
// deep.

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct Workload {
  std::string name;
  std::vector<std::int64_t> sizes;  // features of the input, of each hidden layer, of the output
  std::int64_t batch;
  enum class Activation { relu, tanh } activation;
  enum class Loss { cross_entropy, mse } loss;
  enum class Optimizer { sgd, momentum, adam } optimizer;
};

inline std::vector<Workload> workloads() {
  using A = Workload::Activation;
  using L = Workload::Loss;
  using O = Workload::Optimizer;
  Workload deep{"W5", {64}, 64, A::relu, L::cross_entropy, O::adam};
  deep.sizes.insert(deep.sizes.end(), 20, 64);
  deep.sizes.push_back(10);
  return {
      {"W1", {2, 16, 16, 1}, 4, A::tanh, L::mse, O::sgd},
      {"W2", {32, 64, 64, 10}, 32, A::relu, L::cross_entropy, O::adam},
      {"W3", {784, 256, 128, 10}, 128, A::relu, L::cross_entropy, O::adam},
      {"W4", {784, 1024, 1024, 10}, 256, A::relu, L::cross_entropy, O::momentum},
      deep,
  };
}

}  // namespace bench
