#include "glissade/optim/problem.h"

#include <algorithm>
#include <utility>

#include "glissade/autograd/functional.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/autograd/ops.h"
#include "glissade/core/check.h"

namespace glissade::optim {

template <class T>
Problem<T>::Problem(std::vector<Variable<T>> parameters) : parameters_(std::move(parameters)) {
  check(!parameters_.empty(), "minimize: there are no parameters");
  Index size = 0;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Variable<T>& parameter = parameters_[i];
    check(parameter.defined(), "minimize: parameter {} is undefined", i);
    check(parameter.is_leaf() && parameter.requires_grad(),
          "minimize: parameter {}, of shape {}, is frozen or not a leaf", i, parameter.shape());
    for (std::size_t j = 0; j < i; ++j) {
      check(parameters_[j].node() != parameter.node(),
            "minimize: parameter {}, of shape {}, is given twice: it is parameter {} too", i,
            parameter.shape(), j);
    }
    check(parameter.size() > 0, "minimize: parameter {}, of shape {}, has no elements", i,
          parameter.shape());
    size += parameter.size();
  }
  point_ = Tensor<T>(Shape{size});
  gradient_ = Tensor<T>(Shape{size});
}

template <class T>
Problem<T>::Problem(std::vector<Variable<T>> parameters, Cost cost)
    : Problem(std::move(parameters)) {
  check(static_cast<bool>(cost), "minimize: the function is empty");
  graph_ = std::move(cost);
}

template <class T>
Problem<T>::Problem(std::vector<Variable<T>> parameters, CostWithGradient cost)
    : Problem(std::move(parameters)) {
  check(static_cast<bool>(cost), "minimize: the function is empty");
  with_gradient_ = std::move(cost);
}

template <class T>
Problem<T>::Problem(std::vector<Variable<T>> parameters, LeastSquares function)
    : Problem(std::move(parameters)) {
  check(static_cast<bool>(function.residuals), "least_squares: the function is empty");
  residuals_ = std::move(function.residuals);
  graph_ = [residuals = residuals_] { return sum(square(residuals())) * 0.5; };
}

template <class T>
void Problem<T>::set_values(const Tensor<T>& x) {
  check(x.size() == size(), "minimize: a point with {} numbers does not fit a problem of {}",
        x.size(), size());
  const T* next = x.data();
  for (Variable<T>& parameter : parameters_) {
    std::copy_n(next, parameter.size(), parameter.mutable_value().data());
    next += parameter.size();
  }
}

// Puts the parameters to a point, and back at its end, also when the function throws.
template <class T>
class Problem<T>::AtPoint {
 public:
  AtPoint(Problem& problem, const Tensor<T>& x) : problem_(problem) { problem.set_values(x); }
  ~AtPoint() { problem_.set_values(problem_.point_); }
  AtPoint(const AtPoint&) = delete;
  AtPoint& operator=(const AtPoint&) = delete;

 private:
  Problem& problem_;
};

template <class T>
Variable<T> Problem<T>::graph() {
  Variable<T> cost = graph_();
  check(cost.defined() && cost.size() == 1,
        "minimize: the function must return one number, it returned {}",
        cost.defined() ? fmt::format("the shape {}", cost.shape()) : "an undefined variable");
  return cost;
}

template <class T>
double Problem<T>::call_with_gradient(std::vector<Tensor<T>>& gradients) {
  std::vector<Tensor<T>> values;
  for (const Variable<T>& parameter : parameters_) {
    values.push_back(parameter.value());
    gradients.emplace_back(parameter.shape());
  }
  const double cost = with_gradient_(values, gradients);
  check(gradients.size() == parameters_.size(),
        "minimize: the function returned {} gradients for {} parameters", gradients.size(),
        parameters_.size());
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    check(gradients[i].shape() == parameters_[i].shape(),
          "minimize: parameter {} has the shape {}, the gradient that the function returned {}", i,
          parameters_[i].shape(), gradients[i].shape());
  }
  return cost;
}

