#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "glissade/core/linalg.h"
#include "glissade/optim/newton.h"
#include "option_checks.h"
#include "vectors.h"

namespace glissade::optim {
namespace {

// The quadratic g·d + ½ dᵀ H d in the coordinates of H's eigenvectors, where H is diagonal.
class Model {
 public:
  template <class T>
  Model(const EigenDecomposition<T>& h, const Tensor<T>& g)
      : epsilon_(static_cast<double>(std::numeric_limits<T>::epsilon())) {
    const Index n = g.size();
    values_.assign(h.values.begin(), h.values.end());
    for (Index i = 0; i < n; ++i) {
      double along = 0.0;
      for (Index j = 0; j < n; ++j) {
        along += static_cast<double>(h.vectors[j * n + i]) * static_cast<double>(g[j]);
      }
      g_.push_back(along);
    }
  }

  // The minimum over ‖d‖ <= radius, in these coordinates: d = -(Λ + λ)⁻¹ g with the λ >= 0 that
  // makes Λ + λ positive semidefinite, and λ = 0 or ‖d‖ = radius.
  std::vector<double> minimum(double radius) const {
    const double lowest = values_.front();
    const double scale =
        std::max({std::abs(lowest), std::abs(values_.back()), length(g_) / radius});
    const double tiny = scale * epsilon_;
    if (lowest >= -tiny && is_solvable(tiny)) {
      std::vector<double> d = shortest(tiny);
      if (length(d) <= radius) return d;
    }
    const double least = std::max(0.0, -lowest);  // λ is not less
    std::vector<double> d = step(least + tiny);
    if (length(d) < radius && lowest >= -tiny) return d;
    if (length(d) < radius) {
      // The hard case: g has no part along the lowest eigenvector. What is missing to the boundary
      // is added along it; either sign gives the same value.
      const double missing = radius * radius - length(d) * length(d) + d.front() * d.front();
      d.front() = std::copysign(std::sqrt(missing), d.front());
      return d;
    }
    return step(root(radius, least + tiny));
  }

  // g·d + ½ dᵀ H d, negative at the minimum.
  double change(const std::vector<double>& d) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < d.size(); ++i) sum += d[i] * (g_[i] + 0.5 * values_[i] * d[i]);
    return sum;
  }

  static double length(const std::vector<double>& d) {
    double sum = 0.0;
    for (const double value : d) sum += value * value;
    return std::sqrt(sum);
  }

 private:
  // Whether g has no part along eigenvectors whose value is zero up to rounding: then the quadratic
  // has a minimum, if no value is negative.
  bool is_solvable(double tiny) const {
    const double negligible = 100.0 * epsilon_ * length(g_);
    for (std::size_t i = 0; i < g_.size(); ++i) {
      if (values_[i] <= tiny && std::abs(g_[i]) > negligible) return false;
    }
    return true;
  }
  // The minimum that is nearest.
  std::vector<double> shortest(double tiny) const {
    std::vector<double> d(g_.size(), 0.0);
    for (std::size_t i = 0; i < d.size(); ++i) {
      if (values_[i] > tiny) d[i] = -g_[i] / values_[i];
    }
    return d;
  }

  std::vector<double> step(double lambda) const {
    std::vector<double> d(g_.size());
    for (std::size_t i = 0; i < d.size(); ++i) d[i] = -g_[i] / (values_[i] + lambda);
    return d;
  }

  // The λ above `low` with ‖step(λ)‖ = radius. The length falls as λ grows. Newton's method on
  // 1/radius - 1/‖step(λ)‖, which is nearly linear, within a bracket.
  double root(double radius, double low) const {
    double high = length(g_) / radius - values_.front();  // the step is not longer than radius here
    double lambda = low;
    for (int i = 0; i < 100; ++i) {
      const std::vector<double> d = step(lambda);
      const double norm = length(d);
      if (std::abs(norm - radius) <= 1e-14 * radius) break;
      (norm > radius ? low : high) = lambda;
      double slope = 0.0;  // of ‖d‖² / -2
      for (std::size_t k = 0; k < d.size(); ++k) slope += d[k] * d[k] / (values_[k] + lambda);
      double next = lambda + (norm - radius) / radius * (norm * norm / slope);
      if (!(next > low && next < high)) next = 0.5 * (low + high);
      if (next == lambda) break;
      lambda = next;
    }
    return lambda;
  }

