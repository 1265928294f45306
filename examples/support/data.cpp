#include "data.h"

#include <cmath>
#include <numbers>

namespace support {
namespace {

namespace fs = std::filesystem;

// The file `name`, gzipped or plain.
fs::path data_file(const fs::path& folder, const std::string& name) {
  if (fs::exists(folder / (name + ".gz"))) return folder / (name + ".gz");
  if (fs::exists(folder / name)) return folder / name;
  glissade::fail("{} has neither {}.gz nor {}; on Debian, apt-get install dataset-fashion-mnist",
                 folder.string(), name, name);
}

}  // namespace

Regression linear_regression(Index examples, Index features, double noise, Rng& rng) {
  Tensor<double> x({examples, features});
  rng.fill_normal(x);
  Tensor<double> w({features, 1});
  rng.fill_normal(w);
  Tensor<double> y = glissade::matmul(x, w).reshape({examples});
  for (double& value : y) value += rng.normal(0.0, noise);
  return {std::move(x), std::move(y)};
}

nn::Dataset<double> spirals(Index examples, double turns, double noise, Rng& rng) {
  Tensor<double> points({examples, 2});
  Tensor<std::int32_t> labels({examples});
  for (Index i = 0; i < examples; ++i) {
    labels[i] = static_cast<std::int32_t>(i % 2);
    const double along = std::sqrt(rng.uniform());  // as many points on each piece of the way
    const double angle = std::numbers::pi * (2.0 * turns * along + static_cast<double>(i % 2));
    points(i, 0) = along * std::cos(angle) + rng.normal(0.0, noise);
    points(i, 1) = along * std::sin(angle) + rng.normal(0.0, noise);
  }
  return {std::move(points), std::move(labels)};
}

nn::Dataset<float> fashion_mnist(const std::filesystem::path& folder, const std::string& part) {
  return nn::read_idx_dataset(data_file(folder, part + "-images-idx3-ubyte"),
                              data_file(folder, part + "-labels-idx1-ubyte"));
}

}  // namespace support
