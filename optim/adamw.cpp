#include "glissade/optim/adamw.h"

#include "adam_step.h"

namespace glissade::optim {

void AdamWOptions::check() const { check_adam_options("AdamW", *this); }

template <class T>
void AdamW<T>::update_one(const AdamWOptions& options, double lr, const Tensor<T>& g,
                          AdamState<T>& state, Tensor<T>& w) {
  adam_step(options, lr, 0.0, 1.0 - lr * options.weight_decay, g, state, w);
}

template class AdamW<float>;
template class AdamW<double>;

}  // namespace glissade::optim
