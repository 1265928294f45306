#pragma once

// When to stop: rules that watch a run, and combine.

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace glissade::optim {

/// Why a run ended.
enum class StopReason {
  max_iterations,    ///< as many iterations as allowed
  max_epochs,        ///< as many epochs as allowed
  max_seconds,       ///< the time is up
  cost,              ///< the cost is below the threshold
  gradient_norm,     ///< the norm of the gradient is below the threshold
  cost_change,       ///< the cost hardly changes
  parameter_change,  ///< the parameters hardly change
  no_improvement,    ///< the cost has not improved for a number of checks
  early_stopping,    ///< the validation loss has not improved for a number of checks
  diverged,          ///< the cost is NaN, infinite, or above the bound
  no_progress,  ///< the method finds no better point: it is at a minimum up to rounding, or stuck
  custom,       ///< a rule of the user's own
};
/// The name of a reason as it is written above: "max_iterations".
std::string_view to_string(StopReason reason);

/// What is known of a run when a rule is asked. What is not known is absent, or NaN for a norm, and
/// then rules about it say nothing.
struct Progress {
  std::int64_t iteration = 0;    ///< steps made so far
  std::int64_t epoch = 0;        ///< passes over the data made so far
  double seconds = 0.0;          ///< since the run began
  std::optional<double> cost{};  ///< at the present parameters; a NaN here is divergence
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();  ///< Euclidean, of all together
  double parameter_change = std::numeric_limits<double>::quiet_NaN();  ///< ‖θ_t - θ_{t-1}‖
  /// Whether the parameters have changed since the last check. A method that tries a step and
  /// refuses it has not: rules about changes wait.
  bool moved = true;
  std::optional<double> validation_loss{};  ///< present if it was measured for this check
};

/// What a rule says when it fires.
struct Stop {
  StopReason reason = StopReason::custom;  ///< of the rule; of `a && b`, that of a
  std::string message;                     ///< a sentence with the numbers: "the cost 0.5 is ..."
  std::vector<StopReason> reasons;         ///< all rules that hold at this check
};

/// What a method says that can go no further: the reason `no_progress`.
Stop no_progress(std::string message);

/// A rule that is asked after every step (or epoch) whether to stop. Rules combine: `a || b` stops
/// as soon as one says so, `a && b` when both do at the same check.
///
///     auto rule = optim::max_iterations(1000) || optim::gradient_norm_below(1e-6);
///     while (true) {
///       ... one step ...
///       if (auto stop = rule.update({.iteration = ++t, .cost = loss, .gradient_norm = norm})) {
///         fmt::print("stopped: {}\n", stop->message);
///         break;
///       }
///     }
///
/// A rule remembers what it saw; a copy goes its own way. `reset` begins a new run.
class StoppingRule {
 public:
  /// A rule of one's own: any copyable function of the progress that returns whether to stop.
  template <class Function>
  requires(!std::same_as<std::remove_cvref_t<Function>, StoppingRule> &&
           std::is_invocable_r_v<bool, std::remove_cvref_t<Function>&, const Progress&>)
      StoppingRule(Function&& function)  // NOLINT(google-explicit-constructor)
      : StoppingRule(custom(std::forward<Function>(function))) {}

  StoppingRule(const StoppingRule& other) : rule_(other.rule_->clone()) {}
  StoppingRule(StoppingRule&&) noexcept = default;
  StoppingRule& operator=(const StoppingRule& other) {
    rule_ = other.rule_->clone();
    return *this;
  }
  StoppingRule& operator=(StoppingRule&&) noexcept = default;
  ~StoppingRule() = default;

  /// A check: what the rule says, or nothing if the run goes on.
  std::optional<Stop> update(const Progress& progress) { return rule_->update(progress); }
  /// Forgets what was seen.
  void reset() { rule_->reset(); }

  /// Stops when one of the rules does; both are asked at every check.
  friend StoppingRule operator||(StoppingRule a, StoppingRule b);
  /// Stops when both rules say so at the same check.
  friend StoppingRule operator&&(StoppingRule a, StoppingRule b);

  /// What a run measures, apart from the cost.
  struct Measured {
    bool gradient_norm = true;    ///< whether there is a gradient
    bool validation_loss = true;  ///< whether there is a validation
    bool epochs = true;           ///< whether epochs are counted
  };
  /// Why the rule can never fire in such a run, in words; empty if it can.
  std::string cannot_fire(const Measured& measured) const { return rule_->cannot_fire(measured); }

  /// What a rule is inside: for rules that remember something.
  class Rule {
   public:
    virtual ~Rule() = default;
    /// A copy, with what it remembers.
    virtual std::unique_ptr<Rule> clone() const = 0;
    /// A check.
    virtual std::optional<Stop> update(const Progress& progress) = 0;
    /// Forgets what was seen.
    virtual void reset() = 0;
    /// Why it can never fire; empty if it can.
    virtual std::string cannot_fire(const Measured& measured) const {
      static_cast<void>(measured);
      return {};
    }
  };
  /// A rule that remembers something.
  explicit StoppingRule(std::unique_ptr<Rule> rule) : rule_(std::move(rule)) {}

 private:
  static StoppingRule custom(std::function<bool(const Progress&)> function);

  std::unique_ptr<Rule> rule_;
};

// All throw std::invalid_argument naming the option and its value if that is out of range.

/// After n >= 0 iterations.
StoppingRule max_iterations(std::int64_t n);
/// After n >= 0 epochs.
StoppingRule max_epochs(std::int64_t n);
/// After this time; at least 0 seconds.
StoppingRule max_seconds(double seconds);
/// When the cost is below a finite threshold.
StoppingRule cost_below(double threshold);
/// When ‖g‖ < eps, eps > 0.
StoppingRule gradient_norm_below(double eps);
/// When |J_t - J_{t-1}| < eps, eps > 0.
StoppingRule cost_change_below(double eps);
/// When ‖θ_t - θ_{t-1}‖ < eps, eps > 0.
StoppingRule parameter_change_below(double eps);

/// Options of `no_improvement` and `early_stopping`.
struct PatienceOptions {
  double min_delta = 0.0;  ///< better means lower than the best by more than this; finite, >= 0
};
/// When the cost has not been better than the best one for `patience` >= 1 checks in a row.
StoppingRule no_improvement(std::int64_t patience, const PatienceOptions& options = {});
/// The same for the validation loss, at the checks where there is one. `EarlyStopping`
/// (glissade/optim/early_stopping.h) keeps the best parameters too.
StoppingRule early_stopping(std::int64_t patience, const PatienceOptions& options = {});

/// When the cost is NaN, infinite, or above `bound` (which may be infinity, not NaN).
StoppingRule diverged(double bound = std::numeric_limits<double>::infinity());

/// When `rule` has said stop at `checks` >= 1 checks in a row: `consecutive(3,
/// cost_change_below(1e-6))`.
StoppingRule consecutive(std::int64_t checks, StoppingRule rule);

}  // namespace glissade::optim
