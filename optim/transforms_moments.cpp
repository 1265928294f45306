// The transformations of gradients that keep running means: the hearts of the optimizers.

#include <cmath>

#include "option_checks.h"
#include "transforms.h"

namespace glissade::optim {
namespace {

template <class T>
class Trace final : public Transform<T> {
 public:
  Trace(double decay, bool nesterov) : decay_(decay), nesterov_(nesterov) {}

  std::string name() const override { return "trace"; }
  std::unique_ptr<Transform<T>> clone() const override { return std::make_unique<Trace>(*this); }
  void add_parameters(std::span<const Shape> shapes) override { velocity_.add_parameters(shapes); }
  void members(StateMembers<T>& members) override { velocity_.members("velocity", members); }
  bool apply(std::span<Update<T>> updates) override {
    const T decay = static_cast<T>(decay_);
    for_each_present(updates, [&](std::size_t i, Update<T>& update) {
      T* v = velocity_[i].data();
      for (T& u : update.value) {
        *v = decay * *v + u;
        u = nesterov_ ? u + decay * *v : *v;
        ++v;
      }
    });
    return true;
  }

 private:
  double decay_;
  bool nesterov_;
  StateTensors<T> velocity_;
};

template <class T>
class ScaleByAdam final : public Transform<T> {
 public:
  explicit ScaleByAdam(const ScaleByAdamOptions& options) : options_(options) {}

  std::string name() const override { return "scale_by_adam"; }
  std::unique_ptr<Transform<T>> clone() const override {
    return std::make_unique<ScaleByAdam>(*this);
  }
  void add_parameters(std::span<const Shape> shapes) override {
    steps_.add_parameters(shapes.size());
    mean_.add_parameters(shapes);
    square_mean_.add_parameters(shapes);
  }
  void members(StateMembers<T>& members) override {
    steps_.members("steps", members);
    mean_.members("mean", members);
    square_mean_.members("square_mean", members);
  }
  bool apply(std::span<Update<T>> updates) override {
    const T add1 = static_cast<T>(1.0 - options_.beta1);
    const T beta2 = static_cast<T>(options_.beta2);
    const T add2 = static_cast<T>(1.0 - options_.beta2);
    const T eps = static_cast<T>(options_.eps);
    const T eps_root = static_cast<T>(options_.eps_root);
    for_each_present(updates, [&](std::size_t i, Update<T>& update) {
      const auto t = static_cast<double>(++steps_[i]);
      const T mean_factor = static_cast<T>(1.0 / (1.0 - std::pow(options_.beta1, t)));
      const T square_factor = static_cast<T>(1.0 / (1.0 - std::pow(options_.beta2, t)));
      Tensor<T>& u = update.value;
      Tensor<T>& m = mean_[i];
      Tensor<T>& v = square_mean_[i];
      for (Index k = 0; k < u.size(); ++k) {
        m[k] += add1 * (u[k] - m[k]);
        v[k] = beta2 * v[k] + add2 * (u[k] * u[k]);
        u[k] = mean_factor * m[k] / (std::sqrt(square_factor * v[k] + eps_root) + eps);
      }
    });
    return true;
  }

 private:
  ScaleByAdamOptions options_;
  StateCounts steps_;
  StateTensors<T> mean_;
  StateTensors<T> square_mean_;
};

template <class T>
class ScaleByRms final : public Transform<T> {
 public:
  explicit ScaleByRms(const ScaleByRmsOptions& options) : options_(options) {}

  std::string name() const override { return "scale_by_rms"; }
  std::unique_ptr<Transform<T>> clone() const override {
    return std::make_unique<ScaleByRms>(*this);
  }
  void add_parameters(std::span<const Shape> shapes) override {
    square_mean_.add_parameters(shapes);
  }
  void members(StateMembers<T>& members) override { square_mean_.members("square_mean", members); }
  bool apply(std::span<Update<T>> updates) override {
    const T keep = static_cast<T>(options_.decay);
    const T add = static_cast<T>(1.0 - options_.decay);
    const T inside = static_cast<T>(options_.eps_in_sqrt ? options_.eps : 0.0);
    const T outside = static_cast<T>(options_.eps_in_sqrt ? 0.0 : options_.eps);
    for_each_present(updates, [&](std::size_t i, Update<T>& update) {
      Tensor<T>& u = update.value;
      Tensor<T>& s = square_mean_[i];
      for (Index k = 0; k < u.size(); ++k) {
        s[k] = keep * s[k] + add * (u[k] * u[k]);
        u[k] /= std::sqrt(s[k] + inside) + outside;
      }
    });
    return true;
  }

 private:
  ScaleByRmsOptions options_;
  StateTensors<T> square_mean_;
};

template <class T>
class ScaleByLion final : public Transform<T> {
 public:
  explicit ScaleByLion(const ScaleByLionOptions& options) : options_(options) {}

  std::string name() const override { return "scale_by_lion"; }
  std::unique_ptr<Transform<T>> clone() const override {
    return std::make_unique<ScaleByLion>(*this);
  }
  void add_parameters(std::span<const Shape> shapes) override { mean_.add_parameters(shapes); }
  void members(StateMembers<T>& members) override { mean_.members("mean", members); }
  bool apply(std::span<Update<T>> updates) override {
    const T add1 = static_cast<T>(1.0 - options_.beta1);
    const T add2 = static_cast<T>(1.0 - options_.beta2);
    for_each_present(updates, [&](std::size_t i, Update<T>& update) {
      Tensor<T>& u = update.value;
      Tensor<T>& m = mean_[i];
      for (Index k = 0; k < u.size(); ++k) {
        const T blend = m[k] + add1 * (u[k] - m[k]);
        m[k] += add2 * (u[k] - m[k]);
        const T up = blend > T{0} ? T{1} : blend;
        u[k] = blend < T{0} ? T{-1} : up;
      }
    });
    return true;
  }

 private:
  ScaleByLionOptions options_;
  StateTensors<T> mean_;
};

}  // namespace

GradientTransformation trace(double decay, bool nesterov) {
  check_decay_factor("trace", "decay", decay);
  return GradientTransformation::of<Trace>(decay, nesterov);
}

GradientTransformation scale_by_adam(const ScaleByAdamOptions& options) {
  check_decay_factor("scale_by_adam", "beta1", options.beta1);
  check_decay_factor("scale_by_adam", "beta2", options.beta2);
  check_not_negative("scale_by_adam", "eps", options.eps);
  check_not_negative("scale_by_adam", "eps_root", options.eps_root);
  return GradientTransformation::of<ScaleByAdam>(options);
}

GradientTransformation scale_by_rms(const ScaleByRmsOptions& options) {
  check_decay_factor("scale_by_rms", "decay", options.decay);
  check_not_negative("scale_by_rms", "eps", options.eps);
  return GradientTransformation::of<ScaleByRms>(options);
}

GradientTransformation scale_by_lion(const ScaleByLionOptions& options) {
  check_decay_factor("scale_by_lion", "beta1", options.beta1);
  check_decay_factor("scale_by_lion", "beta2", options.beta2);
  return GradientTransformation::of<ScaleByLion>(options);
}

}  // namespace glissade::optim
