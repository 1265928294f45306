#include "figure.h"

#include <glissade/core/atomic_file.h>
#include <glissade/core/check.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "legend.h"
#include "svg.h"

namespace plot {
namespace {

constexpr double kTickSize = 11.0;
constexpr double kLabelSize = 12.0;
constexpr double kTitleSize = 13.0;
constexpr double kFigureTitleSize = 15.0;

double widest(const std::vector<Tick>& all) {
  double width = 0.0;
  for (const Tick& tick : all) width = std::max(width, text_width(tick.label, kTickSize));
  return width;
}

// Draws one panel into the rectangle `cell`.
class Panel {
 public:
  Panel(Svg& svg, const Axes& axes, const Box& cell, bool own_legend)
      : svg_(svg),
        axes_(axes),
        options_(axes.options()),
        x_range_(axes.x_range()),
        y_range_(axes.y_range()) {
    double top = cell.top + 8.0;
    if (!options_.title.empty()) {
      title_at_ = top + kTitleSize;
      top += kTitleSize + 8.0;
    }
    if (own_legend) legend_ = Legend({&axes}, cell.right - cell.left - 60.0);
    legend_at_ = top;
    top += legend_.height();
    const double bottom = cell.bottom - (options_.x_label.empty() ? 24.0 : 42.0);
    y_ticks_ =
        ticks(y_range_, options_.y_scale, std::max(2, static_cast<int>((bottom - top) / 32)));
    const double left = cell.left + widest(y_ticks_) + (options_.y_label.empty() ? 14.0 : 32.0);
    box_ = {left, top, cell.right - 14.0, bottom};
    int count = std::max(2, static_cast<int>((box_.right - box_.left) / 45));
    x_ticks_ = ticks(x_range_, options_.x_scale, count);
    while (count > 1 && crowded()) x_ticks_ = ticks(x_range_, options_.x_scale, --count);
    label_at_ = cell.left + 14.0;
  }

  void draw() {
    draw_grid();
    for (const auto& set : axes_.contour_sets()) draw_contours(set);
    for (const auto& line : axes_.lines()) draw_line(line);
    svg_.rectangle(box_, {.colour = "#444", .width = 1.0, .dash = ""});
    draw_markers();
    draw_texts();
    legend_.draw(svg_, {box_.left, legend_at_});
  }

 private:
  double to_x(double value) const {
    return box_.left + (box_.right - box_.left) * position(value, x_range_, options_.x_scale);
  }
  double to_y(double value) const {
    return box_.bottom - (box_.bottom - box_.top) * position(value, y_range_, options_.y_scale);
  }

  // Whether labels of the x axis would touch.
  bool crowded() const {
    double end = -1e9;
    for (const Tick& tick : x_ticks_) {
      if (tick.label.empty()) continue;
      const double half = 0.5 * text_width(tick.label, kTickSize);
      if (to_x(tick.value) - half < end + 4.0) return true;
      end = to_x(tick.value) + half;
    }
    return false;
  }

  void draw_grid() {
    const Stroke grid{.colour = "#e6e6e6", .width = 0.8, .dash = ""};
    const Stroke mark{.colour = "#444", .width = 1.0, .dash = ""};
    for (const Tick& tick : x_ticks_) {
      const double x = to_x(tick.value);
      const bool main = !tick.label.empty();
      if (main && axes_.contour_sets().empty()) {
        svg_.segment({x, box_.top}, {x, box_.bottom}, grid);
      }
      svg_.segment({x, box_.bottom}, {x, box_.bottom + (main ? 5.0 : 3.0)}, mark);
      if (main) {
        svg_.text({x, box_.bottom + 18.0}, tick.label,
                  {.size = kTickSize, .anchor = Anchor::middle, .name = "tick"});
      }
    }
    for (const Tick& tick : y_ticks_) {
      const double y = to_y(tick.value);
      const bool main = !tick.label.empty();
      if (main && axes_.contour_sets().empty()) {
        svg_.segment({box_.left, y}, {box_.right, y}, grid);
      }
      svg_.segment({box_.left - (main ? 5.0 : 3.0), y}, {box_.left, y}, mark);
      if (main) {
        svg_.text({box_.left - 7.0, y + 0.35 * kTickSize}, tick.label,
                  {.size = kTickSize, .anchor = Anchor::end, .name = "tick"});
      }
    }
  }

  void draw_contours(const Axes::Contours& set) {
    for (const double level : set.levels) {
      for (Polyline& points : contour(set.f, x_range_, y_range_, level)) {
        for (Point& point : points) point = {to_x(point.x), to_y(point.y)};
        svg_.line(points, box_, kContourStroke);
      }
    }
  }

