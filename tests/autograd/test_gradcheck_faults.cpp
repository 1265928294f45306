// Faults planted in the backward rule of every operation: gradcheck finds each of them, and none
// where there is none.

#include <array>
#include <cmath>
#include <map>

#include "catch.h"
#include "glissade/autograd/grad.h"
#include "glissade/autograd/operation.h"
#include "op_registry.h"

using namespace glissade;
using namespace glissade::testing;

namespace {

using V = Variable<double>;
using Vars = std::vector<V>;

enum class Fault {
  sign,
  factor,      // 1.001 times the gradient
  transposed,  // of a matrix: the elements in the order of the transpose
  missing,     // the gradient of one use of the input is lost, of two that it has
  reduction,   // each row is the mean of all rows
  lost_row,    // the first row counts for all: a sum over a broadcast axis left out
  zeroed,      // the largest element is zero
  zeroed_last  // the last element that is not negligible is zero
};
constexpr std::array<Fault, 8> kFaults{Fault::sign,    Fault::factor,     Fault::transposed,
                                       Fault::missing, Fault::reduction,  Fault::lost_row,
                                       Fault::zeroed,  Fault::zeroed_last};

V corrupt(const V& gradient, Fault fault, const Tensor<double>& mask) {
  const Shape shape = gradient.shape();
  switch (fault) {
    case Fault::sign:
      return gradient * -1.0;
    case Fault::factor:
      return gradient * 1.001;
    case Fault::transposed:
      return reshape(transpose(gradient), shape);
    case Fault::missing:
      return gradient;
    case Fault::reduction:
      return broadcast_to(mean(gradient, 0, true), shape);
    case Fault::lost_row:
      return broadcast_to(slice_rows(gradient, 0, 1), shape);
    default:
      return gradient * V(mask);
  }
}

// The identity, whose backward rule does one thing wrong.
V faulty(const V& x, Fault fault, const Tensor<double>& mask) {
  if (fault == Fault::missing) return x * 0.5 + x.detach() * 0.5;
  return operation("faulty", x.value(), {x},
                   [fault, mask](const auto& grad, const auto&, const auto&) {
                     return corrupt(grad, fault, mask);
                   });
}

bool fits(Fault fault, const Shape& shape) {
  if (fault == Fault::transposed) return shape.rank() == 2;
  if (fault == Fault::reduction || fault == Fault::lost_row)
    return shape.rank() > 0 && shape[0] > 1;
  return true;
}

Tensor<double> gradient_of(const OpSample& sample, std::size_t input) {
  Vars leaves;
  for (const auto& value : sample.inputs) leaves.push_back(parameter(value));
  const V output = sample.function(leaves);
  if (!output.requires_grad()) return Tensor<double>(sample.inputs[input].shape());
  Rng rng(7);
  const V weights = random_tensor(output.shape(), rng, 0.5, 1.5);
  return grad(output, leaves, weights, {.allow_unused = true})[input].value();
}

double largest(const Tensor<double>& tensor) {
  double most = 0.0;
  for (const double x : tensor) most = std::max(most, std::fabs(x));
  return most;
}

// Ones, and a zero where the fault wants one.
Tensor<double> mask_of(Fault fault, const Tensor<double>& gradient) {
  Tensor<double> mask = Tensor<double>::full(gradient.shape(), 1.0);
  const double most = largest(gradient);
  Index at = -1;
  for (Index i = 0; i < gradient.size(); ++i) {
    const double size = std::fabs(gradient[i]);
    if (fault == Fault::zeroed ? size == most : size > 1e-6 * most) at = i;
  }
  if (at >= 0) mask[at] = 0.0;
  return mask;
}

struct Planted {
  std::string what;
  OpSample sample;  // right, but for the fault
};

// Every fault in every input of two samples of every operation, as far as it changes anything.
std::vector<Planted> planted_faults() {
  std::vector<Planted> all;
  Rng rng(11);
  for (const OpRow& row : op_registry()) {
    int used = 0;
    for (const OpSample& sample : row.samples(rng)) {
      Index elements = 0;
      for (const auto& input : sample.inputs) elements += input.size();
      if (elements < 4 || elements > 40 || used == 2) continue;
      ++used;
      for (std::size_t input = 0; input < sample.inputs.size(); ++input) {
        const Tensor<double> right = gradient_of(sample, input);
        for (const Fault fault : kFaults) {
          if (!fits(fault, right.shape())) continue;
          const Tensor<double> mask = mask_of(fault, right);
          OpSample wrong = sample;
          wrong.function = [=, f = sample.function](const Vars& x) {
            Vars inputs = x;
            inputs[input] = faulty(x[input], fault, mask);
            return f(inputs);
          };
          const Tensor<double> changed = gradient_of(wrong, input);
          double difference = 0.0;
          for (Index i = 0; i < right.size(); ++i) {
            difference = std::max(difference, std::fabs(right[i] - changed[i]));
          }
          if (difference <= 1e-7 * largest(right)) continue;
          all.push_back({fmt::format("{}, input {} of shape {}, fault {}", row.function, input,
                                     right.shape(), static_cast<int>(fault)),
                         std::move(wrong)});
        }
      }
    }
  }
  return all;
}

GradcheckResult check_with(const OpSample& sample, GradcheckTier tier) {
  return gradcheck(sample.function, sample.inputs, {.tier = tier});
}

}  // namespace

