// Figure: panels in rows, written as SVG or PNG.
//
//     plot::Figure figure({.title = "A parabola"});
//     auto& axes = figure.add({.x_label = "x", .y_label = "y"});
//     axes.line({-1, 0, 1}, {1, 0, 1}, {.label = "x^2"});
//     figure.write_svg("parabola.svg");
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "axes.h"

namespace plot {

/// Options of a figure.
struct FigureOptions {
  std::string title = {};      ///< above all panels
  int columns = 1;             ///< panels in a row; at least 1
  double panel_width = 420.0;  ///< of one panel with its labels, in pixels
  double panel_height = 320.0;
  /// One legend below the title for all panels, in which lines of the same label appear once;
  /// without it, each panel has its own above it.
  bool shared_legend = false;
};

/// A figure.
class Figure {
 public:
  /// Throws std::invalid_argument unless columns is at least 1.
  explicit Figure(FigureOptions options);

  /// Adds a panel: the next in its row, or the first of a new row. The reference stays valid.
  Axes& add(AxesOptions options);

  /// The figure as an SVG document.
  std::string svg() const;
  /// Writes the SVG document. Throws std::runtime_error if that fails.
  void write_svg(const std::filesystem::path& path) const;

 private:
  FigureOptions options_;
  std::vector<std::unique_ptr<Axes>> panels_;
};

/// Makes a PNG file of an SVG file, with the program rsvg-convert. Throws std::runtime_error if it
/// is not installed or fails.
void convert_to_png(const std::filesystem::path& svg, const std::filesystem::path& png);

}  // namespace plot
