// Glissade itself as a program that scripts/bench train lets take turns with other libraries.

#include <glissade/core/blas_info.h>
#include <glissade/core/threads.h>

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
  return bench::serve(peer);
}
