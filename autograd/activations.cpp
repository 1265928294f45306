// The activations: one kind of node, with a rule in place beside the differentiable one.

#include <numbers>
#include <utility>

#include "activation_rule.h"
#include "glissade/autograd/operation.h"
#include "instantiate.h"

namespace glissade {
namespace {

using Kind = Activation::Kind;

const char* operation_name(Kind kind) {
  switch (kind) {
    case Kind::identity:
      return "identity";
    case Kind::relu:
      return "relu";
    case Kind::leaky_relu:
      return "leaky_relu";
    case Kind::elu:
      return "elu";
    case Kind::gelu:
      return "gelu";
    case Kind::silu:
      return "silu";
    case Kind::tanh:
      return "tanh";
    case Kind::sigmoid:
      return "sigmoid";
    case Kind::softplus:
      return "softplus";
  }
  return "activation";
}

// f'(x) as a constant, for the activations that are straight lines.
template <class T>
Variable<T> constant_slope(const Activation& activation, const Variable<T>& x,
                           const Variable<T>& y) {
  Tensor<T> slope = Tensor<T>::full(y.shape(), T{1});
  kernels::activation_backward(activation, slope.size(), x.defined() ? x.value().data() : nullptr,
                               y.value().data(), slope.data(), slope.data());
  return Variable<T>(std::move(slope));
}

}  // namespace

template <class T>
Variable<T> activation_rule(const Activation& activation, const Variable<T>& grad,
                            const Variable<T>& x, const Variable<T>& y) {
  switch (activation.kind) {
    case Kind::identity:
      return grad;
    case Kind::relu:
    case Kind::leaky_relu:
      return grad * constant_slope(activation, x, y);
    case Kind::elu: {
      // 1 for x > 0, otherwise alpha e^x = y + alpha; `line` is 1 and 0.
      const Activation relu{.kind = Kind::relu};
      const Variable<T> line = constant_slope(relu, x, activation.alpha < 0.0 ? x : y);
      // min(y, 0), so that 0 is not multiplied by infinity
      const Variable<T> below = activation.alpha < 0.0 ? y : -glissade::relu(-y);
      return grad * (line + (1.0 - line) * (below + activation.alpha));
    }
    case Kind::gelu: {
      // Phi(x) + x phi(x), with the normal distribution function and its density
      constexpr double kDensity = 0.5 * std::numbers::inv_sqrtpi * std::numbers::sqrt2;
      const Variable<T> phi = (erf(x * (0.5 * std::numbers::sqrt2)) + 1.0) * 0.5;
      return grad * (phi + x * exp(square(x) * -0.5) * kDensity);
    }
    case Kind::silu: {
      const Variable<T> s = sigmoid(x);
      return grad * s * (x * (1.0 - s) + 1.0);
    }
    case Kind::tanh:
      return grad * (1.0 - square(y));
    case Kind::sigmoid:
      return grad * y * (1.0 - y);
    case Kind::softplus:
      return grad * sigmoid(x);
  }
  fail("activation: {} is not a kind", static_cast<int>(activation.kind));
}

template <class T>
Variable<T> activation_gradient(const Activation& activation, Variable<T> grad, const Tensor<T>* x,
                                const Tensor<T>& y) {
  if (!grad.node()->is_disposable()) grad = grad.detach();
  Tensor<T>& buffer = grad.mutable_value();
  kernels::activation_backward(activation, buffer.size(), x == nullptr ? nullptr : x->data(),
                               y.data(), buffer.data(), buffer.data());
  return grad;
}

namespace {

template <class T>
class ActivationNode final : public Node<T> {
 public:
  ActivationNode(const Activation& activation, Tensor<T>&& y, const Variable<T>& x)
      : Node<T>(std::move(y), true), activation_(activation), x_(x) {
    this->set_inputs(&x_, 1);
  }

  const char* name() const override { return operation_name(activation_.kind); }

  void backward(const Variable<T>& grad, const Variable<T>& output,
                GradientSink<T>& sink) override {
    sink.give(0, activation_rule(activation_, grad, x_, output));
  }

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    sink.give(0, activation_gradient(activation_, std::move(grad), &x_.value(), this->value()));
    return true;
  }

 private:
  Activation activation_;
  Variable<T> x_;
};

}  // namespace

template <class T>
Variable<T> activation(const Variable<T>& x, const Activation& activation) {
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  kernels::activation_forward(activation, y.size(), x.value().data(), y.data());
  if (!must_record(x)) return Variable<T>(std::move(y));
  return Variable<T>::adopt(new ActivationNode<T>(activation, std::move(y), x));
}

template <class T>
Variable<T> relu(const Variable<T>& x) {
  return activation(x, {.kind = Kind::relu});
}
template <class T>
Variable<T> leaky_relu(const Variable<T>& x, double negative_slope) {
  return activation(x, {.kind = Kind::leaky_relu, .alpha = negative_slope});
}
template <class T>
Variable<T> elu(const Variable<T>& x, double alpha) {
  return activation(x, {.kind = Kind::elu, .alpha = alpha});
}
template <class T>
Variable<T> gelu(const Variable<T>& x) {
  return activation(x, {.kind = Kind::gelu});
}
template <class T>
Variable<T> silu(const Variable<T>& x) {
  return activation(x, {.kind = Kind::silu});
}
template <class T>
Variable<T> tanh(const Variable<T>& x) {
  return activation(x, {.kind = Kind::tanh});
}
template <class T>
Variable<T> sigmoid(const Variable<T>& x) {
  return activation(x, {.kind = Kind::sigmoid});
}
template <class T>
Variable<T> softplus(const Variable<T>& x) {
  return activation(x, {.kind = Kind::softplus});
}

#define GLISSADE_INSTANTIATE(T)                                                                   \
  template Variable<T> activation_rule(const Activation&, const Variable<T>&, const Variable<T>&, \
                                       const Variable<T>&);                                       \
  template Variable<T> activation_gradient(const Activation&, Variable<T>, const Tensor<T>*,      \
                                           const Tensor<T>&);                                     \
  template Variable<T> activation(const Variable<T>&, const Activation&);                         \
  template Variable<T> relu(const Variable<T>&);                                                  \
  template Variable<T> leaky_relu(const Variable<T>&, double);                                    \
  template Variable<T> elu(const Variable<T>&, double);                                           \
  template Variable<T> gelu(const Variable<T>&);                                                  \
  template Variable<T> silu(const Variable<T>&);                                                  \
  template Variable<T> tanh(const Variable<T>&);                                                  \
  template Variable<T> sigmoid(const Variable<T>&);                                               \
  template Variable<T> softplus(const Variable<T>&);
GLISSADE_FOR_EACH_FLOAT(GLISSADE_INSTANTIATE)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
