// Flatten: from images to rows.
#pragma once

#include "glissade/nn/module.h"

namespace glissade::nn {

/// (batch, a, b, ...) becomes (batch, a b ...). Throws std::invalid_argument for fewer than two
/// axes.
template <class T = float>
class Flatten final : public Module<T> {
 public:
  Variable<T> forward(const Variable<T>& x) override;
};

}  // namespace glissade::nn
