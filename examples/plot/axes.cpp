#include "axes.h"

#include <glissade/core/check.h>

#include <cstddef>
#include <utility>

namespace plot {

using glissade::check;

void Axes::line(std::vector<double> x, std::vector<double> y, LineOptions options) {
  check(x.size() == y.size(), "line: {} values of x, but {} of y", x.size(), y.size());
  LineStyle style;
  if (options.grey) {
    style = {"#777", "4 3", Marker::none};
  } else {
    style = line_style(options.style >= 0 ? options.style : next_style_++);
  }
  if (!options.marker && !options.every_point) style.marker = Marker::none;
  lines_.push_back({std::move(x), std::move(y), std::move(options), std::move(style), {}, {}});
}

void Axes::line(const std::vector<double>& y, LineOptions options) {
  std::vector<double> x(y.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
  line(std::move(x), y, std::move(options));
}

void Axes::intervals(std::vector<double> x, std::vector<double> low, std::vector<double> high) {
  check(!lines_.empty(), "intervals: there is no line before them");
  check(x.size() == low.size() && x.size() == high.size(),
        "intervals: {} values of x, {} lower and {} upper ends", x.size(), low.size(), high.size());
  Line& of = lines_.back();
  check(x.size() == of.x.size(), "intervals: {} for a line of {} points", x.size(), of.x.size());
  of.low = std::move(low);
  of.high = std::move(high);
}

void Axes::contours(Function f, std::vector<double> levels, std::string label) {
  check(options_.x_range && options_.y_range && options_.x_scale == Scale::linear &&
            options_.y_scale == Scale::linear,
        "contours: the panel needs x_range and y_range, and linear scales");
  contours_.push_back({std::move(f), std::move(levels), std::move(label)});
}

Range Axes::x_range() const {
  if (options_.x_range) return *options_.x_range;
  std::vector<double> all;
  for (const Line& line : lines_) all.insert(all.end(), line.x.begin(), line.x.end());
  return enclosing(all, options_.x_scale, 0.03);
}

Range Axes::y_range() const {
  if (options_.y_range) return *options_.y_range;
  std::vector<double> all;
  for (const Line& line : lines_) {
    for (const auto* values : {&line.y, &line.low, &line.high}) {
      all.insert(all.end(), values->begin(), values->end());
    }
  }
  return enclosing(all, options_.y_scale, 0.05);
}

}  // namespace plot
