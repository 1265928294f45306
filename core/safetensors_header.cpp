#include "safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <unordered_set>

#include "glissade/core/bounded_reader.h"

namespace glissade {
namespace {

constexpr std::array<SafetensorsType, 22> kTypes{{
    {"F64", 64, NumberFormat::f64},
    {"F32", 32, NumberFormat::f32},
    {"F16", 16, NumberFormat::f16},
    {"BF16", 16, NumberFormat::bf16},
    {"I64", 64, NumberFormat::i64},
    {"U64", 64, NumberFormat::u64},
    {"I32", 32, NumberFormat::i32},
    {"U32", 32, NumberFormat::u32},
    {"I16", 16, NumberFormat::i16},
    {"U16", 16, NumberFormat::u16},
    {"I8", 8, NumberFormat::i8},
    {"U8", 8, NumberFormat::u8},
    {"BOOL", 8, NumberFormat::boolean},
    {"C64", 64, {}},
    {"F8_E4M3", 8, {}},
    {"F8_E5M2", 8, {}},
    {"F8_E8M0", 8, {}},
    {"F8_E4M3FNUZ", 8, {}},
    {"F8_E5M2FNUZ", 8, {}},
    {"F6_E2M3", 6, {}},
    {"F6_E3M2", 6, {}},
    {"F4", 4, {}},
}};

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result;
}

// Receives the header's JSON piece by piece. Nothing but the nesting that the format prescribes is
// accepted, so no input nests deeply; the parser itself does not recurse.
class HeaderParser final : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderParser(const BoundedReader& reader, SafetensorsHeader& header)
      : reader_(reader), header_(header) {}

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::before:
        place_ = Place::top;
        return true;
      case Place::entry_value:
        place_ = Place::entry;
        return true;
      case Place::metadata_value:
        place_ = Place::metadata;
        return true;
      default:
        unexpected("an object");
    }
  }

  bool end_object() override {
    switch (place_) {
      case Place::entry:
        finish_entry();
        [[fallthrough]];
      case Place::metadata:
        place_ = Place::top;
        return true;
      default:  // the end of the whole
        place_ = Place::after;
        return true;
    }
  }

  bool key(string_t& name) override {
    switch (place_) {
      case Place::top:
        if (name == kMetadataKey) {
          if (has_metadata_) reader_.fail("the header has {} twice", in_quotes(name));
          has_metadata_ = true;
          place_ = Place::metadata_value;
        } else {
          begin_entry(std::move(name));
        }
        return true;
      case Place::entry:
        begin_field(name);
        return true;
      default:  // metadata
        if (header_.metadata.contains(name)) {
          reader_.fail("the header's {} has {} twice", in_quotes(kMetadataKey), in_quotes(name));
        }
        key_ = std::move(name);
        place_ = Place::metadata_text;
        return true;
    }
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::shape_value) {
      place_ = Place::shape;
    } else if (place_ == Place::offsets_value) {
      place_ = Place::offsets;
    } else {
      unexpected("an array");
    }
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offsets && offsets_.size() != 2) {
      reader_.fail("the data_offsets of {} are {} numbers, not 2", name(), offsets_.size());
    }
    place_ = Place::entry;
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::dtype_value) {
      const auto type = std::find_if(kTypes.begin(), kTypes.end(),
                                     [&](const SafetensorsType& t) { return t.name == text; });
      if (type == kTypes.end()) {
        reader_.fail("the dtype of {} is {}, which is not known", name(), in_quotes(text));
      }
      entry().type = &*type;
      place_ = Place::entry;
    } else if (place_ == Place::metadata_text) {
      header_.metadata.emplace(std::move(key_), std::move(text));
      place_ = Place::metadata;
    } else {
      unexpected("a text");
    }
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::shape) {
      if (extents_.size() == Shape::kMaxRank) {
        reader_.fail("{} has more than {} axes, which is not supported", name(), Shape::kMaxRank);
      }
      if (value > static_cast<std::uint64_t>(std::numeric_limits<Index>::max())) {
        reader_.fail("the shape of {} has the impossible extent {}", name(), value);
      }
      extents_.push_back(static_cast<Index>(value));
    } else if (place_ == Place::offsets) {
      if (offsets_.size() == 2) {
        reader_.fail("the data_offsets of {} are more than 2 numbers", name());
      }
      offsets_.push_back(value);
    } else {
      unexpected("a number");
    }
    return true;
  }

  bool number_integer(number_integer_t value) override {
    return wrong_number(std::to_string(value));
  }
  bool number_float(number_float_t, const string_t& text) override { return wrong_number(text); }
  bool null() override { unexpected("null"); }
  bool boolean(bool value) override { unexpected(value ? "true" : "false"); }
  bool binary(binary_t&) override { unexpected("binary data"); }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) override {
    // Without nlohmann's own prefix "[json.exception.parse_error.101] ".
    std::string_view reason = error.what();
    if (const auto end = reason.find("] "); end != reason.npos) reason.remove_prefix(end + 2);
    constexpr std::size_t kLongest = 300;
    reader_.fail("the header is not valid JSON at byte {} of it: {}", position,
                 escaped(reason.substr(0, kLongest)));
  }

 private:
  // What has been read, and so what may come next.
  enum class Place {
    before,
    top,
    entry_value,
    entry,
    dtype_value,
    shape_value,
    shape,
    offsets_value,
    offsets,
    metadata_value,
    metadata,
    metadata_text,
    after
  };

  SafetensorsEntry& entry() { return header_.entries.back(); }
  std::string name() const { return in_quotes(header_.names.back()); }

  void begin_entry(std::string name) {
    if (!seen_.insert(name).second) reader_.fail("the header has {} twice", in_quotes(name));
    header_.names.push_back(std::move(name));
    header_.entries.emplace_back();
    extents_.clear();
    offsets_.clear();
    has_shape_ = has_offsets_ = false;
    place_ = Place::entry_value;
  }

  void begin_field(const std::string& field) {
    bool twice = false;
    if (field == "dtype") {
      twice = entry().type != nullptr;
      place_ = Place::dtype_value;
    } else if (field == "shape") {
      twice = std::exchange(has_shape_, true);
      place_ = Place::shape_value;
    } else if (field == "data_offsets") {
      twice = std::exchange(has_offsets_, true);
      place_ = Place::offsets_value;
    } else {
      reader_.fail("{} has the unknown field {}", name(), in_quotes(field));
    }
    if (twice) reader_.fail("{} has the field {} twice", name(), in_quotes(field));
  }

  // Checks that the entry is whole and that its shape, type and offsets agree.
  void finish_entry() {
    const char* missing = entry().type == nullptr ? "dtype"
                          : !has_shape_           ? "shape"
                          : !has_offsets_         ? "data_offsets"
                                                  : nullptr;
    if (missing != nullptr) reader_.fail("{} has no field \"{}\"", name(), missing);
    std::uint64_t bits = entry().type->bits;
    for (const Index extent : extents_) {
      if (__builtin_mul_overflow(bits, static_cast<std::uint64_t>(extent), &bits)) {
        reader_.fail("the shape of {} has an impossible size: ({})", name(),
                     fmt::join(extents_, ", "));
      }
    }
    entry().shape = Shape(std::span<const Index>(extents_));
    entry().begin = offsets_[0];
    entry().end = offsets_[1];
    if (entry().begin > entry().end) {
      reader_.fail("the data_offsets of {} go backwards: [{}, {}]", name(), entry().begin,
                   entry().end);
    }
    if (bits % 8 != 0 || entry().end - entry().begin != bits / 8) {
      reader_.fail("{} has the shape {} and the dtype {}, which take {} bits, but {} bytes of data",
                   name(), entry().shape, entry().type->name, bits, entry().end - entry().begin);
    }
  }

  bool wrong_number(const std::string& text) {
    if (place_ == Place::shape || place_ == Place::offsets) {
      reader_.fail("the {} of {} must be whole numbers from 0 to 2^64 - 1, not {}",
                   place_ == Place::shape ? "extents" : "data_offsets", name(), in_quotes(text));
    }
    unexpected("a number");
  }

  [[noreturn]] void unexpected(const char* found) {
    switch (place_) {
      case Place::before:
        reader_.fail("the header is {}, not an object", found);
      case Place::entry_value:
        reader_.fail("the header says {} where the object that describes {} should be", found,
                     name());
      case Place::metadata_value:
      case Place::metadata_text:
        reader_.fail("the header's {} must map texts to texts; it has {}", in_quotes(kMetadataKey),
                     found);
      default:
        reader_.fail("the header has {} in the wrong place in the description of {}", found,
                     name());
    }
  }

  const BoundedReader& reader_;
  SafetensorsHeader& header_;
  Place place_ = Place::before;
  std::unordered_set<std::string> seen_;
  std::string key_;
  std::vector<Index> extents_;
  std::vector<std::uint64_t> offsets_;
  bool has_shape_ = false;
  bool has_offsets_ = false;
  bool has_metadata_ = false;
};

