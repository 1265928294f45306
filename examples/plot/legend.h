// The legend: what the lines are, in rows above the panel, where it covers nothing.
#pragma once

#include <string>
#include <vector>

#include "axes.h"
#include "svg.h"

namespace plot {

/// How contour lines are drawn.
inline const Stroke kContourStroke{.colour = "#b5b5b5", .width = 0.9, .dash = ""};

/// How a line is drawn.
Stroke stroke_of(const Axes::Line& line);

/// A legend of all lines and contours that have a label, each label once.
class Legend {
 public:
  /// Without entries.
  Legend() = default;
  /// In as many columns as `width` has room for.
  Legend(const std::vector<const Axes*>& axes, double width);

  /// The room that it takes; 0 without entries.
  double width() const { return column_width_ * columns_; }
  double height() const;
  /// Draws it with its upper left corner at `at`.
  void draw(Svg& svg, Point at) const;

 private:
  struct Entry {
    std::string label;
    Stroke stroke;
    Marker marker = Marker::none;
    bool line = true;
  };
  void add(Entry entry);

  std::vector<Entry> entries_;
  int columns_ = 0;
  double column_width_ = 0.0;
};

}  // namespace plot
