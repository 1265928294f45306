#pragma once

// BoundedReader: the one way in which files that cannot be trusted are read.

#include <fmt/format.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace glissade {

/// Reads a regular file, plain or compressed with gzip (RFC 1952), and never past its end. It knows
/// the real size of the file, so that a reader can compare what a header claims with what can be
/// there before it allocates anything. All errors are std::runtime_error with a sentence that names
/// the file and, where there is one, the offset: "/data/x.gz: truncated: 12 bytes wanted at offset
/// 16, the file has 20". Not for use by several threads at once, except for `read_at`.
class BoundedReader {
 public:
  /// Whether gzip is looked for.
  enum class Compression {
    none,         ///< the bytes of the file are the content
    detect_gzip,  ///< a file that begins with gzip's mark 1f 8b is decompressed, any other is plain
  };

  /// Opens the file. Throws std::runtime_error, with the system's reason, if it is missing, may not
  /// be read, or is not a regular file.
  explicit BoundedReader(const std::filesystem::path& path,
                         Compression compression = Compression::none);
  ~BoundedReader();
  BoundedReader(BoundedReader&&) noexcept;
  BoundedReader& operator=(BoundedReader&&) noexcept;

  /// The path that the file was opened with.
  const std::filesystem::path& path() const;
  /// The size of the file on disk in bytes, compressed if it is compressed.
  std::uint64_t file_size() const;
  /// Whether the file is being decompressed: that was allowed, and it begins with the mark of gzip.
  bool compressed() const;
  /// How many bytes of the (decompressed) content have been read.
  std::uint64_t offset() const;

  /// Throws unless `count` more bytes can be there: compared with the size of the file, or, if it
  /// is compressed, with the 1032 bytes that deflate makes at most of one. To be called with the
  /// size that a header claims, before memory for it is allocated.
  void require(std::uint64_t count) const;

  /// Fills `out` with the next bytes. Throws if the file ends before, or if its gzip data are
  /// corrupt.
  void read(std::span<std::byte> out);
  /// The next unsigned integer, most significant byte first.
  template <std::unsigned_integral U>
  U read_big_endian() {
    std::byte bytes[sizeof(U)];
    read(bytes);
    std::uint64_t value = 0;
    for (const std::byte byte : bytes) value = (value << 8) | std::to_integer<std::uint64_t>(byte);
    return static_cast<U>(value);
  }
  /// The next unsigned integer, least significant byte first.
  template <std::unsigned_integral U>
  U read_little_endian() {
    std::byte bytes[sizeof(U)];
    read(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = sizeof(U); i-- > 0;) {
      value = (value << 8) | std::to_integer<std::uint64_t>(bytes[i]);
    }
    return static_cast<U>(value);
  }

  /// Fills `out` with the bytes from `offset` on, wherever `read` is; for plain files. May be
  /// called by several threads at once.
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;

  /// Throws unless the content ends here. For gzip this is what verifies the checksum and the
  /// length in the trailer, and that nothing but further gzip members follows.
  void expect_end();

  /// Throws std::runtime_error with the file's path in front of the formatted message.
  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> message, Args&&... args) const {
    throw_error(fmt::format(message, std::forward<Args>(args)...));
  }

 private:
  [[noreturn]] void throw_error(const std::string& message) const;

  class Source;
  std::unique_ptr<Source> source_;
};

}  // namespace glissade
