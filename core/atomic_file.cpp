#include "glissade/core/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "file_descriptor.h"

namespace glissade {
namespace {

// Small writes are collected: a header or a line of text should not cost a system call each.
constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

// A name of its own for each file of this process; another process has another number.
std::filesystem::path temporary_path(const std::filesystem::path& path) {
  static std::atomic<unsigned> count = 0;
  std::filesystem::path name = path;
  name.replace_filename(
      fmt::format(".{}.{}-{}.tmp", path.filename().string(), ::getpid(), count++));
  return name;
}

}  // namespace

// The open temporary file (or, if `direct_`, the target itself) and where it goes.
class AtomicFile::Target {
 public:
  explicit Target(const std::filesystem::path& path) : path_(path) {
    buffer_.reserve(kBufferBytes);
    if (path.filename().empty()) fail("cannot be written", EISDIR);
    std::error_code error;
    constexpr int kLinks = 40;  // as many as Linux follows
    for (int i = 0; std::filesystem::is_symlink(path_, error); ++i) {
      if (i == kLinks) fail("cannot be followed as a symbolic link", ELOOP);
      const std::filesystem::path next = std::filesystem::read_symlink(path_, error);
      if (error) fail("cannot be followed as a symbolic link", error.value());
      path_ = path_.parent_path() / next;  // `next` alone if it is absolute
    }
    struct stat status = {};
    const bool exists = ::stat(path_.c_str(), &status) == 0;
    if (exists && S_ISDIR(status.st_mode)) fail("cannot be written", EISDIR);
    direct_ = exists && !S_ISREG(status.st_mode);
    if (direct_) {
      file_ = FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
      if (!file_.is_open()) fail("cannot be written", errno);
    } else {
      create_temporary();
      // Best effort: the owner of the file may be someone else.
      if (exists) (void)::fchmod(file_.get(), status.st_mode & 0777);
    }
  }
  ~Target() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  void write(std::span<const std::byte> bytes) {
    if (bytes.size() > kBufferBytes - buffer_.size()) {
      flush();
      if (bytes.size() >= kBufferBytes) return write_through(bytes);
    }
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }

  void commit() {
    flush();
    // A pipe or a device cannot be synchronised, and need not be.
    if (!direct_ && ::fsync(file_.get()) != 0) fail("cannot be written to the disk", errno);
    if (!file_.close()) fail("cannot be written", errno);
    if (direct_) return;
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
      fail(fmt::format("cannot be put in place of {}", path_.string()), errno, temporary_);
    }
    temporary_.clear();
    sync_folder();
  }

 private:
  [[noreturn]] void fail(const std::string& what, int error) const { fail(what, error, path_); }
  [[noreturn]] static void fail(const std::string& what, int error,
                                const std::filesystem::path& path) {
    throw std::runtime_error(
        fmt::format("{}: {}: {}", path.string(), what, system_error_text(error)));
  }

  void create_temporary() {
    constexpr int kAttempts = 100;  // names left by a killed process with the same number
    for (int i = 0; i < kAttempts; ++i) {
      const std::filesystem::path name = temporary_path(path_);
      file_ = FileDescriptor(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (file_.is_open()) {
        temporary_ = name;
        return;
      }
      if (errno != EEXIST) break;
    }
    fail("cannot be created", errno);
  }

  void flush() {
    write_through(buffer_);
    buffer_.clear();
  }

  void write_through(std::span<const std::byte> bytes) {
    if (error_ != 0) fail("cannot be written", error_);
    while (!bytes.empty()) {
      const ssize_t done = ::write(file_.get(), bytes.data(), bytes.size());
      if (done < 0) {
        if (errno == EINTR) continue;
        error_ = errno;
        fail("cannot be written", error_);
      }
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
  }

  // The new name is on the disk only when its folder is. The file is complete and in place by now,
  // so that a file system which cannot do this is not an error.
  void sync_folder() const {
    const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
    const FileDescriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.is_open()) (void)::fsync(descriptor.get());
  }

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  FileDescriptor file_;
  bool direct_ = false;
  int error_ = 0;  // of a write: part of the data is lost, and nothing can complete the file
  std::vector<std::byte> buffer_;
};

AtomicFile::AtomicFile(const std::filesystem::path& path)
    : target_(std::make_unique<Target>(path)) {}
AtomicFile::~AtomicFile() = default;
AtomicFile::AtomicFile(AtomicFile&&) noexcept = default;
AtomicFile& AtomicFile::operator=(AtomicFile&&) noexcept = default;

void AtomicFile::write(std::span<const std::byte> bytes) { target_->write(bytes); }
void AtomicFile::commit() { target_->commit(); }

}  // namespace glissade
