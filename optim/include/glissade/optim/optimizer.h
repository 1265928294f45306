#pragma once

// What all optimizers have in common: parameter groups, steps, and the state of each parameter.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "glissade/autograd/variable.h"
#include "glissade/optim/schedule.h"
#include "glissade/optim/state.h"
#include "glissade/optim/transformation.h"

namespace glissade::optim {

/// Which parameters an optimizer takes.
enum class TakesParameters { all, matrices };

/// An optimizer changes parameters along their gradients. Parameters come in groups with options of
/// their own; the constructor of each optimizer makes group 0, `add_group` the others.
///
/// Parameters are shared handles: the optimizer changes the values that the model sees. It skips
/// those without a gradient and those that are frozen (`requires_grad()` is false) at the time of
/// the step. After the first step a step allocates no memory.
///
/// Optimizers can be copied: the copy has the same parameters and a copy of the state, so that
/// `const auto saved = adam;` ... `adam = saved;` goes back in time (parameters excepted). `save`
/// and `load` do it by a file.
template <class T>
class Optimizer : public Stateful<T> {
 public:
  using value_type = T;

  /// Changes every parameter that has a gradient. Throws std::invalid_argument, and changes
  /// nothing, if a schedule gives an invalid rate or a parameter's shape has changed. (With a
  /// transformation that collects gradients, most calls only do that.)
  void step();
  /// Forgets the gradients of all parameters.
  void zero_grad();

  /// The number of steps made: the t at which the next step asks its schedules.
  std::int64_t step_count() const { return step_count_; }
  /// Goes on from another count, as when training resumes. Throws std::invalid_argument if
  /// negative. (Adam's bias correction counts the updates of each parameter in its state.)
  void set_step_count(std::int64_t count);

  /// The number of groups; at least 1.
  std::size_t group_count() const { return groups_.size(); }
  /// The parameters of a group. As all below, throws std::invalid_argument if there is no such
  /// group.
  const std::vector<Variable<T>>& parameters(std::size_t group = 0) const;
  /// The learning rate that the next step will use.
  double lr(std::size_t group = 0) const;
  /// Another schedule (or constant) from now on; the next step asks it at t = `step_count()`.
  virtual void set_lr(Schedule lr, std::size_t group = 0) = 0;

  /// From now on each step works with what this makes of the gradients, which stay as they are. Its
  /// state is fresh, is copied with the optimizer and saved with it. It sees the gradients before
  /// `maximize` turns them.
  void set_gradient_transformation(const GradientTransformation& transformation);
  /// The transformation at work; null if there is none.
  const Transform<T>* gradient_transformation() const { return transform_.get(); }

  /// The optimizer's name, for messages: "Adam".
  const char* name() const { return name_; }
  std::string kind() const override { return name_; }
  /// The step count and the state of each parameter, for `save` and `load`.
  void members(StateMembers<T>& members) override;

 protected:
  /// `name` must live as long as the optimizer.
  explicit Optimizer(const char* name, TakesParameters takes = TakesParameters::all)
      : name_(name), takes_(takes) {}
  // Copied only as part of a whole optimizer.
  Optimizer(const Optimizer&) = default;
  Optimizer(Optimizer&&) noexcept = default;
  Optimizer& operator=(const Optimizer&) = default;
  Optimizer& operator=(Optimizer&&) noexcept = default;

  /// Adds a group and returns its number. Throws std::invalid_argument if it is empty, or if a
  /// parameter is undefined, not a leaf, given before, or not a matrix where that is asked for.
  std::size_t add_parameters(std::vector<Variable<T>> parameters);
  /// Throws std::invalid_argument if there is no such group.
  void check_group(std::size_t group) const;

 private:
  // Copied as a value is.
  class OwnTransform {
   public:
    OwnTransform() = default;
    explicit OwnTransform(std::unique_ptr<Transform<T>> transform)
        : transform_(std::move(transform)) {}
    OwnTransform(const OwnTransform& other)
        : transform_(other.transform_ ? other.transform_->clone() : nullptr) {}
    OwnTransform(OwnTransform&&) noexcept = default;
    OwnTransform& operator=(const OwnTransform& other) { return *this = OwnTransform(other); }
    OwnTransform& operator=(OwnTransform&&) noexcept = default;
    ~OwnTransform() = default;

    Transform<T>* get() const { return transform_.get(); }

   private:
    std::unique_ptr<Transform<T>> transform_;
  };

  struct Group {
    std::vector<Variable<T>> parameters;
    std::vector<Shape> shapes;  // when they were given
    double rate = 0.0;          // of the step being made
  };

  virtual const Schedule& schedule(std::size_t group) const = 0;
  /// Updates parameter number `index` of a group with the rate `lr`; its gradient is g.
  virtual void update(std::size_t group, std::size_t index, double lr, const Tensor<T>& g,
                      Tensor<T>& parameter) = 0;

  /// Names the members of the state of a parameter.
  virtual void name_state(std::size_t group, std::size_t index, StateMembers<T>& members) = 0;

  void prepare_step();
  bool transform_gradients();
  void add_updates(const std::vector<Shape>& shapes);

