#pragma once

// Which instruction sets Highway compiles our kernels for. Included before highway.h. On x86-64:
// a plain baseline (scalar: Highway 1.0.3 has no SSE2), AVX2 and AVX-512; the sets between them
// cost compile time and size.

#include "hwy/detect_targets.h"
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
