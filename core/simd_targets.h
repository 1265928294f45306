#pragma once

// Which instruction sets Highway compiles our kernels for. Included before highway.h. On x86-64:
// AVX2, AVX-512 and a baseline, which with g++ is scalar: Highway 1.0.3 has no SSE2. SSE4 costs
// time to compile and is left out for now.

#include "hwy/detect_targets.h"
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
