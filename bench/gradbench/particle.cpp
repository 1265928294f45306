// particle: the control w with which a particle, pushed by two charges and moved by Euler's
// method, meets the x-axis at the origin. The force is the gradient of a potential, so a derivative
// is inside the function that gradient descent differentiates.

#include <initializer_list>

#include "nested.h"

namespace gradbench {

using namespace glissade;

namespace {

Var vector(std::initializer_list<double> values) {
  return Var(Real({static_cast<Index>(values.size())}, values));
}

// The squared distance from the origin where the particle meets the axis.
Var miss(Mode mode, const Var& w) {
  constexpr double kStep = 0.1;
  const Var first = vector({10.0, 10.0}) - w * vector({0.0, 1.0});
  const Var second = vector({10.0, 0.0});
  const Objective potential = [&](const Var& x) {
    const auto distance = [&](const Var& charge) { return sqrt(sum(square(x - charge))); };
    return 1.0 / distance(first) + 1.0 / distance(second);
  };
  Var x = vector({0.0, 8.0});
  Var velocity = vector({0.75, 0.0});
  while (true) {
    const Var acceleration = -gradient(mode, potential, x);
    x = x + velocity * kStep;
    if (x.value()[1] <= 0.0) {
      const Var time = -x[1] / velocity[1];
      return square(x[0] + time * velocity[0]);
    }
    velocity = velocity + acceleration * kStep;
  }
}

double solve(Mode outer, Mode inner, const Var& start) {
  const NoGradGuard guard;
  return argmin(
             outer, [&](const Var& w) { return miss(inner, w); }, start)
      .item();
}

template <Mode outer, Mode inner>
Evaluation evaluate(const Json& input) {
  return evaluation(
      [start = vector({input.at("w").get<double>()})] { return solve(outer, inner, start); },
      [](double w) { return w; });
}

}  // namespace

Module particle() {
  return {{"rr", evaluate<Mode::reverse, Mode::reverse>},
          {"rf", evaluate<Mode::reverse, Mode::forward>},
          {"fr", evaluate<Mode::forward, Mode::reverse>},
          {"ff", evaluate<Mode::forward, Mode::forward>}};
}

}  // namespace gradbench
