// Derivatives of first and second order, held against finite differences.
#pragma once

#include <cstdint>
#include <vector>

#include "catch.h"
#include "glissade/autograd/gradcheck.h"
#include "glissade/core/rng.h"

using Variables = std::vector<glissade::Variable<double>>;

// Numbers from -2 to 2.
inline glissade::Tensor<double> random(const glissade::Shape& shape, std::uint64_t seed) {
  glissade::Tensor<double> tensor(shape);
  glissade::Rng(seed).fill_uniform(tensor, -2.0, 2.0);
  return tensor;
}

// gradcheck compares the rule in place and the differentiable rule with differences, each.
inline void check_derivatives(const glissade::CheckedFunction& function,
                              const std::vector<glissade::Tensor<double>>& inputs) {
  const glissade::GradcheckResult first = glissade::gradcheck(function, inputs);
  INFO(first.message);
  CHECK(first.passed);
  const glissade::GradcheckResult second = glissade::gradgradcheck(function, inputs);
  INFO(second.message);
  CHECK(second.passed);
}
