#pragma once

// Transformations of gradients on their way to the parameters, as values that compose.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "glissade/optim/schedule.h"
#include "glissade/optim/state.h"

namespace glissade::optim {

/// What one step is to do to one parameter: the gradient first, then what transformations make of
/// it.
template <class T>
struct Update {
  Tensor<T> value;                       ///< of the parameter's shape
  const Tensor<T>* parameter = nullptr;  ///< the parameter itself
  bool frozen = false;                   ///< whether the parameter keeps its value
  bool present = false;                  ///< whether there is an update; never if frozen
};

/// A transformation at work: it changes the updates of all parameters of an optimizer, in the order
/// of its groups, and may have a state for each. Derive from it to write one with a state of its
/// own; for others, `stateless` is enough.
template <class T>
class Transform {
 public:
  virtual ~Transform() = default;

  /// Its name, for messages and files: "scale_by_adam".
  virtual std::string name() const = 0;
  /// A copy, state and all.
  virtual std::unique_ptr<Transform> clone() const = 0;
  /// Makes the state of parameters of these shapes, which come after those that there are already.
  virtual void add_parameters(std::span<const Shape> shapes);
  /// Throws if `apply` would: `apply` must not fail.
  virtual void prepare() {}
  /// Changes the updates that are present. Returns whether the step is to be made: not so if the
  /// gradients are only being collected. Allocates nothing.
  virtual bool apply(std::span<Update<T>> updates) = 0;
  /// Names the state, for `save` and `load`.
  virtual void members(StateMembers<T>& members);

 protected:
  Transform() = default;
  Transform(const Transform&) = default;
  Transform(Transform&&) noexcept = default;
  Transform& operator=(const Transform&) = default;
  Transform& operator=(Transform&&) noexcept = default;
};

/// A transformation as a value, without a state, for float and double: what the functions below
/// return. An optimizer makes a `Transform` of it for itself:
///
///     adam.set_gradient_transformation(chain(zero_nans(), clip_by_global_norm(1.0)));
///     optim::Chained optimizer(parameters, chain(scale_by_adam(), add_decayed_weights(1e-2)),
///                              {.lr = 1e-3});
///
/// All functions below throw std::invalid_argument naming the option that is out of range. The
/// names, and the formulas where nothing else is said, are Optax's.
class GradientTransformation {
 public:
  /// Makes the transform of one optimizer.
  template <class T>
  using Make = std::function<std::unique_ptr<Transform<T>>()>;

  /// Made by functions that make the transform.
  GradientTransformation(Make<float> make_float, Make<double> make_double)
      : make_float_(std::move(make_float)), make_double_(std::move(make_double)) {}
  /// Made of a class template derived from Transform: `GradientTransformation::of<Mine>(options)`
  /// makes `Mine<T>(options)`.
  template <template <class> class Method, class... Options>
  static GradientTransformation of(Options... options) {
    return {[=] { return std::make_unique<Method<float>>(options...); },
            [=] { return std::make_unique<Method<double>>(options...); }};
  }

  /// A transform with a fresh state.
  template <class T>
  std::unique_ptr<Transform<T>> make() const {
    if constexpr (std::is_same_v<T, float>) {
      return make_float_();
    } else {
      return make_double_();
    }
  }

 private:
  Make<float> make_float_;
  Make<double> make_double_;
};

namespace detail {

template <class T, class F>
class StatelessTransform final : public Transform<T> {
 public:
  StatelessTransform(std::string name, F function)
      : name_(std::move(name)), function_(std::move(function)) {}

  std::string name() const override { return name_; }
  std::unique_ptr<Transform<T>> clone() const override {
    return std::make_unique<StatelessTransform>(*this);
  }
  bool apply(std::span<Update<T>> updates) override {
    function_(updates);
    return true;
  }

