// BoundedReader: numbers in both byte orders, gzip, and a sentence for each way a file can be
// wrong.

#include <glissade/core/bounded_reader.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "catch.h"
#include "core/files.h"

using files::error_of;
using files::TemporaryFolder;
using glissade::BoundedReader;

namespace {

constexpr auto kDetectGzip = BoundedReader::Compression::detect_gzip;

std::string read_text(BoundedReader& reader, std::size_t count) {
  std::string text(count, '\0');
  reader.read(std::as_writable_bytes(std::span(text.data(), text.size())));
  return text;
}

// Decompresses a file of `count` bytes of content to its end.
std::string read_all(const std::filesystem::path& path, std::size_t count) {
  BoundedReader reader(path, kDetectGzip);
  std::string text = read_text(reader, count);
  reader.expect_end();
  return text;
}

// Runs as the user "nobody" while it lives, if the test runs as root, whom no permission stops.
class Unprivileged {
 public:
  Unprivileged() {
    if (was_root_ && ::seteuid(65534) != 0) throw std::runtime_error("seteuid failed");
  }
  ~Unprivileged() {
    if (was_root_ && ::seteuid(0) != 0) std::terminate();
  }

 private:
  bool was_root_ = ::geteuid() == 0;
};

}  // namespace

TEST_CASE("bounded reader: integers are read in both byte orders") {
  const TemporaryFolder folder;
  const auto path = files::write(
      folder / "n", std::string("\x01\x02\xff\xfe\xfd\xfc\xff\x80\1\2\3\4\5\6\7\x88", 16));
  BoundedReader reader(path);
  CHECK(reader.file_size() == 16);
  CHECK_FALSE(reader.compressed());
  CHECK(reader.path() == path);
  CHECK(reader.read_big_endian<std::uint16_t>() == 0x0102);
  CHECK(reader.read_big_endian<std::uint32_t>() == 0xfffefdfcu);
  CHECK(reader.read_little_endian<std::uint16_t>() == 0x80ff);
  CHECK(reader.offset() == 8);
  CHECK(reader.read_little_endian<std::uint64_t>() == 0x8807060504030201u);
  CHECK(reader.offset() == 16);
  reader.expect_end();
}

TEST_CASE("bounded reader: reading past the end names the offset and the size") {
  const TemporaryFolder folder;
  const auto path = files::write(folder / "x", "0123456789abcdef0123");
  BoundedReader reader(path);
  CHECK(read_text(reader, 16) == "0123456789abcdef");
  const std::string message =
      path.string() + ": truncated: 12 bytes wanted at offset 16, the file has 20";
  CHECK(error_of([&] { read_text(reader, 12); }) == message);
  CHECK(error_of([&] { reader.require(12); }) == message);
  CHECK(error_of([&] { reader.require(~std::uint64_t{0}); }) ==
        path.string() +
            ": truncated: 18446744073709551615 bytes wanted at offset 16, the file has 20");
  reader.require(4);
  CHECK(error_of([&] { reader.expect_end(); }) ==
        path.string() + ": has 4 bytes more than expected after offset 16");
  CHECK(read_text(reader, 4) == "0123");
  reader.expect_end();
}

TEST_CASE("bounded reader: any place of a plain file can be read") {
  const TemporaryFolder folder;
  const auto path = files::write(folder / "x", "0123456789");
  const BoundedReader reader(path);
  std::array<std::byte, 3> bytes{};
  reader.read_at(7, bytes);
  CHECK(bytes == std::array{std::byte{'7'}, std::byte{'8'}, std::byte{'9'}});
  CHECK(reader.offset() == 0);
  CHECK(error_of([&] { reader.read_at(8, bytes); }) ==
        path.string() + ": truncated: 3 bytes wanted at offset 8, the file has 10");
  CHECK(error_of([&] { reader.read_at(~std::uint64_t{0} - 1, bytes); }) ==
        path.string() +
            ": truncated: 3 bytes wanted at offset 18446744073709551614, the file has 10");
}

TEST_CASE("bounded reader: what cannot be opened is reported with the system's reason") {
  const TemporaryFolder folder;
  const auto missing = folder / "missing";
  CHECK(error_of([&] { BoundedReader reader(missing); }) ==
        missing.string() + ": cannot be opened: No such file or directory");
  CHECK(error_of([&] { BoundedReader reader(folder.path()); }) ==
        folder.path().string() + ": is a directory, not a file");
  CHECK(error_of([&] { BoundedReader reader("/dev/zero"); }) == "/dev/zero: is not a regular file");

  const auto pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0666) == 0);
  CHECK(error_of([&] { BoundedReader reader(pipe); }) == pipe.string() + ": is not a regular file");

  const auto locked = files::write(folder / "locked", "x");
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(locked.c_str(), 0) == 0);
  const Unprivileged unprivileged;
  CHECK(error_of([&] { BoundedReader reader(locked); }) ==
        locked.string() + ": cannot be opened: Permission denied");
}

