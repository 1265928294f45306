// Transformations of gradients: against Optax, against the optimizers that they are the parts of,
// and what they do in front of one.
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "catch.h"
#include "core/files.h"
#include "glissade/optim/adam.h"
#include "glissade/optim/adamw.h"
#include "glissade/optim/chained.h"
#include "glissade/optim/lion.h"
#include "glissade/optim/lookahead.h"
#include "glissade/optim/rmsprop.h"
#include "glissade/optim/sgd.h"
#include "support/reference.h"

using namespace glissade;
using optim::chain;
using optim::GradientTransformation;

namespace {

using Values = std::vector<double>;
using Variables = std::vector<Variable<double>>;

const SafetensorsFile& optax_file() {
  static const SafetensorsFile file(GLISSADE_TEST_DATA_DIR "/optax_reference.safetensors");
  return file;
}

// A row of a matrix (rows, 17) as the parameters' (3, 4) and (5).
std::vector<Tensor<double>> split(const Tensor<double>& matrix, Index row) {
  const double* values = matrix.data() + row * 17;
  return {Tensor<double>({3, 4}, std::span(values, 12)),
          Tensor<double>({5}, std::span(values + 12, 5))};
}

// The problem of make_optax_reference.py: a quadratic function, and gradients that wobble.
struct Problem {
  std::vector<Tensor<double>> start = split(optax_file().get<double>("optax/start"), 0);
  std::vector<Tensor<double>> curvature = split(optax_file().get<double>("optax/curvature"), 0);
  std::vector<Tensor<double>> target = split(optax_file().get<double>("optax/target"), 0);
  Tensor<double> wobble = optax_file().get<double>("optax/wobble");

  Variables parameters() const { return {parameter(start[0]), parameter(start[1])}; }
  void set_gradients(Variables& p, Index step) const {
    const auto noise = split(wobble, step % wobble.dim(0));
    for (std::size_t i = 0; i < p.size(); ++i) {
      Tensor<double> g = p[i].value();
      for (Index k = 0; k < g.size(); ++k) {
        g[k] = curvature[i][k] * (g[k] - target[i][k]) + noise[i][k];
      }
      p[i].zero_grad();
      p[i].backward(Variable<double>(std::move(g)));
    }
  }
};

GradientTransformation by_name(const std::string& name) {
  if (name == "adam") {
    return chain(optim::clip_by_global_norm(1.0), optim::add_decayed_weights(0.05),
                 optim::scale_by_adam({.beta1 = 0.8, .beta2 = 0.9, .eps = 1e-3, .eps_root = 1e-4}));
  }
  if (name == "adamw") return chain(optim::scale_by_adam(), optim::add_decayed_weights(0.1));
  if (name == "trace") {
    const auto schedule = [](std::int64_t t) { return 1.0 / (1.0 + 0.1 * static_cast<double>(t)); };
    return chain(optim::clip(0.5), optim::trace(0.9), optim::scale_by_schedule(schedule));
  }
  if (name == "nesterov") {
    return chain(optim::zero_nans(), optim::trace(0.7, true), optim::scale(0.5));
  }
  if (name == "rms") {
    return chain(optim::centralize(), optim::scale_by_rms({.decay = 0.8, .eps = 1e-3}));
  }
  if (name == "rms_in_sqrt") {
    return optim::scale_by_rms({.decay = 0.8, .eps = 1e-3, .eps_in_sqrt = true});
  }
  if (name == "lion") {
    return chain(optim::scale_by_lion({.beta1 = 0.8, .beta2 = 0.95}),
                 optim::add_decayed_weights(0.2));
  }
  if (name == "sign") return optim::scale_by_sign();
  return chain(optim::accumulate(3), optim::scale_by_adam());
}

// Both make the same steps.
void check_same(optim::Optimizer<double>& a, Variables& p, optim::Optimizer<double>& b,
                Variables& q, double tolerance = 1e-12) {
  const Problem problem;
  for (Index step = 0; step < 40; ++step) {
    INFO("step " << step);
    problem.set_gradients(p, step);
    problem.set_gradients(q, step);
    a.step();
    b.step();
    for (std::size_t i = 0; i < p.size(); ++i) {
      CHECK(relative_error(p[i].value(), q[i].value()) <= tolerance);
    }
  }
}

Values values_of(const Tensor<double>& tensor) { return {tensor.begin(), tensor.end()}; }

// What a transformation makes of one gradient of the parameter w.
Values transformed(const GradientTransformation& transformation, const Tensor<double>& g,
                   const Tensor<double>& w) {
  Variable<double> p = parameter(w);
  optim::Chained descent(Variables{p}, transformation, {.lr = 1.0});
  p.backward(Variable<double>(g));
  descent.step();
  CHECK((p.grad().value().shape() == g.shape()));
  Values result;
  for (Index i = 0; i < w.size(); ++i) result.push_back(w[i] - p.value()[i]);
  return result;
}

}  // namespace

