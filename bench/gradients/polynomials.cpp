// The quadratic and Rosenbrock's function.

#include <glissade/optim/test_functions.h>

#include "blas.h"
#include "problem.h"

namespace glissade::bench {
namespace {

template <class T>
class QuadraticProblem final : public Problem<T> {
 public:
  explicit QuadraticProblem(const Quadratic& definition)
      : Problem<T>(definition.point, {definition.b.shape()}),
        n_(definition.b.size()),
        a_(converted<T>(definition.a)),
        b_(converted<T>(definition.b)),
        image_(workspace_.take(definition.b.shape())) {}

  T function(const T* x) override { return value(x, image_.data()); }

  T analytic(const T* x, T* gradient) override {
    const T result = value(x, gradient);
    for (Index i = 0; i < n_; ++i) gradient[i] -= b_.value()[i];
    return result;
  }

  Variable<T> loss() override {
    const Variable<T>& x = this->parameter(0);
    return 0.5 * matmul(x, matmul(a_, x)) - matmul(b_, x);
  }

  std::size_t workspace_bytes() const override { return workspace_.bytes(); }

 private:
  // x'(Ax / 2 - b), with image = Ax.
  T value(const T* x, T* image) {
    blas::gemv(CblasNoTrans, n_, n_, T{1}, a_.value().data(), x, T{0}, image);
    return T{0.5} * blas::dot(n_, x, image) - blas::dot(n_, b_.value().data(), x);
  }

  Index n_;
  Variable<T> a_;
  Variable<T> b_;
  Workspace<T> workspace_;
  Tensor<T> image_;
};

template <class T>
class RosenbrockProblem final : public Problem<T> {
 public:
  explicit RosenbrockProblem(const Rosenbrock& definition)
      : Problem<T>(definition.point, {definition.point.shape()}), n_(definition.point.size()) {}

  T function(const T* x) override {
    T total{};
    for (Index i = 0; i + 1 < n_; ++i) {
      const T valley = x[i + 1] - x[i] * x[i];
      const T slope = 1 - x[i];
      total += 100 * valley * valley + slope * slope;
    }
    return total;
  }

  T analytic(const T* x, T* gradient) override {
    T total{};
    T from_left{};  // what the term before gives to x[i]
    for (Index i = 0; i + 1 < n_; ++i) {
      const T valley = x[i + 1] - x[i] * x[i];
      const T slope = 1 - x[i];
      total += 100 * valley * valley + slope * slope;
      gradient[i] = from_left - 400 * valley * x[i] - 2 * slope;
      from_left = 200 * valley;
    }
    gradient[n_ - 1] = from_left;
    return total;
  }

  Variable<T> loss() override { return optim::test_functions::rosenbrock(this->parameter(0)); }

  std::size_t workspace_bytes() const override { return 0; }

 private:
  Index n_;
};

}  // namespace

template <class T>
std::unique_ptr<Problem<T>> make_problem(const Quadratic& definition) {
  return std::make_unique<QuadraticProblem<T>>(definition);
}
template <class T>
std::unique_ptr<Problem<T>> make_problem(const Rosenbrock& definition) {
  return std::make_unique<RosenbrockProblem<T>>(definition);
}

template std::unique_ptr<Problem<float>> make_problem(const Quadratic&);
template std::unique_ptr<Problem<double>> make_problem(const Quadratic&);
template std::unique_ptr<Problem<float>> make_problem(const Rosenbrock&);
template std::unique_ptr<Problem<double>> make_problem(const Rosenbrock&);

}  // namespace glissade::bench