TEST_CASE("bounded reader: gzip is decompressed where it is asked for") {
  const TemporaryFolder folder;
  const auto path = files::write(folder / "x.gz", files::gzip("hello world"));
  BoundedReader reader(path, kDetectGzip);
  CHECK(reader.compressed());
  CHECK(read_text(reader, 5) == "hello");
  CHECK(reader.offset() == 5);
  CHECK(read_text(reader, 6) == " world");
  reader.expect_end();

  BoundedReader plain(path);
  CHECK_FALSE(plain.compressed());
  CHECK(plain.read_big_endian<std::uint16_t>() == 0x1f8b);

  for (const char* text : {"", "\x1f", "plain text"}) {
    CHECK(read_all(files::write(folder / "plain", text), std::string(text).size()) == text);
  }
}

TEST_CASE("bounded reader: several gzip members are one content, also empty ones") {
  const TemporaryFolder folder;
  const auto path = files::write(folder / "x.gz", files::gzip("one ") + files::gzip("") +
                                                      files::gzip("two") + files::gzip(""));
  CHECK(read_all(path, 7) == "one two");
}

TEST_CASE("bounded reader: gzip content of many buffers arrives whole") {
  const TemporaryFolder folder;
  std::string content;
  std::string packed;
  std::uint32_t state = 1;
  for (int member = 0; member < 12; ++member) {  // 720,000 bytes, through buffers of 2^18
    std::string piece(60'000, '\0');
    for (char& c : piece) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    content += piece;
    packed += files::gzip(piece);
  }
  CHECK(read_all(files::write(folder / "x.gz", packed), content.size()) == content);
}

TEST_CASE("bounded reader: each kind of damage to gzip data is reported") {
  const TemporaryFolder folder;
  const std::string good = files::gzip("hello world");
  const auto path = folder / "x.gz";
  const auto message = [&](const std::string& bytes, std::size_t count) {
    files::write(path, bytes);
    const std::string text = error_of([&] { read_all(path, count); });
    REQUIRE(text.starts_with(path.string() + ": "));
    return text.substr(path.string().size() + 2);
  };

  std::string bad = good;
  bad[15] ^= 1;  // the h
  CHECK(message(bad, 11) == "corrupt gzip data before offset 30: incorrect data check");
  bad = good;
  bad.end()[-1] = 7;  // the length in the trailer
  CHECK(message(bad, 11) == "corrupt gzip data before offset 34: incorrect length check");
  bad = good;
  bad[10] = 7;  // the type of the block
  CHECK_THAT(message(bad, 11), Contains("corrupt gzip data") && Contains("invalid block type"));
  bad = good;
  bad[2] = 9;  // the method
  CHECK_THAT(message(bad, 11), Contains("unknown compression method"));

  CHECK(message(good + "tail", 11) == "has 4 bytes after the end of its gzip data at offset 34");
  CHECK_THAT(message(good + "\x1ftail", 11), Contains("incorrect header check"));
  CHECK(message(good, 12) ==
        "truncated: 12 bytes wanted at offset 0 of the decompressed content, which has 11");
  CHECK(message(good, 10) ==
        "has more content than expected after offset 10 of the decompressed data");
  for (std::size_t size = 2; size < good.size(); ++size) {
    CHECK(message(good.substr(0, size), 11) == "truncated: the gzip data stop at offset " +
                                                   std::to_string(size) +
                                                   " in the middle of a member");
  }
}

TEST_CASE("bounded reader: a claim that no gzip data of the size can hold is refused") {
  const TemporaryFolder folder;
  const std::string packed = files::gzip("hello");
  const auto path = files::write(folder / "x.gz", packed);
  BoundedReader reader(path, kDetectGzip);
  reader.require(1032 * packed.size());
  CHECK(error_of([&] { reader.require(1032 * packed.size() + 1); }) ==
        path.string() +
            ": 28897 bytes wanted at offset 0, more than 28 bytes of gzip data can hold");
  read_text(reader, 5);
  CHECK_THAT(error_of([&] { reader.require(1032 * packed.size()); }), Contains("at offset 5"));
  CHECK_THAT(error_of([&] { reader.require(~std::uint64_t{0}); }), Contains("at offset 5"));
}
