// Data sets, and mini-batches of them.
#include <algorithm>
#include <fstream>
#include <map>
#include <vector>

#include "catch.h"
#include "glissade/nn/dataset.h"
#include "glissade/nn/loss.h"

using namespace glissade;

namespace {

// Row i is (i, 10 i), its label i.
nn::Dataset<float> counted(Index size) {
  Tensor<float> inputs({size, 2});
  Tensor<std::int32_t> labels({size});
  for (Index i = 0; i < size; ++i) {
    inputs(i, 0) = static_cast<float>(i);
    inputs(i, 1) = static_cast<float>(10 * i);
    labels[i] = static_cast<std::int32_t>(i);
  }
  return {std::move(inputs), std::move(labels)};
}

// The labels in the order in which they come; rows must come with theirs.
template <class Range>
std::vector<std::int32_t> pass(Range& batches) {
  std::vector<std::int32_t> order;
  for (const auto& [inputs, labels] : batches) {
    REQUIRE(inputs.dim(0) == labels.dim(0));
    for (Index i = 0; i < labels.size(); ++i) {
      REQUIRE(inputs.value()(i, 0) == static_cast<float>(labels[i]));
      REQUIRE(inputs.value()(i, 1) == static_cast<float>(10 * labels[i]));
      order.push_back(labels[i]);
    }
  }
  return order;
}

std::vector<std::int32_t> in_order(Index size) {
  std::vector<std::int32_t> numbers;
  for (std::int32_t i = 0; i < size; ++i) numbers.push_back(i);
  return numbers;
}

std::vector<std::int32_t> sorted(std::vector<std::int32_t> values) {
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

TEST_CASE("every pass has each row exactly once, in another order") {
  const auto data = counted(103);
  Rng rng(1);
  auto batches = nn::batches(data, 10, rng);
  CHECK(batches.size() == 11);
  const auto first = pass(batches);
  const auto second = pass(batches);
  CHECK(sorted(first) == in_order(103));
  CHECK(sorted(second) == in_order(103));
  CHECK(first != in_order(103));
  CHECK(first != second);
  Rng again(1);
  auto same = nn::batches(data, 10, again);
  CHECK(pass(same) == first);
}

TEST_CASE("every order of a small data set is equally likely") {
  const auto data = counted(3);
  Rng rng(2);
  auto batches = nn::batches(data, 2, rng);
  std::map<std::vector<std::int32_t>, int> counts;
  for (int i = 0; i < 6000; ++i) ++counts[pass(batches)];
  REQUIRE(counts.size() == 6);
  // 1000 each; five standard deviations are sqrt(6000 * 5/36) * 5 = 144.
  for (const auto& [order, count] : counts) CHECK(std::abs(count - 1000) < 144);
}

TEST_CASE("the last batch is smaller, or left out") {
  const auto data = counted(7);
  const auto sizes = [](auto&& batches) {
    std::vector<Index> result;
    for (const auto& batch : batches) result.push_back(batch.targets.size());
    CHECK(static_cast<Index>(result.size()) == batches.size());
    return result;
  };
  using Sizes = std::vector<Index>;
  Rng rng(1);
  CHECK(sizes(nn::batches(data, 3, rng)) == Sizes{3, 3, 1});
  CHECK(sizes(nn::batches(data, 3, rng, {.drop_last = true})) == Sizes{3, 3});
  CHECK(sizes(nn::batches(data, 7)) == Sizes{7});
  CHECK(sizes(nn::batches(data, 7, {.drop_last = true})) == Sizes{7});
  CHECK(sizes(nn::batches(data, 100)) == Sizes{7});
  CHECK(sizes(nn::batches(data, 100, {.drop_last = true})).empty());
  const auto nothing = counted(0);
  CHECK(sizes(nn::batches(nothing, 4)).empty());
  CHECK_THROWS_WITH(nn::batches(data, 0), "batches: the batch size must be at least 1, got 0");
}

TEST_CASE("without an Rng the rows come in their order") {
  const auto data = counted(25);
  auto batches = nn::batches(data, 4);
  CHECK(pass(batches) == in_order(25));
  CHECK(pass(batches) == in_order(25));
}

TEST_CASE("batches use their buffers again, but not one that is still held") {
  const auto data = counted(12);
  auto batches = nn::batches(data, 4);
  std::vector<const float*> buffers;
  for (const auto& batch : batches) buffers.push_back(batch.inputs.value().data());
  CHECK(buffers == std::vector<const float*>(3, buffers.front()));

  std::vector<Variable<float>> kept;
  for (const auto& batch : batches) kept.push_back(batch.inputs);
  for (Index i = 0; i < 3; ++i) {
    CHECK(kept[static_cast<std::size_t>(i)].value()(0, 0) == static_cast<float>(4 * i));
  }
  // A graph holds its inputs as well.
  const Variable<float> w = parameter(Tensor<float>({2, 1}, {1, 0}));
  std::vector<Variable<float>> results;
  for (const auto& batch : batches) results.push_back(sum(matmul(batch.inputs, w)));
  results[0].backward();
  CHECK(w.grad().value()[0] == 0.0F + 1.0F + 2.0F + 3.0F);
}

TEST_CASE("data sets for regression have variables as targets") {
  const nn::Dataset data(Tensor<double>({3, 1}, {1, 2, 3}),
                         Tensor<double>({3, 2}, {1, 1, 2, 4, 3, 9}));
  Index rows = 0;
  for (const auto& [x, y] : nn::batches(data, 2)) {
    CHECK(y.value()(0, 0) == x.value()[0]);
    CHECK(y.value()(0, 1) == x.value()[0] * x.value()[0]);
    CHECK(nn::mse_loss(y, y).item() == 0.0);
    rows += y.dim(0);
  }
  CHECK(rows == 3);
}

TEST_CASE("data sets check that inputs and targets fit together") {
  CHECK_THROWS_WITH(
      nn::Dataset(Tensor<float>({3, 2}), Tensor<std::int32_t>({4})),
      "Dataset: the inputs (3, 2) and the targets (4) do not have the same number of rows");
  CHECK_THROWS_AS(nn::Dataset(Tensor<float>::scalar(1), Tensor<std::int32_t>({1})),
                  std::invalid_argument);
}

TEST_CASE("subset and split divide a data set without losing a row") {
  const auto data = counted(20);
  const std::int32_t positions[] = {3, 3, 0};
  auto chosen = nn::subset(data, positions);
  auto chosen_batches = nn::batches(chosen, 8);
  CHECK(pass(chosen_batches) == std::vector<std::int32_t>{3, 3, 0});
  const std::int32_t outside[] = {20};
  CHECK_THROWS_AS(nn::subset(data, outside), std::invalid_argument);

  Rng rng(4);
  const auto [train, validation] = nn::split(data, 6, rng);
  CHECK(train.size() == 14);
  CHECK(validation.size() == 6);
  std::vector<std::int32_t> all(train.targets.begin(), train.targets.end());
  all.insert(all.end(), validation.targets.begin(), validation.targets.end());
  CHECK(sorted(all) == in_order(20));
  CHECK(all != in_order(20));
  auto batches = nn::batches(validation, 4);
  CHECK(pass(batches).size() == 6);
  CHECK_THROWS_WITH(nn::split(data, 21, rng),
                    "split: 21 examples for validation were asked for, the dataset has 20");
}

TEST_CASE("read_idx_dataset reads images as rows from 0 to 1, with their labels") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  const auto write = [&](const char* name, std::initializer_list<int> bytes) {
    const std::filesystem::path path = folder / name;
    std::ofstream file(path, std::ios::binary);
    for (const int byte : bytes) file.put(static_cast<char>(byte));
    return path;
  };
  const auto images = write("glissade-test-nn-images", {0, 0, 8, 3, 0, 0, 0,  2,   0,   0, 0,
                                                        1, 0, 0, 0, 3, 0, 51, 255, 102, 0, 0});
  const auto labels = write("glissade-test-nn-labels", {0, 0, 8, 1, 0, 0, 0, 2, 7, 3});
  const auto data = nn::read_idx_dataset(images, labels);
  CHECK(data.inputs.shape() == Shape{2, 3});
  CHECK(data.inputs[1] == Approx(0.2));
  CHECK(data.inputs[2] == 1.0F);
  CHECK(data.targets == Tensor<std::int32_t>({2}, {7, 3}));
  const auto fewer = write("glissade-test-nn-fewer", {0, 0, 8, 1, 0, 0, 0, 1, 7});
  CHECK_THROWS_WITH(nn::read_idx_dataset(images, fewer),
                    Contains("images (2, 3)") && Contains("labels (1): they do not fit together"));
  for (const auto& path : {images, labels, fewer}) std::filesystem::remove(path);
}
