// Tensor as a regular value: construction, copies, moves, access, shapes, text.

#include <glissade/core/tensor.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.h"

using glissade::Index;
using glissade::Shape;
using glissade::Tensor;

static_assert(std::is_nothrow_move_constructible_v<Tensor<float>>);
static_assert(std::is_nothrow_move_assignable_v<Tensor<float>>);

TEST_CASE("a default tensor is empty") {
  const Tensor<float> tensor;
  CHECK(tensor.shape() == Shape{0});
  CHECK(tensor.size() == 0);
  CHECK(tensor.begin() == tensor.end());
  CHECK(tensor.span().empty());
}

TEST_CASE("a tensor of a shape holds zeros, or what it is told") {
  const Tensor<double> zeros(Shape{2, 3});
  CHECK(zeros.rank() == 2);
  CHECK(zeros.size() == 6);
  for (const double value : zeros) CHECK(value == 0.0);

  const auto sevens = Tensor<std::int32_t>::full({3}, 7);
  CHECK(sevens == Tensor<std::int32_t>({3}, {7, 7, 7}));

  const auto scalar = Tensor<float>::scalar(2.5F);
  CHECK(scalar.rank() == 0);
  CHECK(scalar.size() == 1);
  CHECK(scalar.item() == 2.5F);
}

TEST_CASE("zeros are zeros in memory that was used before") {
  for (int round = 0; round < 3; ++round) {
    Tensor<float> tensor(Shape{1000});
    for (const float value : tensor) REQUIRE(value == 0.0F);
    tensor.fill(3.0F);
  }
}

TEST_CASE("values are given in row-major order") {
  const Tensor<float> tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(tensor(0, 2) == 3);
  CHECK(tensor(1, 0) == 4);
  CHECK(tensor[5] == 6);
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  CHECK(Tensor<float>({2, 3}, std::span<const float>(values)) == tensor);
  CHECK_THROWS_WITH(Tensor<float>({2, 2}, {1, 2, 3}),
                    "tensor: 3 values given for the shape (2, 2), which has 4");
  CHECK(Tensor<float>({0, 4}, {}).size() == 0);
}

TEST_CASE("a copy is independent") {
  Tensor<float> a({2}, {1, 2});
  Tensor<float> b = a;
  b[0] = 9;
  CHECK(a[0] == 1);
  CHECK(b[0] == 9);
  Tensor<float> c;
  c = a;
  c[1] = 8;
  CHECK(a == Tensor<float>({2}, {1, 2}));
}

TEST_CASE("a tensor assigned to itself keeps its values") {
  Tensor<float> tensor({3}, {1, 2, 3});
  const Tensor<float>& same = tensor;
  tensor = same;
  CHECK(tensor == Tensor<float>({3}, {1, 2, 3}));
  Tensor<float>& other = tensor;
  tensor = std::move(other);
  CHECK(tensor == Tensor<float>({3}, {1, 2, 3}));
}

TEST_CASE("assigning a smaller tensor reuses the buffer") {
  Tensor<double> target(Shape{10, 10});
  const double* before = target.data();
  const Tensor<double> small({2}, {1, 2});
  target = small;
  CHECK(target.data() == before);
  CHECK(target == small);
}

TEST_CASE("a move takes the memory and leaves an empty tensor that can be used again") {
  Tensor<float> source({2, 2}, {1, 2, 3, 4});
  const float* memory = source.data();
  Tensor<float> target = std::move(source);
  CHECK(target.data() == memory);
  CHECK(source.shape() == Shape{0});  // NOLINT(bugprone-use-after-move)
  CHECK(source.size() == 0);
  CHECK(source.begin() == source.end());
  source = target;
  CHECK(source == target);

  Tensor<float> assigned({1}, {5});
  assigned = std::move(target);
  CHECK(assigned.data() == memory);
  CHECK(target.shape() == Shape{0});  // NOLINT(bugprone-use-after-move)
  target.resize({3});
  target.fill(1);
  CHECK(target == Tensor<float>({3}, {1, 1, 1}));
  CHECK(assigned == Tensor<float>({2, 2}, {1, 2, 3, 4}));
}

