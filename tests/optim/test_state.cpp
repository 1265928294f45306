// Saving the state of optimizers and going on from it.
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/files.h"
#include "glissade/core/rng.h"
#include "glissade/core/safetensors.h"
#include "glissade/optim/adadelta.h"
#include "glissade/optim/adagrad.h"
#include "glissade/optim/adam.h"
#include "glissade/optim/adamax.h"
#include "glissade/optim/adamw.h"
#include "glissade/optim/lion.h"
#include "glissade/optim/muon.h"
#include "glissade/optim/nadam.h"
#include "glissade/optim/plateau.h"
#include "glissade/optim/radam.h"
#include "glissade/optim/rmsprop.h"
#include "glissade/optim/sgd.h"

using namespace glissade;
using files::error_of;
using files::TemporaryFolder;

namespace {

template <class T>
using Parameters = std::vector<Variable<T>>;

template <class T>
Parameters<T> three_matrices() {
  Parameters<T> p;
  Rng rng(7);
  for (const Shape& shape : {Shape{4, 3}, Shape{3, 5}, Shape{2, 2}}) {
    Tensor<T> values(shape);
    rng.fill_normal(values);
    p.push_back(parameter(std::move(values)));
  }
  return p;
}

template <class T>
Parameters<T> copy_of(const Parameters<T>& p) {
  Parameters<T> copy;
  for (const Variable<T>& each : p) copy.push_back(parameter(Tensor<T>(each.value())));
  return copy;
}

// Steps on random gradients, those of `first` and so on; the last parameter gets one at every
// other step only.
template <class T>
void train(optim::Optimizer<T>& optimizer, Parameters<T>& p, int first, int last) {
  for (int step = first; step < last; ++step) {
    Rng rng(static_cast<std::uint64_t>(100 + step));
    optimizer.zero_grad();
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (i == 2 && step % 2 == 0) continue;
      Tensor<T> g(p[i].shape());
      rng.fill_normal(g);
      p[i].backward(Variable<T>(std::move(g)));
    }
    optimizer.step();
  }
}

// Two groups: all options but `lr` in the first, those of `second` in the other.
template <class T, template <class> class Method, class Options>
void check_resume(const Options& options, const Options& second) {
  const TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  const auto make = [&](const Parameters<T>& p) {
    Method<T> optimizer({p[0], p[1]}, options);
    optimizer.add_group({p[2]}, second);
    return optimizer;
  };
  Parameters<T> p = three_matrices<T>();
  Method<T> optimizer = make(p);
  INFO(optimizer.name());
  train(optimizer, p, 0, 7);
  optim::save(optimizer, path);
  Parameters<T> q = copy_of(p);
  train(optimizer, p, 7, 20);

  Method<T> resumed = make(q);
  optim::load(resumed, path);
  CHECK(resumed.step_count() == 7);
  train(resumed, q, 7, 20);
  for (std::size_t i = 0; i < p.size(); ++i) CHECK((p[i].value() == q[i].value()));

  // Without the state it would be something else, except where there is none.
  Parameters<T> r = copy_of(q);
  Method<T> fresh = make(r);
  optim::save(optimizer, path);
  train(fresh, r, 20, 25);
  train(optimizer, p, 20, 25);
  CHECK_FALSE((p[0].value() == r[0].value()));
}

template <class T>
void check_resume_of_all() {
  const optim::Schedule lr = optim::exponential(0.1, 0.05);
  check_resume<T, optim::SGD, optim::SGDOptions>({.lr = lr}, {.lr = 0.1});
  check_resume<T, optim::SGD, optim::SGDOptions>({.lr = lr, .momentum = 0.9, .dampening = 0.5},
                                                 {.lr = lr, .momentum = 0.5, .nesterov = true});
  check_resume<T, optim::RMSprop, optim::RMSpropOptions>(
      {.lr = lr, .momentum = 0.9, .centered = true}, {.lr = lr});
  check_resume<T, optim::Adagrad, optim::AdagradOptions>(
      {.lr = lr, .lr_decay = 0.1, .initial_accumulator_value = 0.1}, {});
  check_resume<T, optim::Adadelta, optim::AdadeltaOptions>({}, {.rho = 0.5});
  check_resume<T, optim::Adam, optim::AdamOptions>({.lr = lr, .beta2 = 0.9, .amsgrad = true}, {});
  check_resume<T, optim::AdamW, optim::AdamWOptions>({.lr = lr}, {.amsgrad = true});
  check_resume<T, optim::Adamax, optim::AdamaxOptions>({.lr = lr}, {});
  check_resume<T, optim::NAdam, optim::NAdamOptions>({.lr = lr}, {.momentum_decay = 0.5});
  check_resume<T, optim::RAdam, optim::RAdamOptions>({.lr = lr}, {.beta2 = 0.9});
  check_resume<T, optim::Lion, optim::LionOptions>({.lr = lr}, {.beta1 = 0.5});
  check_resume<T, optim::Muon, optim::MuonOptions>({.lr = lr}, {.momentum = 0.5});
}