  double epsilon_;              // of the numbers that the Hessian is made of
  std::vector<double> values_;  // ascending
  std::vector<double> g_;
};

template <class T>
class TrustRegion final : public Method<T> {
 public:
  explicit TrustRegion(const TrustRegionOptions& options)
      : options_(options), radius_(options.initial_radius) {}

  void begin(Problem<T>& /*problem*/) override {
    radius_ = options_.initial_radius;
    eigen_ = {};
  }

  std::optional<Stop> iterate(Problem<T>& problem) override {
    // The Hessian stays the same as long as steps are refused.
    if (eigen_.values.size() == 0) {
      const Tensor<T> hessian = problem.hessian();
      if (!all_finite(hessian)) return no_progress("the Hessian has a NaN or an infinity");
      eigen_ = eigh(hessian);
    }
    const Model model(eigen_, problem.gradient());
    const std::vector<double> step = model.minimum(radius_);
    const double length = Model::length(step);
    const Tensor<T> x = along(problem.point(), 1.0, from_eigenvectors(step));
    lr_ = radius_;
    if (x == problem.point()) return no_progress("the steps are below the precision of the point");
    const Evaluation<T> there = problem.evaluate_at(x);
    // Near a minimum both differences are rounding errors: equal ones then (Conn, Gould and Toint,
    // Trust-Region Methods, 2000, section 17.4.2), as long as the gradient falls.
    const double noise =
        10.0 * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::abs(problem.cost());
    const double gain = (problem.cost() - there.cost + noise) / (-model.change(step) + noise);
    const bool is_progress =
        std::isfinite(there.cost) &&
        (there.cost < problem.cost() || norm2(there.gradient) < norm2(problem.gradient()));
    if (!is_progress || !(gain >= 0.25)) {
      radius_ *= 0.25;
    } else if (gain > 0.75 && length >= radius_ * (1.0 - 1e-8)) {
      radius_ = std::min(2.0 * radius_, options_.max_radius);
    }
    if (is_progress && gain > options_.eta) {
      problem.move_to(x, there);
      eigen_ = {};
    }
    return std::nullopt;
  }

  double lr() const override { return lr_; }

 private:
  Tensor<T> from_eigenvectors(const std::vector<double>& step) const {
    const Index n = eigen_.values.size();
    Tensor<T> d(Shape{n});
    for (Index i = 0; i < n; ++i) {
      double sum = 0.0;
      for (Index j = 0; j < n; ++j) {
        sum += static_cast<double>(eigen_.vectors[i * n + j]) * step[static_cast<std::size_t>(j)];
      }
      d[i] = static_cast<T>(sum);
    }
    return d;
  }

  TrustRegionOptions options_;
  double radius_;
  double lr_ = 0.0;
  EigenDecomposition<T> eigen_;  // of the Hessian at the present point; empty if not known
};

}  // namespace

void TrustRegionOptions::check() const {
  constexpr const char* kName = "TrustRegion";
  check_positive(kName, "initial_radius", initial_radius);
  glissade::check(std::isfinite(max_radius) && max_radius >= initial_radius,
                  "{}: max_radius must be finite and at least initial_radius = {}, got {}", kName,
                  initial_radius, max_radius);
  glissade::check(eta >= 0.0 && eta < 0.25, "{}: eta must be in [0, 1/4), got {}", kName, eta);
}

template <class T>
std::unique_ptr<Method<T>> make_method(const TrustRegionOptions& options) {
  options.check();
  return std::make_unique<TrustRegion<T>>(options);
}

template std::unique_ptr<Method<float>> make_method(const TrustRegionOptions&);
template std::unique_ptr<Method<double>> make_method(const TrustRegionOptions&);

}  // namespace glissade::optim