TEST_CASE("chains of transformations agree with Optax") {
  const Problem problem;
  int cases = 0;
  for (const std::string& key : optax_file().names()) {
    if (!key.ends_with("/params")) continue;
    const std::string name = key.substr(6, key.size() - 6 - 7);
    INFO(name);
    ++cases;
    const auto expected = optax_file().get<double>(key);
    Variables p = problem.parameters();
    optim::Chained optimizer(p, by_name(name), {.lr = 0.05});
    for (Index step = 0; step < 40; ++step) {
      problem.set_gradients(p, step);
      optimizer.step();
      if (step % 10 != 9) continue;
      INFO("step " << step);
      const auto row = split(expected, step / 10);
      for (std::size_t i = 0; i < 2; ++i) CHECK(relative_error(p[i].value(), row[i]) < 1e-12);
    }
  }
  CHECK(cases == 9);
}

TEST_CASE("optimizers are chains of their parts") {
  const Problem problem;
  Variables p = problem.parameters();
  Variables q = problem.parameters();
  const auto reset = [&] {
    p = problem.parameters();
    q = problem.parameters();
  };
  optim::Adam adam(p, {.lr = 0.05});
  optim::Chained adam_chain(q, optim::scale_by_adam(), {.lr = 0.05});
  check_same(adam, p, adam_chain, q);
  reset();
  const optim::Schedule falling = optim::exponential(0.05, 0.1);
  optim::AdamW adamw(p, {.lr = falling, .weight_decay = 0.1});
  optim::Chained adamw_chain(q, chain(optim::scale_by_adam(), optim::add_decayed_weights(0.1)),
                             {.lr = falling});
  check_same(adamw, p, adamw_chain, q);
  reset();
  optim::SGD momentum(p, {.lr = 0.05, .momentum = 0.9, .weight_decay = 0.1});
  optim::Chained momentum_chain(q, chain(optim::add_decayed_weights(0.1), optim::trace(0.9)),
                                {.lr = 0.05});
  check_same(momentum, p, momentum_chain, q);
  reset();
  optim::SGD nesterov(p, {.lr = 0.05, .momentum = 0.9, .nesterov = true});
  optim::Chained nesterov_chain(
      q, chain(optim::trace(0.9, true), optim::scale_by_schedule(falling)), {.lr = 1.0});
  nesterov.set_lr(falling);
  check_same(nesterov, p, nesterov_chain, q);
  reset();
  optim::RMSprop rmsprop(p, {.lr = 0.01, .alpha = 0.9, .momentum = 0.5});
  optim::Chained rmsprop_chain(q, chain(optim::scale_by_rms(), optim::trace(0.5)), {.lr = 0.01});
  check_same(rmsprop, p, rmsprop_chain, q);
  reset();
  optim::Lion lion(p, {.lr = 0.01, .weight_decay = 0.1});
  optim::Chained lion_chain(q, chain(optim::scale_by_lion(), optim::add_decayed_weights(0.1)),
                            {.lr = 0.01});
  check_same(lion, p, lion_chain, q);
}

