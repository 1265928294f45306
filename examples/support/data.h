// The data of the experiments.
#pragma once

#include <glissade/glissade.h>

#include <filesystem>
#include <string>

namespace support {

using glissade::Index;
using glissade::Rng;
using glissade::Tensor;
namespace nn = glissade::nn;

/// A linear regression: y = X w + noise, with standard normal X and w.
struct Regression {
  Tensor<double> x;  ///< (examples, features)
  Tensor<double> y;  ///< (examples)
};
/// Draws one; `noise` is the standard deviation of what y has beyond X w.
Regression linear_regression(Index examples, Index features, double noise, Rng& rng);

/// Points of the plane in two spirals that wind round each other, one for each class; every
/// coordinate is off by a normal number of standard deviation `noise`.
nn::Dataset<double> spirals(Index examples, double turns, double noise, Rng& rng);

/// Where Debian's package dataset-fashion-mnist puts its files.
inline const char* const kFashionMnist = "/usr/share/datasets/fashion-mnist";

/// The part "train" (60,000 images) or "t10k" (10,000) of Fashion-MNIST. Throws
/// std::invalid_argument with the package's name if it is not in the folder.
nn::Dataset<float> fashion_mnist(const std::filesystem::path& folder, const std::string& part);

}  // namespace support
