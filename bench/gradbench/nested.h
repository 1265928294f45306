#pragma once

// What `saddle` and `particle` share: derivatives in the two modes, and the suite's gradient
// descent with them. All of it can be differentiated again.

#include <functional>

#include "evaluation.h"

namespace gradbench {

/// A scalar as a function of a vector.
using Objective = std::function<Var(const Var&)>;

/// How a gradient is computed: by one backward pass, or column after column, as forward mode does.
/// Glissade has no forward pass: the derivative along v is that of u -> u grad(y), which is linear,
/// along u.
enum class Mode { forward, reverse };

/// The gradient of f at x, recorded while recording is on.
Var gradient(Mode mode, const Objective& f, const Var& x);

/// Where f is smallest, by the gradient descent that the suite prescribes (cpp/gradbench/gd.hpp).
Var argmin(Mode mode, const Objective& f, const Var& start);
/// Where f is largest.
Var argmax(Mode mode, const Objective& f, const Var& start);

/// "rr", "rf", "fr" and "ff" with the modes of their outer and inner derivatives.
Mode outer_mode(const std::string& function);
Mode inner_mode(const std::string& function);

}  // namespace gradbench
