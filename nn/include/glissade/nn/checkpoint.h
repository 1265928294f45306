// Modules whose activations are computed again in the backward pass.
#pragma once

#include <cstddef>

#include "glissade/autograd/checkpoint.h"
#include "glissade/nn/sequential.h"

namespace glissade::nn {

/// module(x), keeping only the result (see `glissade::checkpoint`), with the same random numbers in
/// the second call: those of the generators that the modules name, as Dropout does. The module has
/// to stay where it is as long as the graph lives.
template <class T>
Variable<T> checkpoint(Module<T>& module, const Variable<T>& x);

/// model(x) in `segments` segments of about as many modules. Of each but the last only the result
/// is kept. With about sqrt(n) segments, the activations of n layers need the memory of about
/// 2 sqrt(n), for one more forward pass. A Linear layer and the activation that is computed with it
/// stay together, so that all results are the same bits as without. As
/// torch.utils.checkpoint.checkpoint_sequential. Throws std::invalid_argument unless
/// 1 <= segments <= model.size().
template <class T>
Variable<T> checkpoint_sequential(const Sequential<T>& model, std::size_t segments,
                                  const Variable<T>& x);

}  // namespace glissade::nn
