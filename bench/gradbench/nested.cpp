#include "nested.h"

#include <cmath>

namespace gradbench {

using namespace glissade;

namespace {

double norm(const Real& x) {
  double squares = 0.0;
  for (const double value : x) squares += value * value;
  return std::sqrt(squares);
}

}  // namespace

Var gradient(Mode mode, const Objective& f, const Var& x) {
  const bool differentiable = is_recording();
  const RecordingScope recording(true);
  // A point of its own, so that only what f does is differentiated here; if x depends on
  // something, so does the gradient.
  const Var at = x.requires_grad() ? x * 1.0 : parameter(x.value());
  const Var y = f(at);
  if (mode == Mode::reverse) {
    const Var g = grad(y, {at}, {.create_graph = differentiable})[0];
    return g;
  }
  const Var u = parameter(Real::full(y.shape(), 1.0));
  const Var product = grad(y, {at}, u, {.create_graph = true})[0];
  std::vector<Var> columns;
  for (Index i = 0; i < x.size(); ++i) {
    columns.push_back(reshape(
        grad(product[i], {u}, {.create_graph = differentiable, .retain_graph = true})[0], {1}));
  }
  return concat(columns);
}

Var argmin(Mode mode, const Objective& f, const Var& start) {
  constexpr double kTolerance = 1e-5;
  const auto value = [&](const Var& x) {
    const NoGradGuard guard;
    return f(x).item();
  };
  Var x = start;
  double fx = value(x);
  Var g = gradient(mode, f, x);
  double rate = 1e-5;
  for (int successes = 0; norm(g.value()) > kTolerance;) {
    if (successes == 10) {
      rate *= 2.0;
      successes = 0;
      continue;
    }
    const Var next = x - g * rate;
    if (norm(g.value()) * rate <= kTolerance) return x;
    const double f_next = value(next);
    if (f_next < fx) {
      x = next;
      fx = f_next;
      g = gradient(mode, f, x);
      ++successes;
    } else {
      rate /= 2.0;
      successes = 0;
    }
  }
  return x;
}

Var argmax(Mode mode, const Objective& f, const Var& start) {
  return argmin(
      mode, [&](const Var& x) { return -f(x); }, start);
}

Mode outer_mode(const std::string& function) {
  return function[0] == 'f' ? Mode::forward : Mode::reverse;
}
Mode inner_mode(const std::string& function) {
  return function[1] == 'f' ? Mode::forward : Mode::reverse;
}

}  // namespace gradbench
