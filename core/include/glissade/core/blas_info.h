#pragma once

// Which BLAS library computes the matrix products, and how.

#include <string>

namespace glissade {

/// The BLAS library that is loaded. What the library does not tell is "unknown".
struct BlasInfo {
  std::string library;    ///< "OpenBLAS", or "unknown"
  std::string version;    ///< "0.3.21"
  std::string kernel;     ///< the processor that the kernels in use were written for: "Haswell"
  std::string threading;  ///< "pthreads", "openmp", "serial" or "unknown"
  std::string config;     ///< the library's own description of how it was built
  std::string note;  ///< what Glissade did about slow kernels; empty if there was nothing to do
  int threads = 1;   ///< threads that share large products: `num_threads()`
};

/// Describes the BLAS library in use. Slow kernels have been replaced when it returns, as before
/// the first product.
BlasInfo blas_info();

/// The description in one line: "OpenBLAS 0.3.21, kernel SkylakeX, pthreads, 2 threads".
std::string to_string(const BlasInfo& info);

}  // namespace glissade
