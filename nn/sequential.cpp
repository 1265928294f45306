// The modules made of modules: Sequential and Residual.
#include "glissade/nn/sequential.h"

#include <typeinfo>

#include "glissade/nn/residual.h"

namespace glissade::nn {

template <class T>
Sequential<T>::Sequential(std::vector<ModulePointer> modules) {
  for (ModulePointer& module : modules) add(std::move(module));
}

template <class T>
Sequential<T>::Sequential(std::vector<std::unique_ptr<Module<T>>> modules) {
  for (std::unique_ptr<Module<T>>& module : modules) add(ModulePointer(std::move(module)));
}

template <class T>
Sequential<T>& Sequential<T>::add(ModulePointer pointer) {
  check(pointer != nullptr, "Sequential: module {} is null", size());
  Module<T>& module = *pointer;
  // Exactly a Linear layer: a class derived from it may compute something else.
  auto* const linear =
      typeid(module) == typeid(Linear<T>) ? static_cast<Linear<T>*>(&module) : nullptr;
  children_.push_back({.module = std::move(pointer),
                       .name = std::to_string(size()),
                       .linear = linear,
                       .activation = dynamic_cast<ActivationLayer<T>*>(&module)});
  return *this;
}

template <class T>
Module<T>& Sequential<T>::operator[](std::size_t i) const {
  check(i < size(), "Sequential: there is no module {}, only {}", i, size());
  return *children_[i].module;
}

template <class T>
Variable<T> Sequential<T>::forward(const Variable<T>& x) {
  Variable<T> y = x;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    const Child& child = children_[i];
    ActivationLayer<T>* const next = i + 1 < size() ? children_[i + 1].activation : nullptr;
    if (child.linear != nullptr && next != nullptr && next->function.from_output()) {
      y = (*child.linear)(y, next->function);
      y = detail::Call<T>(*next).result(std::move(y));
      ++i;
    } else {
      y = (*child.module)(y);
    }
  }
  return y;
}

template <class T>
void Sequential<T>::members(Members<T>& members) {
  for (const Child& child : children_) members.child(child.name, *child.module);
}

template <class T>
Residual<T>::Residual(std::shared_ptr<Module<T>> inner) : inner_(std::move(inner)) {
  check(inner_ != nullptr, "Residual: the module is null");
}

template <class T>
Variable<T> Residual<T>::forward(const Variable<T>& x) {
  const Variable<T> y = (*inner_)(x);
  check(y.shape() == x.shape(), "Residual: the input {} and the inner module's output {} differ",
        x.shape(), y.shape());
  return x + y;
}

template class Sequential<float>;
template class Sequential<double>;
template class Residual<float>;
template class Residual<double>;

}  // namespace glissade::nn
