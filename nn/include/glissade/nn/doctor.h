// The training doctor: watches a training, names what is wrong, and says what helps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "glissade/nn/module.h"

namespace glissade::nn {

/// What can be wrong with a training.
enum class Trouble {
  exploding,  ///< gradients grow from layer to layer backwards, or suddenly by orders of magnitude
  vanishing,  ///< the first layers get next to no gradient, and the loss stands still
  oscillating,                   ///< the steps go to and fro, and the loss does not fall
  stalled,                       ///< the loss has stood still from the start
  diverging,                     ///< the loss grows, or is NaN or infinite
  dead_units,                    ///< many units of a ReLU layer are 0 for every example
  unscaled_inputs,               ///< inputs much larger or smaller than 1
  labels_out_of_range,           ///< labels that are no class
  softmax_before_cross_entropy,  ///< the model ends in a softmax, which cross_entropy contains
  rate_too_large,                ///< a rate above 2/L, at which gradient descent diverges
};
/// The name of a trouble as it is written above: "dead_units".
std::string_view to_string(Trouble trouble);

/// What the doctor has found.
struct Finding {
  Trouble trouble{};      ///< its kind
  std::int64_t step = 0;  ///< the number of the observation, from 0; -1 for a check before training
  std::string layer{};    ///< the layer's or the parameter's name, where there is one
  std::string message{};  ///< what was seen, in a sentence with its numbers
  std::string remedy{};   ///< what helps, in a sentence
};

/// Options of `TrainingDoctor`. The thresholds do not depend on the units of the loss.
struct DoctorOptions {
  std::int64_t window = 40;    ///< observations over which trends are judged; at least 10
  double layer_ratio = 100.0;  ///< gradients of the first and the last layers that differ by more
                               ///< than this factor explode or vanish; above 1
  double spike = 100.0;        ///< a gradient this many times the usual one explodes; above 1
  double dead_share = 0.5;     ///< more units than this share dead are a trouble; in (0, 1)
  double reversal =
      -0.3;  ///< successive gradients with a cosine below this go to and fro; in (-1, 0)
  double long_step = 0.05;  ///< and their steps are a trouble if they change the weights by more
                            ///< than this share; positive
  double stall = 0.05;  ///< a loss that has fallen by less than this share stands still; in (0, 1)
  bool rollback = false;            ///< on divergence, go back to the last good state
  std::int64_t max_rollbacks = 10;  ///< then the fault is another than the rate; at least 1
  double rollback_factor = 0.5;     ///< `lr_scale` is multiplied by this then; in (0, 1)
};

/// What `observe` says.
struct Checkup {
  std::vector<Finding> findings;  ///< those of this observation
  /// The parameters and buffers have been set back to the last good state, and `lr_scale` is
  /// smaller. Do not make the step with the present gradients, and begin the optimizer's state
  /// anew: it may contain what diverged.
  bool rolled_back = false;
};

/// Watches the training of one model:
///
///     nn::TrainingDoctor<float> doctor(model);
///     doctor.check_inputs(train.inputs);
///     for (...) {
///       sgd.zero_grad();
///       doctor.begin_step();                       // watches the activations from here on
///       const auto loss = nn::cross_entropy(model(x), y);
///       loss.backward();
///       doctor.observe(loss.item());               // looks at the gradients
///       sgd.step();
///     }
///     fmt::print("{}", doctor.report());
///
/// Each trouble is reported once. With `rollback`, give the optimizer a rate that follows
/// `lr_scale`: `.lr = [&](std::int64_t t) { return doctor.lr_scale() * schedule(t); }`.
///
/// The doctor refers to the model, which must stay where it is. It reads every gradient and
/// activation once per observation.
template <class T>
class TrainingDoctor {
 public:
  /// Throws std::invalid_argument naming the option that is out of range, or if the model has no
  /// parameters.
  explicit TrainingDoctor(Module<T>& model, const DoctorOptions& options = {});
  ~TrainingDoctor();
  TrainingDoctor(const TrainingDoctor&) = delete;
  TrainingDoctor& operator=(const TrainingDoctor&) = delete;

  /// Watches the model's activations on this thread until `observe`. Without it there are no
  /// findings about units.
  void begin_step();
  /// An observation, after the backward pass and before the optimizer's step: the loss, and the
  /// gradients of the model's parameters.
  Checkup observe(double loss);

  ///@{
  /// Checks before the training. What they find is in `findings` too.
  ///
  /// x (N, ...): whether the numbers are of the order of 1. Throws std::invalid_argument, naming
  /// the place, if one is NaN or infinite, or if there are none.
  std::optional<Finding> check_inputs(const Tensor<T>& x);
  /// Whether every label is one of 0 to classes - 1.
  std::optional<Finding> check_labels(const Tensor<std::int32_t>& labels, Index classes);
  /// Whether the model's outputs for x (N, ...) look like logits: not if every row adds up to 1.
  std::optional<Finding> check_logits(const Variable<T>& x);
  /// Whether gradient descent with the rate `lr` and the momentum β can converge for the cost
  /// `loss()`: L is its largest curvature at the present parameters, and lr must be below
  /// 2 (1 + β) / L (Polyak, 1964). Not for adaptive optimizers, which scale their steps.
  std::optional<Finding> check_rate(const std::function<Variable<T>()>& loss, double lr,
                                    double momentum = 0.0);
  ///@}

  /// All findings so far, in their order.
  const std::vector<Finding>& findings() const { return findings_; }
  /// The findings as text, a paragraph each; "healthy: ..." if there are none.
  std::string report() const;
  /// What rates are to be multiplied by: 1, and less after each rollback.
  double lr_scale() const { return lr_scale_; }

 private:
  struct Watch;

  std::optional<Finding> found(Finding finding);
  void look_at_gradients(double loss);
  void keep_if_good(double loss);
  void roll_back();

  Module<T>& model_;
  DoctorOptions options_;
  std::unique_ptr<Watch> watch_;
  std::vector<Finding> findings_;
  double lr_scale_ = 1.0;
};

/// The largest eigenvalue of the Hessian of the scalar `loss()` over the parameters, by power
/// iteration on Hessian-vector products: L, if the cost is convex. To `tolerance` relative, or what
/// `iterations` products reach (twice that if a negative eigenvalue is larger). Throws
/// std::invalid_argument if the loss requires no gradient, or a product is not finite.
template <class T>
double largest_curvature(const std::function<Variable<T>()>& loss,
                         const std::vector<Variable<T>>& parameters, std::int64_t iterations = 200,
                         double tolerance = 1e-6);

}  // namespace glissade::nn
