#include "glissade/optim/stopping.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "glissade/core/check.h"
#include "option_checks.h"

namespace glissade::optim {
namespace {

using Rule = StoppingRule::Rule;

// A rule made of a function of the progress that returns the message, empty to go on. What the
// function remembers is in its captures; it starts again as a copy of what it was at first.
template <class Test>
class Simple final : public Rule {
 public:
  Simple(StopReason reason, Test test) : reason_(reason), start_(std::move(test)), test_(start_) {}

  std::string cannot_fire(const StoppingRule::Measured& measured) const override {
    if (reason_ == StopReason::max_epochs && !measured.epochs) {
      return "max_epochs: no epochs are counted here";
    }
    if (reason_ == StopReason::early_stopping && !measured.validation_loss) {
      return "early_stopping: there is no validation";
    }
    if (reason_ == StopReason::gradient_norm && !measured.gradient_norm) {
      return "gradient_norm_below: the method computes no gradients";
    }
    return {};
  }

  std::unique_ptr<Rule> clone() const override { return std::make_unique<Simple>(*this); }
  void reset() override { test_.emplace(start_); }
  std::optional<Stop> update(const Progress& progress) override {
    std::string message = (*test_)(progress);
    if (message.empty()) return std::nullopt;
    return Stop{.reason = reason_, .message = std::move(message), .reasons = {reason_}};
  }

 private:
  StopReason reason_;
  Test start_;
  std::optional<Test> test_;
};

template <class Test>
StoppingRule rule(StopReason reason, Test test) {
  return StoppingRule(std::make_unique<Simple<Test>>(reason, std::move(test)));
}

class Pair : public Rule {
 public:
  Pair(StoppingRule a, StoppingRule b) : a_(std::move(a)), b_(std::move(b)) {}
  void reset() override {
    a_.reset();
    b_.reset();
  }

 protected:
  std::pair<std::string, std::string> reasons_against(
      const StoppingRule::Measured& measured) const {
    return {a_.cannot_fire(measured), b_.cannot_fire(measured)};
  }
  // Both rules see every check: they remember it.
  std::pair<std::optional<Stop>, std::optional<Stop>> both(const Progress& progress) {
    auto a = a_.update(progress);
    auto b = b_.update(progress);
    return {std::move(a), std::move(b)};
  }
  static Stop merge(Stop a, const Stop& b) {
    a.message += " and " + b.message;
    a.reasons.insert(a.reasons.end(), b.reasons.begin(), b.reasons.end());
    return a;
  }

 private:
  StoppingRule a_;
  StoppingRule b_;
};

class Either final : public Pair {
 public:
  using Pair::Pair;
  std::unique_ptr<Rule> clone() const override { return std::make_unique<Either>(*this); }
  std::string cannot_fire(const StoppingRule::Measured& measured) const override {
    const auto [a, b] = reasons_against(measured);
    return a.empty() || b.empty() ? std::string() : a + "; " + b;
  }
  std::optional<Stop> update(const Progress& progress) override {
    auto [a, b] = both(progress);
    if (a && b) return merge(std::move(*a), *b);
    return a ? a : b;
  }
};

class Both final : public Pair {
 public:
  using Pair::Pair;
  std::unique_ptr<Rule> clone() const override { return std::make_unique<Both>(*this); }
  std::string cannot_fire(const StoppingRule::Measured& measured) const override {
    const auto [a, b] = reasons_against(measured);
    return a.empty() ? b : a;
  }
  std::optional<Stop> update(const Progress& progress) override {
    auto [a, b] = both(progress);
    if (!a || !b) return std::nullopt;
    return merge(std::move(*a), *b);
  }
};

class Consecutive final : public Rule {
 public:
  Consecutive(std::int64_t checks, StoppingRule inner)
      : checks_(checks), inner_(std::move(inner)) {}
  std::unique_ptr<Rule> clone() const override { return std::make_unique<Consecutive>(*this); }
  std::string cannot_fire(const StoppingRule::Measured& measured) const override {
    return inner_.cannot_fire(measured);
  }
  void reset() override {
    seen_ = 0;
    inner_.reset();
  }
  std::optional<Stop> update(const Progress& progress) override {
    auto stop = inner_.update(progress);
    seen_ = stop ? seen_ + 1 : 0;
    if (seen_ < checks_) return std::nullopt;
    stop->message += fmt::format(" (at {} checks in a row)", checks_);
    return stop;
  }

 private:
  std::int64_t checks_;
  StoppingRule inner_;
  std::int64_t seen_ = 0;
};

// Counts the checks since the best value.
class Patience {
 public:
  Patience(const char* owner, std::int64_t patience, const PatienceOptions& options)
      : patience_(patience), min_delta_(options.min_delta) {
    check_at_least_one(owner, "patience", patience);
    check_not_negative(owner, "min_delta", options.min_delta);
  }

  std::string update(double value, std::string_view what) {
    // Compared so that the first finite value is better than none, and NaN never.
    if (value < best_ - min_delta_ || (std::isinf(best_) && value < best_)) {
      best_ = value;
      bad_checks_ = 0;
      return {};
    }
    if (++bad_checks_ < patience_) return {};
    return fmt::format("the {} has not been better than {:.6g} for {} checks", what, best_,
                       bad_checks_);
  }

