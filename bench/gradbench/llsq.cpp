// llsq: half the squared distance of a polynomial from the sign function, at n points of [-1, 1],
// and its gradient by the m coefficients.

#include <algorithm>

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

// sum over i of (sign(t_i) - sum over j of x_j t_i^j)^2 / 2
Var cost(const Var& x, Index n) {
  // The powers are made anew in every run, as they are by the other tools; a few points at a time,
  // so that they are still in the cache for the product.
  constexpr Index kBlock = 512;
  const Index m = x.size();
  Var total;
  for (Index begin = 0; begin < n; begin += kBlock) {
    const Index count = std::min(kBlock, n - begin);
    Real powers = Real::uninitialized({m, count});  // powers(j, i) = t_i^j
    Real signs = Real::uninitialized({count});
    Real t = Real::uninitialized({count});
    for (Index i = 0; i < count; ++i) {
      t[i] = -1.0 + static_cast<double>(begin + i) * 2.0 / static_cast<double>(n - 1);
      signs[i] = static_cast<double>((t[i] > 0.0) - (t[i] < 0.0));
    }
    std::fill_n(powers.data(), count, 1.0);
    for (Index j = 1; j < m; ++j) {
      const double* last = powers.data() + (j - 1) * count;
      double* next = powers.data() + j * count;
      for (Index i = 0; i < count; ++i) next[i] = last[i] * t[i];
    }
    const Var part = sum(square(Var(std::move(signs)) - matmul(x, Var(std::move(powers)))));
    total = total.defined() ? total + part : part;
  }
  return total * 0.5;
}

Evaluation primal(const Json& input) {
  return evaluation(
      [x = Var(to_tensor(input.at("x"))), n = input.at("n").get<Index>()] {
        const NoGradGuard guard;
        return cost(x, n).item();
      },
      [](double y) { return y; });
}

Evaluation gradient(const Json& input) {
  return evaluation([x = parameter(to_tensor(input.at("x"))),
                     n = input.at("n").get<Index>()] { return grad(cost(x, n), {x})[0]; },
                    [](const Var& g) { return to_json(g.value()); });
}

}  // namespace

Module llsq() { return {{"primal", primal}, {"gradient", gradient}}; }

}  // namespace gradbench
