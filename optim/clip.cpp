#include "glissade/optim/clip.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "glissade/core/check.h"
#include "glissade/core/reduce.h"

namespace glissade::optim {
namespace {

// NaN counts as largest.
template <class T>
double max_abs(const Tensor<T>& g) {
  double largest = 0.0;
  for (const T value : g) {
    const double size = std::abs(static_cast<double>(value));
    if (!(size <= largest)) largest = size;
    if (std::isnan(largest)) break;
  }
  return largest;
}

// What grad_norm adds up: the p-th powers of |g|, in double.
template <class T>
double sum_of_powers(const Tensor<T>& g, double p) {
  if (p == 2.0) return glissade::kernels::sum_of_squares(g);
  double sum = 0.0;
  for (const T value : g) {
    const double size = std::abs(static_cast<double>(value));
    sum += p == 1.0 ? size : std::pow(size, p);
  }
  return sum;
}

// Calls `visit(index, gradient)` for each parameter that has a gradient.
template <class T, class Visit>
void for_each_gradient(const std::vector<Variable<T>>& parameters, const Visit& visit) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].has_grad()) visit(i, Variable<T>(parameters[i]).mutable_grad());
  }
}

template <class T>
[[noreturn]] void fail_nonfinite(const std::vector<Variable<T>>& parameters, double norm) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i].has_grad()) continue;
    const Variable<T> gradient = parameters[i].grad();
    const double largest = max_abs(gradient.value());
    if (!std::isfinite(largest)) {
      fail("clip_grad_norm: the gradient of parameter {}, of shape {}, has an element that is {}",
           i, gradient.shape(), std::isnan(largest) ? "NaN" : "infinite");
    }
  }
  fail("clip_grad_norm: the norm of the gradients is {}", norm);
}

}  // namespace

template <class T>
double grad_norm(const std::vector<Variable<T>>& parameters, double norm_type) {
  check(norm_type > 0.0, "grad_norm: norm_type must be above 0, got {}", norm_type);
  const bool is_max = std::isinf(norm_type);
  double total = 0.0;
  for_each_gradient(parameters, [&](std::size_t, const Tensor<T>& g) {
    if (!is_max) {
      total += sum_of_powers(g, norm_type);
    } else if (const double largest = max_abs(g); !(largest <= total)) {
      total = std::isnan(total) ? total : largest;
    }
  });
  if (is_max) return total;
  return norm_type == 2.0 ? std::sqrt(total) : std::pow(total, 1.0 / norm_type);
}

template <class T>
double clip_grad_norm(const std::vector<Variable<T>>& parameters, double max_norm,
                      const ClipOptions& options) {
  check(max_norm >= 0.0, "clip_grad_norm: max_norm must not be negative, got {}", max_norm);
  const double norm = grad_norm(parameters, options.norm_type);
  if (options.error_if_nonfinite && !std::isfinite(norm)) fail_nonfinite(parameters, norm);
  const double factor = max_norm / (norm + 1e-6);
  if (factor >= 1.0) return norm;
  // Here too if the norm is NaN.
  const T scale = static_cast<T>(factor);
  for_each_gradient(parameters, [&](std::size_t, Tensor<T>& g) {
    for (T& value : g) value *= scale;
  });
  return norm;
}

template <class T>
void clip_grad_value(const std::vector<Variable<T>>& parameters, double clip_value) {
  check(clip_value >= 0.0, "clip_grad_value: clip_value must not be negative, got {}", clip_value);
  const T bound = static_cast<T>(clip_value);
  for_each_gradient(parameters, [&](std::size_t, Tensor<T>& g) {
    for (T& value : g) {
      const T low = value < -bound ? -bound : value;
      value = low > bound ? bound : low;
    }
  });
}

template double grad_norm(const std::vector<Variable<float>>&, double);
template double grad_norm(const std::vector<Variable<double>>&, double);
template double clip_grad_norm(const std::vector<Variable<float>>&, double, const ClipOptions&);
template double clip_grad_norm(const std::vector<Variable<double>>&, double, const ClipOptions&);
template void clip_grad_value(const std::vector<Variable<float>>&, double);
template void clip_grad_value(const std::vector<Variable<double>>&, double);

}  // namespace glissade::optim
