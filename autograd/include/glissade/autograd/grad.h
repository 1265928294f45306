#pragma once

// Gradients as values, without touching anyone's `grad()`.

#include <vector>

#include "glissade/autograd/variable.h"

namespace glissade {

/// Options of `grad`.
struct GradOptions {
  /// Record the backward pass, so that the gradients can be differentiated again. Implies
  /// retain_graph.
  bool create_graph = false;
  /// Keep the graph, so that it can be differentiated again.
  bool retain_graph = false;
  /// Return zeros for an input that the output does not depend on; without it that is an error.
  bool allow_unused = false;
};

/// The gradients of the scalar `output` with respect to `inputs`, in their order and shapes. Only
/// what leads to these inputs is computed, and no variable's `grad()` changes. Throws
/// std::invalid_argument if `output` has not exactly one element, an input does not require a
/// gradient, or (without `allow_unused`) the output does not depend on it, or an earlier pass has
/// let the graph go.
template <class T>
std::vector<Variable<T>> grad(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                              const GradOptions& options = {});

/// The same for an output of any shape: the vector-Jacobian product with `grad_output`. Throws
/// std::invalid_argument also if that has not the output's shape.
template <class T>
std::vector<Variable<T>> grad(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                              const Variable<T>& grad_output, const GradOptions& options = {});

}  // namespace glissade
