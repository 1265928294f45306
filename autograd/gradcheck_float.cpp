#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <utility>

#include "glissade/autograd/grad.h"
#include "glissade/core/check.h"
#include "gradcheck_compare.h"

namespace glissade {
namespace {

constexpr double kRounding = std::numeric_limits<float>::epsilon();

template <class T>
std::vector<Variable<T>> make_leaves(const std::vector<Tensor<double>>& values) {
  std::vector<Variable<T>> leaves;
  leaves.reserve(values.size());
  for (const Tensor<double>& value : values) {
    Tensor<T> copy(value.shape());
    std::transform(value.begin(), value.end(), copy.begin(),
                   [](double x) { return static_cast<T>(x); });
    leaves.emplace_back(std::move(copy), true);
  }
  return leaves;
}

template <class T>
Variable<T> convert(const Tensor<double>& value) {
  Tensor<T> copy(value.shape());
  std::transform(value.begin(), value.end(), copy.begin(),
                 [](double x) { return static_cast<T>(x); });
  return Variable<T>(std::move(copy));
}

// All gradients in float64, by the plain or the differentiable backward pass.
template <class T, class Function>
std::vector<Tensor<double>> gradients(const Function& function,
                                      const std::vector<Tensor<double>>& inputs,
                                      const Tensor<double>& weights, bool plain) {
  const std::vector<Variable<T>> leaves = make_leaves<T>(inputs);
  std::vector<Variable<T>> found;
  found.reserve(leaves.size());
  const Variable<T> output = function(leaves);
  check(output.shape() == weights.shape(), "float32 gives the shape {}, float64 {}", output.shape(),
        weights.shape());
  if (plain) {
    output.backward(convert<T>(weights));
    for (const Variable<T>& leaf : leaves) {
      found.push_back(leaf.has_grad() ? leaf.grad() : Variable<T>(Tensor<T>(leaf.shape())));
    }
  } else {
    found = grad(output, leaves, convert<T>(weights), {.create_graph = true, .allow_unused = true});
  }
  std::vector<Tensor<double>> result;
  result.reserve(found.size());
  for (const Variable<T>& gradient : found) {
    Tensor<double> copy(gradient.shape());
    std::copy(gradient.value().begin(), gradient.value().end(), copy.begin());
    result.push_back(std::move(copy));
  }
  return result;
}

double largest(const Tensor<double>& tensor) {
  double most = 0.0;
  for (const double x : tensor) most = std::max(most, std::fabs(x));
  return most;
}

Tensor<double> as_float(Tensor<double> tensor) {
  for (double& x : tensor) x = static_cast<double>(static_cast<float>(x));
  return tensor;
}

// Every element one rounding of float32 up or down.
Tensor<double> rounded_otherwise(Tensor<double> tensor, Rng& rng) {
  for (double& x : tensor) x *= 1.0 + (rng.integer(0, 2) == 0 ? -kRounding : kRounding);
  return tensor;
}

}  // namespace

GradcheckResult gradcheck_float(const CheckedFloatFunction& function,
                                const CheckedFunction& reference,
                                const std::vector<Tensor<float>>& inputs,
                                const GradcheckOptions& options) {
  detail::check_options(options);
  detail::GradcheckComparison compare(options, "float32: ");
  std::vector<Tensor<double>> at;
  for (const Tensor<float>& input : inputs) {
    std::copy(input.begin(), input.end(), at.emplace_back(input.shape()).begin());
  }
  Rng rng(options.seed);
  const Variable<double> output = reference(make_leaves<double>(at));
  if (!output.requires_grad()) {
    compare.fail("the output does not depend on the inputs, or not in the graph");
    return compare.result();
  }
  const Tensor<double> weights = as_float(detail::random_weights(output.shape(), rng));
  try {
    const std::vector<Tensor<double>> expected = gradients<double>(reference, at, weights, true);
    double squares = 0.0;
    for (Index i = 0; i < weights.size(); ++i) {
      squares += weights[i] * weights[i] * output.value()[i] * output.value()[i];
    }
    // How much an input's gradient changes with the last digit of what it is computed from. Terms
    // that cancel to zero still have their rounding errors.
    std::vector<double> allowance;
    std::vector<double> scale;
    for (std::size_t k = 0; k < at.size(); ++k) {
      scale.push_back(
          std::max(largest(expected[k]), std::sqrt(squares) / std::max(1.0, largest(at[k]))));
      allowance.push_back(kRounding * scale.back());
    }
    constexpr int kWays = 8;
    for (int way = 0; way < kWays; ++way) {
      std::vector<Tensor<double>> moved;
      moved.reserve(at.size());
      for (const Tensor<double>& input : at) moved.push_back(rounded_otherwise(input, rng));
      const auto changed =
          gradients<double>(reference, moved, rounded_otherwise(weights, rng), true);
      for (std::size_t k = 0; k < at.size(); ++k) {
        for (Index i = 0; i < at[k].size(); ++i) {
          allowance[k] = std::max(allowance[k], std::fabs(changed[k][i] - expected[k][i]));
        }
      }
    }
    for (const bool plain : {true, false}) {
      const auto found = gradients<float>(function, at, weights, plain);
      for (std::size_t k = 0; k < at.size(); ++k) {
        for (Index i = 0; i < at[k].size(); ++i) {
          const numerical::Estimate known{expected[k][i], allowance[k], 0.0};
          compare.compare({.input = static_cast<Index>(k),
                           .element = i,
                           .analytical = found[k][i],
                           .numerical = known.value,
                           .error = known.error},
                          {known, known, known}, scale[k], at[k].shape(), plain);
        }
      }
    }
  } catch (const std::exception& error) {
    compare.fail(error.what());
  }
  return compare.result();
}

}  // namespace glissade
