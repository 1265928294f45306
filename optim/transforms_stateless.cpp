// The transformations of gradients that have no state.

#include <cmath>

#include "glissade/core/reduce.h"
#include "option_checks.h"
#include "transforms.h"

namespace glissade::optim {
namespace {

// `function(value, parameter)` of each element.
template <class F>
GradientTransformation elementwise(const char* name, F function) {
  return stateless(name, [function]<class T>(std::span<Update<T>> updates) {
    for_each_present(updates, [&](std::size_t, Update<T>& update) {
      Tensor<T>& u = update.value;
      const Tensor<T>& w = *update.parameter;
      for (Index i = 0; i < u.size(); ++i) u[i] = function(u[i], w[i]);
    });
  });
}

}  // namespace

GradientTransformation clip_by_global_norm(double max_norm) {
  check(std::isfinite(max_norm) && max_norm > 0.0,
        "clip_by_global_norm: max_norm must be a finite number > 0, got {}", max_norm);
  return stateless("clip_by_global_norm", [max_norm]<class T>(std::span<Update<T>> updates) {
    double total = 0.0;
    for_each_present(updates, [&](std::size_t, const Update<T>& update) {
      total += glissade::kernels::sum_of_squares(update.value);
    });
    const double norm = std::sqrt(total);
    if (norm <= max_norm) return;
    // Here too if the norm is NaN, which then shows.
    const T factor = static_cast<T>(max_norm / norm);
    for_each_present(updates, [&](std::size_t, Update<T>& update) {
      for (T& value : update.value) value *= factor;
    });
  });
}

GradientTransformation clip(double limit) {
  check(limit >= 0.0, "clip: limit must not be negative, got {}", limit);
  return elementwise("clip", [limit]<class T>(T u, T) {
    const T bound = static_cast<T>(limit);
    const T low = u < -bound ? -bound : u;
    return low > bound ? bound : low;
  });
}

GradientTransformation zero_nans() {
  return elementwise("zero_nans", []<class T>(T u, T) { return std::isnan(u) ? T{0} : u; });
}

GradientTransformation add_decayed_weights(double weight_decay) {
  check_not_negative("add_decayed_weights", "weight_decay", weight_decay);
  return elementwise("add_decayed_weights", [weight_decay]<class T>(T u, T w) {
    return u + static_cast<T>(weight_decay) * w;
  });
}

GradientTransformation scale(double factor) {
  check(std::isfinite(factor), "scale: factor must be finite, got {}", factor);
  return elementwise("scale", [factor]<class T>(T u, T) { return static_cast<T>(factor) * u; });
}

GradientTransformation scale_by_sign() {
  return elementwise("scale_by_sign", []<class T>(T u, T) {
    const T up = u > T{0} ? T{1} : u;
    return u < T{0} ? T{-1} : up;
  });
}

GradientTransformation centralize() {
  return stateless("centralize", []<class T>(std::span<Update<T>> updates) {
    for_each_present(updates, [](std::size_t, Update<T>& update) {
      Tensor<T>& u = update.value;
      if (u.rank() < 2 || u.size() == 0) return;
      const Index columns = u.size() / u.dim(0);
      for (T* row = u.begin(); row != u.end(); row += columns) {
        double sum = 0.0;
        for (Index i = 0; i < columns; ++i) sum += static_cast<double>(row[i]);
        const T mean = static_cast<T>(sum / static_cast<double>(columns));
        for (Index i = 0; i < columns; ++i) row[i] -= mean;
      }
    });
  });
}

}  // namespace glissade::optim
