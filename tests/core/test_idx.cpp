// read_idx: Fashion-MNIST as Debian ships it, every element type, and every kind of damage.

#include <glissade/core/idx.h>

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>

#include "catch.h"
#include "core/files.h"

using files::big_endian;
using files::error_of;
using files::TemporaryFolder;
using glissade::Index;
using glissade::read_idx;
using glissade::Shape;
using glissade::Tensor;

namespace {

// From Debian's package dataset-fashion-mnist, which scripts/bootstrap installs.
const std::filesystem::path kFashion = "/usr/share/datasets/fashion-mnist";

std::string header(int type, std::initializer_list<std::uint32_t> extents) {
  std::string bytes = big_endian(static_cast<std::uint64_t>(type) << 8 | extents.size(), 4);
  for (const std::uint32_t extent : extents) bytes += big_endian(extent, 4);
  return bytes;
}

std::string floats(std::initializer_list<float> values) {
  std::string bytes;
  for (const float value : values) bytes += big_endian(std::bit_cast<std::uint32_t>(value), 4);
  return bytes;
}

std::string doubles(std::initializer_list<double> values) {
  std::string bytes;
  for (const double value : values) bytes += big_endian(std::bit_cast<std::uint64_t>(value), 8);
  return bytes;
}

// Writes a file and reads it again.
template <class T>
Tensor<T> read_bytes(const std::string& bytes, const glissade::IdxOptions& options = {}) {
  const TemporaryFolder folder;
  return read_idx<T>(files::write(folder / "x.idx", bytes), options);
}

// The message of reading such a file, without the path in front.
template <class T>
std::string error_for(const std::string& bytes, const glissade::IdxOptions& options = {}) {
  const TemporaryFolder folder;
  const auto path = files::write(folder / "x.idx", bytes);
  const std::string message = error_of([&] { read_idx<T>(path, options); });
  const std::string prefix = path.string() + ": ";
  return message.starts_with(prefix) ? message.substr(prefix.size()) : "without path: " + message;
}

}  // namespace

// The expected values were computed from the same files with Python's gzip module.
TEST_CASE("idx: the training images of Fashion-MNIST") {
  const auto images = read_idx<float>(kFashion / "train-images-idx3-ubyte.gz");
  REQUIRE(images.shape() == Shape{60000, 28, 28});
  double sum = 0;
  for (const float pixel : images) sum += static_cast<double>(pixel);
  CHECK(sum == 3431114169.0);
  const std::array<float, 8> row{99, 244, 222, 220, 218, 203, 198, 221};
  for (int i = 0; i < 8; ++i) CHECK(images(0, 12, 12 + i) == row[static_cast<std::size_t>(i)]);
  const std::array<float, 10> last{0, 0, 0, 0, 0, 37, 91, 0, 0, 86};
  for (int i = 0; i < 10; ++i) CHECK(images(59999, 16, i) == last[static_cast<std::size_t>(i)]);
}

TEST_CASE("idx: the test images of Fashion-MNIST, flattened and scaled") {
  const auto images = read_idx<float>(kFashion / "t10k-images-idx3-ubyte.gz",
                                      {.scale = 1.0 / 255, .flatten = true});
  REQUIRE(images.shape() == Shape{10000, 784});
  double sum = 0;
  for (const float pixel : images) sum += static_cast<double>(pixel);
  CHECK(sum == Approx(573469082.0 / 255).epsilon(1e-7));
  const std::array<float, 8> row{0, 0, 115, 114, 106, 137, 168, 153};
  for (int i = 0; i < 8; ++i) {
    CHECK(images(0, 12 * 28 + 12 + i) == row[static_cast<std::size_t>(i)] / 255.0f);
  }
}

TEST_CASE("idx: the labels of Fashion-MNIST") {
  const auto labels = read_idx<std::int32_t>(kFashion / "train-labels-idx1-ubyte.gz");
  REQUIRE(labels.shape() == Shape{60000});
  std::array<int, 10> counts{};
  std::int64_t weighted = 0;  // depends on the order
  for (Index i = 0; i < labels.size(); ++i) {
    ++counts.at(static_cast<std::size_t>(labels[i]));
    weighted += i * labels[i];
  }
  for (const int count : counts) CHECK(count == 6000);
  CHECK(weighted == 8087216427);
  CHECK(labels[0] == 9);
}

