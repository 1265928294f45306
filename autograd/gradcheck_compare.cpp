#include "gradcheck_compare.h"

#include <cmath>
#include <utility>

#include "glissade/core/check.h"

namespace glissade {
namespace detail {
namespace {

std::string describe(const GradcheckElement& e, const Shape& shape) {
  if (e.input < 0) return "projection on a random direction";
  return fmt::format("element {} of input {} (of shape {})", e.element, e.input, shape);
}

}  // namespace

void check_options(const GradcheckOptions& options) {
  check(options.samples > 0, "gradcheck: samples = {} must be positive", options.samples);
  check(options.projections > 0, "gradcheck: projections = {} must be positive",
        options.projections);
  check(options.safety > 0.0, "gradcheck: safety = {} must be positive", options.safety);
}

Tensor<double> random_weights(const Shape& shape, Rng& rng) {
  Tensor<double> weights(shape);
  for (double& weight : weights) {
    weight = rng.uniform(0.5, 1.5) * (rng.integer(0, 2) == 0 ? -1.0 : 1.0);
  }
  return weights;
}

GradcheckComparison::GradcheckComparison(const GradcheckOptions& options, std::string what)
    : options_(options), what_(std::move(what)) {}

std::string GradcheckComparison::prefix() const {
  std::string text = what_ + "gradcheck";
  if (!options_.name.empty()) text += " of " + options_.name;
  return text;
}

void GradcheckComparison::compare(GradcheckElement element, const numerical::detail::Sides& sides,
                                  double scale, const Shape& shape, bool plain) {
  const double from_numerical = options_.safety * element.error;
  // Beyond a thousandth of what the derivatives amount to, agreement would mean nothing.
  if (std::isfinite(element.analytical) && (sides.is_kink() || !(from_numerical <= 1e-3 * scale))) {
    if (!plain) return;  // counted once
    ++result_.not_smooth;
    if (kink_.empty()) {
      kink_ = fmt::format(
          "not smooth here: {}: the derivative from above is {:.12g}, from below {:.12g} (errors "
          "{:.3g} and {:.3g})",
          describe(element, shape), sides.above.value, sides.below.value, sides.above.error,
          sides.below.error);
    }
    return;
  }
  ++result_.compared;
  element.tolerance += from_numerical;
  const double error = std::fabs(element.analytical - element.numerical);
  if (!(error <= result_.worst_error)) result_.worst_error = error;  // NaN too
  const bool good = std::isfinite(element.numerical) && error <= element.tolerance;
  double ratio = element.tolerance > 0.0 ? error / element.tolerance : 0.0;
  if (!good && !(ratio > 1.0)) ratio = HUGE_VAL;  // NaN
  if (ratio <= worst_ratio_) return;
  worst_ratio_ = ratio;
  result_.worst = element;
  if (good) return;
  decided_ = true;
  result_.status = GradcheckStatus::failed;
  result_.message = fmt::format(
      "{}{}: {}: analytical {:.12g}, numerical {:.12g}, difference {:.3g}, tolerance {:.3g} (step "
      "{:.3g}, error estimate {:.3g})",
      prefix(), plain ? "" : " with create_graph", describe(element, shape), element.analytical,
      element.numerical, error, element.tolerance, element.step, element.error);
}

void GradcheckComparison::product(double jvp, double vjp, double tolerance) {
  if (std::fabs(jvp - vjp) <= tolerance) return;
  fail(fmt::format(
      "the Jacobian-vector product says {:.12g}, the vector-Jacobian product {:.12g}, difference "
      "{:.3g}, tolerance {:.3g}: the backward rule is not differentiable, or not linear, in the "
      "gradient that it is given",
      jvp, vjp, std::fabs(jvp - vjp), tolerance));
}

void GradcheckComparison::fail(const std::string& message) {
  decided_ = true;
  result_.status = GradcheckStatus::failed;
  result_.message = fmt::format("{}: {}", prefix(), message);
}

void GradcheckComparison::not_deterministic(const std::string& message) {
  decided_ = true;
  result_.status = GradcheckStatus::not_deterministic;
  result_.message = fmt::format("{}: not deterministic: {}", prefix(), message);
}

GradcheckResult GradcheckComparison::result() const {
  GradcheckResult result = result_;
  if (!decided_) {
    const bool smooth = result.not_smooth == 0;
    result.status = smooth ? GradcheckStatus::passed : GradcheckStatus::not_smooth;
    if (!smooth) result.message = fmt::format("{}: {}", prefix(), kink_);
  }
  result.passed = result.status == GradcheckStatus::passed;
  return result;
}

}  // namespace detail

std::string to_string(const GradcheckResult& result) {
  constexpr const char* kNames[] = {"passed", "failed", "not smooth", "not deterministic"};
  std::string text =
      fmt::format("{}: {} derivatives compared, {} not smooth",
                  kNames[static_cast<int>(result.status)], result.compared, result.not_smooth);
  if (result.compared > 0) {
    const GradcheckElement& e = result.worst;
    text += fmt::format(
        "; worst: {}: analytical {:.12g}, numerical {:.12g}, step {:.3g}, error estimate {:.3g}",
        e.input < 0 ? "a projection" : fmt::format("element {} of input {}", e.element, e.input),
        e.analytical, e.numerical, e.step, e.error);
  }
  return text;
}

}  // namespace glissade
