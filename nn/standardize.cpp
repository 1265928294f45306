// Means and standard deviations of data; see the header.
#include "glissade/nn/standardize.h"

#include <cmath>
#include <vector>

namespace glissade::nn {
namespace {

// Of each column of x, seen as (N, columns); sums are in double. Two passes, because the mean of
// the squares less the square of the mean loses digits where the mean is large.
template <class T>
Moments<T> column_moments(const Tensor<T>& x, const Shape& columns) {
  const auto width = static_cast<std::size_t>(columns.size());
  const Index rows = x.size() / columns.size();
  const auto count = static_cast<double>(rows);
  const auto values = x.span();
  std::vector<double> mean(width, 0.0);
  std::vector<double> variance(width, 0.0);
  // Distances from the first row: a constant column's are exactly 0.
  for (std::size_t at = 0; at < values.size(); at += width) {
    for (std::size_t j = 0; j < width; ++j) {
      mean[j] += static_cast<double>(values[at + j]) - static_cast<double>(values[j]);
    }
  }
  for (std::size_t j = 0; j < width; ++j) {
    mean[j] = static_cast<double>(values[j]) + mean[j] / count;
  }
  for (std::size_t at = 0; at < values.size(); at += width) {
    for (std::size_t j = 0; j < width; ++j) {
      const double distance = static_cast<double>(values[at + j]) - mean[j];
      variance[j] += distance * distance;
    }
  }
  Moments<T> result{Tensor<T>(columns), Tensor<T>(columns)};
  for (std::size_t j = 0; j < width; ++j) {
    result.mean.span()[j] = static_cast<T>(mean[j]);
    result.std.span()[j] = static_cast<T>(std::sqrt(variance[j] / count));
  }
  return result;
}

}  // namespace

template <class T>
Moments<T> moments(const Tensor<T>& x) {
  check(x.size() > 0, "moments: the tensor {} is empty", x.shape());
  return column_moments(x, Shape{});
}

template <class T>
Moments<T> moments_by_feature(const Tensor<T>& x) {
  check(x.rank() == 2 && x.size() > 0,
        "moments_by_feature: expected (N, features), neither of them 0, got {}", x.shape());
  return column_moments(x, Shape{x.dim(1)});
}

template <class T>
void standardize(Tensor<T>& x, const Moments<T>& moments) {
  const Shape& shape = moments.mean.shape();
  const bool fits =
      shape.rank() == 0 || (shape.rank() == 1 && x.rank() >= 1 && x.dim(-1) == shape[0]);
  check(fits && moments.std.shape() == shape,
        "standardize: moments of shapes {} and {} do not fit data of shape {}", shape,
        moments.std.shape(), x.shape());
  const auto mean = moments.mean.span();
  std::vector<T> factor;
  for (const T std : moments.std.span()) factor.push_back(std == T(0) ? T(1) : T(1) / std);
  const auto values = x.span();
  for (std::size_t row = 0; row < values.size(); row += mean.size()) {
    for (std::size_t j = 0; j < mean.size(); ++j) {
      values[row + j] = (values[row + j] - mean[j]) * factor[j];
    }
  }
}

#define GLISSADE_INSTANTIATE(T)                             \
  template Moments<T> moments(const Tensor<T>&);            \
  template Moments<T> moments_by_feature(const Tensor<T>&); \
  template void standardize(Tensor<T>&, const Moments<T>&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade::nn