TEST_CASE("idx: each type of elements is read, plain and compressed") {
  const std::string u8 = header(0x08, {4}) + std::string("\x00\x7f\x80\xff", 4);
  const std::string i8 = header(0x09, {4}) + std::string("\x00\x7f\x80\xff", 4);
  const std::string i16 = header(0x0b, {2}) + "\x80\x01\x01\x02";
  const std::string i32 = header(0x0c, {2}) + "\x80\x01\x02\x03\x01\x02\x03\x04";
  const std::string f32 = header(0x0d, {2}) + floats({1.5f, -0.1f});
  const std::string f64 = header(0x0e, {2}) + doubles({1.5, -0.1});

  CHECK(read_bytes<std::int32_t>(u8) == Tensor<std::int32_t>({4}, {0, 127, 128, 255}));
  CHECK(read_bytes<std::int32_t>(i8) == Tensor<std::int32_t>({4}, {0, 127, -128, -1}));
  CHECK(read_bytes<std::int32_t>(i16) == Tensor<std::int32_t>({2}, {-32767, 258}));
  CHECK(read_bytes<std::int32_t>(i32) == Tensor<std::int32_t>({2}, {-2147417597, 16909060}));
  CHECK(read_bytes<float>(i8) == Tensor<float>({4}, {0, 127, -128, -1}));
  CHECK(read_bytes<double>(i32) == Tensor<double>({2}, {-2147417597, 16909060}));
  CHECK(read_bytes<float>(f32) == Tensor<float>({2}, {1.5f, -0.1f}));
  CHECK(read_bytes<double>(f32) == Tensor<double>({2}, {1.5, double{-0.1f}}));
  CHECK(read_bytes<double>(f64) == Tensor<double>({2}, {1.5, -0.1}));
  CHECK(read_bytes<float>(f64) == Tensor<float>({2}, {1.5f, -0.1f}));

  for (const std::string& bytes : {u8, i8, i16, i32, f32, f64}) {
    CHECK(read_bytes<double>(files::gzip(bytes)) == read_bytes<double>(bytes));
  }
}

TEST_CASE("idx: a scale of 1/255 takes bytes to the floats that a division by 255 gives") {
  std::string bytes = header(0x08, {256});
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  const auto values = read_bytes<float>(bytes, {.scale = 1.0 / 255});
  for (Index i = 0; i < 256; ++i) CHECK(values[i] == static_cast<float>(i) / 255.0f);
  CHECK_THROWS_WITH(read_bytes<std::int32_t>(bytes, {.scale = 0.5}),
                    "read_idx: a scale of 0.5 needs a floating-point result");
}

TEST_CASE("idx: flattening keeps the first axis") {
  const std::string data("\1\2\3\4\5\6\7\x08", 8);
  const glissade::IdxOptions flat{.flatten = true};
  CHECK(read_bytes<float>(header(8, {2, 2, 2}) + data).shape() == Shape{2, 2, 2});
  CHECK(read_bytes<float>(header(8, {2, 2, 2}) + data, flat).shape() == Shape{2, 4});
  CHECK(read_bytes<float>(header(8, {8}) + data, flat).shape() == Shape{8, 1});
  CHECK(read_bytes<float>(header(8, {0, 5, 7}), flat).shape() == Shape{0, 35});
  CHECK(read_bytes<float>(header(8, {5, 0, 7}), flat).shape() == Shape{5, 0});
  CHECK(read_bytes<float>(header(8, {1, 1, 2, 2, 2, 1}) + data).shape() == Shape{1, 1, 2, 2, 2, 1});
}

