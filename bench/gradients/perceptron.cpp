// Multilayer perceptrons.

#include <glissade/core/activation.h>
#include <glissade/core/reduce.h>
#include <glissade/core/softmax.h>
#include <glissade/nn/loss.h>

#include "blas.h"
#include "problem.h"

namespace glissade::bench {
namespace {

std::vector<Shape> shapes_of(const std::vector<Index>& sizes) {
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    shapes.push_back({sizes[i + 1], sizes[i]});
    shapes.push_back({sizes[i + 1]});
  }
  return shapes;
}

template <class T>
class PerceptronProblem final : public Problem<T> {
 public:
  explicit PerceptronProblem(const Perceptron& definition)
      : Problem<T>(definition.point, shapes_of(definition.sizes)),
        sizes_(definition.sizes),
        batch_(definition.batch),
        classifies_(definition.classifies()),
        activation_{classifies_ ? Activation::Kind::relu : Activation::Kind::tanh},
        x_(converted<T>(definition.x)),
        y_(converted<T>(definition.y)),
        labels_(definition.labels) {
    for (std::size_t i = 1; i < sizes_.size(); ++i) {
      outputs_.push_back(workspace_.take({batch_, sizes_[i]}));
      gradients_.push_back(workspace_.take({batch_, sizes_[i]}));
      bias_gradients_.push_back(workspace_.take({sizes_[i]}));
    }
    log_sums_ = workspace_.take({batch_});
  }

  T function(const T* parameters) override {
    forward(parameters);
    return classifies_ ? cross_entropy(nullptr) : squared_error(nullptr);
  }

  T analytic(const T* parameters, T* gradient) override {
    forward(parameters);
    T* const last = gradients_.back().data();
    const T value = classifies_ ? cross_entropy(last) : squared_error(last);
    const T* weight = parameters + this->point().size();
    T* dw = gradient + this->point().size();
    for (std::size_t layer = outputs_.size(); layer-- > 0;) {
      const Index size = (sizes_[layer] + 1) * sizes_[layer + 1];
      weight -= size;
      dw -= size;
      backward(layer, weight, dw);
    }
    return value;
  }

  Variable<T> loss() override {
    Variable<T> h = x_;
    const std::size_t layers = outputs_.size();
    for (std::size_t i = 0; i < layers; ++i) {
      h = linear(h, this->parameter(2 * i), this->parameter(2 * i + 1),
                 i + 1 < layers ? activation_ : Activation{});
    }
    return classifies_ ? nn::cross_entropy(h, labels_) : nn::mse_loss(h, y_);
  }

  std::size_t workspace_bytes() const override { return workspace_.bytes(); }

 private:
  const T* input(std::size_t layer) const {
    return layer == 0 ? x_.value().data() : outputs_[layer - 1].data();
  }

  // Y = f(X Wᵀ + b), layer by layer; the bias is laid down first, and the product added to it.
  void forward(const T* weight) {
    for (std::size_t layer = 0; layer < outputs_.size(); ++layer) {
      const Index from = sizes_[layer];
      const Index to = sizes_[layer + 1];
      const T* const bias = weight + from * to;
      T* const y = outputs_[layer].data();
      for (Index row = 0; row < batch_; ++row) std::copy(bias, bias + to, y + row * to);
      if (to == 1) {
        blas::gemv(CblasNoTrans, batch_, from, T{1}, input(layer), weight, T{1}, y);
      } else {
        blas::gemm(CblasNoTrans, CblasTrans, batch_, to, from, T{1}, input(layer), weight, T{1}, y);
      }
      if (layer + 1 < outputs_.size()) {
        kernels::activation_forward(activation_, batch_ * to, y, y);
      }
      weight += (from + 1) * to;
    }
  }

  // From dZ of this layer: dW = dZᵀ X, db, and dZ of the layer before, dZ W f'.
  void backward(std::size_t layer, const T* weight, T* dw) {
    const Index from = sizes_[layer];
    const Index to = sizes_[layer + 1];
    const T* const dz = gradients_[layer].data();
    kernels::sum_axis(gradients_[layer], 0, T{0}, bias_gradients_[layer]);
    std::copy(bias_gradients_[layer].begin(), bias_gradients_[layer].end(), dw + from * to);
    if (to == 1) {
      blas::gemv(CblasTrans, batch_, from, T{1}, input(layer), dz, T{0}, dw);
    } else {
      blas::gemm(CblasTrans, CblasNoTrans, to, from, batch_, T{1}, dz, input(layer), T{0}, dw);
    }
    if (layer == 0) return;
    T* const dx = gradients_[layer - 1].data();
    if (to == 1) {
      for (Index row = 0; row < batch_; ++row) {
        for (Index i = 0; i < from; ++i) dx[row * from + i] = dz[row] * weight[i];
      }
    } else {
      blas::gemm(CblasNoTrans, CblasNoTrans, batch_, from, to, T{1}, dz, weight, T{0}, dx);
    }
    kernels::activation_backward<T>(activation_, batch_ * from, nullptr, input(layer), dx, dx);
  }

  // The losses, and unless dz is null their derivative by the last layer's output.
  T squared_error(T* dz) const {
    const T* const out = outputs_.back().data();
    const T* const y = y_.value().data();
    const T scale = T{2} / static_cast<T>(batch_);
    T total{};
    for (Index i = 0; i < batch_; ++i) {
      const T error = out[i] - y[i];
      total += error * error;
      if (dz != nullptr) dz[i] = scale * error;
    }
    return total / static_cast<T>(batch_);
  }

  T cross_entropy(T* dz) {
    const Index classes = sizes_.back();
    const T* const logits = outputs_.back().data();
    kernels::softmax_rows<T>(batch_, classes, logits, dz, log_sums_.data());
    T total{};
    for (Index row = 0; row < batch_; ++row) {
      total += log_sums_[row] - logits[row * classes + labels_[row]];
    }
    if (dz != nullptr) {
      const T scale = T{1} / static_cast<T>(batch_);
      for (Index row = 0; row < batch_; ++row) dz[row * classes + labels_[row]] -= T{1};
      for (Index i = 0; i < batch_ * classes; ++i) dz[i] *= scale;
    }
    return total / static_cast<T>(batch_);
  }

  std::vector<Index> sizes_;
  Index batch_;
  bool classifies_;
  Activation activation_;
  Variable<T> x_;
  Variable<T> y_;
  Tensor<std::int32_t> labels_;
  Workspace<T> workspace_;
  std::vector<Tensor<T>> outputs_;    // of each layer, (batch, out)
  std::vector<Tensor<T>> gradients_;  // dZ of each layer, (batch, out)
  std::vector<Tensor<T>> bias_gradients_;
  Tensor<T> log_sums_;
};

}  // namespace

template <class T>
std::unique_ptr<Problem<T>> make_problem(const Perceptron& definition) {
  return std::make_unique<PerceptronProblem<T>>(definition);
}

template std::unique_ptr<Problem<float>> make_problem(const Perceptron&);
template std::unique_ptr<Problem<double>> make_problem(const Perceptron&);

}  // namespace glissade::bench
