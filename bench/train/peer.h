#pragma once

// What a program does that trains the workloads with one library, for scripts/bench train: it
// answers each line of its standard input with one line. Programs take turns so, and each pays for
// its start only once.
//
//     {"workload": {...}, "threads": 1, "seconds": 0.04}
//     {"seconds": 1.1e-3, "steps": 36, "first_loss": 2.3, "loss": 2.1, "peak_bytes": 51000000,
//      "about": "Glissade, OpenBLAS 0.3.21, ..."}
//
// The workload is one of bench_train --workloads. The first "seconds" is what the steps may take
// altogether (0 makes one step); the answer's is the median of one step. peak_bytes is the largest
// resident set of the program so far. What a library cannot do is answered by
// {"unsupported": "why"}. Epochs of Fashion-MNIST, one for each request:
//
//     {"fashion": {"folder": "...", "sizes": [784, ...], "batch": 128, "lr": 0.001}, "threads": 2}
//     {"seconds": 1.2, "accuracy": 0.85, ...}

#include <functional>
#include <memory>
#include <string>

#include "workloads.h"

namespace glissade::bench {

/// A network in training, as a user of the library writes it.
class Trainer {
 public:
  Trainer() = default;
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  virtual ~Trainer() = default;

  /// Forward, backward, update; when it returns, all of it is done.
  virtual void step() = 0;
  /// The loss before the last step.
  virtual double loss() = 0;
};

/// Epochs of a classifier with ReLU on Fashion-MNIST, by Adam.
struct FashionTask {
  std::string folder;               ///< of the IDX files
  std::vector<std::int64_t> sizes;  ///< as in `Workload`
  std::int64_t batch = 128;
  double lr = 1e-3;
};

/// Such a classifier in training.
class Epochs {
 public:
  Epochs() = default;
  Epochs(const Epochs&) = delete;
  Epochs& operator=(const Epochs&) = delete;
  virtual ~Epochs() = default;

  /// One pass over the training images in a new order.
  virtual void run() = 0;
  /// On the test images.
  virtual double accuracy() = 0;
};

/// What the program knows of its library.
struct Peer {
  std::string about;  ///< the library and the BLAS it uses
  /// Once, before the first network.
  std::function<void(int threads)> set_threads;
  /// Throws std::invalid_argument for a workload that the library cannot do.
  std::function<std::unique_ptr<Trainer>(const Problem&)> make;
  /// Empty if the program has no epochs.
  std::function<std::unique_ptr<Epochs>(const FashionTask&)> make_epochs;
};

/// Answers until the input ends; returns what `main` returns.
int serve(const Peer& peer);

}  // namespace glissade::bench
