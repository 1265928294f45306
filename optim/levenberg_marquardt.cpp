#include <algorithm>
#include <cmath>
#include <limits>

#include "glissade/core/gemm.h"
#include "glissade/core/linalg.h"
#include "glissade/optim/least_squares.h"
#include "option_checks.h"
#include "vectors.h"

namespace glissade::optim {
namespace {

template <class T>
class LevenbergMarquardt final : public Method<T> {
 public:
  explicit LevenbergMarquardt(const LevenbergMarquardtOptions& options) : options_(options) {}

  void begin(Problem<T>& problem) override {
    linearize(problem);
    const Index n = problem.size();
    double largest = 0.0;
    for (Index i = 0; i < n; ++i) {
      largest = std::max(largest, static_cast<double>(normal_[i * n + i]));
    }
    damping_ = options_.tau * (largest > 0.0 ? largest : 1.0);
    growth_ = 2.0;
  }

  std::optional<Stop> iterate(Problem<T>& problem) override {
    if (!all_finite(normal_) || !all_finite(gradient_)) {
      return no_progress("the Jacobian has a NaN or an infinity");
    }
    const Tensor<T> d = step();
    lr_ = damping_;
    const Tensor<T> x = along(problem.point(), 1.0, d);
    if (x == problem.point()) {
      return no_progress("the steps are below the precision of the point");
    }
    const double cost = problem.cost_at(x);
    // What the linear model predicts: ½ d·(µ d - Jᵀr).
    const double predicted = 0.5 * (damping_ * dot(d, d) - dot(d, gradient_));
    const double gain = (problem.cost() - cost) / predicted;
    if (gain > 0.0) {  // not if the cost is not a number
      problem.move_to(x, cost);
      linearize(problem);
      problem.move_to(x, {.cost = cost, .gradient = gradient_});
      damping_ *= std::max(1.0 / 3.0, 1.0 - std::pow(2.0 * gain - 1.0, 3));
      growth_ = 2.0;
    } else {
      damping_ *= growth_;
      growth_ *= 2.0;
    }
    return std::nullopt;
  }

  double lr() const override { return lr_; }

 private:
  void linearize(Problem<T>& problem) {
    const Residuals<T> r = problem.residuals();
    const Index m = r.values.size();
    const Index n = problem.size();
    matmul_into(r.jacobian, Transpose::yes, r.jacobian, Transpose::no, T{}, normal_);
    gradient_ = matmul(r.jacobian, r.values.reshape(Shape{m, 1}), Transpose::yes, Transpose::no)
                    .reshape(Shape{n});
  }

  // Solves (JᵀJ + µ I) d = -Jᵀr, with a larger µ if rounding makes the matrix indefinite; zero if µ
  // has grown beyond T.
  Tensor<T> step() {
    const Index n = gradient_.size();
    damping_ = std::max(damping_, static_cast<double>(std::numeric_limits<T>::min()));
    while (damping_ < static_cast<double>(std::numeric_limits<T>::max()) / 2.0) {
      Tensor<T> factor = normal_;
      for (Index i = 0; i < n; ++i) factor[i * n + i] += static_cast<T>(damping_);
      if (cholesky(factor)) {
        Tensor<T> d = cholesky_solve(factor, gradient_);
        scale_in_place(d, -1.0);
        return d;
      }
      damping_ *= growth_;
    }
    return Tensor<T>(Shape{n});
  }

  LevenbergMarquardtOptions options_;
  Tensor<T> normal_;    // JᵀJ (n, n)
  Tensor<T> gradient_;  // Jᵀr (n)
  double damping_ = 0.0;
  double growth_ = 2.0;
  double lr_ = 0.0;
};

}  // namespace

void LevenbergMarquardtOptions::check() const { check_positive("LevenbergMarquardt", "tau", tau); }

template <class T>
std::unique_ptr<Method<T>> make_method(const LevenbergMarquardtOptions& options) {
  options.check();
  return std::make_unique<LevenbergMarquardt<T>>(options);
}

template std::unique_ptr<Method<float>> make_method(const LevenbergMarquardtOptions&);
template std::unique_ptr<Method<double>> make_method(const LevenbergMarquardtOptions&);

}  // namespace glissade::optim
