#pragma once

// The best parameters of a run, kept and brought back.

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "glissade/autograd/variable.h"
#include "glissade/optim/stopping.h"

namespace glissade::optim {

/// A copy of the values of parameters and buffers (running statistics of normalisation layers),
/// to go back to. The parameters are shared handles; the buffers must outlive the snapshot, and
/// stay where they are.
///
///     optim::Snapshot<float> good(model.parameters(), model.buffers());
///     ... train ...
///     good.restore();
template <class T>
class Snapshot {
 public:
  /// Saves the present values. Throws std::invalid_argument if a parameter is undefined or a buffer
  /// null.
  explicit Snapshot(std::vector<Variable<T>> parameters, std::vector<Tensor<T>*> buffers = {});

  /// Saves the present values instead of those before.
  void save();
  /// Writes the saved values back. Throws std::invalid_argument, and changes nothing, if a shape
  /// has changed since.
  void restore();

 private:
  std::vector<Variable<T>> parameters_;
  std::vector<Tensor<T>*> buffers_;
  std::vector<Tensor<T>> values_;  // of the parameters, then of the buffers
};

/// Early stopping: watches the validation loss, and keeps the parameters and buffers that had the
/// best one.
///
///     optim::EarlyStopping<float> early(5, model.parameters(), model.buffers());
///     for (int epoch = 0; epoch < 100; ++epoch) {
///       ... train ...
///       if (auto stop = early.update(validation_loss)) break;
///     }
///     early.restore_best();
template <class T>
class EarlyStopping {
 public:
  /// Stops after `patience` >= 1 checks in a row without a loss lower than the best by more than
  /// options.min_delta. Throws std::invalid_argument naming the option that is out of range.
  EarlyStopping(std::int64_t patience, std::vector<Variable<T>> parameters,
                std::vector<Tensor<T>*> buffers = {}, const PatienceOptions& options = {});

  /// A check: saves the values if the loss is the lowest so far (also if by less than min_delta),
  /// and returns whether to stop. A NaN is no improvement.
  std::optional<Stop> update(double validation_loss);
  /// Writes the values of the best check back; those at the construction if there was none.
  void restore_best() { best_.restore(); }

  /// The lowest loss so far; infinite before the first.
  double best_loss() const { return best_loss_; }
  /// The number of the check, from 0, that had it; -1 before the first.
  std::int64_t best_check() const { return best_check_; }

 private:
  StoppingRule rule_;
  Snapshot<T> best_;
  double best_loss_ = std::numeric_limits<double>::infinity();
  std::int64_t best_check_ = -1;
  std::int64_t checks_ = 0;
};

}  // namespace glissade::optim
