// Dropout.
#pragma once

#include <string>

#include "glissade/core/rng.h"
#include "glissade/nn/module.h"

namespace glissade::nn {

/// In training, sets each element to 0 with probability p, independently, and multiplies the others
/// by 1 / (1 - p), so that the expectation stays the same (Srivastava et al., 2014, in the inverted
/// form). The identity in evaluation mode.
template <class T = float>
class Dropout final : public Module<T> {
 public:
  /// `rng` is split: the layer has its own random numbers, whatever else `rng` is used for. Throws
  /// std::invalid_argument unless 0 <= p < 1.
  Dropout(double p, Rng& rng);
  /// A copy draws numbers of its own, not those of the original again: its Rng is split.
  Dropout(const Dropout& other) : Module<T>(other), p_(other.p_), rng_(other.rng_.split()) {}
  Dropout& operator=(const Dropout& other) { return *this = Dropout(other); }
  Dropout(Dropout&&) noexcept = default;
  Dropout& operator=(Dropout&&) noexcept = default;
  ~Dropout() override = default;

  Variable<T> forward(const Variable<T>& x) override;
  void members(Members<T>& members) override { members.generator("rng", rng_); }
  std::string description() const override;

  /// The probability with which an element becomes 0.
  double p() const { return p_; }

 private:
  double p_;
  mutable Rng rng_;  // copying draws from it
};

}  // namespace glissade::nn
