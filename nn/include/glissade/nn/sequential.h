// Sequential: modules one after the other.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "glissade/nn/activations.h"
#include "glissade/nn/linear.h"
#include "glissade/nn/module.h"

namespace glissade::nn {

/// Applies modules one after the other; without modules, the identity. The children are named "0",
/// "1", ...
///
///     nn::Sequential model{nn::Linear(784, 128, rng), nn::ReLU(), nn::Linear(128, 10, rng)};
///
/// A Linear layer and an activation that follows it are computed in one operation where the
/// activation allows it (Activation::from_output), with the same results. A copy shares the modules
/// with the original.
template <class T = float>
class Sequential final : public Module<T> {
 public:
  /// Modules are shared by the copies of a Sequential.
  using ModulePointer = std::shared_ptr<Module<T>>;

  Sequential() = default;
  /// The modules, copied or moved into this one. (A single Sequential is copied, as usual; to put
  /// one into another, use `add`.)
  template <class... M>
  requires(sizeof...(M) > 0 && (std::derived_from<std::remove_cvref_t<M>, Module<T>> && ...) &&
           !(sizeof...(M) == 1 && (std::same_as<std::remove_cvref_t<M>, Sequential> &&
                                   ...))) explicit Sequential(M&&... modules) {
    children_.reserve(sizeof...(M));
    (add(std::forward<M>(modules)), ...);
  }
  ///@{
  /// Modules made elsewhere, when their number is known only at run time. Throws
  /// std::invalid_argument if one is null.
  explicit Sequential(std::vector<ModulePointer> modules);
  explicit Sequential(std::vector<std::unique_ptr<Module<T>>> modules);
  ///@}

  /// Appends a module, which is copied or moved.
  template <class M>
  requires std::derived_from<std::remove_cvref_t<M>, Module<T>> Sequential& add(M&& module) {
    using Own = std::remove_cvref_t<M>;
    return add_child(std::make_shared<Own>(std::forward<M>(module)), &detail::copy_module<Own>);
  }
  /// Appends a module; a unique_ptr converts. Throws std::invalid_argument if it is null.
  Sequential& add(ModulePointer module);

  /// The number of modules.
  std::size_t size() const { return children_.size(); }
  /// Module `i`. Throws std::invalid_argument unless i < size().
  Module<T>& operator[](std::size_t i) const;

  /// Modules `begin` to `end` - 1, which are shared with this one. Throws std::invalid_argument
  /// unless begin <= end <= size().
  Sequential slice(std::size_t begin, std::size_t end) const;
  /// Whether module `i` is a Linear layer that is computed together with the activation behind it.
  bool is_fused(std::size_t i) const;

  Variable<T> forward(const Variable<T>& x) override;
  void members(Members<T>& members) override;
  void unshare_modules() override;

 private:
  using Copy = detail::CopyModule<T>;
  struct Child {
    ModulePointer module;
    Copy copy;  // null if the module's class is not known
    std::string name;
    Linear<T>* linear;               // the module, if it is a Linear layer
    ActivationLayer<T>* activation;  // the module, if it is an activation
  };
  Sequential& add_child(ModulePointer module, Copy copy);
  static Child make_child(ModulePointer module, Copy copy, const std::string& name);

  std::vector<Child> children_;
};

template <class First, class... Rest>
Sequential(First&&, Rest&&...) -> Sequential<typename std::remove_cvref_t<First>::value_type>;
template <class T>
Sequential(std::vector<std::shared_ptr<Module<T>>>) -> Sequential<T>;
template <class T>
Sequential(std::vector<std::unique_ptr<Module<T>>>) -> Sequential<T>;

}  // namespace glissade::nn
