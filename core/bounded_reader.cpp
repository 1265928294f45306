#include "glissade/core/bounded_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <stdexcept>
#include <vector>

#include "file_descriptor.h"

namespace glissade {
namespace {

// One bit for the length 258 and one for the distance are the least that deflate spends on 258
// bytes: 1032 to 1.
constexpr std::uint64_t kMaxDeflateRatio = 1032;
// What inflate is given, and told to make, at a time.
constexpr std::size_t kInputBytes = std::size_t{1} << 18;
constexpr std::size_t kMaxOutputBytes = std::size_t{1} << 30;

std::string message_for(const std::filesystem::path& path, const std::string& message) {
  return path.string() + ": " + message;
}

FileDescriptor open_regular_file(const std::filesystem::path& path, std::uint64_t& size) {
  // O_NONBLOCK: opening a pipe must not wait for a writer. Regular files do not mind it.
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) {
    throw std::runtime_error(message_for(path, "cannot be opened: " + system_error_text()));
  }
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) {
    throw std::runtime_error(message_for(path, "cannot be examined: " + system_error_text()));
  }
  if (S_ISDIR(status.st_mode)) {
    throw std::runtime_error(message_for(path, "is a directory, not a file"));
  }
  if (!S_ISREG(status.st_mode)) {
    throw std::runtime_error(message_for(path, "is not a regular file"));
  }
  size = static_cast<std::uint64_t>(status.st_size);
  return file;
}

}  // namespace

