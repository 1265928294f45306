#include "options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "validators.h"

namespace support {
namespace {

const CLI::Validator positive(
    [](const std::string& text) {
      char* end = nullptr;
      const double value = std::strtod(text.c_str(), &end);
      const bool right = *end == '\0' && value > 0.0 && std::isfinite(value);
      return right ? std::string() : text + " is not a finite number above 0";
    },
    "NUMBER > 0");

}  // namespace

CommandLine::CommandLine(const std::string& description)
    : app_(std::make_unique<CLI::App>(description)) {
  app_->option_defaults()->always_capture_default();
  auto* const out = app_->add_option("--out", common_.out, "Folder for the pictures (SVG)");
  app_->add_flag("--png", common_.png, "Write the pictures as PNG, too (needs rsvg-convert)")
      ->needs(out);
  app_->add_flag("--json", common_.json, "Print the figures as one JSON object, not as tables");
  app_->add_flag("--quick", common_.quick, "A smaller experiment that takes a second");
}

CommandLine::~CommandLine() = default;

void CommandLine::add(const std::string& name, std::int64_t& value, const std::string& help,
                      std::int64_t low, std::int64_t high) {
  app_->add_option(name, value, help)->check(CLI::Range(low, high));
}

void CommandLine::add(const std::string& name, double& value, const std::string& help) {
  app_->add_option(name, value, help)->check(positive);
}

void CommandLine::add(const std::string& name, std::vector<double>& values,
                      const std::string& help) {
  app_->add_option(name, values, help)->delimiter(',')->check(positive);
}

void CommandLine::add(const std::string& name, std::vector<std::int64_t>& values,
                      const std::string& help, std::int64_t low, std::int64_t high) {
  app_->add_option(name, values, help)->delimiter(',')->check(CLI::Range(low, high));
}

void CommandLine::add(const std::string& name, std::filesystem::path& path,
                      const std::string& help) {
  app_->add_option(name, path, help);
}

void CommandLine::add_seed(std::uint64_t& seed) {
  app_->add_option("--seed", seed, "Seed of all random numbers")->check(whole_number);
}

int CommandLine::run(int argc, char** argv, const std::function<void()>& program) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app_->exit(error) == 0 ? 0 : 1;
  }
  try {
    program();
    return 0;
  } catch (const std::exception& error) {
    const std::string name = std::filesystem::path(argv[0]).filename().string();
    fmt::print(stderr, "{}: {}\n", name, error.what());
    return 1;
  }
}

}  // namespace support
