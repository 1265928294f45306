// ht: hand tracking. Distances of measured points from a hand posed by 26 numbers theta, and their
// Jacobian by theta and, in the "complicated" variant, by the places u (n, 2) of the points on the
// triangles of the hand: of these only the 3 x 2 blocks that are not zero.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

using Indices = Tensor<std::int32_t>;

constexpr Index kFirstAngle = 6;  // theta: rotation 3, translation 3, fingers 5 x 4

// The products of two lists of matrices (n, r, s) and (n, s, c), pair by pair.
Var products(const Var& a, const Var& b) {
  const Index n = a.dim(0);
  return sum(reshape(a, {n, a.dim(1), a.dim(2), 1}) * reshape(b, {n, 1, b.dim(1), b.dim(2)}), 2);
}

class Hand {
 public:
  explicit Hand(const Json& input)
      : theta_(to_tensor(input.at("theta"))),
        complicated_(!input.at("us").empty()),
        points_(to_tensor(input.at("data").at("points"))) {
    const Json& model = input.at("data").at("model");
    base_relatives_ = Var(to_tensor(model.at("base_relatives")));
    inverse_absolutes_ = Var(to_tensor(model.at("inverse_base_absolutes")));
    base_positions_ = Var(to_tensor(model.at("base_positions")));
    weights_ = Var(to_tensor(model.at("weights")));
    mirrored_ = model.at("is_mirrored");
    find_levels(model.at("parents").get<std::vector<Index>>());

    const auto corresponding = input["data"]["correspondences"].get<std::vector<std::int32_t>>();
    if (!complicated_) {
      corners_ = {Indices({points_.dim(0)}, corresponding)};
      return;
    }
    us_ = to_tensor(input["us"]);
    const auto triangles = model.at("triangles").get<std::vector<std::vector<std::int32_t>>>();
    for (std::size_t corner = 0; corner < 3; ++corner) {
      Indices vertices({points_.dim(0)});
      for (Index i = 0; i < vertices.size(); ++i) {
        const auto triangle = static_cast<std::size_t>(corresponding[static_cast<std::size_t>(i)]);
        vertices[i] = triangles[triangle][corner];
      }
      corners_.push_back(std::move(vertices));
    }
  }

  // theta, and u where there is one, as leaves.
  std::vector<Var> inputs(bool differentiate) const {
    std::vector<Var> result{Var(theta_, differentiate)};
    if (complicated_) result.emplace_back(us_, differentiate);
    return result;
  }

  // (n, 3)
  Var errors(const std::vector<Var>& inputs) const {
    const Var vertices = positions(inputs[0]);
    if (!complicated_) return points_ - index_select(vertices, 0, corners_[0]);
    const Var u = slice(inputs[1], 1, 0, 1);
    const Var v = slice(inputs[1], 1, 1, 2);
    const auto corner = [&](std::size_t i) { return index_select(vertices, 0, corners_[i]); };
    return points_ - (u * corner(0) + v * corner(1) + (1.0 - u - v) * corner(2));
  }

 private:
  // Bones of the same distance from the root can be placed together, once their parents are.
  void find_levels(const std::vector<Index>& parents) {
    std::vector<std::size_t> depth(parents.size());
    std::size_t deepest = 0;
    for (std::size_t i = 0; i < parents.size(); ++i) {
      if (parents[i] >= 0) depth[i] = depth[static_cast<std::size_t>(parents[i])] + 1;
      deepest = std::max(deepest, depth[i]);
    }
    std::vector<std::int32_t> place(parents.size());  // in its level
    order_ = Indices({static_cast<Index>(parents.size())});
    std::int32_t placed = 0;
    for (std::size_t level = 0; level <= deepest; ++level) {
      std::vector<std::int32_t> bones, above;
      for (std::size_t i = 0; i < parents.size(); ++i) {
        if (depth[i] != level) continue;
        place[i] = static_cast<std::int32_t>(bones.size());
        bones.push_back(static_cast<std::int32_t>(i));
        if (level > 0) above.push_back(place[static_cast<std::size_t>(parents[i])]);
        order_[static_cast<Index>(i)] = placed++;
      }
      bones_.emplace_back(Shape{static_cast<Index>(bones.size())}, bones);
      parents_.emplace_back(Shape{static_cast<Index>(above.size())}, above);
    }
  }

  // The rotations Rz Ry Rx of the bones by their angles, as matrices (bones, 4, 4).
  Var rotations(const Var& theta) const {
    // Each finger has four bones, of which the first three bend, and the first also spreads.
    const Index bones = base_relatives_.dim(0);
    const Var zero(Real({1}));
    const auto angle = static_cast<std::int32_t>(theta.size());  // of theta, or a zero behind it
    Indices bend = Indices::full({bones}, angle);
    Indices spread = Indices::full({bones}, angle);
    auto next = static_cast<std::int32_t>(kFirstAngle);
    for (Index finger = 0; finger < 5; ++finger) {
      for (Index i = 0; i < 3; ++i) {
        const Index bone = 2 + 4 * finger + i;
        bend(bone) = next++;
        if (i == 0) spread(bone) = next++;
      }
    }
    const Var angles = concat<double>({theta, zero});
    const Var x = index_select(angles, 0, bend);
    const Var z = index_select(angles, 0, spread);
    const Var cx = cos(x);
    const Var sx = sin(x);
    const Var cz = cos(z);
    const Var sz = sin(z);
    // The third angle, about y, is 0 for all bones: the product is Rz Rx.
    const Var o(Real({bones}));
    const Var one(Real::full({bones}, 1.0));
    return transposed_rows({cz, -(sz * cx), sz * sx, o,  //
                            sz, cz * cx, -(cz * sx), o,  //
                            o, sx, cx, o,                //
                            o, o, o, one},
                           {bones, 4, 4});
  }

