#pragma once

// A problem in float or double, in the ways whose times are compared: its value alone, the
// hand-written gradient, and the gradient by Glissade.

#include <glissade/autograd/ops.h>
#include <glissade/autograd/variable.h>
#include <glissade/core/tensor.h>

#include <memory>
#include <utility>
#include <vector>

#include "definitions.h"

namespace glissade::bench {

/// Buffers that are made once and reused by each evaluation, and how many bytes they are.
template <class T>
class Workspace {
 public:
  Tensor<T> take(const Shape& shape) {
    bytes_ += static_cast<std::size_t>(shape.size()) * sizeof(T);
    return Tensor<T>(shape);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

template <class T>
class Problem {
 public:
  /// Parameters of these shapes, one after the other in `point`.
  Problem(const Tensor<double>& point, const std::vector<Shape>& shapes);
  virtual ~Problem() = default;
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  /// The value at x, by plain code over BLAS: nothing is recorded, nothing allocated.
  virtual T function(const T* x) = 0;
  /// The value at x, and its gradient by formulas worked out by hand, over BLAS and the same
  /// vectorised kernels as the library's. Nothing is allocated: this is the floor.
  virtual T analytic(const T* x, T* gradient) = 0;
  /// The value as a user of Glissade writes it.
  virtual Variable<T> loss() = 0;
  /// The bytes that `analytic` keeps.
  virtual std::size_t workspace_bytes() const = 0;

  /// The gradient by Glissade, as in a training step: it is left in the parameters' `grad`, and the
  /// graph is built and let go. Returns the value.
  T autodiff() {
    for (Variable<T>& parameter : parameters_) parameter.zero_grad();
    const Variable<T> value = loss();
    value.backward();
    return value.item();
  }
  /// The parameters' gradients, one after the other.
  Tensor<double> gradients() const;

  const Tensor<T>& point() const { return point_; }

 protected:
  const Variable<T>& parameter(std::size_t i) const { return parameters_[i]; }

 private:
  Tensor<T> point_;
  std::vector<Variable<T>> parameters_;
};

/// The elements of another type.
template <class To, class From>
Tensor<To> converted(const Tensor<From>& from) {
  Tensor<To> to(from.shape());
  std::transform(from.begin(), from.end(), to.begin(), [](From x) { return static_cast<To>(x); });
  return to;
}

///@{
template <class T>
std::unique_ptr<Problem<T>> make_problem(const Quadratic& definition);
template <class T>
std::unique_ptr<Problem<T>> make_problem(const Rosenbrock& definition);
template <class T>
std::unique_ptr<Problem<T>> make_problem(const Regression& definition);
template <class T>
std::unique_ptr<Problem<T>> make_problem(const Perceptron& definition);
template <class T>
std::unique_ptr<Problem<T>> make_problem(const GaussianMixture& definition);
///@}
template <class T>
std::unique_ptr<Problem<T>> make_problem(const Definition& definition) {
  return std::visit([](const auto& problem) { return make_problem<T>(problem); }, definition);
}

}  // namespace glissade::bench
