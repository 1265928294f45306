#pragma once

// What the sources around the BLAS library share.

#include <mutex>
#include <string>

#include "glissade/core/gemm.h"

namespace glissade::detail {

/// The library's product as it is: no checks and no repair of slow kernels. m, n and k are
/// positive.
template <class T>
void blas_gemm(Transpose ta, Transpose tb, int m, int n, int k, T alpha, const T* a, const T* b,
               T beta, T* c);

/// What was found out and done before the first product.
struct BlasState {
  bool serial = false;      ///< OpenBLAS's serial build, which must not run in two threads at once
  std::string repair_note;  ///< what was done about slow kernels
};

/// Makes the library ready for products when it is first called: fast kernels, number of threads.
const BlasState& ready_blas();

/// Makes the library ready, and holds others off as long as the lock lives if it is the serial
/// build.
std::unique_lock<std::mutex> lock_if_serial();

}  // namespace glissade::detail
