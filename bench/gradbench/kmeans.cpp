// kmeans: the sum over the points of the squared distance to the nearest centroid, and the Newton
// direction of the centroids.

#include <glissade/core/reduce.h>

#include <algorithm>
#include <cstdint>

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

// The nearest centroid of each point: a choice, through which no derivative goes. Some points at a
// time, so that their distances stay in the cache.
Tensor<std::int32_t> nearest(const Var& points, const Var& centroids) {
  const NoGradGuard guard;
  const Index block = std::max<Index>(16, 100'000 / centroids.dim(0));
  const Var half_squares = sum(square(centroids), 1) * 0.5;
  const Var opposite = -centroids;
  Tensor<std::int32_t> result({points.dim(0)});
  for (Index begin = 0; begin < points.dim(0); begin += block) {
    const Index end = std::min(begin + block, points.dim(0));
    // |p - c|^2 / 2, but for |p|^2 / 2, which is the same for all centroids
    const Var distances = linear(slice_rows(points, begin, end), opposite, half_squares);
    const auto positions = kernels::argmin(distances.value(), 1);
    std::copy(positions.begin(), positions.end(), result.begin() + begin);
  }
  return result;
}

Var cost_of(const Var& points, const Var& centroids) {
  return sum(square(points - index_select(centroids, 0, nearest(points, centroids))));
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
