#pragma once

// L-BFGS: second-order steps from the gradients of the last ones.

#include <cstdint>
#include <memory>

#include "glissade/optim/method.h"

namespace glissade::optim {

/// Options of L-BFGS with a line search for the strong Wolfe conditions, as in PyTorch's
/// `LBFGS(line_search_fn="strong_wolfe")`.
struct LBFGSOptions {
  double lr = 1.0;  ///< the line search's first trial, as a multiple of the direction
  std::int64_t history_size =
      10;  ///< steps that are remembered; at least 1 (PyTorch's default is 100)
  /// The first step is no longer than min(1, 1/‖g‖) times the gradient g, in this norm: 2 as SciPy
  /// has it, or 1 as PyTorch.
  int first_step_norm = 2;
  double c1 = 1e-4;          ///< sufficient decrease: f(t) <= f(0) + c1 t f'(0)
  double c2 = 0.9;           ///< curvature: |f'(t)| <= c2 |f'(0)|; 0 < c1 < c2 < 1
  std::int64_t max_ls = 25;  ///< evaluations of one line search at most; at least 1

  /// Throws std::invalid_argument naming the option that is out of range.
  void check() const;
};

/// For `minimize`: Nocedal and Wright, Numerical Optimization (2006), algorithm 7.5 with the line
/// search 3.5 and 3.6. A pair of steps without
/// positive curvature is not remembered. It ends with `no_progress` when no step along the
/// direction lowers the cost.
template <class T>
std::unique_ptr<Method<T>> make_method(const LBFGSOptions& options);

}  // namespace glissade::optim
