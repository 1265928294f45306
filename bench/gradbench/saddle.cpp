// saddle: the x at which the largest f(x, y) over all y is smallest, and that y; one gradient
// descent inside another.

#include "nested.h"

namespace gradbench {

using namespace glissade;

namespace {

Var objective(const Var& x, const Var& y) { return sum(square(x)) - sum(square(y)); }

Real solve(Mode outer, Mode inner, const Var& start) {
  const auto largest = [&](const Var& x) {
    return objective(x, argmax(
                            inner, [&](const Var& y) { return objective(x, y); }, start));
  };
  const NoGradGuard guard;
  const Var x = argmin(outer, largest, start);
  const Var y = argmax(
      outer, [&](const Var& at) { return objective(x, at); }, start);
  return concat<double>({x, y}).value();
}

template <Mode outer, Mode inner>
Evaluation evaluate(const Json& input) {
  return evaluation(
      [start = Var(to_tensor(input.at("start")))] { return solve(outer, inner, start); }, to_json);
}

}  // namespace

Module saddle() {
  return {{"rr", evaluate<Mode::reverse, Mode::reverse>},
          {"rf", evaluate<Mode::reverse, Mode::forward>},
          {"fr", evaluate<Mode::forward, Mode::reverse>},
          {"ff", evaluate<Mode::forward, Mode::forward>}};
}

}  // namespace gradbench
