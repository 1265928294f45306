// ADOL-C, which records each operation of doubles on a tape, on the problems of bench_gradients.
//
// adolc records once and goes through the tape again for each gradient, which is the fastest use
// and right as long as no branch changes; adolc_retape records each time, as graphs are built.

#include <adolc/adolc.h>

// Found where definitions.h asks for the number behind a scalar.
inline double real_part(const adouble& x) { return x.value(); }

#include <vector>

#include "gradients/peer.h"

namespace {

using namespace glissade;
using namespace glissade::bench;

class AdolcPeer final : public Peer {
 public:
  AdolcPeer(const Definition& definition, bool retape)
      : definition_(&definition),
        point_(point(definition).begin(), point(definition).end()),
        variables_(point_.size()),
        gradient_(point_.size()),
        retape_(retape) {
    static short tapes = 0;
    tag_ = tapes++;
    record();
  }

  double run() override {
    if (retape_) record();
    double value = 0.0;
    double weight = 1.0;
    const int size = static_cast<int>(point_.size());
    zos_forward(tag_, 1, size, 1, point_.data(), &value);
    fos_reverse(tag_, 1, size, &weight, gradient_.data());
    return value;
  }
  const double* gradient() const override { return gradient_.data(); }

 private:
  void record() {
    // Buffers that hold all but the largest tapes, which go to files in the working directory.
    constexpr std::uint32_t kBuffer = 1U << 24;
    trace_on(tag_, 0, kBuffer, kBuffer, kBuffer, kBuffer);
    for (std::size_t i = 0; i < point_.size(); ++i) variables_[i] <<= point_[i];
    adouble result = std::visit(
        [this](const auto& problem) { return problem.value(variables_.data()); }, *definition_);
    double value = 0.0;
    result >>= value;
    trace_off();
  }

  const Definition* definition_;
  std::vector<double> point_;
  std::vector<adouble> variables_;
  std::vector<double> gradient_;
  bool retape_;
  short tag_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  for (const std::string& problem : problem_names()) {
    for (const bool retape : {false, true}) {
      add_peer(retape ? "adolc_retape" : "adolc", problem, [retape](const Definition& definition) {
        return std::make_shared<AdolcPeer>(definition, retape);
      });
    }
  }
  return run_benchmarks(argc, argv, GLISSADE_BENCH_PEER_FLAGS);
}
