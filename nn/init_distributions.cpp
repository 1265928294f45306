// Weights from less simple distributions: orthogonal, truncated normal, sparse.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "glissade/core/linalg.h"
#include "glissade/core/move.h"
#include "glissade/nn/init.h"

namespace glissade::nn::init {
namespace {

// A matrix (long_side, short_side) with orthonormal columns, each equally likely. Of a matrix of
// normal numbers, Q is such if R's diagonal is positive; LAPACK's signs are not random.
Tensor<double> random_orthonormal(Index long_side, Index short_side, Rng& rng) {
  auto normal = Tensor<double>::uninitialized({long_side, short_side});
  rng.fill_normal(normal);
  auto [q, r] = qr(normal);
  for (Index j = 0; j < short_side; ++j) {
    if (r(j, j) >= 0.0) continue;
    for (Index i = 0; i < long_side; ++i) q(i, j) = -q(i, j);
  }
  return q;
}

// Standard deviations from the mean, whose square is still a number.
constexpr double kFarthest = 1e150;

// A standard normal variable, given that it is in [low, high] (Robert, 1995).
class TruncatedNormal {
 public:
  TruncatedNormal(double low, double high) : low_(low), high_(high) {
    if (high_ < 0.0) {  // the upper tail, mirrored
      mirrored_ = true;
      low_ = -high;
      high_ = -low;
    }
    const double width = high_ - low_;
    if (low_ <= 0.0) {
      from_normal_ = width > std::sqrt(2.0 * std::numbers::pi);
    } else {
      const double root = std::sqrt(low_ * low_ + 4.0);
      rate_ = 0.5 * (low_ + root);
      // Where the exponential distribution would be accepted less often than the uniform one.
      from_exponential_ = width > std::exp(0.5 + 0.25 * low_ * (low_ - root)) / rate_;
    }
  }

  double operator()(Rng& rng) const {
    const double z = from_normal_        ? normal(rng)
                     : from_exponential_ ? exponential(rng)
                                         : uniform(rng);
    return mirrored_ ? -z : z;
  }

 private:
  double normal(Rng& rng) const {
    double z = rng.normal();
    while (z < low_ || z > high_) z = rng.normal();
    return z;
  }
  double exponential(Rng& rng) const {
    while (true) {
      const double z = low_ - std::log1p(-rng.uniform()) / rate_;
      if (z <= high_ && rng.uniform() <= std::exp(-0.5 * (z - rate_) * (z - rate_))) return z;
    }
  }
  double uniform(Rng& rng) const {
    const double most = std::max(low_, 0.0);  // where the density is largest
    while (true) {
      const double z = low_ + rng.uniform() * (high_ - low_);
      if (rng.uniform() <= std::exp(0.5 * (most - z) * (most + z))) return z;
    }
  }

  double low_;
  double high_;
  bool mirrored_ = false;
  bool from_normal_ = false;
  bool from_exponential_ = false;
  double rate_ = 0.0;
};

}  // namespace

template <class T>
void orthogonal(Tensor<T>& weight, Rng& rng, const OrthogonalOptions& options) {
  check(weight.rank() >= 2, "orthogonal: the weight must have at least two axes, got {}",
        weight.shape());
  if (weight.size() == 0) return;
  const Index rows = weight.dim(0);
  const Index columns = weight.size() / rows;
  Tensor<double> q = random_orthonormal(std::max(rows, columns), std::min(rows, columns), rng);
  if (rows < columns) q = kernels::transpose(q);
  for (Index i = 0; i < weight.size(); ++i) weight[i] = static_cast<T>(options.gain * q[i]);
}

template <class T>
void truncated_normal(Tensor<T>& tensor, Rng& rng, const TruncatedNormalOptions& options) {
  const auto [mean, std, a, b] = options;
  check(std > 0.0 && std::isfinite(std) && std::isfinite(mean),
        "truncated_normal: mean must be finite and std positive, got {} and {}", mean, std);
  check(a < b, "truncated_normal: a must be less than b, got {} and {}", a, b);
  const double low_tail = (a - mean) / std;
  const double high_tail = (b - mean) / std;
  check(low_tail < kFarthest && high_tail > -kFarthest,
        "truncated_normal: the interval from {} to {} is too far from mean {} for std {}", a, b,
        mean, std);
  const TruncatedNormal draw(low_tail, high_tail);
  const T low = static_cast<T>(a);
  const T high = static_cast<T>(b);
  for (T& x : tensor) x = std::clamp(static_cast<T>(mean + std * draw(rng)), low, high);
}

template <class T>
void sparse(Tensor<T>& weight, double sparsity, Rng& rng, const SparseOptions& options) {
  check(weight.rank() == 2, "sparse: the weight must have two axes, got {}", weight.shape());
  check(sparsity >= 0.0 && sparsity <= 1.0, "sparse: sparsity must be from 0 to 1, got {}",
        sparsity);
  normal(weight, rng, {.mean = 0.0, .std = options.std});
  const Index rows = weight.dim(0);
  const Index columns = weight.dim(1);
  const auto zeros = static_cast<std::size_t>(std::ceil(sparsity * static_cast<double>(rows)));
  std::vector<std::int32_t> order(static_cast<std::size_t>(rows));
  for (Index j = 0; j < columns; ++j) {
    rng.permutation(order);
    for (std::size_t k = 0; k < zeros; ++k) weight[order[k] * columns + j] = T{0};
  }
}

#define GLISSADE_INSTANTIATE(T)                                                    \
  template void orthogonal(Tensor<T>&, Rng&, const OrthogonalOptions&);            \
  template void truncated_normal(Tensor<T>&, Rng&, const TruncatedNormalOptions&); \
  template void sparse(Tensor<T>&, double, Rng&, const SparseOptions&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade::nn::init
