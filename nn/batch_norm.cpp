// Batch normalisation.
#include "glissade/nn/batch_norm.h"

#include <cmath>

#include "glissade/autograd/checkpoint.h"
#include "glissade/autograd/operation.h"
#include "glissade/core/normalize.h"
#include "normalization.h"

namespace glissade::nn {
namespace {

using detail::NormalizationNode;
using detail::NormalizationShapes;

kernels::ChannelView channel_view(const Shape& x) {
  return {.outer = x[0], .channels = x[1], .inner = x.rank() == 3 ? x[2] : 1};
}

// The statistics that a batch is normalised by, (channels) each.
template <class T>
struct Statistics {
  Tensor<T> mean;
  Tensor<T> scale;  // 1 / sqrt(variance + eps)
  bool fixed;       // constants, not those of the batch itself
};

template <class T>
class BatchNormNode final : public NormalizationNode<T> {
 public:
  BatchNormNode(const NormalizationShapes& shapes, double eps, Statistics<T> statistics,
                Tensor<T> y, const Variable<T>& x, const Variable<T>& weight,
                const Variable<T>& bias)
      : NormalizationNode<T>(shapes, eps, std::move(y), x, weight, bias),
        groups_(shapes.groups),
        statistics_(std::move(statistics)) {
    this->finish();
  }

  const char* name() const override { return "batch_norm"; }

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    const Tensor<T>& x = this->input(kX).value();
    const Variable<T>& weight = this->input(kWeight);
    const kernels::ChannelView view = channel_view(x.shape());
    const Index n = view.channels;
    const T* const g = grad.value().data();
    const T* const mean = statistics_.mean.data();
    const Tensor<T>& scale = statistics_.scale;
    auto sum_g = Tensor<T>::uninitialized({n});
    auto sum_gx = Tensor<T>::uninitialized({n});
    if (!statistics_.fixed || sink.needed(kWeight) || sink.needed(kBias)) {
      kernels::channel_sums(view, g, x.data(), mean, sum_g.data(), sum_gx.data());
    }
    if (sink.needed(kBias)) {
      sink.write(kBias, [&](Tensor<T>& db, T beta) {
        for (Index c = 0; c < n; ++c) db[c] = sum_g[c] + (beta == T{} ? T{} : beta * db[c]);
      });
    }
    if (sink.needed(kWeight)) {
      sink.write(kWeight, [&](Tensor<T>& dw, T beta) {
        for (Index c = 0; c < n; ++c) {
          dw[c] = sum_gx[c] * scale[c] + (beta == T{} ? T{} : beta * dw[c]);
        }
      });
    }
    if (!sink.needed(kX)) return true;
    auto factor = scale;
    for (Index c = 0; weight.defined() && c < n; ++c) factor[c] *= weight.value()[c];
    const T share = T{1} / static_cast<T>(view.group_size());
    for (Index c = 0; c < n; ++c) {
      sum_g[c] *= share;
      sum_gx[c] *= share * scale[c] * scale[c];
    }
    sink.write(kX, [&](Tensor<T>& dx, T beta) {
      kernels::channel_gradient<T>(view, g, x.data(), mean, factor.data(),
                                   statistics_.fixed ? nullptr : sum_g.data(),
                                   statistics_.fixed ? nullptr : sum_gx.data(), beta, dx.data());
    });
    return true;
  }

  // In evaluation, when the examples are independent.
  bool backward_per_example(const Variable<T>& grad, PerExampleSink<T>& sink) override {
    const Tensor<T>& x = this->input(kX).value();
    kernels::ChannelView view = channel_view(x.shape());
    if (!statistics_.fixed || sink.needed(kX) || view.outer % sink.examples() != 0) return false;
    view.outer /= sink.examples();
    const Index part = x.size() / sink.examples();
    const Index n = view.channels;
    auto sums_g = Tensor<T>::uninitialized({sink.examples(), n});
    auto sums_gx = Tensor<T>::uninitialized({sink.examples(), n});
    for (Index i = 0; i < sink.examples(); ++i) {
      kernels::channel_sums(view, grad.value().data() + i * part, x.data() + i * part,
                            statistics_.mean.data(), sums_g.data() + i * n, sums_gx.data() + i * n);
      for (Index c = 0; c < n; ++c) sums_gx[i * n + c] *= statistics_.scale[c];
    }
    const auto write = [&](std::size_t input, const Tensor<T>& sums) {
      if (!sink.needed(input)) return;
      sink.write(input, [&](Tensor<T>& gradients, T beta) {
        for (Index i = 0; i < sums.size(); ++i) {
          gradients[i] = sums[i] + (beta == T{} ? T{} : beta * gradients[i]);
        }
      });
    };
    write(kBias, sums_g);
    write(kWeight, sums_gx);
    return true;
  }

 private:
  using NormalizationNode<T>::kX;
  using NormalizationNode<T>::kWeight;
  using NormalizationNode<T>::kBias;

  bool has_fixed_statistics() const override { return statistics_.fixed; }
  std::pair<Variable<T>, Variable<T>> fixed_statistics() const override {
    return {Variable<T>(statistics_.mean.reshape(groups_)),
            Variable<T>(statistics_.scale.reshape(groups_))};
  }