// The values of an optimizer's state, as the file that it is written to has them.
template <class T>
std::string bytes_of(const optim::Stateful<T>& object) {
  const TemporaryFolder folder;
  optim::save(object, folder / "x");
  return files::read(folder / "x");
}

template <class T>
std::string error_of_load(optim::Stateful<T>& object, const std::filesystem::path& path) {
  const std::string before = bytes_of(object);
  const std::string message = error_of([&] { optim::load(object, path); });
  CHECK(bytes_of(object) == before);
  CHECK(message.starts_with(path.string()));
  return message;
}

}  // namespace

TEST_CASE("training that is resumed from a file is training that was not interrupted") {
  check_resume_of_all<float>();
  check_resume_of_all<double>();
}

TEST_CASE("the file of a state can be read by others: names, counts as I64") {
  const TemporaryFolder folder;
  Parameters<float> p = three_matrices<float>();
  optim::Adam adam(Parameters<float>{p[0]}, {.amsgrad = false});
  adam.add_group({p[1], p[2]});
  train(adam, p, 0, 3);
  adam.set_step_count((std::int64_t{1} << 53) + 1);
  optim::save(adam, folder / "adam");
  const SafetensorsFile file(folder / "adam");
  CHECK(file.metadata().at("glissade.optim") == "Adam");
  CHECK(file.dtype("step_count") == "I64");
  CHECK(file.get<std::int64_t>("step_count").item() == (std::int64_t{1} << 53) + 1);
  CHECK((file.get<std::int64_t>("group_sizes") == Tensor<std::int64_t>({2}, {1, 2})));
  CHECK(file.get<std::int64_t>("state.1.1.steps").item() == 1);
  CHECK((file.get<std::int64_t>("state.1.0.shape") == Tensor<std::int64_t>({2}, {3, 5})));
  CHECK(file.dtype("state.1.0.mean") == "F32");
  CHECK((file.get<float>("state.1.0.square_mean") == adam.states(1)[0].square_mean));
  CHECK(file.shape("state.0.0.peak") == Shape::empty());
  CHECK(file.names().size() == 2 + 3 * 5);
  optim::Adam again(Parameters<float>{p[0]});
  again.add_group({p[1], p[2]});
  optim::load(again, folder / "adam");
  CHECK(again.step_count() == (std::int64_t{1} << 53) + 1);
}

TEST_CASE("a state that does not fit is an error that says what, and changes nothing") {
  const TemporaryFolder folder;
  Parameters<double> p = three_matrices<double>();
  optim::Adam adam(p);
  train(adam, p, 0, 3);
  const auto path = folder / "adam";
  optim::save(adam, path);

  optim::AdamW other(p);
  CHECK_THAT(error_of_load(other, path), Contains("holds the state of Adam, not of AdamW"));
  optim::Adam fewer(Parameters<double>{p[0], p[1]});
  CHECK_THAT(error_of_load(fewer, path),
             Contains("group_sizes is (3) in the file and (2) in this Adam") &&
                 Contains("state.0.2.mean is not in this Adam"));
  optim::Adam grouped(Parameters<double>{p[0]});
  grouped.add_group({p[1], p[2]});
  CHECK_THAT(error_of_load(grouped, path), Contains("(3) in the file and (1, 2)") &&
                                               Contains("state.1.0.mean is not in the file") &&
                                               Contains(" more"));
  optim::Adam turned(Parameters<double>{p[1], p[0], p[2]});
  CHECK_THAT(error_of_load(turned, path),
             Contains("state.0.0.shape is (4, 3) in the file and (3, 5) in this Adam") &&
                 Contains("state.0.0.mean is of shape (4, 3) in the file and (3, 5)"));

  // An optimizer without tensors notices it too.
  const optim::SGD sgd(p);
  optim::save(sgd, folder / "sgd");
  optim::SGD sgd_turned(Parameters<double>{p[1], p[0], p[2]});
  CHECK_THAT(error_of_load(sgd_turned, folder / "sgd"), Contains("state.0.0.shape"));

  CHECK_THAT(error_of_load(adam, folder / "missing"), Contains("No such file"));
  const Tensor<float> weight({2});
  write_safetensors(folder / "model", {{"0.weight", weight}});
  CHECK_THAT(error_of_load(adam, folder / "model"), Contains("is no state of an optimizer"));
  files::write(folder / "torn", files::read(path).substr(0, 1000));
  CHECK_THAT(error_of_load(adam, folder / "torn"), Contains("truncated"));
}

