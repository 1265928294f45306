// The workloads by PyTorch's C++ API, as its users write them: torch::nn::Sequential and
// torch::optim.

#include <torch/torch.h>
#include <torch/version.h>

#include "train/peer.h"

namespace {

using namespace glissade::bench;

class LibtorchTrainer final : public Trainer {
 public:
  explicit LibtorchTrainer(const Problem& problem) : workload_(problem.workload) {
    const auto& sizes = workload_.sizes;
    for (std::size_t i = 0; i < workload_.layers(); ++i) {
      model_->push_back(torch::nn::Linear(sizes[i], sizes[i + 1]));
      if (i + 1 == workload_.layers()) break;
      if (workload_.activation == Workload::Activation::relu) {
        model_->push_back(torch::nn::ReLU());
      } else {
        model_->push_back(torch::nn::Tanh());
      }
    }
    const auto parameters = model_->parameters();
    std::size_t at = 0;
    for (const auto& parameter : parameters) {
      const auto count = static_cast<std::size_t>(parameter.numel());
      const torch::NoGradGuard guard;
      parameter.copy_(tensor(problem.parameters.data() + at, parameter.sizes()));
      at += count;
    }
    inputs_ = tensor(problem.inputs.data(), {workload_.batch, sizes.front()});
    if (workload_.loss == Workload::Loss::mse) {
      targets_ = tensor(problem.targets.data(), {workload_.batch, sizes.back()});
    } else {
      std::vector<std::int64_t> labels(problem.labels.begin(), problem.labels.end());
      targets_ = torch::tensor(labels, torch::kInt64);
    }
    if (workload_.optimizer == Workload::Optimizer::adam) {
      optimizer_ = std::make_unique<torch::optim::Adam>(parameters,
                                                        torch::optim::AdamOptions(workload_.lr()));
    } else {
      optimizer_ = std::make_unique<torch::optim::SGD>(
          parameters, torch::optim::SGDOptions(workload_.lr()).momentum(workload_.momentum()));
    }
  }

  void step() override {
    optimizer_->zero_grad();
    const auto output = model_->forward(inputs_);
    loss_ = workload_.loss == Workload::Loss::mse
                ? torch::nn::functional::mse_loss(output, targets_)
                : torch::nn::functional::cross_entropy(output, targets_);
    loss_.backward();
    optimizer_->step();
  }
  double loss() override { return loss_.item<double>(); }

 private:
  static torch::Tensor tensor(const float* from, torch::IntArrayRef shape) {
    return torch::from_blob(const_cast<float*>(from), shape, torch::kFloat32).clone();
  }

  Workload workload_;
  torch::nn::Sequential model_;
  torch::Tensor inputs_;
  torch::Tensor targets_;
  torch::Tensor loss_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

}  // namespace

int main() {
  Peer peer;
  peer.about = "libtorch " TORCH_VERSION;
  peer.set_threads = [](int threads) {
    torch::set_num_threads(threads);
    torch::set_num_interop_threads(1);
    // Averages of dead units become denormal, and all arithmetic on them slow.
    at::globalContext().setFlushDenormal(true);
  };
  peer.make = [](const Problem& problem) { return std::make_unique<LibtorchTrainer>(problem); };
  return serve(peer);
}
