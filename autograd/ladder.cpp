#include "ladder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "glissade/core/check.h"
#include "glissade/core/rng.h"

namespace glissade::numerical::detail {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kHalfUlp = 0x1p-53;  // the error of a correctly rounded result, relative
constexpr int kLowest = 34;

// How many bounds apart two values must be before their rounding errors do not account for it.
constexpr double kConsistent = 4.0;

Estimate from_one(const std::vector<Rung>& rungs) {
  if (rungs.empty()) return {std::numeric_limits<double>::quiet_NaN(), kInfinity, 0.0};
  return {rungs[0].quotient, kInfinity, rungs[0].step};
}

// One more step of extrapolation (Neville's scheme): element k of the result is the value at step 0
// of the polynomial in step^order through the rungs k - width to k. The first `width` are unused.
std::vector<Rung> extrapolate(const std::vector<Rung>& column, const std::vector<double>& powers,
                              std::size_t width) {
  std::vector<Rung> next = column;
  for (std::size_t k = width; k < column.size(); ++k) {
    const double gain = powers[k - width] / powers[k] - 1.0;
    next[k].quotient += (column[k].quotient - column[k - 1].quotient) / gain;
    next[k].rounding += (column[k].rounding + column[k - 1].rounding) / gain;
  }
  return next;
}

// The values that differ from some others by no more than rounding accounts for.
struct Range {
  double lowest = -kInfinity;
  double highest = kInfinity;
  double distance(double x) const { return std::max({0.0, lowest - x, x - highest}); }
};

// What the candidates of smaller steps than each allow: where the range is empty, nothing is
// without distance.
std::vector<Range> finer_ranges(const std::vector<Rung>& candidates) {
  std::vector<Range> ranges(candidates.size());
  for (std::size_t k = candidates.size() - 1; k > 0; --k) {
    const Rung& finer = candidates[k];
    const double slack = kConsistent * finer.rounding;
    ranges[k - 1] = {std::max(ranges[k].lowest, finer.quotient - slack),
                     std::min(ranges[k].highest, finer.quotient + slack)};
  }
  return ranges;
}

// Nine equidistant points, so near to each other that a smooth function is a parabola on them; what
// remains in their third to fifth differences is noise. The k-th difference of independent
// errors of variance s^2 has the variance s^2 (2k)! / (k!)^2.
double noise_variance(std::array<double, 9> row) {
  double variance = 0.0;
  double factor = 1.0;  // (2k)! / (k!)^2
  for (std::size_t k = 1; k <= 5; ++k) {
    factor *= 2.0 * static_cast<double>(2 * k - 1) / static_cast<double>(k);
    double squares = 0.0;
    for (std::size_t i = 0; i + k < row.size(); ++i) {
      row[i] = row[i + 1] - row[i];
      squares += row[i] * row[i];
    }
    const auto count = static_cast<double>(row.size() - k);
    if (k >= 3) variance = std::max(variance, squares / count / factor);
  }
  return variance;
}

}  // namespace

Estimate climb(const std::vector<Rung>& all, int order) {
  std::vector<Rung> rungs;
  for (const Rung& rung : all) {
    if (std::isfinite(rung.quotient) && std::isfinite(rung.rounding)) rungs.push_back(rung);
  }
  if (rungs.size() < 2) return from_one(rungs);
  std::vector<double> powers;
  powers.reserve(rungs.size());
  for (const Rung& rung : rungs) powers.push_back(std::pow(rung.step, order));
  std::vector<Rung> column = extrapolate(rungs, powers, 1);
  const std::vector<Range> allowed = finer_ranges(column);
  Estimate best{column[1].quotient, kInfinity, column[1].step};
  const auto consider = [&](const Rung& here, std::size_t k, double truncation) {
    const double error = std::max(truncation, allowed[k].distance(here.quotient)) + here.rounding;
    if (error < best.error) best = {here.quotient, error, here.step};
  };
  consider(column[1], 1, std::fabs(column[1].quotient - rungs[1].quotient));
  for (std::size_t k = 2; k < column.size(); ++k) {
    consider(column[k], k, std::fabs(column[k].quotient - column[k - 1].quotient));
  }
  const std::size_t columns = order == 1 ? 4 : 3;
  for (std::size_t width = 2; width <= std::min(columns, rungs.size() - 1); ++width) {
    const std::vector<Rung> next = extrapolate(column, powers, width);
    for (std::size_t k = width; k < next.size(); ++k) {
      consider(next[k], k, std::fabs(next[k].quotient - column[k].quotient));
    }
    column = next;
  }
  return best;
}