  void draw_line(const Axes::Line& line) {
    const Stroke stroke = stroke_of(line);
    if (line.options.line) {
      Polyline points;
      points.reserve(line.x.size());
      for (std::size_t i = 0; i < line.x.size(); ++i) {
        points.push_back({to_x(line.x[i]), to_y(line.y[i])});
      }
      svg_.line(points, box_, stroke);
    }
    for (std::size_t i = 0; i < line.low.size(); ++i) {
      const double x = to_x(line.x[i]);
      const Stroke bar{.colour = stroke.colour, .width = 1.2, .dash = ""};
      for (const double end : {line.low[i], line.high[i]}) {
        svg_.line({{x - 3.0, to_y(end)}, {x + 3.0, to_y(end)}}, box_, bar);
      }
      svg_.line({{x, to_y(line.low[i])}, {x, to_y(line.high[i])}}, box_, bar);
    }
  }

  bool inside(Point at) const {
    const double slack = 0.5;
    return at.x >= box_.left - slack && at.x <= box_.right + slack && at.y >= box_.top - slack &&
           at.y <= box_.bottom + slack;
  }

  // The markers of each line begin elsewhere, so that lines on top of each other show both.
  void draw_markers() {
    const double spacing = 60.0;
    int number = 0;
    for (const auto& line : axes_.lines()) {
      const bool all = line.options.every_point || !line.options.line;
      double walked = all ? spacing : spacing * (0.3 + 0.17 * (number++ % 5));
      Point before{};
      for (std::size_t i = 0; i < line.x.size(); ++i) {
        const Point at{to_x(line.x[i]), to_y(line.y[i])};
        if (!std::isfinite(at.x) || !std::isfinite(at.y) || !inside(at)) continue;
        if (i > 0) walked += std::min(std::hypot(at.x - before.x, at.y - before.y), spacing);
        before = at;
        if (!all && walked < spacing) continue;
        svg_.marker(at, line.style.marker, line.style.colour);
        walked = 0.0;
      }
    }
  }

  void draw_texts() {
    const double middle_x = 0.5 * (box_.left + box_.right);
    const double middle_y = 0.5 * (box_.top + box_.bottom);
    if (!options_.title.empty()) {
      svg_.text(
          {middle_x, title_at_}, options_.title,
          {.size = kTitleSize, .anchor = Anchor::middle, .bold = true, .name = "panel-title"});
    }
    if (!options_.x_label.empty()) {
      svg_.text({middle_x, box_.bottom + 36.0}, options_.x_label,
                {.size = kLabelSize, .anchor = Anchor::middle, .name = "x-label"});
    }
    if (!options_.y_label.empty()) {
      svg_.text({label_at_, middle_y}, options_.y_label,
                {.size = kLabelSize, .anchor = Anchor::middle, .upright = true, .name = "y-label"});
    }
  }

  Svg& svg_;
  const Axes& axes_;
  const AxesOptions& options_;
  Range x_range_;
  Range y_range_;
  Box box_;
  std::vector<Tick> x_ticks_;
  std::vector<Tick> y_ticks_;
  Legend legend_;
  double legend_at_ = 0.0;
  double title_at_ = 0.0;
  double label_at_ = 0.0;
};

}  // namespace

Figure::Figure(FigureOptions options) : options_(std::move(options)) {
  glissade::check(options_.columns >= 1, "figure: {} columns", options_.columns);
}

Axes& Figure::add(AxesOptions options) {
  panels_.push_back(std::make_unique<Axes>(std::move(options)));
  return *panels_.back();
}

std::string Figure::svg() const {
  const auto columns = static_cast<std::size_t>(options_.columns);
  const std::size_t rows = (panels_.size() + columns - 1) / columns;
  const double width = options_.panel_width * static_cast<double>(columns);
  double top = options_.title.empty() ? 0.0 : kFigureTitleSize + 14.0;
  Legend shared;
  if (options_.shared_legend) {
    std::vector<const Axes*> all;
    for (const auto& panel : panels_) all.push_back(panel.get());
    shared = Legend(all, width - 40.0);
  }
  const double legend_at = top + (shared.height() > 0.0 ? 6.0 : 0.0);
  top = legend_at + shared.height();
  Svg svg(width, top + options_.panel_height * static_cast<double>(rows), options_.title);
  if (!options_.title.empty()) {
    svg.text({0.5 * width, kFigureTitleSize + 6.0}, options_.title,
             {.size = kFigureTitleSize, .anchor = Anchor::middle, .bold = true, .name = "title"});
  }
  shared.draw(svg, {0.5 * (width - shared.width()), legend_at});
  for (std::size_t i = 0; i < panels_.size(); ++i) {
    const double left = options_.panel_width * static_cast<double>(i % columns);
    const double upper = top + options_.panel_height * static_cast<double>(i / columns);
    const Box cell{left, upper, left + options_.panel_width, upper + options_.panel_height};
    Panel(svg, *panels_[i], cell, !options_.shared_legend).draw();
  }
  return svg.finish();
}

void Figure::write_svg(const std::filesystem::path& path) const {
  glissade::AtomicFile file(path);
  file.write(svg());
  file.commit();
}

}  // namespace plot