TEST_CASE("single members of a file that are wrong are named") {
  const TemporaryFolder folder;
  const auto path = folder / "lion";
  Parameters<double> p{parameter(Tensor<double>({2}, {1.0, 2.0}))};
  optim::Adagrad adagrad(p);
  const Tensor<std::int64_t> sizes({1}, {1});
  const Tensor<std::int64_t> shape({1}, {2});
  const auto count = Tensor<std::int64_t>::scalar(3);
  const auto negative = Tensor<std::int64_t>::scalar(-3);
  const auto fraction = Tensor<double>::scalar(3.0);
  const Tensor<double> sum({2}, {0.5, 0.25});
  const Tensor<double> long_sum({3});
  const auto load_with = [&](const NamedTensor& steps, const NamedTensor& square_sum) {
    write_safetensors(path,
                      {{"group_sizes", sizes},
                       {"step_count", count},
                       {"state.0.0.shape", shape},
                       steps,
                       square_sum},
                      {{"glissade.optim", "Adagrad"}});
  };
  const NamedTensor good_sum("state.0.0.square_sum", sum);
  load_with({"state.0.0.steps", negative}, good_sum);
  CHECK_THAT(error_of_load(adagrad, path), Contains("state.0.0.steps is -3, which is negative"));
  load_with({"state.0.0.steps", fraction}, good_sum);
  CHECK_THAT(error_of_load(adagrad, path),
             Contains("state.0.0.steps") && Contains("cannot be read"));
  load_with({"state.0.0.stops", count}, good_sum);
  CHECK_THAT(error_of_load(adagrad, path), Contains("state.0.0.steps is not in the file; ") &&
                                               Contains("state.0.0.stops is not in this Adagrad"));
  load_with({"state.0.0.steps", count}, {"state.0.0.square_sum", long_sum});
  CHECK_THAT(error_of_load(adagrad, path),
             Contains("state.0.0.square_sum is of shape (3) in the file and (2)"));
  load_with({"state.0.0.steps", count}, good_sum);
  optim::load(adagrad, path);
  CHECK(adagrad.states()[0].square_sum[1] == 0.25);
  CHECK(adagrad.states()[0].steps == 3);
}

namespace {

// A state that does not say what is in it.
struct Silent {
  double speed = 0.0;
};
struct PlainOptions {
  optim::Schedule lr = 0.1;
  void check() const {}
};
class Untold : public optim::OptimizerWith<double, PlainOptions, Silent> {
 public:
  explicit Untold(Parameters<double> p) : OptimizerWith("Untold", std::move(p), {}) {}

 private:
  void update_one(const PlainOptions&, double, const Tensor<double>&, Silent&,
                  Tensor<double>&) override {}
};

}  // namespace

TEST_CASE("a state of one's own that does not name its members is an error") {
  const TemporaryFolder folder;
  const Untold untold(three_matrices<double>());
  CHECK_THROWS_WITH(optim::save(untold, folder / "x"),
                    Contains("Untold: its state has no function `members`"));
  CHECK(folder.count() == 0);
}

TEST_CASE("ReduceOnPlateau goes on from a file") {
  const TemporaryFolder folder;
  const optim::PlateauOptions options{.factor = 0.5, .patience = 2, .cooldown = 1};
  optim::ReduceOnPlateau plateau(0.1, options);
  optim::save(plateau, folder / "fresh");
  const double measures[] = {3.0, 4.0, 4.0, 4.0, 5.0, 2.0, 2.5, 2.5, 2.5, 2.5};
  for (int i = 0; i < 4; ++i) plateau.update(measures[i]);
  optim::save(plateau, folder / "x");
  optim::ReduceOnPlateau resumed(0.1, options);
  optim::load(resumed, folder / "fresh");
  CHECK(resumed.best() == std::numeric_limits<double>::infinity());
  const optim::Schedule schedule = resumed.schedule();
  optim::load(resumed, folder / "x");
  CHECK(schedule(0) == 0.05);
  for (int i = 4; i < 10; ++i) CHECK(resumed.update(measures[i]) == plateau.update(measures[i]));
  CHECK(schedule(0) == plateau.schedule()(0));
  CHECK(resumed.best() == 2.0);
}
