#include "scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace plot {
namespace {

// A label such as 0.05, 1500 or 2×10^-6, with the digits that `step` needs.
std::string linear_label(double value, double step, double largest) {
  if (std::abs(value) < step * 1e-6) return "0";
  if (largest >= 1e5 || largest < 1e-3) {
    const int power = static_cast<int>(std::floor(std::log10(largest) + 1e-9));
    const double unit = std::pow(10.0, power);
    const int digits = std::max(0, power - static_cast<int>(std::floor(std::log10(step) + 1e-9)));
    return fmt::format("{:.{}f}\u00d710^{}", value / unit, digits, power);
  }
  const int digits = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
  return fmt::format("{:.{}f}", value, digits);
}

std::vector<Tick> linear_ticks(const Range& range, int count) {
  const double rough = (range.high - range.low) / std::max(count, 1);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10.0 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * 0.75) {
      step = factor * power;
      break;
    }
  }
  const double largest = std::max(std::abs(range.low), std::abs(range.high));
  const double slack = 1e-9 * (range.high - range.low);
  std::vector<Tick> result;
  for (double k = std::ceil((range.low - slack) / step); k * step <= range.high + slack; ++k) {
    result.push_back({k * step, linear_label(k * step, step, largest)});
  }
  return result;
}

std::string log_label(int factor, int power) {
  if (power >= -2 && power <= 3) {
    const double value = factor * std::pow(10.0, power);
    return fmt::format("{:.{}f}", value, std::max(0, -power));
  }
  return factor == 1 ? fmt::format("10^{}", power) : fmt::format("{}\u00d710^{}", factor, power);
}

std::vector<Tick> log_ticks(const Range& range, int count) {
  const double slack = 1e-9;
  const double low = std::log10(range.low) - slack;
  const double high = std::log10(range.high) + slack;
  const int first = static_cast<int>(std::floor(low));
  const int last = static_cast<int>(std::ceil(high));
  const double decades = high - low;
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / std::max(count, 1))));
  const bool few = decades < 1.7;  // then 2 and 5 are labelled, too
  std::vector<Tick> result;
  for (int power = first; power <= last; ++power) {
    for (int factor = 1; factor <= 9; ++factor) {
      const double at = power + std::log10(static_cast<double>(factor));
      if (at < low || at > high) continue;
      if (factor > 1 && stride > 1) continue;
      const bool labelled = factor == 1 ? power % stride == 0 : few && (factor == 2 || factor == 5);
      result.push_back({std::pow(10.0, at), labelled ? log_label(factor, power) : std::string()});
    }
  }
  return result;
}

}  // namespace

double position(double value, const Range& range, Scale scale) {
  if (scale == Scale::linear) return (value - range.low) / (range.high - range.low);
  if (!(value > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  return std::log(value / range.low) / std::log(range.high / range.low);
}

Range enclosing(const std::vector<double>& values, Scale scale, double margin) {
  const bool log = scale == Scale::log;
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double value : values) {
    if (!std::isfinite(value) || (log && !(value > 0.0))) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) return log ? Range{0.1, 1.0} : Range{0.0, 1.0};
  if (log) {
    const double half = std::max(0.5 * std::log(high / low), 0.1);
    const double middle = 0.5 * (std::log(low) + std::log(high));
    const double reach = half * (1.0 + 2.0 * margin);
    return {std::exp(middle - reach), std::exp(middle + reach)};
  }
  double reach = 0.5 * (high - low);
  if (reach <= 1e-12 * std::max(std::abs(low), std::abs(high))) {
    reach = low == 0.0 ? 1.0 : 0.1 * std::abs(low);
  }
  const double middle = 0.5 * (low + high);
  return {middle - reach * (1.0 + 2.0 * margin), middle + reach * (1.0 + 2.0 * margin)};
}

std::vector<Tick> ticks(const Range& range, Scale scale, int count) {
  return scale == Scale::linear ? linear_ticks(range, count) : log_ticks(range, count);
}

}  // namespace plot