TEST_CASE("a transformation stands in front of any optimizer") {
  const Problem problem;
  Variables p = problem.parameters();
  Variables q = problem.parameters();
  // Adam with weight decay by the transformation, and by itself.
  optim::Adam front(p, {.lr = 0.05});
  front.set_gradient_transformation(optim::add_decayed_weights(0.1));
  optim::Adam adam(q, {.lr = 0.05, .weight_decay = 0.1});
  check_same(front, p, adam, q, 0.0);
  CHECK(front.gradient_transformation()->name() == "add_decayed_weights");
  CHECK(adam.gradient_transformation() == nullptr);
  // The gradients themselves stay.
  problem.set_gradients(p, 0);
  const Tensor<double> before = p[0].grad().value();
  front.set_gradient_transformation(chain(optim::scale(0.0), optim::scale_by_sign()));
  front.step();
  CHECK((p[0].grad().value() == before));
  CHECK(front.gradient_transformation()->name() == "chain(scale, scale_by_sign)");
}

TEST_CASE("each transformation without a state does what it says") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor<double> w({2, 2}, {1.0, 2.0, -4.0, 8.0});
  const Tensor<double> g({2, 2}, {3.0, -4.0, 0.0, 12.0});
  CHECK(transformed(optim::clip_by_global_norm(6.5), g, w) == Values{1.5, -2.0, 0.0, 6.0});
  CHECK(transformed(optim::clip_by_global_norm(13.0), g, w) == values_of(g));
  CHECK(transformed(optim::clip(3.5), g, w) == Values{3.0, -3.5, 0.0, 3.5});
  CHECK(transformed(optim::add_decayed_weights(0.5), g, w) == Values{3.5, -3.0, -2.0, 16.0});
  CHECK(transformed(optim::scale(-2.0), g, w) == Values{-6.0, 8.0, 0.0, -24.0});
  CHECK(transformed(optim::scale_by_sign(), g, w) == Values{1.0, -1.0, 0.0, 1.0});
  CHECK(transformed(optim::centralize(), g, w) == Values{3.5, -3.5, -6.0, 6.0});
  const Tensor<double> vector({4}, {3.0, -4.0, 0.0, 12.0});
  CHECK(transformed(optim::centralize(), vector, Tensor<double>({4})) == values_of(vector));
  const Tensor<double> holes({2, 2}, {nan, 1.0, -2.0, nan});
  CHECK(transformed(optim::zero_nans(), holes, w) == Values{0.0, 1.0, -2.0, 0.0});
  CHECK(std::isnan(transformed(optim::clip(1.0), holes, w)[0]));
  CHECK(std::isnan(transformed(optim::scale_by_sign(), holes, w)[0]));
  CHECK(std::isnan(transformed(optim::clip_by_global_norm(1.0), holes, w)[1]));
  CHECK(transformed(chain({}), g, w) == values_of(g));
  const auto halve = optim::stateless("halve", [](auto updates) {
    for (auto& update : updates) {
      for (auto& value : update.value) value /= 2;
    }
  });
  CHECK(transformed(chain(halve, halve), g, w) == Values{0.75, -1.0, 0.0, 3.0});
}

