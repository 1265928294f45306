// Transformations of gradients that count steps, or hold others.
#include "glissade/optim/transformation.h"

#include <cmath>

#include "option_checks.h"
#include "transforms.h"

namespace glissade::optim {

template <class T>
void Transform<T>::add_parameters(std::span<const Shape>) {}

template <class T>
void Transform<T>::members(StateMembers<T>&) {}

template class Transform<float>;
template class Transform<double>;

namespace {

template <class T>
class Chain final : public Transform<T> {
 public:
  explicit Chain(const std::vector<GradientTransformation>& transformations) {
    for (const auto& each : transformations) transforms_.push_back(each.make<T>());
  }
  Chain(const Chain& other) : Transform<T>(other) {
    for (const auto& each : other.transforms_) transforms_.push_back(each->clone());
  }

  std::string name() const override {
    std::string names;
    for (const auto& each : transforms_) names += (names.empty() ? "" : ", ") + each->name();
    return "chain(" + names + ")";
  }
  std::unique_ptr<Transform<T>> clone() const override { return std::make_unique<Chain>(*this); }
  void add_parameters(std::span<const Shape> shapes) override {
    for (const auto& each : transforms_) each->add_parameters(shapes);
  }
  void prepare() override {
    for (const auto& each : transforms_) each->prepare();
  }
  bool apply(std::span<Update<T>> updates) override {
    for (const auto& each : transforms_) {
      if (!each->apply(updates)) return false;
    }
    return true;
  }
  void members(StateMembers<T>& members) override {
    for (std::size_t i = 0; i < transforms_.size(); ++i) {
      members.in(fmt::format("{}.{}", i, transforms_[i]->name()),
                 [&] { transforms_[i]->members(members); });
    }
  }

 private:
  std::vector<std::unique_ptr<Transform<T>>> transforms_;
};

template <class T>
class ScaleBySchedule final : public Transform<T> {
 public:
  explicit ScaleBySchedule(Schedule schedule) : schedule_(std::move(schedule)) {}

  std::string name() const override { return "scale_by_schedule"; }
  std::unique_ptr<Transform<T>> clone() const override {
    return std::make_unique<ScaleBySchedule>(*this);
  }
  void prepare() override { factor_ = schedule_(steps_); }
  bool apply(std::span<Update<T>> updates) override {
    const T factor = static_cast<T>(factor_);
    for_each_present(updates, [&](std::size_t, Update<T>& update) {
      for (T& value : update.value) value *= factor;
    });
    ++steps_;
    return true;
  }
  void members(StateMembers<T>& members) override { members.add("steps", steps_); }

 private:
  Schedule schedule_;
  double factor_ = 0.0;
  std::int64_t steps_ = 0;
};

template <class T>
class AddNoise final : public Transform<T> {
 public:
  AddNoise(double eta, double gamma, std::uint64_t seed) : eta_(eta), gamma_(gamma), rng_(seed) {}

  std::string name() const override { return "add_noise"; }
  std::unique_ptr<Transform<T>> clone() const override { return std::make_unique<AddNoise>(*this); }
  void add_parameters(std::span<const Shape> shapes) override {
    for (const Shape& shape : shapes) {
      if (shape.size() > noise_.size()) noise_.resize(Shape{shape.size()});
    }
  }
  bool apply(std::span<Update<T>> updates) override {
    const double variance = eta_ / std::pow(static_cast<double>(++steps_), gamma_);
    const T deviation = static_cast<T>(std::sqrt(variance));
    for_each_present(updates, [&](std::size_t, Update<T>& update) {
      const auto size = static_cast<std::size_t>(update.value.size());
      rng_.fill_normal(noise_.span().first(size), T{0}, deviation);
      const T* noise = noise_.data();
      for (T& value : update.value) value += *noise++;
    });
    return true;
  }
  void members(StateMembers<T>& members) override {
    members.add("steps", steps_);
    members.add("rng", rng_);
  }

 private:
  double eta_;
  double gamma_;
  Rng rng_;
  std::int64_t steps_ = 0;
  Tensor<T> noise_;  // of one parameter after the other
};

template <class T>
class Accumulate final : public Transform<T> {
 public:
  explicit Accumulate(std::int64_t k) : k_(k) {}

  std::string name() const override { return "accumulate"; }
  std::unique_ptr<Transform<T>> clone() const override {
    return std::make_unique<Accumulate>(*this);
  }
  void add_parameters(std::span<const Shape> shapes) override {
    sum_.add_parameters(shapes);
    gradients_.add_parameters(shapes.size());
  }
  bool apply(std::span<Update<T>> updates) override {
    for_each_present(updates, [&](std::size_t i, Update<T>& update) {
      ++gradients_[i];
      T* sum = sum_[i].data();
      for (const T value : update.value) *sum++ += value;
    });
    if (++steps_ < k_) return false;
    steps_ = 0;
    for (std::size_t i = 0; i < updates.size(); ++i) {
      Update<T>& update = updates[i];
      // Also if the last of the gradients was missing.
      update.present = gradients_[i] > 0 && !update.frozen;
      gradients_[i] = 0;
      T* sum = sum_[i].data();
      for (T& value : update.value) {
        value = *sum / static_cast<T>(k_);
        *sum++ = T{0};
      }
    }
    return true;
  }
  void members(StateMembers<T>& members) override {
    members.add_constant("k", {k_});
    members.add("steps", steps_);
    gradients_.members("gradients", members);
    sum_.members("sum", members);
  }

 private:
  std::int64_t k_;
  std::int64_t steps_ = 0;
  StateCounts gradients_;  // of each parameter, in the sum
  StateTensors<T> sum_;
};

}  // namespace

GradientTransformation chain(std::vector<GradientTransformation> transformations) {
  return GradientTransformation::of<Chain>(std::move(transformations));
}

GradientTransformation scale_by_schedule(Schedule schedule) {
  return GradientTransformation::of<ScaleBySchedule>(std::move(schedule));
}

GradientTransformation add_noise(double eta, double gamma, std::uint64_t seed) {
  check_not_negative("add_noise", "eta", eta);
  check_not_negative("add_noise", "gamma", gamma);
  return GradientTransformation::of<AddNoise>(eta, gamma, seed);
}

GradientTransformation accumulate(std::int64_t k) {
  check_at_least_one("accumulate", "k", k);
  return GradientTransformation::of<Accumulate>(k);
}

}  // namespace glissade::optim
