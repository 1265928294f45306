// Measures of how good a model is.
#include "glissade/nn/metrics.h"

#include "glissade/core/reduce.h"

namespace glissade::nn {

template <class T>
Index correct_count(const Tensor<T>& scores, const Tensor<std::int32_t>& labels) {
  check(scores.rank() == 2 && labels.rank() == 1 && scores.dim(0) == labels.dim(0),
        "accuracy: the labels {} do not fit the scores {}", labels.shape(), scores.shape());
  const Tensor<std::int32_t> predicted = kernels::argmax(scores, 1);
  Index correct = 0;
  for (Index i = 0; i < labels.size(); ++i) correct += predicted[i] == labels[i] ? 1 : 0;
  return correct;
}

template <class T>
double accuracy(const Tensor<T>& scores, const Tensor<std::int32_t>& labels) {
  return static_cast<double>(correct_count(scores, labels)) / static_cast<double>(labels.size());
}

template Index correct_count(const Tensor<float>&, const Tensor<std::int32_t>&);
template Index correct_count(const Tensor<double>&, const Tensor<std::int32_t>&);
template double accuracy(const Tensor<float>&, const Tensor<std::int32_t>&);
template double accuracy(const Tensor<double>&, const Tensor<std::int32_t>&);

}  // namespace glissade::nn
