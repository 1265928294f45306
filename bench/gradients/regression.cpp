// Linear and logistic regression.

#include <glissade/core/activation.h>
#include <glissade/nn/loss.h>

#include "blas.h"
#include "problem.h"

namespace glissade::bench {
namespace {

// mean((Xw - y)^2)
template <class T>
class LinearRegression final : public Problem<T> {
 public:
  explicit LinearRegression(const Regression& definition)
      : Problem<T>(definition.point, {definition.point.shape()}),
        rows_(definition.y.size()),
        features_(definition.point.size()),
        x_(converted<T>(definition.x)),
        y_(converted<T>(definition.y)),
        residual_(workspace_.take(definition.y.shape())) {}

  T function(const T* w) override {
    std::copy(y_.value().begin(), y_.value().end(), residual_.data());
    blas::gemv(CblasNoTrans, rows_, features_, T{1}, x_.value().data(), w, T{-1}, residual_.data());
    return blas::dot(rows_, residual_.data(), residual_.data()) / static_cast<T>(rows_);
  }

  T analytic(const T* w, T* gradient) override {
    const T value = function(w);
    blas::gemv(CblasTrans, rows_, features_, T{2} / static_cast<T>(rows_), x_.value().data(),
               residual_.data(), T{0}, gradient);
    return value;
  }

  Variable<T> loss() override { return nn::mse_loss(matmul(x_, this->parameter(0)), y_); }

  std::size_t workspace_bytes() const override { return workspace_.bytes(); }

 private:
  Index rows_;
  Index features_;
  Variable<T> x_;  // (rows, features)
  Variable<T> y_;  // (rows)
  Workspace<T> workspace_;
  Tensor<T> residual_;
};

// The mean of log(1 + e^z) - y z, z = Xw
template <class T>
class LogisticRegression final : public Problem<T> {
 public:
  explicit LogisticRegression(const Regression& definition)
      : Problem<T>(definition.point, {definition.point.shape()}),
        rows_(definition.y.size()),
        features_(definition.point.size()),
        x_(converted<T>(definition.x)),
        y_(converted<T>(definition.y)),
        logits_(workspace_.take(definition.y.shape())),
        losses_(workspace_.take(definition.y.shape())) {}

  T function(const T* w) override {
    blas::gemv(CblasNoTrans, rows_, features_, T{1}, x_.value().data(), w, T{0}, logits_.data());
    kernels::activation_forward({Activation::Kind::softplus}, rows_, logits_.data(),
                                losses_.data());
    // The sum as a product with ones would cost a pass more; four chains run side by side.
    T sums[4] = {};
    const T* const losses = losses_.data();
    Index i = 0;
    for (; i + 4 <= rows_; i += 4) {
      for (Index lane = 0; lane < 4; ++lane) sums[lane] += losses[i + lane];
    }
    for (; i < rows_; ++i) sums[0] += losses[i];
    const T total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    return (total - blas::dot(rows_, logits_.data(), y_.value().data())) / static_cast<T>(rows_);
  }

  T analytic(const T* w, T* gradient) override {
    const T value = function(w);
    T* const p = logits_.data();
    const T* const y = y_.value().data();
    kernels::activation_forward({Activation::Kind::sigmoid}, rows_, p, p);
    for (Index i = 0; i < rows_; ++i) p[i] -= y[i];
    blas::gemv(CblasTrans, rows_, features_, T{1} / static_cast<T>(rows_), x_.value().data(), p,
               T{0}, gradient);
    return value;
  }

  Variable<T> loss() override {
    return nn::binary_cross_entropy_with_logits(matmul(x_, this->parameter(0)), y_);
  }

  std::size_t workspace_bytes() const override { return workspace_.bytes(); }

 private:
  Index rows_;
  Index features_;
  Variable<T> x_;  // (rows, features)
  Variable<T> y_;  // (rows)
  Workspace<T> workspace_;
  Tensor<T> logits_;
  Tensor<T> losses_;
};

}  // namespace

template <class T>
std::unique_ptr<Problem<T>> make_problem(const Regression& definition) {
  if (definition.kind == Regression::Kind::linear) {
    return std::make_unique<LinearRegression<T>>(definition);
  }
  return std::make_unique<LogisticRegression<T>>(definition);
}

template std::unique_ptr<Problem<float>> make_problem(const Regression&);
template std::unique_ptr<Problem<double>> make_problem(const Regression&);

}  // namespace glissade::bench
