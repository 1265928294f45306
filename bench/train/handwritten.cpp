#include "handwritten.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace glissade::bench {
namespace {

int to_int(std::size_t n) { return static_cast<int>(n); }

// C (m, n) = op(A) op(B), the inner extent is k.
void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, std::size_t m, std::size_t n, std::size_t k,
             const float* a, const float* b, float* c) {
  cblas_sgemm(CblasRowMajor, ta, tb, to_int(m), to_int(n), to_int(k), 1.0F, a,
              to_int(ta == CblasTrans ? m : k), b, to_int(tb == CblasTrans ? k : n), 0.0F, c,
              to_int(n));
}

void add_bias(std::size_t rows, std::size_t columns, const float* __restrict bias,
              float* __restrict y) {
  for (; rows > 0; --rows, y += columns) {
    for (std::size_t j = 0; j < columns; ++j) y[j] += bias[j];
  }
}

void add_bias_relu(std::size_t rows, std::size_t columns, const float* __restrict bias,
                   float* __restrict y) {
  for (; rows > 0; --rows, y += columns) {
    for (std::size_t j = 0; j < columns; ++j) y[j] = std::max(y[j] + bias[j], 0.0F);
  }
}

void add_bias_tanh(std::size_t rows, std::size_t columns, const float* __restrict bias,
                   float* __restrict y) {
  for (; rows > 0; --rows, y += columns) {
    for (std::size_t j = 0; j < columns; ++j) y[j] = std::tanh(y[j] + bias[j]);
  }
}

// The gradient before the activation, in place, and its sum over the rows, the bias gradient.
void relu_backward(std::size_t rows, std::size_t columns, const float* __restrict y,
                   float* __restrict dy, float* __restrict db) {
  for (std::size_t j = 0; j < columns; ++j) db[j] = 0.0F;
  for (; rows > 0; --rows, y += columns, dy += columns) {
    for (std::size_t j = 0; j < columns; ++j) {
      dy[j] = y[j] > 0.0F ? dy[j] : 0.0F;
      db[j] += dy[j];
    }
  }
}

void tanh_backward(std::size_t rows, std::size_t columns, const float* __restrict y,
                   float* __restrict dy, float* __restrict db) {
  for (std::size_t j = 0; j < columns; ++j) db[j] = 0.0F;
  for (; rows > 0; --rows, y += columns, dy += columns) {
    for (std::size_t j = 0; j < columns; ++j) {
      dy[j] *= 1.0F - y[j] * y[j];
      db[j] += dy[j];
    }
  }
}

void sum_rows(std::size_t rows, std::size_t columns, const float* __restrict dy,
              float* __restrict db) {
  for (std::size_t j = 0; j < columns; ++j) db[j] = 0.0F;
  for (; rows > 0; --rows, dy += columns) {
    for (std::size_t j = 0; j < columns; ++j) db[j] += dy[j];
  }
}

// The mean cross-entropy and its gradient. The exponentials are one loop over all rows, since a
// row of ten is too short for vectors.
float cross_entropy(std::size_t rows, std::size_t classes, const float* __restrict logits,
                    const std::int32_t* __restrict labels, float* __restrict gradient) {
  float chosen = 0.0F;
  for (std::size_t i = 0; i < rows; ++i) {
    const float* const row = logits + i * classes;
    const float largest = *std::max_element(row, row + classes);
    for (std::size_t j = 0; j < classes; ++j) gradient[i * classes + j] = row[j] - largest;
    chosen += gradient[i * classes + static_cast<std::size_t>(labels[i])];
  }
  for (std::size_t i = 0; i < rows * classes; ++i) gradient[i] = std::exp(gradient[i]);
  const float share = 1.0F / static_cast<float>(rows);
  float log_sums = 0.0F;
  for (std::size_t i = 0; i < rows; ++i) {
    float* const row = gradient + i * classes;
    float sum = 0.0F;
    for (std::size_t j = 0; j < classes; ++j) sum += row[j];
    log_sums += std::log(sum);
    for (std::size_t j = 0; j < classes; ++j) row[j] *= share / sum;
    row[labels[i]] -= share;
  }
  return (log_sums - chosen) * share;
}

float squared_error(std::size_t count, const float* __restrict y, const float* __restrict targets,
                    float* __restrict gradient) {
  const float share = 1.0F / static_cast<float>(count);
  float sum = 0.0F;
  for (std::size_t i = 0; i < count; ++i) {
    const float difference = y[i] - targets[i];
    sum += difference * difference;
    gradient[i] = 2.0F * share * difference;
  }
  return sum * share;
}

void sgd(std::size_t count, float lr, const float* __restrict g, float* __restrict w) {
  for (std::size_t i = 0; i < count; ++i) w[i] -= lr * g[i];
}

void momentum(std::size_t count, float lr, float keep, const float* __restrict g,
              float* __restrict velocity, float* __restrict w) {
  for (std::size_t i = 0; i < count; ++i) {
    velocity[i] = keep * velocity[i] + g[i];
    w[i] -= lr * velocity[i];
  }
}

