#include "glissade/optim/newton.h"

#include <algorithm>
#include <cmath>

#include "glissade/core/linalg.h"
#include "option_checks.h"
#include "vectors.h"

namespace glissade::optim {
namespace {

template <class T>
class Newton final : public Method<T> {
 public:
  explicit Newton(const NewtonOptions& options) : options_(options) {}

  void begin(Problem<T>& /*problem*/) override {}

  std::optional<Stop> iterate(Problem<T>& problem) override {
    const Tensor<T> hessian = problem.hessian();
    if (!all_finite(hessian)) return no_progress("the Hessian has a NaN or an infinity");
    const Tensor<T> d = direction(hessian, problem.gradient());
    const double slope = dot(problem.gradient(), d);
    double t = 1.0;
    for (std::int64_t trial = 0; trial < options_.max_ls; ++trial, t *= options_.shrink) {
      const Tensor<T> x = along(problem.point(), t, d);
      if (x == problem.point()) break;
      const Evaluation<T> there = problem.evaluate_at(x);
      // Where the decrease is lost in rounding, the gradient has to fall: or this would never end.
      const bool is_progress =
          there.cost < problem.cost() || norm2(there.gradient) < norm2(problem.gradient());
      if (is_progress && there.cost <= problem.cost() + options_.c1 * t * slope) {
        problem.move_to(x, there);
        lr_ = t;
        return std::nullopt;
      }
    }
    return no_progress("no step along Newton's direction lowers the cost");
  }

  double lr() const override { return lr_; }

 private:
  Tensor<T> direction(const Tensor<T>& hessian, const Tensor<T>& g) const {
    const Index n = g.size();
    double smallest = static_cast<double>(hessian[0]);
    for (Index i = 0; i < n; ++i) {
      smallest = std::min(smallest, static_cast<double>(hessian[i * n + i]));
    }
    double tau = smallest > 0.0 ? 0.0 : options_.beta - smallest;
    Tensor<T> factor;
    while (true) {
      factor = hessian;
      for (Index i = 0; i < n; ++i) factor[i * n + i] += static_cast<T>(tau);
      if (cholesky(factor)) break;
      tau = std::max(2.0 * tau, options_.beta);
    }
    Tensor<T> d = cholesky_solve(factor, g);
    scale_in_place(d, -1.0);
    return d;
  }

  NewtonOptions options_;
  double lr_ = 0.0;
};

}  // namespace

void NewtonOptions::check() const {
  constexpr const char* kName = "Newton";
  glissade::check(c1 > 0.0 && c1 < 0.5, "{}: c1 must be in (0, 1/2), got {}", kName, c1);
  glissade::check(shrink > 0.0 && shrink < 1.0, "{}: shrink must be in (0, 1), got {}", kName,
                  shrink);
  check_positive(kName, "beta", beta);
  check_at_least_one(kName, "max_ls", max_ls);
}

template <class T>
std::unique_ptr<Method<T>> make_method(const NewtonOptions& options) {
  options.check();
  return std::make_unique<Newton<T>>(options);
}

template std::unique_ptr<Method<float>> make_method(const NewtonOptions&);
template std::unique_ptr<Method<double>> make_method(const NewtonOptions&);

}  // namespace glissade::optim
