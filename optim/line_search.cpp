#include "line_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "vectors.h"

namespace glissade::optim {
namespace {

// The minimum of the cubic with the values and slopes of two points, within [low, high]; the middle
// of the interval if the cubic has none (Nocedal and Wright, equation 3.59).
template <class T>
double cubic_minimum(const LinePoint<T>& a, const LinePoint<T>& b, double low, double high) {
  const double d1 = a.slope + b.slope - 3.0 * (a.value.cost - b.value.cost) / (a.t - b.t);
  const double square = d1 * d1 - a.slope * b.slope;
  const LinePoint<T>& left = a.t <= b.t ? a : b;
  const LinePoint<T>& right = a.t <= b.t ? b : a;
  const double d2 = std::sqrt(square);  // NaN if there is no minimum
  const double t = right.t - (right.t - left.t) *
                                 ((right.slope + d2 - d1) / (right.slope - left.slope + 2.0 * d2));
  return std::isfinite(t) ? std::clamp(t, low, high) : 0.5 * (low + high);
}

template <class T>
class Search {
 public:
  Search(Problem<T>& problem, const Tensor<T>& d, const WolfeOptions& options)
      : problem_(problem), d_(d), options_(options) {
    start_.value = {.cost = problem.cost(), .gradient = problem.gradient()};
    start_.slope = dot(start_.value.gradient, d);
  }

  LinePoint<T> operator()(double first) {
    LinePoint<T> low;
    LinePoint<T> high;
    if (bracket(first, low, high)) return low;
    return zoom(std::move(low), std::move(high));
  }

 private:
  LinePoint<T> at(double t) {
    LinePoint<T> point;
    point.t = t;
    point.value = problem_.evaluate_at(along(problem_.point(), t, d_));
    point.slope = dot(point.value.gradient, d_);
    if (!std::isfinite(point.value.cost) || !std::isfinite(point.slope)) {
      point.value.cost = std::numeric_limits<double>::infinity();
    }
    return point;
  }
  bool decreases(const LinePoint<T>& p) const {
    return p.value.cost <= start_.value.cost + options_.c1 * p.t * start_.slope;
  }
  bool is_flat(const LinePoint<T>& p) const {
    return std::abs(p.slope) <= -options_.c2 * start_.slope;
  }

  // Steps outward until two points have a minimum between them. True if the first of them is good
  // enough already.
  bool bracket(double first, LinePoint<T>& low, LinePoint<T>& high) {
    LinePoint<T> previous = start_;
    LinePoint<T> next = at(first);
    for (; steps_ < options_.max_evaluations; ++steps_) {
      if (!decreases(next) || (steps_ > 1 && next.value.cost >= previous.value.cost)) break;
      if (is_flat(next)) {
        low = std::move(next);
        return true;
      }
      if (next.slope >= 0.0) break;
      const double t =
          cubic_minimum(previous, next, next.t + 0.01 * (next.t - previous.t), next.t * 10.0);
      previous = std::exchange(next, at(t));
    }
    if (steps_ == options_.max_evaluations) previous = start_;
    low = std::move(previous);
    high = std::move(next);
    if (high.value.cost < low.value.cost) std::swap(low, high);
    return false;
  }

  // Narrows the bracket, of which `low` has the lower cost.
  LinePoint<T> zoom(LinePoint<T> low, LinePoint<T> high) {
    const double longest = norm_inf(d_);
    bool was_near_end = false;
    for (; steps_ < options_.max_evaluations; ++steps_) {
      const double begin = std::min(low.t, high.t);
      const double end = std::max(low.t, high.t);
      // Not as long as nothing has been gained: variables may have small units.
      if (low.t > 0.0 && (end - begin) * longest < options_.tolerance_change) break;
      double t = cubic_minimum(low, high, begin, end);
      // Twice near an end of the bracket: a tenth away from it.
      const double margin = 0.1 * (end - begin);
      if (std::min(end - t, t - begin) < margin) {
        if (was_near_end || t >= end || t <= begin) {
          t = std::abs(t - end) < std::abs(t - begin) ? end - margin : begin + margin;
          was_near_end = false;
        } else {
          was_near_end = true;
        }
      } else {
        was_near_end = false;
      }
      LinePoint<T> next = at(t);
      if (!decreases(next) || next.value.cost >= low.value.cost) {
        high = std::move(next);
        if (high.value.cost < low.value.cost) std::swap(low, high);
        continue;
      }
      if (is_flat(next)) return next;
      if (next.slope * (high.t - low.t) >= 0.0) high = std::move(low);
      low = std::move(next);
    }
    return low;
  }

  Problem<T>& problem_;
  const Tensor<T>& d_;
  const WolfeOptions& options_;
  LinePoint<T> start_;
  std::int64_t steps_ = 0;
};

}  // namespace

template <class T>
LinePoint<T> strong_wolfe(Problem<T>& problem, const Tensor<T>& d, double first,
                          const WolfeOptions& options) {
  return Search<T>(problem, d, options)(first);
}

template LinePoint<float> strong_wolfe(Problem<float>&, const Tensor<float>&, double,
                                       const WolfeOptions&);
template LinePoint<double> strong_wolfe(Problem<double>&, const Tensor<double>&, double,
                                        const WolfeOptions&);

}  // namespace glissade::optim
