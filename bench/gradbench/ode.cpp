// ode: y' = f(x, y) with f_0 = x_0, f_i = x_i y_(i-1), from y(0) = 0 to time 2 by s steps of the
// classical Runge-Kutta method, and the gradient of the last component by x.

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

Var solve(const Var& x, Index s) {
  const Index n = x.size();
  const double h = 2.0 / static_cast<double>(s);
  const Var one(Real::full({1}, 1.0));
  const auto f = [&](const Var& y) { return x * concat<double>({one, slice(y, 0, 0, n - 1)}); };
  Var y(Real({n}));
  for (Index i = 0; i < s; ++i) {
    const Var k1 = f(y);
    const Var k2 = f(y + k1 * (h / 2.0));
    const Var k3 = f(y + k2 * (h / 2.0));
    const Var k4 = f(y + k3 * h);
    y = y + (k1 + (k2 + k3) * 2.0 + k4) * (h / 6.0);
  }
  return y;
}

Evaluation primal(const Json& input) {
  return evaluation(
      [x = Var(to_tensor(input.at("x"))), s = input.at("s").get<Index>()] {
        const NoGradGuard guard;
        return solve(x, s);
      },
      [](const Var& y) { return to_json(y.value()); });
}

Evaluation gradient(const Json& input) {
  return evaluation([x = parameter(to_tensor(input.at("x"))),
                     s = input.at("s").get<Index>()] { return grad(solve(x, s)[-1], {x})[0]; },
                    [](const Var& g) { return to_json(g.value()); });
}

}  // namespace

Module ode() { return {{"primal", primal}, {"gradient", gradient}}; }

}  // namespace gradbench