  const char* name_;
  TakesParameters takes_;
  std::int64_t step_count_ = 0;
  std::vector<Group> groups_;
  Index elements_ = 0;  // of all parameters
  OwnTransform transform_;
  std::vector<Update<T>> updates_;  // of all parameters, for transform_
};

/// What the options of an optimizer must have: `Schedule lr`, and `check()`, which throws
/// std::invalid_argument if a value is invalid.
template <class Options>
concept OptimizerOptions = requires(const Options& options) {
  { options.lr } -> std::same_as<const Schedule&>;
  options.check();
};

/// An optimizer with the given options for each group and the given state for each parameter.
/// To write one of your own, derive from it and implement `update_one`; a state that is to be saved
/// has a function `members`, as AdamState has:
///
///     struct SignDescentOptions {
///       Schedule lr = 0.01;
///       void check() const {}
///     };
///     struct NoState {};
///     template <class T>
///     class SignDescent : public OptimizerWith<T, SignDescentOptions, NoState> {
///      public:
///       explicit SignDescent(std::vector<Variable<T>> parameters, SignDescentOptions options = {})
///           : OptimizerWith<T, SignDescentOptions, NoState>("SignDescent", std::move(parameters),
///                                                           std::move(options)) {}
///      private:
///       void update_one(const SignDescentOptions&, double lr, const Tensor<T>& g, NoState&,
///                       Tensor<T>& w) override {
///         for (Index i = 0; i < w.size(); ++i) w[i] -= std::copysign(static_cast<T>(lr), g[i]);
///       }
///     };
template <class T, OptimizerOptions Options, std::copyable State>
class OptimizerWith : public Optimizer<T> {
 public:
  /// Adds parameters with options of their own and returns the number of the new group. Throws
  /// std::invalid_argument if an option is invalid, the group is empty, or a parameter is
  /// undefined, not a leaf, or in a group already.
  std::size_t add_group(std::vector<Variable<T>> parameters, Options options = {}) {
    options.check();
    const std::size_t group = this->add_parameters(std::move(parameters));
    groups_.push_back({std::move(options), std::vector<State>(this->parameters(group).size())});
    return group;
  }

  /// The present options of a group.
  const Options& options(std::size_t group = 0) const {
    this->check_group(group);
    return groups_[group].options;
  }
  /// Other options for a group from now on. Throws std::invalid_argument if one is invalid.
  void set_options(Options options, std::size_t group = 0) {
    this->check_group(group);
    options.check();
    groups_[group].options = std::move(options);
  }
  void set_lr(Schedule lr, std::size_t group = 0) override {
    this->check_group(group);
    groups_[group].options.lr = std::move(lr);
  }

  /// The states of a group's parameters, in the order of `parameters(group)`: to save them, and
  /// to restore them.
  const std::vector<State>& states(std::size_t group = 0) const {
    this->check_group(group);
    return groups_[group].states;
  }
  /// The state of parameter number `index` of a group, to restore it. Throws std::invalid_argument
  /// if there is none.
  State& state(std::size_t group, std::size_t index) {
    const std::size_t count = this->parameters(group).size();
    check(index < count, "{}: group {} has {} parameters, there is no number {}", this->name(),
          group, count, index);
    return groups_[group].states[index];
  }

 protected:
  /// `parameters` make group 0. `name` must live as long as the optimizer. Throws
  /// std::invalid_argument as `add_group` does.
  OptimizerWith(const char* name, std::vector<Variable<T>> parameters, Options options,
                TakesParameters takes = TakesParameters::all)
      : Optimizer<T>(name, takes) {
    add_group(std::move(parameters), std::move(options));
  }

 private:
  struct Group {
    Options options;
    std::vector<State> states;
  };

  /// One step of one parameter w with the gradient g (of w's shape) and the present rate `lr`.
  virtual void update_one(const Options& options, double lr, const Tensor<T>& g, State& state,
                          Tensor<T>& w) = 0;

  void name_state(std::size_t group, std::size_t index, StateMembers<T>& members) final {
    State& state = groups_[group].states[index];
    if constexpr (requires { state.members(members); }) {
      state.members(members);
    } else {
      check(std::is_empty_v<State>,
            "{}: its state has no function `members`, without which it cannot be saved",
            this->name());
    }
  }
  const Schedule& schedule(std::size_t group) const final { return groups_[group].options.lr; }
  void update(std::size_t group, std::size_t index, double lr, const Tensor<T>& g,
              Tensor<T>& parameter) final {
    Group& own = groups_[group];
    update_one(own.options, lr, g, own.states[index], parameter);
  }

  std::vector<Group> groups_;
};

/// The optimizer that belongs to an options struct, as `OptimizerOf<SGDOptions>::type<T>`, for
/// functions that are given options and make the optimizer themselves. Each optimizer's header
/// specialises it.
template <class Options>
struct OptimizerOf;

/// For `update_one`: makes a tensor of the state zeros of the given shape if it is empty. Throws
/// std::invalid_argument if it has another shape (a state restored for another parameter).
template <class T>
void prepare_state(Tensor<T>& state, const Shape& shape);

}  // namespace glissade::optim
