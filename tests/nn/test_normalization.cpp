// Batch, layer and RMS normalisation: derivatives, statistics in awkward cases, modes, errors.
#include <cmath>

#include "catch.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/nn/batch_norm.h"
#include "glissade/nn/layer_norm.h"
#include "glissade/nn/residual.h"
#include "glissade/nn/sequential.h"
#include "glissade/nn/summary.h"
#include "support/derivatives.h"

using namespace glissade;

namespace {

// BatchNorm1d with the weight v[1] and the bias v[2] where they are given, applied to v[0].
CheckedFunction batch_norm(Index channels, bool training, const nn::BatchNormOptions& options) {
  return [=](const Variables& v) {
    nn::BatchNorm1d<double> layer(channels, options);
    if (options.track_running_stats) {
      layer.running_mean = random({channels}, 20);
      Rng(21).fill_uniform(layer.running_var, 0.5, 2.0);
    }
    if (v.size() > 1) layer.weight = v[1];
    if (v.size() > 2) layer.bias = v[2];
    layer.train(training);
    return layer(v[0]);
  };
}

// Some float32 normalisation against the same in double.
template <class Layer, class Reference>
double float_error(Layer&& layer, Reference&& exact, const Tensor<float>& x) {
  const Tensor<float> y = layer(Variable<float>(x)).value();
  Tensor<double> wide(x.shape());
  for (Index i = 0; i < x.size(); ++i) wide[i] = static_cast<double>(x[i]);
  const Tensor<double> expected = exact(Variable<double>(wide)).value();
  double worst = 0.0;
  for (Index i = 0; i < y.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(y[i]) - expected[i]));
  }
  return worst;
}

}  // namespace

TEST_CASE("BatchNorm1d: derivatives of first and second order, in both modes") {
  for (const Shape& x : {Shape{3, 2}, Shape{2, 19}, Shape{2, 3, 4}, Shape{1, 2, 5}, Shape{4, 1}}) {
    const Index channels = x[1];
    INFO(to_string(x));
    const std::vector<Tensor<double>> all{random(x, 1), random({channels}, 2),
                                          random({channels}, 3)};
    check_derivatives(batch_norm(channels, true, {}), all);
    check_derivatives(batch_norm(channels, false, {}), all);
    check_derivatives(batch_norm(channels, true, {.affine = false}), {all[0]});
    check_derivatives(batch_norm(channels, false, {.affine = false}), {all[0]});
    check_derivatives(batch_norm(channels, false, {.eps = 0.1, .track_running_stats = false}), all);
  }
}

TEST_CASE("LayerNorm and RMSNorm: derivatives of first and second order") {
  for (const Shape& x : {Shape{3, 2}, Shape{2, 19}, Shape{2, 2, 4}, Shape{5}, Shape{2, 1, 3}}) {
    const Shape last{x.dim(-1)};
    INFO(to_string(x));
    check_derivatives(
        [&](const Variables& v) {
          nn::LayerNorm<double> layer(last);
          layer.weight = v[1];
          layer.bias = v[2];
          return layer(v[0]);
        },
        {random(x, 1), random(last, 2), random(last, 3)});
    check_derivatives(
        [&](const Variables& v) {
          return nn::LayerNorm<double>(last, {.elementwise_affine = false})(v[0]);
        },
        {random(x, 1)});
    check_derivatives(
        [&](const Variables& v) {
          nn::RMSNorm<double> layer(last);
          layer.weight = v[1];
          return layer(v[0]);
        },
        {random(x, 4), random(last, 5)});
  }
}

TEST_CASE("a normalised batch has mean 0 and variance 1, however many rows there are") {
  // More rows than are summed at once, and more channels than fit a vector.
  Tensor<double> x({1500, 21});
  Rng(1).fill_normal(x, 3.0, 2.0);
  nn::BatchNorm1d<double> layer(21, {.eps = 0.0});
  const Tensor<double> y = layer(Variable<double>(x)).value();
  for (Index c = 0; c < 21; ++c) {
    double sum = 0.0;
    double squares = 0.0;
    for (Index i = 0; i < 1500; ++i) {
      sum += y(i, c);
      squares += y(i, c) * y(i, c);
    }
    CHECK(sum / 1500 == Approx(0.0).margin(1e-13));
    CHECK(squares / 1500 == Approx(1.0).epsilon(1e-13));
  }
  nn::LayerNorm<double> rows(1500, {.eps = 0.0});
  const Tensor<double> z = rows(transpose(Variable<double>(x))).value();
  for (Index c = 0; c < 21; ++c) {
    for (Index i = 0; i < 1500; ++i) REQUIRE(z(c, i) == Approx(y(i, c)).margin(1e-12));
  }
}

