// Contour lines of a function of two variables, by marching squares.
#pragma once

#include <functional>
#include <vector>

#include "scale.h"

namespace plot {

/// A point of the plane, in the units of the axes.
struct Point {
  double x = 0.0;
  double y = 0.0;
};

/// A line through several points.
using Polyline = std::vector<Point>;

/// A function of the plane.
using Function = std::function<double(double, double)>;

/// The lines on which f is `level`, closed ones with the first point again at the end. f is
/// evaluated at the corners of cells x cells equal rectangles that fill the two ranges, and taken
/// as linear along their sides; where a rectangle has two ways to join its crossings (a saddle),
/// its middle decides. Corners where f is not finite count as high.
std::vector<Polyline> contour(const Function& f, const Range& x, const Range& y, double level,
                              int cells = 240);

}  // namespace plot