TEST_CASE("planted faults: each tier finds them all", "[faults][slow]") {
  const std::vector<Planted> faults = planted_faults();
  CHECK(faults.size() >= 400);
  int compared = 0;
  for (const Planted& planted : faults) {
    INFO(planted.what);
    for (const GradcheckTier tier : {GradcheckTier::every_element, GradcheckTier::projection}) {
      const GradcheckResult result = check_with(planted.sample, tier);
      CHECK(result.status == GradcheckStatus::failed);
      ++compared;
    }
  }
  CHECK(compared >= 800);
}

TEST_CASE("right rules pass in every tier", "[faults][slow]") {
  Rng rng(12);
  for (const OpRow& row : op_registry()) {
    for (const OpSample& sample : row.samples(rng)) {
      INFO(row.function);
      for (const GradcheckTier tier : {GradcheckTier::sampled, GradcheckTier::projection}) {
        const GradcheckResult result = check_with(sample, tier);
        INFO(to_string(result) << result.message);
        CHECK(result.passed);
        CHECK(result.not_smooth == 0);
      }
    }
  }
}

TEST_CASE("faults in a large input: sampled elements and projections together", "[faults][slow]") {
  Rng rng(13);
  const OpSample sample{[](const Vars& x) { return tanh(x[0]) * x[1]; },
                        {random_tensor({60, 50}, rng), random_tensor({50}, rng)}};
  CHECK(gradcheck(sample.function, sample.inputs).passed);
  for (const Fault fault : kFaults) {
    const Tensor<double> mask = mask_of(fault, gradient_of(sample, 0));
    const auto wrong = [&](const Vars& x) {
      return sample.function({faulty(x[0], fault, mask), x[1]});
    };
    const GradcheckResult result = gradcheck(wrong, sample.inputs);
    INFO("fault " << static_cast<int>(fault) << ": " << result.message);
    CHECK(result.status == GradcheckStatus::failed);
  }
}

TEST_CASE("no false alarm at kinks, nor near them", "[faults]") {
  struct Kinked {
    const char* name;
    std::function<V(const V&)> function;
  };
  const std::array<Kinked, 5> functions{
      Kinked{"relu", [](const V& x) { return relu(x); }},
      {"abs", [](const V& x) { return abs(x); }},
      {"leaky_relu", [](const V& x) { return leaky_relu(x, 0.2); }},
      {"max",
       [](const V& x) {
         return max(concat<double>({x, x * 3.0}), 0, false);
       }},
      {"relu of a product", [](const V& x) { return square(relu(x * 2.0) + x); }}};
  for (const Kinked& kinked : functions) {
    const auto f = [&](const Vars& x) { return kinked.function(x[0]); };
    for (const double distance :
         {0.0, 1e-300, 1e-20, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-4, 1e-2}) {
      for (const double side : {1.0, -1.0}) {
        const GradcheckResult result = gradcheck(f, {Tensor<double>({1}, {side * distance})});
        INFO(kinked.name << " at " << side * distance << ": " << to_string(result) << "; "
                         << result.message);
        CHECK(result.status != GradcheckStatus::failed);
        if (distance >= 1e-7) CHECK(result.passed);
      }
    }
    const GradcheckResult at = gradcheck(f, {Tensor<double>({1}, {0.0})});
    CHECK(at.status == GradcheckStatus::not_smooth);
    CHECK_FALSE(at.passed);
    CHECK(at.not_smooth == 1);
    CHECK_THAT(at.message, Contains("not smooth here: element 0 of input 0 (of shape (1)): the "
                                    "derivative from above is"));
  }
}

TEST_CASE("beside a kink the other elements are still compared", "[faults]") {
  const Tensor<double> x({3}, {0.0, 1.0, -1.0});
  const GradcheckResult right = gradcheck([](const Vars& v) { return relu(v[0]) + v[0]; }, {x});
  CHECK(right.status == GradcheckStatus::not_smooth);
  CHECK(right.compared == 4);  // two elements, two backward passes
  CHECK(right.not_smooth == 1);
  const Tensor<double> mask({3}, {1.0, 1.0, 0.0});
  const GradcheckResult wrong = gradcheck(
      [&](const Vars& v) {
        const V y = faulty(v[0], Fault::zeroed, mask);
        return relu(y) + y;
      },
      {x});
  CHECK(wrong.status == GradcheckStatus::failed);
  CHECK(wrong.worst.element == 2);
}
