#pragma once

// A learning rate that falls when a measure no longer improves.

#include <cstdint>
#include <memory>
#include <string>

#include "glissade/optim/schedule.h"
#include "glissade/optim/state.h"

namespace glissade::optim {

/// Options of `ReduceOnPlateau`.
struct PlateauOptions {
  /// What the rate is multiplied by; in (0, 1).
  double factor = 0.1;
  /// The rate falls at this many checks in a row without improvement; at least 1. (PyTorch's
  /// ReduceLROnPlateau waits for one more: its patience of 9 is 10 here.)
  std::int64_t patience = 10;
  /// What counts as an improvement on the best measure b so far: less than b (1 - threshold), or
  /// less than b - threshold; not negative.
  double threshold = 1e-4;
  /// Whether the threshold is a share of the best measure, rather than a difference.
  bool relative = true;
  /// Whether more is better (an accuracy): more than b (1 + threshold), or than b + threshold.
  bool maximize = false;
  /// Checks after a fall that do not count; not negative.
  std::int64_t cooldown = 0;
  /// The rate does not fall below this; not negative.
  double min_lr = 0.0;
};

/// Watches a measure, such as the validation loss of each epoch, and lowers the rate when it has
/// not improved for `patience` checks:
///
///     optim::ReduceOnPlateau plateau(0.1, {.factor = 0.5, .patience = 5});
///     optim::SGD sgd(model.parameters(), {.lr = plateau.schedule()});
///     ... after each epoch: plateau.update(validation_loss);
class ReduceOnPlateau final : public Stateful<double> {
 public:
  /// `schedule` is the rate as long as nothing has been lowered. Throws std::invalid_argument
  /// naming the option that is out of range.
  explicit ReduceOnPlateau(Schedule schedule, const PlateauOptions& options = {});

  /// A check: returns whether the rate falls now. A NaN is no improvement.
  bool update(double measure);

  /// The rate as a function of the step: `schedule` times all factors so far. It follows later
  /// updates of this object, also in the optimizers that hold it.
  Schedule schedule() const;
  /// The best measure so far; infinite before the first.
  double best() const { return best_; }

  std::string kind() const override { return "ReduceOnPlateau"; }
  /// What it has seen so far, for `save` and `load`.
  void members(StateMembers<double>& members) override;

 private:
  bool improves(double measure) const;

  PlateauOptions options_;
  Schedule schedule_;
  std::shared_ptr<double> scale_;  // shared with the schedules handed out
  double best_;
  std::int64_t bad_checks_ = 0;
  std::int64_t cooldown_left_ = 0;
};

}  // namespace glissade::optim
