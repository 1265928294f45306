// Axes: one panel of a figure, with what is drawn in it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "contour.h"
#include "scale.h"
#include "style.h"

namespace plot {

/// Options of a panel.
struct AxesOptions {
  std::string title = {};    ///< above the panel
  std::string x_label = {};  ///< below it; with the unit, if there is one
  std::string y_label = {};  ///< left of it
  Scale x_scale = Scale::linear;
  Scale y_scale = Scale::linear;
  std::optional<Range> x_range = {};  ///< without it, what the lines need
  std::optional<Range> y_range = {};
};

/// Options of one line.
struct LineOptions {
  std::string label = {};    ///< in the legend; a line without one is not in it
  int style = -1;            ///< the number of its looks (`line_style`); -1: the next one
  bool line = true;          ///< join the points
  bool marker = true;        ///< mark some points, so that lines differ in black and white, too
  bool every_point = false;  ///< mark each point
  bool grey = false;         ///< thin, grey and dashed: for what lines are compared with
};

/// One panel.
class Axes {
 public:
  explicit Axes(AxesOptions options) : options_(std::move(options)) {}

  /// A line through (x[i], y[i]). It is interrupted where a value is not finite (or not positive on
  /// a log scale). Throws std::invalid_argument unless there are as many x as y.
  void line(std::vector<double> x, std::vector<double> y, LineOptions options = {});
  /// The same for y at 0, 1, 2, ...
  void line(const std::vector<double>& y, LineOptions options = {});
  /// Vertical bars from low[i] to high[i] at x[i], in the style of the line before.
  void intervals(std::vector<double> x, std::vector<double> low, std::vector<double> high);
  /// Thin grey lines where f(x, y) is one of the levels, under all else. A panel with contours has
  /// linear scales and both ranges. `label` is for the legend.
  void contours(Function f, std::vector<double> levels, std::string label = {});

  /// For Figure: what there is to draw.
  struct Line {
    std::vector<double> x;
    std::vector<double> y;
    LineOptions options;
    LineStyle style;
    std::vector<double> low;  // of the bars, if there are any
    std::vector<double> high;
  };
  struct Contours {
    Function f;
    std::vector<double> levels;
    std::string label;
  };
  const AxesOptions& options() const { return options_; }
  const std::vector<Line>& lines() const { return lines_; }
  const std::vector<Contours>& contour_sets() const { return contours_; }
  Range x_range() const;
  Range y_range() const;

 private:
  AxesOptions options_;
  std::vector<Line> lines_;
  std::vector<Contours> contours_;
  int next_style_ = 0;
};

}  // namespace plot
