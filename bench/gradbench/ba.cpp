// ba: bundle adjustment. Errors of the projections of points through cameras, and their sparse
// Jacobian: each error depends on one camera, one point and one weight.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

constexpr Index kCamera =
    11;  // rotation 3, centre 3, focal length, principal point 2, distortion 2
constexpr Index kColumns = kCamera + 3 + 1;

// Everything is stored by column: a parameter of all cameras is a row, so that operations run over
// observations.
struct Problem {
  Index n, m, p;                                  // cameras, points, observations
  Var cameras;                                    // (11, n)
  Var points;                                     // (3, m)
  Var weights;                                    // (p)
  Var features;                                   // (2, p)
  std::vector<std::int32_t> camera_of, point_of;  // (p)
};

Var repeated_columns(const Json& values, Index count) {
  Real result = Real::uninitialized({static_cast<Index>(values.size()), count});
  double* to = result.data();
  for (const Json& value : values) to = std::fill_n(to, count, value.get<double>());
  return Var(std::move(result));
}

Problem problem(const Json& input) {
  Problem made{input.at("n"), input.at("m"), input.at("p"), {}, {}, {}, {}, {}, {}};
  made.cameras = repeated_columns(input.at("cam"), made.n);
  made.points = repeated_columns(input.at("x"), made.m);
  made.weights = Var(Real::full({made.p}, input.at("w").get<double>()));
  made.features = repeated_columns(input.at("feat"), made.p);
  for (Index i = 0; i < made.p; ++i) {
    made.camera_of.push_back(static_cast<std::int32_t>(i % made.n));
    made.point_of.push_back(static_cast<std::int32_t>(i % made.m));
  }
  return made;
}

// Rodrigues' formula for the vectors v by the angle |r| about the axis r; each has a row for x, y
// and z.
std::vector<Var> rotate(const std::vector<Var>& r, const std::vector<Var>& v) {
  const auto cross = [](const std::vector<Var>& a, const std::vector<Var>& b) {
    return std::vector<Var>{a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                            a[0] * b[1] - a[1] * b[0]};
  };
  const Var angle_squared = square(r[0]) + square(r[1]) + square(r[2]);
  // The formula has no derivative at the angle 0; there the rotation is v + r x v.
  Real none(angle_squared.shape());
  for (Index i = 0; i < none.size(); ++i) none[i] = angle_squared.value()[i] == 0.0 ? 1.0 : 0.0;
  const Var still(std::move(none));
  const Var angle = sqrt(angle_squared + still);
  const Var cosine = cos(angle);
  const Var sine = sin(angle);
  const std::vector<Var> axis{r[0] / angle, r[1] / angle, r[2] / angle};
  const auto turned = cross(axis, v);
  const auto nearly = cross(r, v);
  const Var along = (axis[0] * v[0] + axis[1] * v[1] + axis[2] * v[2]) * (1.0 - cosine);
  std::vector<Var> result;
  for (std::size_t i = 0; i < 3; ++i) {
    const Var full = v[i] * cosine + turned[i] * sine + axis[i] * along;
    result.push_back(full * (1.0 - still) + (v[i] + nearly[i]) * still);
  }
  return result;
}

// The errors (2 rows) of observations with these cameras (11 rows), points (3 rows), weights and
// features (2 rows).
std::vector<Var> projection_errors(const std::vector<Var>& camera, const std::vector<Var>& point,
                                   const Var& weight, const std::vector<Var>& feature) {
  const auto seen = rotate({camera[0], camera[1], camera[2]},
                           {point[0] - camera[3], point[1] - camera[4], point[2] - camera[5]});
  const Var u = seen[0] / seen[2];
  const Var v = seen[1] / seen[2];
  const Var r = square(u) + square(v);
  const Var scale = (1.0 + camera[9] * r + camera[10] * square(r)) * camera[6];
  return {weight * (u * scale + camera[7] - feature[0]),
          weight * (v * scale + camera[8] - feature[1])};
}

Var weight_errors(const Var& weights) { return 1.0 - square(weights); }

// Some observations at a time, so that a row of them fits the cache.
constexpr Index kBlock = 2048;

struct Block {
  Index begin, end;
  std::vector<Var> camera, point, feature;
  Var weight;
};

Block block_at(const Problem& problem, Index begin, bool differentiate) {
  const Index end = std::min(begin + kBlock, problem.p);
  Block block{begin, end, {}, {}, {}, {}};
  const auto take = [&](const Var& rows, const std::vector<std::int32_t>& of) {
    const Tensor<std::int32_t> index({end - begin},
                                     std::span(of).subspan(static_cast<std::size_t>(begin),
                                                           static_cast<std::size_t>(end - begin)));
    const Var taken = index_select(rows, 1, index);
    std::vector<Var> result;
    for (Index i = 0; i < rows.dim(0); ++i) result.emplace_back(taken[i].value(), differentiate);
    return result;
  };
  block.camera = take(problem.cameras, problem.camera_of);
  block.point = take(problem.points, problem.point_of);
  const Var features = slice(problem.features, 1, begin, end);
  block.feature = {features[0], features[1]};
  block.weight = Var(slice_rows(problem.weights, begin, end).value(), differentiate);
  return block;
}

