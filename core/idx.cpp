#include "glissade/core/idx.h"

#include <array>
#include <concepts>
#include <cstdint>
#include <new>
#include <optional>
#include <vector>

#include "glissade/core/bounded_reader.h"
#include "numbers_in_files.h"

namespace glissade {
namespace {

struct IdxHeader {
  NumberFormat format;
  std::vector<Index> extents;
};

std::optional<NumberFormat> format_of(std::uint8_t code) {
  switch (code) {
    case 0x08:
      return NumberFormat::u8;
    case 0x09:
      return NumberFormat::i8;
    case 0x0b:
      return NumberFormat::i16;
    case 0x0c:
      return NumberFormat::i32;
    case 0x0d:
      return NumberFormat::f32;
    case 0x0e:
      return NumberFormat::f64;
    default:
      return std::nullopt;
  }
}

IdxHeader read_header(BoundedReader& reader) {
  std::array<std::uint8_t, 4> magic{};
  reader.read(std::as_writable_bytes(std::span(magic)));
  if (magic[0] != 0 || magic[1] != 0) {
    reader.fail("not an IDX file: it begins with the bytes {:02x} {:02x}, not with 00 00", magic[0],
                magic[1]);
  }
  const std::optional<NumberFormat> format = format_of(magic[2]);
  if (!format) {
    reader.fail("not an IDX file: {:02x} is not the code of a type of elements", magic[2]);
  }
  const int rank = magic[3];
  if (rank == 0 || rank > Shape::kMaxRank) {
    reader.fail("has {} axes; from 1 to {} are supported", rank, Shape::kMaxRank);
  }
  IdxHeader header{*format, {}};
  for (int axis = 0; axis < rank; ++axis) {
    header.extents.push_back(reader.read_big_endian<std::uint32_t>());
  }
  return header;
}

// The product of two sizes that the header claims; fails if 63 bits do not hold it.
Index product(const BoundedReader& reader, const IdxHeader& header, Index a, Index b) {
  Index result = 0;
  if (__builtin_mul_overflow(a, b, &result)) {
    reader.fail("claims an impossible shape: ({})", fmt::join(header.extents, ", "));
  }
  return result;
}

}  // namespace

template <class T>
Tensor<T> read_idx(const std::filesystem::path& path, const IdxOptions& options) {
  check(options.scale == 1 || std::floating_point<T>,
        "read_idx: a scale of {} needs a floating-point result", options.scale);
  BoundedReader reader(path, BoundedReader::Compression::detect_gzip);
  const IdxHeader header = read_header(reader);
  const Index rows = header.extents.front();
  Index columns = 1;
  for (std::size_t i = 1; i < header.extents.size(); ++i) {
    columns = product(reader, header, columns, header.extents[i]);
  }
  const Index size = product(reader, header, rows, columns);
  const auto width = static_cast<Index>(size_of(header.format));
  reader.require(static_cast<std::uint64_t>(product(reader, header, size, width)));

  const Shape shape = options.flatten ? Shape{rows, columns} : Shape(header.extents);
  Tensor<T> tensor;
  try {
    tensor.resize(shape);
  } catch (const std::bad_alloc&) {
    reader.fail("there is not enough memory for the shape {}", shape);
  }
  decode_numbers<T>(
      header.format, {.order = std::endian::big, .scale = options.scale, .what = path.string()},
      [&](std::span<std::byte> out) { reader.read(out); }, tensor.span());
  reader.expect_end();
  return tensor;
}

template Tensor<float> read_idx(const std::filesystem::path&, const IdxOptions&);
template Tensor<double> read_idx(const std::filesystem::path&, const IdxOptions&);
template Tensor<std::int32_t> read_idx(const std::filesystem::path&, const IdxOptions&);

}  // namespace glissade