// The cost at the parameters' values.
template <class T>
double Problem<T>::run() {
  ++evaluations_.costs;
  if (with_gradient_) {
    std::vector<Tensor<T>> gradients;
    return call_with_gradient(gradients);
  }
  const NoGradGuard no_grad;
  return static_cast<double>(graph().item());
}

// The same, and the gradient, which is left in the parameters' `grad()` too.
template <class T>
double Problem<T>::run(Tensor<T>& gradient) {
  ++evaluations_.costs;
  ++evaluations_.gradients;
  for (Variable<T>& parameter : parameters_) parameter.zero_grad();
  double value = 0.0;
  if (with_gradient_) {
    std::vector<Tensor<T>> gradients;
    value = call_with_gradient(gradients);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      parameters_[i].backward(Variable<T>(std::move(gradients[i])));
    }
  } else {
    const Variable<T> cost = graph();
    value = static_cast<double>(cost.item());
    check(cost.requires_grad(), "minimize: the cost does not depend on the parameters");
    cost.backward();
  }
  gradient.resize(Shape{size()});
  T* next = gradient.data();
  for (const Variable<T>& parameter : parameters_) {
    if (parameter.has_grad()) {
      const Variable<T> part = parameter.grad();
      next = std::copy(part.value().begin(), part.value().end(), next);
    } else {  // the cost does not depend on this parameter
      next = std::fill_n(next, parameter.size(), T{});
    }
  }
  return value;
}

template <class T>
void Problem<T>::take_point() {
  ++moves_;
  T* next = point_.data();
  for (const Variable<T>& parameter : parameters_) {
    next = std::copy(parameter.value().begin(), parameter.value().end(), next);
  }
}

template <class T>
void Problem<T>::evaluate() {
  take_point();
  cost_ = run(gradient_);
  has_gradient_ = true;
}

template <class T>
void Problem<T>::evaluate_cost() {
  take_point();
  cost_ = run();
  has_gradient_ = false;
}

template <class T>
const Tensor<T>& Problem<T>::gradient() {
  if (!has_gradient_) {
    cost_ = run(gradient_);
    has_gradient_ = true;
  }
  return gradient_;
}

template <class T>
Evaluation<T> Problem<T>::evaluate_at(const Tensor<T>& x) {
  const AtPoint at(*this, x);
  Evaluation<T> result;
  result.cost = run(result.gradient);
  return result;
}

template <class T>
double Problem<T>::cost_at(const Tensor<T>& x) {
  const AtPoint at(*this, x);
  return run();
}

template <class T>
void Problem<T>::move_to(const Tensor<T>& x, const Evaluation<T>& known) {
  set_values(x);
  point_ = x;
  ++moves_;
  cost_ = known.cost;
  gradient_ = known.gradient;
  has_gradient_ = true;
}

template <class T>
void Problem<T>::move_to(const Tensor<T>& x, double known_cost) {
  set_values(x);
  point_ = x;
  ++moves_;
  cost_ = known_cost;
  has_gradient_ = false;
}

template <class T>
Tensor<T> Problem<T>::hessian() {
  check(
      !with_gradient_,
      "minimize: the method needs Hessians, which a function with its own gradient does not give; "
      "write it with operations on Variables");
  ++evaluations_.hessians;
  const Variable<T> cost = graph();
  check(cost.requires_grad(), "minimize: the cost does not depend on the parameters");
  return glissade::hessian(cost, parameters_);
}

template <class T>
Residuals<T> Problem<T>::residuals() {
  check(static_cast<bool>(residuals_),
        "minimize: Levenberg-Marquardt needs residuals, not only their cost; use least_squares");
  ++evaluations_.hessians;
  const Variable<T> r = residuals_();
  check(r.defined() && r.requires_grad(),
        "least_squares: the residuals do not depend on the parameters");
  return {.values = r.value().reshape(Shape{r.size()}), .jacobian = jacobian(r, parameters_)};
}

template class Problem<float>;
template class Problem<double>;

}  // namespace glissade::optim
