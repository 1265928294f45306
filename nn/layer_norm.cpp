// Layer and RMS normalisation: of each row by itself, where the last axes are seen as one.
#include "glissade/nn/layer_norm.h"

#include <limits>

#include "glissade/autograd/operation.h"
#include "glissade/core/normalize.h"
#include "normalization.h"

namespace glissade::nn {
namespace {

using detail::NormalizationNode;
using detail::NormalizationShapes;

template <class T>
Tensor<T> value_or(const Variable<T>& parameter, Index size, T otherwise) {
  return parameter.defined() ? parameter.value() : Tensor<T>::full({size}, otherwise);
}

template <class T>
class RowNormNode final : public NormalizationNode<T> {
 public:
  RowNormNode(const NormalizationShapes& shapes, double eps, Tensor<T> mean, Tensor<T> scale,
              Tensor<T> y, const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias)
      : NormalizationNode<T>(shapes, eps, std::move(y), x, weight, bias),
        centred_(shapes.centred),
        rows_(shapes.view[0]),
        size_(shapes.view[1]),
        mean_(std::move(mean)),
        scale_(std::move(scale)) {
    this->finish();
  }

  const char* name() const override { return centred_ ? "layer_norm" : "rms_norm"; }

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    const T* const g = grad.value().data();
    const T* const x = this->input(kX).value().data();
    if (sink.needed(kWeight) || sink.needed(kBias)) {
      auto sum_g = Tensor<T>::uninitialized({size_});
      auto sum_gx = Tensor<T>::uninitialized({size_});
      kernels::normalize_rows_sums(rows_, size_, g, x, mean_.data(), scale_.data(), sum_g.data(),
                                   sum_gx.data());
      if (sink.needed(kBias)) {
        sink.write(kBias, [&](Tensor<T>& db, T beta) { add(sum_g, beta, db); });
      }
      if (sink.needed(kWeight)) {
        sink.write(kWeight, [&](Tensor<T>& dw, T beta) { add(sum_gx, beta, dw); });
      }
    }
    if (sink.needed(kX)) {
      const Tensor<T> weight = value_or(this->input(kWeight), size_, T{1});
      sink.write(kX, [&](Tensor<T>& dx, T beta) {
        kernels::normalize_rows_gradient(rows_, size_, centred_, g, x, weight.data(), mean_.data(),
                                         scale_.data(), beta, dx.data());
      });
    }
    return true;
  }

  bool backward_per_example(const Variable<T>& grad, PerExampleSink<T>& sink) override {
    if (sink.needed(kX) || rows_ % sink.examples() != 0) return false;
    const Index rows = rows_ / sink.examples();
    const T* const g = grad.value().data();
    const T* const x = this->input(kX).value().data();
    auto sums_g = Tensor<T>::uninitialized({sink.examples(), size_});
    auto sums_gx = Tensor<T>::uninitialized({sink.examples(), size_});
    for (Index i = 0; i < sink.examples(); ++i) {
      const Index begin = i * rows;
      kernels::normalize_rows_sums(rows, size_, g + begin * size_, x + begin * size_,
                                   mean_.data() + begin, scale_.data() + begin,
                                   sums_g.data() + i * size_, sums_gx.data() + i * size_);
    }
    if (sink.needed(kBias)) {
      sink.write(kBias, [&](Tensor<T>& db, T beta) { add(sums_g, beta, db); });
    }
    if (sink.needed(kWeight)) {
      sink.write(kWeight, [&](Tensor<T>& dw, T beta) { add(sums_gx, beta, dw); });
    }
    return true;
  }

 private:
  using NormalizationNode<T>::kX;
  using NormalizationNode<T>::kWeight;
  using NormalizationNode<T>::kBias;

  static void add(const Tensor<T>& sum, T beta, Tensor<T>& to) {
    for (Index i = 0; i < sum.size(); ++i) to[i] = sum[i] + (beta == T{} ? T{} : beta * to[i]);
  }

