// Which BLAS library runs, the number of threads, and when kernels are repaired. The repair of the
// real library is tested by tools/blas_repair_tool.cpp, in a process of its own.

#include <glissade/core/blas_info.h>
#include <glissade/core/gemm.h>
#include <glissade/core/threads.h>
#include <sched.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "../../core/blas_repair.h"
#include "catch.h"

using glissade::blas_info;
using glissade::BlasInfo;
using glissade::num_threads;
using glissade::set_num_threads;
using glissade::detail::better_kernel;
using glissade::detail::OpenBlas;
using glissade::detail::Processor;
using glissade::detail::repair_slow_kernels;

namespace {

constexpr Processor kOld{};
constexpr Processor kIntel{.avx2_fma = true, .avx512 = false, .intel = true, .amd = false};
constexpr Processor kIntel512{.avx2_fma = true, .avx512 = true, .intel = true, .amd = false};
constexpr Processor kAmd512{.avx2_fma = true, .avx512 = true, .intel = false, .amd = true};
constexpr Processor kOther{.avx2_fma = true, .avx512 = false, .intel = false, .amd = false};

// A library of which only the choice of kernels exists.
struct FakeLibrary {
  static inline std::string kernel;
  static inline std::vector<std::string> available;
  static inline int quits = 0;

  static char* get_corename() { return kernel.data(); }
  static void dynamic_quit() {
    ++quits;
    kernel.clear();
  }
  static void dynamic_init() {
    const char* wanted = std::getenv("OPENBLAS_CORETYPE");
    kernel = "Prescott";
    for (const std::string& name : available) {
      if (wanted != nullptr && name == wanted) kernel = name;
    }
  }
  static OpenBlas make(std::vector<std::string> kernels) {
    kernel = "Prescott";
    available = std::move(kernels);
    quits = 0;
    OpenBlas library;
    library.get_corename = get_corename;
    library.dynamic_init = dynamic_init;
    library.dynamic_quit = dynamic_quit;
    return library;
  }
};

bool passes() { return true; }
bool fails() { return false; }

// The test may itself be run with OPENBLAS_CORETYPE set.
struct CoreTypeVariable {
  CoreTypeVariable() {
    if (const char* value = std::getenv("OPENBLAS_CORETYPE")) saved = value;
    unsetenv("OPENBLAS_CORETYPE");
  }
  CoreTypeVariable(const CoreTypeVariable&) = delete;
  CoreTypeVariable& operator=(const CoreTypeVariable&) = delete;
  ~CoreTypeVariable() {
    if (saved.empty()) {
      unsetenv("OPENBLAS_CORETYPE");
    } else {
      setenv("OPENBLAS_CORETYPE", saved.c_str(), 1);
    }
  }
  std::string saved;
};

}  // namespace

TEST_CASE("kernels without AVX are slow on a processor with AVX2") {
  CHECK(better_kernel("Prescott", kIntel512) == "SkylakeX");
  CHECK(better_kernel("Prescott", kIntel) == "Haswell");
  CHECK(better_kernel("Prescott", kAmd512) == "Zen");
  CHECK(better_kernel("Prescott", kOther) == "Haswell");
  CHECK(better_kernel("Nehalem", kIntel) == "Haswell");
  CHECK(better_kernel("Opteron_SSE3", kAmd512) == "Zen");
}

TEST_CASE("kernels that suit the processor, and unknown ones, are left alone") {
  CHECK(better_kernel("Prescott", kOld).empty());
  CHECK(better_kernel("Haswell", kIntel512).empty());
  CHECK(better_kernel("Sandybridge", kIntel).empty());
  CHECK(better_kernel("Zen", kAmd512).empty());
  CHECK(better_kernel("SapphireRapids", kIntel512).empty());
  CHECK(better_kernel("armv8", kOld).empty());
  CHECK(better_kernel("", kIntel).empty());
}

TEST_CASE("slow kernels are replaced, and the environment is as before") {
  const CoreTypeVariable variable;
  const OpenBlas library = FakeLibrary::make({"Haswell", "SkylakeX"});
  CHECK(repair_slow_kernels(library, kIntel512, passes) ==
        "switched from the slow Prescott kernels");
  CHECK(FakeLibrary::kernel == "SkylakeX");
  CHECK(std::getenv("OPENBLAS_CORETYPE") == nullptr);
  CHECK(FakeLibrary::quits == 1);
}

TEST_CASE("kernels that fail the self-test are given up again") {
  const CoreTypeVariable variable;
  const OpenBlas library = FakeLibrary::make({"Haswell", "SkylakeX"});
  CHECK(repair_slow_kernels(library, kIntel512, fails) ==
        "the Prescott kernels are slow here, but kept: the SkylakeX kernels failed the self-test");
  CHECK(FakeLibrary::kernel == "Prescott");
  CHECK(std::getenv("OPENBLAS_CORETYPE") == nullptr);
}

