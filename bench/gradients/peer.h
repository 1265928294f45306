#pragma once

// Another library's gradients on the same problems, in float64, with the same names and counters as
// bench_gradients has.

#include <memory>
#include <string>

#include "report.h"

namespace glissade::bench {

/// A problem as a user of the other library writes it.
class Peer {
 public:
  Peer() = default;
  virtual ~Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Computes the value and the gradient once.
  virtual double run() = 0;
  /// The gradient of the last run: as many numbers as there are parameters.
  virtual const double* gradient() const = 0;
};

/// Adds gradient/PROBLEM/TOOL/f64.
template <class MakePeer>
void add_peer(const std::string& tool, const std::string& problem, const MakePeer& make) {
  add_gradient<double>(
      fmt::format("gradient/{}/{}/f64", problem, tool), problem, [make](Subject<double>& subject) {
        const std::shared_ptr<Peer> peer = make(subject.definition());
        const double value = peer->run();
        peer->run();  // twice: what the first run left behind must not count
        const auto size = static_cast<std::size_t>(subject.parameters());
        const Tensor<double> gradient({subject.parameters()}, std::span(peer->gradient(), size));
        const double value_error = std::abs(value - subject.value()) / std::abs(subject.value());
        Method made;
        made.rel_error = relative_error(gradient, subject.expected());
        made.tolerance = value_error < 1e-11 ? 1e-11 : 0.0;  // no gradient of another function
        made.run = [peer](int repetitions) {
          for (int i = 0; i < repetitions; ++i) benchmark::DoNotOptimize(peer->run());
        };
        return made;
      });
}

}  // namespace glissade::bench
