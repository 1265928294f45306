#include "validators.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace support {

const CLI::Validator number(
    [](const std::string& text) {
      return std::isnan(std::strtod(text.c_str(), nullptr)) ? text + " is not a number" : "";
    },
    "");
const CLI::Validator whole_number(
    [](const std::string& text) {
      std::uint64_t value = 0;
      const char* const end = text.data() + text.size();
      const auto [stop, error] = std::from_chars(text.data(), end, value);
      const bool right = error == std::errc() && stop == end;
      return right ? "" : text + " is not a whole number from 0 to 2^64 - 1";
    },
    "");

}  // namespace support
