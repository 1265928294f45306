// The rules by which the training doctor judges.
#include <fmt/format.h>

#include "doctor_statistics.h"

namespace glissade::nn {
namespace {

// The rules see the same things.
struct Case {
  const DoctorStatistics& seen;
  const DoctorOptions& options;
  const std::vector<Trouble>& known;

  bool is_known(Trouble trouble) const {
    return std::find(known.begin(), known.end(), trouble) != known.end();
  }
  // Whether the loss is about what it was at first.
  bool stands_still() const {
    return seen.first_loss() - seen.recent_loss() < options.stall * seen.scale();
  }
  // Whether the second half of the window is better than the first.
  bool gains() const {
    const std::vector<double> losses = seen.last(&Observation::loss, seen.window);
    const auto halfway = losses.begin() + static_cast<std::ptrdiff_t>(losses.size() / 2);
    const double before = median({losses.begin(), halfway});
    return before - median({halfway, losses.end()}) > options.stall * std::abs(before);
  }
};

template <class... Args>
Finding finding(Trouble trouble, fmt::format_string<Args...> message, Args&&... args) {
  Finding result;
  result.trouble = trouble;
  result.message = fmt::format(message, std::forward<Args>(args)...);
  return result;
}

// Gradients (or the signals that they mirror) that grow from layer to layer, or all at once.
std::optional<Finding> find_explosion(const Case& c) {
  const Observation& now = c.seen.history.back();
  if (!std::isfinite(now.loss)) return std::nullopt;  // too late to tell
  if (!std::isfinite(now.gradient_norm)) {
    return finding(Trouble::exploding, "The loss is {:.4g}, but the gradient is not finite.",
                   now.loss);
  }
  const double gradients = median(c.seen.last(&Observation::gradient_ratio, 5));
  if (gradients > c.options.layer_ratio) {
    return finding(Trouble::exploding,
                   "Gradients grow backwards: relative to its weights, the first layer's is {:.3g} "
                   "times the last layer's.",
                   gradients);
  }
  const double signals = median(c.seen.last(&Observation::signal_ratio, 5));
  if (signals > c.options.layer_ratio) {
    return finding(Trouble::exploding,
                   "Signals grow from layer to layer: the last activations are {:.3g} times the "
                   "first ones, and gradients grow backwards by as much.",
                   signals);
  }
  const double usual = c.seen.middle(&Observation::gradient_norm);
  if (c.seen.step > 10 && now.gradient_norm > c.options.spike * usual &&
      now.gradient_norm > c.options.spike * c.seen.first_norm) {
    return finding(Trouble::exploding, "The gradient norm is {:.3g}, {:.3g} times the usual one.",
                   now.gradient_norm, now.gradient_norm / usual);
  }
  return std::nullopt;
}

std::optional<Finding> find_divergence(const Case& c) {
  const double loss = c.seen.history.back().loss;
  const double first = c.seen.first_loss();
  const double recent = c.seen.recent_loss();
  if (!std::isfinite(loss)) {
    return finding(Trouble::diverging, "The loss is {}; {} steps before it was {:.4g}.", loss,
                   c.seen.history.size() - 1, c.seen.history.front().loss);
  }
  const double enough = 0.5 * c.seen.scale();
  const bool has_leapt = c.seen.step > 2 && loss - first > 1e3 * c.seen.scale();
  const bool has_grown =
      c.seen.step >= 10 && recent - first > enough && recent - c.seen.best_loss > enough;
  if (!has_leapt && !has_grown) return std::nullopt;
  return finding(Trouble::diverging, "The loss has grown from {:.4g} to {:.4g} in {} steps.", first,
                 has_leapt ? loss : recent, c.seen.step);
}

std::optional<Finding> find_dead_units(const Case& c) {
  for (const Units& units : c.seen.units) {
    const auto dead = std::count_if(
        units.last_active.begin(), units.last_active.end(), [&](std::int64_t last_active) {
          return c.seen.step - last_active > static_cast<std::int64_t>(c.seen.window);
        });
    const auto all = static_cast<double>(units.last_active.size());
    if (static_cast<double>(dead) <= c.options.dead_share * all) continue;
    Finding result =
        finding(Trouble::dead_units,
                "{} of {} units of the ReLU layer '{}' have been 0 for every example of "
                "{} steps.",
                dead, units.last_active.size(), units.name, c.seen.window);
    result.layer = units.name;
    return result;
  }
  return std::nullopt;
}

std::optional<Finding> find_vanishing(const Case& c) {
  if (c.gains()) return std::nullopt;
  const double recent = c.seen.recent_loss();
  const double least = 1.0 / c.options.layer_ratio;
  if (const double gradients = c.seen.middle(&Observation::gradient_ratio); gradients < least) {
    return finding(
        Trouble::vanishing,
        "The loss has stood still at {:.4g} for {} steps, and relative to its weights the "
        "first layer's gradient is {:.2g} times the last layer's.",
        recent, c.seen.step, gradients);
  }
  if (const double signals = c.seen.middle(&Observation::signal_ratio); signals < least) {
    return finding(Trouble::vanishing,
                   "The loss has stood still at {:.4g} for {} steps, and the last activations are "
                   "{:.2g} times the first ones, which gradients mirror.",
                   recent, c.seen.step, signals);
  }
  if (const double saturated = c.seen.middle(&Observation::saturated); saturated > 0.9) {
    return finding(
        Trouble::vanishing,
        "The loss has stood still at {:.4g} for {} steps, and {:.0f} % of the units of a "
        "layer are saturated, where the activation has no slope.",
        recent, c.seen.step, 100.0 * saturated);
  }
  return std::nullopt;
}

// Long steps to and fro that gain nothing. The noise of mini-batches makes the loss jump too, but
// successive gradients are then independent. Healthy runs also come to where they go to and fro, by
// small steps across a valley that they follow.
std::optional<Finding> find_oscillation(const Case& c) {
  const double to_and_fro = c.seen.middle(&Observation::cosine);
  const double step = c.seen.middle(&Observation::update_ratio);
  if (!(to_and_fro < c.options.reversal) || !(step > c.options.long_step) || c.gains()) {
    return std::nullopt;
  }
  return finding(
      Trouble::oscillating,
      "Successive gradients point against each other (their cosine is {:.2f}), each step "
      "changes the weights by {:.2g} of their size, and the loss stays around {:.4g}.",
      to_and_fro, step, c.seen.recent_loss());
}

std::optional<Finding> find_stall(const Case& c) {
  if (c.seen.step < 2 * static_cast<std::int64_t>(c.seen.window) || !c.stands_still()) {
    return std::nullopt;
  }
  for (const Trouble cause : {Trouble::vanishing, Trouble::dead_units, Trouble::oscillating,
                              Trouble::diverging, Trouble::exploding}) {
    if (c.is_known(cause)) return std::nullopt;
  }
  // A small gradient means a minimum.
  if (!(c.seen.middle(&Observation::gradient_norm) > 0.1 * c.seen.first_norm)) {
    return std::nullopt;
  }
  return finding(Trouble::stalled,
                 "The loss was {:.4g} at first and is {:.4g} after {} steps; a step changes the "
                 "weights by {:.1g} of their size.",
                 c.seen.first_loss(), c.seen.recent_loss(), c.seen.step,
                 c.seen.middle(&Observation::update_ratio));
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return Observation::kUnknown;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void DoctorStatistics::add(const Observation& observation) {
  history.push_back(observation);
  if (history.size() > window) history.pop_front();
  if (first_losses.size() < 5) first_losses.push_back(observation.loss);
  if (step == 0) first_norm = observation.gradient_norm;
  if (const double recent = recent_loss(); std::isfinite(recent)) {
    best_loss = std::min(best_loss, recent);
  }
  ++step;
}

std::vector<double> DoctorStatistics::last(double Observation::*number, std::size_t count) const {
  std::vector<double> values;
  for (std::size_t i = history.size() - std::min(history.size(), count); i < history.size(); ++i) {
    if (!std::isnan(history[i].*number)) values.push_back(history[i].*number);
  }
  return values;
}

double DoctorStatistics::first_loss() const {
  return std::max(first_losses.front(), median(first_losses));
}

double DoctorStatistics::scale() const {
  const double first = first_loss();
  return std::max({std::abs(first), first - best_loss, std::numeric_limits<double>::min()});
}

std::optional<Finding> diagnose(const DoctorStatistics& seen, const DoctorOptions& options,
                                const std::vector<Trouble>& known) {
  struct Rule {
    Trouble trouble;
    bool needs_window;
    std::optional<Finding> (*find)(const Case&);
  };
  static constexpr Rule kRules[] = {
      {Trouble::exploding, false, find_explosion},    {Trouble::diverging, false, find_divergence},
      {Trouble::vanishing, true, find_vanishing},     {Trouble::dead_units, true, find_dead_units},
      {Trouble::oscillating, true, find_oscillation}, {Trouble::stalled, true, find_stall},
  };
  const Case present{seen, options, known};
  for (const Rule& rule : kRules) {
    // With rollback, a divergence is told of each time.
    const bool is_told =
        present.is_known(rule.trouble) && !(options.rollback && rule.trouble == Trouble::diverging);
    if (is_told || (rule.needs_window && !seen.is_full())) continue;
    if (auto result = rule.find(present)) return result;
  }
  return std::nullopt;
}

}  // namespace glissade::nn
