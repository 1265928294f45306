#pragma once

// The parts of OpenBLAS that go beyond BLAS. They are looked up at run time, so that the library
// also links and runs with another BLAS, where they are null.

namespace glissade::detail {

/// OpenBLAS's entry points, each null if the loaded BLAS library does not have it.
struct OpenBlas {
  char* (*get_config)() = nullptr;
  char* (*get_corename)() = nullptr;  // the processor that the kernels were written for
  int (*get_parallel)() = nullptr;    // 0: serial, 1: pthreads, 2: openmp
  int (*get_num_threads)() = nullptr;
  void (*set_num_threads)(int) = nullptr;
  void (*dynamic_init)() = nullptr;  // chooses the kernels, if none are chosen
  void (*dynamic_quit)() = nullptr;  // forgets which kernels are chosen
};

const OpenBlas& openblas();

}  // namespace glissade::detail
