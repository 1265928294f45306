#include "glissade/optim/chained.h"

#include "kernels.h"

namespace glissade::optim {

template <class T>
void Chained<T>::update_one(const ChainedOptions&, double lr, const Tensor<T>& g, ChainedState&,
                            Tensor<T>& w) {
  kernels::update(kernels::SGDFactors{.lr = lr, .sign = 1.0, .weight_decay = 0.0}, g, w);
}

template class Chained<float>;
template class Chained<double>;

}  // namespace glissade::optim
