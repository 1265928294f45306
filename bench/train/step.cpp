#include "step.h"

#include <algorithm>
#include <span>

namespace glissade::bench {

Step::Step(const Problem& problem) : workload_(problem.workload) {
  Rng rng(1);
  const auto& sizes = workload_.sizes;
  for (std::size_t i = 0; i < workload_.layers(); ++i) {
    model_.add(nn::Linear(sizes[i], sizes[i + 1], rng));
    if (i + 1 == workload_.layers()) break;
    if (workload_.activation == Workload::Activation::relu) {
      model_.add(nn::ReLU());
    } else {
      model_.add(nn::Tanh());
    }
  }
  const auto parameters = model_.parameters();
  set_parameters(problem.parameters);
  inputs_ = Tensor<float>({workload_.batch, sizes.front()}, std::span(problem.inputs));
  if (workload_.loss == Workload::Loss::mse) {
    targets_ = Tensor<float>({workload_.batch, sizes.back()}, std::span(problem.targets));
  } else {
    labels_ = Tensor<std::int32_t>({workload_.batch}, std::span(problem.labels));
  }
  if (num_threads() > 1 && workload_.splits_batch()) parallel_.emplace(model_);
  if (workload_.optimizer == Workload::Optimizer::adam) {
    optimizer_ =
        std::make_unique<optim::Adam<float>>(parameters, optim::AdamOptions{.lr = workload_.lr()});
  } else {
    const optim::SGDOptions options{.lr = workload_.lr(), .momentum = workload_.momentum()};
    optimizer_ = std::make_unique<optim::SGD<float>>(parameters, options);
  }
}

float Step::operator()() {
  if (parallel_) return split_step();
  optimizer_->zero_grad();
  const auto output = model_(inputs_);
  const auto loss = workload_.loss == Workload::Loss::mse ? nn::mse_loss(output, targets_)
                                                          : nn::cross_entropy(output, labels_);
  loss.backward();
  optimizer_->step();
  return loss.item();
}

// The same with the batch split over the threads.
float Step::split_step() {
  optimizer_->zero_grad();
  const float loss =
      parallel_->backward([](auto& model, const auto& x,
                             const auto& labels) { return nn::cross_entropy(model(x), labels); },
                          inputs_, labels_);
  optimizer_->step();
  return loss;
}

std::vector<float> Step::parameters() const {
  std::vector<float> all;
  for (const auto& parameter : model_.parameters()) {
    all.insert(all.end(), parameter.value().begin(), parameter.value().end());
  }
  return all;
}

void Step::set_parameters(std::span<const float> values) {
  const float* from = values.data();
  for (auto& parameter : model_.parameters()) {
    std::copy_n(from, parameter.size(), parameter.mutable_value().begin());
    from += parameter.size();
  }
}

}  // namespace glissade::bench
