#include "numbers_in_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace glissade {
namespace {

static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559);

// What is decompressed and converted at a time; it stays in the second-level cache.
constexpr std::size_t kPieceBytes = std::size_t{1} << 17;

// Formats that C++ has no type for, as their bits.
struct Boolean {
  std::uint8_t bits;
};
struct Half {
  std::uint16_t bits;
};
struct BrainFloat {
  std::uint16_t bits;
};

// IEEE 754 binary16: 1 sign bit, 5 of exponent (bias 15), 10 of fraction. Exact.
float to_float(Half half) {
  const std::uint32_t sign = (half.bits & 0x8000u) << 16;
  const std::uint32_t exponent = (half.bits >> 10) & 0x1fu;
  const std::uint32_t fraction = half.bits & 0x3ffu;
  if (exponent == 0) {  // zero, or subnormal: fraction * 2^-24
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t rebiased = exponent == 31 ? 255 : exponent + (127 - 15);
  return std::bit_cast<float>(sign | (rebiased << 23) | (fraction << 13));
}

// The upper half of a float. Exact.
float to_float(BrainFloat value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

template <class Wire>
auto to_number(Wire wire) {
  if constexpr (std::is_same_v<Wire, Half> || std::is_same_v<Wire, BrainFloat>) {
    return to_float(wire);
  } else if constexpr (std::is_same_v<Wire, Boolean>) {
    return wire.bits;
  } else {
    return wire;
  }
}

template <class Wire>
Wire load(const std::byte* bytes, bool swap) {
  std::byte copy[sizeof(Wire)];
  std::memcpy(copy, bytes, sizeof(Wire));
  if (swap) std::reverse(std::begin(copy), std::end(copy));
  Wire wire;
  std::memcpy(&wire, copy, sizeof(Wire));
  return wire;
}

// Whether every value of From is a value of To.
template <class To, class From>
constexpr bool always_fits() {
  if constexpr (std::floating_point<From>) {
    return sizeof(To) >= sizeof(From);
  } else {
    using Limits = std::numeric_limits<To>;
    return std::numeric_limits<From>::digits <= Limits::digits;
  }
}

template <class To, class From>
bool fits(From value) {
  if constexpr (always_fits<To, From>()) {
    return true;
  } else if constexpr (std::floating_point<From>) {
    return !std::isfinite(value) || std::abs(value) <= From{std::numeric_limits<To>::max()};
  } else if constexpr (std::integral<To>) {
    return std::in_range<To>(value);
  } else {  // an integer of which To has all significant bits
    auto magnitude = static_cast<std::uint64_t>(value);
    if constexpr (std::signed_integral<From>) {
      if (value < 0) magnitude = 0 - magnitude;
    }
    if (magnitude == 0) return true;
    const int bits = static_cast<int>(std::bit_width(magnitude)) - std::countr_zero(magnitude);
    return bits <= std::numeric_limits<To>::digits;
  }
}

template <class T>
constexpr const char* name_of() {
  if constexpr (std::is_same_v<T, float>) return "float";
  if constexpr (std::is_same_v<T, double>) return "double";
  if constexpr (std::is_same_v<T, std::int64_t>) return "std::int64_t";
  return "std::int32_t";
}

template <class T, class Number>
[[noreturn]] void fail_to_fit(const std::string& what, std::size_t index, Number value) {
  throw std::runtime_error(fmt::format("{}: element {} is {}, which is not a value of {}", what,
                                       index, value, name_of<T>()));
}

// Converts a piece of `out`, which begins at element `first` of the whole.
template <class Wire, class T>
void convert_piece(const DecodeOptions& options, const std::vector<std::byte>& bytes,
                   std::span<T> out, std::size_t first) {
  const bool swap = options.order != std::endian::native;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto number = to_number(load<Wire>(bytes.data() + i * sizeof(Wire), swap));
    if constexpr (std::is_same_v<Wire, Boolean>) {
      if (number > 1) {
        throw std::runtime_error(
            fmt::format("{}: element {} is the byte {}, which is not a boolean (0 or 1)",
                        options.what, first + i, number));
      }
    }
    if (!fits<T>(number)) fail_to_fit<T>(options.what, first + i, number);
    out[i] = static_cast<T>(number);
  }
}

template <class Wire, class T>
void convert_scaled_piece(const DecodeOptions& options, const std::vector<std::byte>& bytes,
                          std::span<T> out, std::size_t first) {
  const bool swap = options.order != std::endian::native;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto number = to_number(load<Wire>(bytes.data() + i * sizeof(Wire), swap));
    const double scaled = static_cast<double>(number) * options.scale;
    if (!fits<T>(scaled)) fail_to_fit<T>(options.what, first + i, scaled);
    out[i] = static_cast<T>(scaled);
  }
}

