// Products of a matrix and a vector, which have kernels of their own, against plain loops: every
// remainder of rows and columns, and what must not be read or written.

#include <glissade/core/gemm.h>
#include <glissade/core/rng.h>

#include <cmath>
#include <limits>
#include <vector>

#include "catch.h"

using glissade::gemm;
using glissade::Index;
using glissade::Rng;
using glissade::Transpose;

namespace {

// In vectors of exactly these sizes, so that AddressSanitizer sees what is read behind them.
template <class T>
struct Operands {
  Operands(Index rows, Index columns, bool transposed, Rng& rng)
      : matrix(static_cast<std::size_t>(rows * columns)),
        x(static_cast<std::size_t>(transposed ? rows : columns)),
        y(static_cast<std::size_t>(transposed ? columns : rows)) {
    for (auto* values : {&matrix, &x, &y}) rng.fill_uniform(*values, -1, 1);
  }
  std::vector<T> matrix;
  std::vector<T> x;
  std::vector<T> y;
};

template <class T>
void multiply(const Operands<T>& of, Index rows, Index columns, bool transposed, T alpha, T beta,
              std::vector<T>& y) {
  const Index m = transposed ? columns : rows;
  const Index k = transposed ? rows : columns;
  gemm(transposed ? Transpose::yes : Transpose::no, Transpose::no, m, Index{1}, k, alpha,
       of.matrix.data(), of.x.data(), beta, y.data());
}

template <class T>
void check_all_remainders() {
  Rng rng(5);
  Index wrong = 0;
  for (const Index rows : {1, 2, 3, 5, 7, 8, 9, 15, 16, 20, 23}) {
    for (Index columns = 2; columns <= 70; ++columns) {
      for (const bool transposed : {false, true}) {
        for (const T beta : {T{0}, T{-0.25}}) {
          if (transposed && rows == 1) continue;  // no inner dimension to sum over
          const Operands<T> of(rows, columns, transposed, rng);
          std::vector<T> y = of.y;
          multiply(of, rows, columns, transposed, T{1.5}, beta, y);
          for (std::size_t i = 0; i < y.size(); ++i) {
            long double sum = 0;
            for (std::size_t l = 0; l < of.x.size(); ++l) {
              const auto width = static_cast<std::size_t>(columns);
              const T element = of.matrix[transposed ? l * width + i : i * width + l];
              sum += static_cast<long double>(element) * of.x[l];
            }
            const long double expected = 1.5L * sum + static_cast<long double>(beta) * of.y[i];
            const long double tolerance =
                std::numeric_limits<T>::epsilon() * static_cast<long double>(of.x.size() + 2) * 2;
            if (!(std::abs(y[i] - expected) <= tolerance)) ++wrong;
          }
        }
      }
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("products with a float vector agree with plain loops") { check_all_remainders<float>(); }

TEST_CASE("products with a double vector agree with plain loops") {
  check_all_remainders<double>();
}

TEST_CASE("an infinity in a matrix reaches its own elements of a product with a vector") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Rng rng(6);
  for (Index columns = 2; columns <= 40; ++columns) {
    for (const bool transposed : {false, true}) {
      Operands<double> of(11, columns, transposed, rng);
      for (double& weight : of.x) weight = 1;
      // In the last row but one: once in a whole vector, once in the last one.
      for (const Index column : {Index{0}, columns - 2, columns - 1}) {
        const double before = of.matrix[static_cast<std::size_t>(9 * columns + column)];
        of.matrix[static_cast<std::size_t>(9 * columns + column)] = kInfinity;
        std::vector<double> y = of.y;
        multiply(of, 11, columns, transposed, 1.0, 0.0, y);
        const Index hit = transposed ? column : 9;
        Index wrong = 0;
        for (Index i = 0; i < std::ssize(y); ++i) {
          const double value = y[static_cast<std::size_t>(i)];
          if (i == hit ? value != kInfinity : !std::isfinite(value)) ++wrong;
        }
        INFO("columns " << columns << " infinity in " << column << " transposed " << transposed);
        CHECK(wrong == 0);
        of.matrix[static_cast<std::size_t>(9 * columns + column)] = before;
      }
    }
  }
}
