// The layers with parameters of their own against PyTorch: outputs, gradients of first and second
// order, running statistics, and the exchange of files.
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "catch.h"
#include "glissade/autograd/grad.h"
#include "glissade/nn/batch_norm.h"
#include "glissade/nn/embedding.h"
#include "glissade/nn/layer_norm.h"
#include "glissade/nn/prelu.h"
#include "glissade/nn/serialize.h"
#include "support/reference.h"

using namespace glissade;

namespace {

// float32: relative to the largest element of a tensor, since gradients are sums that cancel.
template <class T>
void check_close(const std::string& key, const Tensor<T>& actual) {
  INFO(key);
  const double floor = sizeof(T) == sizeof(double) ? 1e-5 : 1.0;
  CHECK(relative_error(actual, reference<T>(key), floor) < kTolerance<T>);
}

template <class T>
void set_parameters(nn::Module<T>& module, const std::string& key) {
  for (auto& [name, parameter] : module.named_parameters()) {
    REQUIRE(parameter.shape() == reference<T>(key + "/" + name).shape());
    parameter.mutable_value() = reference<T>(key + "/" + name);
  }
}

// The parameters, and the input if it has a gradient, by name.
template <class T>
std::vector<nn::NamedParameter<T>> leaves_of(nn::Module<T>& module, const Variable<T>& input) {
  auto leaves = module.named_parameters();
  if (input.defined()) leaves.push_back({"input", input});
  return leaves;
}

// One call of the module, whose result is `out`.
template <class T>
void compare_call(nn::Module<T>& module, const std::string& key, const Variable<T>& input,
                  const Variable<T>& out) {
  INFO(key);
  check_close(key + "/out", out.value());
  auto leaves = leaves_of(module, input);
  Variable<T> cotangent(reference<T>(key + "/cotangent"), true);

  // The rules in place, twice, so that they also add to what is there.
  for (auto& leaf : leaves) leaf.parameter.zero_grad();
  out.backward(cotangent.detach(), {.retain_graph = true});
  for (auto& leaf : leaves) check_close(key + "/grad/" + leaf.name, leaf.parameter.grad().value());
  out.backward(cotangent.detach(), {.retain_graph = true});
  for (auto& leaf : leaves) {
    Tensor<T> half = leaf.parameter.grad().value();
    for (T& x : half) x /= 2;
    check_close(key + "/grad/" + leaf.name, half);
  }

  // The differentiable rules, and through them the second order.
  std::vector<Variable<T>> variables;
  for (auto& leaf : leaves) variables.push_back(leaf.parameter);
  const auto first = grad(out, variables, cotangent, {.create_graph = true});
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    check_close(key + "/grad/" + leaves[i].name, first[i].value());
  }
  if (!has_reference(key + "/v")) return;
  leaves.push_back({"cotangent", cotangent});
  variables.push_back(cotangent);
  const Variable<T>& of = input.defined() ? first.back() : first.front();
  const auto second =
      grad(sum(of * Variable<T>(reference<T>(key + "/v"))), variables, {.allow_unused = true});
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    check_close(key + "/second/" + leaves[i].name, second[i].value());
  }
}

template <class T>
void compare_batch_norm(const std::string& name, const nn::BatchNormOptions& options) {
  const std::string key = (sizeof(T) == 4 ? "layers_f32/batch_norm_" : "layers/batch_norm_") + name;
  nn::BatchNorm1d<T> layer(4, options);
  set_parameters(layer, key);
  for (const char* step : {"0", "1", "2", "eval"}) {
    const std::string at = key + "/" + step;
    layer.train(std::string(step) != "eval");
    const Variable<T> input(reference<T>(at + "/input"), true);
    const Variable<T> out = layer(input);
    if (options.track_running_stats) {
      check_close(at + "/running_mean", layer.running_mean);
      check_close(at + "/running_var", layer.running_var);
      CHECK(layer.num_batches_tracked.item() == (step[0] == 'e' ? 3 : step[0] - '0' + 1));
    }
    compare_call(layer, at, input, out);
  }
}

template <class T>
void compare_all_batch_norms() {
  compare_batch_norm<T>("plain", {});
  compare_batch_norm<T>("length", {});
  compare_batch_norm<T>("options", {.eps = 1e-3, .momentum = 0.3});
  compare_batch_norm<T>("cumulative", {.momentum = std::nullopt});
  compare_batch_norm<T>("not_affine", {.affine = false});
  compare_batch_norm<T>("not_tracking", {.track_running_stats = false});
}

template <class T>
void compare(const std::string& name, nn::Module<T>&& layer) {
  const std::string key = (sizeof(T) == 4 ? "layers_f32/" : "layers/") + name;
  set_parameters(layer, key);
  const Variable<T> input(reference<T>(key + "/input"), true);
  compare_call(layer, key, input, layer(input));
}

