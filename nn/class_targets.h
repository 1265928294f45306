// The labels of a classification loss, together with the options that say how they count.
#pragma once

#include <cstdint>

#include "glissade/core/tensor.h"

namespace glissade::nn::detail {

// Row i with label y has the target q_ik = (1 - smoothing) w_y [k = y] + smoothing / classes w_k,
// or, if the row is ignored, 0.
template <class T>
struct ClassTargets {
  Tensor<std::int32_t> labels;  // (batch)
  Tensor<T> weight;             // (classes), or empty: all 1
  double smoothing;
  std::int32_t ignore_index;
  Index classes;
  double weight_sum;  // of w over all classes
  Index ignored_rows;

  // Throws std::invalid_argument, naming `loss`, if something does not fit the scores (batch,
  // classes).
  static ClassTargets checked(const char* loss, const Shape& scores,
                              const Tensor<std::int32_t>& labels, const Tensor<T>& weight,
                              double smoothing, std::int32_t ignore_index);

  Index rows() const { return labels.size(); }
  // Whether q is 1 for the label of each row and 0 elsewhere.
  bool are_plain() const { return smoothing == 0.0 && weight.size() == 0 && ignored_rows == 0; }
  bool ignored(Index row) const { return labels[row] == ignore_index; }
  double weight_of(Index k) const {
    return weight.size() == 0 ? 1.0 : static_cast<double>(weight[k]);
  }
  // What a class gets of every row through smoothing, for weight 1.
  double spread() const { return smoothing / static_cast<double>(classes); }
  // s_i = sum_k q_ik of a row that is not ignored.
  double row_total(Index row) const {
    return spread() * weight_sum + (1.0 - smoothing) * weight_of(labels[row]);
  }
  // The sum of w_y over the rows that count: what `mean` divides by.
  double denominator() const;
  // scale q, (batch, classes).
  Tensor<T> distribution(double scale) const;
  // scale s, (batch, 1).
  Tensor<T> row_totals(double scale) const;
};

}  // namespace glissade::nn::detail