void adam(std::size_t count, float step_size, float inverse_root, const float* __restrict g,
          float* __restrict mean, float* __restrict square, float* __restrict w) {
  constexpr float kBeta1 = 0.9F;
  constexpr float kBeta2 = 0.999F;
  constexpr float kEps = 1e-8F;
  for (std::size_t i = 0; i < count; ++i) {
    mean[i] = kBeta1 * mean[i] + (1.0F - kBeta1) * g[i];
    square[i] = kBeta2 * square[i] + (1.0F - kBeta2) * g[i] * g[i];
    w[i] -= step_size * mean[i] / (std::sqrt(square[i]) * inverse_root + kEps);
  }
}

}  // namespace

Handwritten::Handwritten(const Problem& problem)
    : problem_(problem),
      batch_(static_cast<std::size_t>(problem.workload.batch)),
      parameters_(zeros(problem.parameters.size())),
      gradient_(zeros(problem.parameters.size())),
      velocity_(zeros(problem.parameters.size())),
      square_(zeros(problem.parameters.size())) {
  std::copy(problem.parameters.begin(), problem.parameters.end(), parameters_.get());
  for (std::size_t layer = 0; layer < problem.workload.layers(); ++layer) {
    const std::size_t count = batch_ * static_cast<std::size_t>(problem.workload.sizes[layer + 1]);
    outputs_.push_back(zeros(count));
    output_gradients_.push_back(zeros(count));
  }
}

float Handwritten::operator()() {
  forward();
  const float value = loss();
  backward();
  update();
  return value;
}

void Handwritten::forward() {
  const Workload& workload = problem_.workload;
  for (std::size_t layer = 0; layer < workload.layers(); ++layer) {
    const auto in = static_cast<std::size_t>(workload.sizes[layer]);
    const auto out = static_cast<std::size_t>(workload.sizes[layer + 1]);
    float* const y = outputs_[layer].get();
    product(CblasNoTrans, CblasTrans, batch_, out, in, input(layer), weight(parameters_, layer), y);
    const float* const b = bias(parameters_, layer);
    if (layer + 1 == workload.layers()) {
      add_bias(batch_, out, b, y);
    } else if (workload.activation == Workload::Activation::relu) {
      add_bias_relu(batch_, out, b, y);
    } else {
      add_bias_tanh(batch_, out, b, y);
    }
  }
}

float Handwritten::loss() {
  const Workload& workload = problem_.workload;
  const auto out = static_cast<std::size_t>(workload.sizes.back());
  const float* const y = outputs_.back().get();
  float* const dy = output_gradients_.back().get();
  return workload.loss == Workload::Loss::mse
             ? squared_error(batch_ * out, y, problem_.targets.data(), dy)
             : cross_entropy(batch_, out, y, problem_.labels.data(), dy);
}

void Handwritten::backward() {
  const Workload& workload = problem_.workload;
  for (std::size_t layer = workload.layers(); layer-- > 0;) {
    const auto in = static_cast<std::size_t>(workload.sizes[layer]);
    const auto out = static_cast<std::size_t>(workload.sizes[layer + 1]);
    const float* const y = outputs_[layer].get();
    float* const dy = output_gradients_[layer].get();
    float* const db = bias(gradient_, layer);
    if (layer + 1 == workload.layers()) {
      sum_rows(batch_, out, dy, db);
    } else if (workload.activation == Workload::Activation::relu) {
      relu_backward(batch_, out, y, dy, db);
    } else {
      tanh_backward(batch_, out, y, dy, db);
    }
    product(CblasTrans, CblasNoTrans, out, in, batch_, dy, input(layer), weight(gradient_, layer));
    if (layer == 0) break;
    product(CblasNoTrans, CblasNoTrans, batch_, in, out, dy, weight(parameters_, layer),
            output_gradients_[layer - 1].get());
  }
}

void Handwritten::update() {
  const Workload& workload = problem_.workload;
  const std::size_t count = problem_.parameters.size();
  const auto lr = static_cast<float>(workload.lr());
  if (workload.optimizer == Workload::Optimizer::sgd) {
    sgd(count, lr, gradient_.get(), parameters_.get());
    return;
  }
#if defined(__SSE2__)
  // The averages of dead units become denormal, and then each operation is slow.
  const unsigned saved = _mm_getcsr();
  _mm_setcsr(saved | 0x8040);
#endif
  if (workload.optimizer == Workload::Optimizer::momentum) {
    momentum(count, lr, static_cast<float>(workload.momentum()), gradient_.get(), velocity_.get(),
             parameters_.get());
  } else {
    const auto t = static_cast<double>(++steps_);
    adam(count, static_cast<float>(workload.lr() / (1.0 - std::pow(0.9, t))),
         static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(0.999, t))), gradient_.get(),
         velocity_.get(), square_.get(), parameters_.get());
  }
#if defined(__SSE2__)
  _mm_setcsr(saved);
#endif
}

std::vector<float> Handwritten::parameters() const {
  return {parameters_.get(), parameters_.get() + problem_.parameters.size()};
}

}  // namespace glissade::bench
