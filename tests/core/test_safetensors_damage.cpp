// safetensors: every rule of the format, broken once, and the sentence that says so.

#include <glissade/core/safetensors.h>

#include <cstdint>
#include <string>

#include "catch.h"
#include "core/files.h"

using files::error_of;
using files::little_endian;
using files::TemporaryFolder;
using glissade::SafetensorsFile;

namespace {

// The error of opening these bytes, without the path in front.
std::string error_for_bytes(const std::string& bytes) {
  const TemporaryFolder folder;
  const auto path = files::write(folder / "x", bytes);
  const std::string message = error_of([&] { SafetensorsFile file(path); });
  const std::string prefix = path.string() + ": ";
  return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
}

// The error of opening a file of this header and so many bytes of data.
std::string error_for(const std::string& header, std::size_t data_size = 0) {
  return error_for_bytes(little_endian(header.size(), 8) + header + std::string(data_size, 'x'));
}

// The description of one tensor.
std::string entry(const std::string& name, const std::string& shape, const std::string& offsets,
                  const std::string& dtype = "F32") {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}";
}

// A header with these descriptions. (g++ 12 warns, falsely, of "{" + text + "}".)
std::string in_braces(const std::string& text) {
  std::string result = "{";
  result += text;
  result += '}';
  return result;
}

}  // namespace

TEST_CASE("safetensors damage: the sound files that the others differ from") {
  CHECK(error_for("{}") == "no error");
  CHECK(error_for(in_braces(entry("a", "[2,1]", "[0,8]")), 8) == "no error");
  // Any order of data, white space in JSON, escapes in names, tensors without elements.
  CHECK(error_for(in_braces(entry("b", "[2]", " [ 4, 12\t]") + ",\n" +
                            entry("a\\u0000\\\"", "[]", "[0,4]") + " ,\t" +
                            entry("", "[0]", "[12,12]") + "," + entry("e", "[3,0]", "[4,4]")) +
                      "  ",
                  12) == "no error");
  CHECK(error_for(R"({"__metadata__":{"a":"b","c":""}})") == "no error");
  CHECK(error_for(R"({"__metadata__":{}})") == "no error");
}

TEST_CASE("safetensors damage: the length of the header") {
  CHECK(error_for_bytes("") == "truncated: 8 bytes wanted at offset 0, the file has 0");
  CHECK(error_for_bytes("1234567") == "truncated: 8 bytes wanted at offset 0, the file has 7");
  CHECK(error_for_bytes(little_endian(100, 8) + "{}") ==
        "truncated: the header takes 100 bytes, the file has 2 after its length");
  CHECK(
      error_for_bytes(little_endian(100'000'001, 8) + "{}") ==
      "not a safetensors file: its first 8 bytes claim a header of 100000001 bytes, more than the "
      "100000000 that the format allows");
  CHECK_THAT(error_for_bytes("\xff\xff\xff\xff\xff\xff\xff\xff{}"),
             Contains("claim a header of 18446744073709551615 bytes"));
  CHECK(error_for("") == "not a safetensors file: the header does not begin with '{'");
  CHECK(
      error_for_bytes("PK\3\4rest of it") ==
      "not a safetensors file: its first 8 bytes claim a header of 8391162071089367888 bytes, more "
      "than the 100000000 that the format allows");
}

TEST_CASE("safetensors damage: what is not JSON") {
  CHECK(error_for("[]") == "not a safetensors file: the header does not begin with '{'");
  CHECK(error_for(" {}") == "not a safetensors file: the header does not begin with '{'");
  CHECK(error_for("\xef\xbb\xbf{}") ==
        "not a safetensors file: the header does not begin with '{'");
  CHECK(
      error_for("{") ==
      "the header is not valid JSON at byte 2 of it: parse error at line 1, column 2: syntax error "
      "while parsing object key - unexpected end of input; expected string literal");
  CHECK_THAT(error_for("{}{}"), Contains("the header is not valid JSON at byte 3 of it"));
  CHECK_THAT(error_for("{\"a\":}"), Contains("the header is not valid JSON at byte 6 of it"));
  CHECK_THAT(error_for("{'a':1}"), Contains("the header is not valid JSON at byte 2 of it"));
  CHECK_THAT(error_for("{/**/}"), Contains("the header is not valid JSON at byte 2 of it"));
  CHECK_THAT(error_for(in_braces(entry("a", "[1,]", "[0,4]")), 4), Contains("not valid JSON"));
  CHECK_THAT(error_for(in_braces(entry("a", "[NaN]", "[0,4]")), 4), Contains("not valid JSON"));
  CHECK_THAT(error_for(in_braces(entry("a", "[01]", "[0,4]")), 4), Contains("not valid JSON"));
  CHECK_THAT(error_for(in_braces(entry("a", "[1e999]", "[0,4]")), 4),
             Contains("not valid JSON") && Contains("number overflow parsing '1e999'"));
  CHECK(error_for(std::string("{}\0garbage", 10)) ==
        "the header is not valid JSON: it has a zero byte at byte 3 of it");
}

