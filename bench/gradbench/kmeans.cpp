// kmeans: the sum over the points of the squared distance to the nearest centroid, and the Newton
// direction of the centroids.

#include <glissade/core/reduce.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

// The nearest centroid of each point: a choice, through which no derivative goes. |p - c|^2 / 2 is
// compared, but for |p|^2 / 2, which is the same for all centroids.
Tensor<std::int32_t> nearest(const Var& points, const Var& opposites, const Var& half_squares) {
  const NoGradGuard guard;
  const Var compared = linear(opposites, points, Var()) + half_squares;  // (k, points)
  return kernels::argmin(compared.value(), 0);
}

// Some points at a time, so that they and their distances stay in the cache.
Var cost_of(const Var& points, const Var& centroids) {
  constexpr Index kElements = 32'768;
  const Index n = points.dim(0);
  const Index block = std::max<Index>(16, kElements / (centroids.dim(0) + centroids.dim(1)));
  const auto [opposites, half_squares] = [&] {
    const NoGradGuard guard;
    return std::pair(-centroids, reshape(sum(square(centroids), 1) * 0.5, {centroids.dim(0), 1}));
  }();
  Var total(Tensor<double>::scalar(0.0));
  for (Index begin = 0; begin < n; begin += block) {
    const Var part = block < n ? slice_rows(points, begin, std::min(begin + block, n)) : points;
    const auto positions = nearest(part, opposites, half_squares);
    total += sum(square(part - index_select(centroids, 0, positions)));
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
