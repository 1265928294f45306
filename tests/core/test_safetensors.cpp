// safetensors: round trips, the bytes of the format, and conversions from every type of elements.
// tests/core/safetensors_reference.py compares with the reference implementation.

#include <glissade/core/safetensors.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "catch.h"
#include "core/files.h"

using files::error_of;
using files::little_endian;
using files::TemporaryFolder;
using glissade::NamedTensor;
using glissade::SafetensorsFile;
using glissade::Shape;
using glissade::Tensor;
using glissade::write_safetensors;

namespace {

// A file with one tensor "x".
std::string file_with(const std::string& dtype, const std::string& shape, const std::string& data) {
  const std::string header = R"({"x":{"dtype":")" + dtype + R"(","shape":)" + shape +
                             R"(,"data_offsets":[0,)" + std::to_string(data.size()) + "]}}";
  return little_endian(header.size(), 8) + header + data;
}

template <class T>
Tensor<T> read_bytes(const std::string& bytes) {
  const TemporaryFolder folder;
  return SafetensorsFile(files::write(folder / "x", bytes)).get<T>("x");
}

// The error of reading such a file, without its path.
template <class T>
std::string error_for(const std::string& bytes) {
  const TemporaryFolder folder;
  const auto path = files::write(folder / "x", bytes);
  const std::string message = error_of([&] { SafetensorsFile(path).get<T>("x"); });
  const std::string prefix = path.string() + ": ";
  return message.starts_with(prefix) ? message.substr(prefix.size()) : "without path: " + message;
}

std::string halves(std::initializer_list<std::uint16_t> values) {
  std::string bytes;
  for (const std::uint16_t value : values) bytes += little_endian(value, 2);
  return bytes;
}

}  // namespace

TEST_CASE("safetensors: tensors of all types and ranks come back as they were") {
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  const Tensor<float> weight({2, 3}, {1.5f, -0.0f, std::numeric_limits<float>::infinity(), 1e-45f,
                                      std::numeric_limits<float>::max(), 0.1f});
  const Tensor<std::int32_t> labels({3}, {-2147483647 - 1, 0, 2147483647});
  const Tensor<std::int64_t> counts({2},
                                    {std::numeric_limits<std::int64_t>::min(), 9007199254740993});
  const Tensor<double> deep({1, 2, 1, 1, 2, 1}, {0.1, -1e308, 5e-324, 3});
  const Tensor<float> scalar = Tensor<float>::scalar(-2.5f);
  const Tensor<float> empty(Shape{0, 4});
  write_safetensors(path,
                    {{"0.weight", weight},
                     {"labels", labels},
                     {"counts", counts},
                     {"deep", deep},
                     {"scalar", scalar},
                     {"empty", empty}},
                    {{"format", "pt"}, {"note", "line\nbreak \"and\" \xc3\xa9"}});

  const SafetensorsFile file(path);
  CHECK(file.names() ==
        std::vector<std::string>{"0.weight", "labels", "counts", "deep", "scalar", "empty"});
  CHECK(file.dtype("0.weight") == "F32");
  CHECK(file.dtype("labels") == "I32");
  CHECK(file.dtype("counts") == "I64");
  CHECK(file.dtype("deep") == "F64");
  CHECK(file.shape("deep") == Shape{1, 2, 1, 1, 2, 1});
  CHECK(file.shape("scalar") == Shape{});
  CHECK(file.contains("labels"));
  CHECK_FALSE(file.contains("label"));
  CHECK(file.metadata() == std::map<std::string, std::string>{
                               {"format", "pt"}, {"note", "line\nbreak \"and\" \xc3\xa9"}});
  CHECK(file.get<float>("0.weight") == weight);
  CHECK(std::signbit(file.get<float>("0.weight")[1]));
  CHECK(file.get<std::int32_t>("labels") == labels);
  CHECK(file.get<std::int64_t>("counts") == counts);
  CHECK(file.get<double>("deep") == deep);
  CHECK(file.get<float>("scalar") == scalar);
  CHECK(file.get<float>("empty") == empty);
  CHECK(folder.count() == 1);
}

TEST_CASE("safetensors: the bytes written are those of the format") {
  const TemporaryFolder folder;
  const auto path = folder / "x";
  const Tensor<std::int32_t> narrow({3}, {1, 2, 3});
  const Tensor<double> wide({1}, {1.0});
  write_safetensors(path, {{"a", narrow}, {"b", wide}});
  // The header is padded to a multiple of 8, and the doubles come first, so both are aligned.
  std::string header = R"({"a":{"dtype":"I32","shape":[3],"data_offsets":[8,20]},)"
                       R"("b":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})";
  header.append(8 - header.size() % 8, ' ');
  CHECK(files::read(path) == little_endian(header.size(), 8) + header +
                                 little_endian(std::bit_cast<std::uint64_t>(1.0), 8) +
                                 little_endian(1, 4) + little_endian(2, 4) + little_endian(3, 4));

  write_safetensors(path, {});
  CHECK(files::read(path) == little_endian(8, 8) + "{}      ");
  CHECK(SafetensorsFile(path).names().empty());
}

