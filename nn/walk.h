// Walking over the members of a module and of the modules in it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "glissade/nn/module.h"

namespace glissade::nn::detail {

// A full name such as "2.inner.weight", as a chain of its parts: walking makes no strings.
struct NamePath {
  const NamePath* outer;
  std::string_view name;

  std::string full() const {
    const std::string before = outer != nullptr ? outer->full() : std::string();
    return before.empty() ? std::string(name) : before + '.' + std::string(name);
  }
};

// Calls the functions for the module's members, those of the modules in it included.
template <class T, class OnParameter, class OnBuffer, class OnModule>
class Walker final : public Members<T> {
 public:
  Walker(OnParameter on_parameter, OnBuffer on_buffer, OnModule on_module)
      : parameter_(std::move(on_parameter)),
        buffer_(std::move(on_buffer)),
        module_(std::move(on_module)) {}

  void walk(Module<T>& module, const NamePath* path) {
    const NamePath* const outer = std::exchange(path_, path);
    module_(path, module);
    module.members(*this);
    path_ = outer;
  }

 private:
  void on_parameter(std::string_view name, Variable<T>& parameter) override {
    parameter_(NamePath{path_, name}, parameter);
  }
  void on_buffer(std::string_view name, Tensor<T>& buffer) override {
    buffer_(NamePath{path_, name}, buffer);
  }
  void on_child(std::string_view name, Module<T>& child) override {
    const NamePath path{path_, name};
    walk(child, &path);
  }

  OnParameter parameter_;
  OnBuffer buffer_;
  OnModule module_;
  const NamePath* path_ = nullptr;
};

// `members` only names what is there, so that walking over a constant module does not change it;
// the callers do not either unless they were given a module that is not constant.
template <class T, class OnParameter, class OnBuffer, class OnModule>
void walk(const Module<T>& module, OnParameter on_parameter, OnBuffer on_buffer,
          OnModule on_module) {
  Walker<T, OnParameter, OnBuffer, OnModule>(std::move(on_parameter), std::move(on_buffer),
                                             std::move(on_module))
      .walk(const_cast<Module<T>&>(module), nullptr);
}

inline constexpr auto kIgnore = [](const auto&...) {};

// f(path, parameter): every parameter, as often as it is named.
template <class T, class F>
void for_each_parameter(const Module<T>& module, F f) {
  walk(module, std::move(f), kIgnore, kIgnore);
}
// f(path, buffer).
template <class T, class F>
void for_each_buffer(const Module<T>& module, F f) {
  walk(module, kIgnore, std::move(f), kIgnore);
}
// f(path, module), path null for the outermost: every module, as often as it is named.
template <class T, class F>
void for_each_module(const Module<T>& module, F f) {
  walk(module, kIgnore, kIgnore, std::move(f));
}

// A parameter's value or a buffer with all its names: what is saved and loaded.
template <class T>
struct StateTensor {
  std::vector<std::string> names;
  Tensor<T>* tensor;
};

template <class T>
std::vector<StateTensor<T>> state_tensors(const Module<T>& module) {
  std::vector<StateTensor<T>> state;
  std::unordered_map<const Tensor<T>*, std::size_t> known;
  const auto found = [&](const NamePath& path, Tensor<T>& tensor) {
    const auto [position, is_new] = known.emplace(&tensor, state.size());
    if (is_new) {
      state.push_back({.names = {path.full()}, .tensor = &tensor});
    } else {
      state[position->second].names.push_back(path.full());
    }
  };
  walk(
      module,
      [&](const NamePath& path, Variable<T>& parameter) { found(path, parameter.mutable_value()); },
      found, kIgnore);
  return state;
}

}  // namespace glissade::nn::detail
