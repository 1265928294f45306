// The matrix product and the fused dense layer.

#include <array>
#include <utility>

#include "activation_rule.h"
#include "glissade/autograd/operation.h"
#include "glissade/core/elementwise.h"
#include "glissade/core/gemm.h"
#include "glissade/core/reduce.h"
#include "instantiate.h"

namespace glissade {
namespace {

constexpr Transpose flip(Transpose t) {
  return t == Transpose::no ? Transpose::yes : Transpose::no;
}

// to = a bᵀ + beta to, (m, n). All time goes into writing `to`; a call of BLAS would do no better.
template <class T>
void outer_product(const T* a, Index m, const T* b, Index n, T beta, T* to) {
  for (Index i = 0; i < m; ++i, to += n) {
    const T factor = a[i];
    if (beta == T{}) {
      for (Index j = 0; j < n; ++j) to[j] = factor * b[j];
    } else {
      for (Index j = 0; j < n; ++j) to[j] = factor * b[j] + beta * to[j];
    }
  }
}

// to[i] = a[i]ᵀ b[i] + beta to[i], with a (examples rows, m) and b (examples rows, n) in parts of
// as many rows, and to (examples, m, n).
template <class T>
void products_by_example(Index examples, const Tensor<T>& a, const Tensor<T>& b, T beta,
                         Tensor<T>& to) {
  const Index rows = a.dim(0) / examples;
  const Index m = a.dim(1);
  const Index n = b.dim(1);
  for (Index i = 0; i < examples; ++i) {
    const T* const left = a.data() + i * rows * m;
    const T* const right = b.data() + i * rows * n;
    T* const result = to.data() + i * m * n;
    if (rows == 1) {
      outer_product(left, m, right, n, beta, result);
    } else {
      gemm(Transpose::yes, Transpose::no, m, n, rows, T{1}, left, right, beta, result);
    }
  }
}

template <class T>
Variable<T> product(const Variable<T>& a, Transpose ta, const Variable<T>& b, Transpose tb);

// op(a) op(b) for matrices; the transposes are flags of the product, here and in the rules.
template <class T>
class ProductNode final : public Node<T> {
 public:
  ProductNode(Tensor<T> value, const Variable<T>& a, Transpose ta, const Variable<T>& b,
              Transpose tb)
      : Node<T>(std::move(value), true), ta_(ta), tb_(tb), inputs_{a, b} {
    this->set_inputs(inputs_.data(), inputs_.size());
  }

  const char* name() const override { return "matmul"; }

  void backward(const Variable<T>& grad, const Variable<T>&, GradientSink<T>& sink) override {
    const auto& [a, b] = inputs_;
    // d op(a) = grad op(b)ᵀ; for a transposed a, its transpose: op(b) gradᵀ
    if (sink.needed(0)) {
      sink.give(0, ta_ == Transpose::no ? product(grad, Transpose::no, b, flip(tb_))
                                        : product(b, tb_, grad, Transpose::yes));
    }
    // d op(b) = op(a)ᵀ grad; for a transposed b, its transpose: gradᵀ op(a)
    if (sink.needed(1)) {
      sink.give(1, tb_ == Transpose::no ? product(a, flip(ta_), grad, Transpose::no)
                                        : product(grad, Transpose::yes, a, ta_));
    }
  }

  bool backward_per_example(const Variable<T>& grad, PerExampleSink<T>& sink) override {
    if (ta_ == Transpose::yes || sink.needed(0)) return false;
    const Tensor<T>& a = inputs_[0].value();
    sink.write(1, [&](Tensor<T>& db, T beta) {
      const bool flipped = tb_ == Transpose::yes;
      products_by_example(sink.examples(), flipped ? grad.value() : a, flipped ? a : grad.value(),
                          beta, db);
    });
    return true;
  }

 private:
  Transpose ta_;
  Transpose tb_;
  std::array<Variable<T>, 2> inputs_;
};

template <class T>
Variable<T> product(const Variable<T>& a, Transpose ta, const Variable<T>& b, Transpose tb) {
  Tensor<T> value = matmul(a.value(), b.value(), ta, tb);
  const std::array<Variable<T>, 2> inputs{a, b};
  if (!must_record<T>(inputs)) return Variable<T>(std::move(value));
  return Variable<T>::adopt(new ProductNode<T>(std::move(value), a, ta, b, tb));
}

}  // namespace

template <class T>
Variable<T> matmul(const Variable<T>& a, const Variable<T>& b) {
  if (a.rank() == 2 && b.rank() == 2) return product(a, Transpose::no, b, Transpose::no);
  check(a.rank() >= 1 && a.rank() <= 2 && b.rank() >= 1 && b.rank() <= 2,
        "matmul: the operands of shapes {} and {} must be matrices or vectors", a.shape(),
        b.shape());
  const bool row = a.rank() == 1;
  const bool column = b.rank() == 1;
  check(a.dim(-1) == b.dim(0), "matmul: inner dimensions of {} and {} differ", a.shape(),
        b.shape());
  const Variable<T> left = row ? reshape(a, Shape{1, a.dim(0)}) : a;
  const Variable<T> right = column ? reshape(b, Shape{b.dim(0), 1}) : b;
  const Variable<T> result = product(left, Transpose::no, right, Transpose::no);
  if (row && column) return reshape(result, Shape{});
  return reshape(result, Shape{row ? result.dim(1) : result.dim(0)});
}

namespace {

// y = f(x Wᵀ + b). x: (batch, in), W: (out, in), b: (out) or undefined, y: (batch, out).
template <class T>
class LinearNode final : public Node<T> {
 public:
  LinearNode(const Activation& activation, Tensor<T> y, const Variable<T>& x,
             const Variable<T>& weight, const Variable<T>& bias)
      : Node<T>(std::move(y), true), activation_(activation), inputs_{x, weight, bias} {
    this->set_inputs(inputs_.data(), inputs_.size());
  }

