#pragma once

// A function to be minimised, at a point: what methods of minimisation work on.

#include <cstdint>
#include <functional>
#include <vector>

#include "glissade/autograd/variable.h"

namespace glissade::optim {

/// How often a function was evaluated.
struct Evaluations {
  std::int64_t costs = 0;      ///< values, with or without a gradient
  std::int64_t gradients = 0;  ///< gradients; each came with a value
  std::int64_t hessians = 0;   ///< Hessians, or Jacobians of residuals
};

/// The cost at some point, and its gradient.
template <class T>
struct Evaluation {
  double cost = 0.0;   ///< a number
  Tensor<T> gradient;  ///< (n)
};

/// The residuals at some point, and their derivatives.
template <class T>
struct Residuals {
  Tensor<T> values;    ///< (m)
  Tensor<T> jacobian;  ///< (m, n)
};

/// A cost as a function of parameters, and the present point. To methods all parameters are one
/// vector of n numbers, one parameter after the other.
template <class T>
class Problem {
 public:
  /// The cost, a scalar, computed from the parameters' present values.
  using Cost = std::function<Variable<T>()>;
  /// The cost, with its own gradient: the values of the parameters, and gradients to be filled,
  /// which have the parameters' shapes.
  using CostWithGradient = std::function<double(const std::vector<Tensor<T>>& values,
                                                std::vector<Tensor<T>>& gradients)>;
  /// Residuals r of any shape; the cost is then ½ ‖r‖².
  struct LeastSquares {
    std::function<Variable<T>()> residuals;  ///< r at the parameters' present values
  };

  ///@{
  /// Throws std::invalid_argument if the function is empty, there are no parameters, or one is
  /// undefined, without elements, frozen, or not a leaf.
  Problem(std::vector<Variable<T>> parameters, Cost cost);
  Problem(std::vector<Variable<T>> parameters, CostWithGradient cost);
  Problem(std::vector<Variable<T>> parameters, LeastSquares function);
  ///@}

  /// The parameters. Their values are the present point.
  const std::vector<Variable<T>>& parameters() const { return parameters_; }
  /// The number n of elements of all parameters.
  Index size() const { return point_.size(); }
  /// The present point (n).
  const Tensor<T>& point() const { return point_; }
  /// The cost at the present point.
  double cost() const { return cost_; }
  /// The gradient (n) at the present point; evaluated first if only the cost is known.
  const Tensor<T>& gradient();

  /// Evaluates the cost and its gradient where the parameters are now, and makes that the present
  /// point. The parameters' `grad()` is that gradient afterwards.
  void evaluate();
  /// The same without the gradient.
  void evaluate_cost();
  /// The cost and its gradient at x (n); the present point stays.
  Evaluation<T> evaluate_at(const Tensor<T>& x);
  /// The cost at x (n); the present point stays.
  double cost_at(const Tensor<T>& x);
  ///@{
  /// Makes x the present point, where the cost, or the gradient too, are known already.
  void move_to(const Tensor<T>& x, const Evaluation<T>& known);
  void move_to(const Tensor<T>& x, double known_cost);
  ///@}

  /// The Hessian (n, n) at the present point. Throws std::invalid_argument for a cost with its own
  /// gradient.
  Tensor<T> hessian();
  /// The residuals and their Jacobian at the present point. Throws std::invalid_argument unless the
  /// problem is one of least squares.
  Residuals<T> residuals();

  /// How often the present point has been set.
  std::int64_t moves() const { return moves_; }
  /// What it took so far.
  const Evaluations& evaluations() const { return evaluations_; }

 private:
  class AtPoint;

  explicit Problem(std::vector<Variable<T>> parameters);
  void set_values(const Tensor<T>& x);
  void take_point();
  Variable<T> graph();
  double call_with_gradient(std::vector<Tensor<T>>& gradients);
  double run();
  double run(Tensor<T>& gradient);

  std::vector<Variable<T>> parameters_;
  Cost graph_;
  CostWithGradient with_gradient_;
  std::function<Variable<T>()> residuals_;
  Tensor<T> point_;
  double cost_ = 0.0;
  Tensor<T> gradient_;
  bool has_gradient_ = false;
  std::int64_t moves_ = 0;
  Evaluations evaluations_;
};

}  // namespace glissade::optim
