#include "contour.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <utility>

namespace plot {
namespace {

// The values of f - level at the corners of the cells.
class Grid {
 public:
  Grid(const Function& f, const Range& x, const Range& y, double level, int cells)
      : x_(x), y_(y), cells_(cells) {
    values_.reserve(static_cast<std::size_t>(cells + 1) * static_cast<std::size_t>(cells + 1));
    for (int j = 0; j <= cells; ++j) {
      for (int i = 0; i <= cells; ++i) {
        const Point at = corner(i, j);
        const double value = f(at.x, at.y) - level;
        values_.push_back(std::isfinite(value) ? value : std::numeric_limits<double>::max());
      }
    }
  }

  double value(int i, int j) const { return values_[index(i, j)]; }
  bool high(int i, int j) const { return value(i, j) > 0.0; }

  // The sides are numbered: those from a corner to the right are even, upwards odd.
  std::size_t right_of(int i, int j) const { return 2 * index(i, j); }
  std::size_t above(int i, int j) const { return 2 * index(i, j) + 1; }

  // Where the line crosses a side.
  Point crossing(std::size_t side) const {
    const std::size_t width = static_cast<std::size_t>(cells_) + 1;
    const int i = static_cast<int>(side / 2 % width);
    const int j = static_cast<int>(side / 2 / width);
    const int to_i = side % 2 == 0 ? i + 1 : i;
    const int to_j = side % 2 == 0 ? j : j + 1;
    const double a = value(i, j);
    const double b = value(to_i, to_j);
    const double share = a / (a - b);
    const Point from = corner(i, j);
    const Point to = corner(to_i, to_j);
    return {from.x + share * (to.x - from.x), from.y + share * (to.y - from.y)};
  }

 private:
  std::size_t index(int i, int j) const {
    return static_cast<std::size_t>(j) * (static_cast<std::size_t>(cells_) + 1) +
           static_cast<std::size_t>(i);
  }
  Point corner(int i, int j) const {
    return {x_.low + (x_.high - x_.low) * i / cells_, y_.low + (y_.high - y_.low) * j / cells_};
  }

  Range x_;
  Range y_;
  int cells_;
  std::vector<double> values_;
};

using Segment = std::pair<std::size_t, std::size_t>;  // two sides of one cell

// The pieces of the line in the cell whose lower left corner is (i, j).
void march(const Grid& grid, int i, int j, std::vector<Segment>& segments) {
  const std::array<bool, 4> high{grid.high(i, j), grid.high(i + 1, j), grid.high(i + 1, j + 1),
                                 grid.high(i, j + 1)};  // counter-clockwise
  const std::array<std::size_t, 4> sides{grid.right_of(i, j), grid.above(i + 1, j),
                                         grid.right_of(i, j + 1), grid.above(i, j)};
  std::array<std::size_t, 4> crossed{};
  std::size_t count = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    if (high[k] != high[(k + 1) % 4]) crossed[count++] = sides[k];
  }
  if (count == 2) segments.emplace_back(crossed[0], crossed[1]);
  if (count == 4) {
    const double middle = grid.value(i, j) / 4 + grid.value(i + 1, j) / 4 +
                          grid.value(i + 1, j + 1) / 4 + grid.value(i, j + 1) / 4;
    if ((middle > 0.0) == high[0]) {  // corners 0 and 2 are joined: cut off corners 1 and 3
      segments.emplace_back(sides[0], sides[1]);
      segments.emplace_back(sides[2], sides[3]);
    } else {
      segments.emplace_back(sides[3], sides[0]);
      segments.emplace_back(sides[1], sides[2]);
    }
  }
}

// Follows the segments from side to side. Each side has at most two: one for each cell it bounds.
std::vector<Polyline> join(const Grid& grid, const std::vector<Segment>& segments) {
  std::map<std::size_t, std::vector<std::size_t>> at_side;
  for (std::size_t s = 0; s < segments.size(); ++s) {
    at_side[segments[s].first].push_back(s);
    at_side[segments[s].second].push_back(s);
  }
  std::vector<bool> used(segments.size(), false);
  const auto follow = [&](std::size_t start) {
    Polyline line{grid.crossing(start)};
    for (std::size_t side = start;;) {
      const auto& here = at_side.at(side);
      const auto next = std::find_if(here.begin(), here.end(), [&](auto s) { return !used[s]; });
      if (next == here.end()) return line;
      used[*next] = true;
      const auto [first, second] = segments[*next];
      side = side == first ? second : first;
      line.push_back(grid.crossing(side));
    }
  };
  std::vector<Polyline> lines;
  for (const auto& [side, here] : at_side) {  // the lines that end at the border first
    if (here.size() == 1 && !used[here[0]]) lines.push_back(follow(side));
  }
  for (std::size_t s = 0; s < segments.size(); ++s) {
    if (!used[s]) lines.push_back(follow(segments[s].first));
  }
  return lines;
}

}  // namespace

std::vector<Polyline> contour(const Function& f, const Range& x, const Range& y, double level,
                              int cells) {
  const Grid grid(f, x, y, level, cells);
  std::vector<Segment> segments;
  for (int j = 0; j < cells; ++j) {
    for (int i = 0; i < cells; ++i) march(grid, i, j, segments);
  }
  return join(grid, segments);
}

}  // namespace plot
