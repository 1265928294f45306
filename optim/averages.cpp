#include "glissade/optim/averages.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "option_checks.h"

namespace glissade::optim {

template <class T>
WeightAverage<T>::WeightAverage(const char* name, std::vector<Variable<T>> parameters)
    : name_(name), parameters_(std::move(parameters)) {
  check(!parameters_.empty(), "{}: there are no parameters", name_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    check(parameters_[i].defined(), "{}: parameter {} is undefined", name_, i);
    for (std::size_t j = 0; j < i; ++j) {
      check(parameters_[j].node() != parameters_[i].node(),
            "{}: parameter {}, of shape {}, is given twice: it is parameter {} too", name_, i,
            parameters_[i].shape(), j);
    }
    averages_.push_back(parameters_[i].value());
  }
}

template <class T>
void WeightAverage<T>::check_shapes() const {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    check(parameters_[i].shape() == averages_[i].shape(),
          "{}: parameter {} had the shape {} and now has {}", name_, i, averages_[i].shape(),
          parameters_[i].shape());
  }
}

template <class T>
void WeightAverage<T>::check_not_in_model(const char* what) const {
  check(!in_model_, "{}: {} while the averages are in the model; swap them back first", name_,
        what);
}

template <class T>
void WeightAverage<T>::update() {
  check_not_in_model("update");
  check_shapes();
  const T part = static_cast<T>(share(count_ + 1));
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor<T>& value = parameters_[i].value();
    Tensor<T>& average = averages_[i];
    if (count_ == 0) {
      average = value;
    } else {
      for (Index k = 0; k < value.size(); ++k) average[k] += part * (value[k] - average[k]);
    }
  }
  ++count_;
}

template <class T>
void WeightAverage<T>::swap() {
  check_shapes();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    std::swap(parameters_[i].mutable_value(), averages_[i]);
  }
  in_model_ = !in_model_;
}

template <class T>
void WeightAverage<T>::copy_to_parameters() {
  check_not_in_model("copy_to_parameters");
  check_shapes();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i].mutable_value() = averages_[i];
  }
}

template <class T>
void WeightAverage<T>::members(StateMembers<T>& members) {
  check_not_in_model("save or load");
  members.add("count", count_);
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    members.add_whole(fmt::format("average.{}", i), averages_[i]);
  }
}

void EMAOptions::check() const {
  check_decay_factor("EMA", "decay", decay);
  glissade::check(start == EMAStart::first_value || start == EMAStart::bias_correction ||
                      start == EMAStart::warmup,
                  "EMA: start is no EMAStart: {}", static_cast<int>(start));
}

template <class T>
EMA<T>::EMA(std::vector<Variable<T>> parameters, const EMAOptions& options)
    : WeightAverage<T>("EMA", std::move(parameters)), options_(options) {
  options_.check();
}

template <class T>
double EMA<T>::share(std::int64_t t) const {
  const auto number = static_cast<double>(t);
  switch (options_.start) {
    case EMAStart::bias_correction:
      // What makes of the corrected average m / (1 - decay^t) the next one.
      return (1.0 - options_.decay) / (1.0 - std::pow(options_.decay, number));
    case EMAStart::warmup:
      return 1.0 - std::min(options_.decay, number / (9.0 + number));
    case EMAStart::first_value:
      break;
  }
  return 1.0 - options_.decay;
}

template <class T>
SWA<T>::SWA(std::vector<Variable<T>> parameters) : WeightAverage<T>("SWA", std::move(parameters)) {}

template <class T>
double SWA<T>::share(std::int64_t t) const {
  return 1.0 / static_cast<double>(t);
}

template class WeightAverage<float>;
template class WeightAverage<double>;
template class EMA<float>;
template class EMA<double>;
template class SWA<float>;
template class SWA<double>;

}  // namespace glissade::optim
