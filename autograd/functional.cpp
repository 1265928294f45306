#include "glissade/autograd/functional.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "examples.h"
#include "glissade/autograd/grad.h"
#include "glissade/autograd/grad_mode.h"
#include "glissade/autograd/ops.h"
#include "glissade/core/check.h"
#include "glissade/core/move.h"
#include "glissade/core/rng.h"

namespace glissade {
namespace {

template <class T>
Index total_size(const std::vector<Variable<T>>& inputs) {
  Index size = 0;
  for (const Variable<T>& input : inputs) size += input.size();
  return size;
}

// The values of all parts, one after the other.
template <class T>
void copy_parts(const std::vector<Variable<T>>& parts, T* to) {
  for (const Variable<T>& part : parts) {
    to = std::copy(part.value().begin(), part.value().end(), to);
  }
}

template <class T>
std::vector<Tensor<T>> values_of(const std::vector<Variable<T>>& variables) {
  std::vector<Tensor<T>> values;
  values.reserve(variables.size());
  for (const Variable<T>& variable : variables) values.push_back(variable.value());
  return values;
}

template <class T>
Variable<T> ones_like(const Variable<T>& x) {
  return Variable<T>(Tensor<T>::full(x.shape(), T{1}));
}

// As `grad`, with zeros for what the output does not depend on, also if that is everything.
template <class T>
std::vector<Variable<T>> pull_back(const Variable<T>& output,
                                   const std::vector<Variable<T>>& inputs,
                                   const Variable<T>& grad_output, bool create_graph = false) {
  if (output.requires_grad()) {
    return grad(output, inputs, grad_output,
                {.create_graph = create_graph, .retain_graph = true, .allow_unused = true});
  }
  std::vector<Variable<T>> zeros;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check(inputs[i].requires_grad(), "grad: input {} (of shape {}) does not require a gradient", i,
          inputs[i].shape());
    zeros.emplace_back(Tensor<T>(inputs[i].shape()));
  }
  return zeros;
}

template <class T>
void check_scalar(const Variable<T>& output, const char* name) {
  check(output.size() == 1, "{}: the output has shape {}, it must have one element", name,
        output.shape());
}

template <class T>
void check_vectors(const std::vector<Variable<T>>& inputs, const std::vector<Tensor<T>>& vectors,
                   const char* name) {
  check(vectors.size() == inputs.size(), "{}: {} inputs, but {} vectors", name, inputs.size(),
        vectors.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check(vectors[i].shape() == inputs[i].shape(),
          "{}: input {} has the shape {}, the vector for it {}", name, i, inputs[i].shape(),
          vectors[i].shape());
  }
}

// The sum of the products of `variables` with `vectors`; undefined if no variable has a graph.
template <class T>
Variable<T> along(const std::vector<Variable<T>>& variables,
                  const std::vector<Tensor<T>>& vectors) {
  Variable<T> total;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if (!variables[i].requires_grad()) continue;
    const Variable<T> part = sum(variables[i] * Variable<T>(vectors[i]));
    total = total.defined() ? total + part : part;
  }
  return total;
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
      copy_parts(pull_back(output, inputs, Variable<T>(unit)), rows);
      unit[i] = T{};
    }
  }
}

bool goes_by_rows(JacobianBy by, Index rows, Index columns) {
  return by == JacobianBy::rows || (by == JacobianBy::automatic && rows <= columns);
}

// For a batch of examples: writes d output[b, i] / d x[b, j] to to[b * stride + i * n + j], by one
// pass for each i, whose gradient is 1 at element i of every example.
template <class T>
void batched_rows(const Variable<T>& output, const Variable<T>& x, Index batch, T* to) {
  if (!output.requires_grad()) return;
  const Index m = output.size() / batch;
  const Index n = x.size() / batch;
  Tensor<T> unit(output.shape());
  for (Index i = 0; i < m; ++i) {
    for (Index b = 0; b < batch; ++b) unit[b * m + i] = T{1};
    const Variable<T> row = pull_back<T>(output, {x}, Variable<T>(unit)).front();
    for (Index b = 0; b < batch; ++b) {
      std::copy_n(row.value().data() + b * n, n, to + (b * m + i) * n);
      unit[b * m + i] = T{};
    }
  }
}

