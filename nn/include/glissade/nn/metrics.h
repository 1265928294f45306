// Measures of how good a model is, apart from its loss.
#pragma once

#include <cstdint>

#include "glissade/autograd/variable.h"

namespace glissade::nn {

/// How many rows of `scores` (batch, classes) have their largest entry, the first of several, at
/// the label. labels: (batch). Throws std::invalid_argument if the shapes do not fit.
template <class T>
Index correct_count(const Tensor<T>& scores, const Tensor<std::int32_t>& labels);

/// correct_count divided by the number of rows, from 0 to 1; NaN for no rows.
template <class T>
double accuracy(const Tensor<T>& scores, const Tensor<std::int32_t>& labels);

///@{
/// The same for the value of a variable.
template <class T>
Index correct_count(const Variable<T>& scores, const Tensor<std::int32_t>& labels) {
  return correct_count(scores.value(), labels);
}
template <class T>
double accuracy(const Variable<T>& scores, const Tensor<std::int32_t>& labels) {
  return accuracy(scores.value(), labels);
}
///@}

}  // namespace glissade::nn
