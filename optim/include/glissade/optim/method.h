#pragma once

// A way to minimise a function: what `minimize` repeats until a rule says stop.

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"
#include "glissade/optim/problem.h"
#include "glissade/optim/stopping.h"

namespace glissade::optim {

/// One method in one run. To write one of your own, derive from this, and give `make_method` an
/// overload for your options, found in your namespace:
///
///     template <class T>
///     std::unique_ptr<optim::Method<T>> make_method(const MyOptions& options);
template <class T>
class Method {
 public:
  virtual ~Method() = default;

  /// Called once, before the first iteration, with the cost at the start known.
  virtual void begin(Problem<T>& problem) = 0;
  /// One iteration: moves the problem to another point (or leaves it, if it found none yet).
  /// Returns why it cannot go on, if so.
  virtual std::optional<Stop> iterate(Problem<T>& problem) = 0;
  /// What `HistoryEntry::lr` says of the last iteration.
  virtual double lr() const = 0;
  /// Whether it works with gradients; if not, none are computed.
  virtual bool uses_gradients() const { return true; }
};

namespace detail {

/// Steps of an ordinary optimizer.
template <class T>
class FirstOrder final : public Method<T> {
 public:
  using Make = std::function<std::unique_ptr<Optimizer<T>>(std::vector<Variable<T>>)>;
  explicit FirstOrder(Make make) : make_(std::move(make)) {}

  void begin(Problem<T>& problem) override;
  std::optional<Stop> iterate(Problem<T>& problem) override;
  double lr() const override { return lr_; }

 private:
  Make make_;
  std::unique_ptr<Optimizer<T>> optimizer_;
  double lr_ = 0.0;
};

}  // namespace detail

/// Options that an optimizer belongs to.
template <class Options>
concept HasOptimizer = requires {
  sizeof(OptimizerOf<Options>);
};

/// A function that makes an optimizer of parameters.
template <class Make, class T>
concept OptimizerMaker = std::is_invocable_r_v < std::unique_ptr<Optimizer<T>>,
const Make&, std::vector < Variable < T >>> ;

/// The method of an optimizer's options: `SGDOptions{.lr = 0.1}`.
template <class T, HasOptimizer Options>
std::unique_ptr<Method<T>> make_method(const Options& options) {
  using Own = typename OptimizerOf<Options>::template type<T>;
  options.check();
  return std::make_unique<detail::FirstOrder<T>>([options](std::vector<Variable<T>> parameters) {
    return std::make_unique<Own>(std::move(parameters), options);
  });
}

/// The method of a function that makes an optimizer of the given parameters: for parameter groups,
/// and for optimizers of one's own.
template <class T, OptimizerMaker<T> Make>
std::unique_ptr<Method<T>> make_method(const Make& make) {
  return std::make_unique<detail::FirstOrder<T>>(make);
}

}  // namespace glissade::optim
