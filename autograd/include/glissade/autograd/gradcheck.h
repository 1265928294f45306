#pragma once

// Are these gradients right? Compares the gradients of a function with numerical ones.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "glissade/autograd/variable.h"

namespace glissade {

/// A function to check: any shapes in, any shape out, deterministic, smooth near the inputs.
using CheckedFunction = std::function<Variable<double>(const std::vector<Variable<double>>&)>;

/// Options of `gradcheck` and `gradgradcheck`. An element passes if
/// |analytical - numerical| <= atol + rtol |numerical|.
struct GradcheckOptions {
  /// The relative tolerance. (PyTorch's default is 1e-3.)
  double rtol = 1e-6;
  /// The absolute tolerance. (PyTorch's default is 1e-5.)
  double atol = 1e-7;
  /// The step of the central difference, times max(1, |x|). The error of the difference is about
  /// step² |f'''| / 6 + 1e-16 |f| / step.
  double step = 1e-5;
  /// Chooses the random direction that the outputs are weighed with.
  std::uint64_t seed = 0;
};

/// The result of a check.
struct GradcheckResult {
  bool passed = false;  ///< every element is within the tolerance
  /// The largest |analytical - numerical| over all elements; NaN if one is.
  double worst_error = 0.0;
  /// Empty if it passed; otherwise which element of which input is wrong, and by how much.
  std::string message;

  /// Whether it passed: `if (gradcheck(f, inputs))`.
  explicit operator bool() const { return passed; }
};

/// Compares the gradients of `function` at `inputs` with central differences in float64, element by
/// element. The outputs are weighed with random numbers and summed, so that every element of the
/// Jacobian counts. The gradients are computed in both ways that the library has: the plain one,
/// which may use rules in place, and the differentiable one (`create_graph`). A derivative
/// that is not finite fails. What the function throws at `inputs` passes through; what it or a rule
/// throws later makes the check fail with its message. Throws std::invalid_argument unless the step
/// is positive.
GradcheckResult gradcheck(const CheckedFunction& function,
                          const std::vector<Tensor<double>>& inputs,
                          const GradcheckOptions& options = {});

/// The same for second derivatives: checks the gradients of the gradients of `function`, with
/// respect to its inputs and to the gradient of its output.
GradcheckResult gradgradcheck(const CheckedFunction& function,
                              const std::vector<Tensor<double>>& inputs,
                              const GradcheckOptions& options = {});

}  // namespace glissade
