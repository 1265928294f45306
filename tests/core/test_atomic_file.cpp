// AtomicFile: complete or not at all.

#include <glissade/core/atomic_file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <string>

#include "catch.h"
#include "core/files.h"

using files::error_of;
using files::TemporaryFolder;
using glissade::AtomicFile;

namespace {

// Files of this process cannot grow beyond `bytes` while it lives: as if the disk were full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    if (::getrlimit(RLIMIT_FSIZE, &old_) != 0) throw std::runtime_error("getrlimit failed");
    const rlimit limit{bytes, old_.rlim_max};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) throw std::runtime_error("setrlimit failed");
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*old_handler_)(int) = nullptr;
};

unsigned permissions(const std::filesystem::path& path) {
  struct stat status = {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("atomic file: the file appears with commit, and nothing else is left") {
  const TemporaryFolder folder;
  const auto path = folder / "out.txt";
  AtomicFile file(path);
  file.write("one ");
  const std::string large(200'000, 'x');  // more than is buffered
  file.write(large);
  file.write("two");
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(folder.count() == 1);  // the temporary file
  file.commit();
  CHECK(files::read(path) == "one " + large + "two");
  CHECK(folder.count() == 1);
}

TEST_CASE("atomic file: without commit the old content stays") {
  const TemporaryFolder folder;
  const auto path = files::write(folder / "out.txt", "old");
  {
    AtomicFile file(path);
    file.write(std::string(100'000, 'x'));
    CHECK(folder.count() == 2);
  }
  CHECK(files::read(path) == "old");
  CHECK(folder.count() == 1);
}

TEST_CASE("atomic file: an existing file is replaced and its permissions are kept") {
  const TemporaryFolder folder;
  const auto path = files::write(folder / "out.txt", "old and longer");
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  AtomicFile file(path);
  file.write("new");
  file.commit();
  CHECK(files::read(path) == "new");
  CHECK(permissions(path) == 0640);
}

TEST_CASE("atomic file: a new file has the permissions that the user's mask allows") {
  const TemporaryFolder folder;
  const mode_t old_mask = ::umask(027);
  AtomicFile file(folder / "out.txt");
  file.commit();
  ::umask(old_mask);
  CHECK(permissions(folder / "out.txt") == 0640);
  CHECK(files::read(folder / "out.txt").empty());
}

TEST_CASE("atomic file: two writers of one file do not disturb each other") {
  const TemporaryFolder folder;
  const auto path = folder / "out.txt";
  AtomicFile first(path);
  AtomicFile second(path);
  first.write("first");
  second.write("second");
  second.commit();
  CHECK(files::read(path) == "second");
  first.commit();
  CHECK(files::read(path) == "first");
  CHECK(folder.count() == 1);
}

TEST_CASE("atomic file: a symbolic link is followed") {
  const TemporaryFolder folder;
  const auto target = files::write(folder / "target.txt", "old");
  std::filesystem::create_symlink("target.txt", folder / "link.txt");
  AtomicFile file(folder / "link.txt");
  file.write("new");
  file.commit();
  CHECK(files::read(target) == "new");
  CHECK(std::filesystem::is_symlink(folder / "link.txt"));

  // Also where there is nothing yet, and through a second one.
  std::filesystem::create_symlink("not_yet.txt", folder / "second.txt");
  std::filesystem::create_symlink(folder / "second.txt", folder / "third.txt");
  AtomicFile created(folder / "third.txt");
  created.write("made");
  created.commit();
  CHECK(std::filesystem::is_symlink(folder / "second.txt"));
  CHECK(files::read(folder / "not_yet.txt") == "made");
  std::filesystem::create_symlink("loop.txt", folder / "loop.txt");
  CHECK_THAT(error_of([&] { AtomicFile loop(folder / "loop.txt"); }),
             Contains("cannot be followed as a symbolic link"));
}

TEST_CASE("atomic file: a path without a folder is in the working directory") {
  const TemporaryFolder folder;
  const auto old = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  AtomicFile file("out.txt");
  file.write("here");
  file.commit();
  std::filesystem::current_path(old);
  CHECK(files::read(folder / "out.txt") == "here");
}

TEST_CASE("atomic file: what cannot be created is reported with the system's reason") {
  const TemporaryFolder folder;
  const auto in_missing = folder / "missing/out.txt";
  CHECK(error_of([&] { AtomicFile file(in_missing); }) ==
        in_missing.string() + ": cannot be created: No such file or directory");
  const auto in_file = files::write(folder / "plain", "") / "out.txt";
  CHECK(error_of([&] { AtomicFile file(in_file); }) ==
        in_file.string() + ": cannot be created: Not a directory");
  CHECK(error_of([&] { AtomicFile file(folder.path()); }) ==
        folder.path().string() + ": cannot be written: Is a directory");
  const auto slash = folder.path() / "";
  CHECK(error_of([&] { AtomicFile file(slash); }) ==
        slash.string() + ": cannot be written: Is a directory");
  CHECK(error_of([&] { AtomicFile file(""); }) == ": cannot be written: Is a directory");
}

TEST_CASE("atomic file: a full disk is reported and leaves no trace") {
  const TemporaryFolder folder;
  const auto path = files::write(folder / "out.txt", "old");
  const auto write_too_much = [&](std::size_t bytes) {
    const FileSizeLimit limit(4096);
    return error_of([&] {
      AtomicFile file(path);
      file.write(std::string(bytes, 'x'));
      file.commit();
    });
  };
  // Found by commit, which flushes the buffer, and by write itself.
  CHECK(write_too_much(5000) == path.string() + ": cannot be written: File too large");
  CHECK(error_of([&] {  // with room again, a half-written file is not put in place
          AtomicFile file(path);
          {
            const FileSizeLimit limit(4096);
            file.write(std::string(60'000, 'x'));
            (void)error_of([&] { file.write(std::string(60'000, 'x')); });
          }
          file.commit();
        }) == path.string() + ": cannot be written: File too large");
  CHECK(write_too_much(1'000'000) == path.string() + ": cannot be written: File too large");
  CHECK(files::read(path) == "old");
  CHECK(folder.count() == 1);
}

TEST_CASE("atomic file: a device is written directly and stays a device") {
  const auto write_to = [](const char* path) {
    return error_of([&] {
      AtomicFile file(path);
      file.write("text");
      file.commit();
    });
  };
  CHECK(write_to("/dev/full") == "/dev/full: cannot be written: No space left on device");
  CHECK(write_to("/dev/null") == "no error");
  CHECK(std::filesystem::is_character_file("/dev/full"));
  CHECK(std::filesystem::is_character_file("/dev/null"));
}
