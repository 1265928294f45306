#pragma once

// AtomicFile: a file that appears complete or not at all.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace glissade {

/// Writes a temporary file in the folder of `path` and, with `commit`, renames it to `path`:
/// whoever opens `path` sees the old content or the whole new one, also after a crash. Without a
/// commit, as when an exception is under way, the temporary file is removed and `path` stays as it
/// was. An existing file's permissions are kept, and a symbolic link is followed. What cannot be
/// replaced, such as a pipe or /dev/stdout, is written directly. All errors are std::runtime_error
/// with a sentence that names the file and the system's reason.
class AtomicFile {
 public:
  /// Creates the temporary file. Throws if the folder is missing or may not be written, or if
  /// `path` is a folder.
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;

  /// Appends bytes. Throws if they cannot be written, as when the disk is full.
  void write(std::span<const std::byte> bytes);
  /// Appends text.
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Makes sure that the data are on the disk and puts the file in its place. To be called once,
  /// last.
  void commit();

 private:
  class Target;
  std::unique_ptr<Target> target_;
};

}  // namespace glissade
