#include "legend.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace plot {
namespace {

constexpr double kSize = 11.5;
constexpr double kRowHeight = 17.0;
constexpr double kSampleWidth = 32.0;

}  // namespace

Stroke stroke_of(const Axes::Line& line) {
  return {line.style.colour, line.options.grey ? 1.2 : 1.8, line.style.dash};
}

Legend::Legend(const std::vector<const Axes*>& axes, double width) {
  for (const Axes* panel : axes) {
    for (const auto& line : panel->lines()) {
      add({line.options.label, stroke_of(line), line.style.marker, line.options.line});
    }
  }
  for (const Axes* panel : axes) {
    for (const auto& set : panel->contour_sets()) {
      add({set.label, kContourStroke, Marker::none, true});
    }
  }
  if (entries_.empty()) return;
  for (const Entry& entry : entries_) {
    column_width_ =
        std::max(column_width_, kSampleWidth + 6.0 + text_width(entry.label, kSize) + 14.0);
  }
  columns_ =
      std::clamp(static_cast<int>(width / column_width_), 1, static_cast<int>(entries_.size()));
  // As many columns as the rows need: 5 entries in 4 columns are 3 and 2.
  const int rows = (static_cast<int>(entries_.size()) + columns_ - 1) / columns_;
  columns_ = (static_cast<int>(entries_.size()) + rows - 1) / rows;
}

void Legend::add(Entry entry) {
  const auto known = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& e) { return e.label == entry.label; });
  if (entry.label.empty() || known != entries_.end()) return;
  entries_.push_back(std::move(entry));
}

double Legend::height() const {
  if (entries_.empty()) return 0.0;
  const int rows = (static_cast<int>(entries_.size()) + columns_ - 1) / columns_;
  return kRowHeight * rows + 6.0;
}

void Legend::draw(Svg& svg, Point at) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const auto columns = static_cast<std::size_t>(columns_);
    const double left = at.x + column_width_ * static_cast<double>(i % columns);
    const double middle = at.y + kRowHeight * (static_cast<double>(i / columns) + 0.5);
    if (entry.line) svg.segment({left, middle}, {left + kSampleWidth, middle}, entry.stroke);
    svg.marker({left + 0.5 * kSampleWidth, middle}, entry.marker, entry.stroke.colour);
    svg.text({left + kSampleWidth + 6.0, middle + 0.35 * kSize}, entry.label,
             {.size = kSize, .name = "legend"});
  }
}

}  // namespace plot
