// An SVG document under construction: lines, markers and text, in pixels from the upper left.
#pragma once

#include <string>
#include <string_view>

#include "contour.h"

namespace plot {

/// What marks a point of a line.
enum class Marker { none, circle, square, triangle, diamond, cross };

/// Where a text is with respect to its position.
enum class Anchor { start, middle, end };

/// How a text is written.
struct TextStyle {
  double size = 12.0;             ///< the height of the letters, in pixels
  Anchor anchor = Anchor::start;  ///< where the position is
  bool bold = false;              ///< as titles are
  bool upright = false;           ///< turned by 90 degrees, to be read from the right
  std::string_view colour = "#222";
  std::string_view name = "text";  ///< the class of the element: "x-label"
};

/// How a line is drawn.
struct Stroke {
  std::string colour = "#222";
  double width = 1.0;
  std::string dash = {};  ///< lengths drawn and left out, in pixels: "6 3"; empty: all drawn
};

/// The rectangle that lines are cut to.
struct Box {
  double left = 0.0;
  double top = 0.0;
  double right = 0.0;
  double bottom = 0.0;
};

/// The width of a text in pixels, a little more than what usual sans-serif fonts need.
double text_width(std::string_view text, double size);

/// The document.
class Svg {
 public:
  /// An empty picture with a white background; `title` is what screen readers say.
  Svg(double width, double height, std::string_view title);

  /// A text; "10^-3" has a raised exponent.
  void text(Point at, std::string_view text, const TextStyle& style);
  /// A straight line.
  void segment(Point from, Point to, const Stroke& stroke);
  /// A line through points, cut to `box`, interrupted where a coordinate is not finite. Points that
  /// change it by less than a quarter of a pixel are left out.
  void line(const Polyline& points, const Box& box, const Stroke& stroke);
  /// A marker of a few pixels.
  void marker(Point at, Marker marker, std::string_view colour);
  /// The outline of a rectangle.
  void rectangle(const Box& box, const Stroke& stroke);

  /// The whole document.
  std::string finish() const;

 private:
  std::string body_;
};

}  // namespace plot
