#pragma once

// Are these gradients right? Compares the gradients of a function with numerical ones.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "glissade/autograd/variable.h"

namespace glissade {

/// A function to check: any shapes in, any shape out, deterministic.
using CheckedFunction = std::function<Variable<double>(const std::vector<Variable<double>>&)>;

/// Which derivatives `gradcheck` compares.
enum class GradcheckTier {
  automatic,      ///< every element up to 1000 in all, otherwise sampled ones and projections
  every_element,  ///< each element of each input: about 35 evaluations of the function for each
  sampled,        ///< of each input the element of the largest gradient, and random ones
  projection,     ///< derivatives in random directions that move every element by +h or -h
};

/// Options of `gradcheck` and its relatives. There is no tolerance to choose: the numerical
/// derivative comes with an estimate of its error (glissade/autograd/numerical.h, the ladder).
struct GradcheckOptions {
  /// How many elements are looked at.
  GradcheckTier tier = GradcheckTier::automatic;
  /// How many elements of each input `sampled` looks at.
  Index samples = 32;
  /// How many directions `projection` takes. One misses errors that cancel in it, of two elements
  /// wrong by the same amount with probability 1/2.
  int projections = 6;
  /// How many error estimates a gradient may be away from the numerical one. To that come 64
  /// roundings of the largest element of that gradient, for its own rounding errors.
  double safety = 10.0;
  /// What messages call the function.
  std::string name = {};
  /// Chooses elements, directions, and the numbers that the outputs are weighed with.
  std::uint64_t seed = 0;
};

/// What a check says.
enum class GradcheckStatus {
  passed,             ///< everything that was compared agrees
  failed,             ///< a gradient is wrong
  not_smooth,         ///< all that could be compared agrees, but there are kinks at these inputs
  not_deterministic,  ///< two calls with the same inputs gave different results
};

/// One comparison.
struct GradcheckElement {
  Index input = -1;         ///< which input; -1 for a projection, which is of all
  Index element = -1;       ///< in row-major order
  double analytical = 0.0;  ///< what the backward pass says
  double numerical = 0.0;   ///< what differences say
  double error = 0.0;       ///< estimate of the error of `numerical`
  double step = 0.0;        ///< the step of the difference
  double tolerance = 0.0;   ///< what the two may differ by
};

/// The result of a check.
struct GradcheckResult {
  /// The status is `passed`.
  bool passed = false;
  GradcheckStatus status = GradcheckStatus::failed;  ///< the outcome
  /// The largest |analytical - numerical| over all that was compared; NaN if one is.
  double worst_error = 0.0;
  /// The comparison in which the difference is largest in units of its tolerance.
  GradcheckElement worst;
  Index compared = 0;    ///< how many derivatives were compared
  Index not_smooth = 0;  ///< how many had to be left out because there is a kink
  /// Empty if it passed; otherwise what is wrong with which element of which input, or where the
  /// function is not smooth, or what differed between two calls.
  std::string message;

  /// Whether it passed: `if (gradcheck(f, inputs))`.
  explicit operator bool() const { return passed; }
};

///@{
/// Compares the gradients of `function` at `inputs` with numerical ones in float64. The outputs are
/// weighed with random numbers and summed, so that every element of the Jacobian counts. What is
/// compared:
///  - two calls of the function, and two backward passes, bit by bit;
///  - the plain backward pass, which may use rules in place, with numerical derivatives;
///  - the differentiable backward pass (`create_graph`) with numerical derivatives;
///  - a vector-Jacobian product with a Jacobian-vector product, which is made by differentiating
///    the former with respect to its vector.
/// The numerical derivatives are those of the ladder. Where derivatives from above and from below
/// differ by more than their error estimates, or differences do not settle at all, the function is
/// not smooth and the element is left out: that is neither pass nor fail. A derivative that is not
/// finite fails. What the function throws at `inputs` passes through; what it or a rule throws
/// later makes the check fail with its message. Throws std::invalid_argument unless the options are
/// positive.
GradcheckResult gradcheck(const CheckedFunction& function,
                          const std::vector<Tensor<double>>& inputs,
                          const GradcheckOptions& options = {});
/// The same for a function without arguments of what the variables hold: a layer, a loss or a whole
/// model as a function of `parameters`, which must be leaves that require gradients. Their values
/// are changed in place and put back; their gradients are forgotten.
GradcheckResult gradcheck(const std::function<Variable<double>()>& function,
                          const std::vector<Variable<double>>& parameters,
                          const GradcheckOptions& options = {});
///@}

///@{
/// The same for second derivatives: checks the gradients of the gradients of `function`, with
/// respect to its inputs and to the gradient of its output.
GradcheckResult gradgradcheck(const CheckedFunction& function,
                              const std::vector<Tensor<double>>& inputs,
                              const GradcheckOptions& options = {});
GradcheckResult gradgradcheck(const std::function<Variable<double>()>& function,
                              const std::vector<Variable<double>>& parameters,
                              const GradcheckOptions& options = {});
///@}

/// A function in float32, to be checked against the same one in float64.
using CheckedFloatFunction = std::function<Variable<float>(const std::vector<Variable<float>>&)>;

///@{
/// Compares the float32 gradients of `function`, by both backward passes, with its float64
/// gradients at the same inputs: differences of float32 values would have no digits. An element may
/// be off by `safety` times what the float64 gradients of its input change by, at most, when inputs
/// and weights move by one rounding of float32 (in eight random ways), or one rounding of the
/// largest if that is more. All elements are compared. The float64 function should have passed
/// `gradcheck`. `function` is one callable for both types, such as a generic lambda, or is given
/// twice. Errors as of gradcheck.
GradcheckResult gradcheck_float(const CheckedFloatFunction& function,
                                const CheckedFunction& reference,
                                const std::vector<Tensor<float>>& inputs,
                                const GradcheckOptions& options = {});
template <class F>
GradcheckResult gradcheck_float(const F& function, const std::vector<Tensor<float>>& inputs,
                                const GradcheckOptions& options = {}) {
  return gradcheck_float(CheckedFloatFunction(function), CheckedFunction(function), inputs,
                         options);
}
///@}

/// The result in one line: the status, how much was compared, and the worst comparison with both
/// values, the step and the error estimate.
std::string to_string(const GradcheckResult& result);

}  // namespace glissade
