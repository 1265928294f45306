// What an experiment hands out: tables or JSON on stdout, pictures in files.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "options.h"
#include "plot/figure.h"

// Compiled once, in report.cpp.
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace support {

/// A JSON value whose members stay in their order.
using Json = nlohmann::ordered_json;

/// A table of text. The first column is aligned to the left, the others to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  /// Throws std::invalid_argument unless there is one cell for each column.
  void row(std::vector<std::string> cells);
  /// The table with aligned columns and a rule under the header.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Collects the results of one experiment.
class Report {
 public:
  /// Makes the folder of the pictures.
  explicit Report(const CommonOptions& options);

  /// Prints a line, unless the results are wanted as JSON.
  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) const {
    if (!options_.json) fmt::print("{}\n", fmt::format(text, std::forward<Args>(args)...));
  }
  /// Prints a table, unless the results are wanted as JSON.
  void print(const Table& table) const;
  /// Writes `name`.svg, and with --png `name`.png, if there is a folder for them.
  void picture(const plot::Figure& figure, const std::string& name) const;
  /// Prints the JSON object, if it is wanted. To be called last.
  void finish() const;

  /// The figures, for --json. What is not finite becomes null.
  Json json = Json::object();

 private:
  CommonOptions options_;
};

/// A clock that can be stopped, so that measuring does not count.
class Stopwatch {
 public:
  void start() { begin_ = std::chrono::steady_clock::now(); }
  /// Adds the time since `start`.
  void stop() { total_ += std::chrono::steady_clock::now() - begin_; }
  double seconds() const { return std::chrono::duration<double>(total_).count(); }

 private:
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::duration total_{};
};

}  // namespace support
