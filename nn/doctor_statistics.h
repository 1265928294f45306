// What the training doctor remembers of its observations, and the rules that judge them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "glissade/nn/doctor.h"

namespace glissade::nn {

/// The middle value; NaN of none.
double median(std::vector<double> values);

/// One observation.
struct Observation {
  double loss = 0.0;
  double gradient_norm = 0.0;        // of all parameters together
  double cosine = kUnknown;          // between this gradient and the one before
  double gradient_ratio = kUnknown;  // ‖g‖/‖w‖ of the first weight over that of the last
  double signal_ratio = kUnknown;    // the size of the last activation over that of the first
  double saturated = 0.0;            // the largest share of saturated units in a layer
  double update_ratio = kUnknown;    // the last update over the weights, the median of the weights

  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
};

/// The units of one activation layer, counted in the order of the calls of a forward pass.
struct Units {
  std::string name;
  const void* module = nullptr;  // and which call of it in a forward pass, from 0
  int call = 0;
  std::int64_t last_called = -1;            // the number of the observation
  std::vector<std::int64_t> last_active{};  // ReLU: when each was last above 0
  double size = 0.0;                        // root mean square of the outputs
  double saturated = 0.0;                   // sigmoid, tanh: the share near the limits
};

/// What is remembered.
class DoctorStatistics {
 public:
  explicit DoctorStatistics(std::int64_t window_length)
      : window(static_cast<std::size_t>(window_length)) {}

  void add(const Observation& observation);
  /// Forgets the window, after a rollback; what the training began with stays.
  void restart() { history.clear(); }

  /// The values of one of the numbers over the last `count` observations, where they are known.
  std::vector<double> last(double Observation::*number, std::size_t count) const;
  /// The median of them over the window.
  double middle(double Observation::*number) const { return median(last(number, window)); }
  bool is_full() const { return history.size() == window; }
  /// The lower quartile of the last ten losses: at least so much are they now.
  double least_recent_loss() const;
  /// The highest of the first ten losses, the finite ones: batches differ.
  double first_loss() const;
  double recent_loss() const { return median(last(&Observation::loss, 10)); }
  /// What 1 is to the losses of this training: how far they have fallen, or where they began.
  double scale() const;

  /// The mean cosine of successive gradients since the start: 0 for noise, also of few numbers.
  double agreement() const { return cosine_sum / static_cast<double>(cosines); }

  std::size_t window;
  std::int64_t step = 0;  // the number of observations
  std::vector<Units> units;
  std::deque<Observation> history;
  std::vector<double> first_losses;
  double first_norm = 0.0;
  double cosine_sum = 0.0;
  std::int64_t cosines = 0;
  double best_loss = std::numeric_limits<double>::infinity();  // of the recent medians
};

/// The first trouble, causes before effects, that is not among those `known`; none if all is well.
std::optional<Finding> diagnose(const DoctorStatistics& seen, const DoctorOptions& options,
                                const std::vector<Trouble>& known);

}  // namespace glissade::nn
