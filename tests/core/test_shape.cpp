// Shape: extents, limits, axes, and how two shapes broadcast.

#include <glissade/core/shape.h>

#include <limits>
#include <string>
#include <vector>

#include "catch.h"

using glissade::broadcast_shapes;
using glissade::Index;
using glissade::Shape;

namespace {
constexpr Index kLargest = std::numeric_limits<Index>::max();
}

TEST_CASE("a shape knows its extents, rank and number of elements") {
  const Shape shape{2, 3, 4};
  CHECK(shape.rank() == 3);
  CHECK(shape.size() == 24);
  CHECK(shape[0] == 2);
  CHECK(shape[2] == 4);
  CHECK(std::vector<Index>(shape.begin(), shape.end()) == std::vector<Index>{2, 3, 4});
}

TEST_CASE("a shape without axes is a scalar's") {
  CHECK(Shape().rank() == 0);
  CHECK(Shape().size() == 1);
  CHECK(Shape{} == Shape(std::vector<Index>{}));
  const Shape scalar;
  CHECK(scalar.begin() == scalar.end());
}

TEST_CASE("an extent of zero makes an empty shape, however large the others") {
  CHECK(Shape{0}.size() == 0);
  CHECK(Shape{3, 0, 5}.size() == 0);
  CHECK(Shape{kLargest, kLargest, 0}.size() == 0);
  CHECK(Shape::empty() == Shape{0});
  CHECK(Shape::empty().size() == 0);
}

TEST_CASE("shapes are equal if their extents are") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{2} != Shape{2, 1});
  CHECK(Shape{0, 2} != Shape{0, 3});
  CHECK(Shape{} != Shape{1});
}

TEST_CASE("negative extents are rejected") {
  CHECK_THROWS_WITH((Shape{2, -3}), "shape: the extents (2, -3) must not be negative");
  CHECK_THROWS_WITH((Shape{0, -1}), Contains("must not be negative"));
  CHECK_THROWS_AS((Shape{std::numeric_limits<Index>::min()}), std::invalid_argument);
}

TEST_CASE("six axes are possible, seven are not") {
  CHECK(Shape{1, 2, 3, 4, 5, 6}.size() == 720);
  CHECK_THROWS_WITH((Shape{1, 1, 1, 1, 1, 1, 1}),
                    "shape: (1, 1, 1, 1, 1, 1, 1) has 7 axes, at most 6 are supported");
}

TEST_CASE("the number of elements must fit 64 bits") {
  CHECK(Shape{kLargest}.size() == kLargest);
  CHECK(Shape{kLargest / 7, 7}.size() == kLargest);  // 2^63 - 1 is a multiple of 7
  CHECK_THROWS_WITH((Shape{Index{1} << 32, Index{1} << 31}),
                    "shape: (4294967296, 2147483648) has more elements than a 64-bit number can "
                    "count");
  CHECK_THROWS_AS((Shape{kLargest, 2}), std::invalid_argument);
  // The product modulo 2^64 is 0, which must not pass for an empty shape.
  CHECK_THROWS_AS((Shape{Index{1} << 32, Index{1} << 32}), std::invalid_argument);
}

TEST_CASE("axes count from the front, or from the back if they are negative") {
  const Shape shape{2, 3, 4};
  CHECK(shape.dim(0) == 2);
  CHECK(shape.dim(-1) == 4);
  CHECK(shape.dim(-3) == 2);
  CHECK(shape.axis(-2, "sum") == 1);
  CHECK_THROWS_WITH(shape.axis(3, "sum"), "sum: axis 3 is out of range for the shape (2, 3, 4)");
  CHECK_THROWS_WITH(shape.axis(-4, "sum"), "sum: axis -4 is out of range for the shape (2, 3, 4)");
  CHECK_THROWS_WITH(Shape().dim(0), "dim: axis 0 is out of range for the shape ()");
  CHECK_THROWS_AS(shape.dim(std::numeric_limits<int>::min()), std::invalid_argument);
  CHECK_THROWS_AS(shape.dim(std::numeric_limits<int>::max()), std::invalid_argument);
}

TEST_CASE("an axis can be taken out or given another extent") {
  const Shape shape{2, 3, 4};
  CHECK(shape.without(0) == Shape{3, 4});
  CHECK(shape.without(1) == Shape{2, 4});
  CHECK(shape.without(2) == Shape{2, 3});
  CHECK(Shape{5}.without(0) == Shape{});
  CHECK(shape.with(1, 1) == Shape{2, 1, 4});
  CHECK(shape.with(1, 1).size() == 8);
  CHECK(shape.with(2, 0).size() == 0);
  CHECK_THROWS_AS(shape.with(0, -1), std::invalid_argument);
  CHECK(Shape{1, 2, 3, 4, 5, 6}.without(5) == Shape{1, 2, 3, 4, 5});
}

TEST_CASE("a shape is written in parentheses") {
  CHECK(to_string(Shape{2, 3}) == "(2, 3)");
  CHECK(to_string(Shape{7}) == "(7)");
  CHECK(to_string(Shape{}) == "()");
  CHECK(fmt::format("{} {}", Shape{1, 2}, Shape{0}) == "(1, 2) (0)");
}

TEST_CASE("shapes broadcast from the last axis, where an extent of one stretches") {
  struct Row {
    Shape a, b, expected;
  };
  const std::vector<Row> rows = {
      {{2, 3}, {2, 3}, {2, 3}},
      {{2, 3}, {3}, {2, 3}},
      {{2, 3}, {}, {2, 3}},
      {{}, {}, {}},
      {{2, 1}, {1, 3}, {2, 3}},
      {{4, 1, 5}, {3, 1}, {4, 3, 5}},
      {{1}, {0}, {0}},
      {{0, 3}, {1, 3}, {0, 3}},
      {{2, 1}, {2, 0}, {2, 0}},
      {{6, 5, 4, 3, 2, 1}, {7}, {6, 5, 4, 3, 2, 7}},
      {{1, 1, 1, 1, 1, 1}, {2}, {1, 1, 1, 1, 1, 2}},
  };
  for (const Row& row : rows) {
    INFO(fmt::format("{} with {}", row.a, row.b));
    CHECK(broadcast_shapes(row.a, row.b, "add") == row.expected);
    CHECK(broadcast_shapes(row.b, row.a, "add") == row.expected);
  }
}

TEST_CASE("shapes that do not broadcast are named with the operation") {
  CHECK_THROWS_WITH(broadcast_shapes(Shape{2, 3}, Shape{2, 4}, "add"),
                    "add: the shapes (2, 3) and (2, 4) do not broadcast together");
  CHECK_THROWS_WITH(broadcast_shapes(Shape{2, 3}, Shape{2}, "mul"),
                    "mul: the shapes (2, 3) and (2) do not broadcast together");
  CHECK_THROWS_WITH(broadcast_shapes(Shape{0}, Shape{2}, "mul"),
                    "mul: the shapes (0) and (2) do not broadcast together");
  // Each stretches the other until there are too many elements.
  CHECK_THROWS_AS(broadcast_shapes(Shape{Index{1} << 40, 1}, Shape{1, Index{1} << 40}, "add"),
                  std::invalid_argument);
}
