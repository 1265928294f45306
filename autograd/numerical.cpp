#include "glissade/autograd/numerical.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "glissade/core/check.h"
#include "glissade/core/rng.h"
#include "ladder.h"

namespace glissade::numerical {
namespace detail {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::size_t elements_of(const Target& target) {
  std::size_t count = 0;
  for (const std::span<double> part : target.parts) count += part.size();
  return count;
}

// The step of a method with a fixed one, times max(|x|, 1).
double fixed_step(const Options& options, double x) {
  check(options.step >= 0.0 && std::isfinite(options.step),
        "numerical: the step {} must be positive, or 0 for the method's own", options.step);
  double step = options.step;
  if (step == 0.0) {
    if (options.method == Difference::forward) step = 0x1p-26;
    if (options.method == Difference::central) step = 6.0554544523933395e-06;     // eps^(1/3)
    if (options.method == Difference::five_point) step = 7.4009597974140505e-04;  // eps^(1/5)
  }
  return step * std::max(std::fabs(x), 1.0);
}

// (4 D(h) - D(2h)) / 3 of central differences is the five-point formula.
Estimate five_point(const Sample& near, const Sample& far, std::size_t i) {
  const double narrow = (near.f_above[i] - near.f_below[i]) / (near.above + near.below);
  const double wide = (far.f_above[i] - far.f_below[i]) / (far.above + far.below);
  return {(4.0 * narrow - wide) / 3.0, kUnknown, near.above};
}

// The derivatives of all values by one element, with a fixed step h.
std::vector<Estimate> fixed(Prober& prober, Difference method, double& element, double h) {
  const std::size_t count = prober.centre().size();
  std::vector<Estimate> estimates(count);
  if (method == Difference::forward) {
    const Sample s = prober.sample_above(element, h);
    for (std::size_t i = 0; i < count; ++i) {
      estimates[i] = {(s.f_above[i] - prober.centre()[i]) / s.above, kUnknown, s.above};
    }
    return estimates;
  }
  const Sample near = prober.sample(element, h);
  if (method == Difference::five_point) {
    const Sample far = prober.sample(element, 2.0 * h);
    for (std::size_t i = 0; i < count; ++i) estimates[i] = five_point(near, far, i);
    return estimates;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const double width = near.above + near.below;
    estimates[i] = {(near.f_above[i] - near.f_below[i]) / width, kUnknown, near.above};
  }
  return estimates;
}

// All values' derivatives by one element.
std::vector<Estimate> column(Prober& prober, const Options& options, double& element) {
  if (options.method != Difference::ladder) {
    return fixed(prober, options.method, element, fixed_step(options, element));
  }
  if (prober.centre().size() == 1) return {prober.derivative(element).best};
  const std::vector<Sample> samples = prober.samples(element);
  std::vector<Estimate> estimates;
  for (std::size_t i = 0; i < prober.centre().size(); ++i) {
    estimates.push_back(prober.sides(samples, i).best);
  }
  return estimates;
}

Result make_result(const Shape& shape) {
  return {Tensor<double>(shape), Tensor<double>(shape), Tensor<double>(shape), 0};
}

void put(Result& result, Index at, const Estimate& estimate) {
  result.value[at] = estimate.value;
  result.error[at] = estimate.error;
  result.step[at] = estimate.step;
}

void check_scalar(const Prober& prober) {
  check(prober.centre().size() == 1,
        "numerical: the function of a gradient returns one number, not {}", prober.centre().size());
}

}  // namespace

std::vector<Result> gradient(const Target& target, const std::vector<Shape>& shapes,
                             const Options& options) {
  Prober prober(target);
  if (options.method == Difference::ladder) prober.measure_noise();
  check_scalar(prober);
  std::vector<Result> results;
  for (std::size_t p = 0; p < shapes.size(); ++p) {
    Result& result = results.emplace_back(make_result(shapes[p]));
    for (std::size_t i = 0; i < target.parts[p].size(); ++i) {
      put(result, static_cast<Index>(i), column(prober, options, target.parts[p][i])[0]);
    }
  }
  for (Result& result : results) result.evaluations = prober.evaluations();
  return results;
}

Result jacobian(const Target& target, const Options& options) {
  Prober prober(target);
  if (options.method == Difference::ladder) prober.measure_noise();
  const auto m = static_cast<Index>(prober.centre().size());
  const auto n = static_cast<Index>(elements_of(target));
  Result result = make_result({m, n});
  Index j = 0;
  for (const std::span<double> part : target.parts) {
    for (double& element : part) {
      const std::vector<Estimate> estimates = column(prober, options, element);
      for (Index i = 0; i < m; ++i) put(result, i * n + j, estimates[static_cast<std::size_t>(i)]);
      ++j;
    }
  }
  result.evaluations = prober.evaluations();
  return result;
}

Result symmetric(Result jacobian) {
  const Index n = jacobian.value.dim(0);
  check(jacobian.value.dim(1) == n, "hessian_of_gradient: {} elements, but a gradient of {}",
        jacobian.value.dim(1), n);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) {
      const double mean = 0.5 * (jacobian.value(i, j) + jacobian.value(j, i));
      jacobian.value(i, j) = jacobian.value(j, i) = mean;
      const double error = std::max(jacobian.error(i, j), jacobian.error(j, i));
      jacobian.error(i, j) = jacobian.error(j, i) = error;
    }
  }
  return jacobian;
}

