// The power iteration.

#include <cmath>
#include <utility>
#include <vector>

#include "glissade/autograd/functional.h"
#include "glissade/core/check.h"
#include "glissade/core/rng.h"

namespace glissade {
namespace {

template <class T>
double dot(const std::vector<Tensor<T>>& a, const std::vector<Tensor<T>>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (Index j = 0; j < a[i].size(); ++j) {
      sum += static_cast<double>(a[i][j]) * static_cast<double>(b[i][j]);
    }
  }
  return sum;
}

// The length of the product of a unit vector, which tends to the spectral radius, and its part
// along that vector, which is an eigenvalue when it has converged.
struct Products {
  double length = 0.0;
  double along = 0.0;
};

// Power iteration with H + shift I, from the vector v.
template <class T>
Products iterate(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                 std::vector<Tensor<T>> v, double shift, const EigenvalueOptions& options) {
  Products found;
  for (std::int64_t k = 0; k < options.iterations; ++k) {
    const double length = std::sqrt(dot(v, v));
    if (length == 0.0) break;
    for (Tensor<T>& part : v) {
      for (T& element : part) element = static_cast<T>(static_cast<double>(element) / length);
    }
    std::vector<Tensor<T>> product = hvp(output, inputs, v);
    for (std::size_t i = 0; i < v.size(); ++i) {
      for (Index j = 0; j < v[i].size(); ++j) {
        product[i][j] += static_cast<T>(shift * static_cast<double>(v[i][j]));
      }
    }
    const double before = found.length;
    found = {.length = std::sqrt(dot(product, product)), .along = dot(v, product)};
    check(std::isfinite(found.length),
          "largest_eigenvalue: a product with the Hessian is not finite");
    v = std::move(product);
    if (k > 0 && std::abs(found.length - before) <= options.tolerance * found.length) break;
  }
  return found;
}

}  // namespace

template <class T>
double largest_eigenvalue(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                          const EigenvalueOptions& options) {
  check(options.iterations >= 1, "largest_eigenvalue: iterations must be at least 1, got {}",
        options.iterations);
  check(options.tolerance >= 0.0, "largest_eigenvalue: tolerance must be at least 0, got {}",
        options.tolerance);
  Rng rng(options.seed);
  const auto random_direction = [&] {
    std::vector<Tensor<T>> v;
    for (const Variable<T>& input : inputs) {
      v.emplace_back(input.shape());
      rng.fill_normal(v.back(), T{0}, T{1});
    }
    return v;
  };
  const Products largest = iterate(output, inputs, random_direction(), 0.0, options);
  if (largest.along >= (1.0 - 1e-4) * largest.length) return largest.along;
  // The largest in magnitude is negative, or there are two of opposite signs: all are positive when
  // the spectral radius is added.
  return iterate(output, inputs, random_direction(), largest.length, options).along -
         largest.length;
}

template double largest_eigenvalue(const Variable<float>&, const std::vector<Variable<float>>&,
                                   const EigenvalueOptions&);
template double largest_eigenvalue(const Variable<double>&, const std::vector<Variable<double>>&,
                                   const EigenvalueOptions&);

}  // namespace glissade
