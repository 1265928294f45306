#include "glissade/autograd/functional.h"

#include <algorithm>

#include "glissade/autograd/grad.h"
#include "glissade/autograd/ops.h"
#include "glissade/core/check.h"

namespace glissade {
namespace {

template <class T>
Index total_size(const std::vector<Variable<T>>& inputs) {
  Index size = 0;
  for (const Variable<T>& input : inputs) size += input.size();
  return size;
}

// The values of all parts, one after the other; an undefined gradient is skipped as zeros.
template <class T>
void copy_parts(const std::vector<Variable<T>>& parts, T* to) {
  for (const Variable<T>& part : parts) {
    to = std::copy(part.value().begin(), part.value().end(), to);
  }
}

// Row i is the gradient of element i of `outputs`, taken one after the other.
template <class T>
void gradients_by_row(const std::vector<Variable<T>>& outputs,
                      const std::vector<Variable<T>>& inputs, Index columns, T* rows) {
  for (const Variable<T>& output : outputs) {
    if (!output.requires_grad()) {  // does not depend on anything: its rows stay zero
      rows += output.size() * columns;
      continue;
    }
    Tensor<T> unit(output.shape());
    for (Index i = 0; i < output.size(); ++i, rows += columns) {
      unit[i] = T{1};
      copy_parts(
          grad(output, inputs, Variable<T>(unit), {.retain_graph = true, .allow_unused = true}),
          rows);
      unit[i] = T{};
    }
  }
}

}  // namespace

template <class T>
std::vector<Tensor<T>> hvp(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                           const std::vector<Tensor<T>>& vectors) {
  check(vectors.size() == inputs.size(), "hvp: {} inputs, but {} vectors", inputs.size(),
        vectors.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check(vectors[i].shape() == inputs[i].shape(),
          "hvp: input {} has the shape {}, the vector for it {}", i, inputs[i].shape(),
          vectors[i].shape());
  }
  const auto gradients = grad(output, inputs, {.create_graph = true, .allow_unused = true});
  Variable<T> along;  // the gradient times the vector
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!gradients[i].requires_grad()) continue;
    const Variable<T> part = sum(gradients[i] * Variable<T>(vectors[i]));
    along = along.defined() ? along + part : part;
  }
  std::vector<Tensor<T>> products;
  if (!along.defined()) {  // the gradient is constant
    for (const Variable<T>& input : inputs) products.emplace_back(input.shape());
    return products;
  }
  for (const Variable<T>& product :
       grad(along, inputs, {.retain_graph = true, .allow_unused = true})) {
    products.push_back(product.value());
  }
  return products;
}

template <class T>
Tensor<T> hessian(const Variable<T>& output, const std::vector<Variable<T>>& inputs) {
  const Index n = total_size(inputs);
  Tensor<T> result(Shape{n, n});
  gradients_by_row(grad(output, inputs, {.create_graph = true, .allow_unused = true}), inputs, n,
                   result.data());
  return result;
}

template <class T>
Tensor<T> jacobian(const Variable<T>& output, const std::vector<Variable<T>>& inputs) {
  const Index m = output.size();
  const Index n = total_size(inputs);
  Tensor<T> result(Shape{m, n});
  if (m <= n) {
    gradients_by_row({output}, inputs, n, result.data());
    return result;
  }
  // g(u) = Jᵀ u is linear: the gradient of g_j with respect to u is column j of J.
  const Variable<T> u(Tensor<T>(output.shape()), true);
  const auto products = grad(output, inputs, u, {.create_graph = true, .allow_unused = true});
  Tensor<T> columns(Shape{n, m});
  gradients_by_row(products, {u}, m, columns.data());
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) result[i * n + j] = columns[j * m + i];
  }
  return result;
}

#define GLISSADE_INSTANTIATE(T)                                                            \
  template std::vector<Tensor<T>> hvp(const Variable<T>&, const std::vector<Variable<T>>&, \
                                      const std::vector<Tensor<T>>&);                      \
  template Tensor<T> hessian(const Variable<T>&, const std::vector<Variable<T>>&);         \
  template Tensor<T> jacobian(const Variable<T>&, const std::vector<Variable<T>>&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
