#include "glissade/autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <utility>

#include "glissade/autograd/grad.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/core/check.h"
#include "glissade/core/rng.h"
#include "gradcheck_compare.h"
#include "ladder.h"

namespace glissade {
namespace {

using detail::GradcheckComparison;
using numerical::detail::Prober;
using numerical::detail::Sample;
using numerical::detail::Sides;
using numerical::detail::Target;

using Variables = std::vector<Variable<double>>;
using Tensors = std::vector<Tensor<double>>;
using Closed = std::function<Variable<double>()>;

Variables make_leaves(const Tensors& values) {
  Variables leaves;
  leaves.reserve(values.size());
  for (const Tensor<double>& value : values) leaves.emplace_back(value, true);
  return leaves;
}

bool same_bits(const Tensor<double>& a, const Tensor<double>& b) {
  return a.shape() == b.shape() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(),
                                       static_cast<std::size_t>(a.size()) * sizeof(double)) == 0);
}

double dot(const Tensor<double>& a, const Tensor<double>& b) {
  double total = 0.0;
  for (Index i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

double largest(const Tensor<double>& a) {
  double most = 0.0;
  for (const double x : a) most = std::max(most, std::fabs(x));
  return most;
}

// One check of one function: it reads the leaves, whose values are changed in place.
class Checker {
 public:
  // `terms`: what the function's terms amount to if they may cancel, whose rounding errors stay.
  Checker(const Closed& function, Variables leaves, const char* what,
          const GradcheckOptions& options, double terms = 0.0)
      : function_(function),
        leaves_(std::move(leaves)),
        options_(options),
        compare_(options, what),
        rng_(options.seed),
        terms_(terms) {}

  // `twice`: whether the function can be differentiated once more than the check does itself.
  GradcheckResult run(bool twice) {
    const Variable<double> output = function_();
    if (!output.requires_grad()) {
      compare_.fail("the output does not depend on the inputs, or not in the graph");
      return compare_.result();
    }
    weights_ = detail::random_weights(output.shape(), rng_);
    try {
      repeat(output.value());
      if (!compare_.is_open()) return compare_.result();
      differentiable_ = differentiable_gradients();
      numerical_gradients();
      if (twice && compare_.is_open()) vjp_against_jvp();
    } catch (const std::exception& error) {
      compare_.fail(error.what());
    }
    return compare_.result();
  }

 private:
  // The gradients by the plain backward pass, zeros where there are none.
  Tensors plain_gradients() {
    for (Variable<double>& leaf : leaves_) leaf.zero_grad();
    function_().backward(Variable<double>(weights_));
    Tensors gradients;
    for (Variable<double>& leaf : leaves_) {
      gradients.push_back(leaf.has_grad() ? leaf.grad().value() : Tensor<double>(leaf.shape()));
      leaf.zero_grad();
    }
    return gradients;
  }

  // The gradients by the differentiable rules.
  Tensors differentiable_gradients() {
    Tensors gradients;
    for (const Variable<double>& gradient : grad(function_(), leaves_, Variable<double>(weights_),
                                                 {.create_graph = true, .allow_unused = true})) {
      gradients.push_back(gradient.value());
    }
    return gradients;
  }

  void repeat(const Tensor<double>& output) {
    if (!same_bits(output, function_().value())) {
      compare_.not_deterministic("two calls with the same inputs returned different values");
      return;
    }
    plain_ = plain_gradients();
    const Tensors again = plain_gradients();
    for (std::size_t k = 0; k < plain_.size(); ++k) {
      if (same_bits(plain_[k], again[k])) continue;
      compare_.not_deterministic(
          fmt::format("two backward passes gave different gradients of input {}", k));
      return;
    }
  }

  void numerical_gradients() {
    Target target;
    for (Variable<double>& leaf : leaves_) target.parts.push_back(leaf.mutable_value().span());
    double squares = 0.0;
    target.evaluate = [this, &squares](std::vector<double>& values) {
      const NoGradGuard no_grad;
      const Variable<double> output = function_();
      check(output.shape() == weights_.shape(),
            "the function returned shape {} and, for nearby inputs, {}", weights_.shape(),
            output.shape());
      double total = 0.0;
      squares = 0.0;
      for (Index i = 0; i < weights_.size(); ++i) {
        const double term = weights_[i] * output.value()[i];
        total += term;
        squares += term * term;
      }
      values.assign(1, total);
    };
    Prober prober(target);
    magnitude_ = std::sqrt(squares);
    prober.measure_noise(std::isfinite(magnitude_) ? 0x1p-53 * magnitude_ : 0.0);

    Index elements = 0;
    for (const Variable<double>& leaf : leaves_) elements += leaf.size();
    GradcheckTier tier = options_.tier;
    constexpr Index kEvery = 1000;
    if (tier == GradcheckTier::automatic && elements <= kEvery) tier = GradcheckTier::every_element;
    if (tier != GradcheckTier::projection) {
      for (std::size_t k = 0; k < leaves_.size(); ++k) {
        compare_elements(prober, target, k, tier != GradcheckTier::every_element);
      }
    }
    if (tier == GradcheckTier::projection || tier == GradcheckTier::automatic) {
      for (int i = 0; i < options_.projections; ++i) compare_projection(prober);
    }
  }

  // Which elements of input k to look at.
  std::vector<Index> choose(std::size_t k, bool sampled) {
    std::vector<Index> chosen;
    const Index size = plain_[k].size();
    if (!sampled || size <= options_.samples) {
      for (Index i = 0; i < size; ++i) chosen.push_back(i);
      return chosen;
    }
    const auto largest_at =
        std::max_element(plain_[k].begin(), plain_[k].end(),
                         [](double a, double b) { return std::fabs(a) < std::fabs(b); });
    chosen.push_back(largest_at - plain_[k].begin());
    while (static_cast<Index>(chosen.size()) < options_.samples)
      chosen.push_back(rng_.integer(0, size));
    return chosen;
  }

  void compare_elements(Prober& prober, const Target& target, std::size_t k, bool sampled) {
    struct Known {
      Index element;
      Sides sides;
      double x;
    };
    std::vector<Known> all;
    double scale = std::max(largest(plain_[k]), largest(differentiable_[k]));
    for (const Index i : choose(k, sampled)) {
      double& x = target.parts[k][static_cast<std::size_t>(i)];
      all.push_back({i, prober.derivative(x), x});
      if (std::isfinite(all.back().sides.best.value)) {
        scale = std::max(scale, std::fabs(all.back().sides.best.value));
      }
    }
    for (const Known& known : all) {
      const double length = std::max(1.0, std::fabs(known.x));
      const double resolution = std::max(scale, magnitude_ / length);
      const double rounded = std::max(scale, terms_ / length);
      for (const bool plain : {true, false}) {
        const double analytical = (plain ? plain_ : differentiable_)[k][known.element];
        compare_.compare({.input = static_cast<Index>(k),
                          .element = known.element,
                          .analytical = analytical,
                          .numerical = known.sides.best.value,
                          .error = known.sides.best.error,
                          .step = known.sides.best.step,
                          .tolerance = 64.0 * 0x1p-52 * rounded},
                         known.sides, resolution, leaves_[k].shape(), plain);
      }
    }
  }

  void compare_projection(Prober& prober) {
    std::vector<double> direction;
    double plain = 0.0;
    double differentiable = 0.0;
    double squares = 0.0;
    for (std::size_t k = 0; k < leaves_.size(); ++k) {
      for (Index i = 0; i < leaves_[k].size(); ++i) {
        const double sign = rng_.integer(0, 2) == 0 ? -1.0 : 1.0;
        direction.push_back(sign);
        plain += sign * plain_[k][i];
        differentiable += sign * differentiable_[k][i];
        squares += plain_[k][i] * plain_[k][i];
      }
    }
    if (direction.empty()) return;
    const Sides sides = prober.derivative(direction);
    for (const bool is_plain : {true, false}) {
      compare_.compare({.analytical = is_plain ? plain : differentiable,
                        .numerical = sides.best.value,
                        .error = sides.best.error,
                        .step = sides.best.step,
                        .tolerance = 64.0 * 0x1p-52 * std::max(std::sqrt(squares), terms_)},
                       sides, std::max(std::sqrt(squares), magnitude_), {}, is_plain);
    }
  }

  // u . (J v) and (J' u) . v, J v being the derivative of (J' u) . v with respect to u.
  void vjp_against_jvp() {
    const Variable<double> u(weights_, true);
    const Variables products =
        grad(function_(), leaves_, u, {.create_graph = true, .allow_unused = true});
    Variable<double> along;
    // Terms of the function's own size may cancel in a derivative; their rounding errors stay.
    double forward_size = magnitude_;
    for (std::size_t k = 0; k < leaves_.size(); ++k) {
      const Tensor<double> v = detail::random_weights(leaves_[k].shape(), rng_);
      const Variable<double> term = sum(products[k] * Variable<double>(v));
      along = along.defined() ? along + term : term;
      for (Index i = 0; i < v.size(); ++i) forward_size += std::fabs(v[i] * plain_[k][i]);
    }
    if (!along.requires_grad()) {
      compare_.product(0.0, along.item(), 0x1p-46 * forward_size);
      return;
    }
    const Tensor<double> jv = grad(along, {u}, {.allow_unused = true})[0].value();
    double size = forward_size;
    for (Index i = 0; i < jv.size(); ++i) size += std::fabs(weights_[i] * jv[i]);
    compare_.product(dot(weights_, jv), along.item(), 0x1p-46 * size);
  }

  const Closed& function_;
  Variables leaves_;
  const GradcheckOptions& options_;
  GradcheckComparison compare_;
  Rng rng_;
  Tensor<double> weights_;
  Tensors plain_;
  Tensors differentiable_;
  double magnitude_ = 0.0;  // root of the sum of the squares of the weighed outputs
  double terms_;
};

GradcheckResult first_order(const Closed& function, const Variables& leaves,
                            const GradcheckOptions& options) {
  detail::check_options(options);
  return Checker(function, leaves, "", options).run(true);
}

GradcheckResult second_order(const Closed& function, const Variables& leaves,
                             const GradcheckOptions& options) {
  detail::check_options(options);
  Rng rng(options.seed + 1);
  const Tensor<double> output = function().value();
  // the gradient of the output
  const Variable<double> seed(detail::random_weights(output.shape(), rng), true);
  // Maps the leaves and the seed to all gradients of the function, end to end.
  const Closed gradients = [&function, &leaves, &seed] {
    const RecordingScope recording(true);  // also for the numerical differences
    const Variables all =
        grad(function(), leaves, seed, {.create_graph = true, .allow_unused = true});
    Variables flat;
    flat.reserve(all.size() + 1);
    for (const Variable<double>& gradient : all)
      flat.push_back(reshape(gradient, Shape{gradient.size()}));
    // One more term that depends on everything, so that a function whose gradient is constant can
    // be checked as well.
    Variable<double> tie = sum(seed) * 0.0;
    for (const Variable<double>& leaf : leaves) tie = tie + sum(leaf) * 0.0;
    flat.push_back(reshape(tie, Shape{1}));
    return concat(flat, 0);
  };
  Variables inputs = leaves;
  inputs.push_back(seed);
  // Terms of the function's own size may cancel in its gradients: those of x / x are 0.
  double squares = 0.0;
  for (Index i = 0; i < output.size(); ++i) squares += std::pow(seed.value()[i] * output[i], 2);
  return Checker(gradients, inputs, "second order: ", options, std::sqrt(squares)).run(false);
}

void check_parameters(const Variables& parameters) {
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    check(parameters[k].defined() && parameters[k].is_leaf() && parameters[k].requires_grad(),
          "gradcheck: parameter {} is not a leaf that requires a gradient", k);
  }
}

}  // namespace

GradcheckResult gradcheck(const CheckedFunction& function, const Tensors& inputs,
                          const GradcheckOptions& options) {
  const Variables leaves = make_leaves(inputs);
  return first_order([&] { return function(leaves); }, leaves, options);
}

GradcheckResult gradcheck(const Closed& function, const Variables& parameters,
                          const GradcheckOptions& options) {
  check_parameters(parameters);
  return first_order(function, parameters, options);
}

GradcheckResult gradgradcheck(const CheckedFunction& function, const Tensors& inputs,
                              const GradcheckOptions& options) {
  const Variables leaves = make_leaves(inputs);
  return second_order([&] { return function(leaves); }, leaves, options);
}

GradcheckResult gradgradcheck(const Closed& function, const Variables& parameters,
                              const GradcheckOptions& options) {
  check_parameters(parameters);
  return second_order(function, parameters, options);
}

}  // namespace glissade
