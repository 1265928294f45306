// Residual: a way around a module.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "glissade/nn/module.h"

namespace glissade::nn {

/// x + inner(x) (He et al., 2016). The child is named "inner". Throws std::invalid_argument when
/// the output of the inner module has not the shape of its input. A copy shares the module with the
/// original.
///
///     nn::Residual block(nn::Sequential{nn::Linear(64, 64, rng), nn::ReLU()});
template <class T = float>
class Residual final : public Module<T> {
 public:
  /// The module, copied or moved into this one. (A Residual is copied, as usual.)
  template <class M>
  requires(std::derived_from<std::remove_cvref_t<M>, Module<T>> &&
           !std::same_as<std::remove_cvref_t<M>, Residual>) explicit Residual(M&& inner)
      : inner_(std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(inner))),
        copy_(&detail::copy_module<std::remove_cvref_t<M>>) {}
  /// A module made elsewhere. Throws std::invalid_argument if it is null.
  explicit Residual(std::shared_ptr<Module<T>> inner);

  Variable<T> forward(const Variable<T>& x) override;
  void members(Members<T>& members) override { members.child("inner", *inner_); }
  void unshare_modules() override;

  /// The module that is gone around.
  Module<T>& inner() const { return *inner_; }

 private:
  std::shared_ptr<Module<T>> inner_;
  detail::CopyModule<T> copy_ = nullptr;  // null if the module's class is not known
};

template <class M>
Residual(M&&) -> Residual<typename std::remove_cvref_t<M>::value_type>;
template <class T>
Residual(std::shared_ptr<Module<T>>) -> Residual<T>;

}  // namespace glissade::nn
