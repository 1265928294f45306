#include "glissade/optim/adam.h"

#include "adam_step.h"

namespace glissade::optim {

void AdamOptions::check() const { check_adam_options("Adam", *this); }

template <class T>
void Adam<T>::update_one(const AdamOptions& options, double lr, const Tensor<T>& g,
                         AdamState<T>& state, Tensor<T>& w) {
  adam_step(options, lr, options.weight_decay, 1.0, g, state, w);
}

template class Adam<float>;
template class Adam<double>;

}  // namespace glissade::optim