TEST_CASE("tensors swap") {
  Tensor<float> a({2}, {1, 2});
  Tensor<float> b({1, 3}, {3, 4, 5});
  std::swap(a, b);
  CHECK(a == Tensor<float>({1, 3}, {3, 4, 5}));
  CHECK(b == Tensor<float>({2}, {1, 2}));
}

TEST_CASE("positions are checked against the shape") {
  Tensor<float> tensor(Shape{2, 3});
  tensor(1, 2) = 5;
  CHECK(tensor[5] == 5);
  CHECK_THROWS_WITH(tensor(2, 0), "tensor: position (2, 0) is not in the shape (2, 3)");
  CHECK_THROWS_WITH(tensor(0, -1), "tensor: position (0, -1) is not in the shape (2, 3)");
  CHECK_THROWS_WITH(tensor(1), "tensor: position (1) is not in the shape (2, 3)");
  CHECK_THROWS_WITH(tensor(0, 0, 0), "tensor: position (0, 0, 0) is not in the shape (2, 3)");
  CHECK_THROWS_AS(tensor(std::numeric_limits<Index>::max(), 1), std::invalid_argument);
  CHECK(Tensor<float>::scalar(3)() == 3);
  CHECK_THROWS_AS(Tensor<float>()(0), std::invalid_argument);
}

TEST_CASE("item needs exactly one element") {
  CHECK(Tensor<float>({1, 1}, {4}).item() == 4);
  CHECK_THROWS_WITH(Tensor<float>({2}, {1, 2}).item(),
                    "item: a tensor of shape (2) does not have exactly one element");
  CHECK_THROWS_AS(Tensor<float>().item(), std::invalid_argument);
}

TEST_CASE("reshape keeps the values, and the memory of a temporary") {
  const Tensor<float> tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto copy = tensor.reshape({3, 2});
  CHECK(copy == Tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  CHECK(tensor.shape() == Shape{2, 3});
  Tensor<float> source = tensor;
  const float* memory = source.data();
  const auto moved = std::move(source).reshape({6});
  CHECK(moved.data() == memory);
  CHECK(Tensor<float>::scalar(1).reshape({1, 1, 1}).shape() == Shape{1, 1, 1});
  CHECK(Tensor<float>().reshape({5, 0}).shape() == Shape{5, 0});
}

TEST_CASE("a reshape that fails changes nothing") {
  Tensor<float> tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK_THROWS_WITH(tensor.reshape({4}), "reshape: (2, 3) has 6 elements, (4) has 4");
  CHECK_THROWS_AS(std::move(tensor).reshape({7}), std::invalid_argument);
  CHECK(tensor == Tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}));  // NOLINT(bugprone-use-after-move)
}

TEST_CASE("resize keeps a buffer that is large enough") {
  Tensor<float> tensor(Shape{100});
  const float* memory = tensor.data();
  tensor.resize({7, 3});
  CHECK(tensor.shape() == Shape{7, 3});
  CHECK(tensor.data() == memory);
  tensor.resize({0});
  CHECK(tensor.size() == 0);
  tensor.resize({100});
  CHECK(tensor.data() == memory);
  tensor.resize({100000});
  tensor.fill(1);
  CHECK(tensor[99999] == 1);
}

