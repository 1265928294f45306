#include "glissade/autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "glissade/autograd/grad.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/core/rng.h"

namespace glissade {
namespace {

using Inputs = std::vector<Variable<double>>;

Inputs make_inputs(const std::vector<Tensor<double>>& values, bool requires_grad) {
  Inputs inputs;
  inputs.reserve(values.size());
  for (const Tensor<double>& value : values) inputs.emplace_back(value, requires_grad);
  return inputs;
}

// Weights of either sign between 1/2 and 3/2, so that no element's error is hidden or magnified.
Tensor<double> random_weights(const Shape& shape, Rng& rng) {
  Tensor<double> weights(shape);
  for (double& weight : weights) {
    weight = rng.uniform(0.5, 1.5) * (rng.integer(0, 2) == 0 ? -1.0 : 1.0);
  }
  return weights;
}

// sum over i of weights[i] f(inputs)[i]
double weighed(const CheckedFunction& function, const Inputs& inputs,
               const Tensor<double>& weights) {
  const NoGradGuard no_grad;
  const Variable<double> output = function(inputs);
  check(output.shape() == weights.shape(),
        "gradcheck: the function returned shape {} and, for nearby inputs, {}", weights.shape(),
        output.shape());
  double total = 0.0;
  for (Index i = 0; i < weights.size(); ++i) total += weights[i] * output.value()[i];
  return total;
}

// The gradients by the plain backward pass, zeros where there are none.
std::vector<Tensor<double>> plain_gradients(const CheckedFunction& function,
                                            const std::vector<Tensor<double>>& values,
                                            const Tensor<double>& weights) {
  const Inputs inputs = make_inputs(values, true);
  function(inputs).backward(Variable<double>(weights));
  std::vector<Tensor<double>> gradients;
  for (const Variable<double>& input : inputs) {
    gradients.push_back(input.has_grad() ? input.grad().value() : Tensor<double>(input.shape()));
  }
  return gradients;
}

// The gradients by the differentiable rules.
std::vector<Tensor<double>> differentiable_gradients(const CheckedFunction& function,
                                                     const std::vector<Tensor<double>>& values,
                                                     const Tensor<double>& weights) {
  const Inputs inputs = make_inputs(values, true);
  std::vector<Tensor<double>> gradients;
  for (const Variable<double>& gradient : grad(function(inputs), inputs, Variable<double>(weights),
                                               {.create_graph = true, .allow_unused = true})) {
    gradients.push_back(gradient.value());
  }
  return gradients;
}

// Central differences of the weighed sum, for every element of every input.
std::vector<Tensor<double>> numerical_gradients(const CheckedFunction& function,
                                                const std::vector<Tensor<double>>& values,
                                                const Tensor<double>& weights, double step) {
  Inputs inputs = make_inputs(values, false);
  std::vector<Tensor<double>> gradients;
  for (Variable<double>& input : inputs) {
    Tensor<double> gradient(input.shape());
    for (Index i = 0; i < input.size(); ++i) {
      const double x = input.value()[i];
      const double h = step * std::max(1.0, std::fabs(x));
      // What is divided by is the difference of the arguments as they were rounded.
      const double above = x + h;
      const double below = x - h;
      input.mutable_value()[i] = above;
      const double f_above = weighed(function, inputs, weights);
      input.mutable_value()[i] = below;
      const double f_below = weighed(function, inputs, weights);
      input.mutable_value()[i] = x;
      gradient[i] = (f_above - f_below) / (above - below);
    }
    gradients.push_back(std::move(gradient));
  }
  return gradients;
}

// Compares and records the worst element that is out of tolerance.
void compare(const char* what, const std::vector<Tensor<double>>& analytical,
             const std::vector<Tensor<double>>& numerical, const GradcheckOptions& options,
             GradcheckResult& result) {
  double worst_excess = 0.0;
  for (std::size_t k = 0; k < numerical.size(); ++k) {
    for (Index i = 0; i < numerical[k].size(); ++i) {
      const double a = analytical[k][i];
      const double n = numerical[k][i];
      const double error = std::fabs(a - n);
      const double tolerance = options.atol + options.rtol * std::fabs(n);
      if (!(error <= result.worst_error)) result.worst_error = error;  // NaN too
      if (std::isfinite(n) && error <= tolerance) continue;            // false for NaN
      const double excess = std::isfinite(error / tolerance) ? error / tolerance : HUGE_VAL;
      if (excess <= worst_excess) continue;
      worst_excess = excess;
      result.passed = false;
      result.message = fmt::format(
          "{}: element {} of input {} (of shape {}): analytical {:.12g}, numerical {:.12g}, "
          "difference {:.3g}, tolerance {:.3g}",
          what, i, k, numerical[k].shape(), a, n, error, tolerance);
    }
  }
}

}  // namespace

GradcheckResult gradcheck(const CheckedFunction& function,
                          const std::vector<Tensor<double>>& inputs,
                          const GradcheckOptions& options) {
  check(options.step > 0.0, "gradcheck: the step {} must be positive", options.step);
  const Variable<double> output = function(make_inputs(inputs, true));
  GradcheckResult result;
  if (!output.requires_grad()) {
    result.message = "gradcheck: the output does not depend on the inputs, or not in the graph";
    return result;
  }
  Rng rng(options.seed);
  const Tensor<double> weights = random_weights(output.shape(), rng);
  result.passed = true;
  try {
    const auto numerical = numerical_gradients(function, inputs, weights, options.step);
    compare("gradcheck", plain_gradients(function, inputs, weights), numerical, options, result);
    if (result.passed) {
      compare("gradcheck with create_graph", differentiable_gradients(function, inputs, weights),
              numerical, options, result);
    }
  } catch (const std::exception& error) {
    result.passed = false;
    result.message = fmt::format("gradcheck: {}", error.what());
  }
  return result;
}

GradcheckResult gradgradcheck(const CheckedFunction& function,
                              const std::vector<Tensor<double>>& inputs,
                              const GradcheckOptions& options) {
  const Variable<double> output = function(make_inputs(inputs, true));
  Rng rng(options.seed + 1);
  std::vector<Tensor<double>> values = inputs;
  values.push_back(random_weights(output.shape(), rng));  // the gradient of the output

  // Maps (inputs..., grad_output) to all gradients of the function, end to end.
  const CheckedFunction gradients = [&function](const Inputs& arguments) {
    const RecordingScope recording(true);  // also for the numerical differences
    Inputs leaves(arguments.begin(), arguments.end() - 1);
    for (Variable<double>& leaf : leaves) {
      if (!leaf.requires_grad()) leaf = Variable<double>(leaf.value(), true);
    }
    const std::vector<Variable<double>> all = grad(function(leaves), leaves, arguments.back(),
                                                   {.create_graph = true, .allow_unused = true});
    std::vector<Variable<double>> flat;
    flat.reserve(all.size() + 1);
    for (const Variable<double>& gradient : all)
      flat.push_back(reshape(gradient, Shape{gradient.size()}));
    // One more term that depends on everything, so that a function whose gradient is constant can
    // be checked as well.
    Variable<double> tie = sum(arguments.back()) * 0.0;
    for (const Variable<double>& leaf : leaves) tie = tie + sum(leaf) * 0.0;
    flat.push_back(reshape(tie, Shape{1}));
    return concat(flat, 0);
  };
  GradcheckResult result = gradcheck(gradients, values, options);
  if (!result.passed) result.message = "second order: " + result.message;
  return result;
}

}  // namespace glissade
