#pragma once

// The header of a safetensors file: what it says, and how it is read.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "glissade/core/shape.h"
#include "numbers_in_files.h"

namespace glissade {

class BoundedReader;

/// The limit of the format on the length of the header.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;
/// The key of the header's free text.
inline constexpr std::string_view kMetadataKey = "__metadata__";

/// A type of elements that the format knows.
struct SafetensorsType {
  std::string_view name;
  std::uint64_t bits;
  /// Empty if Glissade does not read it.
  std::optional<NumberFormat> format;
};

/// Where a tensor is: its data are the bytes from `begin` to `end` after the header.
struct SafetensorsEntry {
  const SafetensorsType* type = nullptr;
  Shape shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<std::string> names;         // in the order of the header
  std::vector<SafetensorsEntry> entries;  // parallel to names
  std::map<std::string, std::string> metadata;
};

/// Parses and checks a header that is followed by `data_size` bytes; errors are reported by
/// `reader.fail`.
SafetensorsHeader parse_safetensors_header(const BoundedReader& reader, std::string_view text,
                                           std::uint64_t data_size);

/// Text from a file as a message can show it: in quotation marks, without control and non-ASCII
/// characters, and not too long.
std::string in_quotes(std::string_view text);

}  // namespace glissade
