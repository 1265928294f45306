#include "glissade/core/blas_info.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

#include "blas.h"
#include "glissade/core/threads.h"
#include "openblas.h"

namespace glissade {
namespace {

const char* threading_name(int parallel) {
  switch (parallel) {
    case 0:
      return "serial";
    case 1:
      return "pthreads";
    case 2:
      return "openmp";
    default:
      return "unknown";
  }
}

// The configuration begins "OpenBLAS 0.3.21 NO_LAPACK ...".
std::string version_of(const std::string& config) {
  const std::size_t begin = config.find(' ');
  if (begin == std::string::npos) return "unknown";
  const std::string word = config.substr(begin + 1, config.find(' ', begin + 1) - begin - 1);
  const bool is_number = !word.empty() && std::isdigit(static_cast<unsigned char>(word[0])) != 0;
  return is_number ? word : "unknown";
}

}  // namespace

BlasInfo blas_info() {
  const detail::BlasState& state = detail::ready_blas();
  const detail::OpenBlas& library = detail::openblas();
  BlasInfo info{.library = "unknown",
                .version = "unknown",
                .kernel = "unknown",
                .threading = "unknown",
                .config = "",
                .note = state.repair_note,
                .threads = num_threads()};
  if (library.get_config != nullptr) {
    info.library = "OpenBLAS";
    info.config = library.get_config();
    info.version = version_of(info.config);
  }
  if (library.get_corename != nullptr) info.kernel = library.get_corename();
  if (library.get_parallel != nullptr) info.threading = threading_name(library.get_parallel());
  return info;
}

std::string to_string(const BlasInfo& info) {
  if (info.library == "unknown") return "unknown BLAS library";
  return fmt::format("{} {}, kernel {}, {}, {} thread{}{}{}", info.library, info.version,
                     info.kernel, info.threading, info.threads, info.threads == 1 ? "" : "s",
                     info.note.empty() ? "" : "; ", info.note);
}

}  // namespace glissade
