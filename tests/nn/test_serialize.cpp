// Saving and loading models.
#include <cmath>
#include <filesystem>
#include <string>

#include "catch.h"
#include "glissade/core/rng.h"
#include "glissade/core/safetensors.h"
#include "glissade/nn/linear.h"
#include "glissade/nn/sequential.h"
#include "glissade/nn/serialize.h"

using namespace glissade;

namespace {

// A path for one file, which goes with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("glissade-test-nn-" + name)) {}
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <class T>
struct Scaled : nn::Module<T> {
  nn::Linear<T> layer;
  Tensor<T> scale = Tensor<T>({2}, {3, 4});

  explicit Scaled(Rng& rng) : layer(3, 2, rng) {}
  Variable<T> forward(const Variable<T>& x) override { return layer(x) * Variable<T>(scale); }
  void members(nn::Members<T>& m) override {
    m.child("layer", layer);
    m.buffer("scale", scale);
  }
};

struct Tied : nn::Module<> {
  nn::Linear<> first, second;

  explicit Tied(Rng& rng) : first(2, 2, rng, {.bias = false}), second(first) {}
  Variable<float> forward(const Variable<float>& x) override { return second(first(x)); }
  void members(nn::Members<>& m) override {
    m.child("first", first);
    m.child("second", second);
  }
};

}  // namespace

TEST_CASE("a model comes back from its file, buffers too") {
  const TemporaryFile file("model.safetensors");
  Rng rng(1);
  Scaled<float> saved(rng);
  saved.scale = Tensor<float>({2}, {5, 6});
  nn::save(saved, file.path());
  const SafetensorsFile contents(file.path());
  CHECK(contents.names() == std::vector<std::string>{"layer.weight", "layer.bias", "scale"});
  CHECK(contents.dtype("layer.weight") == "F32");
  CHECK(contents.shape("layer.weight") == Shape{2, 3});
  CHECK(contents.metadata().at("format") == "pt");

  Scaled<float> loaded(rng);
  const Variable<float> weight = loaded.layer.weight;  // as an optimizer holds it
  REQUIRE_FALSE(loaded.layer.weight.value() == saved.layer.weight.value());
  nn::load(loaded, file.path());
  CHECK(loaded.layer.weight.value() == saved.layer.weight.value());
  CHECK(loaded.layer.bias.value() == saved.layer.bias.value());
  CHECK(loaded.scale == saved.scale);
  CHECK(loaded.layer.weight.node() == weight.node());
  CHECK(weight.requires_grad());

  Scaled<double> wider(rng);
  nn::load(wider, file.path());
  for (Index i = 0; i < 6; ++i) {
    CHECK(wider.layer.weight.value()[i] == static_cast<double>(saved.layer.weight.value()[i]));
  }
}

TEST_CASE("load names all that does not fit, and changes nothing") {
  const TemporaryFile file("other.safetensors");
  Rng rng(1);
  nn::save(nn::Sequential{nn::Linear(3, 2, rng), nn::Linear(2, 4, rng)}, file.path());
  nn::Sequential model{nn::Linear(3, 2, rng), nn::Linear(2, 5, rng), nn::Linear(5, 5, rng)};
  model.add(Scaled<float>(rng));
  const auto before = model.parameters()[0].value();
  CHECK_THROWS_WITH(nn::load(model, file.path()),
                    Contains("other.safetensors does not fit the model Sequential: ") &&
                        Contains("1.weight is (4, 2) in the file and (5, 2) in the model") &&
                        Contains("1.bias is (4) in the file and (5) in the model") &&
                        Contains("2.weight is not in the file; 2.bias is not in the file") &&
                        Contains("3.scale is not in the file"));
  CHECK(model.parameters()[0].value() == before);
  nn::Sequential small{nn::Linear(3, 2, rng)};
  CHECK_THROWS_WITH(
      nn::load(small, file.path()),
      EndsWith("Sequential: 1.weight is not in the model; 1.bias is not in the model"));
  CHECK_THROWS_AS(nn::load(small, file.path().string() + ".missing"), std::runtime_error);
}

TEST_CASE("a shared parameter is saved once, and may come under each of its names") {
  const TemporaryFile file("tied.safetensors");
  Rng rng(1);
  Tied model(rng);
  nn::save(model, file.path());
  CHECK(SafetensorsFile(file.path()).names() == std::vector<std::string>{"first.weight"});
  const Tensor<float> values = model.first.weight.value();
  model.first.weight.mutable_value().fill(0.0F);
  nn::load(model, file.path());
  CHECK(model.second.weight.value() == values);

  const Tensor<float> other({2, 2}, {1, 2, 3, 4});
  write_safetensors(file.path(), {{"second.weight", other}});
  nn::load(model, file.path());
  CHECK(model.first.weight.value() == other);
  // PyTorch's state_dict has both names.
  write_safetensors(file.path(), {{"first.weight", values}, {"second.weight", values}});
  nn::load(model, file.path());
  CHECK(model.first.weight.value() == values);
  const Tensor<float> with_nan({2, 2}, {1, 2, 3, std::nanf("")});
  write_safetensors(file.path(), {{"first.weight", with_nan}, {"second.weight", with_nan}});
  nn::load(model, file.path());
  CHECK(std::isnan(model.first.weight.value()(1, 1)));
  model.first.weight.mutable_value() = values;
  const Tensor<float> large({3, 3});
  write_safetensors(file.path(), {{"first.weight", large}, {"second.weight", other}});
  CHECK_THROWS_WITH(nn::load(model, file.path()),
                    Contains("first.weight is (3, 3) in the file and (2, 2) in the model"));
  CHECK(model.first.weight.value() == values);
  write_safetensors(file.path(), {{"first.weight", values}, {"second.weight", other}});
  CHECK_THROWS_WITH(nn::load(model, file.path()),
                    Contains("second.weight differs from first.weight in the file"));
}
