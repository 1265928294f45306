#include "glissade/optim/lookahead.h"

#include "option_checks.h"

namespace glissade::optim {

void LookaheadOptions::check() const {
  check_at_least_one("Lookahead", "k", k);
  glissade::check(alpha > 0.0 && alpha <= 1.0, "Lookahead: alpha must be in (0, 1], got {}", alpha);
}

template <class T>
void SlowWeights<T>::remember(const Optimizer<T>& optimizer) {
  for (std::size_t k = groups_.size(); k < optimizer.group_count(); ++k) {
    std::vector<Tensor<T>> values;
    for (const Variable<T>& parameter : optimizer.parameters(k)) {
      values.push_back(parameter.value());
    }
    groups_.push_back(std::move(values));
  }
}

template <class T>
void SlowWeights<T>::synchronize(const Optimizer<T>& optimizer, double alpha) {
  const T part = static_cast<T>(alpha);
  for (std::size_t k = 0; k < groups_.size(); ++k) {
    for (std::size_t i = 0; i < groups_[k].size(); ++i) {
      Variable<T> parameter = optimizer.parameters(k)[i];
      Tensor<T>& slow = groups_[k][i];
      if (!parameter.requires_grad()) {
        slow = parameter.value();
        continue;
      }
      Tensor<T>& fast = parameter.mutable_value();
      for (Index j = 0; j < fast.size(); ++j) {
        slow[j] += part * (fast[j] - slow[j]);
        fast[j] = slow[j];
      }
    }
  }
}

template <class T>
void SlowWeights<T>::members(StateMembers<T>& members) {
  for (std::size_t k = 0; k < groups_.size(); ++k) {
    for (std::size_t i = 0; i < groups_[k].size(); ++i) {
      members.add_whole(fmt::format("slow.{}.{}", k, i), groups_[k][i]);
    }
  }
}

template class SlowWeights<float>;
template class SlowWeights<double>;

}  // namespace glissade::optim
