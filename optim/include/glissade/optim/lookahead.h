#pragma once

// Lookahead: k steps of any optimizer ahead, and a part of the way back.

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// Options of `Lookahead`.
struct LookaheadOptions {
  /// The number of steps of the inner optimizer between two synchronisations; at least 1.
  std::int64_t k = 5;
  /// The part of the way that the slow weights go along; in (0, 1].
  double alpha = 0.5;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The slow weights of `Lookahead`, one tensor for each parameter of an optimizer.
template <class T>
class SlowWeights {
 public:
  /// Takes the present values of parameters that are new.
  void remember(const Optimizer<T>& optimizer);
  /// s <- s + alpha (w - s); w <- s. Frozen parameters keep their values.
  void synchronize(const Optimizer<T>& optimizer, double alpha);
  /// The slow weights of a group's parameters.
  const std::vector<Tensor<T>>& group(std::size_t number) const { return groups_[number]; }
  /// Names them, to be saved.
  void members(StateMembers<T>& members);

 private:
  std::vector<std::vector<Tensor<T>>> groups_;
};

/// After k steps of the inner optimizer, the slow weights s go a part of the way to where it has
/// come, and it goes on from there: s <- s + alpha (w - s); w <- s (Zhang, Lucas, Hinton and Ba,
/// 2019, "Lookahead optimizer: k steps forward, 1 step back"). The inner optimizer's own state is
/// kept as it is.
///
///     optim::Lookahead lookahead(optim::Adam(model.parameters(), {.lr = 1e-3}), {.k = 5});
///     ... lookahead.zero_grad(); ... lookahead.step();
template <class Inner>
requires std::derived_from<Inner, Optimizer<typename Inner::value_type>>
class Lookahead final : public Stateful<typename Inner::value_type> {
 public:
  using value_type = typename Inner::value_type;

  /// The slow weights begin with the present values. Throws std::invalid_argument if an option is
  /// invalid.
  explicit Lookahead(Inner inner, const LookaheadOptions& options = {})
      : inner_(std::move(inner)), options_(options) {
    options_.check();
    slow_.remember(inner_);
  }

  /// A step of the inner optimizer, and at each k-th of them the synchronisation. Throws
  /// std::invalid_argument, and changes nothing, as Optimizer::step does.
  void step() {
    slow_.remember(inner_);
    const std::int64_t before = inner_.step_count();
    inner_.step();
    // Not at a step that only collected gradients.
    if (inner_.step_count() == before || ++steps_ % options_.k != 0) return;
    slow_.synchronize(inner_, options_.alpha);
  }
  /// Forgets the gradients of all parameters.
  void zero_grad() { inner_.zero_grad(); }

  ///@{
  /// The optimizer that goes ahead.
  Inner& inner() { return inner_; }
  const Inner& inner() const { return inner_; }
  ///@}
  /// The slow weights; the parameters equal them after each synchronisation.
  const SlowWeights<value_type>& slow_weights() const { return slow_; }

  std::string kind() const override { return "Lookahead(" + inner_.kind() + ")"; }
  /// The inner optimizer's state, and the slow weights.
  void members(StateMembers<value_type>& members) override {
    slow_.remember(inner_);
    members.add("steps", steps_);
    members.in("inner", [&] { inner_.members(members); });
    slow_.members(members);
  }

 private:
  Inner inner_;
  LookaheadOptions options_;
  SlowWeights<value_type> slow_;
  std::int64_t steps_ = 0;
};

}  // namespace glissade::optim