TEST_CASE("a mean that is large beside the deviation costs no digits") {
  Tensor<float> x({700, 5});
  Rng(1).fill_normal(x, 1000.0F, 1.0F);
  x[0] = 5000.0F;  // an outlier in the first row
  CHECK(float_error(nn::BatchNorm1d(5), nn::BatchNorm1d<double>(5), x) < 1e-3);
  const Tensor<float> wide = x.reshape({5, 700});
  CHECK(float_error(nn::LayerNorm(700), nn::LayerNorm<double>(700), wide) < 1e-3);
  // Long sums, whose rounding moves the mean: the second pass corrects it.
  Tensor<float> row({1, 50000});
  Rng(2).fill_normal(row, 1000.0F, 0.1F);
  CHECK(float_error(nn::LayerNorm(50000), nn::LayerNorm<double>(50000), row) < 6e-4);
  const Tensor<float> column = row.reshape({50000, 1});
  CHECK(float_error(nn::BatchNorm1d(1), nn::BatchNorm1d<double>(1), column) < 6e-4);
  const Tensor<float> deep = x.reshape({7, 5, 100});
  CHECK(float_error(nn::BatchNorm1d(5), nn::BatchNorm1d<double>(5), deep) < 1e-3);
}

TEST_CASE("a channel or a row of equal values becomes the bias") {
  nn::BatchNorm1d batch(2);
  const Variable<float> x(Tensor<float>({3, 2}, {0.1F, 1, 0.1F, 2, 0.1F, 3}), true);
  const Variable<float> y = batch(x);
  for (Index i = 0; i < 3; ++i) CHECK(y.value()(i, 0) == Approx(0.0).margin(1e-4));
  CHECK(batch.running_var[0] == Approx(0.9));
  sum(square(y)).backward();
  for (const float g : x.grad().value()) CHECK(std::isfinite(g));
  nn::LayerNorm row(3);
  row.bias.mutable_value() = Tensor<float>({3}, {1, 2, 3});
  const Tensor<float> z = row(Tensor<float>::full({2, 3}, 7.0F)).value();
  CHECK(z == Tensor<float>({2, 3}, {1, 2, 3, 1, 2, 3}));
}

TEST_CASE("BatchNorm1d moves its running statistics in training only") {
  nn::BatchNorm1d<double> layer(1, {.momentum = 0.25});
  const Variable<double> x(Tensor<double>({2, 1}, {1.0, 5.0}));  // mean 3, unbiased variance 8
  layer(x);
  CHECK(layer.running_mean.item() == 0.75);
  CHECK(layer.running_var.item() == 0.75 + 0.25 * 8.0);
  CHECK(layer.num_batches_tracked.item() == 1);
  const NoGradGuard no_grad;
  layer(x);
  CHECK(layer.num_batches_tracked.item() == 2);
  layer.eval();
  const Tensor<double> mean = layer.running_mean;
  layer(x);
  CHECK(layer.running_mean == mean);
  CHECK(layer.num_batches_tracked.item() == 2);
  // One row is enough in evaluation.
  CHECK(layer(Variable<double>(Tensor<double>({1, 1}, {2.0}))).shape() == Shape{1, 1});
  CHECK(layer(Variable<double>(Tensor<double>({0, 1}))).shape() == Shape{0, 1});
  layer.reset_running_stats();
  CHECK(layer.running_mean.item() == 0.0);
  CHECK(layer.running_var.item() == 1.0);
  CHECK(layer.num_batches_tracked.item() == 0);
}

TEST_CASE("the running statistics are copied with a module, and its parameters shared") {
  nn::BatchNorm1d<double> original(2);
  nn::BatchNorm1d<double> copy = original;
  copy(Variable<double>(random({4, 2}, 1)));
  CHECK(copy.weight.node() == original.weight.node());
  CHECK(original.num_batches_tracked.item() == 0);
  CHECK(original.running_mean == Tensor<double>({2}));
  nn::BatchNorm1d<double> other(2);
  other.copy_parameters_from(copy);
  CHECK(other.running_mean == copy.running_mean);
  CHECK(other.running_var == copy.running_var);
  CHECK(other.num_batches_tracked.item() == 1);
  CHECK(other.weight.node() != copy.weight.node());
  nn::BatchNorm1d<double> untracked(2, {.track_running_stats = false});
  CHECK_THROWS_WITH(other.copy_parameters_from(untracked),
                    "copy_parameters_from: BatchNorm1d(2) has 5 parameters and buffers, "
                    "BatchNorm1d(2, no running statistics) has 2");
}

TEST_CASE("the names in the normalisations are PyTorch's") {
  nn::Sequential<double> model;
  model.add(nn::BatchNorm1d<double>(3)).add(nn::LayerNorm<double>(3)).add(nn::RMSNorm<double>(3));
  std::vector<std::string> names;
  for (const auto& named : model.named_parameters()) names.push_back(named.name);
  CHECK(names == std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "2.weight"});
  names.clear();
  for (const auto& named : model.named_buffers()) names.push_back(named.name);
  CHECK(names == std::vector<std::string>{"0.running_mean", "0.running_var"});
}

