// What the training doctor checks before a training.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "glissade/autograd/functional.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/core/check.h"
#include "glissade/nn/doctor.h"

namespace glissade::nn {
namespace {

// The mean and the standard deviation of each column of x (N, columns).
struct Column {
  double mean = 0.0;
  double std = 0.0;
};

template <class T>
std::vector<Column> columns_of(const Tensor<T>& x) {
  const Index rows = x.dim(0);
  const Index count = x.size() / rows;
  std::vector<Column> columns(static_cast<std::size_t>(count));
  for (Index i = 0; i < x.size(); ++i) {
    columns[static_cast<std::size_t>(i % count)].mean += static_cast<double>(x[i]);
  }
  for (Column& column : columns) column.mean /= static_cast<double>(rows);
  for (Index i = 0; i < x.size(); ++i) {
    Column& column = columns[static_cast<std::size_t>(i % count)];
    column.std += std::pow(static_cast<double>(x[i]) - column.mean, 2);
  }
  for (Column& column : columns) column.std = std::sqrt(column.std / static_cast<double>(rows));
  return columns;
}

// The outputs in evaluation mode; every module has its own mode again afterwards.
template <class T>
Tensor<T> outputs_for_use(Module<T>& model, const Variable<T>& x) {
  struct Modes {
    std::vector<std::pair<Module<T>*, bool>> before;
    explicit Modes(Module<T>& outermost) {
      for (const NamedModule<T>& named : outermost.named_modules()) {
        before.emplace_back(named.module, named.module->is_training());
      }
      outermost.eval();
    }
    ~Modes() {  // outer ones first: `train` reaches the inner ones too
      for (const auto& [module, training] : before) module->train(training);
    }
    Modes(const Modes&) = delete;
    Modes& operator=(const Modes&) = delete;
  };
  const Modes modes(model);
  const NoGradGuard no_grad;
  return model(x).value();
}

Finding before_training(Trouble trouble, std::string message) {
  Finding finding;
  finding.trouble = trouble;
  finding.step = -1;
  finding.message = std::move(message);
  return finding;
}

}  // namespace

template <class T>
std::optional<Finding> TrainingDoctor<T>::check_inputs(const Tensor<T>& x) {
  check(x.rank() >= 1 && x.size() > 0, "TrainingDoctor: there are no inputs, the shape is {}",
        x.shape());
  const Index count = x.size() / x.dim(0);
  for (Index i = 0; i < x.size(); ++i) {
    check(std::isfinite(x[i]), "TrainingDoctor: row {}, column {} of the inputs is {}", i / count,
          i % count, x[i]);
  }
  std::size_t worst = 0;
  const std::vector<Column> columns = columns_of(x);
  const auto size = [&](std::size_t i) { return std::hypot(columns[i].mean, columns[i].std); };
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (size(i) > size(worst)) worst = i;
  }
  if (size(worst) > 10.0) {
    return found(before_training(
        Trouble::unscaled_inputs,
        fmt::format("Column {} of the inputs has the mean {:.3g} and the deviation {:.3g}.", worst,
                    columns[worst].mean, columns[worst].std)));
  }
  // Of the numbers that are not 0: most of a sparse row are.
  double squares = 0.0;
  Index nonzero = 0;
  for (const T value : x) {
    squares += static_cast<double>(value) * static_cast<double>(value);
    nonzero += value != T{0} ? 1 : 0;
  }
  const double all = nonzero > 0 ? std::sqrt(squares / static_cast<double>(nonzero)) : 0.0;
  if (all < 0.05) {
    return found(before_training(
        Trouble::unscaled_inputs,
        fmt::format("The inputs are small: their root mean square is {:.3g}.", all)));
  }
  return std::nullopt;
}

template <class T>
std::optional<Finding> TrainingDoctor<T>::check_labels(const Tensor<std::int32_t>& labels,
                                                       Index classes) {
  check(classes >= 1, "TrainingDoctor: classes must be at least 1, got {}", classes);
  const auto* const bad = std::find_if(labels.begin(), labels.end(), [&](std::int32_t label) {
    return label < 0 || label >= classes;
  });
  if (bad == labels.end()) return std::nullopt;
  return found(
      before_training(Trouble::labels_out_of_range,
                      fmt::format("Label {} is {}, but with {} classes labels are 0 to {}.",
                                  bad - labels.begin(), *bad, classes, classes - 1)));
}

template <class T>
std::optional<Finding> TrainingDoctor<T>::check_logits(const Variable<T>& x) {
  const Tensor<T> y = outputs_for_use(model_, x);
  if (y.rank() == 0 || y.size() == 0 || y.dim(-1) < 2) return std::nullopt;
  const Index classes = y.dim(-1);
  for (Index row = 0; row < y.size() / classes; ++row) {
    double sum = 0.0;
    for (Index j = 0; j < classes; ++j) {
      const auto value = static_cast<double>(y[row * classes + j]);
      if (!(value >= 0.0)) return std::nullopt;
      sum += value;
    }
    if (std::abs(sum - 1.0) > 1e-4) return std::nullopt;
  }
  return found(before_training(
      Trouble::softmax_before_cross_entropy,
      fmt::format("The model's outputs are positive and every row of the {} adds up to 1.",
                  y.size() / classes)));
}

template <class T>
std::optional<Finding> TrainingDoctor<T>::check_rate(const std::function<Variable<T>()>& loss,
                                                     double lr, double momentum) {
  check(std::isfinite(lr) && lr >= 0.0, "TrainingDoctor: lr must be a finite number >= 0, got {}",
        lr);
  check(momentum >= 0.0 && momentum < 1.0, "TrainingDoctor: momentum must be in [0, 1), got {}",
        momentum);
  std::vector<Variable<T>> trained;
  for (const Variable<T>& parameter : model_.parameters()) {
    if (parameter.requires_grad()) trained.push_back(parameter);
  }
  const double curvature = largest_curvature(loss, trained);
  const double limit = 2.0 * (1.0 + momentum) / curvature;
  if (!(curvature > 0.0) || lr <= limit) return std::nullopt;
  return found(before_training(
      Trouble::rate_too_large,
      fmt::format("The rate {:.4g} is above {:.4g} = 2{}/L, with the largest curvature L = {:.4g}.",
                  lr, limit, momentum > 0.0 ? " (1 + momentum)" : "", curvature)));
}

template <class T>
double largest_curvature(const std::function<Variable<T>()>& loss,
                         const std::vector<Variable<T>>& parameters, std::int64_t iterations,
                         double tolerance) {
  check(iterations >= 1, "largest_curvature: iterations must be at least 1, got {}", iterations);
  const Variable<T> cost = loss();
  check(cost.requires_grad(), "largest_curvature: the loss requires no gradient");
  return largest_eigenvalue(cost, parameters, {.iterations = iterations, .tolerance = tolerance});
}

#define GLISSADE_INSTANTIATE(T)                                                                \
  template std::optional<Finding> TrainingDoctor<T>::check_inputs(const Tensor<T>&);           \
  template std::optional<Finding> TrainingDoctor<T>::check_labels(const Tensor<std::int32_t>&, \
                                                                  Index);                      \
  template std::optional<Finding> TrainingDoctor<T>::check_logits(const Variable<T>&);         \
  template std::optional<Finding> TrainingDoctor<T>::check_rate(                               \
      const std::function<Variable<T>()>&, double, double);                                    \
  template double largest_curvature(const std::function<Variable<T>()>&,                       \
                                    const std::vector<Variable<T>>&, std::int64_t, double);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade::nn
