#pragma once

// The methods that are compared on a problem, each with its work and the gradient it computes.

#include <string>
#include <vector>

#include "problem.h"
#include "support/measure.h"

namespace glissade::bench {

/// A problem with its float64 gradient and the works that all others are compared with.
template <class T>
class Subject {
 public:
  explicit Subject(const std::string& name);

  const Definition& definition() const { return definition_; }
  Problem<T>& problem() { return *problem_; }
  Index parameters() const { return expected_.size(); }
  /// The analytic gradient in float64.
  const Tensor<double>& expected() const { return expected_; }
  /// The value in float64.
  double value() const { return value_; }

  Work& function() { return function_; }
  Work& analytic() { return analytic_; }

 private:
  Definition definition_;
  std::unique_ptr<Problem<T>> problem_;
  Tensor<double> expected_;
  double value_ = 0.0;
  Tensor<T> gradient_;
  Work function_;
  Work analytic_;
};

/// A method on a subject, ready to be timed.
struct Method {
  std::function<void(int)> run;
  double rel_error = 0.0;      ///< against the analytic gradient in float64, max norm
  double tolerance = 0.0;      ///< what rel_error may be at most
  double evaluations = 1.0;    ///< of the function, for one gradient
  double scale = 1.0;          ///< a whole gradient takes so many times what `run` takes
  Index sampled = 0;           ///< how many elements `run` computes; 0: all
  std::size_t kept_bytes = 0;  ///< what the method keeps from one gradient to the next
};

/// function, analytic, autodiff; in float64 also forward, central, five_point, complex_step,
/// ladder, projection.
template <class T>
const std::vector<std::string>& method_names();

/// Throws std::invalid_argument if there is no such method.
template <class T>
Method method(const std::string& name, Subject<T>& subject);

/// max |a - b| / max |b|.
double relative_error(const Tensor<double>& a, const Tensor<double>& b);

}  // namespace glissade::bench
