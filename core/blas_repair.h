#pragma once

// OpenBLAS chooses its kernels by the processor's model number when it is loaded. Debian 12's
// 0.3.21 takes a model that is newer than itself for a Prescott of 2004 and then runs 5 to 10 times
// too slowly (mended in OpenBLAS by pull request 4268). This makes it choose again.

#include <string>
#include <string_view>

#include "openblas.h"

namespace glissade::detail {

/// What the choice of kernels depends on.
struct Processor {
  bool avx2_fma = false;
  bool avx512 = false;  ///< the subsets F, CD, BW, DQ and VL, as in Skylake servers
  bool intel = false;
  bool amd = false;
};

/// The processor that the process runs on. Instruction sets count if the operating system has
/// enabled them; on other architectures than x86-64 there are none.
Processor this_processor();

/// The kernels (an OPENBLAS_CORETYPE) to use in place of `current`, or an empty string if `current`
/// suits the processor.
std::string better_kernel(std::string_view current, const Processor& processor);

/// Whether the products of the library agree with plain loops: float and double, all
/// transpositions, sizes that fill the kernels' blocks and sizes that do not.
bool products_are_right();

/// Switches to better kernels if there are any and OPENBLAS_CORETYPE is not in the environment;
/// back again if then `self_test` is false. Returns what was done, in a sentence; empty if nothing.
///
/// No other thread may be in OpenBLAS meanwhile (it has no kernels for a moment), nor read or write
/// the environment.
std::string repair_slow_kernels(const OpenBlas& library, const Processor& processor,
                                bool (*self_test)());

}  // namespace glissade::detail
