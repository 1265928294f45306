// The matrix product and the fused dense layer.

#include <algorithm>
#include <array>
#include <utility>

#include "activation_rule.h"
#include "glissade/autograd/operation.h"
#include "glissade/core/gemm.h"
#include "glissade/core/reduce.h"
#include "instantiate.h"

namespace glissade {
namespace {

constexpr Transpose flip(Transpose t) {
  return t == Transpose::no ? Transpose::yes : Transpose::no;
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
    gemm(Transpose::yes, Transpose::no, m, n, rows, T{1}, left, right, beta, result);
  }
}

template <class T>
Variable<T> product(const Variable<T>& a, Transpose ta, const Variable<T>& b, Transpose tb);

// op(a) op(b), (m, k) times (k, n); the transposes are flags of the product, here and in the rules.
// A vector on the left is one row, on the right one column.
template <class T>
class ProductNode final : public Node<T> {
 public:
  ProductNode(Tensor<T>&& value, const Variable<T>& a, Transpose ta, const Variable<T>& b,
              Transpose tb)
      : Node<T>(std::move(value), true), ta_(ta), tb_(tb), inputs_{a, b} {
    this->set_inputs(inputs_.data(), inputs_.size());
  }

  const char* name() const override { return "matmul"; }

  void backward(const Variable<T>& grad, const Variable<T>&, GradientSink<T>& sink) override {
    const auto [m, n, k] = extents(inputs_[0].shape(), ta_, inputs_[1].shape(), tb_);
    const bool row = inputs_[0].rank() == 1;
    const bool column = inputs_[1].rank() == 1;
    const Variable<T> a = row ? reshape(inputs_[0], Shape{1, k}) : inputs_[0];
    const Variable<T> b = column ? reshape(inputs_[1], Shape{k, 1}) : inputs_[1];
    const Variable<T> g = reshape(grad, Shape{m, n});
    if (sink.needed(0)) {
      // d op(a) = grad op(b)ᵀ; for a transposed a, its transpose: op(b) gradᵀ
      const Variable<T> da = ta_ == Transpose::no ? product(g, Transpose::no, b, flip(tb_))
                                                  : product(b, tb_, g, Transpose::yes);
      sink.give(0, reshape(da, inputs_[0].shape()));
    }
    if (sink.needed(1)) {
      // d op(b) = op(a)ᵀ grad; for a transposed b, its transpose: gradᵀ op(a)
      const Variable<T> db = tb_ == Transpose::no ? product(a, flip(ta_), g, Transpose::no)
                                                  : product(g, Transpose::yes, a, ta_);
      sink.give(1, reshape(db, inputs_[1].shape()));
    }
  }

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    const auto [m, n, k] = extents(inputs_[0].shape(), ta_, inputs_[1].shape(), tb_);
    const T* const g = grad.value().data();
    const T* const a = inputs_[0].value().data();
    const T* const b = inputs_[1].value().data();
    if (sink.needed(0)) {
      sink.write(0, [&, m = m, n = n, k = k](Tensor<T>& da, T beta) {
        if (ta_ == Transpose::no) {
          gemm(Transpose::no, flip(tb_), m, k, n, T{1}, g, b, beta, da.data());
        } else {
          gemm(tb_, Transpose::yes, k, m, n, T{1}, b, g, beta, da.data());
        }
      });
    }
    if (sink.needed(1)) {
      sink.write(1, [&, m = m, n = n, k = k](Tensor<T>& db, T beta) {
        if (tb_ == Transpose::no) {
          gemm(flip(ta_), Transpose::no, k, n, m, T{1}, a, g, beta, db.data());
        } else {
          gemm(Transpose::yes, ta_, n, k, m, T{1}, g, a, beta, db.data());
        }
      });
    }
    return true;
  }

  bool backward_per_example(const Variable<T>& grad, PerExampleSink<T>& sink) override {
    const bool transposed = ta_ == Transpose::yes || tb_ == Transpose::yes;
    if (transposed || sink.needed(0) || this->value().rank() != 2) return false;
    sink.write(1, [&](Tensor<T>& db, T beta) {
      products_by_example(sink.examples(), inputs_[0].value(), grad.value(), beta, db);
    });
    return true;
  }

  struct Extents {
    Index m;
    Index n;
    Index k;
  };
  static Extents extents(const Shape& a, Transpose ta, const Shape& b, Transpose tb) {
    const bool row = a.rank() == 1;
    const bool column = b.rank() == 1;
    const Index k = row ? a[0] : a[ta == Transpose::no ? 1 : 0];
    check(k == b[column || tb == Transpose::no ? 0 : 1],
          "matmul: inner dimensions of {} and {} differ", a, b);
    return {row ? 1 : a[ta == Transpose::no ? 0 : 1], column ? 1 : b[tb == Transpose::no ? 1 : 0],
            k};
  }

 private:
  Transpose ta_;
  Transpose tb_;
  std::array<Variable<T>, 2> inputs_;
};

template <class T>
Variable<T> product(const Variable<T>& a, Transpose ta, const Variable<T>& b, Transpose tb) {
  const auto [m, n, k] = ProductNode<T>::extents(a.shape(), ta, b.shape(), tb);
  const bool row = a.rank() == 1;
  const bool column = b.rank() == 1;
  const Shape shape = row && column ? Shape{} : row ? Shape{n} : column ? Shape{m} : Shape{m, n};
  Tensor<T> value = Tensor<T>::uninitialized(shape);
  gemm(ta, tb, m, n, k, T{1}, a.value().data(), b.value().data(), T{0}, value.data());
  if (!must_record(a, b)) return Variable<T>(std::move(value));
  return Variable<T>::adopt(new ProductNode<T>(std::move(value), a, ta, b, tb));
}

}  // namespace

