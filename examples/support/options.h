// The command line of an experiment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// CLI11 takes 10 s to compile, so that only options.cpp includes it.
namespace CLI {
class App;
}

namespace support {

/// Options of every experiment.
struct CommonOptions {
  std::filesystem::path out;  ///< where the pictures go; empty: nowhere
  bool png = false;           ///< also as PNG
  bool json = false;          ///< figures as JSON instead of tables
  bool quick = false;         ///< smaller, for tests
};

/// Reads a command line:
///
///     support::CommandLine line("Experiment 2: a parabola.");
///     line.add("--steps", steps, "Steps to make", 1, 1000);
///     return line.run(argc, argv, [&] { experiment(line.common(), steps); });
class CommandLine {
 public:
  /// Has the options --out, --png, --json and --quick.
  explicit CommandLine(const std::string& description);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// A whole number from `low` to `high`. The variable holds the default, as in all that follow,
  /// and must live until `run`.
  void add(const std::string& name, std::int64_t& value, const std::string& help, std::int64_t low,
           std::int64_t high);
  /// A finite number above 0.
  void add(const std::string& name, double& value, const std::string& help);
  /// Finite numbers above 0, separated by commas.
  void add(const std::string& name, std::vector<double>& values, const std::string& help);
  /// Whole numbers from `low` to `high`, separated by commas.
  void add(const std::string& name, std::vector<std::int64_t>& values, const std::string& help,
           std::int64_t low, std::int64_t high);
  /// A file or folder.
  void add(const std::string& name, std::filesystem::path& path, const std::string& help);
  /// --seed.
  void add_seed(std::uint64_t& seed);

  /// The common options, valid in `run`.
  const CommonOptions& common() const { return common_; }

  /// Reads the arguments and runs `program`. The result is main's: 0, or 1 after a sentence on
  /// stderr if an argument is wrong or the program throws.
  int run(int argc, char** argv, const std::function<void()>& program);

 private:
  std::unique_ptr<CLI::App> app_;
  CommonOptions common_;
};

}  // namespace support
