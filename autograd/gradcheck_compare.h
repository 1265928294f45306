// How gradcheck compares and what it says.
#pragma once

#include <string>

#include "glissade/autograd/gradcheck.h"
#include "glissade/core/rng.h"
#include "ladder.h"

namespace glissade::detail {

// Throws std::invalid_argument unless the options make sense.
void check_options(const GradcheckOptions& options);

// Weights of either sign between 1/2 and 3/2, so that no element's error is hidden or magnified.
Tensor<double> random_weights(const Shape& shape, Rng& rng);

// Gathers comparisons into a result.
class GradcheckComparison {
 public:
  // `what` precedes each message, after the name of the function.
  GradcheckComparison(const GradcheckOptions& options, std::string what);

  // Compares one derivative. `element.tolerance` is what the analytical value may be off by itself;
  // the numerical error is added. `scale`: what a derivative of this input amounts to; if the error
  // estimate is not small beside it, nothing can be compared. `plain`: which backward pass the
  // value is of.
  void compare(GradcheckElement element, const numerical::detail::Sides& sides, double scale,
               const Shape& shape, bool plain);
  // Compares u . (J v) with (J' u) . v.
  void product(double jvp, double vjp, double tolerance);
  void fail(const std::string& message);
  void not_deterministic(const std::string& message);

  // Whether nothing has been found wrong so far.
  bool is_open() const { return !decided_; }
  GradcheckResult result() const;

 private:
  std::string prefix() const;

  const GradcheckOptions& options_;
  std::string what_;
  GradcheckResult result_;
  std::string kink_;
  double worst_ratio_ = -1.0;
  bool decided_ = false;
};

}  // namespace glissade::detail
