// Glissade itself as a program that scripts/bench train lets take turns with other libraries.

#include <glissade/core/blas_info.h>
#include <glissade/core/threads.h>

#include <filesystem>

#include "train/peer.h"
#include "train/step.h"

namespace {

using namespace glissade;

class GlissadeTrainer final : public bench::Trainer {
 public:
  explicit GlissadeTrainer(const bench::Problem& problem) : step_(problem) {}

  void step() override { loss_ = step_(); }
  double loss() override { return loss_; }

 private:
  bench::Step step_;
  float loss_ = 0.0F;
};

class GlissadeEpochs final : public bench::Epochs {
 public:
  explicit GlissadeEpochs(const bench::FashionTask& task)
      : train_(read(task.folder, "train")), test_(read(task.folder, "t10k")), batch_(task.batch) {
    for (std::size_t i = 0; i + 1 < task.sizes.size(); ++i) {
      if (i > 0) model_.add(nn::ReLU());
      model_.add(nn::Linear(task.sizes[i], task.sizes[i + 1], rng_));
    }
    optimizer_ = std::make_unique<optim::Adam<float>>(model_.parameters(),
                                                      optim::AdamOptions{.lr = task.lr});
  }

  void run() override {
    for (const auto& [images, labels] : nn::batches(train_, batch_, rng_)) {
      optimizer_->zero_grad();
      nn::cross_entropy(model_(images), labels).backward();
      optimizer_->step();
    }
  }

  double accuracy() override {
    const NoGradGuard no_grad;
    return nn::accuracy(model_(test_.inputs), test_.targets);
  }

 private:
  static nn::Dataset<float> read(const std::filesystem::path& folder, const std::string& part) {
    return nn::read_idx_dataset(folder / (part + "-images-idx3-ubyte.gz"),
                                folder / (part + "-labels-idx1-ubyte.gz"));
  }

  Rng rng_{1};
  nn::Dataset<float> train_;
  nn::Dataset<float> test_;
  Index batch_;
  nn::Sequential<> model_;
  std::unique_ptr<optim::Adam<float>> optimizer_;
};

}  // namespace

int main() {
  bench::Peer peer;
  peer.set_threads = [&peer](int threads) {
    set_num_threads(threads);
    peer.about = to_string(blas_info());
  };
  peer.make = [](const bench::Problem& problem) {
    return std::make_unique<GlissadeTrainer>(problem);
  };
  peer.make_epochs = [](const bench::FashionTask& task) {
    return std::make_unique<GlissadeEpochs>(task);
  };
  return bench::serve(peer);
}
