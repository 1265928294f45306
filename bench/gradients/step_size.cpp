#include "step_size.h"

#include <glissade/autograd/numerical.h>

#include <array>
#include <complex>
#include <limits>
#include <span>

#include "differences.h"

namespace glissade::bench {
namespace {

constexpr Index kElements = 100;
constexpr double kEpsilon = std::numeric_limits<double>::epsilon() / 2.0;  // of one rounding

// A method of order p: its errors c h^p |f^(p+1)| of truncation and r |f| eps / h of rounding.
struct Theory {
  const char* name;
  numerical::Difference difference;
  int order;
  double truncation;
  double rounding;
};
constexpr std::array<Theory, 3> kTheories{{
    {"forward", numerical::Difference::forward, 1, 1.0 / 2.0, 2.0},
    {"central", numerical::Difference::central, 2, 1.0 / 6.0, 1.0},
    {"five_point", numerical::Difference::five_point, 4, 1.0 / 30.0, 1.5},
}};

const Theory& theory_of(const std::string& method) {
  for (const Theory& theory : kTheories) {
    if (theory.name == method) return theory;
  }
  fail("bench_gradients: {} has no step", method);
}

double scale_of(double x) { return std::max(std::abs(x), 1.0); }

// The largest component of the whole gradient.
double norm_of(const Tensor<double>& gradient) {
  double norm = 0.0;
  for (const double x : gradient) norm = std::max(norm, std::abs(x));
  return norm;
}

std::vector<Index> elements_of(Index parameters) {
  const Index count = std::min(kElements, parameters);
  std::vector<Index> elements;
  for (Index i = 0; i < count; ++i) elements.push_back(i * parameters / count);
  return elements;
}

// The value as a function of element i alone.
auto along(Subject<double>& subject, Tensor<double>& point, Index i) {
  return [&subject, &point, i](double x) {
    const double before = std::exchange(point[i], x);
    const double value = subject.problem().function(point.data());
    point[i] = before;
    return value;
  };
}

double complex_derivative(const Subject<double>& subject, std::vector<std::complex<double>>& point,
                          Index i, double h) {
  std::complex<double>& moved = point[static_cast<std::size_t>(i)];
  moved.imag(h);
  const auto value = std::visit([&](const auto& problem) { return problem.value(point.data()); },
                                subject.definition());
  moved.imag(0.0);
  return value.imag() / h;
}

// The derivative of f of order `order` + 1 along element i: a difference of the analytic gradient
// of that order, 1, 2 or 4.
double higher_derivative(Subject<double>& subject, Index i, int order) {
  Tensor<double> point = subject.problem().point();
  Tensor<double> gradient(point.shape());
  const double x = point[i];
  // Large enough that rounding leaves digits; an estimate of the size is all that is wanted.
  const double step = scale_of(x) * (order == 1 ? 1e-5 : order == 2 ? 1e-3 : 3e-2);
  const auto slope = [&](double steps) {
    point[i] = x + steps * step;
    subject.problem().analytic(point.data(), gradient.data());
    return gradient[i];
  };
  if (order == 1) return (slope(1) - slope(-1)) / (2 * step);
  if (order == 2) return (slope(1) - 2 * slope(0) + slope(-1)) / (step * step);
  return (slope(2) - 4 * slope(1) + 6 * slope(0) - 4 * slope(-1) + slope(-2)) /
         (step * step * step * step);
}

}  // namespace

StepError step_error(const std::string& method, Subject<double>& subject, double h) {
  Tensor<double> point = subject.problem().point();
  std::vector<std::complex<double>> complex_point(point.begin(), point.end());
  double error = 0.0;
  for (const Index i : elements_of(point.size())) {
    double slope = 0.0;
    if (method == "complex_step") {
      slope = complex_derivative(subject, complex_point, i, h * scale_of(point[i]));
    } else {
      const numerical::Options options{.method = theory_of(method).difference, .step = h};
      slope = numerical::derivative(along(subject, point, i), point[i], options).value;
    }
    const double difference = std::abs(slope - subject.expected()[i]);
    if (!(difference <= error)) error = difference;  // keeps a NaN
  }
  return {h, error / norm_of(subject.expected())};
}

StepError ladder_error(Subject<double>& subject) {
  Tensor<double> point = subject.problem().point();
  double error = 0.0;
  std::vector<double> steps;
  for (const Index i : elements_of(point.size())) {
    const numerical::Estimate slope = numerical::derivative(along(subject, point, i), point[i]);
    error = std::max(error, std::abs(slope.value - subject.expected()[i]));
    steps.push_back(slope.step / scale_of(point[i]));
  }
  return {median(steps), error / norm_of(subject.expected())};
}

StepError optimal_step(const std::string& method, Subject<double>& subject) {
  const Theory& theory = theory_of(method);
  const Tensor<double>& point = subject.problem().point();
  const double rounding = theory.rounding * std::abs(subject.value()) * kEpsilon;
  std::vector<double> truncations;  // of each element, for h = 1
  std::vector<double> scales;
  for (const Index i : elements_of(point.size())) {
    scales.push_back(scale_of(point[i]));
    truncations.push_back(theory.truncation * std::pow(scales.back(), theory.order) *
                          std::abs(higher_derivative(subject, i, theory.order)));
  }
  StepError best{0.0, std::numeric_limits<double>::infinity()};
  for (double exponent = 0.0; exponent > -16.0; exponent -= 0.02) {
    const double h = std::pow(10.0, exponent);
    double error = 0.0;
    for (std::size_t k = 0; k < scales.size(); ++k) {
      error =
          std::max(error, truncations[k] * std::pow(h, theory.order) + rounding / (h * scales[k]));
    }
    if (error < best.rel_error) best = {h, error};
  }
  best.rel_error /= norm_of(subject.expected());
  return best;
}

}  // namespace glissade::bench