template <class T>
Variable<T> matmul(const Variable<T>& a, const Variable<T>& b) {
  check(a.rank() >= 1 && a.rank() <= 2 && b.rank() >= 1 && b.rank() <= 2,
        "matmul: the operands of shapes {} and {} must be matrices or vectors", a.shape(),
        b.shape());
  return product(a, Transpose::no, b, Transpose::no);
}

namespace {

// Rows of at least this length are worth vectors of their own, row by row.
constexpr Index kWideRow = 16;

// y = f(x Wᵀ + b). x: (batch, in), W: (out, in), b: (out) or undefined, y: (batch, out).
template <class T>
class LinearNode final : public Node<T> {
 public:
  template <class Value>
  LinearNode(const Activation& activation, const Value& value, const Variable<T>& x,
             const Variable<T>& weight, const Variable<T>& bias)
      : Node<T>(value, true), activation_(activation), inputs_{x, weight, bias} {
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
    const Index batch = x.dim(0);
    const Index in = x.dim(1);
    const Index out = weight.dim(0);
    pass_activation_and_bias(grad, sink);
    const Tensor<T>& dz = grad.value();
    if (sink.needed(kWeight)) {
      sink.write(kWeight, [&](Tensor<T>& dw, T beta) {
        gemm(Transpose::yes, Transpose::no, out, in, batch, T{1}, dz.data(), x.data(), beta,
             dw.data());
      });
    }
    if (sink.needed(kX)) {
      sink.write(kX, [&](Tensor<T>& dx, T beta) {
        gemm(Transpose::no, Transpose::no, batch, in, out, T{1}, dz.data(), weight.data(), beta,
             dx.data());
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

  // Makes of `grad`, the gradient of y, that of x Wᵀ + b, and writes the bias's.
  void pass_activation_and_bias(Variable<T>& grad, GradientSink<T>& sink) const {
    const Index batch = this->value().dim(0);
    const Index out = this->value().dim(1);
    const bool is_identity = activation_.kind == Activation::Kind::identity;
    if (!sink.needed(kBias)) {
      if (is_identity) return;
      grad = activation_gradient<T>(activation_, std::move(grad), nullptr, this->value());
    } else if (is_identity) {
      sink.write(kBias, [&](Tensor<T>& db, T beta) {
        kernels::sum_rows(batch, out, grad.value().data(), beta, db.data());
      });
    } else {
      if (!grad.node()->is_disposable()) grad = grad.detach();
      sink.write(kBias, [&](Tensor<T>& db, T beta) {
        kernels::bias_activation_backward(activation_, batch, out, this->value().data(),
                                          grad.mutable_value().data(), beta, db.data());
      });
    }
  }

  Activation activation_;
  std::array<Variable<T>, 3> inputs_;
};

// f(x Wᵀ + b)
template <class T>
Tensor<T> linear_value(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                       const Activation& activation) {
  const Index batch = x.dim(0);
  const Index out = weight.dim(0);
  Tensor<T> y = Tensor<T>::uninitialized(Shape{batch, out});
  // A bias without an activation, or of short rows, is laid down first and the product added to it;
  // otherwise the activation's pass adds it.
  const bool laid_down =
      bias.defined() && (activation.kind == Activation::Kind::identity || out < kWideRow);
  if (laid_down) {
    const Tensor<T>& b = bias.value();
    if (out == 1) {
      y.fill(b[0]);
    } else {
      for (Index row = 0; row < batch; ++row) std::copy(b.begin(), b.end(), y.data() + row * out);
    }
  }
  gemm(Transpose::no, Transpose::yes, batch, out, x.dim(1), T{1}, x.value().data(),
       weight.value().data(), laid_down ? T{1} : T{0}, y.data());
  if (bias.defined() && !laid_down) {
    kernels::bias_activation_forward(activation, batch, out, bias.value().data(), y.data());
  } else {
    kernels::activation_forward(activation, y.size(), y.data(), y.data());
  }
  return y;
}

}  // namespace

template <class T>
Variable<T> linear(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                   const Activation& activation) {
  if (!activation.from_output()) {
    fail("linear: {} cannot be fused, its derivative needs its input", to_string(activation.kind));
  }
  check(x.rank() == 2, "linear: the input of shape {} is not a batch of rows (batch, in)",
        x.shape());
  check(weight.rank() == 2, "linear: the weight of shape {} is not a matrix (out, in)",
        weight.shape());
  check(x.dim(1) == weight.dim(1),
        "linear: the input of shape {} has {} features, the weight of shape {} takes {}", x.shape(),
        x.dim(1), weight.shape(), weight.dim(1));
  const Index out = weight.dim(0);
  if (bias.defined()) {
    check(bias.rank() == 1 && bias.size() == out,
          "linear: the bias of shape {} does not fit the weight of shape {}", bias.shape(),
          weight.shape());
  }

  const auto value = [&] { return linear_value(x, weight, bias, activation); };
  if (!must_record(x, weight, bias)) return detail::constant<T>(value);
  return Variable<T>::adopt(new LinearNode<T>(activation, value, x, weight, bias));
}

#define GLISSADE_INSTANTIATE(T)                                                           \
  template Variable<T> matmul(const Variable<T>&, const Variable<T>&);                    \
  template Variable<T> linear(const Variable<T>&, const Variable<T>&, const Variable<T>&, \
                              const Activation&);
GLISSADE_FOR_EACH_FLOAT(GLISSADE_INSTANTIATE)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