TEST_CASE("accumulated gradients make one step of their mean") {
  Variable<double> p = parameter(Tensor<double>({1}, {0.0}));
  Variable<double> q = parameter(Tensor<double>({1}, {0.0}));
  Variable<double> frozen = parameter(Tensor<double>({1}, {0.0}));
  optim::SGD sgd(Variables{p, q, frozen}, {.lr = optim::step(1.0, 1, 0.5)});
  sgd.set_gradient_transformation(optim::accumulate(3));
  const auto give = [](Variable<double>& v, double g) {
    v.backward(Variable<double>(Tensor<double>({1}, {g})));
  };
  for (int round = 0; round < 2; ++round) {
    for (int call = 0; call < 3; ++call) {
      sgd.zero_grad();
      give(p, 1.0 + call);
      if (call == 1) give(q, 6.0);  // none at the last call
      if (frozen.requires_grad()) give(frozen, 1.0);
      frozen.set_requires_grad(false);
      sgd.step();
      CHECK(sgd.step_count() == round + (call == 2 ? 1 : 0));
    }
    CHECK(p.value()[0] == (round == 0 ? -2.0 : -3.0));
    CHECK(q.value()[0] == (round == 0 ? -2.0 : -3.0));
    CHECK(frozen.value()[0] == 0.0);
  }
  // Lookahead counts the steps that were made.
  optim::Lookahead lookahead(sgd, {.k = 1, .alpha = 0.5});
  p.mutable_value()[0] = 0.0;
  lookahead.inner().set_lr(1.0);
  optim::Lookahead ahead(lookahead.inner(), {.k = 1, .alpha = 0.5});
  for (int call = 0; call < 3; ++call) {
    sgd.zero_grad();
    give(p, 1.0);
    ahead.step();
    CHECK(p.value()[0] == (call == 2 ? -0.5 : 0.0));
  }
}

TEST_CASE("a parameter without any gradient since the last step is left alone") {
  Variable<double> p = parameter(Tensor<double>({1}, {1.0}));
  Variable<double> q = parameter(Tensor<double>({1}, {1.0}));
  optim::SGD sgd(Variables{p, q}, {.lr = 0.5, .weight_decay = 1.0});
  sgd.set_gradient_transformation(optim::accumulate(2));
  for (int round = 0; round < 2; ++round) {
    for (int call = 0; call < 2; ++call) {
      sgd.zero_grad();
      p.backward(Variable<double>(Tensor<double>({1}, {0.0})));
      if (round == 0) q.backward(Variable<double>(Tensor<double>({1}, {0.0})));
      sgd.step();
    }
  }
  CHECK(p.value()[0] == 0.25);
  CHECK(q.value()[0] == 0.5);
}

TEST_CASE("gradient noise has the variance that it should, and a seed") {
  constexpr Index kSize = 20000;
  const auto noise_of = [](std::uint64_t seed) {
    Variable<double> p = parameter(Tensor<double>({kSize}));
    optim::Chained descent(Variables{p}, optim::add_noise(0.25, 2.0, seed), {.lr = 1.0});
    p.backward(Variable<double>(Tensor<double>({kSize})));
    std::vector<Tensor<double>> values;
    for (int step = 0; step < 3; ++step) {
      p.mutable_value().fill(0.0);
      descent.step();
      values.push_back(p.value());
    }
    return values;
  };
  const auto noise = noise_of(1);
  for (std::size_t t = 0; t < 3; ++t) {
    double sum = 0.0;
    double squares = 0.0;
    for (const double value : noise[t]) {
      sum += value;
      squares += value * value;
    }
    const double variance = 0.25 / std::pow(static_cast<double>(t + 1), 2.0);
    CHECK(std::abs(sum / kSize) < 5.0 * std::sqrt(variance / kSize));
    CHECK(squares / kSize == Approx(variance).epsilon(0.05));
  }
  CHECK((noise == noise_of(1)));
  CHECK_FALSE((noise == noise_of(2)));
}