struct Errors {
  std::vector<double> projection, weight;
};

Evaluation objective(const Json& input) {
  return evaluation(
      [problem = problem(input)] {
        const NoGradGuard guard;
        Errors errors;
        errors.projection.reserve(static_cast<std::size_t>(2 * problem.p));
        for (Index begin = 0; begin < problem.p; begin += kBlock) {
          const Block block = block_at(problem, begin, false);
          const auto error =
              projection_errors(block.camera, block.point, block.weight, block.feature);
          for (Index i = 0; i < error[0].size(); ++i) {
            errors.projection.push_back(error[0].value()[i]);
            errors.projection.push_back(error[1].value()[i]);
          }
        }
        const Var weights = weight_errors(problem.weights);
        errors.weight.assign(weights.value().begin(), weights.value().end());
        return errors;
      },
      [](const Errors& errors) {
        return Json{{"reproj_error",
                     {{"elements", {errors.projection[0], errors.projection[1]}},
                      {"repeated", errors.projection.size() / 2}}},
                    {"w_err", {{"element", errors.weight[0]}, {"repeated", errors.weight.size()}}}};
      });
}

// In compressed rows: two rows for each observation, then one for each weight.
struct Sparse {
  std::vector<std::int32_t> rows, columns;
  std::vector<double> values;
};

// The gradients of all errors of one kind at once: each depends on inputs of its own.
void append(const Problem& problem, const Block& block, const std::vector<Var>& error,
            Sparse& jacobian) {
  std::vector<Var> inputs = block.camera;
  inputs.insert(inputs.end(), block.point.begin(), block.point.end());
  inputs.push_back(block.weight);
  const auto u = grad(sum(error[0]), inputs, {.retain_graph = true, .allow_unused = true});
  const auto v = grad(sum(error[1]), inputs, {.allow_unused = true});
  const auto first = static_cast<std::int32_t>(kCamera * problem.n);
  const auto second = static_cast<std::int32_t>(kCamera * problem.n + 3 * problem.m);
  for (Index i = block.begin; i < block.end; ++i) {
    for (const auto* gradients : {&u, &v}) {
      const auto camera =
          static_cast<std::int32_t>(kCamera) * problem.camera_of[static_cast<std::size_t>(i)];
      const auto point = first + 3 * problem.point_of[static_cast<std::size_t>(i)];
      jacobian.rows.push_back(jacobian.rows.back() + static_cast<std::int32_t>(kColumns));
      for (std::int32_t j = 0; j < kCamera; ++j) jacobian.columns.push_back(camera + j);
      for (std::int32_t j = 0; j < 3; ++j) jacobian.columns.push_back(point + j);
      jacobian.columns.push_back(second + static_cast<std::int32_t>(i));
      for (const Var& g : *gradients) jacobian.values.push_back(g.value()[i - block.begin]);
    }
  }
}

Sparse sparse_jacobian(const Problem& problem) {
  Sparse jacobian;
  const auto count = static_cast<std::size_t>((2 * kColumns + 1) * problem.p);
  jacobian.rows.reserve(static_cast<std::size_t>(3 * problem.p + 1));
  jacobian.columns.reserve(count);
  jacobian.values.reserve(count);
  jacobian.rows.push_back(0);
  for (Index begin = 0; begin < problem.p; begin += kBlock) {
    const Block block = block_at(problem, begin, true);
    append(problem, block,
           projection_errors(block.camera, block.point, block.weight, block.feature), jacobian);
  }
  const Var weights = parameter(problem.weights.value());
  const Var g = grad(sum(weight_errors(weights)), {weights})[0];
  const auto second = static_cast<std::int32_t>(kCamera * problem.n + 3 * problem.m);
  for (Index i = 0; i < problem.p; ++i) {
    jacobian.rows.push_back(jacobian.rows.back() + 1);
    jacobian.columns.push_back(second + static_cast<std::int32_t>(i));
    jacobian.values.push_back(g.value()[i]);
  }
  return jacobian;
}

// The suite's form: the two rows of the first observation, and the last entry.
template <class T>
Json shortened(const std::vector<T>& all) {
  Json result(std::vector<T>(all.begin(), all.begin() + 2 * kColumns));
  result.push_back(all.back());
  return result;
}

Evaluation jacobian_of(const Json& input) {
  return evaluation([problem = problem(input)] { return sparse_jacobian(problem); },
                    [](const Sparse& jacobian) {
                      return Json{{"rows", shortened(jacobian.rows)},
                                  {"cols", shortened(jacobian.columns)},
                                  {"vals", shortened(jacobian.values)}};
                    });
}

}  // namespace

Module ba() { return {{"objective", objective}, {"jacobian", jacobian_of}}; }

}  // namespace gradbench
