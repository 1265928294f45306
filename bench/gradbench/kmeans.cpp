// kmeans: the sum over the points of the squared distance to the nearest centroid, and the Newton
// direction of the centroids.

#include <glissade/core/reduce.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

// The nearest centroid of each point: a choice, through which no derivative goes. |p - c|^2 / 2 is
// compared, but for |p|^2 / 2, which is the same for all centroids.
Tensor<std::int32_t> nearest(const Var& points, const Var& opposites, const Var& half_squares) {
  constexpr Index kFew = 32;
  const NoGradGuard guard;
  const Index n = points.dim(0);
  const Index k = opposites.dim(0);
  if (k > kFew) return kernels::argmin(linear(points, opposites, half_squares).value(), 1);

  // Of few, one after the other, in loops over the points: rows as short as these take longer.
  const Var products = linear(opposites, points, Var());  // (k, n)
  Real least = Real::full({n}, std::numeric_limits<double>::infinity());
  double* const smallest = least.data();
  for (Index j = 0; j < k; ++j) {
    const double* product = products.value().data() + j * n;
    const double half_square = half_squares.value()[j];
    for (Index i = 0; i < n; ++i) {
      smallest[i] = std::min(smallest[i], product[i] + half_square);
    }
  }
  // Which it was, as a number of the same type: compilers make vectors of that.
  Real positions({n});
  double* const found = positions.data();
  for (Index j = 0; j < k; ++j) {
    const double* product = products.value().data() + j * n;
    const double half_square = half_squares.value()[j];
    const auto position = static_cast<double>(j);
    for (Index i = 0; i < n; ++i) {
      found[i] = std::max(found[i], product[i] + half_square <= smallest[i] ? position : 0.0);
    }
  }
  Tensor<std::int32_t> result = Tensor<std::int32_t>::uninitialized({n});
  std::transform(positions.begin(), positions.end(), result.begin(),
                 [](double position) { return static_cast<std::int32_t>(position); });
  return result;
}

// Some points at a time, so that they and their distances stay in the cache.
Var cost_of(const Var& points, const Var& centroids) {
  constexpr Index kElements = 32'768;
  const Index n = points.dim(0);
  const Index block = std::max<Index>(16, kElements / (centroids.dim(0) + centroids.dim(1)));
  const auto [opposites, half_squares] = [&] {
    const NoGradGuard guard;
    return std::pair(-centroids, sum(square(centroids), 1) * 0.5);
  }();
  Var total;
  for (Index begin = 0; begin < n; begin += block) {
    const Var part = block < n ? slice_rows(points, begin, std::min(begin + block, n)) : points;
    const auto positions = nearest(part, opposites, half_squares);
    const Var cost = sum(square(part - index_select(centroids, 0, positions)));
    total = total.defined() ? total + cost : cost;
  }
  return total;
}

Evaluation cost(const Json& input) {
  return evaluation(
      [points = Var(to_tensor(input.at("points"))),
       centroids = Var(to_tensor(input.at("centroids")))] {
        const NoGradGuard guard;
        return cost_of(points, centroids).item();
      },
      [](double y) { return y; });
}

Evaluation dir(const Json& input) {
  return evaluation(
      [points = Var(to_tensor(input.at("points"))),
       centroids = parameter(to_tensor(input.at("centroids")))] {
        const Var gradient =
            grad(cost_of(points, centroids), {centroids}, {.create_graph = true})[0];
        // The Hessian is diagonal: its product with ones is its diagonal.
        const Var diagonal = grad(sum(gradient), {centroids})[0];
        const NoGradGuard guard;
        return gradient / diagonal;
      },
      [](const Var& direction) { return to_json(direction.value()); });
}

}  // namespace

Module kmeans() { return {{"cost", cost}, {"dir", dir}}; }

}  // namespace gradbench