  // Rows (n) put side by side: (n, rows.size()), in the shape given.
  static Var transposed_rows(std::vector<Var> rows, const Shape& shape) {
    for (Var& row : rows) row = reshape(row, {1, row.size()});
    return reshape(transpose(concat(rows)), shape);
  }

  // The places of the vertices (v, 3) of the posed hand.
  Var positions(const Var& theta) const {
    const Var relatives = products(base_relatives_, rotations(theta));
    std::vector<Var> levels{index_select(relatives, 0, bones_[0])};
    for (std::size_t i = 1; i < bones_.size(); ++i) {
      levels.push_back(products(index_select(levels.back(), 0, parents_[i]),
                                index_select(relatives, 0, bones_[i])));
    }
    const Var absolutes = index_select(concat(levels), 0, order_);
    const Var transforms = slice(products(absolutes, inverse_absolutes_), 1, 0, 3);  // (b, 3, 4)

    // sum over bones and coordinates of weight(v, bone) base(v, c) transform(bone, i, c)
    const Index bones = transforms.dim(0);
    const Index v = base_positions_.dim(0);
    const Var weighted = reshape(weights_, {v, bones, 1}) * reshape(base_positions_, {v, 1, 4});
    std::vector<Var> columns;  // of each coordinate: (4 bones)
    for (Index i = 0; i < 3; ++i) {
      columns.push_back(reshape(slice(transforms, 1, i, i + 1), {1, 4 * bones}));
    }
    Var placed = linear(reshape(weighted, {v, 4 * bones}), concat(columns), Var());
    if (mirrored_) placed = placed * Var(Real({3}, {-1.0, 1.0, 1.0}));
    const Var translation = slice(theta, 0, 3, 6);
    return linear(placed, global_rotation(theta), translation);
  }

  // By the angle |r| about the axis r; the identity for the smallest angles.
  static Var global_rotation(const Var& theta) {
    const Var r = slice(theta, 0, 0, 3);
    const Var angle = sqrt(sum(square(r)));
    if (angle.item() < 1e-4) {
      return Var(Real({3, 3}, {1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0}));
    }
    const Var axis = r / angle;
    const Var c = cos(angle);
    const Var s = sin(angle);
    const Var x = axis[0];
    const Var y = axis[1];
    const Var z = axis[2];
    const Var xy = x * y * (1.0 - c);
    const Var xz = x * z * (1.0 - c);
    const Var yz = y * z * (1.0 - c);
    const auto on_diagonal = [&](const Var& a) { return square(a) + (1.0 - square(a)) * c; };
    return transposed_rows({on_diagonal(x), xy - z * s, xz + y * s,  //
                            xy + z * s, on_diagonal(y), yz - x * s,  //
                            xz - y * s, yz + x * s, on_diagonal(z)},
                           {3, 3});
  }

  Real theta_;
  bool complicated_;
  Var points_;                              // (n, 3)
  Real us_;                                 // (n, 2)
  Var base_relatives_, inverse_absolutes_;  // (bones, 4, 4)
  Var base_positions_;                      // (v, 4)
  Var weights_;                             // (v, bones)
  bool mirrored_ = false;
  std::vector<Indices> bones_;    // of each level
  std::vector<Indices> parents_;  // their places in the level above
  Indices order_;                 // where each bone stands in the levels, one after the other
  std::vector<Indices> corners_;  // of each point: its vertex, or the three of its triangle
};

Evaluation objective(const Json& input) {
  return evaluation(
      [hand = Hand(input)] {
        const NoGradGuard guard;
        return hand.errors(hand.inputs(false));
      },
      [](const Var& errors) { return to_json(errors.value().reshape({errors.size()})); });
}

// The columns of the Jacobian: (columns, 3 n).
Real columns_of(const Hand& hand) {
  const auto inputs = hand.inputs(true);
  const Var errors = hand.errors(inputs);
  // J^T w is linear in w: the gradient of its component j by w is column j of J. The blocks of u
  // have rows of their own, so that the sum of all their columns is no loss.
  const Var w = parameter(Real(errors.shape()));
  const auto gradients = grad(errors, inputs, w, {.create_graph = true});
  Real result = Real::uninitialized({(inputs.size() == 2 ? 2 : 0) + inputs[0].size(), w.size()});
  double* to = result.data();
  const auto append = [&](const Var& gradient, const Real& seed) {
    const Var column = grad(gradient, {w}, Var(seed), {.retain_graph = true})[0];
    to = std::copy(column.value().begin(), column.value().end(), to);
  };
  if (inputs.size() == 2) {
    for (Index k = 0; k < 2; ++k) {
      Real seed(inputs[1].shape());
      for (Index i = 0; i < seed.dim(0); ++i) seed[2 * i + k] = 1.0;
      append(gradients[1], seed);
    }
  }
  Real seed(inputs[0].shape());
  for (Index j = 0; j < seed.size(); ++j) {
    seed[j] = 1.0;
    append(gradients[0], seed);
    seed[j] = 0.0;
  }
  return result;
}

Evaluation jacobian_of(const Json& input) {
  return evaluation([hand = Hand(input)] { return columns_of(hand); },
                    [](const Real& columns) { return to_json(transpose(Var(columns)).value()); });
}

}  // namespace

Module ht() { return {{"objective", objective}, {"jacobian", jacobian_of}}; }

}  // namespace gradbench