// The open file and, if it is compressed, the state of its decompression.
class BoundedReader::Source {
 public:
  Source(const std::filesystem::path& path, Compression compression)
      : path_(path), file_(open_regular_file(path, size_)) {
    if (compression == Compression::detect_gzip) {
      std::array<std::byte, 2> mark{};
      compressed_ = size_ >= mark.size() && read_some(0, mark) == mark.size() && is_gzip(mark);
    }
    if (!compressed_) return;
    input_.resize(kInputBytes);
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~Source() {
    if (compressed_) inflateEnd(&stream_);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  bool compressed() const { return compressed_; }
  std::uint64_t offset() const { return offset_; }

  [[noreturn]] void fail(const std::string& message) const {
    throw std::runtime_error(message_for(path_, message));
  }

  [[noreturn]] void fail_truncated(std::uint64_t count, std::uint64_t offset) const {
    if (compressed_) {
      fail(fmt::format(
          "truncated: {} bytes wanted at offset {} of the decompressed content, which has {}",
          count, offset, offset_));
    }
    fail(fmt::format("truncated: {} bytes wanted at offset {}, the file has {}", count, offset,
                     size_));
  }

  void require(std::uint64_t count) const {
    if (!compressed_) {
      check_range(offset_, count);
    } else if (size_ <= std::numeric_limits<std::uint64_t>::max() / kMaxDeflateRatio) {
      const std::uint64_t most = size_ * kMaxDeflateRatio;
      if (offset_ > most || count > most - offset_) {
        fail(fmt::format("{} bytes wanted at offset {}, more than {} bytes of gzip data can hold",
                         count, offset_, size_));
      }
    }
  }

  void read(std::span<std::byte> out) {
    if (compressed_) {
      const std::uint64_t start = offset_;
      const std::size_t got = decompress(out);
      if (got < out.size()) fail_truncated(out.size(), start);
    } else {
      read_at(offset_, out);
      offset_ += out.size();
    }
  }

  void read_at(std::uint64_t offset, std::span<std::byte> out) const {
    check_range(offset, out.size());
    if (read_some(offset, out) < out.size()) {
      fail(fmt::format("truncated while it was read: {} bytes wanted at offset {}", out.size(),
                       offset));
    }
  }

  void expect_end() {
    if (compressed_) {
      std::byte more{};
      if (decompress({&more, 1}) != 0) {
        fail(fmt::format("has more content than expected after offset {} of the decompressed data",
                         offset_ - 1));
      }
    } else if (offset_ != size_) {
      fail(
          fmt::format("has {} bytes more than expected after offset {}", size_ - offset_, offset_));
    }
  }

 private:
  static bool is_gzip(std::span<const std::byte> mark) {
    return mark[0] == std::byte{0x1f} && mark[1] == std::byte{0x8b};
  }

  void check_range(std::uint64_t offset, std::uint64_t count) const {
    if (offset > size_ || count > size_ - offset) fail_truncated(count, offset);
  }

  // The number of bytes read from `offset` on: fewer than wanted only at the end of the file.
  std::size_t read_some(std::uint64_t offset, std::span<std::byte> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
      // Linux transfers at most about 2 GiB in one call.
      const std::size_t want = std::min(out.size() - done, kMaxOutputBytes);
      const ssize_t got =
          ::pread(file_.get(), out.data() + done, want, static_cast<off_t>(offset + done));
      if (got == 0) break;
      if (got < 0) {
        if (errno == EINTR) continue;
        fail(fmt::format("cannot be read at offset {}: {}", offset + done, system_error_text()));
      }
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  // Gives inflate the next piece of the file; false at its end.
  bool refill() {
    const auto want =
        static_cast<std::size_t>(std::min<std::uint64_t>(input_.size(), size_ - position_));
    const std::size_t got = read_some(position_, {input_.data(), want});
    position_ += got;
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(got);
    return got > 0;
  }

  // The number of bytes decompressed into `out`: fewer than wanted only at the end of the content,
  // that is of the last gzip member, whose checksum has then been verified.
  std::size_t decompress(std::span<std::byte> out) {
    std::size_t done = 0;
    while (done < out.size()) {
      if (stream_.avail_in == 0 && !refill()) {
        if (member_ended_) break;
        fail(fmt::format("truncated: the gzip data stop at offset {} in the middle of a member",
                         position_));
      }
      if (member_ended_) begin_next_member();
      const std::size_t want = std::min(out.size() - done, kMaxOutputBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + done);
      stream_.avail_out = static_cast<uInt>(want);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      const std::size_t made = want - stream_.avail_out;
      done += made;
      offset_ += made;
      if (status == Z_STREAM_END) {
        member_ended_ = true;
      } else if (status == Z_MEM_ERROR) {
        throw std::bad_alloc();
      } else if (status != Z_OK) {
        fail(fmt::format("corrupt gzip data before offset {}: {}", position_ - stream_.avail_in,
                         stream_.msg != nullptr ? stream_.msg : zError(status)));
      }
    }
    return done;
  }

  // RFC 1952: a file may consist of several members, one after the other.
  void begin_next_member() {
    if (*stream_.next_in != 0x1f) {
      const std::uint64_t end = position_ - stream_.avail_in;
      fail(fmt::format("has {} bytes after the end of its gzip data at offset {}", size_ - end,
                       end));
    }
    inflateReset(&stream_);
    member_ended_ = false;
  }

  std::filesystem::path path_;
  std::uint64_t size_ = 0;
  FileDescriptor file_;
  std::uint64_t offset_ = 0;  // in the content

  bool compressed_ = false;
  bool member_ended_ = false;
  std::uint64_t position_ = 0;  // in the file: what refill has read
  std::vector<std::byte> input_;
  z_stream stream_ = {};
};

BoundedReader::BoundedReader(const std::filesystem::path& path, Compression compression)
    : source_(std::make_unique<Source>(path, compression)) {}
BoundedReader::~BoundedReader() = default;
BoundedReader::BoundedReader(BoundedReader&&) noexcept = default;
BoundedReader& BoundedReader::operator=(BoundedReader&&) noexcept = default;

const std::filesystem::path& BoundedReader::path() const { return source_->path(); }
std::uint64_t BoundedReader::file_size() const { return source_->size(); }
bool BoundedReader::compressed() const { return source_->compressed(); }
std::uint64_t BoundedReader::offset() const { return source_->offset(); }
void BoundedReader::require(std::uint64_t count) const { source_->require(count); }
void BoundedReader::read(std::span<std::byte> out) { source_->read(out); }
void BoundedReader::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  source_->read_at(offset, out);
}
void BoundedReader::expect_end() { source_->expect_end(); }
void BoundedReader::throw_error(const std::string& message) const { source_->fail(message); }

}  // namespace glissade
