#pragma once

// What a module of the suite is made of: functions that take an input apart and say what is timed.

#include <glissade/autograd/grad.h>
#include <glissade/autograd/grad_mode.h>
#include <glissade/autograd/variable.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace gradbench {

using Json = nlohmann::json;
using Real = glissade::Tensor<double>;
using Var = glissade::Variable<double>;

/// A function of a module, ready to run on one input as often as wanted.
struct Evaluation {
  /// What is timed.
  std::function<void()> run;
  /// The result of the last run.
  std::function<Json()> output;
};

/// `run` computes a result, `write` makes JSON of it.
template <class Run, class Write>
Evaluation evaluation(Run run, Write write) {
  using Result = std::invoke_result_t<Run&>;
  auto result = std::make_shared<std::optional<Result>>();
  return {[result, run = std::move(run)]() mutable { *result = run(); },
          [result, write = std::move(write)] { return Json(write(**result)); }};
}

/// A module by the names of its functions: from the input to what runs.
using Module = std::map<std::string, Evaluation (*)(const Json& input)>;

/// The modules by their names in the suite.
const std::map<std::string, Module>& modules();

/// Nested arrays of equal lengths as a tensor of rank 1, 2 or more; a number is a scalar.
Real to_tensor(const Json& array);
/// The tensor as nested arrays; a scalar as a number.
Json to_json(const Real& tensor);

// One for each file of that name.
Module ba();
Module det();
Module gmm();
Module hello();
Module ht();
Module kmeans();
Module llsq();
Module lse();
Module lstm();
Module ode();
Module particle();
Module saddle();

}  // namespace gradbench