TEST_CASE("safetensors: many tensors") {
  const TemporaryFolder folder;
  std::vector<Tensor<float>> tensors;
  for (int i = 0; i < 3000; ++i)
    tensors.push_back(Tensor<float>::full({i % 5}, static_cast<float>(i)));
  std::vector<NamedTensor> named;
  for (std::size_t i = 0; i < tensors.size(); ++i) named.push_back({std::to_string(i), tensors[i]});
  write_safetensors(folder / "x", named);
  const SafetensorsFile file(folder / "x");
  REQUIRE(file.names().size() == 3000);
  bool equal = true;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    equal = equal && file.get<float>(std::to_string(i)) == tensors[i];
  }
  CHECK(equal);
}

TEST_CASE("safetensors: integers and booleans are read as any type that holds them") {
  const std::string minus_two = "\xfe\xff\xff\xff\xff\xff\xff\xff";
  for (const auto& [dtype, width] : {std::pair{"I8", 1}, {"I16", 2}, {"I32", 4}, {"I64", 8}}) {
    const std::string bytes =
        file_with(dtype, "[2]",
                  minus_two.substr(0, static_cast<std::size_t>(width)) + little_endian(7, width));
    CHECK(read_bytes<float>(bytes) == Tensor<float>({2}, {-2, 7}));
    CHECK(read_bytes<double>(bytes) == Tensor<double>({2}, {-2, 7}));
    CHECK(read_bytes<std::int32_t>(bytes) == Tensor<std::int32_t>({2}, {-2, 7}));
    CHECK(read_bytes<std::int64_t>(bytes).span()[0] == -2);
  }
  for (const auto& [dtype, width] : {std::pair{"U8", 1}, {"U16", 2}, {"U32", 4}, {"U64", 8}}) {
    const std::string bytes =
        file_with(dtype, "[2]", little_endian(200, width) + little_endian(7, width));
    CHECK(read_bytes<float>(bytes) == Tensor<float>({2}, {200, 7}));
    CHECK(read_bytes<double>(bytes) == Tensor<double>({2}, {200, 7}));
    CHECK(read_bytes<std::int32_t>(bytes) == Tensor<std::int32_t>({2}, {200, 7}));
  }
  CHECK(read_bytes<std::int64_t>(file_with("I64", "[1]", little_endian(1ULL << 63U, 8)))[0] ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(error_for<std::int64_t>(file_with("U64", "[1]", little_endian(1ULL << 63U, 8))) ==
        "\"x\": element 0 is 9223372036854775808, which is not a value of std::int64_t");
  const std::string booleans = file_with("BOOL", "[2]", std::string("\1\0", 2));
  CHECK(read_bytes<float>(booleans) == Tensor<float>({2}, {1, 0}));
  CHECK(read_bytes<std::int32_t>(booleans) == Tensor<std::int32_t>({2}, {1, 0}));
}

TEST_CASE("safetensors: half and brain floats are read exactly") {
  // 1, the largest, the smallest normal, the largest and the smallest subnormal, -0, infinity, NaN
  const std::string half = file_with(
      "F16", "[8]", halves({0x3c00, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x8000, 0xfc00, 0x7e01}));
  const auto h = read_bytes<float>(half);
  CHECK(h[0] == 1);
  CHECK(h[1] == 65504);
  CHECK(h[2] == std::ldexp(1.0f, -14));
  CHECK(h[3] == std::ldexp(1023.0f, -24));
  CHECK(h[4] == std::ldexp(1.0f, -24));
  CHECK((h[5] == 0 && std::signbit(h[5])));
  CHECK(h[6] == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(h[7]));
  CHECK(read_bytes<double>(half)[4] == std::ldexp(1.0, -24));

  const std::string brain =
      file_with("BF16", "[5]", halves({0x3f80, 0xc049, 0x7f80, 0x0001, 0xffc0}));
  const auto b = read_bytes<double>(brain);
  CHECK(b[0] == 1);
  CHECK(b[1] == -3.140625);
  CHECK(b[2] == std::numeric_limits<double>::infinity());
  CHECK(b[3] == std::ldexp(1.0, -133));
  CHECK(std::isnan(b[4]));
}

TEST_CASE("safetensors: a value or a type that the wanted type does not hold is an error") {
  CHECK(error_for<std::int32_t>(
            file_with("I64", "[2]", little_endian(1, 8) + little_endian(1ull << 31, 8))) ==
        "\"x\": element 1 is 2147483648, which is not a value of std::int32_t");
  CHECK(error_for<std::int32_t>(file_with("U32", "[1]", "\xff\xff\xff\xff")) ==
        "\"x\": element 0 is 4294967295, which is not a value of std::int32_t");
  CHECK(error_for<std::int64_t>(file_with("U64", "[1]", std::string(8, '\xff'))) ==
        "\"x\": element 0 is 18446744073709551615, which is not a value of std::int64_t");
  CHECK(error_for<float>(file_with("I64", "[1]", little_endian((1ull << 40) + 1, 8))) ==
        "\"x\": element 0 is 1099511627777, which is not a value of float");
  CHECK(read_bytes<float>(file_with("I64", "[1]", little_endian(1ull << 63, 8))).item() ==
        -9223372036854775808.0f);
  CHECK(error_for<double>(file_with("U64", "[1]", little_endian(~0ull, 8))) ==
        "\"x\": element 0 is 18446744073709551615, which is not a value of double");
  CHECK(error_for<float>(
            file_with("F64", "[1]", little_endian(std::bit_cast<std::uint64_t>(1e300), 8))) ==
        "\"x\": element 0 is 1e+300, which is not a value of float");
  CHECK(error_for<float>(file_with("BOOL", "[2]", "\1\2")) ==
        "\"x\": element 1 is the byte 2, which is not a boolean (0 or 1)");
  CHECK(error_for<std::int32_t>(file_with("F32", "[1]", "abcd")) ==
        "\"x\": holds 32-bit floating-point numbers, which cannot be read as std::int32_t");
  CHECK(error_for<std::int32_t>(file_with("BF16", "[0]", "")) ==
        "\"x\": holds 16-bit brain floating-point numbers, which cannot be read as std::int32_t");
  CHECK(error_for<float>(file_with("F8_E4M3", "[2]", "ab")) ==
        "\"x\" is of the dtype F8_E4M3, which Glissade does not read");
  CHECK(error_for<float>(file_with("F4", "[2, 2]", "ab")) ==
        "\"x\" is of the dtype F4, which Glissade does not read");
}

TEST_CASE("safetensors: a tensor that is not there is reported with those that are") {
  const TemporaryFolder folder;
  const auto path = folder / "x";
  const Tensor<float> t({1}, {1});
  write_safetensors(path, {{"0.weight", t}, {"0.bias", t}});
  const SafetensorsFile file(path);
  const std::string message =
      path.string() + R"(: there is no tensor "1.bias" in it; it has "0.weight", "0.bias")";
  CHECK(error_of([&] { file.get<float>("1.bias"); }) == message);
  CHECK(error_of([&] { (void)file.shape("1.bias"); }) == message);
  CHECK(error_of([&] { (void)file.dtype("1.bias"); }) == message);

  std::vector<NamedTensor> many;
  for (int i = 0; i < 12; ++i) many.push_back({std::to_string(i), t});
  write_safetensors(path, many);
  CHECK_THAT(error_of([&] { SafetensorsFile(path).get<float>("x"); }),
             EndsWith("\"9\" and 2 more"));
  write_safetensors(path, {});
  CHECK_THAT(error_of([&] { SafetensorsFile(path).get<float>("x"); }), EndsWith("it has none"));
}

TEST_CASE("safetensors: names that cannot be written are refused before a file is made") {
  const TemporaryFolder folder;
  const auto path = folder / "x";
  const Tensor<float> t({1}, {1});
  CHECK_THROWS_AS(write_safetensors(path, {{"a", t}, {"a", t}}), std::invalid_argument);
  CHECK_THROWS_WITH(write_safetensors(path, {{"a", t}, {"a", t}}),
                    R"(write_safetensors: two tensors are named "a")");
  CHECK_THROWS_WITH(write_safetensors(path, {{"__metadata__", t}}),
                    R"(write_safetensors: a tensor cannot be named "__metadata__")");
  const std::string utf8 = "write_safetensors: the names and the metadata must be valid UTF-8";
  CHECK_THROWS_WITH(write_safetensors(path, {{"a\xff", t}}), utf8);
  CHECK_THROWS_WITH(write_safetensors(path, {{"a", t}}, {{"k", "\xc3"}}), utf8);
  CHECK_THROWS_WITH(
      write_safetensors(path, {}, {{"k", std::string(100'000'000, 'x')}}),
      Contains("the header takes 1000000") && Contains("the format allows 100000000"));
  CHECK(folder.count() == 0);
}

TEST_CASE("safetensors: a file that cannot be written is reported and an old one kept") {
  const TemporaryFolder folder;
  const Tensor<float> t({4}, {1, 2, 3, 4});
  const auto missing = folder / "missing/x.safetensors";
  CHECK(error_of([&] {
          write_safetensors(missing, {{"a", t}});
        }) == missing.string() + ": cannot be created: No such file or directory");
  CHECK(error_of([&] {
          write_safetensors("/dev/full", {{"a", t}});
        }) == "/dev/full: cannot be written: No space left on device");
}

TEST_CASE("safetensors: a file is read while it is replaced by another") {
  const TemporaryFolder folder;
  const Tensor<float> old_values({2}, {1, 2});
  const Tensor<float> new_values({3}, {3, 4, 5});
  write_safetensors(folder / "x", {{"a", old_values}});
  const SafetensorsFile open_file(folder / "x");
  write_safetensors(folder / "x", {{"a", new_values}});
  CHECK(open_file.get<float>("a") == old_values);
  CHECK(SafetensorsFile(folder / "x").get<float>("a") == new_values);
}
