#pragma once

// Activation functions: which there are, and their kernels on plain memory.

#include <string>

#include "glissade/core/shape.h"

namespace glissade {

/// An activation function as a value: its kind and its parameter.
struct Activation {
  /// The functions there are. Phi is the distribution function of the standard normal distribution.
  enum class Kind {
    identity,    ///< x
    relu,        ///< max(x, 0)
    leaky_relu,  ///< x for x > 0, otherwise alpha x
    elu,         ///< x for x > 0, otherwise alpha (e^x - 1) (Clevert et al., 2015)
    gelu,        ///< x Phi(x), exact (Hendrycks and Gimpel, 2016)
    silu,        ///< x sigmoid(x) (Elfwing et al., 2017)
    tanh,        ///< tanh(x)
    sigmoid,     ///< 1 / (1 + e^-x)
    softplus,    ///< log(1 + e^x)
  };
  /// Which function; the identity unless another is chosen.
  Kind kind = Kind::identity;
  /// The slope of leaky_relu, the scale of elu; unused otherwise.
  double alpha = 0.0;

  /// Whether the derivative follows from the output alone, so that a fused layer need not keep its
  /// input: all but gelu, silu and softplus, and leaky_relu and elu with a negative alpha.
  bool from_output() const {
    switch (kind) {
      case Kind::gelu:
      case Kind::silu:
      case Kind::softplus:
        return false;
      case Kind::leaky_relu:
      case Kind::elu:
        return alpha >= 0.0;
      default:
        return true;
    }
  }
};

/// The activation's name as PyTorch's function has it: "leaky_relu". Throws std::invalid_argument
/// for a number that is no kind.
std::string to_string(Activation::Kind kind);

namespace kernels {

/// y[i] = f(x[i]) for 0 <= i < n; y may be x.
template <class T>
void activation_forward(const Activation& activation, Index n, const T* x, T* y);

/// y[i][j] = f(y[i][j] + bias[j]) for a matrix (rows, columns).
template <class T>
void bias_activation_forward(const Activation& activation, Index rows, Index columns, const T* bias,
                             T* y);

/// dx[i] = g[i] f'(x[i]), from the input x and the output y = f(x). x may be null if
/// `activation.from_output()`. dx may be g.
template <class T>
void activation_backward(const Activation& activation, Index n, const T* x, const T* y, const T* g,
                         T* dx);

/// The backward pass of a bias and an activation from its output y, both (rows, columns):
/// g[i][j] = g[i][j] f'(x[i][j]) in place, and db[j] = beta db[j] + the sum over i of the new
/// g[i][j]. db is not read if beta is 0.
template <class T>
void bias_activation_backward(const Activation& activation, Index rows, Index columns, const T* y,
                              T* g, T beta, T* db);

}  // namespace kernels
}  // namespace glissade
