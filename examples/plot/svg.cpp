#include "svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace plot {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

// Where the exponent behind a '^' ends: a sign, digits and letters.
std::size_t exponent_end(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  while (end < text.size() && ((end == begin && text[end] == '-') ||
                               std::isalnum(static_cast<unsigned char>(text[end])) != 0)) {
    ++end;
  }
  return end;
}

// "10^-3" with a raised and smaller exponent and a proper minus sign.
std::string with_exponents(std::string_view text, double size) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t hat = text.find('^', at);
    if (hat == std::string_view::npos) return result + escaped(text.substr(at));
    const std::size_t end = exponent_end(text, hat + 1);
    std::string_view exponent = text.substr(hat + 1, end - hat - 1);
    const bool negative = exponent.starts_with('-');
    if (negative) exponent.remove_prefix(1);
    result += escaped(text.substr(at, hat - at));
    result += fmt::format(R"(<tspan dy="{:.1f}" font-size="{:.1f}">{}{}</tspan>)", -0.4 * size,
                          0.75 * size, negative ? "\u2212" : "", escaped(exponent));
    // What follows goes back to the line: an empty tspan would not move it.
    std::string_view rest = text.substr(end);
    if (rest.empty()) return result;
    const std::size_t next = std::min(rest.find('^'), rest.size());
    result +=
        fmt::format(R"(<tspan dy="{:.1f}">{}</tspan>)", 0.4 * size, escaped(rest.substr(0, next)));
    at = end + next;
  }
  return result;
}

// Cuts a segment to the box (Liang and Barsky, 1984); false if nothing is left.
bool cut(Point& a, Point& b, const Box& box) {
  double begin = 0.0;
  double end = 1.0;
  const double dx = b.x - a.x;
  const double dy = b.y - a.y;
  const auto side = [&](double towards, double distance) {
    if (towards == 0.0) return distance >= 0.0;
    const double at = distance / towards;
    if (towards < 0.0) begin = std::max(begin, at);
    if (towards > 0.0) end = std::min(end, at);
    return begin <= end;
  };
  if (!side(-dx, a.x - box.left) || !side(dx, box.right - a.x) || !side(-dy, a.y - box.top) ||
      !side(dy, box.bottom - a.y)) {
    return false;
  }
  const Point from = a;
  a = {from.x + begin * dx, from.y + begin * dy};
  b = {from.x + end * dx, from.y + end * dy};
  return true;
}

double distance_to_segment(Point p, Point a, Point b) {
  const double dx = b.x - a.x;
  const double dy = b.y - a.y;
  const double square = dx * dx + dy * dy;
  const double along = ((p.x - a.x) * dx + (p.y - a.y) * dy) / square;
  const double share = square > 0.0 ? std::clamp(along, 0.0, 1.0) : 0.0;
  return std::hypot(p.x - a.x - share * dx, p.y - a.y - share * dy);
}

// The points that matter (Douglas and Peucker, 1973).
Polyline thinned(const Polyline& points, double tolerance) {
  std::vector<bool> keep(points.size(), false);
  keep.front() = keep.back() = true;
  std::vector<std::pair<std::size_t, std::size_t>> open{{0, points.size() - 1}};
  while (!open.empty()) {
    const auto [first, last] = open.back();
    open.pop_back();
    double largest = tolerance;
    std::size_t farthest = first;
    for (std::size_t i = first + 1; i < last; ++i) {
      const double distance = distance_to_segment(points[i], points[first], points[last]);
      if (distance > largest) {
        largest = distance;
        farthest = i;
      }
    }
    if (farthest == first) continue;
    keep[farthest] = true;
    open.emplace_back(first, farthest);
    open.emplace_back(farthest, last);
  }
  Polyline result;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (keep[i]) result.push_back(points[i]);
  }
  return result;
}

std::string attributes(const Stroke& stroke) {
  std::string text = fmt::format(R"(stroke="{}" stroke-width="{:g}")", stroke.colour, stroke.width);
  if (!stroke.dash.empty()) text += fmt::format(R"( stroke-dasharray="{}")", stroke.dash);
  return text;
}

std::string path_data(const Polyline& points) {
  std::string data;
  for (const Point& point : points) {
    data += fmt::format("{}{:.1f} {:.1f}", data.empty() ? "M" : "L", point.x, point.y);
  }
  return data;
}

}  // namespace