TEST_CASE("idx: more elements than fit one piece arrive in order") {
  // 200,000 elements of 4 bytes are converted in pieces of 2^17 bytes.
  std::string bytes = header(0x0c, {200'000});
  for (std::uint64_t i = 0; i < 200'000; ++i) bytes += big_endian(i * 7, 4);
  const auto values = read_bytes<double>(bytes);
  bool in_order = true;
  for (Index i = 0; i < 200'000; ++i)
    in_order = in_order && values[i] == static_cast<double>(i * 7);
  CHECK(in_order);
}

TEST_CASE("idx: a value that the wanted type does not hold is an error") {
  CHECK(error_for<std::int32_t>(header(0x0d, {1}) + floats({2})) ==
        "holds 32-bit floating-point numbers, which cannot be read as std::int32_t");
  CHECK(error_for<std::int32_t>(header(0x0e, {1}) + doubles({2})) ==
        "holds 64-bit floating-point numbers, which cannot be read as std::int32_t");
  CHECK(error_for<float>(header(0x0c, {2}) + big_endian(16777216, 4) + big_endian(16777217, 4)) ==
        "element 1 is 16777217, which is not a value of float");
  CHECK(error_for<float>(header(0x0e, {2}) + doubles({3e38, -1e39})) ==
        "element 1 is -1e+39, which is not a value of float");
  CHECK(error_for<float>(header(0x08, {2}) + "\1\2", {.scale = 3e38}) ==
        "element 1 is 6e+38, which is not a value of float");

  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto special = read_bytes<float>(
      header(0x0e, {2}) + doubles({infinity, std::numeric_limits<double>::quiet_NaN()}));
  CHECK(special[0] == std::numeric_limits<float>::infinity());
  CHECK(special[1] != special[1]);
}

TEST_CASE("idx: what is not an IDX file is refused") {
  CHECK(error_for<float>("PK\3\4rest") ==
        "not an IDX file: it begins with the bytes 50 4b, not with 00 00");
  CHECK(error_for<float>(std::string("\0\0\x0a\1", 4)) ==
        "not an IDX file: 0a is not the code of a type of elements");
  CHECK(error_for<float>(std::string("\0\0\x08\0", 4)) == "has 0 axes; from 1 to 6 are supported");
  CHECK(error_for<float>(header(8, {1, 1, 1, 1, 1, 1, 1}) + "x") ==
        "has 7 axes; from 1 to 6 are supported");
  CHECK(error_for<float>(std::string("\0\0\x08\xff", 4)) ==
        "has 255 axes; from 1 to 6 are supported");
  CHECK(error_for<float>("") == "truncated: 4 bytes wanted at offset 0, the file has 0");
}

TEST_CASE("idx: a truncated file, and one that is too long") {
  const std::string good = header(8, {2, 3}) + "abcdef";
  CHECK(error_for<float>(good.substr(0, 3)) ==
        "truncated: 4 bytes wanted at offset 0, the file has 3");
  CHECK(error_for<float>(good.substr(0, 10)) ==
        "truncated: 4 bytes wanted at offset 8, the file has 10");
  CHECK(error_for<float>(good.substr(0, 17)) ==
        "truncated: 6 bytes wanted at offset 12, the file has 17");
  CHECK(error_for<float>(good + "gh") == "has 2 bytes more than expected after offset 18");

  CHECK(error_for<float>(files::gzip(good.substr(0, 17))) ==
        "truncated: 6 bytes wanted at offset 12 of the decompressed content, which has 17");
  CHECK(error_for<float>(files::gzip(good + "g")) ==
        "has more content than expected after offset 18 of the decompressed data");
  CHECK(error_for<float>(files::gzip(good).substr(0, 30)) ==
        "truncated: the gzip data stop at offset 30 in the middle of a member");
  std::string bad = files::gzip(good);
  bad[bad.size() - 9] ^= 4;  // the last element
  CHECK_THAT(error_for<float>(bad), Contains("incorrect data check"));
}

TEST_CASE("idx: a claimed size is compared with the file before memory is allocated") {
  constexpr std::uint32_t most = 0xffffffffu;
  CHECK(error_for<float>(header(8, {most}) + "x") ==
        "truncated: 4294967295 bytes wanted at offset 8, the file has 9");
  CHECK(error_for<float>(header(0x0e, {most, 0x7fffffffu}) + "x") ==
        "claims an impossible shape: (4294967295, 2147483647)");
  CHECK(error_for<float>(header(8, {most, most, most}) + "x") ==
        "claims an impossible shape: (4294967295, 4294967295, 4294967295)");
  CHECK(error_for<float>(header(8, {2, most, most, most}) + "x") ==
        "claims an impossible shape: (2, 4294967295, 4294967295, 4294967295)");
  CHECK_THAT(
      error_for<double>(files::gzip(header(8, {most}) + "x")),
      Contains("4294967295 bytes wanted at offset 8, more than 32 bytes of gzip data can hold"));
}

TEST_CASE("idx: a missing file and a folder") {
  const TemporaryFolder folder;
  CHECK(error_of([&] { read_idx<float>(folder / "x.gz"); }) ==
        (folder / "x.gz").string() + ": cannot be opened: No such file or directory");
  CHECK_THAT(error_of([&] { read_idx<float>(folder.path()); }),
             EndsWith("is a directory, not a file"));
}
