#pragma once

// A step length that satisfies the strong Wolfe conditions.

#include <cstdint>

#include "glissade/optim/problem.h"

namespace glissade::optim {

struct WolfeOptions {
  double c1;                       // sufficient decrease
  double c2;                       // curvature
  std::int64_t max_evaluations;    // after the first
  double tolerance_change = 1e-9;  // the bracket times the direction's largest element
};

/// A point along a line.
template <class T>
struct LinePoint {
  double t = 0.0;
  Evaluation<T> value;
  double slope = 0.0;  // the derivative along the line
};

/// Searches t > 0 with f(t) <= f(0) + c1 t f'(0) and |f'(t)| <= c2 |f'(0)| along x + t d, beginning
/// at t = first; f'(0) must be negative. By bracketing and zooming with cubic interpolation
/// (Nocedal and Wright, 2006, algorithms 3.5 and 3.6; the safeguards are those of Schmidt's
/// minFunc, which PyTorch has too). If there is none within the evaluations, the best point of the
/// last bracket, which may be t = 0. Values that are not finite count as too high.
template <class T>
LinePoint<T> strong_wolfe(Problem<T>& problem, const Tensor<T>& d, double first,
                          const WolfeOptions& options);

}  // namespace glissade::optim