template <class Wire, class T>
void decode(const DecodeOptions& options,
            const std::function<void(std::span<std::byte>)>& next_bytes, std::span<T> out) {
  if constexpr (std::is_same_v<Wire, T>) {
    if (options.order == std::endian::native && options.scale == 1) {
      return next_bytes(std::as_writable_bytes(out));
    }
  }
  constexpr std::size_t kPiece = kPieceBytes / sizeof(Wire);
  std::vector<std::byte> bytes(std::min(kPiece, out.size()) * sizeof(Wire));
  for (std::size_t first = 0; first < out.size(); first += kPiece) {
    const std::span<T> piece = out.subspan(first, std::min(kPiece, out.size() - first));
    bytes.resize(piece.size() * sizeof(Wire));
    next_bytes(bytes);
    if (options.scale == 1) {
      convert_piece<Wire>(options, bytes, piece, first);
    } else {
      convert_scaled_piece<Wire>(options, bytes, piece, first);
    }
  }
}

template <class Wire, class T>
void decode_floating(NumberFormat format, const DecodeOptions& options,
                     const std::function<void(std::span<std::byte>)>& next_bytes,
                     std::span<T> out) {
  if constexpr (std::floating_point<T>) {
    decode<Wire>(options, next_bytes, out);
  } else {
    throw std::runtime_error(fmt::format("{}: holds {} numbers, which cannot be read as {}",
                                         options.what, to_string(format), name_of<T>()));
  }
}

}  // namespace

std::size_t size_of(NumberFormat format) {
  switch (format) {
    case NumberFormat::boolean:
    case NumberFormat::u8:
    case NumberFormat::i8:
      return 1;
    case NumberFormat::u16:
    case NumberFormat::i16:
    case NumberFormat::f16:
    case NumberFormat::bf16:
      return 2;
    case NumberFormat::u32:
    case NumberFormat::i32:
    case NumberFormat::f32:
      return 4;
    case NumberFormat::u64:
    case NumberFormat::i64:
    case NumberFormat::f64:
      return 8;
  }
  throw std::logic_error("size_of: not a number format");
}

std::string to_string(NumberFormat format) {
  switch (format) {
    case NumberFormat::boolean:
      return "boolean";
    case NumberFormat::u8:
    case NumberFormat::u16:
    case NumberFormat::u32:
    case NumberFormat::u64:
      return fmt::format("unsigned {}-bit integer", 8 * size_of(format));
    case NumberFormat::i8:
    case NumberFormat::i16:
    case NumberFormat::i32:
    case NumberFormat::i64:
      return fmt::format("{}-bit integer", 8 * size_of(format));
    case NumberFormat::bf16:
      return "16-bit brain floating-point";
    case NumberFormat::f16:
    case NumberFormat::f32:
    case NumberFormat::f64:
      return fmt::format("{}-bit floating-point", 8 * size_of(format));
  }
  throw std::logic_error("to_string: not a number format");
}

template <class T>
void decode_numbers(NumberFormat format, const DecodeOptions& options,
                    const std::function<void(std::span<std::byte>)>& next_bytes, std::span<T> out) {
  switch (format) {
    case NumberFormat::boolean:
      return decode<Boolean>(options, next_bytes, out);
    case NumberFormat::u8:
      return decode<std::uint8_t>(options, next_bytes, out);
    case NumberFormat::i8:
      return decode<std::int8_t>(options, next_bytes, out);
    case NumberFormat::u16:
      return decode<std::uint16_t>(options, next_bytes, out);
    case NumberFormat::i16:
      return decode<std::int16_t>(options, next_bytes, out);
    case NumberFormat::u32:
      return decode<std::uint32_t>(options, next_bytes, out);
    case NumberFormat::i32:
      return decode<std::int32_t>(options, next_bytes, out);
    case NumberFormat::u64:
      return decode<std::uint64_t>(options, next_bytes, out);
    case NumberFormat::i64:
      return decode<std::int64_t>(options, next_bytes, out);
    case NumberFormat::f16:
      return decode_floating<Half>(format, options, next_bytes, out);
    case NumberFormat::bf16:
      return decode_floating<BrainFloat>(format, options, next_bytes, out);
    case NumberFormat::f32:
      return decode_floating<float>(format, options, next_bytes, out);
    case NumberFormat::f64:
      return decode_floating<double>(format, options, next_bytes, out);
  }
}

template void decode_numbers(NumberFormat, const DecodeOptions&,
                             const std::function<void(std::span<std::byte>)>&, std::span<float>);
template void decode_numbers(NumberFormat, const DecodeOptions&,
                             const std::function<void(std::span<std::byte>)>&, std::span<double>);
template void decode_numbers(NumberFormat, const DecodeOptions&,
                             const std::function<void(std::span<std::byte>)>&,
                             std::span<std::int32_t>);
template void decode_numbers(NumberFormat, const DecodeOptions&,
                             const std::function<void(std::span<std::byte>)>&,
                             std::span<std::int64_t>);

}  // namespace glissade
