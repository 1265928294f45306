// Arithmetic on variables. Each operation: the value, then one rule for each input.

#include <cmath>
#include <utility>

#include "give_product.h"
#include "glissade/autograd/operation.h"
#include "glissade/core/elementwise.h"
#include "instantiate.h"

namespace glissade {

using detail::give_product;
using detail::RowWise;
using detail::write_product;
using kernels::Binary;
using kernels::Unary;

template <class T>
Variable<T> add(const Variable<T>& a, const Variable<T>& b) {
  return operation(
      "add", [&] { return kernels::binary(Binary::add, a.value(), b.value(), "add"); }, {a, b},
      RowWise{[](const auto& grad, const auto&, const auto& left, const auto&) {
        return sum_to(grad, left.shape());
      }},
      RowWise{[](const auto& grad, const auto&, const auto&, const auto& right) {
        return sum_to(grad, right.shape());
      }});
}

template <class T>
Variable<T> sub(const Variable<T>& a, const Variable<T>& b) {
  return operation_in_place(
      "sub", [&] { return kernels::binary(Binary::sub, a.value(), b.value(), "sub"); }, {a, b},
      [](Variable<T>& grad, std::span<const Variable<T>> inputs, GradientSink<T>& sink) {
        if (inputs[0].shape() != inputs[1].shape()) return false;
        if (sink.needed(1)) {
          sink.write(1, [&](Tensor<T>& to, T beta) {
            if (beta == T{}) to.fill(T{});
            kernels::binary_in_place(Binary::sub, to, grad.value(), "sub");
          });
        }
        if (sink.needed(0)) sink.give(0, std::move(grad));
        return true;
      },
      RowWise{[](const auto& grad, const auto&, const auto& left, const auto&) {
        return sum_to(grad, left.shape());
      }},
      RowWise{[](const auto& grad, const auto&, const auto&, const auto& right) {
        return neg(sum_to(grad, right.shape()));
      }});
}

template <class T>
Variable<T> mul(const Variable<T>& a, const Variable<T>& b) {
  return operation_in_place(
      "mul", [&] { return kernels::binary(Binary::mul, a.value(), b.value(), "mul"); }, {a, b},
      [](Variable<T>& grad, std::span<const Variable<T>> inputs, GradientSink<T>& sink) {
        if (inputs[0].shape() != inputs[1].shape()) return false;
        write_product(sink, 1, grad.value(), inputs[0].value());
        give_product(sink, 0, grad, inputs[1].value());
        return true;
      },
      RowWise{[](const auto& grad, const auto&, const auto& left, const auto& right) {
        return sum_to(grad * right, left.shape());
      }},
      RowWise{[](const auto& grad, const auto&, const auto& left, const auto& right) {
        return sum_to(grad * left, right.shape());
      }});
}

template <class T>
Variable<T> addcmul(const Variable<T>& x, const Variable<T>& a, const Variable<T>& b) {
  if (x.shape() != a.shape() || a.shape() != b.shape()) return x + a * b;
  Tensor<T> value = Tensor<T>::uninitialized(x.shape());
  kernels::multiply_add(value.size(), a.value().data(), b.value().data(), x.value().data(),
                        value.data());
  return operation_in_place(
      "addcmul", std::move(value), {x, a, b},
      [](Variable<T>& grad, std::span<const Variable<T>> inputs, GradientSink<T>& sink) {
        write_product(sink, 1, grad.value(), inputs[2].value());
        write_product(sink, 2, grad.value(), inputs[1].value());
        sink.give(0, std::move(grad));
        return true;
      },
      RowWise{[](const auto& grad, const auto&, const auto&, const auto&, const auto&) {
        return grad;
      }},
      RowWise{[](const auto& grad, const auto&, const auto&, const auto&, const auto& right) {
        return grad * right;
      }},
      RowWise{[](const auto& grad, const auto&, const auto&, const auto& left, const auto&) {
        return grad * left;
      }});
}

template <class T>
Variable<T> div(const Variable<T>& a, const Variable<T>& b) {
  return operation_in_place(
      "div", [&] { return kernels::binary(Binary::div, a.value(), b.value(), "div"); }, {a, b},
      [](Variable<T>& grad, std::span<const Variable<T>> inputs, GradientSink<T>& sink) {
        if (inputs[0].shape() != inputs[1].shape()) return false;
        if (!grad.node()->is_disposable()) grad = grad.detach();
        kernels::binary_in_place(Binary::div, grad.mutable_value(), inputs[1].value(), "div");
        if (sink.needed(1)) {
          Tensor<T> factor = inputs[0].value();
          kernels::binary_in_place(Binary::div, factor, inputs[1].value(), "div");
          kernels::binary_scalar_in_place(Binary::mul, factor, T{-1});
          write_product(sink, 1, grad.value(), factor);
        }
        if (sink.needed(0)) sink.give(0, std::move(grad));
        return true;
      },
      RowWise{[](const auto& grad, const auto&, const auto& left, const auto& right) {
        return sum_to(grad / right, left.shape());
      }},
      RowWise{[](const auto& grad, const auto& output, const auto&, const auto& right) {
        return neg(sum_to(grad * output / right, right.shape()));
      }});
}

namespace {

// A function of x whose derivative is the constant `slope`: x + c, c x, -x.
template <class T>
class ConstantSlopeNode final : public Node<T> {
 public:
  template <class Value>
  ConstantSlopeNode(const char* name, const Value& value, const Variable<T>& x, double slope)
      : Node<T>(value, true), name_(name), slope_(slope), x_(x) {
    this->set_inputs(&x_, 1);
  }

