#include "glissade/optim/lbfgs.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

#include "line_search.h"
#include "option_checks.h"
#include "vectors.h"

namespace glissade::optim {
namespace {

template <class T>
class LBFGS final : public Method<T> {
 public:
  explicit LBFGS(const LBFGSOptions& options) : options_(options) {}

  void begin(Problem<T>& /*problem*/) override { pairs_.clear(); }

  std::optional<Stop> iterate(Problem<T>& problem) override {
    const Tensor<T> g = problem.gradient();
    if (norm_inf(g) == 0.0) {
      return no_progress("the gradient is zero");
    }
    if (try_step(problem, g)) return std::nullopt;
    // The remembered curvature may mislead: once more, along the gradient.
    if (!pairs_.empty()) {
      pairs_.clear();
      if (try_step(problem, g)) return std::nullopt;
    }
    return no_progress("no step along the descent direction lowers the cost");
  }

  double lr() const override { return lr_; }

 private:
  struct Pair {
    Tensor<T> s;  // a step
    Tensor<T> y;  // the change of the gradient along it
    double rho;   // 1 / s·y
  };

  // -H g with the approximate inverse Hessian H of the pairs (the two-loop recursion,
  // algorithm 7.4).
  Tensor<T> direction(const Tensor<T>& g) const {
    Tensor<T> d = g;
    scale_in_place(d, -1.0);
    if (pairs_.empty()) return d;
    std::vector<double> alpha(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      alpha[i] = dot(pairs_[i].s, d) * pairs_[i].rho;
      add_scaled(d, -alpha[i], pairs_[i].y);
    }
    const Pair& newest = pairs_.back();
    scale_in_place(d, 1.0 / newest.rho / dot(newest.y, newest.y));
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const double beta = dot(pairs_[i].y, d) * pairs_[i].rho;
      add_scaled(d, alpha[i] - beta, pairs_[i].s);
    }
    return d;
  }

  bool try_step(Problem<T>& problem, const Tensor<T>& g) {
    const Tensor<T> d = direction(g);
    const double slope = dot(g, d);
    if (!(slope < 0.0) || !std::isfinite(slope)) return false;
    double first = options_.lr;
    if (pairs_.empty()) {
      first *= std::min(1.0, 1.0 / (options_.first_step_norm == 1 ? norm1(g) : norm2(g)));
    }
    LinePoint<T> found =
        strong_wolfe(problem, d, first,
                     {.c1 = options_.c1, .c2 = options_.c2, .max_evaluations = options_.max_ls});
    if (!(found.value.cost <= problem.cost()) || found.t == 0.0) return false;
    const Tensor<T> x = along(problem.point(), found.t, d);
    if (x == problem.point()) return false;
    lr_ = found.t;
    remember(g, d, found);
    problem.move_to(x, found.value);
    return true;
  }

  void remember(const Tensor<T>& g, const Tensor<T>& d, const LinePoint<T>& found) {
    Pair pair{.s = d, .y = along(found.value.gradient, -1.0, g), .rho = 0.0};
    scale_in_place(pair.s, found.t);
    const double curvature = dot(pair.y, pair.s);
    if (!(curvature > 1e-10 * norm2(pair.y) * norm2(pair.s))) return;
    pair.rho = 1.0 / curvature;
    if (pairs_.size() == static_cast<std::size_t>(options_.history_size)) pairs_.pop_front();
    pairs_.push_back(std::move(pair));
  }

  LBFGSOptions options_;
  std::deque<Pair> pairs_;
  double lr_ = 0.0;
};

}  // namespace

void LBFGSOptions::check() const {
  constexpr const char* kName = "LBFGS";
  check_positive(kName, "lr", lr);
  check_at_least_one(kName, "history_size", history_size);
  check_at_least_one(kName, "max_ls", max_ls);
  glissade::check(first_step_norm == 1 || first_step_norm == 2,
                  "{}: first_step_norm must be 1 or 2, got {}", kName, first_step_norm);
  glissade::check(0.0 < c1 && c1 < c2 && c2 < 1.0, "{}: 0 < c1 < c2 < 1 must hold, got {} and {}",
                  kName, c1, c2);
}

template <class T>
std::unique_ptr<Method<T>> make_method(const LBFGSOptions& options) {
  options.check();
  return std::make_unique<LBFGS<T>>(options);
}

template std::unique_ptr<Method<float>> make_method(const LBFGSOptions&);
template std::unique_ptr<Method<double>> make_method(const LBFGSOptions&);

}  // namespace glissade::optim