  Shape groups_;
  Statistics<T> statistics_;
};

template <class T>
Variable<T> batch_norm(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                       Statistics<T> statistics, double eps) {
  const kernels::ChannelView view = channel_view(x.shape());
  const Shape channels = x.rank() == 3 ? Shape{1, view.channels, 1} : Shape{1, view.channels};
  auto factor = statistics.scale;
  for (Index c = 0; weight.defined() && c < view.channels; ++c) factor[c] *= weight.value()[c];
  const Tensor<T> offset = bias.defined() ? bias.value() : Tensor<T>({view.channels});
  auto y = Tensor<T>::uninitialized(x.shape());
  kernels::channel_affine(view, x.value().data(), statistics.mean.data(), factor.data(),
                          offset.data(), y.data());
  if (!must_record(x, weight, bias)) return Variable<T>(std::move(y));
  const NormalizationShapes shapes{
      .view = x.shape(), .groups = channels, .parameters = channels, .centred = true};
  return Variable<T>::adopt(
      new BatchNormNode<T>(shapes, eps, std::move(statistics), std::move(y), x, weight, bias));
}

// 1 / sqrt(variance + eps)
template <class T>
Tensor<T> scale_of(const Tensor<T>& variance, double eps) {
  auto scale = Tensor<T>::uninitialized(variance.shape());
  for (Index c = 0; c < scale.size(); ++c) {
    scale[c] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(variance[c]) + eps));
  }
  return scale;
}

}  // namespace

template <class T>
BatchNorm1d<T>::BatchNorm1d(Index num_features, const BatchNormOptions& options)
    : num_features_(num_features), options_(options) {
  check(num_features >= 1, "BatchNorm1d: num_features must be at least 1, got {}", num_features);
  check(options.eps >= 0.0, "BatchNorm1d: eps must be at least 0, got {}", options.eps);
  check(!options.momentum || (*options.momentum >= 0.0 && *options.momentum <= 1.0),
        "BatchNorm1d: momentum must be from 0 to 1, got {}", options.momentum.value_or(0.0));
  const Shape channels{num_features};
  if (options.affine) {
    weight = glissade::parameter(Tensor<T>::full(channels, T{1}));
    bias = glissade::parameter(Tensor<T>(channels));
  }
  if (options.track_running_stats) reset_running_stats();
}

template <class T>
void BatchNorm1d<T>::reset_running_stats() {
  if (!options_.track_running_stats) return;
  const Shape channels{num_features_};
  running_mean = Tensor<T>(channels);
  running_var = Tensor<T>::full(channels, T{1});
  num_batches_tracked = Tensor<std::int64_t>::scalar(0);
}

template <class T>
Variable<T> BatchNorm1d<T>::forward(const Variable<T>& x) {
  check((x.rank() == 2 || x.rank() == 3) && x.dim(1) == num_features_,
        "BatchNorm1d: the input must be (batch, {0}) or (batch, {0}, length), got {1}",
        num_features_, x.shape());
  if (!this->is_training() && options_.track_running_stats) {
    return batch_norm<T>(
        x, weight, bias,
        {.mean = running_mean, .scale = scale_of(running_var, options_.eps), .fixed = true},
        options_.eps);
  }
  const kernels::ChannelView view = channel_view(x.shape());
  check(view.group_size() >= 2,
        "BatchNorm1d: the statistics of a batch need at least 2 values for each channel, the input "
        "{} has {}",
        x.shape(), view.group_size());
  auto mean = Tensor<T>::uninitialized({num_features_});
  auto variance = Tensor<T>::uninitialized({num_features_});
  kernels::channel_moments(view, x.value().data(), mean.data(), variance.data());
  if (options_.track_running_stats && !is_recomputing()) {
    track(mean, variance, view.group_size());
  }
  Tensor<T> scale = scale_of(variance, options_.eps);
  return batch_norm<T>(x, weight, bias,
                       {.mean = std::move(mean), .scale = std::move(scale), .fixed = false},
                       options_.eps);
}

template <class T>
void BatchNorm1d<T>::track(const Tensor<T>& mean, const Tensor<T>& variance, Index group_size) {
  const std::int64_t batches = ++num_batches_tracked[0];
  const double share = options_.momentum.value_or(1.0 / static_cast<double>(batches));
  const double unbiased = static_cast<double>(group_size) / static_cast<double>(group_size - 1);
  const auto move = [share](T& running, double value) {
    running = static_cast<T>((1.0 - share) * static_cast<double>(running) + share * value);
  };
  for (Index c = 0; c < num_features_; ++c) {
    move(running_mean[c], static_cast<double>(mean[c]));
    move(running_var[c], unbiased * static_cast<double>(variance[c]));
  }
}

template <class T>
void BatchNorm1d<T>::members(Members<T>& members) {
  members.parameter("weight", weight);
  members.parameter("bias", bias);
  if (!options_.track_running_stats) return;
  members.buffer("running_mean", running_mean);
  members.buffer("running_var", running_var);
  members.buffer("num_batches_tracked", num_batches_tracked);
}

template <class T>
std::string BatchNorm1d<T>::description() const {
  return fmt::format("BatchNorm1d({}{}{})", num_features_, options_.affine ? "" : ", no weight",
                     options_.track_running_stats ? "" : ", no running statistics");
}

template class BatchNorm1d<float>;
template class BatchNorm1d<double>;

}  // namespace glissade::nn