// A gradient that only some examples have must not reach the others.
template <class T>
void check_independent(const Variable<T>& output, const Variable<T>& x, Index batch) {
  if (!output.requires_grad() || batch < 2) return;
  Rng rng(1);
  Tensor<T> weights(output.shape());
  rng.fill_normal(weights, T{0}, T{1});
  const Index m = output.size() / batch;
  for (Index b = 0; b < batch; ++b) {
    if (!detail::is_in_sample(b, batch)) std::fill_n(weights.data() + b * m, m, T{});
  }
  const Variable<T> gradient = pull_back<T>(output, {x}, Variable<T>(weights)).front();
  const Index n = x.size() / batch;
  for (Index b = 0; b < batch; ++b) {
    if (detail::is_in_sample(b, batch)) continue;
    const std::span<const T> row(gradient.value().data() + b * n, static_cast<std::size_t>(n));
    check(std::all_of(row.begin(), row.end(), [](T g) { return g == T{} || std::isnan(g); }),
          "batched_jacobian: outputs of other examples depend on example {} of x {}; a batch "
          "normalisation in training, for one, mixes the examples",
          b, x.shape());
  }
}

}  // namespace

template <class T>
std::vector<Tensor<T>> detail::gradients(const Evaluation<T>& evaluation) {
  const Variable<T>& output = evaluation.output;
  check_scalar(output, "value_and_grad");
  return values_of(pull_back(output, evaluation.inputs, ones_like(output)));
}

template <class T>
std::vector<Tensor<T>> vjp(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                           const Tensor<T>& vector) {
  check(vector.shape() == output.shape(), "vjp: the output has the shape {}, the vector {}",
        output.shape(), vector.shape());
  return values_of(pull_back(output, inputs, Variable<T>(vector)));
}

template <class T>
Tensor<T> jvp(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
              const std::vector<Tensor<T>>& vectors) {
  check_vectors(inputs, vectors, "jvp");
  const RecordingScope recording(true);
  const Variable<T> u(Tensor<T>(output.shape()), true);
  const Variable<T> product = along(pull_back(output, inputs, u, true), vectors);
  if (!product.defined()) return Tensor<T>(output.shape());
  return pull_back<T>(product, {u}, ones_like(product)).front().value();
}

template <class T>
std::vector<Tensor<T>> hvp(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                           const std::vector<Tensor<T>>& vectors) {
  check_scalar(output, "hvp");
  check_vectors(inputs, vectors, "hvp");
  const RecordingScope recording(true);
  const Variable<T> slope = along(pull_back(output, inputs, ones_like(output), true), vectors);
  if (slope.defined()) return values_of(pull_back(slope, inputs, ones_like(slope)));
  std::vector<Tensor<T>> zeros;  // the gradient is constant
  zeros.reserve(inputs.size());
  for (const Variable<T>& input : inputs) zeros.emplace_back(input.shape());
  return zeros;
}

template <class T>
Tensor<T> hessian(const Variable<T>& output, const std::vector<Variable<T>>& inputs) {
  check_scalar(output, "hessian");
  const Index n = total_size(inputs);
  Tensor<T> result(Shape{n, n});
  gradients_by_row(pull_back(output, inputs, ones_like(output), true), inputs, n, result.data());
  return result;
}

template <class T>
Tensor<T> jacobian(const Variable<T>& output, const std::vector<Variable<T>>& inputs,
                   JacobianBy by) {
  const Index m = output.size();
  const Index n = total_size(inputs);
  if (goes_by_rows(by, m, n)) {
    Tensor<T> result(Shape{m, n});
    gradients_by_row({output}, inputs, n, result.data());
    return result;
  }
  // g(u) = Jᵀ u is linear: the gradient of g_j with respect to u is column j of J.
  const Variable<T> u(Tensor<T>(output.shape()), true);
  Tensor<T> columns(Shape{n, m});
  gradients_by_row(pull_back(output, inputs, u, true), {u}, m, columns.data());
  return kernels::transpose(columns);
}

