// The rules by which the training doctor judges.
#include <fmt/format.h>

#include <cstddef>
#include <utility>

#include "doctor_statistics.h"

namespace glissade::nn {
namespace {

// The value below which 1 / `part` of them are; unknown of none.
double quantile(std::vector<double> values, std::size_t part) {
  if (values.empty()) return Observation::kUnknown;
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(values.size() / part);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

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
    return median(seen.first_losses) - seen.recent_loss() < options.stall * seen.scale();
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
  // At the start, or for a whole window: a divergence makes such ratios for some steps too.
  const bool is_time = c.seen.step == 1 || c.seen.is_full();
  const double gradients = c.seen.middle(&Observation::gradient_ratio);
  if (is_time && gradients > c.options.layer_ratio) {
    return finding(Trouble::exploding,
                   "Gradients grow backwards: relative to its weights, the first layer's is {:.3g} "
                   "times the last layer's.",
                   gradients);
  }
  const double signals = c.seen.middle(&Observation::signal_ratio);
  if (is_time && signals > c.options.layer_ratio) {
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

// Losses that have grown, by more than batches differ.
std::optional<Finding> find_divergence(const Case& c) {
  const double loss = c.seen.history.back().loss;
  const double first = c.seen.first_loss();
  if (!std::isfinite(loss)) {
    return finding(Trouble::diverging, "The loss is {}; {} steps before it was {:.4g}.", loss,
                   c.seen.history.size() - 1, c.seen.history.front().loss);
  }
  // Far above the first three already, and not by one batch.
  if (c.seen.step >= 6 && c.seen.step <= 10 && c.seen.first_losses.size() >= 6) {
    double size = 0.0;
    for (std::size_t i = 0; i < 3; ++i) size = std::max(size, std::abs(c.seen.first_losses[i]));
    const double last = quantile(c.seen.last(&Observation::loss, 4), 4);
    if (last > 30.0 * size) {
      return finding(Trouble::diverging, "The loss has grown from {:.4g} to {:.4g} in {} steps.",
                     c.seen.first_losses.front(), last, c.seen.step);
    }
  }
  if (c.seen.history.size() < 10) return std::nullopt;
  const double recent = c.seen.least_recent_loss();
  const double enough = 0.5 * c.seen.scale();
  if (!(recent - first > enough) || !(recent - c.seen.best_loss > enough)) return std::nullopt;
  return finding(Trouble::diverging, "The loss has grown from {:.4g} to {:.4g} in {} steps.",
                 c.seen.first_losses.front(), recent, c.seen.step);
}

std::optional<Finding> find_dead_units(const Case& c) {
  for (const Units& units : c.seen.units) {
    if (units.last_called != c.seen.step - 1) continue;  // not part of this step
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
  // A loss that stands still because it has fallen is no trouble.
  const double recent = c.seen.recent_loss();
  if (c.gains() || c.seen.first_loss() - recent > 0.5 * c.seen.scale()) return std::nullopt;
  const double least = 1.0 / c.options.layer_ratio;
  if (const double gradients = c.seen.middle(&Observation::gradient_ratio); gradients < least) {
    return finding(
        Trouble::vanishing,
        "The loss has stood still at {:.4g} for {} steps, and relative to its weights the "
        "first layer's gradient is {:.2g} times the last layer's.",
        recent, c.seen.window, gradients);
  }
  if (const double signals = c.seen.middle(&Observation::signal_ratio); signals < least) {
    return finding(Trouble::vanishing,
                   "The loss has stood still at {:.4g} for {} steps, and the last activations are "
                   "{:.2g} times the first ones, which gradients mirror.",
                   recent, c.seen.window, signals);
  }
  if (const double saturated = c.seen.middle(&Observation::saturated); saturated > 0.9) {
    return finding(
        Trouble::vanishing,
        "The loss has stood still at {:.4g} for {} steps, and {:.0f} % of the units of a "
        "layer are saturated, where the activation has no slope.",
        recent, c.seen.window, 100.0 * saturated);
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
  // At a minimum gradients are small, or the noise of batches, which does not agree with itself.
  if (!(c.seen.middle(&Observation::gradient_norm) > 0.1 * c.seen.first_norm) ||
      !(c.seen.agreement() > 0.4)) {
    return std::nullopt;
  }
  return finding(Trouble::stalled,
                 "The loss was {:.4g} at first and is {:.4g} after {} steps, although successive "
                 "gradients agree; a step changes the weights by {:.1g} of their size.",
                 c.seen.first_losses.front(), c.seen.recent_loss(), c.seen.step,
                 c.seen.middle(&Observation::update_ratio));
}

}  // namespace

double median(std::vector<double> values) { return quantile(std::move(values), 2); }

void DoctorStatistics::add(const Observation& observation) {
  history.push_back(observation);
  if (history.size() > window) history.pop_front();
  if (first_losses.size() < 10 && std::isfinite(observation.loss)) {
    first_losses.push_back(observation.loss);
  }
  if (step == 0) first_norm = observation.gradient_norm;
  if (const double recent = recent_loss(); std::isfinite(recent)) {
    best_loss = std::min(best_loss, recent);
  }
  if (!std::isnan(observation.cosine)) {
    cosine_sum += observation.cosine;
    ++cosines;
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
  if (first_losses.empty()) return Observation::kUnknown;
  return *std::max_element(first_losses.begin(), first_losses.end());
}

double DoctorStatistics::least_recent_loss() const {
  return quantile(last(&Observation::loss, 10), 4);
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
    if (present.is_known(rule.trouble) || (rule.needs_window && !seen.is_full())) continue;
    if (auto result = rule.find(present)) return result;
  }
  return std::nullopt;
}

}  // namespace glissade::nn