// The tensors have to cover the data without holes and overlaps.
void check_layout(const BoundedReader& reader, const SafetensorsHeader& header,
                  std::uint64_t data_size) {
  std::vector<std::size_t> order(header.entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const SafetensorsEntry& x = header.entries[a];
    const SafetensorsEntry& y = header.entries[b];
    return std::pair(x.begin, x.end) < std::pair(y.begin, y.end);
  });
  std::uint64_t position = 0;
  for (const std::size_t i : order) {
    const SafetensorsEntry& entry = header.entries[i];
    if (entry.begin < position) {
      reader.fail("the data of {} begin at {}, inside those of another tensor, which end at {}",
                  in_quotes(header.names[i]), entry.begin, position);
    }
    if (entry.begin > position) {
      reader.fail("a hole of {} bytes is before the data of {}", entry.begin - position,
                  in_quotes(header.names[i]));
    }
    position = entry.end;
  }
  if (position > data_size) {
    reader.fail("truncated: the header describes {} bytes of data, the file has {}", position,
                data_size);
  }
  if (position < data_size) {
    reader.fail("has {} bytes of data after those that the header describes", data_size - position);
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(const BoundedReader& reader, std::string_view text,
                                           std::uint64_t data_size) {
  if (!text.starts_with('{')) {
    reader.fail("not a safetensors file: the header does not begin with '{{'");
  }
  // nlohmann takes a zero byte for the end of the text.
  if (const auto zero = text.find('\0'); zero != text.npos) {
    reader.fail("the header is not valid JSON: it has a zero byte at byte {} of it", zero + 1);
  }
  SafetensorsHeader header;
  HeaderParser parser(reader, header);
  nlohmann::json::sax_parse(text, &parser);
  check_layout(reader, header, data_size);
  return header;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 100;
  if (text.size() <= kLongest) return '"' + escaped(text) + '"';
  return '"' + escaped(text.substr(0, kLongest)) + "...\"";
}

}  // namespace glissade
