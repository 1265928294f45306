#include "workloads.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace glissade::bench {
namespace {

Workload perceptron(std::string name, std::vector<std::int64_t> sizes, std::int64_t batch) {
  Workload workload;
  workload.name = std::move(name);
  workload.sizes = std::move(sizes);
  workload.batch = batch;
  return workload;
}

// 64 features, hidden layers of 64, 10 classes.
Workload deep(std::string name, std::size_t hidden) {
  Workload workload = perceptron(std::move(name), {64}, 64);
  workload.sizes.insert(workload.sizes.end(), hidden, 64);
  workload.sizes.push_back(10);
  return workload;
}

// first, 1.5 first, 2 first, 3 first, ..., last
std::vector<std::int64_t> doubling(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> values;
  for (std::int64_t value = first; value <= last; value *= 2) {
    values.push_back(value);
    if (value > 1 && value < last) values.push_back(value + value / 2);
  }
  return values;
}

std::vector<float> normal_values(std::size_t count, std::mt19937& random) {
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

}  // namespace

std::int64_t Workload::parameters() const {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < layers(); ++i) count += (sizes[i] + 1) * sizes[i + 1];
  return count;
}

bool Workload::splits_batch() const {
  const std::int64_t widest = *std::max_element(sizes.begin(), sizes.end());
  return loss == Loss::cross_entropy && layers() >= 10 && batch * widest * widest < 1'000'000;
}

std::int64_t Workload::needed_bytes() const {
  std::int64_t features = 0;
  for (const std::int64_t size : sizes) features += size;
  const std::int64_t states = optimizer == Optimizer::adam       ? 2
                              : optimizer == Optimizer::momentum ? 1
                                                                 : 0;
  return 4 * ((2 + states) * parameters() + batch * features);
}

std::vector<Workload> standard_workloads() {
  Workload tiny = perceptron("W1", {2, 16, 16, 1}, 4);
  tiny.activation = Workload::Activation::tanh;
  tiny.loss = Workload::Loss::mse;
  tiny.optimizer = Workload::Optimizer::sgd;
  Workload wide = perceptron("W4", {784, 1024, 1024, 10}, 256);
  wide.optimizer = Workload::Optimizer::momentum;
  return {tiny, perceptron("W2", {32, 64, 64, 10}, 32), perceptron("W3", {784, 256, 128, 10}, 128),
          wide, deep("W5", 20)};
}

std::vector<Workload> sweeps() {
  std::vector<Workload> all;
  for (const std::int64_t width : doubling(16, 2048)) {
    all.push_back(perceptron("width/" + std::to_string(width), {784, width, width / 2, 10}, 128));
  }
  for (const std::int64_t batch : doubling(1, 1024)) {
    all.push_back(perceptron("batch/" + std::to_string(batch), {784, 256, 128, 10}, batch));
  }
  for (const std::size_t hidden : {1U, 2U, 3U, 5U, 10U, 20U, 30U, 50U, 75U, 100U}) {
    all.push_back(deep("depth/" + std::to_string(hidden), hidden));
  }
  return all;
}

Problem::Problem(const Workload& of) : workload(of) {
  std::mt19937 random(1);
  const auto& sizes = workload.sizes;
  parameters.reserve(static_cast<std::size_t>(workload.parameters()));
  for (std::size_t layer = 0; layer < workload.layers(); ++layer) {
    offsets.push_back(parameters.size());
    const auto in = static_cast<float>(sizes[layer]);
    std::uniform_real_distribution<float> weight(-std::sqrt(6.0F / in), std::sqrt(6.0F / in));
    std::uniform_real_distribution<float> bias(-1.0F / std::sqrt(in), 1.0F / std::sqrt(in));
    for (std::int64_t i = 0; i < sizes[layer] * sizes[layer + 1]; ++i) {
      parameters.push_back(weight(random));
    }
    for (std::int64_t i = 0; i < sizes[layer + 1]; ++i) parameters.push_back(bias(random));
  }
  const auto batch = static_cast<std::size_t>(workload.batch);
  inputs = normal_values(batch * static_cast<std::size_t>(sizes.front()), random);
  if (workload.loss == Workload::Loss::mse) {
    targets = normal_values(batch * static_cast<std::size_t>(sizes.back()), random);
  } else {
    const auto classes = static_cast<std::uint32_t>(sizes.back());
    for (std::size_t i = 0; i < batch; ++i) {
      labels.push_back(static_cast<std::int32_t>(random() % classes));
    }
  }
}

}  // namespace glissade::bench