  bool centred_;
  Index rows_;
  Index size_;
  Tensor<T> mean_;   // (rows)
  Tensor<T> scale_;  // (rows)
};

// Normalises the last axes of x, whose extents are `normalized`.
template <class T>
Variable<T> normalize_last(const char* layer, const Variable<T>& x, const Shape& normalized,
                           const Variable<T>& weight, const Variable<T>& bias, double eps,
                           bool centred) {
  bool fits = x.rank() >= normalized.rank();
  for (int axis = 1; fits && axis <= normalized.rank(); ++axis) {
    fits = x.dim(-axis) == normalized.dim(-axis);
  }
  check(fits, "{}: the last axes of the input must be {}, got {}", layer, normalized, x.shape());
  const Index size = normalized.size();
  const Index rows = x.size() / size;
  auto y = Tensor<T>::uninitialized(x.shape());
  auto mean = Tensor<T>::uninitialized({rows});
  auto scale = Tensor<T>::uninitialized({rows});
  const Tensor<T> factor = value_or(weight, size, T{1});
  const Tensor<T> offset = value_or(bias, size, T{0});
  kernels::normalize_rows(rows, size, centred, static_cast<T>(eps), x.value().data(), factor.data(),
                          offset.data(), y.data(), mean.data(), scale.data());
  if (!must_record(x, weight, bias)) return Variable<T>(std::move(y));
  const NormalizationShapes shapes{
      .view = {rows, size}, .groups = {rows, 1}, .parameters = {1, size}, .centred = centred};
  return Variable<T>::adopt(new RowNormNode<T>(shapes, eps, std::move(mean), std::move(scale),
                                               std::move(y), x, weight, bias));
}

void check_options(const char* layer, const Shape& normalized, double eps) {
  check(normalized.rank() >= 1 && normalized.size() >= 1,
        "{}: normalized_shape must have at least one axis and no extent of 0, got {}", layer,
        normalized);
  check(eps >= 0.0, "{}: eps must be at least 0, got {}", layer, eps);
}

}  // namespace

template <class T>
LayerNorm<T>::LayerNorm(const Shape& normalized_shape, const LayerNormOptions& options)
    : normalized_shape_(normalized_shape), eps_(options.eps) {
  check_options("LayerNorm", normalized_shape, eps_);
  if (!options.elementwise_affine) return;
  weight = glissade::parameter(Tensor<T>::full(normalized_shape, T{1}));
  if (options.bias) bias = glissade::parameter(Tensor<T>(normalized_shape));
}

template <class T>
Variable<T> LayerNorm<T>::forward(const Variable<T>& x) {
  return normalize_last("LayerNorm", x, normalized_shape_, weight, bias, eps_, true);
}

template <class T>
void LayerNorm<T>::members(Members<T>& members) {
  members.parameter("weight", weight);
  members.parameter("bias", bias);
}

template <class T>
std::string LayerNorm<T>::description() const {
  return fmt::format("LayerNorm({}{})", fmt::join(normalized_shape_, ", "),
                     !weight.defined() ? ", no weight"
                     : bias.defined()  ? ""
                                       : ", no bias");
}

template <class T>
RMSNorm<T>::RMSNorm(const Shape& normalized_shape, const RMSNormOptions& options)
    : normalized_shape_(normalized_shape),
      eps_(options.eps.value_or(static_cast<double>(std::numeric_limits<T>::epsilon()))) {
  check_options("RMSNorm", normalized_shape, eps_);
  if (options.elementwise_affine) {
    weight = glissade::parameter(Tensor<T>::full(normalized_shape, T{1}));
  }
}

template <class T>
Variable<T> RMSNorm<T>::forward(const Variable<T>& x) {
  return normalize_last("RMSNorm", x, normalized_shape_, weight, Variable<T>(), eps_, false);
}

template <class T>
void RMSNorm<T>::members(Members<T>& members) {
  members.parameter("weight", weight);
}

template <class T>
std::string RMSNorm<T>::description() const {
  return fmt::format("RMSNorm({}{})", fmt::join(normalized_shape_, ", "),
                     weight.defined() ? "" : ", no weight");
}

template class LayerNorm<float>;
template class LayerNorm<double>;
template class RMSNorm<float>;
template class RMSNorm<double>;

}  // namespace glissade::nn