 private:
  std::int64_t patience_;
  double min_delta_;
  double best_ = std::numeric_limits<double>::infinity();
  std::int64_t bad_checks_ = 0;
};

}  // namespace

std::string_view to_string(StopReason reason) {
  static constexpr std::array<std::string_view, 12> kNames{
      "max_iterations", "max_epochs",  "max_seconds",      "cost",
      "gradient_norm",  "cost_change", "parameter_change", "no_improvement",
      "early_stopping", "diverged",    "no_progress",      "custom"};
  return kNames[static_cast<std::size_t>(reason)];
}

Stop no_progress(std::string message) {
  return {.reason = StopReason::no_progress,
          .message = std::move(message),
          .reasons = {StopReason::no_progress}};
}

StoppingRule operator||(StoppingRule a, StoppingRule b) {
  return StoppingRule(std::make_unique<Either>(std::move(a), std::move(b)));
}

StoppingRule operator&&(StoppingRule a, StoppingRule b) {
  return StoppingRule(std::make_unique<Both>(std::move(a), std::move(b)));
}

StoppingRule StoppingRule::custom(std::function<bool(const Progress&)> function) {
  check(static_cast<bool>(function), "StoppingRule: the function is empty");
  return rule(StopReason::custom, [function = std::move(function)](const Progress& progress) {
    return function(progress) ? std::string("a rule of the caller's own said so") : std::string();
  });
}

StoppingRule max_iterations(std::int64_t n) {
  check(n >= 0, "max_iterations: n must be at least 0, got {}", n);
  return rule(StopReason::max_iterations, [n](const Progress& progress) {
    return progress.iteration >= n ? fmt::format("{} iterations were made", progress.iteration)
                                   : std::string();
  });
}

StoppingRule max_epochs(std::int64_t n) {
  check(n >= 0, "max_epochs: n must be at least 0, got {}", n);
  return rule(StopReason::max_epochs, [n](const Progress& progress) {
    return progress.epoch >= n ? fmt::format("{} epochs were made", progress.epoch) : std::string();
  });
}

StoppingRule max_seconds(double seconds) {
  check_not_negative("max_seconds", "seconds", seconds);
  return rule(StopReason::max_seconds, [seconds](const Progress& progress) {
    return progress.seconds >= seconds
               ? fmt::format("{:.3g} seconds of {:g} have passed", progress.seconds, seconds)
               : std::string();
  });
}

StoppingRule cost_below(double threshold) {
  check(std::isfinite(threshold), "cost_below: threshold must be finite, got {}", threshold);
  return rule(StopReason::cost, [threshold](const Progress& progress) {
    return progress.cost && *progress.cost < threshold
               ? fmt::format("the cost {:.6g} is below {:g}", *progress.cost, threshold)
               : std::string();
  });
}

StoppingRule gradient_norm_below(double eps) {
  check_positive("gradient_norm_below", "eps", eps);
  return rule(StopReason::gradient_norm, [eps](const Progress& progress) {
    return progress.gradient_norm < eps
               ? fmt::format("the gradient norm {:.3g} is below {:g}", progress.gradient_norm, eps)
               : std::string();
  });
}

StoppingRule cost_change_below(double eps) {
  check_positive("cost_change_below", "eps", eps);
  return rule(StopReason::cost_change,
              [eps, last = std::numeric_limits<double>::quiet_NaN()](
                  const Progress& progress) mutable -> std::string {
                if (!progress.cost || !progress.moved) return {};
                const double change =
                    std::abs(*progress.cost - std::exchange(last, *progress.cost));
                if (!(change < eps)) return {};
                return fmt::format("the cost changed by {:.3g}, less than {:g}", change, eps);
              });
}

StoppingRule parameter_change_below(double eps) {
  check_positive("parameter_change_below", "eps", eps);
  return rule(StopReason::parameter_change, [eps](const Progress& progress) -> std::string {
    if (!progress.moved || !(progress.parameter_change < eps)) return {};
    return fmt::format("the parameters changed by {:.3g}, less than {:g}",
                       progress.parameter_change, eps);
  });
}

StoppingRule no_improvement(std::int64_t patience, const PatienceOptions& options) {
  return rule(StopReason::no_improvement,
              [watch = Patience("no_improvement", patience, options)](
                  const Progress& progress) mutable -> std::string {
                if (!progress.cost) return {};
                return watch.update(*progress.cost, "cost");
              });
}

StoppingRule early_stopping(std::int64_t patience, const PatienceOptions& options) {
  return rule(StopReason::early_stopping,
              [watch = Patience("early_stopping", patience, options)](
                  const Progress& progress) mutable -> std::string {
                if (!progress.validation_loss) return {};
                return watch.update(*progress.validation_loss, "validation loss");
              });
}

StoppingRule diverged(double bound) {
  check(!std::isnan(bound), "diverged: bound must not be NaN");
  return rule(StopReason::diverged, [bound](const Progress& progress) -> std::string {
    if (!progress.cost) return {};
    if (std::isnan(*progress.cost)) return "the cost is NaN";
    if (std::isinf(*progress.cost)) return "the cost is infinite";
    if (*progress.cost <= bound) return {};
    return fmt::format("the cost {:.6g} is above {:g}", *progress.cost, bound);
  });
}

StoppingRule consecutive(std::int64_t checks, StoppingRule inner) {
  check_at_least_one("consecutive", "checks", checks);
  return StoppingRule(std::make_unique<Consecutive>(checks, std::move(inner)));
}

}  // namespace glissade::optim