namespace {

constexpr int kLowestSecond = 24;  // below, second differences are all noise

// f'' from (f(x + h) - 2 f(x) + f(x - h)) / h^2, with the realised steps.
Estimate second_derivative(Prober& prober, double& x) {
  std::vector<Rung> rungs;
  const double centre = prober.centre()[0];
  for (const double h : ladder_steps(x, kLowestSecond)) {
    const Sample s = prober.sample(x, h);
    const double width = s.above + s.below;
    const double slopes = (s.f_above[0] - centre) / s.above - (centre - s.f_below[0]) / s.below;
    rungs.push_back({2.0 * slopes / width, 4.0 * prober.noise(s, 0) / (s.above * s.below), h});
  }
  return climb(rungs, 2);
}

// The mixed derivative from four points; the steps of both elements fall together.
Estimate mixed_derivative(Prober& prober, double& x, double& y) {
  std::vector<double> steps_x = ladder_steps(x, kLowestSecond);
  std::vector<double> steps_y = ladder_steps(y, kLowestSecond);
  while (steps_x.size() < steps_y.size()) steps_x.push_back(0.25 * steps_x.back());
  while (steps_y.size() < steps_x.size()) steps_y.push_back(0.25 * steps_y.back());
  std::vector<Rung> rungs;
  const double y0 = y;
  for (std::size_t k = 0; k < steps_x.size(); ++k) {
    y = y0 + steps_y[k];
    const double y_above = y;
    const Sample above = prober.sample(x, steps_x[k]);
    y = y0 - steps_y[k];
    const double area = (above.above + above.below) * (y_above - y);
    const Sample below = prober.sample(x, steps_x[k]);
    y = y0;
    rungs.push_back(
        {((above.f_above[0] - above.f_below[0]) - (below.f_above[0] - below.f_below[0])) / area,
         4.0 * std::max(prober.noise(above, 0), prober.noise(below, 0)) / area, steps_x[k]});
  }
  return climb(rungs, 2);
}

}  // namespace

Result hessian(const Target& target) {
  Prober prober(target);
  prober.measure_noise();
  check_scalar(prober);
  const auto n = static_cast<Index>(elements_of(target));
  Result result = make_result({n, n});
  std::vector<double*> elements;
  for (const std::span<double> part : target.parts) {
    for (double& element : part) elements.push_back(&element);
  }
  for (Index i = 0; i < n; ++i) {
    double& x = *elements[static_cast<std::size_t>(i)];
    put(result, i * n + i, second_derivative(prober, x));
    for (Index j = 0; j < i; ++j) {
      const Estimate mixed = mixed_derivative(prober, x, *elements[static_cast<std::size_t>(j)]);
      put(result, i * n + j, mixed);
      put(result, j * n + i, mixed);
    }
  }
  result.evaluations = prober.evaluations();
  return result;
}

Estimate directional(const Target& target, std::span<const double> direction,
                     const Options& options) {
  Prober prober(target);
  if (options.method == Difference::ladder) prober.measure_noise();
  check_scalar(prober);
  if (options.method != Difference::ladder) {
    const double h = fixed_step(options, prober.scale());
    const Sample near = prober.sample(direction, h);
    if (options.method == Difference::five_point) {
      return five_point(near, prober.sample(direction, 2.0 * h), 0);
    }
    if (options.method == Difference::forward) {
      return {(near.f_above[0] - prober.centre()[0]) / h, kUnknown, h};
    }
    return {(near.f_above[0] - near.f_below[0]) / (2.0 * h), kUnknown, h};
  }
  return prober.derivative(direction).best;
}

Projection projection(const Target& target, const std::vector<Tensor<double>>& gradients,
                      std::uint64_t seed) {
  check(gradients.size() == target.parts.size(), "projection: {} inputs, but {} gradients",
        target.parts.size(), gradients.size());
  Rng rng(seed);
  std::vector<double> signs;
  Projection result;
  for (std::size_t p = 0; p < gradients.size(); ++p) {
    check(static_cast<std::size_t>(gradients[p].size()) == target.parts[p].size(),
          "projection: input {} has {} elements, its gradient {}", p, target.parts[p].size(),
          gradients[p].size());
    for (const double g : gradients[p]) {
      signs.push_back(rng.integer(0, 2) == 0 ? -1.0 : 1.0);
      result.analytical += signs.back() * g;
    }
  }
  Prober prober(target, false);
  const double scale = prober.scale();
  const double h = std::ldexp(1.0, std::ilogb(scale > 0.0 ? scale : 1.0) - 12);
  const Sample far = prober.sample(signs, h);
  const Sample near = prober.sample(signs, 0.5 * h);
  check(far.f_above.size() == 1, "projection: the function returns one number, not {}",
        far.f_above.size());
  const double coarse = (far.f_above[0] - far.f_below[0]) / (2.0 * h);
  const double fine = (near.f_above[0] - near.f_below[0]) / h;
  result.numerical = fine + (fine - coarse) / 3.0;
  result.step = 0.5 * h;
  // The noise is not measured: eight roundings of f for each evaluation.
  const double largest = std::max(std::fabs(near.f_above[0]), std::fabs(near.f_below[0]));
  result.error = std::fabs(fine - result.numerical) + 8.0 * 0x1p-52 * largest / h;
  return result;
}

}  // namespace detail

Estimate derivative(const std::function<double(double)>& f, double x, const Options& options) {
  double at = x;
  const detail::Target target{[&](std::vector<double>& values) { values.assign(1, f(at)); },
                              {std::span<double>(&at, 1)}};
  const Result result = detail::gradient(target, {Shape{}}, options)[0];
  return {result.value[0], result.error[0], result.step[0]};
}

}  // namespace glissade::numerical
