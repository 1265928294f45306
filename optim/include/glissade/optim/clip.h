#pragma once

// Measuring and clipping gradients: the remedy for exploding ones.

#include <vector>

#include "glissade/autograd/variable.h"

namespace glissade::optim {

/// The norm of all gradients of `parameters` taken as one vector, (sum |g|^p)^(1/p) with
/// p = norm_type: 2 is the Euclidean norm, infinity the largest absolute value. Parameters without
/// a gradient are skipped; the norm of nothing is 0. Throws std::invalid_argument unless
/// norm_type > 0.
template <class T>
double grad_norm(const std::vector<Variable<T>>& parameters, double norm_type = 2.0);

/// Options of `clip_grad_norm`.
struct ClipOptions {
  /// The p of the norm, above 0; infinity for the largest absolute value.
  double norm_type = 2.0;
  /// Throw std::invalid_argument if the norm is NaN or infinite, naming the parameter, and leave
  /// the gradients as they are. Without it, they all become NaN or 0.
  bool error_if_nonfinite = false;
};

/// Scales all gradients of `parameters` by min(1, max_norm / (norm + 1e-6)), where norm is their
/// `grad_norm`, so that it is at most max_norm (Pascanu et al., 2013; PyTorch's formula). Returns
/// the norm before clipping. Throws std::invalid_argument if max_norm is negative or NaN.
template <class T>
double clip_grad_norm(const std::vector<Variable<T>>& parameters, double max_norm,
                      const ClipOptions& options = {});

/// Limits each element of the gradients of `parameters` to [-clip_value, clip_value]; NaN stays.
/// Throws std::invalid_argument if clip_value is negative or NaN.
template <class T>
void clip_grad_value(const std::vector<Variable<T>>& parameters, double clip_value);

}  // namespace glissade::optim
