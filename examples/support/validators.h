// What CLI11 does not check by itself.
#pragma once

#include <CLI/CLI.hpp>

namespace support {

///@{
/// CLI11 takes NaN for a number in any range, and wraps -1 round to a large whole number.
extern const CLI::Validator number;
extern const CLI::Validator whole_number;
///@}

}  // namespace support
