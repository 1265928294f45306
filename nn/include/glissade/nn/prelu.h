// PReLU: a leaky ReLU whose slope is learned.
#pragma once

#include <string>

#include "glissade/nn/module.h"

namespace glissade::nn {

/// x for x > 0, otherwise weight x (He et al., 2015): one slope for all, or one for each position
/// of axis 1.
template <class T = float>
class PReLU final : public Module<T> {
 public:
  /// `num_parameters` is 1 or the number of channels, the extent of axis 1; the slopes start as
  /// `init`. No weight decay for them: it would pull them to a plain ReLU. Throws
  /// std::invalid_argument unless num_parameters is at least 1.
  explicit PReLU(Index num_parameters = 1, double init = 0.25);

  /// Of x's shape. Throws std::invalid_argument unless there is one slope, or x has an axis 1 with
  /// as many positions as there are slopes.
  Variable<T> forward(const Variable<T>& x) override;
  void members(Members<T>& members) override;
  std::string description() const override;

  Variable<T> weight;  ///< (num_parameters), the slopes for x <= 0
};

}  // namespace glissade::nn
