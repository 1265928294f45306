#pragma once

// Random restarts: many starts, and the best of what they lead to.

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "glissade/core/check.h"
#include "glissade/core/rng.h"
#include "glissade/optim/minimize.h"

namespace glissade::optim {

/// Options of `random_restarts`.
struct RestartOptions {
  std::int64_t runs = 10;  ///< at least 1
  std::uint64_t seed = 0;  ///< of the starts: the same seed gives the same ones
  /// No further run once the best cost is below this.
  double good_enough = -std::numeric_limits<double>::infinity();
};

/// What `random_restarts` returns.
template <class T>
struct RestartResult {
  MinimizeResult<Tensor<T>> best;  ///< the run with the lowest best cost
  std::int64_t best_run = 0;       ///< its number
  std::vector<double> costs;       ///< the best cost of each run
  Evaluations evaluations;         ///< of all runs together
};

/// Minimises f, as `minimize` does, from `options.runs` starts that `draw` returns. A start where
/// the cost is not finite counts as a run with an infinite cost. Throws std::invalid_argument as
/// `minimize` does, and if no start has a finite cost.
template <class T, class F, MethodOptions<T> M>
RestartResult<T> random_restarts(F f, const std::function<Tensor<T>(Rng&)>& draw, const M& method,
                                 const StoppingRule& stopping, const RestartOptions& options = {},
                                 const MinimizeOptions<T>& each = {}) {
  check(options.runs >= 1, "random_restarts: runs must be at least 1, got {}", options.runs);
  check(static_cast<bool>(draw), "random_restarts: the function that draws starts is empty");
  Rng rng(options.seed);
  MinimizeOptions<T> one = each;
  one.allow_bad_start = true;
  RestartResult<T> result;
  for (std::int64_t run = 0; run < options.runs; ++run) {
    auto found = minimize(std::ref(f), draw(rng), method, stopping, one);
    // A start outside of the function's domain is a run that found nothing.
    if (std::isnan(found.best_cost)) found.best_cost = std::numeric_limits<double>::infinity();
    result.costs.push_back(found.best_cost);
    result.evaluations.costs += found.evaluations.costs;
    result.evaluations.gradients += found.evaluations.gradients;
    result.evaluations.hessians += found.evaluations.hessians;
    if (run == 0 || found.best_cost < result.best.best_cost) {
      result.best = std::move(found);
      result.best_run = run;
    }
    if (result.best.best_cost < options.good_enough) break;
  }
  check(std::isfinite(result.best.best_cost),
        "random_restarts: the cost is not finite at any of {} starts", result.costs.size());
  return result;
}

/// The same with starts drawn uniformly between `low` and `high`, of the same shape, element by
/// element. Throws std::invalid_argument also unless low <= high.
template <class T, class F, MethodOptions<T> M>
RestartResult<T> random_restarts(F f, const Tensor<T>& low, const Tensor<T>& high, const M& method,
                                 const StoppingRule& stopping, const RestartOptions& options = {},
                                 const std::type_identity_t<MinimizeOptions<T>>& each = {}) {
  check(low.shape() == high.shape(), "random_restarts: low has the shape {}, high {}", low.shape(),
        high.shape());
  for (Index i = 0; i < low.size(); ++i) {
    check(low[i] <= high[i] && std::isfinite(high[i] - low[i]),
          "random_restarts: element {}: low = {} must not be above high = {}", i, low[i], high[i]);
  }
  const auto draw = [&](Rng& rng) {
    Tensor<T> start(low.shape());
    for (Index i = 0; i < start.size(); ++i) {
      start[i] = low[i] + (high[i] - low[i]) * static_cast<T>(rng.uniform());
    }
    return start;
  };
  return random_restarts<T>(std::move(f), std::function<Tensor<T>(Rng&)>(draw), method, stopping,
                            options, each);
}

}  // namespace glissade::optim
