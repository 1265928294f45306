#pragma once

// How many threads the matrix products may use. The library owns this number: it does not depend
// on OPENBLAS_NUM_THREADS or OMP_NUM_THREADS.

namespace glissade {

/// The number of threads that large matrix products use. Unless it was set, that is the number of
/// processors this process may run on (its affinity mask).
int num_threads();

/// Sets the number of threads, for the whole process. Call it while no product is running. Small
/// products use one thread in any case. Throws std::invalid_argument if `count` is less than 1.
void set_num_threads(int count);

}  // namespace glissade
