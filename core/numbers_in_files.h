#pragma once

// The number formats of IDX and safetensors files, and reading them into tensors.

#include <bit>
#include <cstddef>
#include <functional>
#include <span>
#include <string>

namespace glissade {

enum class NumberFormat { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f16, bf16, f32, f64 };

/// The size of one number in bytes.
std::size_t size_of(NumberFormat format);

/// "16-bit brain float".
std::string to_string(NumberFormat format);

struct DecodeOptions {
  std::endian order = std::endian::little;
  /// Each number is multiplied by this (computed as double); must be 1 for integer results.
  double scale = 1;
  /// What stands in front of the messages of errors, such as the file's path.
  std::string what;
};

/// Reads `out.size()` numbers of the given format, each piece of their bytes by a call of
/// `next_bytes`, and converts them to T (float, double, std::int32_t or std::int64_t). Throws
/// std::runtime_error if a value does not fit: an integer has to be held exactly, a floating-point
/// number is rounded to the nearest but may not overflow, and is not converted to an integer.
template <class T>
void decode_numbers(NumberFormat format, const DecodeOptions& options,
                    const std::function<void(std::span<std::byte>)>& next_bytes, std::span<T> out);

}  // namespace glissade