template <class T>
Tensor<T> batched_jacobian(const Variable<T>& output, const Variable<T>& x, JacobianBy by) {
  check(output.rank() >= 1 && x.rank() >= 1 && output.dim(0) == x.dim(0),
        "batched_jacobian: the output {} and x {} must have the batch as their first axis",
        output.shape(), x.shape());
  const Index batch = x.dim(0);
  if (batch == 0) {
    return Tensor<T>(Shape{0, output.shape().without(0).size(), x.shape().without(0).size()});
  }
  check_independent(output, x, batch);
  const Index m = output.size() / batch;
  const Index n = x.size() / batch;
  Tensor<T> result(Shape{batch, m, n});
  if (goes_by_rows(by, m, n)) {
    batched_rows(output, x, batch, result.data());
    return result;
  }
  const Variable<T> u(Tensor<T>(output.shape()), true);
  Tensor<T> columns(Shape{batch, n, m});
  batched_rows(pull_back<T>(output, {x}, u, true).front(), u, batch, columns.data());
  for (Index b = 0; b < batch; ++b) {
    kernels::transpose(n, m, columns.data() + b * n * m, result.data() + b * n * m);
  }
  return result;
}

template <class T>
Variable<T> laplacian(const Variable<T>& output, const Variable<T>& x, const GradOptions& options) {
  const bool one_example = output.rank() == 0;
  const Index batch = one_example ? 1 : output.dim(0);
  check(output.size() == batch && (one_example || (x.rank() >= 1 && x.dim(0) == batch)),
        "laplacian: the output must be a scalar, or (batch) or (batch, 1) for x (batch, ...), got "
        "{} and x {}",
        output.shape(), x.shape());
  const Variable<T> zero(Tensor<T>(output.shape()));
  if (batch == 0) return zero;
  const RecordingScope recording(true);
  const Index n = x.size() / batch;
  // Examples are independent: the gradient of the sum is that of each.
  const Variable<T> slope = pull_back<T>(output, {x}, ones_like(output), true).front();
  const Variable<T> slopes = reshape(slope, Shape{batch, n});
  Variable<T> total;
  for (Index j = 0; slope.requires_grad() && j < n; ++j) {
    const Variable<T> along_j = sum(n == 1 ? slopes : slice(slopes, 1, j, j + 1));
    const Variable<T> second =
        pull_back<T>(along_j, {x}, ones_like(along_j), options.create_graph).front();
    const Variable<T> seconds = reshape(second, Shape{batch, n});
    const Variable<T> term = n == 1 ? seconds : slice(seconds, 1, j, j + 1);
    total = total.defined() ? total + term : term;
  }
  return total.defined() ? reshape(total, output.shape()) : zero;
}

#define GLISSADE_INSTANTIATE(T)                                                                 \
  template std::vector<Tensor<T>> detail::gradients(const Evaluation<T>&);                      \
  template std::vector<Tensor<T>> vjp(const Variable<T>&, const std::vector<Variable<T>>&,      \
                                      const Tensor<T>&);                                        \
  template Tensor<T> jvp(const Variable<T>&, const std::vector<Variable<T>>&,                   \
                         const std::vector<Tensor<T>>&);                                        \
  template std::vector<Tensor<T>> hvp(const Variable<T>&, const std::vector<Variable<T>>&,      \
                                      const std::vector<Tensor<T>>&);                           \
  template Tensor<T> hessian(const Variable<T>&, const std::vector<Variable<T>>&);              \
  template Tensor<T> jacobian(const Variable<T>&, const std::vector<Variable<T>>&, JacobianBy); \
  template Tensor<T> batched_jacobian(const Variable<T>&, const Variable<T>&, JacobianBy);      \
  template Variable<T> laplacian(const Variable<T>&, const Variable<T>&, const GradOptions&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
