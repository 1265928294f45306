#include "glissade/optim/early_stopping.h"

#include <algorithm>
#include <utility>

#include "glissade/core/check.h"

namespace glissade::optim {

template <class T>
Snapshot<T>::Snapshot(std::vector<Variable<T>> parameters, std::vector<Tensor<T>*> buffers)
    : parameters_(std::move(parameters)), buffers_(std::move(buffers)) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    check(parameters_[i].defined(), "Snapshot: parameter {} is undefined", i);
  }
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    check(buffers_[i] != nullptr, "Snapshot: buffer {} is null", i);
  }
  values_.resize(parameters_.size() + buffers_.size());
  save();
}

template <class T>
void Snapshot<T>::save() {
  auto value = values_.begin();
  for (const Variable<T>& parameter : parameters_) *value++ = parameter.value();
  for (const Tensor<T>* const buffer : buffers_) *value++ = *buffer;
}

template <class T>
void Snapshot<T>::restore() {
  const std::size_t parameters = parameters_.size();
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const bool is_buffer = i >= parameters;
    const Shape& shape = is_buffer ? buffers_[i - parameters]->shape() : parameters_[i].shape();
    check(shape == values_[i].shape(), "Snapshot: {} {} had the shape {} and now has {}",
          is_buffer ? "buffer" : "parameter", is_buffer ? i - parameters : i, values_[i].shape(),
          shape);
  }
  auto value = values_.cbegin();
  for (Variable<T>& parameter : parameters_) parameter.mutable_value() = *value++;
  for (Tensor<T>* const buffer : buffers_) *buffer = *value++;
}

template <class T>
EarlyStopping<T>::EarlyStopping(std::int64_t patience, std::vector<Variable<T>> parameters,
                                std::vector<Tensor<T>*> buffers, const PatienceOptions& options)
    : rule_(early_stopping(patience, options)), best_(std::move(parameters), std::move(buffers)) {}

template <class T>
std::optional<Stop> EarlyStopping<T>::update(double validation_loss) {
  if (validation_loss < best_loss_) {
    best_loss_ = validation_loss;
    best_check_ = checks_;
    best_.save();
  }
  ++checks_;
  return rule_.update({.epoch = checks_, .validation_loss = validation_loss});
}

template class Snapshot<float>;
template class Snapshot<double>;
template class EarlyStopping<float>;
template class EarlyStopping<double>;

}  // namespace glissade::optim
