#include "blas_repair.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "blas.h"
#include "glissade/core/move.h"
#include "glissade/core/rng.h"

namespace glissade::detail {
namespace {

constexpr const char* kCoreType = "OPENBLAS_CORETYPE";

// What OpenBLAS calls its kernels for processors without AVX.
constexpr std::array<std::string_view, 16> kKernelsWithoutAvx = {
    "Katmai",       "Coppermine", "Northwood",  "Prescott", "Banias", "Atom",
    "Core2",        "Penryn",     "Dunnington", "Nehalem",  "Athlon", "Opteron",
    "Opteron_SSE3", "Barcelona",  "Nano",       "Bobcat"};

void choose_kernels(const OpenBlas& library, const std::string& name) {
  setenv(kCoreType, name.c_str(), 1);
  library.dynamic_quit();
  library.dynamic_init();
  unsetenv(kCoreType);
}

template <class T>
std::vector<T> plain_product(const std::vector<T>& a, const std::vector<T>& b, std::size_t m,
                             std::size_t n, std::size_t k) {
  std::vector<T> c(m * n);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t l = 0; l < k; ++l) {
      for (std::size_t j = 0; j < n; ++j) c[i * n + j] += a[i * k + l] * b[l * n + j];
    }
  }
  return c;
}

template <class T>
bool near(const std::vector<T>& a, const std::vector<T>& b, T tolerance) {
  return std::equal(a.begin(), a.end(), b.begin(),
                    [&](T x, T y) { return std::abs(x - y) <= tolerance; });
}

template <class T>
bool product_is_right(int m, int n, int k) {
  const auto rows = static_cast<std::size_t>(m);
  const auto columns = static_cast<std::size_t>(n);
  const auto inner = static_cast<std::size_t>(k);
  Rng rng(1);
  std::vector<T> a(rows * inner);
  std::vector<T> b(inner * columns);
  rng.fill_uniform(a, -1, 1);
  rng.fill_uniform(b, -1, 1);
  const std::vector<T> expected = plain_product(a, b, rows, columns, inner);
  std::vector<T> at(a.size());
  std::vector<T> bt(b.size());
  kernels::transpose(m, k, a.data(), at.data());
  kernels::transpose(k, n, b.data(), bt.data());
  const T tolerance = T{4} * static_cast<T>(k) * std::numeric_limits<T>::epsilon();
  for (const Transpose ta : {Transpose::no, Transpose::yes}) {
    for (const Transpose tb : {Transpose::no, Transpose::yes}) {
      const T* a_data = ta == Transpose::yes ? at.data() : a.data();
      const T* b_data = tb == Transpose::yes ? bt.data() : b.data();
      std::vector<T> c(expected.size(), std::numeric_limits<T>::quiet_NaN());
      blas_gemm(dense_product<T>(ta, tb, m, n, k, T{1}, a_data, b_data, T{0}, c.data()));
      if (!near(c, expected, tolerance)) return false;
      // 2 A B - A B
      blas_gemm(dense_product<T>(ta, tb, m, n, k, T{2}, a_data, b_data, T{-1}, c.data()));
      if (!near(c, expected, T{3} * tolerance)) return false;
    }
  }
  return true;
}

}  // namespace

Processor this_processor() {
  Processor processor;
#if defined(__x86_64__)
  __builtin_cpu_init();
  processor.avx2_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  processor.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512vl");
  processor.intel = __builtin_cpu_is("intel");
  processor.amd = __builtin_cpu_is("amd");
#endif
  return processor;
}

std::string better_kernel(std::string_view current, const Processor& processor) {
  if (std::find(kKernelsWithoutAvx.begin(), kKernelsWithoutAvx.end(), current) ==
          kKernelsWithoutAvx.end() ||
      !processor.avx2_fma) {
    return "";
  }
  if (processor.avx512 && processor.intel) return "SkylakeX";
  return processor.amd ? "Zen" : "Haswell";
}

bool products_are_right() {
  return product_is_right<float>(67, 45, 83) && product_is_right<double>(67, 45, 83) &&
         product_is_right<float>(200, 190, 300) && product_is_right<double>(200, 190, 300) &&
         product_is_right<float>(1, 17, 5) && product_is_right<double>(1, 17, 5);
}

std::string repair_slow_kernels(const OpenBlas& library, const Processor& processor,
                                bool (*self_test)()) {
  if (library.get_corename == nullptr) return "";
  const std::string slow = library.get_corename();
  const std::string fast = better_kernel(slow, processor);
  if (fast.empty()) return "";
  if (std::getenv(kCoreType) != nullptr) {
    return fmt::format("the {} kernels are slow here, but kept, as {} asks for them", slow,
                       kCoreType);
  }
  if (library.dynamic_init == nullptr || library.dynamic_quit == nullptr) {
    return fmt::format("the {} kernels are slow here; this build has no others", slow);
  }
  choose_kernels(library, fast);
  const std::string chosen = library.get_corename();
  if (chosen == fast && self_test()) return fmt::format("switched from the slow {} kernels", slow);
  choose_kernels(library, slow);
  return fmt::format("the {} kernels are slow here, but kept: the {} kernels {}", slow, fast,
                     chosen == fast ? "failed the self-test" : "are not in this build");
}

}  // namespace glissade::detail
