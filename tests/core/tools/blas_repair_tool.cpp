// Runs in a process of its own what the repair of slow kernels does to the real library. To be
// started with OPENBLAS_CORETYPE=Prescott, by which OpenBLAS chooses its slowest kernels as it is
// loaded.
//
//   blas_repair_tool repairs  unsets the variable first: as if OpenBLAS had failed to recognise the
//                             processor. Fast kernels must then run.
//   blas_repair_tool keeps    leaves the variable, a user's own wish. It must be followed.
//
// Products must be right either way. Returns 0 if all is well, 77 if this cannot be tested here.

#include <fmt/core.h>
#include <glissade/core/blas_info.h>
#include <glissade/core/gemm.h>
#include <glissade/core/rng.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "../../../core/blas_repair.h"
#include "../../../core/openblas.h"

using glissade::Index;
using glissade::Tensor;
using glissade::Transpose;

namespace {

constexpr int kSkip = 77;

// The product is made first thing, as by a user who never asks for blas_info().
template <class T>
bool product_is_right(Index m, Index n, Index k) {
  glissade::Rng rng(1);
  auto a = Tensor<T>::uninitialized({m, k});
  auto b = Tensor<T>::uninitialized({n, k});
  rng.fill_uniform(a, -1, 1);
  rng.fill_uniform(b, -1, 1);
  const auto c = matmul(a, b, Transpose::no, Transpose::yes);
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      T sum = 0;
      for (Index l = 0; l < k; ++l) sum += a(i, l) * b(j, l);
      if (!(std::abs(c(i, j) - sum) < T{1} / 1024)) return false;
    }
  }
  return true;
}

int fail(const std::string& reason) {
  fmt::print("FAILED: {}\n", reason);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc == 2 ? argv[1] : "";
  const char* variable = std::getenv("OPENBLAS_CORETYPE");
  if ((mode != "repairs" && mode != "keeps") || variable == nullptr ||
      std::string(variable) != "Prescott") {
    return fail("usage: OPENBLAS_CORETYPE=Prescott blas_repair_tool (repairs | keeps)");
  }
  const auto& library = glissade::detail::openblas();
  const std::string expected =
      glissade::detail::better_kernel("Prescott", glissade::detail::this_processor());
  if (library.get_corename == nullptr || std::string(library.get_corename()) != "Prescott" ||
      library.dynamic_init == nullptr || expected.empty()) {
    fmt::print("skipped: this BLAS library or processor has no choice of kernels\n");
    return kSkip;
  }
  if (mode == "repairs") unsetenv("OPENBLAS_CORETYPE");

  if (!product_is_right<float>(67, 45, 83) || !product_is_right<double>(130, 120, 110) ||
      !product_is_right<float>(1, 300, 200) || !product_is_right<float>(150, 160, 170)) {
    return fail("a product is wrong");
  }
  const auto info = glissade::blas_info();
  fmt::print("{}\n", to_string(info));
  const char* after = std::getenv("OPENBLAS_CORETYPE");
  if (mode == "keeps") {
    if (info.kernel != "Prescott") return fail("the user's choice was not kept");
    if (after == nullptr) return fail("the user's variable is gone");
    if (info.note.find("OPENBLAS_CORETYPE") == std::string::npos) return fail("no note about it");
    return 0;
  }
  if (info.kernel != expected) return fail("the kernels are not " + expected);
  if (after != nullptr) return fail("OPENBLAS_CORETYPE was left in the environment");
  if (info.note.find("Prescott") == std::string::npos) return fail("no note about the repair");
  return 0;
}
