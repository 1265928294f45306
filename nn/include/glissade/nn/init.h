// How weights start. Every function fills a tensor, or the value of a variable, in place.
#pragma once

#include "glissade/autograd/variable.h"
#include "glissade/core/activation.h"
#include "glissade/core/rng.h"
#include "glissade/core/tensor.h"

namespace glissade::nn {
template <class T>
class Sequential;
}

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

/// Uniform in [-b, b) with b = sqrt(3 / fan_in) (LeCun et al., Efficient BackProp, 1998): keeps the
/// variance of values that pass through layers without an activation, or with one of slope near 1.
/// SELU needs it (Klambauer et al., 2017); of the activations here, none does.
template <class T>
void lecun_uniform(Tensor<T>& weight, Rng& rng);
/// Normal with standard deviation 1 / sqrt(fan_in); otherwise as `lecun_uniform`.
template <class T>
void lecun_normal(Tensor<T>& weight, Rng& rng);

/// Fills a weight as suits the activation that follows it:
///
/// - relu, leaky_relu, elu, gelu, silu, softplus: `kaiming_normal` with the activation's gain,
/// which
///   keeps the mean square of the values (He et al., 2015; for ReLU, variance 2 / fan_in);
/// - tanh, sigmoid, identity: `xavier_normal` with gain 1, variance 2 / (fan_in + fan_out), which
/// is
///   between what keeps the variance of the values and that of the gradients (Glorot and Bengio,
///   2010).
template <class T>
void for_activation(Tensor<T>& weight, const Activation& activation, Rng& rng);
/// The same for the weight of every Linear in the model, and zero biases. The activation of a layer
/// is the activation module after it, normalisation, Dropout and Flatten passed over; a PReLU
/// counts as a leaky_relu with the root mean square of its slopes; the identity if there is none.
/// Sequentials and Residuals inside are looked into, other modules with modules inside are left
/// alone.
template <class T>
void for_activation(Sequential<T>& model, Rng& rng);

/// Options of `orthogonal`.
struct OrthogonalOptions {
  /// The factor of the weights.
  double gain = 1.0;
};
/// gain Q with orthonormal rows or columns, whichever are fewer, where axes from the second on
/// count as one: the weight keeps lengths, in one direction at least (Saxe et al., 2013). Every
/// such Q is equally likely (Mezzadri, How to generate random matrices from the classical compact
/// groups, 2007). Throws std::invalid_argument for fewer than two axes.
template <class T>
void orthogonal(Tensor<T>& weight, Rng& rng, const OrthogonalOptions& options = {});

/// Options of `truncated_normal`.
struct TruncatedNormalOptions {
  double mean = 0.0;  ///< the mean, before truncation
  double std = 1.0;   ///< the standard deviation before truncation, positive
  double a = -2.0;    ///< the least value: not a multiple of std
  double b = 2.0;     ///< the largest value, above `a`
};
/// Normally distributed numbers of which those outside [a, b] are drawn again; exact also where the
/// interval is far from the mean (Robert, Simulation of truncated normal variables, 1995). The
/// bounds are rounded to T. Throws std::invalid_argument unless a < b, std is positive, and the
/// interval is less than 1e150 std away from the mean.
template <class T>
void truncated_normal(Tensor<T>& tensor, Rng& rng, const TruncatedNormalOptions& options = {});

/// Options of `sparse`.
struct SparseOptions {
  /// The standard deviation of the other elements.
  double std = 0.01;
};
/// Normal with mean 0, but in each column ceil(sparsity rows) elements, chosen at random, are 0:
/// each input goes to few outputs (Martens, Deep learning via Hessian-free optimization, 2010).
/// Throws std::invalid_argument unless there are two axes, sparsity is from 0 to 1 and std is not
/// negative.
template <class T>
void sparse(Tensor<T>& weight, double sparsity, Rng& rng, const SparseOptions& options = {});

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
void lecun_uniform(Variable<T> weight, Rng& rng) {
  lecun_uniform(weight.mutable_value(), rng);
}
template <class T>
void lecun_normal(Variable<T> weight, Rng& rng) {
  lecun_normal(weight.mutable_value(), rng);
}
template <class T>
void for_activation(Variable<T> weight, const Activation& activation, Rng& rng) {
  for_activation(weight.mutable_value(), activation, rng);
}
template <class T>
void orthogonal(Variable<T> weight, Rng& rng, const OrthogonalOptions& options = {}) {
  orthogonal(weight.mutable_value(), rng, options);
}
template <class T>
void truncated_normal(Variable<T> variable, Rng& rng, const TruncatedNormalOptions& options = {}) {
  truncated_normal(variable.mutable_value(), rng, options);
}
template <class T>
void sparse(Variable<T> weight, double sparsity, Rng& rng, const SparseOptions& options = {}) {
  sparse(weight.mutable_value(), sparsity, rng, options);
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
