// What tells one line from another: colour, dashes and marker together, so that a picture can be
// read by colour-blind people and in black and white.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "svg.h"

namespace plot {

/// The looks of a line.
struct LineStyle {
  std::string colour = {};
  std::string dash = {};  ///< see Stroke::dash
  Marker marker = Marker::none;
};

/// The looks of line number 0, 1, ... of a panel; they repeat after 35. The colours are those of
/// Okabe and Ito (2008) that can be seen on white; the dashes repeat after 5.
inline LineStyle line_style(int number) {
  static const std::array<const char*, 7> colours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                  "#000000", "#e69f00", "#56b4e9"};
  static const std::array<const char*, 5> dashes{"", "7 3", "2 2.5", "8 3 2 3", "12 3"};
  static const std::array<Marker, 5> markers{Marker::circle, Marker::square, Marker::triangle,
                                             Marker::diamond, Marker::cross};
  const auto i = static_cast<std::size_t>(number);
  return {colours[i % colours.size()], dashes[i % dashes.size()], markers[i % markers.size()]};
}

}  // namespace plot
