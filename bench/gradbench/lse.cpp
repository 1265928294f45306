// lse: log(sum(exp(x))) and its gradient.

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

Evaluation primal(const Json& input) {
  return evaluation(
      [x = Var(to_tensor(input.at("x")))] {
        const NoGradGuard guard;
        return logsumexp(x, 0).item();
      },
      [](double y) { return y; });
}

Evaluation gradient(const Json& input) {
  return evaluation(
      [x = parameter(to_tensor(input.at("x")))] { return grad(logsumexp(x, 0), {x})[0]; },
      [](const Var& g) { return to_json(g.value()); });
}

}  // namespace

Module lse() { return {{"primal", primal}, {"gradient", gradient}}; }

}  // namespace gradbench
