// What the training doctor sees of a model in training.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "doctor_statistics.h"
#include "glissade/nn/activations.h"
#include "glissade/nn/doctor.h"

namespace glissade::nn {

template <class T>
struct TrainingDoctor<T>::Watch {
  // Tells the watch of the calls, as long as it lives.
  class Observer final : public detail::CallObserver<T> {
   public:
    explicit Observer(Watch& watch) : watch_(watch) {}
    void returned(const Module<T>& module, const Variable<T>& output) override {
      watch_.returned(module, output);
    }

   private:
    Watch& watch_;
  };

  Watch(Module<T>& model, std::int64_t window) : seen(window) {
    for (const NamedModule<T>& named : model.named_modules()) names[named.module] = named.name;
  }

  // Looks at the output of an activation layer.
  void returned(const Module<T>& module, const Variable<T>& output) {
    const auto* const layer = dynamic_cast<const ActivationLayer<T>*>(&module);
    if (layer == nullptr || output.size() == 0 || output.rank() == 0) return;
    const auto name = names.find(&module);
    if (name == names.end()) return;  // another model's
    Units& own = units_of(name->second, &module);
    called.push_back(&own - seen.units.data());
    const Tensor<T>& y = output.value();
    double squares = 0.0;
    for (const T value : y) squares += static_cast<double>(value) * static_cast<double>(value);
    own.size = std::sqrt(squares / static_cast<double>(y.size()));
    const Index count = y.dim(-1);
    switch (layer->function.kind) {
      case Activation::Kind::relu:
        own.last_active.resize(static_cast<std::size_t>(count), seen.step - 1);
        for (Index i = 0; i < y.size(); ++i) {
          if (y[i] > T{0}) own.last_active[static_cast<std::size_t>(i % count)] = seen.step;
        }
        break;
      case Activation::Kind::sigmoid:
        own.saturated = share(y, [](double v) { return v < 0.01 || v > 0.99; });
        break;
      case Activation::Kind::tanh:
        own.saturated = share(y, [](double v) { return std::abs(v) > 0.98; });
        break;
      default:
        break;
    }
  }

  // Those of this call: a module may be called several times in one step.
  Units& units_of(const std::string& name, const void* module) {
    const int call = calls[module]++;
    const auto found = std::find_if(seen.units.begin(), seen.units.end(), [&](const Units& units) {
      return units.module == module && units.call == call;
    });
    if (found != seen.units.end()) {
      found->last_called = seen.step;
      return *found;
    }
    Units added;
    added.name = name;
    added.module = module;
    added.call = call;
    added.last_called = seen.step;
    return seen.units.emplace_back(std::move(added));
  }

  template <class Test>
  static double share(const Tensor<T>& y, Test test) {
    const auto count =
        std::count_if(y.begin(), y.end(), [&](T v) { return test(static_cast<double>(v)); });
    return static_cast<double>(count) / static_cast<double>(y.size());
  }

  DoctorStatistics seen;
  std::unordered_map<const Module<T>*, std::string> names;
  std::optional<Observer> observer;
  std::unordered_map<const void*, int> calls;  // of each module in this step
  std::vector<std::ptrdiff_t> called;          // the units of this step, in the order of the calls
  // At the sampled places, of the step before.
  std::vector<T> last_gradient;
  std::vector<std::vector<T>> last_weights;
  // For the rollback.
  std::vector<Tensor<T>> good_tensors;
  std::vector<Tensor<std::int64_t>> good_counters;
  double good_loss = std::numeric_limits<double>::infinity();
  std::int64_t good_step = -1;
  std::int64_t rollbacks = 0;
};

}  // namespace glissade::nn
