// Element-wise work and reductions give the same bits with any number of threads.
#include <cstdint>

#include "catch.h"
#include "glissade/core/activation.h"
#include "glissade/core/elementwise.h"
#include "glissade/core/parallel.h"
#include "glissade/core/reduce.h"
#include "glissade/core/rng.h"
#include "glissade/core/softmax.h"
#include "support/threads.h"

using namespace glissade;

namespace {

template <class T>
Tensor<T> numbers(const Shape& shape, std::uint64_t seed) {
  Rng rng(seed);
  Tensor<T> x(shape);
  rng.fill_normal(x, T{0}, T{1});
  return x;
}

// `compute` is called with one thread and with several.
template <class Compute>
void check_same(const char* what, const Compute& compute) {
  const auto with = [&](int threads) {
    const Threads scope(threads);
    return compute();
  };
  const auto one = with(1);
  for (const int threads : {2, 3, 7}) {
    INFO(what << ", " << threads << " threads");
    CHECK((with(threads) == one));
  }
}

template <class T>
void check_kernels() {
  const auto x = numbers<T>({301, 1003}, 1);
  const auto y = numbers<T>({301, 1003}, 2);
  const auto row = numbers<T>({1003}, 3);
  const auto column = numbers<T>({301, 1}, 4);
  for (const auto f : {kernels::Unary::abs, kernels::Unary::exp, kernels::Unary::sin}) {
    check_same("unary", [&] { return kernels::unary(f, x); });
  }
  for (const auto f : {kernels::Binary::add, kernels::Binary::pow}) {
    check_same("binary", [&] {  // of positive numbers: NaN would not be equal to itself
      return kernels::binary(f, kernels::unary(kernels::Unary::abs, x), y, "f");
    });
    for (const Tensor<T>* other : {&y, &row, &column}) {
      check_same("binary", [&] {
        Tensor<T> result = kernels::binary(kernels::Binary::mul, x, *other, "mul");
        kernels::binary_in_place(kernels::Binary::sub, result, y, "sub");
        return result;
      });
    }
  }
  check_same("multiply_add", [&] {
    Tensor<T> result(x.shape());
    kernels::multiply_add<T>(x.size(), x.data(), y.data(), x.data(), result.data());
    Tensor<T> product(x.shape());
    kernels::multiply_add<T>(x.size(), x.data(), y.data(), nullptr, product.data());
    return kernels::binary(kernels::Binary::add, result, product, "add");
  });
  for (const auto kind : {Activation::Kind::relu, Activation::Kind::tanh, Activation::Kind::gelu,
                          Activation::Kind::identity}) {
    const Activation activation{.kind = kind};
    check_same("activation", [&] {
      Tensor<T> result = x;
      kernels::bias_activation_forward(activation, x.dim(0), x.dim(1), row.data(), result.data());
      kernels::activation_forward(activation, x.size(), result.data(), result.data());
      Tensor<T> gradient(x.shape());
      kernels::activation_backward(activation, x.size(), x.data(), result.data(), y.data(),
                                   gradient.data());
      return gradient;
    });
  }
  for (const int axis : {0, 1}) {
    check_same("softmax", [&] { return kernels::softmax(x, axis); });
    check_same("log_softmax", [&] { return kernels::log_softmax(x, axis); });
    check_same("logsumexp", [&] { return kernels::logsumexp(x, axis); });
    check_same("sum", [&] {
      Tensor<T> result = axis == 0 ? row : column;
      kernels::sum_axis(x, axis, T{1}, result);
      return result;
    });
  }
  check_same("sum of a middle axis", [&] {
    Tensor<T> result({7, 1003});
    kernels::sum_axis(x.reshape({7, 43, 1003}), 1, T{0}, result);
    return result;
  });
  check_same("sum", [&] { return kernels::sum(x); });
  check_same("sum of squares", [&] { return kernels::sum_of_squares(x); });
}

}  // namespace

TEST_CASE("element-wise work and reductions do not depend on the threads", "[threads]") {
  check_kernels<float>();
  check_kernels<double>();
}

TEST_CASE("sums by blocks are the sum", "[threads]") {
  const Threads scope(2);
  for (const Index n : {65535, 65536, 65537, 300000}) {
    const auto x = numbers<double>({n}, 5);
    long double sum = 0.0L;
    long double squares = 0.0L;
    for (const double value : x) {
      sum += value;
      squares += static_cast<long double>(value) * value;
    }
    CHECK(kernels::sum(x) == Approx(static_cast<double>(sum)).epsilon(1e-12));
    CHECK(kernels::sum_of_squares(x) == Approx(static_cast<double>(squares)).epsilon(1e-13));
  }
  // Columns and rows, against a plain loop.
  Tensor<double> x({130, 517});
  for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i % 17);
  Tensor<double> columns({517});
  Tensor<double> rows({130});
  kernels::sum_axis(x, 0, 0.0, columns);
  kernels::sum_axis(x, 1, 0.0, rows);
  for (Index j = 0; j < 517; ++j) {
    double expected = 0.0;
    for (Index i = 0; i < 130; ++i) expected += x[i * 517 + j];
    REQUIRE(columns[j] == expected);
  }
  for (Index i = 0; i < 130; ++i) {
    double expected = 0.0;
    for (Index j = 0; j < 517; ++j) expected += x[i * 517 + j];
    REQUIRE(rows[i] == expected);
  }
}