TEST_CASE("transformations are copied and saved with their optimizer") {
  const files::TemporaryFolder folder;
  const Problem problem;
  const auto make = [](const Variables& p) {
    optim::AdamW adam(Variables{p[0]}, {.lr = 0.05});
    adam.set_gradient_transformation(chain(optim::add_noise(0.1), optim::accumulate(3),
                                           optim::trace(0.5), optim::scale_by_adam(),
                                           optim::scale_by_rms(), optim::scale_by_lion(),
                                           optim::scale_by_schedule(optim::exponential(1.0, 0.1))));
    adam.add_group({p[1]}, {.lr = 0.01});
    return adam;
  };
  const auto go = [&](optim::AdamW<double>& adam, Variables& p) {
    for (Index step = 5; step < 15; ++step) {
      problem.set_gradients(p, step);
      adam.step();
    }
  };
  Variables p = problem.parameters();
  auto adam = make(p);
  for (Index step = 0; step < 5; ++step) {
    problem.set_gradients(p, step);
    adam.step();
  }
  optim::save(adam, folder / "x");
  const auto copy = adam;
  Variables q{parameter(Tensor<double>(p[0].value())), parameter(Tensor<double>(p[1].value()))};
  go(adam, p);

  auto resumed = make(q);
  optim::load(resumed, folder / "x");
  go(resumed, q);
  for (std::size_t i = 0; i < 2; ++i) CHECK((p[i].value() == q[i].value()));

  optim::save(adam, folder / "after");
  adam = copy;
  optim::save(adam, folder / "again");
  CHECK(files::read(folder / "again") == files::read(folder / "x"));
  CHECK_FALSE(files::read(folder / "again") == files::read(folder / "after"));

  auto plain = make(q);
  plain.set_gradient_transformation(optim::trace(0.5));
  CHECK_THROWS_WITH(optim::load(plain, folder / "x"),
                    Contains("transformation.trace.velocity.0 is not in the file"));
}

TEST_CASE("a transformation that fails changes nothing") {
  Variable<double> p = parameter(Tensor<double>({1}, {1.0}));
  const optim::Schedule bad = [](std::int64_t t) { return t == 0 ? 1.0 : -1.0; };
  optim::Chained optimizer(Variables{p}, chain(optim::trace(0.5), optim::scale_by_schedule(bad)),
                           {.lr = 0.1});
  p.backward(Variable<double>(Tensor<double>({1}, {1.0})));
  optimizer.step();
  const files::TemporaryFolder folder;
  optim::save(optimizer, folder / "before");
  CHECK_THROWS_WITH(optimizer.step(), Contains("-1") && Contains("step 1"));
  optim::save(optimizer, folder / "after");
  CHECK(files::read(folder / "before") == files::read(folder / "after"));
  CHECK(p.value()[0] == 0.9);
}

TEST_CASE("options of transformations out of range are errors that name them") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(optim::clip_by_global_norm(0.0), Contains("clip_by_global_norm: max_norm"));
  CHECK_THROWS_WITH(optim::clip(nan), Contains("clip: limit"));
  CHECK_THROWS_WITH(optim::add_decayed_weights(-1.0),
                    Contains("add_decayed_weights: weight_decay"));
  CHECK_THROWS_WITH(optim::scale(nan), Contains("scale: factor"));
  CHECK_THROWS_WITH(optim::trace(1.0), Contains("trace: decay"));
  CHECK_THROWS_WITH(optim::scale_by_adam({.beta1 = 1.0}), Contains("scale_by_adam: beta1"));
  CHECK_THROWS_WITH(optim::scale_by_adam({.eps_root = -1.0}), Contains("scale_by_adam: eps_root"));
  CHECK_THROWS_WITH(optim::scale_by_rms({.decay = nan}), Contains("scale_by_rms: decay"));
  CHECK_THROWS_WITH(optim::scale_by_lion({.beta2 = 1.0}), Contains("scale_by_lion: beta2"));
  CHECK_THROWS_WITH(optim::add_noise(-1.0), Contains("add_noise: eta"));
  CHECK_THROWS_WITH(optim::add_noise(1.0, nan), Contains("add_noise: gamma"));
  CHECK_THROWS_WITH(optim::accumulate(0), Contains("accumulate: k"));
}
