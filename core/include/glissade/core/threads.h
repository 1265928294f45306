#pragma once

// How many threads the library may use. The library owns this number: it does not depend on
// OPENBLAS_NUM_THREADS or OMP_NUM_THREADS.

namespace glissade {

/// The number of threads, the calling one among them, that share large work: products, element-wise
/// operations, optimizers, `nn::DataParallel`. Unless it was set, that is the number of processors
/// this process may run on (its affinity mask).
int num_threads();

/// Sets the number of threads, for the whole process. Call it while nothing is being computed.
/// Small work uses one thread in any case; threads are started when work first needs them. OpenBLAS
/// itself is set to one thread at the first product, also for other code in the same process that
/// uses it: products are split by the library. Throws std::invalid_argument if `count` is less
/// than 1.
void set_num_threads(int count);

}  // namespace glissade