TEST_CASE("more than one element is aligned to 64 bytes") {
  for (Index size = 2; size < 200000; size = size * 3 / 2 + 1) {
    const auto a = Tensor<float>::uninitialized({size});
    const auto b = Tensor<double>::uninitialized({size});
    REQUIRE(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
    REQUIRE(reinterpret_cast<std::uintptr_t>(b.data()) % 64 == 0);
  }
}

TEST_CASE("equality compares shapes and values, and NaN differs from itself") {
  CHECK(Tensor<float>({2}, {1, 2}) == Tensor<float>({2}, {1, 2}));
  CHECK(Tensor<float>({2}, {1, 2}) != Tensor<float>({2}, {1, 3}));
  CHECK(Tensor<float>({2}, {1, 2}) != Tensor<float>({1, 2}, {1, 2}));
  const auto nan = Tensor<float>::scalar(std::numeric_limits<float>::quiet_NaN());
  CHECK_FALSE(nan == nan);
  CHECK(Tensor<float>({0}, {}) != Tensor<float>({0, 2}, {}));
}

TEST_CASE("more memory than there can be is bad_alloc, and leaves the tensor as it was") {
  constexpr Index kHuge = std::numeric_limits<Index>::max();
  CHECK_THROWS_AS(Tensor<double>::uninitialized({kHuge}), std::bad_alloc);
  CHECK_THROWS_AS(Tensor<float>::uninitialized({kHuge / 5}), std::bad_alloc);
  Tensor<float> tensor({2}, {1, 2});
  CHECK_THROWS_AS(tensor.resize({kHuge / 5}), std::bad_alloc);
  CHECK(tensor == Tensor<float>({2}, {1, 2}));
}

TEST_CASE("a tensor is written as nested rows") {
  CHECK(to_string(Tensor<float>::scalar(1.5F)) == "1.5");
  CHECK(to_string(Tensor<float>({3}, {1, -2.25F, 1e-9F})) == "[1, -2.25, 1e-09]");
  CHECK(to_string(Tensor<float>({2, 2}, {1, 2, 3, 4})) == "[[1, 2],\n [3, 4]]");
  CHECK(to_string(Tensor<float>({2, 1, 2}, {1, 2, 3, 4})) == "[[[1, 2]],\n [[3, 4]]]");
  CHECK(to_string(Tensor<float>()) == "[]");
  CHECK(to_string(Tensor<float>(Shape{2, 0})) == "[[],\n []]");
  CHECK(to_string(Tensor<float>({2}, {INFINITY, NAN})) == "[inf, nan]");
  CHECK(to_string(Tensor<std::int32_t>({2}, {123456789, -1})) == "[123456789, -1]");
  CHECK(fmt::format("{}", Tensor<double>({1}, {0.1})) == "[0.1]");
}

TEST_CASE("long axes are written with their ends only") {
  Tensor<std::int32_t> tensor(Shape{10});
  for (Index i = 0; i < 10; ++i) tensor[i] = static_cast<std::int32_t>(i);
  CHECK(to_string(tensor) == "[0, 1, 2, ..., 7, 8, 9]");
  CHECK(to_string(Tensor<float>(Shape{7, 1})) == "[[0],\n [0],\n [0],\n ...,\n [0],\n [0],\n [0]]");
  CHECK(to_string(Tensor<float>(Shape{6})) == "[0, 0, 0, 0, 0, 0]");
}

TEST_CASE("a format specification applies to each element") {
  CHECK(fmt::format("{:.2f}", Tensor<float>({2}, {1.0F, -0.125F})) == "[1.00, -0.12]");
  CHECK(fmt::format("{:3}", Tensor<std::int32_t>({2}, {1, 20})) == "[  1,  20]");
  CHECK_THROWS_AS(fmt::format("{:q}", Tensor<float>({1})), fmt::format_error);
}

TEST_CASE("an empty tensor with huge other axes is written without counting them") {
  constexpr Index kLarge = Index{1} << 40;
  CHECK(to_string(Tensor<float>(Shape{0, kLarge, kLarge})) == "[]");
  CHECK(to_string(Tensor<float>(Shape{kLarge, 0, kLarge})) ==
        "[[],\n [],\n [],\n ...,\n [],\n [],\n []]");
}
