// hello: x^2 and its derivative.

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

Evaluation run_square(const Json& input) {
  return evaluation(
      [x = Var(to_tensor(input))] {
        const NoGradGuard guard;
        return square(x).item();
      },
      [](double y) { return y; });
}

Evaluation run_double(const Json& input) {
  return evaluation([x = parameter(to_tensor(input))] { return grad(square(x), {x})[0].item(); },
                    [](double y) { return y; });
}

}  // namespace

Module hello() { return {{"square", run_square}, {"double", run_double}}; }

}  // namespace gradbench
