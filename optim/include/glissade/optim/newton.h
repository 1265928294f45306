#pragma once

// Newton's method, with exact Hessians.

#include <cstdint>
#include <memory>

#include "glissade/optim/method.h"

namespace glissade::optim {

/// Options of damped Newton. Hessians take n backward passes and a factorisation, n³/3
/// multiplications: for up to some hundred parameters.
struct NewtonOptions {
  double c1 = 1e-4;     ///< sufficient decrease: f(x + t d) <= f(x) + c1 t g·d; in (0, 1/2)
  double shrink = 0.5;  ///< the factor of a step that is too long; in (0, 1)
  double beta =
      1e-3;  ///< the first multiple of the identity that is tried on an indefinite Hessian
  std::int64_t max_ls = 50;  ///< trial steps of one iteration at most; at least 1

  /// Throws std::invalid_argument naming the option that is out of range.
  void check() const;
};

/// For `minimize`: d solves (H + τ I) d = -g, with τ = 0 where H is positive definite, otherwise
/// the first of a doubling sequence that makes it so (Nocedal and Wright, Numerical Optimization,
/// 2006, algorithm 3.3); the step is shrunk from d until the cost decreases enough (algorithm 3.1).
/// It ends with `no_progress` when no step does.
template <class T>
std::unique_ptr<Method<T>> make_method(const NewtonOptions& options);

/// Options of the trust-region method.
struct TrustRegionOptions {
  double initial_radius = 1.0;  ///< the first radius; positive
  double max_radius = 1000.0;   ///< the largest; at least initial_radius
  double eta = 0.15;  ///< a step is taken if it gains this share of what was predicted; in [0, 1/4)

  /// Throws std::invalid_argument naming the option that is out of range.
  void check() const;
};

/// For `minimize`: each step minimises g·d + ½ dᵀ H d over ‖d‖ <= radius, exactly, from the
/// eigenvalues of H, also where they are negative (Moré and Sorensen, 1983); the radius follows
/// Nocedal and Wright, algorithm 4.1. An iteration whose step is refused leaves the point and
/// shrinks the radius. It leaves saddle points, and ends with `no_progress` when the radius has
/// shrunk to the precision of T.
template <class T>
std::unique_ptr<Method<T>> make_method(const TrustRegionOptions& options);

}  // namespace glissade::optim
