// Scales of an axis: where a value is drawn, and which values get a tick.
#pragma once

#include <string>
#include <vector>

namespace plot {

/// How values become positions.
enum class Scale { linear, log };

/// The values at the two ends of an axis, low < high; positive on a log scale.
struct Range {
  double low = 0.0;   ///< left or bottom
  double high = 1.0;  ///< right or top
};

/// Where `value` is between the ends of `range`: 0 at `low`, 1 at `high`. Not finite if the value
/// is not, or if it is not positive on a log scale.
double position(double value, const Range& range, Scale scale);

/// The range of all finite values (on a log scale: all positive ones), widened by the share
/// `margin` at both ends. If there is no such value it is 0 to 1 (log: 0.1 to 1).
Range enclosing(const std::vector<double>& values, Scale scale, double margin);

/// A mark on an axis.
struct Tick {
  double value = 0.0;
  /// Empty for a small mark between two others. "10^-3" means an exponent.
  std::string label;
};

/// Ticks at round values, of which about `count` have labels: multiples of 1, 2 or 5 times a power
/// of ten, or on a log scale powers of ten, and 2 and 5 times these if the range is short.
std::vector<Tick> ticks(const Range& range, Scale scale, int count);

}  // namespace plot
