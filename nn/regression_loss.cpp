// The losses of regression: mse_loss, l1_loss and huber_loss.
//
// All three are piecewise quadratic in d = x - t, so that one node serves them: the derivative is
// slope(d), and the derivative of that is curvature(d), which is piecewise constant.

#include "glissade/core/regression_loss.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "glissade/autograd/operation.h"
#include "glissade/core/reduce.h"
#include "glissade/nn/loss.h"
#include "sum_of.h"

namespace glissade::nn {
namespace {

template <class T>
T sign(T d) {
  return static_cast<T>((d > T{}) - (d < T{}));
}

template <class T>
struct SquaredError {
  static constexpr const char* kName = "mse_loss";
  static constexpr bool kQuadratic = true;  // slope(d) = curvature d everywhere
  T value(T d) const { return d * d; }
  T slope(T d) const { return 2 * d; }
  T curvature(T) const { return 2; }
};

template <class T>
struct AbsoluteError {
  static constexpr const char* kName = "l1_loss";
  static constexpr bool kQuadratic = false;
  T value(T d) const { return std::abs(d); }
  T slope(T d) const { return sign(d); }
  T curvature(T) const { return 0; }
};

template <class T>
struct HuberError {
  static constexpr const char* kName = "huber_loss";
  static constexpr bool kQuadratic = false;
  T delta;
  T value(T d) const {
    const T size = std::abs(d);
    return size <= delta ? d * d / 2 : delta * (size - delta / 2);
  }
  // A NaN passes through, as it does in PyTorch.
  T slope(T d) const { return std::abs(d) > delta ? delta * sign(d) : d; }
  T curvature(T d) const { return std::abs(d) > delta ? T{0} : T{1}; }
};

template <class T, class Error>
class RegressionNode final : public Node<T> {
 public:
  // `differences`: prediction - target, if kQuadratic and reduced.
  RegressionNode(Tensor<T>&& value, const Variable<T>& prediction, const Variable<T>& target,
                 Error error, double divisor, Tensor<T> differences)
      : Node<T>(std::move(value), true),
        inputs_{prediction, target},
        error_(error),
        divisor_(divisor),
        differences_(std::move(differences)) {
    this->set_inputs(inputs_.data(), inputs_.size());
  }

  const char* name() const override { return Error::kName; }

  void backward(const Variable<T>& grad, const Variable<T>&, GradientSink<T>& sink) override {
    const Variable<T> gradient = slope(inputs_[0] - inputs_[1]) * (grad * (1.0 / divisor_));
    if (sink.needed(1)) sink.give(1, -gradient);
    if (sink.needed(0)) sink.give(0, gradient);
  }

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (!sink.needed(i)) continue;
      // d = x - t grows with the first input and falls with the second.
      const double scale = (i == 0 ? 1.0 : -1.0) / divisor_;
      if (Error::kQuadratic && grad.size() == 1 && differences_.size() > 0) {
        const T factor = static_cast<T>(scale) * error_.curvature(T{}) * grad.value()[0];
        // What has been given away is not there for the second input, which is computed anew.
        Tensor<T> slopes = sink.is_last() ? std::move(differences_) : differences_;
        kernels::scale_slope(slopes.size(), factor, slopes.data());
        sink.give(i, std::move(slopes));
      } else {
        write(i, grad.value(), static_cast<T>(scale), sink);
      }
    }
    return true;
  }

 private:
  Variable<T> slope(const Variable<T>& d) const {
    if constexpr (Error::kQuadratic) {
      return d * static_cast<double>(error_.curvature(T{}));
    } else {
      auto slopes = Tensor<T>::uninitialized(d.shape());
      auto curvatures = Tensor<T>::uninitialized(d.shape());
      for (Index i = 0; i < d.size(); ++i) {
        slopes[i] = error_.slope(d.value()[i]);
        curvatures[i] = error_.curvature(d.value()[i]);
      }
      return operation(
          Error::kName, std::move(slopes), {d},
          [curvature = Variable<T>(std::move(curvatures))](
              const auto& grad, const auto&, const auto&) { return grad * curvature; });
    }
  }

