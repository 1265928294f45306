#include "glissade/optim/annealing.h"

#include <cmath>
#include <string>

#include "glissade/core/check.h"
#include "glissade/core/rng.h"
#include "vectors.h"

namespace glissade::optim {
namespace {

template <class T>
class SimulatedAnnealing final : public Method<T> {
 public:
  explicit SimulatedAnnealing(const SimulatedAnnealingOptions& options)
      : options_(options), rng_(options.seed) {}

  void begin(Problem<T>& /*problem*/) override {
    rng_ = Rng(options_.seed);
    iteration_ = 0;
  }

  std::optional<Stop> iterate(Problem<T>& problem) override {
    temperature_ = value_at(options_.temperature, "temperature");
    Tensor<T> change(problem.point().shape());
    rng_.fill_normal(change, T{0}, T{1});
    const Tensor<T> x = along(problem.point(), value_at(options_.step, "step"), change);
    ++iteration_;
    // Drawn in any case, so that the random numbers do not depend on the function.
    const double luck = rng_.uniform();
    const double cost = problem.cost_at(x);
    const double rise = cost - problem.cost();
    if (rise <= 0.0 || luck < std::exp(-rise / temperature_)) {
      if (std::isfinite(cost)) problem.move_to(x, cost);
    }
    return std::nullopt;
  }

  double lr() const override { return temperature_; }
  bool uses_gradients() const override { return false; }

 private:
  // Says in the errors of a schedule which one it is.
  double value_at(const Schedule& schedule, const char* option) const {
    const ErrorContext context(option, [](const void* name) {
      return fmt::format("SimulatedAnnealing, {}", static_cast<const char*>(name));
    });
    return schedule(iteration_);
  }

  SimulatedAnnealingOptions options_;
  Rng rng_;
  std::int64_t iteration_ = 0;
  double temperature_ = 0.0;
};

}  // namespace

template <class T>
std::unique_ptr<Method<T>> make_method(const SimulatedAnnealingOptions& options) {
  return std::make_unique<SimulatedAnnealing<T>>(options);
}

template std::unique_ptr<Method<float>> make_method(const SimulatedAnnealingOptions&);
template std::unique_ptr<Method<double>> make_method(const SimulatedAnnealingOptions&);

}  // namespace glissade::optim
