// gmm: the log-posterior of a Gaussian mixture with a Wishart prior, and its gradient by the
// weights' logits alpha (k), the means mu (k, d) and the inverse covariances' factors: the
// logarithms q (k, d) of their diagonals, and what is below, l (k, d (d - 1) / 2), column after
// column.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

class Mixture {
 public:
  Mixture(const Json& input, bool differentiate)
      : gamma_(input.at("gamma")),
        m_(input.at("m")),
        alpha_(to_tensor(input.at("alpha")), differentiate),
        mu_(to_tensor(input.at("mu")), differentiate),
        q_(to_tensor(input.at("q")), differentiate),
        l_(to_tensor(input.at("l")), differentiate) {
    const Real x = to_tensor(input.at("x"));
    n_ = x.dim(0);
    // (d + 1, n)
    const Var columns = transpose(concat<double>({Var(x), Var(Real::full({n_, 1}, 1.0))}, 1));
    const Index block = std::max<Index>(kFewest, kElements / mu_.size());
    for (Index begin = 0; begin < n_; begin += block) {
      blocks_.push_back(slice(columns, 1, begin, std::min(begin + block, n_)));
    }
    // Where each element of a factor (d, d), row after row, stands in (exp(q), l, 0).
    const Index d = mu_.dim(1);
    const Index zero = d + d * (d - 1) / 2;
    positions_ = Tensor<std::int32_t>::full({d * d}, static_cast<std::int32_t>(zero));
    Index next = d;
    for (Index j = 0; j < d; ++j) {
      positions_(j * d + j) = static_cast<std::int32_t>(j);
      for (Index i = j + 1; i < d; ++i) positions_(i * d + j) = static_cast<std::int32_t>(next++);
    }
  }

  std::vector<Var> parameters() const { return {alpha_, mu_, q_, l_}; }

  Var log_posterior() const {
    const Index d = mu_.dim(1);
    const Index k = mu_.dim(0);
    const Var diagonals = exp(q_);
    const Var sums = sum(q_, 1);
    const Var entries = concat<double>({diagonals, l_, Var(Real({k, 1}))}, 1);
    const Var factors = reshape(index_select(entries, 1, positions_), {k, d, d});
    // Q (x - mu) = (Q, -Q mu) (x, 1), for all components in one product
    const Var shifts = sum(factors * reshape(-mu_, {k, 1, d}), 2);
    const Var maps = concat<double>({reshape(factors, {k * d, d}), reshape(shifts, {k * d, 1})}, 1);
    const Var logits = alpha_ + sums;
    Var total = log_wishart_prior(diagonals, sums);
    for (const Var& points : blocks_) {
      const Index count = points.dim(1);
      const Var z = matmul(maps, points);                               // (k d, count)
      const Var distances = sum(square(reshape(z, {k, d, count})), 1);  // (k, count)
      total += sum(logsumexp(logits - transpose(distances) * 0.5, 1));
    }
    const double constant = -0.5 * static_cast<double>(n_ * d) * std::log(2.0 * std::numbers::pi);
    return total - logsumexp(alpha_, 0) * static_cast<double>(n_) + constant;
  }

 private:
  static constexpr Index kElements = 65'536;  // of z for a block of points
  static constexpr Index kFewest = 128;       // points in a block

  Var log_wishart_prior(const Var& diagonals, const Var& sums) const {
    const auto d = static_cast<double>(mu_.dim(1));
    const auto k = static_cast<double>(mu_.dim(0));
    const double n = d + m_ + 1.0;
    // the logarithm of the multivariate gamma function at n / 2
    double log_gamma = 0.25 * d * (d - 1.0) * std::log(std::numbers::pi);
    for (double j = 1.0; j <= d; ++j) log_gamma += std::lgamma(0.5 * (n + 1.0 - j));
    const double constant = n * d * (std::log(gamma_) - 0.5 * std::log(2.0)) - log_gamma;
    const Var squares = sum(square(diagonals)) + sum(square(l_));
    return sum(sums) * m_ - squares * (0.5 * gamma_ * gamma_) + k * constant;
  }

  // Points are columns with a 1 below, (d + 1, count): an operation runs over points, of which
  // there are more than dimensions. Some at a time, so that they stay in the cache.
  std::vector<Var> blocks_;
  Index n_ = 0;
  double gamma_;
  double m_;
  Var alpha_, mu_, q_, l_;
  Tensor<std::int32_t> positions_;
};

Evaluation objective(const Json& input) {
  return evaluation(
      [mixture = Mixture(input, false)] {
        const NoGradGuard guard;
        return mixture.log_posterior().item();
      },
      [](double y) { return y; });
}

Evaluation jacobian_of(const Json& input) {
  return evaluation(
      [mixture = Mixture(input, true)] {
        return grad(mixture.log_posterior(), mixture.parameters());
      },
      [](const std::vector<Var>& g) {
        return Json{{"alpha", to_json(g[0].value())},
                    {"mu", to_json(g[1].value())},
                    {"q", to_json(g[2].value())},
                    {"l", to_json(g[3].value())}};
      });
}

}  // namespace

Module gmm() { return {{"objective", objective}, {"jacobian", jacobian_of}}; }

}  // namespace gradbench
