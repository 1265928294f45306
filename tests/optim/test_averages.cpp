// Averages of weights: against PyTorch, by their formulas, in and out of the model; Lookahead.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "catch.h"
#include "core/files.h"
#include "glissade/optim/adam.h"
#include "glissade/optim/averages.h"
#include "glissade/optim/lookahead.h"
#include "glissade/optim/sgd.h"
#include "support/reference.h"

using namespace glissade;

namespace {

using Values = std::vector<double>;
using Variables = std::vector<Variable<double>>;

Tensor<double> row_of(const Tensor<double>& matrix, Index row) {
  return {Shape{matrix.dim(1)},
          std::span(matrix.data() + row * matrix.dim(1), static_cast<std::size_t>(matrix.dim(1)))};
}

Variable<double> vector_of(const Values& values) {
  return parameter(Tensor<double>({static_cast<Index>(values.size())}, std::span(values)));
}

Values values_of(const Tensor<double>& tensor) { return {tensor.begin(), tensor.end()}; }

void follow(optim::WeightAverage<double>& average, Variable<double>& p, const std::string& key) {
  const auto rows = reference<double>("optim/sgd_momentum/params");
  const auto expected = reference<double>(key);
  for (Index t = 0; t < expected.dim(0); ++t) {
    INFO(key << ", update " << t);
    p.mutable_value() = row_of(rows, t + 1);
    average.update();
    CHECK(relative_error(average.averages()[0], row_of(expected, t)) < 1e-13);
  }
  CHECK(average.count() == expected.dim(0));
}

// Descends on x^2 + 2 y^2.
template <class Method>
void descend(Variable<double>& p, Method& optimizer) {
  optimizer.zero_grad();
  sum(p * p * Variable<double>(Tensor<double>({2}, {1.0, 2.0}))).backward();
  optimizer.step();
}

}  // namespace

TEST_CASE("averages of weights agree with PyTorch's AveragedModel") {
  Variable<double> p = parameter(Tensor<double>({75}));
  optim::EMA ema(Variables{p}, {.decay = 0.8});
  follow(ema, p, "averages/ema/params");
  optim::SWA swa(Variables{p});
  follow(swa, p, "averages/swa/params");
}

TEST_CASE("an EMA starts corrected, or warms up") {
  const Values values{3.0, -1.0, 4.0, 1.0, -5.0, 9.0, 2.0, -6.0, 5.0, 3.0, 5.0, 8.0};
  Variable<double> p = vector_of({0.0});
  optim::EMA corrected(Variables{p}, {.decay = 0.9, .start = optim::EMAStart::bias_correction});
  optim::EMA warm(Variables{p}, {.decay = 0.5, .start = optim::EMAStart::warmup});
  double weighted = 0.0;
  double weights = 0.0;
  double expected = 0.0;
  double t = 0.0;
  for (const double value : values) {
    p.mutable_value()[0] = value;
    corrected.update();
    weighted = 0.9 * weighted + value;
    weights = 0.9 * weights + 1.0;
    CHECK(corrected.averages()[0][0] == Approx(weighted / weights).epsilon(1e-14));
    warm.update();
    t += 1.0;
    // TensorFlow's (1 + n) / (10 + n), n = 0, 1, ...: the first value is taken whole.
    const double decay = t == 1.0 ? 0.0 : std::min(0.5, t / (9.0 + t));
    expected = decay * expected + (1.0 - decay) * value;
    CHECK(warm.averages()[0][0] == Approx(expected).epsilon(1e-14));
  }
}

TEST_CASE("averages go into the model and out of it") {
  Variable<double> p = vector_of({1.0, 2.0});
  optim::SWA swa(Variables{p});
  CHECK(values_of(swa.averages()[0]) == Values{1.0, 2.0});
  swa.update();
  p.mutable_value() = Tensor<double>({2}, {3.0, 6.0});
  swa.update();
  {
    const optim::UseAverages use(swa);
    CHECK(swa.in_model());
    CHECK(values_of(p.value()) == Values{2.0, 4.0});
    CHECK(values_of(swa.averages()[0]) == Values{3.0, 6.0});
    CHECK_THROWS_WITH(swa.update(), Contains("SWA: update while the averages are in the model"));
    CHECK_THROWS_WITH(swa.copy_to_parameters(), Contains("copy_to_parameters while"));
    CHECK_THROWS_WITH(optim::save(swa, "never"), Contains("save or load while"));
    CHECK_THROWS_WITH(optim::UseAverages(swa), Contains("in the model already"));
  }
  CHECK(!swa.in_model());
  CHECK(values_of(p.value()) == Values{3.0, 6.0});
  swa.copy_to_parameters();
  CHECK(values_of(p.value()) == Values{2.0, 4.0});
  CHECK(values_of(swa.averages()[0]) == Values{2.0, 4.0});
}