  void write(std::size_t input, const Tensor<T>& grad, T scale, GradientSink<T>& sink) {
    const T* const x = inputs_[0].value().data();
    const T* const t = inputs_[1].value().data();
    sink.write(input, [&](Tensor<T>& gradient, T beta) {
      T* const out = gradient.data();
      const Index n = gradient.size();
      if (grad.size() == 1 && beta == T{}) {  // the usual case, in one pass
        const T factor = scale * grad[0];
        for (Index i = 0; i < n; ++i) out[i] = factor * error_.slope(x[i] - t[i]);
        return;
      }
      if (beta == T{}) std::fill(out, out + n, T{});
      const Index step = grad.size() == 1 ? 0 : 1;
      for (Index i = 0; i < n; ++i) out[i] += scale * grad[i * step] * error_.slope(x[i] - t[i]);
    });
  }

  std::array<Variable<T>, 2> inputs_;
  [[no_unique_address]] Error error_;
  double divisor_;
  Tensor<T> differences_;
};

template <class T, class Error>
Variable<T> regression_loss(const Variable<T>& prediction, const Variable<T>& target,
                            const Error& error, Reduction reduction) {
  check(prediction.shape() == target.shape(), "{}: the prediction {} and the target {} differ",
        Error::kName, prediction.shape(), target.shape());
  check(reduction != Reduction::mean || prediction.size() > 0,
        "{}: the batch is empty, there is no mean; its shape is {}", Error::kName,
        prediction.shape());
  const T* const x = prediction.value().data();
  const T* const t = target.value().data();
  const Index n = prediction.size();
  const double divisor = reduction == Reduction::mean ? static_cast<double>(n) : 1.0;
  auto value =
      Tensor<T>::uninitialized(reduction == Reduction::none ? prediction.shape() : Shape{});
  Tensor<T> differences;
  if (reduction == Reduction::none) {
    for (Index i = 0; i < n; ++i) value[i] = error.value(x[i] - t[i]);
  } else if (Error::kQuadratic) {
    differences = Tensor<T>::uninitialized(prediction.shape());
    value[0] = static_cast<T>(kernels::difference(n, x, t, differences.data()) / divisor);
  } else {
    const double total = sum_of(n, [&](Index i) { return error.value(x[i] - t[i]); });
    value[0] = static_cast<T>(total / divisor);
  }
  if (!must_record(prediction, target)) return Variable<T>(std::move(value));
  return Variable<T>::adopt(new RegressionNode<T, Error>(std::move(value), prediction, target,
                                                         error, divisor, std::move(differences)));
}

}  // namespace

template <class T>
Variable<T> mse_loss(const Variable<T>& prediction, const std::type_identity_t<Variable<T>>& target,
                     const RegressionLossOptions& options) {
  return regression_loss(prediction, target, SquaredError<T>{}, options.reduction);
}

template <class T>
Variable<T> l1_loss(const Variable<T>& prediction, const std::type_identity_t<Variable<T>>& target,
                    const RegressionLossOptions& options) {
  return regression_loss(prediction, target, AbsoluteError<T>{}, options.reduction);
}

template <class T>
Variable<T> huber_loss(const Variable<T>& prediction,
                       const std::type_identity_t<Variable<T>>& target,
                       const HuberLossOptions& options) {
  check(options.delta > 0.0, "huber_loss: delta must be positive, got {}", options.delta);
  return regression_loss(prediction, target, HuberError<T>{static_cast<T>(options.delta)},
                         options.reduction);
}

#define GLISSADE_INSTANTIATE(T)                                         \
  template Variable<T> mse_loss(const Variable<T>&, const Variable<T>&, \
                                const RegressionLossOptions&);          \
  template Variable<T> l1_loss(const Variable<T>&, const Variable<T>&,  \
                               const RegressionLossOptions&);           \
  template Variable<T> huber_loss(const Variable<T>&, const Variable<T>&, const HuberLossOptions&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade::nn