bool Sides::is_kink() const {
  const double apart = std::fabs(above.value - below.value);
  return !(apart <= 10.0 * (above.error + below.error)) ||
         !std::isfinite(above.error + below.error);
}

std::vector<double> ladder_steps(double x, int lowest) {
  const double size = std::fabs(x);
  const int top = std::ilogb(std::max(size, 1.0)) - 2;
  const int bottom = (x == 0.0 ? 0 : std::ilogb(std::max(size, 0x1p-24))) - lowest;
  std::vector<double> steps;
  for (int e = top; e >= std::min(bottom, top - 6); e -= 2) steps.push_back(std::ldexp(1.0, e));
  return steps;
}

Prober::Prober(const Target& target, bool evaluate_centre) : target_(target) {
  for (const std::span<double> part : target.parts) x_.emplace_back(part.begin(), part.end());
  if (evaluate_centre) evaluate(centre_);
}

Prober::~Prober() { restore(); }

void Prober::evaluate(std::vector<double>& values) {
  ++evaluations_;
  target_.evaluate(values);
  if (!centre_.empty() && values.size() != centre_.size()) {
    fail("numerical: the function returned {} values and, for a nearby point, {}", centre_.size(),
         values.size());
  }
}

double Prober::scale() const {
  double squares = 0.0;
  double count = 0.0;
  for (const std::vector<double>& part : x_) {
    for (const double x : part) squares += x * x;
    count += static_cast<double>(part.size());
  }
  return count == 0.0 ? 0.0 : std::sqrt(squares / count);
}

void Prober::restore() {
  for (std::size_t p = 0; p < x_.size(); ++p) {
    std::copy(x_[p].begin(), x_[p].end(), target_.parts[p].begin());
  }
}

void Prober::move(std::span<const double> direction, double h) {
  std::size_t at = 0;
  for (std::size_t p = 0; p < x_.size(); ++p) {
    for (std::size_t i = 0; i < x_[p].size(); ++i, ++at) {
      target_.parts[p][i] = x_[p][i] + h * direction[at];
    }
  }
}

void Prober::measure_noise(double floor) {
  std::vector<double> variance(centre_.size(), 0.0);
  Rng rng(0x6e6f697365);
  // Twice: with a spacing that happens to be a multiple of an ulp somewhere, rounding errors are
  // not random but grow evenly, and no difference shows them.
  for (const double size : {0x1p-38, 0x1p-37}) {
    std::vector<double> spacing;
    for (const std::vector<double>& part : x_) {
      for (const double x : part) {
        const double sign = rng.integer(0, 2) == 0 ? -1.0 : 1.0;
        spacing.push_back(size * rng.uniform(0.5, 1.0) * sign * (x == 0.0 ? 1.0 : std::fabs(x)));
      }
    }
    std::vector<std::vector<double>> table;
    for (int k = -4; k <= 4; ++k) {
      if (k == 0) {
        table.push_back(centre_);
        continue;
      }
      move(spacing, k);
      evaluate(table.emplace_back());
    }
    for (std::size_t value = 0; value < variance.size(); ++value) {
      std::array<double, 9> row{};
      for (std::size_t k = 0; k < row.size(); ++k) row[k] = table[k][value];
      variance[value] = std::max(variance[value], noise_variance(row));
    }
  }
  restore();
  noise_.clear();
  for (std::size_t value = 0; value < variance.size(); ++value) {
    // Twice the standard deviation: nine points do not show the largest error.
    noise_.push_back(
        std::max({floor, kHalfUlp * std::fabs(centre_[value]), 2.0 * std::sqrt(variance[value])}));
  }
}

double Prober::noise(const Sample& sample, std::size_t value) const {
  return std::max({noise_[value], kHalfUlp * std::fabs(sample.f_above[value]),
                   kHalfUlp * std::fabs(sample.f_below[value])});
}

Sample Prober::sample_above(double& element, double h) {
  const double x = element;
  Sample result;
  element = x + h;
  result.above = element - x;
  evaluate(result.f_above);
  element = x;
  return result;
}

