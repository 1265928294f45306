#pragma once

// Simulated annealing: out of local minima by steps that are sometimes uphill.

#include <cstdint>
#include <memory>

#include "glissade/optim/method.h"
#include "glissade/optim/schedule.h"

namespace glissade::optim {

/// Options of simulated annealing. No gradients are computed.
struct SimulatedAnnealingOptions {
  /// The temperature of each iteration, in units of the cost; at 0 only steps downhill are taken.
  Schedule temperature = exponential(1.0, 0.01);
  /// The standard deviation of each coordinate's change in each proposal.
  Schedule step = 0.5;
  /// Of the random numbers: the same seed gives the same run.
  std::uint64_t seed = 0;
};

/// For `minimize`: each iteration proposes x + step z with normally distributed z, and takes it if
/// the cost does not rise, or else with the probability e^(-rise / temperature) (Kirkpatrick,
/// Gelatt and Vecchi, 1983, with the rule of Metropolis). A proposal whose cost is not finite is
/// never taken. The newest point is where the walk ended; `best_x` is the best that it met.
template <class T>
std::unique_ptr<Method<T>> make_method(const SimulatedAnnealingOptions& options);

}  // namespace glissade::optim
