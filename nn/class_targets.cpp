// The labels of a classification loss.
#include "class_targets.h"

namespace glissade::nn::detail {

template <class T>
ClassTargets<T> ClassTargets<T>::checked(const char* loss, const Shape& scores,
                                         const Tensor<std::int32_t>& labels,
                                         const Tensor<T>& weight, double smoothing,
                                         std::int32_t ignore_index) {
  check(scores.rank() == 2, "{}: the scores must have two axes, (batch, classes), got {}", loss,
        scores);
  const Index classes = scores[1];
  check(labels.shape() == Shape{scores[0]}, "{}: the labels {} do not fit the scores {}", loss,
        labels.shape(), scores);
  check(weight.size() == 0 || weight.shape() == Shape{classes},
        "{}: the class weights {} do not fit the scores {}", loss, weight.shape(), scores);
  check(smoothing >= 0.0 && smoothing <= 1.0, "{}: label_smoothing must be from 0 to 1, got {}",
        loss, smoothing);
  Index ignored_rows = 0;
  for (Index i = 0; i < labels.size(); ++i) {
    const std::int32_t label = labels[i];
    ignored_rows += label == ignore_index ? 1 : 0;
    if (label == ignore_index || (label >= 0 && label < classes)) continue;
    fail("{}: row {} has the label {}, but there are {} classes", loss, i, label, classes);
  }
  double weight_sum = weight.size() == 0 ? static_cast<double>(classes) : 0.0;
  for (const T w : weight) weight_sum += static_cast<double>(w);
  return {.labels = labels,
          .weight = weight,
          .smoothing = smoothing,
          .ignore_index = ignore_index,
          .classes = classes,
          .weight_sum = weight_sum,
          .ignored_rows = ignored_rows};
}

template <class T>
double ClassTargets<T>::denominator() const {
  if (weight.size() == 0) return static_cast<double>(rows() - ignored_rows);
  double total = 0.0;
  for (Index i = 0; i < rows(); ++i) {
    if (!ignored(i)) total += weight_of(labels[i]);
  }
  return total;
}

template <class T>
Tensor<T> ClassTargets<T>::distribution(double scale) const {
  Tensor<T> result(Shape{rows(), classes});
  for (Index i = 0; i < rows(); ++i) {
    if (ignored(i)) continue;
    T* const row = result.data() + i * classes;
    if (smoothing > 0.0) {
      for (Index k = 0; k < classes; ++k) row[k] = static_cast<T>(scale * spread() * weight_of(k));
    }
    const Index y = labels[i];
    row[y] = static_cast<T>(scale * weight_of(y) * (1.0 - smoothing + spread()));
  }
  return result;
}

template <class T>
Tensor<T> ClassTargets<T>::row_totals(double scale) const {
  Tensor<T> result(Shape{rows(), 1});
  for (Index i = 0; i < rows(); ++i) {
    if (!ignored(i)) result[i] = static_cast<T>(scale * row_total(i));
  }
  return result;
}

template struct ClassTargets<float>;
template struct ClassTargets<double>;

}  // namespace glissade::nn::detail