  const char* name() const override { return "linear"; }

  void backward(const Variable<T>& grad, const Variable<T>& output,
                GradientSink<T>& sink) override {
    const Variable<T>& x = inputs_[kX];
    const Variable<T>& weight = inputs_[kWeight];
    const Variable<T> dz = activation_rule(activation_, grad, Variable<T>(), output);
    if (sink.needed(kX)) sink.give(kX, product(dz, Transpose::no, weight, Transpose::no));
    if (sink.needed(kWeight)) sink.give(kWeight, product(dz, Transpose::yes, x, Transpose::no));
    if (sink.needed(kBias)) sink.give(kBias, sum(dz, 0));
  }

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    const Tensor<T>& x = inputs_[kX].value();
    const Tensor<T>& weight = inputs_[kWeight].value();
    const Variable<T> gradient =
        activation_.kind == Activation::Kind::identity
            ? std::move(grad)
            : activation_gradient<T>(activation_, std::move(grad), nullptr, this->value());
    const Tensor<T>& dz = gradient.value();  // (batch, out)
    if (sink.needed(kBias)) {
      sink.write(kBias, [&](Tensor<T>& db, T beta) { kernels::sum_axis(dz, 0, beta, db); });
    }
    if (sink.needed(kWeight)) {
      sink.write(kWeight, [&](Tensor<T>& dw, T beta) {
        matmul_into(dz, Transpose::yes, x, Transpose::no, beta, dw);
      });
    }
    if (sink.needed(kX)) {
      sink.write(kX, [&](Tensor<T>& dx, T beta) {
        matmul_into(dz, Transpose::no, weight, Transpose::no, beta, dx);
      });
    }
    return true;
  }

  // The gradient of example i is dz_iᵀ x_i: an outer product, if the example is one row.
  bool backward_per_example(const Variable<T>& grad, PerExampleSink<T>& sink) override {
    if (sink.needed(kX)) return false;
    const Variable<T> gradient =
        activation_.kind == Activation::Kind::identity
            ? grad
            : activation_gradient<T>(activation_, grad, nullptr, this->value());
    const T* const dz = gradient.value().data();
    const Index out = this->value().dim(1);
    const Index rows = this->value().dim(0) / sink.examples();
    if (sink.needed(kBias)) {
      sink.write(kBias, [&](Tensor<T>& db, T beta) {
        if (beta == T{}) db.fill(T{});
        for (Index i = 0; i < sink.examples(); ++i) {
          for (Index r = i * rows; r < (i + 1) * rows; ++r) {
            for (Index j = 0; j < out; ++j) db[i * out + j] += dz[r * out + j];
          }
        }
      });
    }
    if (sink.needed(kWeight)) {
      sink.write(kWeight, [&](Tensor<T>& dw, T beta) {
        products_by_example(sink.examples(), gradient.value(), inputs_[kX].value(), beta, dw);
      });
    }
    return true;
  }

 private:
  static constexpr std::size_t kX = 0;
  static constexpr std::size_t kWeight = 1;
  static constexpr std::size_t kBias = 2;

  Activation activation_;
  std::array<Variable<T>, 3> inputs_;
};

}  // namespace

template <class T>
Variable<T> linear(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                   const Activation& activation) {
  check(activation.from_output(), "linear: {} cannot be fused, its derivative needs its input",
        to_string(activation.kind));
  check(x.rank() == 2, "linear: the input of shape {} is not a batch of rows (batch, in)",
        x.shape());
  check(weight.rank() == 2, "linear: the weight of shape {} is not a matrix (out, in)",
        weight.shape());
  check(x.dim(1) == weight.dim(1),
        "linear: the input of shape {} has {} features, the weight of shape {} takes {}", x.shape(),
        x.dim(1), weight.shape(), weight.dim(1));
  const Index out = weight.dim(0);
  if (bias.defined()) {
    check(bias.shape() == Shape{out},
          "linear: the bias of shape {} does not fit the weight of shape {}", bias.shape(),
          weight.shape());
  }

  // The bias is laid down first and the product added to it: one pass less over y.
  const Shape shape{x.dim(0), out};
  Tensor<T> y =
      bias.defined() ? kernels::broadcast_to(bias.value(), shape) : Tensor<T>::uninitialized(shape);
  matmul_into(x.value(), Transpose::no, weight.value(), Transpose::yes,
              bias.defined() ? T{1} : T{0}, y);
  kernels::activation_forward(activation, y.size(), y.data(), y.data());

  const std::array<Variable<T>, 3> inputs{x, weight, bias};
  if (!must_record<T>(inputs)) return Variable<T>(std::move(y));
  return Variable<T>::adopt(new LinearNode<T>(activation, std::move(y), x, weight, bias));
}

#define GLISSADE_INSTANTIATE(T)                                                           \
  template Variable<T> matmul(const Variable<T>&, const Variable<T>&);                    \
  template Variable<T> linear(const Variable<T>&, const Variable<T>&, const Variable<T>&, \
                              const Activation&);
GLISSADE_FOR_EACH_FLOAT(GLISSADE_INSTANTIATE)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
