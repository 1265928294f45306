#pragma once

// One row for each operation: how to call it, on which inputs. Every generic test of operations
// (gradients to second order, shapes, completeness) runs over these rows.

#include <functional>
#include <string>
#include <vector>

#include "glissade/autograd/gradcheck.h"
#include "glissade/core/rng.h"

namespace glissade::testing {

/// A call of the operation: the function and inputs at which it is smooth.
struct OpSample {
  CheckedFunction function;
  std::vector<Tensor<double>> inputs;
};

struct OpRow {
  /// The function in ops.h that the row is for; a function has one row for each overload.
  std::string function;
  /// Random calls, of random shapes: with axes of extent 0 and 1, with broadcasting where the
  /// operation broadcasts, and with the same variable for two inputs where it takes two.
  std::function<std::vector<OpSample>(Rng&)> samples;
};

const std::vector<OpRow>& op_registry();

/// Uniform numbers from [low, high].
Tensor<double> random_tensor(const Shape& shape, Rng& rng, double low = -2.0, double high = 2.0);
/// Numbers of either sign that are at least 0.2 away from 0.
Tensor<double> away_from_zero(const Shape& shape, Rng& rng);
/// Numbers that differ from each other by at least 0.1, shuffled.
Tensor<double> distinct(const Shape& shape, Rng& rng);

}  // namespace glissade::testing
