#include "report.h"

#include <glissade/core/check.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace support {
namespace {

// The number of characters, of which UTF-8 has one byte that is no continuation each.
std::size_t length(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

void Table::row(std::vector<std::string> cells) {
  glissade::check(cells.size() == rows_[0].size(), "table: {} cells for {} columns", cells.size(),
                  rows_[0].size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_[0].size(), 0);
  for (const auto& cells : rows_) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths[i] = std::max(widths[i], length(cells[i]));
  }
  std::string text;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::size_t total = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string space(widths[i] - length(rows_[r][i]), ' ');
      if (i > 0) text += "  ";
      text += i == 0 ? rows_[r][i] + (widths.size() > 1 ? space : "") : space + rows_[r][i];
      total += widths[i] + (i > 0 ? 2 : 0);
    }
    text += '\n';
    if (r == 0) text += std::string(total, '-') + '\n';
  }
  return text;
}

Report::Report(const CommonOptions& options) : options_(options) {
  if (!options_.out.empty()) std::filesystem::create_directories(options_.out);
}

void Report::print(const Table& table) const {
  if (!options_.json) fmt::print("\n{}\n", table.text());
}

void Report::picture(const plot::Figure& figure, const std::string& name) const {
  if (options_.out.empty()) return;
  const auto svg = options_.out / (name + ".svg");
  figure.write_svg(svg);
  say("wrote {}", svg.string());
  if (options_.png) {
    const auto png = options_.out / (name + ".png");
    plot::convert_to_png(svg, png);
    say("wrote {}", png.string());
  }
}

void Report::finish() const {
  if (options_.json) fmt::print("{}\n", json.dump(2));
}

}  // namespace support