  const char* name() const override { return name_; }

  void backward(const Variable<T>& grad, const Variable<T>&, GradientSink<T>& sink) override {
    sink.give(0, slope_ == 1.0 ? grad : slope_ == -1.0 ? neg(grad) : grad * slope_);
  }

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    if (!grad.node()->is_disposable()) return false;
    if (slope_ != 1.0) {
      kernels::binary_scalar_in_place(Binary::mul, grad.mutable_value(), static_cast<T>(slope_));
    }
    sink.give(0, std::move(grad));
    return true;
  }

 private:
  const char* name_;
  double slope_;
  Variable<T> x_;
};

// f(x, c), with this slope.
template <class T>
Variable<T> constant_slope(const char* name, Binary f, const Variable<T>& x, double c,
                           double slope) {
  const auto value = [&x, f, c] { return kernels::binary_scalar(f, x.value(), static_cast<T>(c)); };
  if (!must_record(x)) return detail::constant<T>(value);
  return Variable<T>::adopt(new ConstantSlopeNode<T>(name, value, x, slope));
}

}  // namespace

template <class T>
Variable<T> add(const Variable<T>& x, double c) {
  return constant_slope("add_scalar", Binary::add, x, c, 1.0);
}

template <class T>
Variable<T> mul(const Variable<T>& x, double c) {
  return constant_slope("mul_scalar", Binary::mul, x, c, c);
}

template <class T>
Variable<T> neg(const Variable<T>& x) {
  return constant_slope("neg", Binary::mul, x, -1.0, -1.0);
}

template <class T>
Variable<T> pow(const Variable<T>& x, double exponent) {
  const auto power = [](const Tensor<T>& of, double to) {
    return kernels::binary_scalar(Binary::pow, of, static_cast<T>(to));
  };
  return operation_in_place(
      "pow_scalar", power(x.value(), exponent), {x},
      [exponent, power](Variable<T>& grad, std::span<const Variable<T>> inputs,
                        GradientSink<T>& sink) {
        if (exponent == 0.0) return false;
        Tensor<T> slope = power(inputs[0].value(), exponent - 1.0);
        kernels::binary_scalar_in_place(Binary::mul, slope, static_cast<T>(exponent));
        give_product(sink, 0, grad, slope);
        return true;
      },
      [exponent](const auto& grad, const auto&, const auto& in) {
        if (exponent == 0.0) return grad * 0.0;  // also at 0, where 0 * 0^-1 is not a number
        return grad * pow(in, exponent - 1.0) * exponent;
      });
}

namespace {
// Constants of 1 and 0 that keep the rules of pow away from log(0) and from 0 * infinity.

// 1 where b = 0.
template <class T>
Variable<T> where_zero(Tensor<T> b) {
  for (T& value : b) value = value == T{0} ? T{1} : T{0};
  return Variable<T>(std::move(b));
}

// 1 where e = 0 and 1 / b is infinite, of the shape they broadcast to.
template <class T>
Variable<T> where_inverse_overflows(Tensor<T> b, const Tensor<T>& e) {
  for (T& value : b) value = std::isinf(T{1} / value) ? T{0} : T{1};
  return where_zero(kernels::binary(Binary::add, b, kernels::unary(Unary::abs, e), "pow"));
}
}  // namespace

template <class T>
Variable<T> pow(const Variable<T>& base, const Variable<T>& exponent) {
  return operation(
      "pow", kernels::binary(Binary::pow, base.value(), exponent.value(), "pow"), {base, exponent},
      [](const auto& grad, const auto&, const auto& b, const auto& e) {
        // e b^(e - 1), and 0 where e is 0
        const auto lowered = e - 1.0 + where_inverse_overflows(b.value(), e.value());
        return sum_to(grad * e * pow(b, lowered), b.shape());
      },
      [](const auto& grad, const auto& output, const auto& b, const auto& e) {
        // b^e log(b), and 0 where b is 0
        const auto positive = b + where_zero(b.value());
        return sum_to(grad * output * log(positive), e.shape());
      });
}

#define GLISSADE_INSTANTIATE(T)                                                             \
  template Variable<T> add(const Variable<T>&, const Variable<T>&);                         \
  template Variable<T> sub(const Variable<T>&, const Variable<T>&);                         \
  template Variable<T> mul(const Variable<T>&, const Variable<T>&);                         \
  template Variable<T> addcmul(const Variable<T>&, const Variable<T>&, const Variable<T>&); \
  template Variable<T> div(const Variable<T>&, const Variable<T>&);                         \
  template Variable<T> add(const Variable<T>&, double);                                     \
  template Variable<T> mul(const Variable<T>&, double);                                     \
  template Variable<T> neg(const Variable<T>&);                                             \
  template Variable<T> pow(const Variable<T>&, double);                                     \
  template Variable<T> pow(const Variable<T>&, const Variable<T>&);
GLISSADE_FOR_EACH_FLOAT(GLISSADE_INSTANTIATE)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
