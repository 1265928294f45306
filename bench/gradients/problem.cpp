#include "problem.h"

namespace glissade::bench {

template <class T>
Problem<T>::Problem(const Tensor<double>& point, const std::vector<Shape>& shapes)
    : point_(converted<T>(point)) {
  const T* from = point_.data();
  for (const Shape& shape : shapes) {
    const auto size = static_cast<std::size_t>(shape.size());
    parameters_.push_back(glissade::parameter(Tensor<T>(shape, std::span<const T>(from, size))));
    from += size;
  }
  check(from == point_.end(), "bench_gradients: the shapes do not cover the {} parameters",
        point_.size());
}

template <class T>
Tensor<double> Problem<T>::gradients() const {
  Tensor<double> all(point_.shape());
  double* to = all.data();
  for (const Variable<T>& parameter : parameters_) {
    const Variable<T> gradient = parameter.grad();
    to = std::copy(gradient.value().begin(), gradient.value().end(), to);
  }
  return all;
}

template class Problem<float>;
template class Problem<double>;

}  // namespace glissade::bench
