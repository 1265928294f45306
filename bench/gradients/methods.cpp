#include "methods.h"

#include <benchmark/benchmark.h>

#include <limits>

#include "differences.h"

namespace glissade::bench {
namespace {

// What rounding leaves of a right gradient; a wrong one is farther away.
template <class T>
constexpr double kTolerance = std::is_same_v<T, float> ? 1e-3 : 1e-11;

}  // namespace

double relative_error(const Tensor<double>& a, const Tensor<double>& b) {
  double difference = 0.0;
  double norm = 0.0;
  for (Index i = 0; i < b.size(); ++i) {
    // A NaN must not get lost in a maximum.
    if (std::isnan(a[i])) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, std::abs(a[i] - b[i]));
    norm = std::max(norm, std::abs(b[i]));
  }
  return difference / norm;
}

template <class T>
Subject<T>::Subject(const std::string& name)
    : definition_(bench::definition(name)),
      problem_(make_problem<T>(definition_)),
      expected_(bench::point(definition_).shape()),
      gradient_(problem_->point().shape()),
      function_([this](int repetitions) {
        for (int i = 0; i < repetitions; ++i) {
          benchmark::DoNotOptimize(problem_->function(problem_->point().data()));
        }
      }),
      analytic_([this](int repetitions) {
        for (int i = 0; i < repetitions; ++i) {
          benchmark::DoNotOptimize(problem_->analytic(problem_->point().data(), gradient_.data()));
        }
      }) {
  const auto exact = make_problem<double>(definition_);
  value_ = exact->analytic(bench::point(definition_).data(), expected_.data());
}

template <class T>
const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all{"function", "analytic", "autodiff"};
    if (std::is_same_v<T, double>) {
      all.insert(all.end(), difference_names().begin(), difference_names().end());
    }
    return all;
  }();
  return names;
}

template <class T>
Method method(const std::string& name, Subject<T>& subject) {
  Problem<T>& problem = subject.problem();
  Method made;
  made.tolerance = kTolerance<T>;
  if (name == "function") {
    const double exact = subject.value();
    const auto value = static_cast<double>(problem.function(problem.point().data()));
    made.rel_error = std::abs(value - exact) / std::abs(exact);
    made.run = [&problem](int repetitions) {
      for (int i = 0; i < repetitions; ++i) {
        benchmark::DoNotOptimize(problem.function(problem.point().data()));
      }
    };
    made.kept_bytes = problem.workspace_bytes();
  } else if (name == "analytic") {
    Tensor<T> gradient(problem.point().shape());
    problem.analytic(problem.point().data(), gradient.data());
    made.rel_error = relative_error(converted<double>(gradient), subject.expected());
    made.run = [&problem, gradient](int repetitions) mutable {
      for (int i = 0; i < repetitions; ++i) {
        benchmark::DoNotOptimize(problem.analytic(problem.point().data(), gradient.data()));
      }
    };
    made.kept_bytes = problem.workspace_bytes();
  } else if (name == "autodiff") {
    problem.autodiff();
    made.rel_error = relative_error(problem.gradients(), subject.expected());
    made.run = [&problem](int repetitions) {
      for (int i = 0; i < repetitions; ++i) benchmark::DoNotOptimize(problem.autodiff());
    };
  } else if constexpr (std::is_same_v<T, double>) {
    return difference(name, subject);
  } else {
    fail("bench_gradients: there is no method {} in float32", name);
  }
  return made;
}

template class Subject<float>;
template class Subject<double>;
template const std::vector<std::string>& method_names<float>();
template const std::vector<std::string>& method_names<double>();
template Method method(const std::string&, Subject<float>&);
template Method method(const std::string&, Subject<double>&);

}  // namespace glissade::bench