double text_width(std::string_view text, double size) {
  const std::string_view narrow = " ijlI.,:;'|!()[]ft-";
  const std::string_view wide = "mwMW@%";
  double ems = 0.0;
  std::size_t small_until = 0;  // an exponent
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((static_cast<unsigned char>(c) & 0xC0U) == 0x80U) continue;  // the rest of a character
    if (c == '^') {
      small_until = exponent_end(text, i + 1);
      continue;
    }
    const bool is_narrow = narrow.find(c) != std::string_view::npos;
    const bool is_wide = wide.find(c) != std::string_view::npos;
    ems += (i < small_until ? 0.75 : 1.0) * (is_narrow ? 0.38 : is_wide ? 0.95 : 0.64);
  }
  return ems * size;
}

Svg::Svg(double width, double height, std::string_view title) {
  body_ = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}" )"
      R"(viewBox="0 0 {0:.0f} {1:.0f}" role="img" font-family="sans-serif" xml:space="preserve">)"
      "\n<title>{2}</title>\n"
      R"(<rect width="{0:.0f}" height="{1:.0f}" fill="#fff"/>)"
      "\n",
      width, height, escaped(title));
}

void Svg::text(Point at, std::string_view text, const TextStyle& style) {
  const std::string_view anchor = style.anchor == Anchor::start    ? "start"
                                  : style.anchor == Anchor::middle ? "middle"
                                                                   : "end";
  body_ += fmt::format(R"(<text class="{}" x="{:.1f}" y="{:.1f}" font-size="{:g}" fill="{}")",
                       style.name, at.x, at.y, style.size, style.colour);
  if (style.anchor != Anchor::start) body_ += fmt::format(R"( text-anchor="{}")", anchor);
  if (style.bold) body_ += R"( font-weight="bold")";
  if (style.upright)
    body_ += fmt::format(R"svg( transform="rotate(-90 {:.1f} {:.1f})")svg", at.x, at.y);
  body_ += '>';
  body_ += with_exponents(text, style.size);
  body_ += "</text>\n";
}

void Svg::segment(Point from, Point to, const Stroke& stroke) {
  body_ +=
      fmt::format(R"(<path d="{}" fill="none" {}/>)", path_data({from, to}), attributes(stroke));
  body_ += '\n';
}

void Svg::line(const Polyline& points, const Box& box, const Stroke& stroke) {
  std::string data;
  Polyline piece;
  const auto end_piece = [&] {
    if (piece.size() > 1) data += path_data(thinned(piece, 0.25));
    piece.clear();
  };
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    Point a = points[i];
    Point b = points[i + 1];
    const bool finite =
        std::isfinite(a.x) && std::isfinite(a.y) && std::isfinite(b.x) && std::isfinite(b.y);
    if (!finite || !cut(a, b, box)) {
      end_piece();
      continue;
    }
    if (!piece.empty() && (piece.back().x != a.x || piece.back().y != a.y)) end_piece();
    if (piece.empty()) piece.push_back(a);
    piece.push_back(b);
  }
  end_piece();
  if (data.empty()) return;
  body_ += fmt::format(R"(<path d="{}" fill="none" stroke-linejoin="round" {}/>)", data,
                       attributes(stroke));
  body_ += '\n';
}

void Svg::marker(Point at, Marker marker, std::string_view colour) {
  const double r = 3.5;
  const auto path = [&](std::string_view data) {
    body_ +=
        fmt::format(R"(<path d="M{:.1f} {:.1f}{}" fill="{}" stroke="#fff" stroke-width="0.6"/>)",
                    at.x, at.y, data, colour);
    body_ += '\n';
  };
  switch (marker) {
    case Marker::none:
      break;
    case Marker::circle:
      body_ += fmt::format(
          R"(<circle cx="{:.1f}" cy="{:.1f}" r="{}" fill="{}" stroke="#fff" stroke-width="0.6"/>)",
          at.x, at.y, r, colour);
      body_ += '\n';
      break;
    case Marker::square:
      path("m-3.2 -3.2h6.4v6.4h-6.4z");
      break;
    case Marker::triangle:
      path("m0 -4.4l4.2 7.4h-8.4z");
      break;
    case Marker::diamond:
      path("m0 -4.6l4.2 4.6l-4.2 4.6l-4.2 -4.6z");
      break;
    case Marker::cross:
      body_ += fmt::format(
          R"(<path d="M{:.1f} {:.1f}m-3.2 -3.2l6.4 6.4m0 -6.4l-6.4 6.4" fill="none" stroke="{}" stroke-width="2"/>)",
          at.x, at.y, colour);
      body_ += '\n';
      break;
  }
}

void Svg::rectangle(const Box& box, const Stroke& stroke) {
  body_ += fmt::format(
      R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="none" {}/>)", box.left,
      box.top, box.right - box.left, box.bottom - box.top, attributes(stroke));
  body_ += '\n';
}

std::string Svg::finish() const { return body_ + "</svg>\n"; }

}  // namespace plot
