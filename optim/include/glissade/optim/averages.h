#pragma once

// Averages of the weights over the steps of training: they often do better than the last weights.

#include <cstdint>
#include <string>
#include <vector>

#include "glissade/autograd/variable.h"
#include "glissade/optim/state.h"

namespace glissade::optim {

/// An average of each parameter, kept beside it. `update` takes the present values in; `swap` puts
/// the averages into the model, and the next `swap` takes them out again:
///
///     optim::EMA ema(model.parameters(), {.decay = 0.99});
///     ... after each adam.step(): ema.update();
///     {
///       const optim::UseAverages use(ema);  // the model has the averages as its weights
///       validate(model);
///     }
///
/// Buffers of a model, such as running statistics, are not averaged. An update allocates no memory.
/// The state, for `save` and `load`, is the averages and their count.
template <class T>
class WeightAverage : public Stateful<T> {
 public:
  // Of two copies, neither would know which values the model has.
  WeightAverage(const WeightAverage&) = delete;
  WeightAverage& operator=(const WeightAverage&) = delete;

  /// Takes in the present values of the parameters; the first time, the averages become these.
  /// Throws std::invalid_argument if a parameter's shape has changed, or while the averages are in
  /// the model.
  void update();
  /// The number of updates.
  std::int64_t count() const { return count_; }
  /// The averages, in the order of the parameters; before the first update, the values that the
  /// parameters had at the beginning. While `in_model()`, these are what training has left.
  const std::vector<Tensor<T>>& averages() const { return averages_; }

  /// Exchanges the averages with the values of the parameters. Throws std::invalid_argument if a
  /// parameter's shape has changed.
  void swap();
  /// Whether the averages are in the model, after an odd number of swaps.
  bool in_model() const { return in_model_; }
  /// Copies the averages into the model, to stay. Throws as `swap` does, and while the averages
  /// are in the model.
  void copy_to_parameters();

  std::string kind() const override { return name_; }
  void members(StateMembers<T>& members) override;

 protected:
  /// `name` must live as long as this. Throws std::invalid_argument if there are no parameters, or
  /// one is undefined.
  WeightAverage(const char* name, std::vector<Variable<T>> parameters);

 private:
  // The share of the present values in the average at update number t, from 1; the first is 1.
  virtual double share(std::int64_t t) const = 0;
  void check_shapes() const;
  void check_not_in_model(const char* what) const;

  const char* name_;
  std::vector<Variable<T>> parameters_;
  std::vector<Tensor<T>> averages_;
  std::int64_t count_ = 0;
  bool in_model_ = false;
};

/// How an `EMA` begins.
enum class EMAStart {
  first_value,      ///< the first values count as all before them
  bias_correction,  ///< all values count by their age alone: the sum over its weights 1 - decay^t
  warmup,           ///< the decay at update t is at most t / (9 + t), rising to `decay`
};

/// Options of `EMA`.
struct EMAOptions {
  /// The factor of the average, in [0, 1): about the last 1 / (1 - decay) steps count.
  double decay = 0.999;
  /// What the first updates do.
  EMAStart start = EMAStart::first_value;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The exponential moving average: a <- decay a + (1 - decay) w. As PyTorch's AveragedModel with
/// get_ema_multi_avg_fn(decay).
template <class T>
class EMA final : public WeightAverage<T> {
 public:
  /// Throws std::invalid_argument as WeightAverage does, or if an option is invalid.
  explicit EMA(std::vector<Variable<T>> parameters, const EMAOptions& options = {});

 private:
  double share(std::int64_t t) const override;

  EMAOptions options_;
};

/// The mean of all values taken in: stochastic weight averaging (Izmailov et al., 2018), with one
/// `update` for each cycle or epoch of the last part of the training, at a rate as `swa` (in
/// schedule.h) has it. As PyTorch's AveragedModel.
template <class T>
class SWA final : public WeightAverage<T> {
 public:
  /// Throws std::invalid_argument as WeightAverage does.
  explicit SWA(std::vector<Variable<T>> parameters);

 private:
  double share(std::int64_t t) const override;
};

/// While it lives, the averages are in the model.
template <class T>
class UseAverages {
 public:
  /// Throws std::invalid_argument as `swap` does, or if they are in the model already.
  explicit UseAverages(WeightAverage<T>& average) : average_(average) {
    check(!average.in_model(), "{}: the averages are in the model already", average.kind());
    average_.swap();
  }
  ~UseAverages() { average_.swap(); }
  UseAverages(const UseAverages&) = delete;
  UseAverages& operator=(const UseAverages&) = delete;

 private:
  WeightAverage<T>& average_;
};

}  // namespace glissade::optim
