#pragma once

// The error of differences against their step: the U curve, and where theory puts its lowest point.

#include <string>
#include <vector>

#include "methods.h"

namespace glissade::bench {

/// A point of the curve.
struct StepError {
  double h = 0.0;          ///< the step, times max(|x|, 1) of each element
  double rel_error = 0.0;  ///< in the largest norm, over the elements that are looked at
};

/// The gradient with the step h by forward, central, five_point or complex_step, at up to 100
/// elements, evenly spread. Throws std::invalid_argument if there is no such method.
StepError step_error(const std::string& method, Subject<double>& subject, double h);
/// The same by the ladder, which chooses its steps: h is their median.
StepError ladder_error(Subject<double>& subject);

/// The lowest point in theory of forward, central or five_point: over all h, the smallest
/// max over elements of c h^p |f^(p+1)| + r |f| eps / h, with the derivatives of f along each
/// element from differences of the analytic gradient.
StepError optimal_step(const std::string& method, Subject<double>& subject);

}  // namespace glissade::bench
