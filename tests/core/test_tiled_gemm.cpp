// Our own matrix product, compiled for each instruction set, against plain loops; what its bits may
// depend on; and that products on both sides of the rule's borders are right.

#include <fmt/format.h>
#include <glissade/core/gemm.h>
#include <glissade/core/rng.h>
#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <vector>

#include "../../core/tiled_gemm.h"
#include "catch.h"

using glissade::Index;
using glissade::Rng;
using glissade::Transpose;
using glissade::detail::dense_product;
using glissade::detail::gemm_one_thread;
using glissade::detail::Product;
using glissade::kernels::prefers_tiled_gemm;
using glissade::kernels::tiled_gemm;

namespace {

constexpr Transpose kBoth[] = {Transpose::no, Transpose::yes};

// Runs `body` with each instruction set that this processor has.
template <class Body>
void on_each_target(const Body& body) {
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    INFO(hwy::TargetName(target));
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

// A product with its operands, which are `gap` longer than their rows; nothing is behind the last
// row, where a sanitizer would see a read.
template <class T>
struct Case {
  Case(Rng& rng, Transpose ta, Transpose tb, Index m, Index n, Index k, Index gap = 0)
      : product(dense_product<T>(ta, tb, m, n, k, T{1}, nullptr, nullptr, T{0}, nullptr)) {
    product.lda += gap;
    product.ldb += gap;
    product.ldc += gap;
    a = random(rng, ta == Transpose::yes ? k : m, ta == Transpose::yes ? m : k, product.lda);
    b = random(rng, tb == Transpose::yes ? n : k, tb == Transpose::yes ? k : n, product.ldb);
    before = random(rng, m, n, product.ldc);
    c = before;
    point();
  }

  static std::vector<T> random(Rng& rng, Index rows, Index columns, Index ld) {
    std::vector<T> values(static_cast<std::size_t>((rows - 1) * ld + columns));
    rng.fill_uniform(values, -1, 1);
    return values;
  }

  void point() {
    product.a = a.data();
    product.b = b.data();
    product.c = c.data();
  }

  T left(Index i, Index p) const {
    return product.a[product.ta == Transpose::yes ? p * product.lda + i : i * product.lda + p];
  }
  T right(Index p, Index j) const {
    return product.b[product.tb == Transpose::yes ? j * product.ldb + p : p * product.ldb + j];
  }

  // Whether C is what it should be, and what lies between its rows as it was.
  bool is_right() const {
    const Product<T>& x = product;
    const long double tolerance = static_cast<long double>(x.k + 2) * 2 *
                                  std::numeric_limits<T>::epsilon() * std::abs(x.alpha);
    for (std::size_t at = 0; at < c.size(); ++at) {
      const auto i = static_cast<Index>(at) / x.ldc;
      const auto j = static_cast<Index>(at) % x.ldc;
      if (j >= x.n) {
        if (c[at] != before[at]) return false;
        continue;
      }
      long double sum = 0;
      for (Index p = 0; p < x.k; ++p) sum += static_cast<long double>(left(i, p)) * right(p, j);
      const long double expected = x.alpha * sum + static_cast<long double>(x.beta) * before[at];
      if (!(std::abs(c[at] - expected) <= tolerance)) return false;
    }
    return true;
  }

  std::string name() const {
    return fmt::format("m {} n {} k {} transposed {:d}{:d} alpha {} beta {} ldc {}", product.m,
                       product.n, product.k, product.ta == Transpose::yes,
                       product.tb == Transpose::yes, product.alpha, product.beta, product.ldc);
  }

  Product<T> product;
  std::vector<T> a;
  std::vector<T> b;
  std::vector<T> before;
  std::vector<T> c;
};

template <class T>
void check(Case<T>& x, T alpha, T beta) {
  x.product.alpha = alpha;
  x.product.beta = beta;
  x.c = x.before;
  x.point();
  tiled_gemm(x.product);
  INFO(x.name());
  CHECK(x.is_right());
}

template <class T>
void check_all_sizes() {
  on_each_target([] {
    Rng rng(11);
    const auto up_to_40 = [&rng] { return 1 + static_cast<Index>(rng.uniform() * 40); };
    for (Index size = 1; size <= 40; ++size) {
      for (const Transpose ta : kBoth) {
        for (const Transpose tb : kBoth) {
          Case<T> m(rng, ta, tb, size, up_to_40(), up_to_40(), size % 3);
          check(m, T{1}, T{0});
          Case<T> n(rng, ta, tb, up_to_40(), size, up_to_40(), size % 4);
          check(n, T{1}, T{1});
          Case<T> k(rng, ta, tb, up_to_40(), up_to_40(), size, size % 5);
          check(k, T{-1.5}, T{-0.25});
        }
      }
    }
    for (Index n = 1; n <= 70; ++n) {  // few features, without gaps
      for (Index k = 1; k <= 4; ++k) {
        Case<T> x(rng, Transpose::no, Transpose::yes, up_to_40(), n, k);
        check(x, T{1}, T{0});
      }
    }
  });
}

// One extent is large, or the operands are too large to be read where they are.
template <class T>
void check_large() {
  on_each_target([] {
    Rng rng(12);
    const Index sizes[][3] = {{3, 5, 256},  {3, 5, 257},   {2, 3, 700},  {130, 2, 300},
                              {2, 500, 20}, {3, 300, 256}, {140, 3, 250}};
    for (const auto& [m, n, k] : sizes) {
      for (const Transpose ta : kBoth) {
        for (const Transpose tb : kBoth) {
          Case<T> x(rng, ta, tb, m, n, k, 1);
          check(x, T{1}, T{0});
          check(x, T{2}, T{0.5});
        }
      }
    }
  });
}

template <class T>
void check_special_values() {
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  on_each_target([&] {
    Rng rng(13);
    for (const Transpose ta : kBoth) {
      for (const Transpose tb : kBoth) {
        Case<T> x(rng, ta, tb, 13, 21, 9);
        // Row 4 and column 7 hold a NaN, row 2 an infinity, which times 0 is a NaN too.
        const bool a_transposed = ta == Transpose::yes;
        const bool b_transposed = tb == Transpose::yes;
        const auto a_at = [&](std::size_t i, std::size_t p) -> T& {
          return x.a[a_transposed ? p * 13 + i : i * 9 + p];
        };
        const auto b_at = [&](std::size_t p, std::size_t j) -> T& {
          return x.b[b_transposed ? j * 9 + p : p * 21 + j];
        };
        a_at(4, 8) = kNan;
        a_at(2, 3) = kInfinity;
        b_at(0, 7) = kNan;
        b_at(3, 20) = 0;
        x.c.assign(x.c.size(), kNan);
        x.point();
        tiled_gemm(x.product);
        bool right = true;
        for (std::size_t i = 0; i < 13; ++i) {
          for (std::size_t j = 0; j < 21; ++j) {
            const T value = x.c[i * 21 + j];
            const bool is_nan = i == 4 || j == 7 || (i == 2 && j == 20);
            right = right && std::isnan(value) == is_nan;
            if (!is_nan) right = right && std::isinf(value) == (i == 2);
          }
        }
        INFO(x.name());
        CHECK(right);
      }
    }
  });
}

// An element has the same bits in a part of the product, in another place in memory, and in rows
// farther apart.
template <class T>
void check_bits() {
  on_each_target([] {
    Rng rng(14);
    for (const Transpose ta : kBoth) {
      for (const Transpose tb : kBoth) {
        Case<T> whole(rng, ta, tb, 37, 83, 300);
        tiled_gemm(whole.product);
        const Index cuts[][4] = {{0, 1, 0, 83}, {5, 11, 3, 20}, {12, 25, 60, 23}, {36, 1, 82, 1}};
        for (const auto& [i0, rows, j0, columns] : cuts) {
          std::vector<T> c(static_cast<std::size_t>(rows * (columns + 3) + 1));
          Product<T> part = whole.product;
          part.m = rows;
          part.n = columns;
          part.a += i0 * (ta == Transpose::yes ? 1 : part.lda);
          part.b += j0 * (tb == Transpose::yes ? part.ldb : 1);
          part.c = c.data() + 1;
          part.ldc = columns + 3;
          tiled_gemm(part);
          bool same = true;
          for (Index i = 0; i < rows; ++i) {
            for (Index j = 0; j < columns; ++j) {
              same = same && part.c[i * part.ldc + j] == whole.product.c[(i0 + i) * 83 + j0 + j];
            }
          }
          INFO(fmt::format("{} from row {} and column {}", whole.name(), i0, j0));
          CHECK(same);
        }
      }
    }
  });
}

}  // namespace

TEST_CASE("tiled products of floats agree with plain loops") { check_all_sizes<float>(); }
TEST_CASE("tiled products of doubles agree with plain loops") { check_all_sizes<double>(); }

TEST_CASE("tiled products of long floats agree with plain loops") { check_large<float>(); }
TEST_CASE("tiled products of long doubles agree with plain loops") { check_large<double>(); }

TEST_CASE("NaN and infinity go through tiled products as through a plain loop") {
  check_special_values<float>();
  check_special_values<double>();
}

TEST_CASE("an element of a tiled product does not depend on what else is computed") {
  check_bits<float>();
  check_bits<double>();
}

namespace {

// Products just on both sides of where the rule changes its mind, for all four transposes.
template <class T>
void check_rule() {
  Rng rng(15);
  int ours = 0;
  int theirs = 0;
  for (const Index m : {2, 7, 8, 16, 17, 64}) {
    for (const Index n : {2, 9, 10, 16, 32, 33}) {
      for (const Index k : {2, 16, 17, 60, 500}) {
        for (const Transpose ta : kBoth) {
          for (const Transpose tb : kBoth) {
            Case<T> x(rng, ta, tb, m, n, k, 2);
            prefers_tiled_gemm(x.product) ? ++ours : ++theirs;
            gemm_one_thread(x.product);
            INFO(x.name());
            CHECK(x.is_right());
          }
        }
      }
    }
  }
  // Without long vectors all products are the BLAS library's.
  const Case<T> forward(rng, Transpose::no, Transpose::yes, 32, 64, 64);
  CHECK(theirs > 0);
  CHECK((ours > 0) == prefers_tiled_gemm(forward.product));
}

}  // namespace

TEST_CASE("products are right whoever computes them") {
  check_rule<float>();
  check_rule<double>();
}
