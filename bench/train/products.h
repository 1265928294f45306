#pragma once

// The matrix products of a training step and nothing else: what no step on the same BLAS can do
// without.

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "buffer.h"
#include "workloads.h"

namespace glissade::bench {

/// The three products of each layer, by cblas_sgemm.
class Products {
 public:
  /// For `batch` examples of the workload.
  Products(const Workload& workload, std::int64_t batch);

  void operator()();

 private:
  int batch_;
  std::vector<int> sizes_;
  std::vector<Buffer> activations_;
  std::vector<Buffer> gradients_;
  std::vector<Buffer> weights_;
  std::vector<Buffer> weight_gradients_;
};

/// The products on half the batch in each of two threads, both on all weights. The two wait for
/// each other after every step. OpenBLAS itself has to be set to one thread.
class SplitProducts {
 public:
  explicit SplitProducts(const Workload& workload);
  SplitProducts(const SplitProducts&) = delete;
  SplitProducts& operator=(const SplitProducts&) = delete;
  ~SplitProducts();

  /// Wakes the second thread, which then waits for `run` without sleeping.
  void prepare();
  /// That many steps.
  void run(int repetitions);

 private:
  void work();
  void step(Products& products);

  Products first_;
  Products second_;
  std::atomic<int> awake_ = 0;             // turns that were prepared
  std::atomic<int> repetitions_ = 0;       // of this turn; 0 until it begins
  std::atomic<std::int64_t> arrived_ = 0;  // threads at the end of a step, ever
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace glissade::bench
