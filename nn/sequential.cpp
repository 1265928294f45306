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
Sequential<T>& Sequential<T>::add(ModulePointer module) {
  return add_child(std::move(module), nullptr);
}

template <class T>
Sequential<T>& Sequential<T>::add_child(ModulePointer module, Copy copy) {
  check(module != nullptr, "Sequential: module {} is null", size());
  children_.push_back(make_child(std::move(module), copy, std::to_string(size())));
  return *this;
}

template <class T>
typename Sequential<T>::Child Sequential<T>::make_child(ModulePointer pointer, Copy copy,
                                                        const std::string& name) {
  Module<T>& module = *pointer;
  // Exactly a Linear layer: a class derived from it may compute something else.
  auto* const linear =
      typeid(module) == typeid(Linear<T>) ? static_cast<Linear<T>*>(&module) : nullptr;
  return {.module = std::move(pointer),
          .copy = copy,
          .name = name,
          .linear = linear,
          .activation = dynamic_cast<ActivationLayer<T>*>(&module)};
}

template <class T>
Module<T>& Sequential<T>::operator[](std::size_t i) const {
  check(i < size(), "Sequential: there is no module {}, only {}", i, size());
  return *children_[i].module;
}

template <class T>
Sequential<T> Sequential<T>::slice(std::size_t begin, std::size_t end) const {
  check(begin <= end && end <= size(), "Sequential: there is no slice from {} to {} of {} modules",
        begin, end, size());
  Sequential part;
  for (std::size_t i = begin; i < end; ++i) part.add_child(children_[i].module, children_[i].copy);
  return part;
}

template <class T>
bool Sequential<T>::is_fused(std::size_t i) const {
  if (i + 1 >= size() || children_[i].linear == nullptr) return false;
  const ActivationLayer<T>* const next = children_[i + 1].activation;
  return next != nullptr && next->function.from_output();
}

template <class T>
Variable<T> Sequential<T>::forward(const Variable<T>& x) {
  Variable<T> y = x;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    const Child& child = children_[i];
    if (is_fused(i)) {
      ActivationLayer<T>& next = *children_[++i].activation;
      y = (*child.linear)(y, next.function);
      y = detail::Call<T>(next).result(std::move(y));
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
void Sequential<T>::unshare_modules() {
  for (Child& child : children_) {
    auto copy = child.copy != nullptr ? child.copy(*child.module) : nullptr;
    check(copy != nullptr,
          "Sequential: module {}, {}, cannot be copied; add it as an object of its own class, not "
          "by a pointer",
          child.name, child.module->description());
    child = make_child(std::move(copy), child.copy, child.name);
  }
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

template <class T>
void Residual<T>::unshare_modules() {
  auto copy = copy_ != nullptr ? copy_(*inner_) : nullptr;
  check(copy != nullptr,
        "Residual: the inner module, {}, cannot be copied; give it as an object of its own class, "
        "not by a pointer",
        inner_->description());
  inner_ = std::move(copy);
}

template class Sequential<float>;
template class Sequential<double>;
template class Residual<float>;
template class Residual<double>;

}  // namespace glissade::nn