TEST_CASE("normalisations check their options and inputs") {
  CHECK_THROWS_WITH(nn::BatchNorm1d(0), "BatchNorm1d: num_features must be at least 1, got 0");
  CHECK_THROWS_WITH(nn::BatchNorm1d(2, {.eps = -1.0}),
                    "BatchNorm1d: eps must be at least 0, got -1");
  CHECK_THROWS_WITH(nn::BatchNorm1d(2, {.momentum = 1.5}),
                    "BatchNorm1d: momentum must be from 0 to 1, got 1.5");
  CHECK_THROWS_AS(nn::BatchNorm1d(2, {.momentum = std::nan("")}), std::invalid_argument);
  nn::BatchNorm1d batch(3);
  const auto input = [](const Shape& shape) { return Variable<float>(Tensor<float>(shape)); };
  CHECK_THROWS_WITH(batch(input({2, 4})),
                    "BatchNorm1d: the input must be (batch, 3) or (batch, 3, length), got (2, 4) "
                    "(in BatchNorm1d(3))");
  CHECK_THROWS_AS(batch(input({3})), std::invalid_argument);
  CHECK_THROWS_AS(batch(input({2, 3, 4, 5})), std::invalid_argument);
  CHECK_THROWS_WITH(batch(input({1, 3})),
                    "BatchNorm1d: the statistics of a batch need at least 2 values for each "
                    "channel, the input (1, 3) has 1 (in BatchNorm1d(3))");
  CHECK_THROWS_AS(batch(input({0, 3})), std::invalid_argument);
  CHECK(batch.num_batches_tracked.item() == 0);
  CHECK_NOTHROW(batch(input({1, 3, 2})));

  CHECK_THROWS_WITH(nn::LayerNorm(Shape{}),
                    "LayerNorm: normalized_shape must have at least one axis and no extent of 0, "
                    "got ()");
  CHECK_THROWS_AS(nn::RMSNorm(Shape{3, 0}), std::invalid_argument);
  CHECK_THROWS_WITH(nn::RMSNorm(3, {.eps = -1.0}), "RMSNorm: eps must be at least 0, got -1");
  nn::LayerNorm<float> layer({2, 3});
  CHECK_THROWS_WITH(layer(input({2, 4})),
                    "LayerNorm: the last axes of the input must be (2, 3), got (2, 4) "
                    "(in LayerNorm(2, 3))");
  CHECK_THROWS_AS(layer(input({3})), std::invalid_argument);
  CHECK(layer(input({0, 2, 3})).shape() == Shape{0, 2, 3});
}

TEST_CASE("a Residual goes around normalisations too, and wants the same shape") {
  Rng rng(1);
  nn::Residual block(nn::Sequential{nn::LayerNorm<double>(3), nn::Linear<double>(3, 3, rng),
                                    nn::BatchNorm1d<double>(3), nn::Tanh<double>()});
  const Variable<double> x(random({4, 3}, 1));
  const Tensor<double> inner = block.inner()(x).value();
  CHECK(block(x).value() == (x + Variable<double>(inner)).value());
  CHECK(block.named_parameters().front().name == "inner.0.weight");
  CHECK(block.named_buffers().front().name == "inner.2.running_mean");
  block.eval();
  CHECK_FALSE(block.inner().is_training());
  check_derivatives(
      [](const Variables& v) {
        nn::BatchNorm1d<double> norm(3);
        norm.weight = v[1];
        nn::Residual around(norm);
        return around(v[0]);
      },
      {random({4, 3}, 1), random({3}, 2)});
  nn::Residual narrowing(nn::Sequential{nn::BatchNorm1d<double>(3), nn::Linear<double>(3, 1, rng)});
  CHECK_THROWS_WITH(narrowing(x), Contains("Residual: the input (4, 3) and the inner module's "
                                           "output (4, 1) differ"));
}

TEST_CASE("summary describes the normalisations, and leaves their statistics") {
  nn::Sequential model{nn::BatchNorm1d(3), nn::BatchNorm1d(3, {.affine = false}),
                       nn::LayerNorm(3, {.bias = false}), nn::RMSNorm(3)};
  CHECK(nn::summary(model, {1, 3}) ==
        "Name  Module                     Output  Parameters            Count\n"
        "--------------------------------------------------------------------\n"
        "      Sequential                 (1, 3)                            0\n"
        "0     BatchNorm1d(3)             (1, 3)  weight (3), bias (3)      6\n"
        "1     BatchNorm1d(3, no weight)  (1, 3)                            0\n"
        "2     LayerNorm(3, no bias)      (1, 3)  weight (3)                3\n"
        "3     RMSNorm(3)                 (1, 3)  weight (3)                3\n"
        "--------------------------------------------------------------------\n"
        "12 parameters, 12 of them trained; 48 bytes\n");
  CHECK(dynamic_cast<nn::BatchNorm1d<>&>(model[0]).num_batches_tracked.item() == 0);
  CHECK(nn::LayerNorm(3, {.elementwise_affine = false}).description() == "LayerNorm(3, no weight)");
  CHECK(nn::RMSNorm(Shape{3, 4}).description() == "RMSNorm(3, 4)");
  CHECK(nn::RMSNorm(3, {.elementwise_affine = false}).description() == "RMSNorm(3, no weight)");
}