TEST_CASE("safetensors damage: text that is not UTF-8") {
  for (const char* bad : {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    const std::string message = error_for(in_braces(entry(bad, "[1]", "[0,4]")), 4);
    CHECK_THAT(message, Contains("the header is not valid JSON") && Contains("ill-formed UTF-8"));
    for (const char c : message)
      CHECK((c >= 0x20 && c < 0x7f));  // nothing of it reaches a terminal
  }
  CHECK_THAT(error_for(R"({"a\ud800":1})"), Contains("must be followed by U+DC00..U+DFFF"));
}

TEST_CASE("safetensors damage: deep nesting does not exhaust the stack") {
  for (const std::size_t depth : {4u, 1'000'000u}) {
    const std::string arrays = std::string(depth, '[') + std::string(depth, ']');
    CHECK(error_for(in_braces(entry("a", arrays, "[0,4]")), 4) ==
          "the header has an array in the wrong place in the description of \"a\"");
    std::string objects;
    for (std::size_t i = 0; i < depth; ++i) objects += "{\"a\":";
    CHECK_THAT(error_for(objects + "1" + std::string(depth, '}')), Contains("unknown field \"a\""));
  }
}

TEST_CASE("safetensors damage: values of the wrong kind") {
  CHECK(error_for(R"({"a":1})") ==
        "the header says a number where the object that describes \"a\" should be");
  CHECK_THAT(error_for(R"({"a":[]})"), Contains("the header says an array where the object"));
  CHECK_THAT(error_for(R"({"a":null})"), Contains("the header says null where the object"));
  CHECK(error_for(R"({"a":{"dtype":1}})") ==
        "the header has a number in the wrong place in the description of \"a\"");
  CHECK_THAT(error_for(R"({"a":{"dtype":true}})"), Contains("has true in the wrong place"));
  CHECK_THAT(error_for(R"({"a":{"dtype":{}}})"), Contains("has an object in the wrong place"));
  CHECK_THAT(error_for(R"({"a":{"shape":"2"}})"), Contains("has a text in the wrong place"));
  CHECK_THAT(error_for(R"({"a":{"shape":2}})"), Contains("has a number in the wrong place"));
  CHECK_THAT(error_for(R"({"a":{"shape":-2.5}})"), Contains("has a number in the wrong place"));
  CHECK_THAT(error_for(R"({"a":{"shape":["2"]}})"), Contains("has a text in the wrong place"));
  CHECK_THAT(error_for(R"({"a":{"data_offsets":[false]}})"),
             Contains("has false in the wrong place"));
  CHECK(error_for(R"({"__metadata__":{"a":1}})") ==
        "the header's \"__metadata__\" must map texts to texts; it has a number");
  CHECK_THAT(error_for(R"({"__metadata__":{"a":{}}})"), EndsWith("it has an object"));
  CHECK_THAT(error_for(R"({"__metadata__":{"a":null}})"), EndsWith("it has null"));
  CHECK_THAT(error_for(R"({"__metadata__":"a"})"), EndsWith("it has a text"));
  CHECK_THAT(error_for(R"({"__metadata__":[]})"), EndsWith("it has an array"));
}

TEST_CASE("safetensors damage: missing, unknown and doubled fields and names") {
  CHECK(error_for(R"({"a":{}})") == R"("a" has no field "dtype")");
  CHECK(error_for(R"({"a":{"dtype":"F32","data_offsets":[0,0]}})") ==
        R"("a" has no field "shape")");
  CHECK(error_for(R"({"a":{"dtype":"F32","shape":[0]}})") == R"("a" has no field "data_offsets")");
  CHECK(error_for(R"({"a":{"offsets":[0,0]}})") == R"("a" has the unknown field "offsets")");
  CHECK(error_for(R"({"a":{"dtype":"F32","dtype":"F32"}})") ==
        R"("a" has the field "dtype" twice)");
  CHECK(error_for(R"({"a":{"shape":[],"shape":[]}})") == R"("a" has the field "shape" twice)");
  CHECK(error_for(R"({"a":{"data_offsets":[0,0],"data_offsets":[0,0]}})") ==
        R"("a" has the field "data_offsets" twice)");
  const std::string a = entry("a", "[0]", "[0,0]");
  CHECK(error_for(in_braces(a + "," + a)) == R"(the header has "a" twice)");
  CHECK(error_for(in_braces(a + "," + entry("\\u0061", "[0]", "[0,0]"))) ==
        R"(the header has "a" twice)");
  CHECK(error_for(R"({"__metadata__":{},"__metadata__":{}})") ==
        R"(the header has "__metadata__" twice)");
  CHECK(error_for(R"({"__metadata__":{"k":"1","k":"2"}})") ==
        R"(the header's "__metadata__" has "k" twice)");
}

TEST_CASE("safetensors damage: dtypes") {
  CHECK(error_for(in_braces(entry("a", "[1]", "[0,4]", "float32")), 4) ==
        R"(the dtype of "a" is "float32", which is not known)");
  CHECK(error_for(in_braces(entry("a", "[1]", "[0,4]", "f32")), 4) ==
        R"(the dtype of "a" is "f32", which is not known)");
  CHECK(error_for(in_braces(entry("a\\n", "[1]", "[0,4]", std::string(200, 'x'))), 4) ==
        R"(the dtype of "a\x0a" is ")" + std::string(100, 'x') + R"(...", which is not known)");
}

TEST_CASE("safetensors damage: shapes") {
  const auto with_shape = [](const std::string& shape) {
    return error_for(in_braces(entry("a", shape, "[0,4]")), 4);
  };
  CHECK(with_shape("[-1]") ==
        R"(the extents of "a" must be whole numbers from 0 to 2^64 - 1, not "-1")");
  CHECK(with_shape("[1.0]") ==
        R"(the extents of "a" must be whole numbers from 0 to 2^64 - 1, not "1.0")");
  CHECK(
      with_shape("[18446744073709551616]") ==
      R"(the extents of "a" must be whole numbers from 0 to 2^64 - 1, not "18446744073709551616")");
  CHECK(with_shape("[18446744073709551615]") ==
        R"(the shape of "a" has the impossible extent 18446744073709551615)");
  CHECK(with_shape("[9223372036854775807]") ==
        R"(the shape of "a" has an impossible size: (9223372036854775807))");
  CHECK(with_shape("[4294967296,4294967296,1]") ==
        R"(the shape of "a" has an impossible size: (4294967296, 4294967296, 1))");
  CHECK(with_shape("[1,1,1,1,1,1]") == "no error");
  CHECK(with_shape("[1,1,1,1,1,1,1]") == R"("a" has more than 6 axes, which is not supported)");
  CHECK(with_shape("[2]") ==
        R"("a" has the shape (2) and the dtype F32, which take 64 bits, but 4 bytes of data)");
  CHECK(with_shape("[0]") ==
        R"("a" has the shape (0) and the dtype F32, which take 0 bits, but 4 bytes of data)");
  CHECK(error_for(in_braces(entry("a", "[3]", "[0,1]", "F4")), 1) ==
        R"("a" has the shape (3) and the dtype F4, which take 12 bits, but 1 bytes of data)");
}

TEST_CASE("safetensors damage: offsets") {
  const auto with_offsets = [](const std::string& offsets) {
    return error_for(in_braces(entry("a", "[1]", offsets)), 4);
  };
  CHECK(with_offsets("[0]") == R"(the data_offsets of "a" are 1 numbers, not 2)");
  CHECK(with_offsets("[]") == R"(the data_offsets of "a" are 0 numbers, not 2)");
  CHECK(with_offsets("[0,4,4]") == R"(the data_offsets of "a" are more than 2 numbers)");
  CHECK(with_offsets("[-4,0]") ==
        R"(the data_offsets of "a" must be whole numbers from 0 to 2^64 - 1, not "-4")");
  CHECK(with_offsets("[4,0]") == R"(the data_offsets of "a" go backwards: [4, 0])");
  CHECK(with_offsets("[4,8]") == R"(a hole of 4 bytes is before the data of "a")");
  CHECK(with_offsets("[18446744073709551611,18446744073709551615]") ==
        R"(a hole of 18446744073709551611 bytes is before the data of "a")");
}

TEST_CASE("safetensors damage: the tensors do not cover the data exactly") {
  const std::string a = entry("a", "[2]", "[0,8]");
  CHECK(error_for(in_braces(a + "," + entry("b", "[1]", "[4,8]")), 8) ==
        R"(the data of "b" begin at 4, inside those of another tensor, which end at 8)");
  CHECK(error_for(in_braces(a + "," + entry("b", "[2]", "[0,8]")), 8) ==
        R"(the data of "b" begin at 0, inside those of another tensor, which end at 8)");
  CHECK(error_for(in_braces(a + "," + entry("b", "[0]", "[4,4]")), 8) ==
        R"(the data of "b" begin at 4, inside those of another tensor, which end at 8)");
  CHECK(error_for(in_braces(a + "," + entry("b", "[1]", "[12,16]")), 16) ==
        R"(a hole of 4 bytes is before the data of "b")");
  CHECK(error_for(in_braces(a), 7) ==
        "truncated: the header describes 8 bytes of data, the file has 7");
  CHECK(error_for(in_braces(a), 11) == "has 3 bytes of data after those that the header describes");
  CHECK(error_for("{}", 1) == "has 1 bytes of data after those that the header describes");
}

TEST_CASE("safetensors damage: a missing file and a folder") {
  const TemporaryFolder folder;
  CHECK(error_of([&] { SafetensorsFile file(folder / "x"); }) ==
        (folder / "x").string() + ": cannot be opened: No such file or directory");
  CHECK_THAT(error_of([&] { SafetensorsFile file(folder.path()); }),
             EndsWith("is a directory, not a file"));
}
