// Module: lists of its members, and its calls.
#include "glissade/nn/module.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <typeinfo>
#include <unordered_set>
#include <utility>

#include "walk.h"

namespace glissade::nn {
namespace {

// "glissade::nn::Linear<float>" -> "Linear".
std::string class_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  std::string name = text != nullptr ? text.get() : type.name();
  if (name.ends_with('>')) {
    int depth = 0;
    std::size_t begin = name.size();
    do {
      --begin;
      depth += name[begin] == '>' ? 1 : name[begin] == '<' ? -1 : 0;
    } while (depth > 0 && begin > 0);
    name.resize(begin);
  }
  const std::size_t scope = name.rfind("::");
  return scope == std::string::npos ? name : name.substr(scope + 2);
}

}  // namespace

template <class T>
Variable<T> Module<T>::operator()(const Variable<T>& x) {
  const detail::Call<T> call(*this);
  return call.result(forward(x));
}

template <class T>
void Module<T>::members(Members<T>&) {}

template <class T>
void Module<T>::unshare_modules() {}

template <class T>
std::string Module<T>::description() const {
  return class_name(typeid(*this));
}

template <class T>
std::vector<Variable<T>> Module<T>::parameters() const {
  std::vector<Variable<T>> result;
  std::unordered_set<const Node<T>*> seen;
  detail::for_each_parameter(*this, [&](const detail::NamePath&, const Variable<T>& parameter) {
    if (seen.insert(parameter.node()).second) result.push_back(parameter);
  });
  return result;
}

template <class T>
std::vector<NamedParameter<T>> Module<T>::named_parameters() const {
  std::vector<NamedParameter<T>> result;
  std::unordered_set<const Node<T>*> seen;
  detail::for_each_parameter(*this,
                             [&](const detail::NamePath& path, const Variable<T>& parameter) {
                               if (seen.insert(parameter.node()).second)
                                 result.push_back({path.full(), parameter});
                             });
  return result;
}

template <class T>
std::vector<Tensor<T>*> Module<T>::buffers() {
  std::vector<Tensor<T>*> result;
  for (const NamedBuffer<T>& named : named_buffers()) result.push_back(named.buffer);
  return result;
}

template <class T>
std::vector<Tensor<std::int64_t>*> Module<T>::counters() {
  std::vector<Tensor<std::int64_t>*> result;
  for (const auto& counter : detail::state_of(*this).counters) result.push_back(counter.tensor);
  return result;
}

template <class T>
std::vector<NamedBuffer<T>> Module<T>::named_buffers() {
  std::vector<NamedBuffer<T>> result;
  detail::for_each_buffer(*this, [&](const detail::NamePath& path, Tensor<T>& buffer) {
    result.push_back({path.full(), &buffer});
  });
  return result;
}

template <class T>
std::vector<NamedModule<T>> Module<T>::named_modules() {
  std::vector<NamedModule<T>> result;
  std::unordered_set<const Module<T>*> seen;
  detail::for_each_module(*this, [&](const detail::NamePath* path, Module<T>& module) {
    if (!seen.insert(&module).second) return;
    result.push_back({path != nullptr ? path->full() : std::string(), &module});
  });
  return result;
}

template <class T>
Index Module<T>::parameter_count() const {
  Index count = 0;
  for (const Variable<T>& parameter : parameters()) count += parameter.size();
  return count;
}

template <class T>
void Module<T>::train(bool training) {
  detail::for_each_module(*this, [training](const detail::NamePath*, Module<T>& module) {
    module.training_ = training;
  });
}

template <class T>
void Module<T>::set_requires_grad(bool requires_grad) {
  detail::for_each_parameter(*this, [=](const detail::NamePath&, Variable<T>& parameter) {
    parameter.set_requires_grad(requires_grad);
  });
}

template <class T>
void Module<T>::zero_grad() {
  detail::for_each_parameter(
      *this, [](const detail::NamePath&, Variable<T>& parameter) { parameter.zero_grad(); });
}

namespace {

// Brings both lists into the order of their names, and wants them to agree.
template <class Element>
void match(std::vector<detail::StateTensor<Element>>& targets,
           std::vector<detail::StateTensor<Element>>& sources) {
  const auto by_name = [](const auto& a, const auto& b) { return a.names < b.names; };
  std::sort(targets.begin(), targets.end(), by_name);
  std::sort(sources.begin(), sources.end(), by_name);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    check(targets[i].names == sources[i].names &&
              targets[i].tensor->shape() == sources[i].tensor->shape(),
          "copy_parameters_from: {} {} and {} {} differ", targets[i].names.front(),
          targets[i].tensor->shape(), sources[i].names.front(), sources[i].tensor->shape());
  }
}

template <class Element>
void copy(const std::vector<detail::StateTensor<Element>>& targets,
          const std::vector<detail::StateTensor<Element>>& sources) {
  for (std::size_t i = 0; i < targets.size(); ++i) *targets[i].tensor = *sources[i].tensor;
}

}  // namespace

template <class T>
void Module<T>::copy_parameters_from(const Module& other) {
  auto targets = detail::state_of(*this);
  auto sources = detail::state_of(other);
  const auto count = [](const auto& state) { return state.tensors.size() + state.counters.size(); };
  check(targets.tensors.size() == sources.tensors.size() && count(targets) == count(sources),
        "copy_parameters_from: {} has {} parameters and buffers, {} has {}", description(),
        count(targets), other.description(), count(sources));
  match(targets.tensors, sources.tensors);
  match(targets.counters, sources.counters);
  copy(targets.tensors, sources.tensors);
  copy(targets.counters, sources.counters);
}

namespace detail {

template <class T>
CallObserver<T>::CallObserver() : outer_(std::exchange(innermost, this)) {}

template <class T>
CallObserver<T>::~CallObserver() {
  // Not always the innermost: two may be made and ended in turn.
  for (CallObserver** link = &innermost; *link != nullptr; link = &(*link)->outer_) {
    if (*link == this) {
      *link = outer_;
      return;
    }
  }
}

template <class T>
void Call<T>::tell(const Variable<T>& output) const {
  for (CallObserver<T>* observer = CallObserver<T>::innermost; observer != nullptr;
       observer = observer->outer_) {
    observer->returned(module_, output);
  }
}

// The name is the one that the calling module has for this one; it is looked up when an error is
// reported, so that calls need not carry names.
template <class T>
std::string Call<T>::describe(const void* object) {
  const auto& call = *static_cast<const Call*>(object);
  std::string name;
  if (call.outer_ != nullptr) {
    for (const NamedModule<T>& named : call.outer_->module_.named_modules()) {
      if (named.module == &call.module_ && !named.name.empty()) name = named.name + ": ";
    }
  }
  return name + call.module_.description();
}

template class CallObserver<float>;
template class CallObserver<double>;
template class Call<float>;
template class Call<double>;

}  // namespace detail

template class Module<float>;
template class Module<double>;

}  // namespace glissade::nn
