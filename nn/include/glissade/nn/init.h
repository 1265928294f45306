// How weights start. Every function fills a tensor, or the value of a variable, in place.
#pragma once

#include "glissade/autograd/variable.h"
#include "glissade/core/activation.h"
#include "glissade/core/rng.h"
#include "glissade/core/tensor.h"

namespace glissade::nn::init {

/// The numbers of values that enter into one output, and that one input goes to.
struct Fans {
  Index in;   ///< values that enter into one output
  Index out;  ///< outputs that one value enters into
};

/// The fans of a weight of shape (out, in, ...): further axes, such as those of a convolution's
/// kernel, multiply both. Throws std::invalid_argument for fewer than two axes.
Fans fans(const Shape& weight);

/// Which of the two variances to preserve: that of the values (fan_in), or of the gradients.
enum class FanMode { fan_in, fan_out };

/// The factor by which weights before an activation are larger than before none: PyTorch's values
/// where it has one (1 for the identity and sigmoid, 5/3 for tanh, sqrt(2) for relu, sqrt(2 / (1 +
/// a^2)) for leaky_relu); for the others E[f(z)^2]^(-1/2) with a standard normal z, so that the
/// mean square is preserved (the criterion by which He et al. derive relu's).
double gain(const Activation& activation);

/// Options of `xavier_uniform` and `xavier_normal`.
struct XavierOptions {
  /// The factor by which the weights are larger; `init::gain` knows the usual ones.
  double gain = 1.0;
};
/// Uniform in [-b, b) with b = gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).
template <class T>
void xavier_uniform(Tensor<T>& weight, Rng& rng, const XavierOptions& options = {});
/// Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010).
template <class T>
void xavier_normal(Tensor<T>& weight, Rng& rng, const XavierOptions& options = {});

/// Options of `kaiming_uniform` and `kaiming_normal`.
struct KaimingOptions {
  /// Which fan the formula takes.
  FanMode mode = FanMode::fan_in;
  /// The activation that follows; its `gain` is taken.
  Activation activation = {.kind = Activation::Kind::relu};
};
/// Uniform in [-b, b) with b = gain sqrt(3 / fan) (He et al., 2015).
template <class T>
void kaiming_uniform(Tensor<T>& weight, Rng& rng, const KaimingOptions& options = {});
/// Normal with standard deviation gain / sqrt(fan) (He et al., 2015).
template <class T>
void kaiming_normal(Tensor<T>& weight, Rng& rng, const KaimingOptions& options = {});

/// Options of `uniform`.
struct UniformOptions {
  double low = 0.0;   ///< the lower bound, included
  double high = 1.0;  ///< the upper bound, excluded
};
/// Uniform in [low, high). Throws std::invalid_argument unless low <= high.
template <class T>
void uniform(Tensor<T>& tensor, Rng& rng, const UniformOptions& options = {});

/// Options of `normal`.
struct NormalOptions {
  double mean = 0.0;  ///< the mean
  double std = 1.0;   ///< the standard deviation, at least 0
};
/// Normally distributed. Throws std::invalid_argument if std is negative.
template <class T>
void normal(Tensor<T>& tensor, Rng& rng, const NormalOptions& options = {});

/// Every element is `value`.
template <class T>
void constant(Tensor<T>& tensor, double value) {
  tensor.fill(static_cast<T>(value));
}
/// Every element is 0.
template <class T>
void zeros(Tensor<T>& tensor) {
  tensor.fill(T{});
}

///@{
/// The same for the value of a variable, which is changed in place.
template <class T>
void xavier_uniform(Variable<T> weight, Rng& rng, const XavierOptions& options = {}) {
  xavier_uniform(weight.mutable_value(), rng, options);
}
template <class T>
void xavier_normal(Variable<T> weight, Rng& rng, const XavierOptions& options = {}) {
  xavier_normal(weight.mutable_value(), rng, options);
}
template <class T>
void kaiming_uniform(Variable<T> weight, Rng& rng, const KaimingOptions& options = {}) {
  kaiming_uniform(weight.mutable_value(), rng, options);
}
template <class T>
void kaiming_normal(Variable<T> weight, Rng& rng, const KaimingOptions& options = {}) {
  kaiming_normal(weight.mutable_value(), rng, options);
}
template <class T>
void uniform(Variable<T> variable, Rng& rng, const UniformOptions& options = {}) {
  uniform(variable.mutable_value(), rng, options);
}
template <class T>
void normal(Variable<T> variable, Rng& rng, const NormalOptions& options = {}) {
  normal(variable.mutable_value(), rng, options);
}
template <class T>
void constant(Variable<T> variable, double value) {
  constant(variable.mutable_value(), value);
}
template <class T>
void zeros(Variable<T> variable) {
  zeros(variable.mutable_value());
}
///@}

}  // namespace glissade::nn::init
