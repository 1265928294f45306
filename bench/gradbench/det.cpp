// det: the determinant by expansion along the rows, and its gradient. The minors of the last rows
// are one tensor, computed from those of one row less; each is computed once, where the suite's
// reference computes it as often as it occurs.

#include <bit>
#include <cstdint>
#include <vector>

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

// The minors of the last `size` rows: one for each set of `size` columns, in increasing order of
// the sets as binary numbers.
struct Level {
  Index size;
  Index count;
  Tensor<std::int32_t> columns;  // (count size): the columns of each set, in order
  Tensor<std::int32_t> minors;   // (count size): the set without that column, one level below
  Real signs;                    // (size)
};

std::vector<Level> expansion(Index n) {
  const auto sets = std::uint32_t{1} << static_cast<unsigned>(n);
  std::vector<std::int32_t> place(sets);  // of a set among those of its size
  std::vector<Index> counts(static_cast<std::size_t>(n) + 1);
  for (std::uint32_t set = 0; set < sets; ++set) {
    place[set] = static_cast<std::int32_t>(counts[static_cast<std::size_t>(std::popcount(set))]++);
  }
  std::vector<Level> levels;
  for (Index size = 2; size <= n; ++size) {
    const Index count = counts[static_cast<std::size_t>(size)];
    Level level{size, count, Tensor<std::int32_t>({count * size}),
                Tensor<std::int32_t>({count * size}), Real({size})};
    for (Index i = 0; i < size; ++i) level.signs[i] = i % 2 == 0 ? 1.0 : -1.0;
    Index next = 0;
    for (std::uint32_t set = 0; set < sets; ++set) {
      if (std::popcount(set) != size) continue;
      for (std::uint32_t rest = set; rest != 0; rest &= rest - 1, ++next) {
        level.columns[next] = std::countr_zero(rest);
        level.minors[next] = place[set & ~(rest & (~rest + 1))];
      }
    }
    levels.push_back(std::move(level));
  }
  return levels;
}

Var determinant(const Var& a, const std::vector<Level>& levels) {
  const Index n = a.dim(0);
  Var minors = a[n - 1];
  for (const Level& level : levels) {
    const Shape shape{level.count, level.size};
    const Var row = reshape(index_select(a[n - level.size], 0, level.columns), shape);
    const Var below = reshape(index_select(minors, 0, level.minors), shape);
    minors = matmul(row * below, Var(level.signs));
  }
  return reshape(minors, Shape{});
}

Real matrix(const Json& input) {
  const auto n = input.at("ell").get<Index>();
  return to_tensor(input.at("A")).reshape({n, n});
}

Evaluation primal(const Json& input) {
  return evaluation(
      [a = Var(matrix(input))] {
        const NoGradGuard guard;
        return determinant(a, expansion(a.dim(0))).item();
      },
      [](double y) { return y; });
}

Evaluation gradient(const Json& input) {
  return evaluation(
      [a = parameter(matrix(input))] { return grad(determinant(a, expansion(a.dim(0))), {a})[0]; },
      [](const Var& g) { return to_json(g.value().reshape({g.size()})); });
}

}  // namespace

Module det() { return {{"primal", primal}, {"gradient", gradient}}; }

}  // namespace gradbench