Sample Prober::sample(double& element, double h) {
  const double x = element;
  Sample result = sample_above(element, h);
  element = x - h;
  result.below = x - element;
  evaluate(result.f_below);
  element = x;
  return result;
}

Sample Prober::sample(std::span<const double> direction, double h) {
  Sample result{h, h, {}, {}};
  move(direction, h);
  evaluate(result.f_above);
  move(direction, -h);
  evaluate(result.f_below);
  restore();
  return result;
}

std::vector<Sample> Prober::samples(double& element) {
  std::vector<Sample> all;
  for (const double step : ladder_steps(element, kLowest)) all.push_back(sample(element, step));
  return all;
}

std::vector<Sample> Prober::samples(std::span<const double> direction) {
  double squares = 0.0;
  for (const double d : direction) squares += d * d;
  const double length =
      std::sqrt(squares / static_cast<double>(std::max<std::size_t>(1, direction.size())));
  std::vector<Sample> all;
  if (length == 0.0) return all;
  const double unit = std::ldexp(1.0, -std::ilogb(length));
  for (const double step : ladder_steps(scale(), kLowest)) {
    all.push_back(sample(direction, step * unit));
  }
  return all;
}

// Noise that only this element shows: f(x + h) - 2 f(x) + f(x - h) at the smallest steps, where a
// smooth function leaves nothing. With independent errors of deviation s, the median of its size
// is 0.67 sqrt(6) s; a kink at x would spoil the mean.
double Prober::local_noise(const std::vector<Sample>& samples, std::size_t value) const {
  constexpr std::size_t kCount = 5;
  if (samples.size() < 2 * kCount) return 0.0;
  std::array<double, kCount> sizes{};
  for (std::size_t k = 0; k < kCount; ++k) {
    const Sample& s = samples[samples.size() - 1 - k];
    const double above = (s.f_above[value] - centre_[value]) / s.above;
    const double below = (centre_[value] - s.f_below[value]) / s.below;
    sizes[k] = s.above * std::fabs(above - below);
  }
  std::sort(sizes.begin(), sizes.end());
  const double median = sizes[kCount / 2];
  return std::isfinite(median) ? 2.0 * median / (0.67 * std::sqrt(6.0)) : 0.0;
}

Sides Prober::sides(const std::vector<Sample>& samples, std::size_t value) const {
  const double local = local_noise(samples, value);
  std::vector<Rung> both;
  std::vector<Rung> above;
  std::vector<Rung> below;
  for (const Sample& s : samples) {
    const double rounding = 2.0 * std::max(local, noise(s, value));
    const double width = s.above + s.below;
    both.push_back({(s.f_above[value] - s.f_below[value]) / width, rounding / width, 0.5 * width});
    above.push_back({(s.f_above[value] - centre_[value]) / s.above, rounding / s.above, s.above});
    below.push_back({(centre_[value] - s.f_below[value]) / s.below, rounding / s.below, s.below});
  }
  Sides sides{climb(both, 2), climb(above, 1), climb(below, 1)};
  // With a kink near x on one side, the other side alone allows larger steps.
  if (!sides.is_kink()) {
    for (const Estimate& side : {sides.above, sides.below}) {
      if (side.error < sides.best.error) sides.best = side;
    }
  }
  return sides;
}

// Between two rungs is a factor of 4, and a kink may be anywhere between: steps of twice the rungs
// that the value came from halve the rounding error, or more.
template <class Where>
Sides Prober::refined(std::vector<Sample> samples, Where& where) {
  constexpr double kShort = 0x1p-6;
  if (samples.empty()) return {};  // the direction is zero
  const Sides first = sides(samples, 0);
  if (first.best.step >= kShort * samples.front().above) return first;
  std::size_t last = 0;  // the rung that the value came from
  while (last + 1 < samples.size() && samples[last].above > 1.5 * first.best.step) ++last;
  for (std::size_t k = last; k > 0 && k + 3 > last; --k) {
    samples.push_back(sample(where, 2.0 * samples[k].above));
  }
  std::sort(samples.begin(), samples.end(),
            [](const Sample& a, const Sample& b) { return a.above > b.above; });
  return sides(samples, 0);
}

Sides Prober::derivative(double& element) { return refined(samples(element), element); }

Sides Prober::derivative(std::span<const double> direction) {
  return refined(samples(direction), direction);
}

}  // namespace glissade::numerical::detail
