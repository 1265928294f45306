#include "differences.h"

#include <benchmark/benchmark.h>
#include <glissade/autograd/numerical.h>

#include <algorithm>
#include <complex>
#include <map>
#include <span>

namespace glissade::bench {
namespace {

constexpr double kBudget = 1.0;  // seconds for one gradient; beyond it, a sample

// A step across a kink of ReLU gives a mean of the slopes on either side. That is what differences
// of a fixed step are worth there, not a mistake.
constexpr double kKinkTolerance = 1.0;

// The function of some of the parameters; the others stay where they are.
class Restricted {
 public:
  Restricted(Problem<double>& problem, Index count)
      : problem_(&problem), all_(problem.point()), point_({count}), positions_({count}) {
    for (Index i = 0; i < count; ++i) {
      positions_[i] = i * all_.size() / count;
      point_[i] = all_[positions_[i]];
    }
  }

  double operator()(const Tensor<double>& x) const {
    for (Index i = 0; i < x.size(); ++i) all_[positions_[i]] = x[i];
    return problem_->function(all_.data());
  }

  const Tensor<double>& point() const { return point_; }
  Tensor<double> of(const Tensor<double>& gradient) const {
    Tensor<double> part(point_.shape());
    for (Index i = 0; i < part.size(); ++i) part[i] = gradient[positions_[i]];
    return part;
  }

 private:
  Problem<double>* problem_;
  mutable Tensor<double> all_;
  Tensor<double> point_;
  Tensor<Index> positions_;
};

// The error at the sampled elements, relative to the largest element of the whole gradient.
double sampled_error(const Tensor<double>& sample, const Tensor<double>& expected_sample,
                     const Tensor<double>& expected) {
  double norm = 0.0;
  for (const double x : expected) norm = std::max(norm, std::abs(x));
  double difference = 0.0;
  for (Index i = 0; i < sample.size(); ++i) {
    const double error = std::abs(sample[i] - expected_sample[i]);
    if (!(error <= difference)) difference = error;  // keeps a NaN
  }
  return difference / norm;
}

struct Kind {
  numerical::Difference difference;
  double evaluations;  // for each element
  double tolerance;
};

const std::map<std::string, Kind>& kinds() {
  using numerical::Difference;
  static const std::map<std::string, Kind> all{
      {"forward", {Difference::forward, 2.0, 1e-4}},
      {"central", {Difference::central, 2.0, 1e-6}},
      {"five_point", {Difference::five_point, 4.0, 1e-7}},
      {"ladder", {Difference::ladder, 40.0, 2e-10}},
  };
  return all;
}

// How many elements fit into the budget, at least a few.
Index sample_size(Index parameters, double seconds_of_element) {
  const double fitting = kBudget / std::max(seconds_of_element, 1e-12);
  if (fitting >= static_cast<double>(parameters)) return parameters;
  return std::min(parameters, std::max(Index{8}, static_cast<Index>(fitting)));
}

void set_sample(Method& made, Index sampled, Index parameters) {
  if (sampled == parameters) return;
  made.sampled = sampled;
  made.scale = static_cast<double>(parameters) / static_cast<double>(sampled);
}

Method by_differences(const Kind& kind, Subject<double>& subject) {
  const Index n = subject.parameters();
  const Index count = sample_size(n, kind.evaluations * subject.function().estimate());
  const Restricted function(subject.problem(), count);
  const numerical::Options options{.method = kind.difference};
  const numerical::Result result = numerical::gradient(function, function.point(), options);
  Method made;
  const bool fixed_step = kind.difference != numerical::Difference::ladder;
  made.tolerance = fixed_step && !is_smooth(subject.definition()) ? kKinkTolerance : kind.tolerance;
  made.rel_error = sampled_error(result.value, function.of(subject.expected()), subject.expected());
  set_sample(made, count, n);
  made.evaluations = static_cast<double>(result.evaluations) * made.scale;
  made.run = [function, options](int repetitions) {
    for (int i = 0; i < repetitions; ++i) {
      benchmark::DoNotOptimize(numerical::gradient(function, function.point(), options));
    }
  };
  made.kept_bytes = subject.problem().workspace_bytes();
  return made;
}

Method by_complex_step(Subject<double>& subject) {
  using Complex = std::complex<double>;
  const Tensor<double>& point = subject.problem().point();
  const Index n = subject.parameters();
  const auto value = [&subject](std::span<const Complex> x) {
    return std::visit([x](const auto& problem) { return problem.value(x.data()); },
                      subject.definition());
  };
  // The complex function of a sample of the parameters; the others are constants.
  const auto gradient = [value, &point, n](Index count) {
    std::vector<Complex> all(point.begin(), point.end());
    Tensor<double> sample({count});
    std::vector<std::size_t> positions;
    for (Index i = 0; i < count; ++i) {
      positions.push_back(static_cast<std::size_t>(i * n / count));
      sample[i] = all[positions.back()].real();
    }
    return numerical::complex_step(
        [&](std::span<const Complex> x) {
          for (std::size_t i = 0; i < x.size(); ++i) all[positions[i]] = x[i];
          return value(all);
        },
        sample);
  };
  const std::vector<Complex> at(point.begin(), point.end());
  Work once([&](int repetitions) {
    for (int i = 0; i < repetitions; ++i) benchmark::DoNotOptimize(value(at));
  });
  const Index count = sample_size(n, once.estimate());
  Method made;
  made.tolerance = 1e-11;
  Tensor<double> expected({count});
  for (Index i = 0; i < count; ++i) expected[i] = subject.expected()[i * n / count];
  made.rel_error = sampled_error(gradient(count), expected, subject.expected());
  set_sample(made, count, n);
  made.evaluations = static_cast<double>(n);
  made.run = [gradient, count](int repetitions) {
    for (int i = 0; i < repetitions; ++i) benchmark::DoNotOptimize(gradient(count));
  };
  return made;
}

// Four evaluations that check a gradient of any length; the error is that of the directional
// derivative.
Method by_projection(Subject<double>& subject) {
  const Restricted function(subject.problem(), subject.parameters());
  const auto project = [function, &subject] {
    return numerical::projection(function, function.point(), subject.expected());
  };
  const numerical::Projection result = project();
  double norm = 0.0;
  for (const double x : subject.expected()) norm = std::max(norm, std::abs(x));
  Method made;
  made.tolerance = is_smooth(subject.definition()) ? 1e-5 : kKinkTolerance;
  made.rel_error = std::abs(result.numerical - result.analytical) / norm;
  made.evaluations = 4.0;
  made.run = [project](int repetitions) {
    for (int i = 0; i < repetitions; ++i) benchmark::DoNotOptimize(project());
  };
  made.kept_bytes = subject.problem().workspace_bytes();
  return made;
}

}  // namespace

const std::vector<std::string>& difference_names() {
  static const std::vector<std::string> names{"forward",      "central", "five_point",
                                              "complex_step", "ladder",  "projection"};
  return names;
}

Method difference(const std::string& name, Subject<double>& subject) {
  if (name == "complex_step") return by_complex_step(subject);
  if (name == "projection") return by_projection(subject);
  const auto kind = kinds().find(name);
  check(kind != kinds().end(), "bench_gradients: there is no method {}", name);
  return by_differences(kind->second, subject);
}

}  // namespace glissade::bench