TEST_CASE("averages go on from a file") {
  const files::TemporaryFolder folder;
  Variable<double> p = vector_of({1.0, 2.0});
  optim::EMA ema(Variables{p}, {.decay = 0.9, .start = optim::EMAStart::bias_correction});
  for (int t = 0; t < 5; ++t) {
    p.mutable_value()[0] += 1.0;
    ema.update();
  }
  optim::save(ema, folder / "ema");
  optim::EMA resumed(Variables{p}, {.decay = 0.9, .start = optim::EMAStart::bias_correction});
  optim::load(resumed, folder / "ema");
  CHECK(resumed.count() == 5);
  p.mutable_value()[1] = -3.0;
  ema.update();
  resumed.update();
  CHECK((resumed.averages()[0] == ema.averages()[0]));
  optim::EMA other(Variables{vector_of({1.0})});
  CHECK_THROWS_WITH(optim::load(other, folder / "ema"),
                    Contains("average.0 is of shape (2) in the file and (1) in this EMA"));
}

TEST_CASE("averages that cannot be made are errors") {
  CHECK_THROWS_WITH(optim::SWA(Variables{}), Contains("SWA: there are no parameters"));
  CHECK_THROWS_WITH(optim::SWA(Variables{Variable<double>()}),
                    Contains("parameter 0 is undefined"));
  Variable<double> p = vector_of({1.0});
  CHECK_THROWS_WITH(optim::EMA(Variables{p}, {.decay = 1.0}), Contains("EMA: decay"));
  CHECK_THROWS_WITH(optim::EMA(Variables{p}, {.start = static_cast<optim::EMAStart>(9)}),
                    Contains("EMA: start") && Contains("9"));
  optim::EMA ema(Variables{p});
  p.mutable_value() = Tensor<double>({2});
  CHECK_THROWS_WITH(ema.update(), Contains("parameter 0 had the shape (1) and now has (2)"));
  CHECK_THROWS_WITH(ema.swap(), Contains("parameter 0"));
}

TEST_CASE("Lookahead goes k steps forward and a part of them back") {
  Variable<double> p = vector_of({3.0, 4.0});
  Variable<double> q = vector_of({3.0, 4.0});
  optim::Lookahead lookahead(optim::Adam(Variables{p}, {.lr = 0.1}), {.k = 4, .alpha = 0.3});
  optim::Adam adam(Variables{q}, {.lr = 0.1});
  Values slow{3.0, 4.0};
  for (int step = 1; step <= 22; ++step) {
    descend(p, lookahead);
    descend(q, adam);
    if (step % 4 == 0) {
      for (std::size_t i = 0; i < 2; ++i) {
        double& w = q.mutable_value()[static_cast<Index>(i)];
        slow[i] = 0.7 * slow[i] + 0.3 * w;
        w = slow[i];
      }
    }
    for (Index i = 0; i < 2; ++i) CHECK(p.value()[i] == Approx(q.value()[i]).epsilon(1e-12));
  }
  CHECK(lookahead.slow_weights().group(0)[0][1] == Approx(slow[1]).epsilon(1e-12));
  CHECK(lookahead.inner().step_count() == 22);
  CHECK(lookahead.kind() == "Lookahead(Adam)");
}

TEST_CASE("Lookahead goes on from a file, takes new groups and leaves frozen parameters") {
  const files::TemporaryFolder folder;
  Variable<double> p = vector_of({3.0, 4.0});
  const auto make = [](const Variable<double>& parameter) {
    return optim::Lookahead(optim::SGD(Variables{parameter}, {.lr = 0.1, .momentum = 0.5}),
                            {.k = 3});
  };
  auto lookahead = make(p);
  for (int step = 0; step < 4; ++step) descend(p, lookahead);
  optim::save(lookahead, folder / "x");
  Variable<double> q = parameter(Tensor<double>(p.value()));
  auto resumed = make(q);
  optim::load(resumed, folder / "x");
  for (int step = 0; step < 5; ++step) {
    descend(p, lookahead);
    descend(q, resumed);
    CHECK((p.value() == q.value()));
  }
  optim::Adam adam(Variables{p});
  CHECK_THROWS_WITH(optim::load(adam, folder / "x"),
                    Contains("the state of Lookahead(SGD), not of"));

  Variable<double> late = vector_of({1.0});
  Variable<double> frozen = vector_of({1.0});
  lookahead.inner().add_group({late, frozen}, {.lr = 0.5});
  late.backward(Variable<double>(Tensor<double>({1}, {1.0})));
  frozen.set_requires_grad(false);
  frozen.mutable_value()[0] = 7.0;
  for (int step = 0; step < 3; ++step) lookahead.step();
  CHECK(late.value()[0] == Approx(1.0 - 0.5 * 1.5));  // half of three steps of 0.5
  CHECK(frozen.value()[0] == 7.0);
  CHECK_THROWS_WITH(optim::Lookahead(adam, {.k = 0}), Contains("Lookahead: k"));
  CHECK_THROWS_WITH(optim::Lookahead(adam, {.alpha = 1.5}), Contains("Lookahead: alpha"));
}