TEST_CASE("kernels that the library does not have are not taken for granted") {
  const CoreTypeVariable variable;
  const OpenBlas library = FakeLibrary::make({"Haswell"});
  CHECK(repair_slow_kernels(library, kAmd512, passes) ==
        "the Prescott kernels are slow here, but kept: the Zen kernels are not in this build");
  CHECK(FakeLibrary::kernel == "Prescott");
  OpenBlas fixed = FakeLibrary::make({});
  fixed.dynamic_init = nullptr;
  CHECK(repair_slow_kernels(fixed, kIntel, passes) ==
        "the Prescott kernels are slow here; this build has no others");
}

TEST_CASE("a user's OPENBLAS_CORETYPE wins") {
  const CoreTypeVariable variable;
  setenv("OPENBLAS_CORETYPE", "Prescott", 1);
  const OpenBlas library = FakeLibrary::make({"SkylakeX"});
  CHECK(repair_slow_kernels(library, kIntel512, passes) ==
        "the Prescott kernels are slow here, but kept, as OPENBLAS_CORETYPE asks for them");
  CHECK(FakeLibrary::quits == 0);
  CHECK(std::string(std::getenv("OPENBLAS_CORETYPE")) == "Prescott");
}

TEST_CASE("good kernels, and other libraries, are not touched") {
  const CoreTypeVariable variable;
  const OpenBlas library = FakeLibrary::make({"Haswell"});
  FakeLibrary::kernel = "Haswell";
  CHECK(repair_slow_kernels(library, kIntel512, fails).empty());
  CHECK(FakeLibrary::quits == 0);
  CHECK(repair_slow_kernels(OpenBlas(), kIntel512, fails).empty());
}

TEST_CASE("the self-test passes with the kernels in use") {
  CHECK(glissade::detail::products_are_right());
}

TEST_CASE("blas_info describes the library that is loaded") {
  const BlasInfo info = blas_info();
  CHECK(info.library == "OpenBLAS");
  CHECK(info.version.find("0.3.") == 0);
  CHECK(info.kernel != "unknown");
  CHECK(info.config.find(info.kernel) != std::string::npos);
  CHECK((info.threading == "pthreads" || info.threading == "openmp" || info.threading == "serial"));
  CHECK(info.threads >= 1);
  CHECK(to_string(info).find("OpenBLAS " + info.version + ", kernel " + info.kernel) == 0);
}

TEST_CASE("no slow kernel is left in use unless a user asks for it") {
  if (std::getenv("OPENBLAS_CORETYPE") != nullptr) return;
  CHECK(better_kernel(blas_info().kernel, glissade::detail::this_processor()).empty());
}

TEST_CASE("the description is one line") {
  BlasInfo info{.library = "OpenBLAS",
                .version = "0.3.21",
                .kernel = "Haswell",
                .threading = "pthreads",
                .config = "",
                .note = "",
                .threads = 2};
  CHECK(to_string(info) == "OpenBLAS 0.3.21, kernel Haswell, pthreads, 2 threads");
  info.threads = 1;
  info.note = "switched from the slow Prescott kernels";
  CHECK(to_string(info) ==
        "OpenBLAS 0.3.21, kernel Haswell, pthreads, 1 thread; switched from the slow Prescott "
        "kernels");
  info.library = "unknown";
  CHECK(to_string(info) == "unknown BLAS library");
}

TEST_CASE("the number of threads is the library's own, and at least 1") {
  const int before = num_threads();
  CHECK(before >= 1);
  CHECK_THROWS_WITH(set_num_threads(0),
                    "set_num_threads: the number of threads must be at least 1, got 0");
  CHECK_THROWS_AS(set_num_threads(-2), std::invalid_argument);
  CHECK(num_threads() == before);
  set_num_threads(1);
  CHECK(num_threads() == 1);
  CHECK(blas_info().threads == 1);
  set_num_threads(3);
  CHECK(num_threads() == 3);
  CHECK(blas_info().threads == 3);
  set_num_threads(before);
}

TEST_CASE("products are right with any number of threads", "[threads]") {
  const int before = num_threads();
  const auto a = glissade::Tensor<double>::full({150, 200}, 0.5);
  const auto b = glissade::Tensor<double>::full({200, 120}, 2.0);
  for (const int count : {1, 2, 4, 1}) {
    set_num_threads(count);
    CHECK(matmul(a, b) == glissade::Tensor<double>::full({150, 120}, 200.0));
  }
  set_num_threads(before);
}
