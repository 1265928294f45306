// The ladder of differences (glissade/autograd/numerical.h), and what gradcheck wants beyond that.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "glissade/autograd/numerical.h"

namespace glissade::numerical::detail {

// One difference quotient: a candidate before extrapolation.
struct Rung {
  double quotient = 0.0;  // not finite: the function is not, there
  double rounding = 0.0;  // bound of its rounding error
  double step = 0.0;
};

// The best value that rungs of falling steps give. Their truncation error is a series in
// step^order. Without two finite rungs the error is infinite.
Estimate climb(const std::vector<Rung>& rungs, int order);

// The function's values on either side of a point, `above` and `below` being the steps as they
// were realised.
struct Sample {
  double above = 0.0;
  double below = 0.0;
  std::vector<double> f_above;
  std::vector<double> f_below;
};

// A derivative from each side alone, and the best one: from both together, or from one of them.
struct Sides {
  Estimate best;
  Estimate above;
  Estimate below;
  // Whether the sides differ by more than their errors account for, or have no derivative.
  bool is_kink() const;
};

// Evaluates a target around the point x where its parts are, and puts them back,
// also when the function throws.
class Prober {
 public:
  // Calls the function at x, unless told otherwise.
  explicit Prober(const Target& target, bool evaluate_centre = true);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Measures the noise of each value: a bound for the error of one evaluation. At least `floor`:
  // the caller may know that the value is a sum of larger terms.
  void measure_noise(double floor = 0.0);

  // f at x + h and x - h of one element.
  Sample sample(double& element, double h);
  // f at x + h of one element only.
  Sample sample_above(double& element, double h);
  // The same at x + h direction and x - h direction, all parts one after the other.
  Sample sample(std::span<const double> direction, double h);
  // The same for each step of the ladder.
  std::vector<Sample> samples(double& element);
  std::vector<Sample> samples(std::span<const double> direction);

  // The derivative of the only value by an element, or in a direction: from the ladder, and where
  // that was cut short, three steps between its rungs. The noise must have been measured.
  Sides derivative(double& element);
  Sides derivative(std::span<const double> direction);
  // The derivative of one of several values, from the ladder.
  Sides sides(const std::vector<Sample>& samples, std::size_t value) const;
  // Bound of the rounding error of f at x or in the sample.
  double noise(std::size_t value) const { return noise_[value]; }
  double noise(const Sample& sample, std::size_t value) const;

  // f at x as it is now.
  void evaluate(std::vector<double>& values);
  // f(x)
  const std::vector<double>& centre() const { return centre_; }
  Index evaluations() const { return evaluations_; }
  // Root mean square of x.
  double scale() const;

 private:
  template <class Where>
  Sides refined(std::vector<Sample> samples, Where& where);
  double local_noise(const std::vector<Sample>& samples, std::size_t value) const;
  void restore();
  void move(std::span<const double> direction, double h);

  const Target& target_;
  std::vector<std::vector<double>> x_;
  std::vector<double> centre_;
  std::vector<double> noise_;
  Index evaluations_ = 0;
};

// The steps of the ladder for an element x, down to max(|x|, 2^-24) 2^-lowest.
std::vector<double> ladder_steps(double x, int lowest);

}  // namespace glissade::numerical::detail
