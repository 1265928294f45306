#include "definitions.h"

#include <glissade/core/check.h>

#include <utility>

namespace glissade::bench {
namespace {

// Normal numbers that a float holds exactly.
Tensor<double> normal(const Shape& shape, Rng& rng, double std) {
  Tensor<double> tensor(shape);
  for (double& x : tensor) x = static_cast<double>(static_cast<float>(rng.normal(0.0, std)));
  return tensor;
}

void append(std::vector<double>& to, const Tensor<double>& part) {
  to.insert(to.end(), part.begin(), part.end());
}

Tensor<double> row(const std::vector<double>& values) {
  return Tensor<double>(Shape{static_cast<Index>(values.size())}, values);
}

// Four layers with a hidden width such that there are about this many parameters.
Perceptron growing(Index parameters) {
  constexpr Index kFeatures = 4;
  Index width = 1;
  const auto count = [](Index w) { return (kFeatures + 1) * w + (w + 1) * w + (w + 1); };
  while (count(width + 1) <= parameters) ++width;
  return {{kFeatures, width, width, 1}, 32};
}

}  // namespace

Quadratic::Quadratic(Index n) : a({n, n}) {
  Rng rng(1);
  const Tensor<double> noise = normal({n, n}, rng, 0.125);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) a[i * n + j] = noise[std::min(i, j) * n + std::max(i, j)];
    a[i * n + i] = 1.0 + static_cast<double>(i % 8);
  }
  b = normal({n}, rng, 1.0);
  point = normal({n}, rng, 1.0);
}

Rosenbrock::Rosenbrock(Index n) : point({n}) {
  for (Index i = 0; i < n; ++i) point[i] = i % 2 == 0 ? -1.25 : 1.0;
}

Regression::Regression(Kind which, Index rows, Index features) : kind(which), y({rows}) {
  Rng rng(2);
  x = normal({rows, features}, rng, 1.0);
  const double scale = 1.0 / std::sqrt(static_cast<double>(features));
  const Tensor<double> truth = normal({features}, rng, scale);
  for (Index i = 0; i < rows; ++i) {
    double z = rng.normal(0.0, 0.5);
    for (Index j = 0; j < features; ++j) z += x[i * features + j] * truth[j];
    const double target = kind == Kind::linear ? z : (z > 0.0 ? 1.0 : 0.0);
    y[i] = static_cast<double>(static_cast<float>(target));
  }
  point = normal({features}, rng, scale);
}

Perceptron::Perceptron(std::vector<Index> layers, Index rows)
    : sizes(std::move(layers)), batch(rows), sizes_tensor({static_cast<Index>(sizes.size())}) {
  Rng rng(3);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    sizes_tensor[static_cast<Index>(i)] = static_cast<std::int32_t>(sizes[i]);
  }
  x = normal({batch, sizes.front()}, rng, 1.0);
  if (classifies()) {
    labels = Tensor<std::int32_t>({batch});
    for (auto& label : labels) label = static_cast<std::int32_t>(rng.integer(0, sizes.back()));
  } else {
    y = normal({batch, 1}, rng, 1.0);
  }
  std::vector<double> parameters;
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    const double scale = 1.0 / std::sqrt(static_cast<double>(sizes[i]));
    append(parameters, normal({sizes[i + 1], sizes[i]}, rng, scale));
    append(parameters, normal({sizes[i + 1]}, rng, 0.125));
  }
  point = row(parameters);
}

std::vector<NamedTensor> Perceptron::data() const {
  std::vector<NamedTensor> tensors{{"X", x}, {"sizes", sizes_tensor}};
  if (classifies()) {
    tensors.emplace_back("labels", labels);
  } else {
    tensors.emplace_back("y", y);
  }
  return tensors;
}

GaussianMixture::GaussianMixture(Index points, Index dimension, Index components)
    : n(points), d(dimension), k(components), gamma({1}), m({1}) {
  Rng rng(4);
  x = normal({n, d}, rng, 1.5);
  gamma[0] = 1.0;
  m[0] = 0.0;
  std::vector<double> parameters;
  append(parameters, normal({k}, rng, 1.0));
  append(parameters, normal({k, d}, rng, 1.0));
  append(parameters, normal({k, d}, rng, 0.25));
  append(parameters, normal({k, d * (d - 1) / 2}, rng, 0.25));
  point = row(parameters);
}

double GaussianMixture::constant() const {
  const double freedom = static_cast<double>(d) + m[0] + 1.0;
  const auto dimension = static_cast<double>(d);
  // The logarithm of the multivariate gamma function at freedom / 2.
  double log_gamma = 0.25 * dimension * (dimension - 1.0) * std::log(std::numbers::pi);
  for (Index i = 0; i < d; ++i) log_gamma += std::lgamma(0.5 * (freedom - static_cast<double>(i)));
  const double wishart =
      freedom * dimension * (std::log(gamma[0]) - 0.5 * std::numbers::ln2) - log_gamma;
  return -0.5 * static_cast<double>(n) * dimension * std::log(2.0 * std::numbers::pi) +
         static_cast<double>(k) * wishart;
}

const std::vector<std::string>& problem_names() {
  static const std::vector<std::string> names{
      "quadratic_2",
      "quadratic_10",
      "quadratic_1000",
      "rosenbrock_2",
      "rosenbrock_10",
      "rosenbrock_1000",
      "linear_1000x20",
      "logistic_1000x100",
      "mlp_10_32_32_1",
      "mlp_784_128_10",
      "gmm",
  };
  return names;
}

Definition definition(const std::string& name) {
  const auto number = [&] {
    return static_cast<Index>(std::stoll(name.substr(name.rfind('_') + 1)));
  };
  if (name.starts_with("quadratic_")) return Quadratic(number());
  if (name.starts_with("rosenbrock_")) return Rosenbrock(number());
  if (name.starts_with("growth_")) return growing(number());
  if (name == "linear_1000x20") return Regression(Regression::Kind::linear, 1000, 20);
  if (name == "logistic_1000x100") return Regression(Regression::Kind::logistic, 1000, 100);
  if (name == "mlp_10_32_32_1") return Perceptron({10, 32, 32, 1}, 32);
  if (name == "mlp_784_128_10") return Perceptron({784, 128, 10}, 64);
  if (name == "gmm") return GaussianMixture(1000, 4, 5);
  fail("bench_gradients: there is no problem {}", name);
}

bool is_smooth(const Definition& definition) {
  const auto* perceptron = std::get_if<Perceptron>(&definition);
  return perceptron == nullptr || !perceptron->classifies();
}

const Tensor<double>& point(const Definition& definition) {
  return std::visit([](const auto& problem) -> const Tensor<double>& { return problem.point; },
                    definition);
}

}  // namespace glissade::bench
