// The training doctor: observations, and what they mean.
#include "glissade/nn/doctor.h"

#include <array>
#include <utility>

#include "doctor_watch.h"
#include "glissade/core/check.h"
#include "walk.h"

namespace glissade::nn {
namespace {

// The places of a parameter at which gradients and weights are compared from step to step: all, or
// some that are spread over rows and columns alike (Knuth's multiplicative hashing).
constexpr Index kSamples = 512;
Index sample_count(Index size) { return std::min(size, kSamples); }
Index sample_place(Index i, Index size) {
  return size <= kSamples ? i
                          : static_cast<Index>((static_cast<std::uint64_t>(i) * 2654435761U) %
                                               static_cast<std::uint64_t>(size));
}

template <class T>
double norm(const Tensor<T>& x) {
  double squares = 0.0;
  for (const T value : x) squares += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(squares);
}

template <class T>
double cosine(const std::vector<T>& a, const std::vector<T>& b) {
  double ab = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    bb += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return ab / std::sqrt(aa * bb);  // NaN if one is zero
}

// Unknown if one is zero: that is death, and no trend from layer to layer.
double ratio(double a, double b) {
  const double result = a / b;
  return std::isfinite(result) && result > 0.0 ? result : Observation::kUnknown;
}

const char* remedy(Trouble trouble) {
  switch (trouble) {
    case Trouble::exploding:
      return "Clip the gradient norm (optim::clip_grad_norm), lower the rate, or initialise for "
             "the activations (nn::init::for_activation).";
    case Trouble::vanishing:
      return "Use ReLU rather than sigmoid, He or Xavier initialisation, batch normalisation, or "
             "residual connections.";
    case Trouble::oscillating:
      return "Let the rate decay, or lower it; use momentum.";
    case Trouble::stalled:
      return "Raise the rate (optim::range_test finds one), or use momentum or Adam.";
    case Trouble::diverging:
      return "Lower the rate, warm it up, or clip the gradient norm.";
    case Trouble::dead_units:
      return "Lower the rate, use a leaky ReLU, or check the biases' start.";
    case Trouble::unscaled_inputs:
      return "Bring the inputs to mean 0 and deviation 1 (nn::standardize).";
    case Trouble::labels_out_of_range:
      return "Number the classes from 0, and give the model as many outputs as there are.";
    case Trouble::softmax_before_cross_entropy:
      return "Remove the softmax: cross_entropy takes logits.";
    case Trouble::rate_too_large:
      return "Lower the rate below 2/L.";
  }
  return "";
}

void check_options(const DoctorOptions& options) {
  static constexpr const char* kName = "TrainingDoctor";
  const auto check_above_one = [](const char* name, double value) {
    check(std::isfinite(value) && value > 1.0, "{}: {} must be a finite number > 1, got {}", kName,
          name, value);
  };
  const auto check_share = [](const char* name, double value) {
    check(value > 0.0 && value < 1.0, "{}: {} must be in (0, 1), got {}", kName, name, value);
  };
  check(options.window >= 10, "{}: window must be at least 10, got {}", kName, options.window);
  check_above_one("layer_ratio", options.layer_ratio);
  check_above_one("spike", options.spike);
  check_share("dead_share", options.dead_share);
  check(options.reversal > -1.0 && options.reversal < 0.0,
        "{}: reversal must be in (-1, 0), got {}", kName, options.reversal);
  check(std::isfinite(options.long_step) && options.long_step > 0.0,
        "{}: long_step must be a finite number > 0, got {}", kName, options.long_step);
  check_share("stall", options.stall);
  check_share("rollback_factor", options.rollback_factor);
  check(options.max_rollbacks >= 1, "{}: max_rollbacks must be at least 1, got {}", kName,
        options.max_rollbacks);
}

}  // namespace

std::string_view to_string(Trouble trouble) {
  static constexpr std::array<std::string_view, 10> kNames{
      "exploding",       "vanishing",           "oscillating",
      "stalled",         "diverging",           "dead_units",
      "unscaled_inputs", "labels_out_of_range", "softmax_before_cross_entropy",
      "rate_too_large"};
  return kNames[static_cast<std::size_t>(trouble)];
}

template <class T>
TrainingDoctor<T>::TrainingDoctor(Module<T>& model, const DoctorOptions& options)
    : model_(model), options_(options) {
  check_options(options);
  check(model.parameter_count() > 0, "TrainingDoctor: the model, {}, has no parameters",
        model.description());
  watch_ = std::make_unique<Watch>(model, options.window);
}

template <class T>
TrainingDoctor<T>::~TrainingDoctor() = default;

template <class T>
void TrainingDoctor<T>::begin_step() {
  watch_->observer.reset();
  watch_->calls.clear();
  watch_->called.clear();
  watch_->observer.emplace(*watch_);
}

template <class T>
Checkup TrainingDoctor<T>::observe(double loss) {
  watch_->observer.reset();
  look_at_gradients(loss);
  Checkup checkup;
  // A divergence that can be rolled back is told of each time.
  const bool can_roll_back =
      options_.rollback && watch_->good_step >= 0 && watch_->rollbacks < options_.max_rollbacks;
  std::vector<Trouble> known;
  for (const Finding& finding : findings_) {
    if (finding.step < 0 || (can_roll_back && finding.trouble == Trouble::diverging)) continue;
    known.push_back(finding.trouble);
  }
  if (auto finding = diagnose(watch_->seen, options_, known)) {
    const bool is_divergence = finding->trouble == Trouble::diverging;
    finding->step = watch_->seen.step - 1;
    if (is_divergence && can_roll_back && watch_->rollbacks + 1 == options_.max_rollbacks) {
      finding->message +=
          fmt::format(" This is rollback {}, the last one: look at the data of these steps.",
                      options_.max_rollbacks);
    }
    checkup.findings.push_back(*found(std::move(*finding)));
    if (is_divergence && can_roll_back) {
      roll_back();
      checkup.rolled_back = true;
    }
  } else if (options_.rollback) {
    keep_if_good(loss);
  }
  return checkup;
}

template <class T>
std::optional<Finding> TrainingDoctor<T>::found(Finding finding) {
  finding.remedy = remedy(finding.trouble);
  findings_.push_back(finding);
  return finding;
}

// Makes an observation of the gradients and the activations.
template <class T>
void TrainingDoctor<T>::look_at_gradients(double loss) {
  Watch& watch = *watch_;
  Observation now;
  now.loss = loss;
  std::vector<T> gradient;
  std::vector<double> relative;  // ‖g‖/‖w‖ of each weight
  std::vector<double> updates;
  std::size_t number = 0;
  const std::vector<Variable<T>> parameters = model_.parameters();
  const bool has_matrices =
      std::any_of(parameters.begin(), parameters.end(),
                  [](const Variable<T>& parameter) { return parameter.rank() >= 2; });
  for (const Variable<T>& parameter : parameters) {
    const Tensor<T>& w = parameter.value();
    const bool has_grad = parameter.has_grad();
    const Variable<T> g = has_grad ? parameter.grad() : Variable<T>();
    std::vector<T> sample;
    for (Index i = 0; i < sample_count(w.size()); ++i) {
      const Index place = sample_place(i, w.size());
      sample.push_back(w[place]);
      if (has_grad) gradient.push_back(g.value()[place]);
    }
    if (number == watch.last_weights.size()) watch.last_weights.emplace_back();
    std::vector<T>& before = watch.last_weights[number++];
    if (w.rank() >= 2 || !has_matrices) {
      const double size = norm(w);
      if (has_grad && size > 0.0) relative.push_back(norm(g.value()) / size);
      if (before.size() == sample.size()) {
        double change = 0.0;
        double length = 0.0;
        for (std::size_t i = 0; i < sample.size(); ++i) {
          const double d = static_cast<double>(sample[i]) - static_cast<double>(before[i]);
          change += d * d;
          length += static_cast<double>(sample[i]) * static_cast<double>(sample[i]);
        }
        if (length > 0.0) updates.push_back(std::sqrt(change / length));
      }
    }
    before = std::move(sample);
    if (has_grad) now.gradient_norm = std::hypot(now.gradient_norm, norm(g.value()));
  }
  if (gradient.size() == watch.last_gradient.size()) {
    now.cosine = cosine(gradient, watch.last_gradient);
  }
  watch.last_gradient = std::move(gradient);
  if (relative.size() >= 3) now.gradient_ratio = ratio(relative.front(), relative.back());
  now.update_ratio = median(updates);
  std::vector<const Units*> layers;
  for (const std::ptrdiff_t i : watch.called) {
    layers.push_back(&watch.seen.units[static_cast<std::size_t>(i)]);
    now.saturated = std::max(now.saturated, layers.back()->saturated);
  }
  if (layers.size() >= 3) now.signal_ratio = ratio(layers.back()->size, layers.front()->size);
  watch.called.clear();
  watch.seen.add(now);
}

// Keeps the state if the loss of the last steps is the best so far: every tenth step at most.
template <class T>
void TrainingDoctor<T>::keep_if_good(double loss) {
  Watch& watch = *watch_;
  const double recent = watch.seen.recent_loss();
  const bool is_due = watch.good_step < 0 || watch.seen.step - watch.good_step >= 10;
  if (!is_due || !(loss < watch.good_loss) || !(recent <= watch.good_loss)) return;
  watch.good_loss = recent;
  watch.good_step = watch.seen.step;
  watch.good_tensors.clear();
  watch.good_counters.clear();
  const detail::State<T> state = detail::state_of(model_);
  for (const auto& named : state.tensors) watch.good_tensors.push_back(*named.tensor);
  for (const auto& named : state.counters) watch.good_counters.push_back(*named.tensor);
}

template <class T>
void TrainingDoctor<T>::roll_back() {
  Watch& watch = *watch_;
  const detail::State<T> state = detail::state_of(model_);
  for (std::size_t i = 0; i < state.tensors.size(); ++i) {
    *state.tensors[i].tensor = watch.good_tensors[i];
  }
  for (std::size_t i = 0; i < state.counters.size(); ++i) {
    *state.counters[i].tensor = watch.good_counters[i];
  }
  lr_scale_ *= options_.rollback_factor;
  ++watch.rollbacks;
  watch.seen.restart();
  watch.last_gradient.clear();
  watch.last_weights.clear();
}

template <class T>
std::string TrainingDoctor<T>::report() const {
  if (findings_.empty()) {
    return fmt::format("healthy: nothing found in {} steps\n", watch_->seen.step);
  }
  std::string text;
  for (const Finding& finding : findings_) {
    text += fmt::format("{}{}: {} {}\n", to_string(finding.trouble),
                        finding.step < 0 ? std::string() : fmt::format(" (step {})", finding.step),
                        finding.message, finding.remedy);
  }
  return text;
}

template class TrainingDoctor<float>;
template class TrainingDoctor<double>;

}  // namespace glissade::nn