template <class T>
void compare_row_norms_and_prelus() {
  compare<T>("layer_norm_plain", nn::LayerNorm<T>(20));
  compare<T>("layer_norm_two_axes", nn::LayerNorm<T>({4, 5}));
  compare<T>("layer_norm_one_row", nn::LayerNorm<T>(7, {.eps = 1e-3}));
  compare<T>("layer_norm_no_bias", nn::LayerNorm<T>(6, {.bias = false}));
  compare<T>("layer_norm_not_affine", nn::LayerNorm<T>(6, {.elementwise_affine = false}));
  compare<T>("rms_norm_plain", nn::RMSNorm<T>(20));
  compare<T>("rms_norm_two_axes", nn::RMSNorm<T>({4, 5}));
  compare<T>("rms_norm_eps", nn::RMSNorm<T>(6, {.eps = 0.1}));
  compare<T>("rms_norm_not_affine", nn::RMSNorm<T>(6, {.elementwise_affine = false}));
  compare<T>("prelu_one", nn::PReLU<T>());
  compare<T>("prelu_one_of_rank_1", nn::PReLU<T>());
  compare<T>("prelu_channels", nn::PReLU<T>(5));
  compare<T>("prelu_channels_3d", nn::PReLU<T>(3));
}

template <class T>
void compare_embedding(const std::string& name, const nn::EmbeddingOptions& options) {
  const std::string key = (sizeof(T) == 4 ? "layers_f32/embedding_" : "layers/embedding_") + name;
  nn::Embedding<T> layer(parameter(Tensor<T>({5, 3})), options);
  set_parameters(layer, key);
  const auto indices = reference<std::int32_t>(key + "/input");
  compare_call(layer, key, Variable<T>(), layer(indices));
  // The indices as whole numbers.
  compare_call(layer, key, Variable<T>(), layer(Variable<T>(reference<T>(key + "/input"))));
}

template <class T>
void compare_embeddings() {
  compare_embedding<T>("plain", {});
  compare_embedding<T>("padding", {.padding_idx = 2});
  compare_embedding<T>("padding_from_end", {.padding_idx = -1});
}

}  // namespace

TEST_CASE("BatchNorm1d agrees with PyTorch: batches, running statistics, evaluation") {
  compare_all_batch_norms<double>();
  compare_all_batch_norms<float>();
}

TEST_CASE("LayerNorm, RMSNorm and PReLU agree with PyTorch") {
  compare_row_norms_and_prelus<double>();
  compare_row_norms_and_prelus<float>();
}

TEST_CASE("Embedding agrees with PyTorch, with indices and with whole numbers") {
  compare_embeddings<double>();
  compare_embeddings<float>();
}

TEST_CASE("the state_dict of PyTorch's BatchNorm1d is loaded, and what is saved is one") {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / "glissade-test-nn-batch-norm.safetensors";
  // As PyTorch saves it: floating-point tensors, and a scalar of 64-bit integers.
  const std::string state = "layers/batch_norm_state/";
  REQUIRE(reference_file().dtype(state + "num_batches_tracked") == "I64");
  REQUIRE(reference_file().shape(state + "num_batches_tracked") == Shape{});
  const std::vector<std::string> names{"weight", "bias", "running_mean", "running_var"};
  std::vector<Tensor<double>> values;
  for (const std::string& name : names) values.push_back(reference<double>(state + name));
  const auto count = reference_file().get<std::int64_t>(state + "num_batches_tracked");
  std::vector<NamedTensor> entries;
  for (std::size_t i = 0; i < names.size(); ++i) entries.emplace_back(names[i], values[i]);
  entries.emplace_back("num_batches_tracked", count);
  write_safetensors(path, entries);

  nn::BatchNorm1d<double> layer(4);
  nn::load(layer, path);
  CHECK(layer.num_batches_tracked.item() == 3);
  layer.eval();
  const std::string at = "layers/batch_norm_plain/eval/";
  check_close(at + "out", layer(Variable<double>(reference<double>(at + "input"))).value());

  nn::save(layer, path);
  const SafetensorsFile saved(path);
  CHECK(saved.names() == std::vector<std::string>{"weight", "bias", "running_mean", "running_var",
                                                  "num_batches_tracked"});
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(saved.dtype(names[i]) == "F64");
    CHECK(saved.get<double>(names[i]) == values[i]);
  }
  CHECK(saved.dtype("num_batches_tracked") == "I64");
  CHECK(saved.shape("num_batches_tracked") == Shape{});
  CHECK(saved.get<std::int64_t>("num_batches_tracked").item() == 3);
  std::filesystem::remove(path);
}
