// SVG to PNG, by a program that Debian has in librsvg2-bin.

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "figure.h"

namespace plot {

void convert_to_png(const std::filesystem::path& svg, const std::filesystem::path& png) {
  std::vector<std::string> arguments{"rsvg-convert", "--zoom=2", "--output",
                                     png.string(),   "--",       svg.string()};
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);

  pid_t child = 0;
  const int error = posix_spawnp(&child, pointers[0], nullptr, nullptr, pointers.data(), environ);
  if (error == ENOENT) {
    throw std::runtime_error(
        "PNG pictures need the program rsvg-convert; on Debian, apt-get install librsvg2-bin");
  }
  if (error != 0) {
    throw std::runtime_error(fmt::format("rsvg-convert does not start: {}", std::strerror(error)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      throw std::runtime_error(fmt::format("rsvg-convert is lost: {}", std::strerror(errno)));
    }
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error(fmt::format("rsvg-convert could not make {}", png.string()));
  }
}

}  // namespace plot