 private:
  std::string name_;
  F function_;
};

}  // namespace detail

/// A transformation without a state, from a function of a std::span<Update<T>>, T float and double:
///
///     optim::stateless("halve", [](auto updates) {
///       for (auto& update : updates) {
///         if (!update.present) continue;
///         for (auto& value : update.value) value /= 2;
///       }
///     });
template <class F>
GradientTransformation stateless(std::string name, F function) {
  return {[=] { return std::make_unique<detail::StatelessTransform<float, F>>(name, function); },
          [=] { return std::make_unique<detail::StatelessTransform<double, F>>(name, function); }};
}

/// One transformation after the other.
GradientTransformation chain(std::vector<GradientTransformation> transformations);
/// `chain(clip_by_global_norm(1.0), scale_by_adam())`.
template <class... Others>
GradientTransformation chain(GradientTransformation first, Others... others) {
  return chain(std::vector<GradientTransformation>{std::move(first), std::move(others)...});
}

/// u max_norm / |u| if |u| > max_norm, where |u| is the Euclidean norm over all parameters.
/// max_norm > 0.
GradientTransformation clip_by_global_norm(double max_norm);
/// Limits each element to [-limit, limit]; NaN stays. limit >= 0.
GradientTransformation clip(double limit);
/// NaN becomes 0.
GradientTransformation zero_nans();
/// u + weight_decay w. Before an adaptive method this is Adam's weight decay, after it AdamW's.
/// weight_decay >= 0.
GradientTransformation add_decayed_weights(double weight_decay);
/// factor u; factor is finite.
GradientTransformation scale(double factor);
/// schedule(t) u, where t counts the steps from 0.
GradientTransformation scale_by_schedule(Schedule schedule);
/// The sign of each element: -1, 0 or 1; NaN stays.
GradientTransformation scale_by_sign();
/// Takes from tensors of at least two axes the mean over all axes but the first: u - mean(u) (Yong
/// et al., 2020, "Gradient centralization").
GradientTransformation centralize();
/// Momentum: v <- decay v + u; gives v, or with Nesterov's momentum u + decay v. decay in [0, 1).
GradientTransformation trace(double decay, bool nesterov = false);

/// Options of `scale_by_adam`.
struct ScaleByAdamOptions {
  double beta1 = 0.9;     ///< the factor of the running mean of u, in [0, 1)
  double beta2 = 0.999;   ///< the factor of the running mean of u^2, in [0, 1)
  double eps = 1e-8;      ///< added to the root, at least 0
  double eps_root = 0.0;  ///< added under the root, at least 0
};
/// Adam's step without its rate: (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t) + eps_root) + eps),
/// with m and v as in `Adam`, t the updates of the parameter.
GradientTransformation scale_by_adam(const ScaleByAdamOptions& options = {});

/// Options of `scale_by_rms`.
struct ScaleByRmsOptions {
  double decay = 0.9;        ///< the factor of the running mean of u^2, in [0, 1)
  double eps = 1e-8;         ///< added to the root, at least 0
  bool eps_in_sqrt = false;  ///< adds eps under the root instead (Optax's default)
};
/// RMSprop's step without its rate: s <- decay s + (1 - decay) u^2; u / (sqrt(s) + eps).
GradientTransformation scale_by_rms(const ScaleByRmsOptions& options = {});

/// Options of `scale_by_lion`.
struct ScaleByLionOptions {
  double beta1 = 0.9;   ///< the share of the momentum in the step, in [0, 1)
  double beta2 = 0.99;  ///< the factor of the momentum, in [0, 1)
};
/// Lion's step without its rate: sign(beta1 m + (1 - beta1) u); m <- beta2 m + (1 - beta2) u.
GradientTransformation scale_by_lion(const ScaleByLionOptions& options = {});

/// u + normal noise of the variance eta / (1 + t)^gamma, t the steps from 0 (Neelakantan et al.,
/// 2015, "Adding gradient noise improves learning for very deep networks"). eta >= 0, gamma >= 0;
/// the same seed gives the same noise.
GradientTransformation add_noise(double eta, double gamma = 0.55, std::uint64_t seed = 0);

/// Collects the gradients of k calls of `step` and goes on with their mean at the last one; nothing
/// else happens at the others. A parameter that lacked a gradient counts with 0. k >= 1.
GradientTransformation accumulate(std::int64_t k);

}  // namespace glissade::optim
