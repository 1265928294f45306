// Walking over the members of a module and of the modules in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
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
template <class T, class OnParameter, class OnBuffer, class OnModule, class OnCounter>
class Walker final : public Members<T> {
 public:
  Walker(OnParameter on_parameter, OnBuffer on_buffer, OnModule on_module, OnCounter on_counter)
      : parameter_(std::move(on_parameter)),
        buffer_(std::move(on_buffer)),
        module_(std::move(on_module)),
        counter_(std::move(on_counter)) {}

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
  void on_counter(std::string_view name, Tensor<std::int64_t>& counter) override {
    counter_(NamePath{path_, name}, counter);
  }
  void on_child(std::string_view name, Module<T>& child) override {
    const NamePath path{path_, name};
    walk(child, &path);
  }

  OnParameter parameter_;
  OnBuffer buffer_;
  OnModule module_;
  OnCounter counter_;
  const NamePath* path_ = nullptr;
};

inline constexpr auto kIgnore = [](const auto&...) {};

// `members` only names what is there, so that walking over a constant module does not change it;
// the callers do not either unless they were given a module that is not constant.
template <class T, class OnParameter, class OnBuffer, class OnModule,
          class OnCounter = std::remove_const_t<decltype(kIgnore)>>
void walk(const Module<T>& module, OnParameter on_parameter, OnBuffer on_buffer, OnModule on_module,
          OnCounter on_counter = kIgnore) {
  Walker<T, OnParameter, OnBuffer, OnModule, OnCounter>(
      std::move(on_parameter), std::move(on_buffer), std::move(on_module), std::move(on_counter))
      .walk(const_cast<Module<T>&>(module), nullptr);
}

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
template <class Element>
struct StateTensor {
  std::vector<std::string> names;
  Tensor<Element>* tensor;
};

// All that a module's state consists of, each once.
template <class T>
struct State {
  std::vector<StateTensor<T>> tensors;
  std::vector<StateTensor<std::int64_t>> counters;
};

template <class T>
State<T> state_of(const Module<T>& module) {
  State<T> state;
  std::unordered_map<const void*, std::size_t> known;
  const auto add = [&known](auto& list, const NamePath& path, auto& tensor) {
    const auto [position, is_new] = known.emplace(&tensor, list.size());
    if (is_new) {
      list.push_back({.names = {path.full()}, .tensor = &tensor});
    } else {
      list[position->second].names.push_back(path.full());
    }
  };
  const auto found = [&](const NamePath& path, Tensor<T>& tensor) {
    add(state.tensors, path, tensor);
  };
  walk(
      module,
      [&](const NamePath& path, Variable<T>& parameter) { found(path, parameter.mutable_value()); },
      found, kIgnore,
      [&](const NamePath& path, Tensor<std::int64_t>& counter) {
        add(state.counters, path, counter);
      });
  return state;
}

}  // namespace glissade::nn::detail
