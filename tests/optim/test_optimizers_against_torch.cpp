// A hundred steps of every optimizer (ten in float), with every option, against PyTorch. The
// options come from the reference file's metadata, so that a case added there is tested here.
#include <cstdint>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "catch.h"
#include "glissade/optim/adadelta.h"
#include "glissade/optim/adagrad.h"
#include "glissade/optim/adam.h"
#include "glissade/optim/adamax.h"
#include "glissade/optim/adamw.h"
#include "glissade/optim/lion.h"
#include "glissade/optim/muon.h"
#include "glissade/optim/nadam.h"
#include "glissade/optim/radam.h"
#include "glissade/optim/rmsprop.h"
#include "glissade/optim/sgd.h"
#include "support/reference.h"

using namespace glissade;

namespace {

// "lr=0.1 nesterov=True" as {lr: 0.1, nesterov: 1}. What is taken out must be all there is.
class Noted {
 public:
  explicit Noted(const std::string& text) {
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      const std::size_t equals = word.find('=');
      values_[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }

  bool has(const std::string& name) const { return values_.contains(name); }
  bool is_empty() const { return values_.empty(); }
  bool has_groups() const { return has("weights.lr"); }

  // The options of a group: the common ones, and those that begin with the group's prefix.
  Noted group(const std::string& prefix) const {
    Noted result("");
    for (const auto& [name, value] : values_) {
      if (name.find('.') == std::string::npos) result.values_.insert({name, value});
      if (name.starts_with(prefix)) result.values_[name.substr(prefix.size())] = value;
    }
    return result;
  }

  template <class Value>
  void take(const std::string& name, Value& value) {
    const auto found = values_.find(name);
    if (found == values_.end()) return;
    if constexpr (std::is_same_v<Value, bool>) {
      value = found->second == "True";
    } else if constexpr (std::is_same_v<Value, int>) {
      value = std::stoi(found->second);
    } else if constexpr (std::is_same_v<Value, std::string>) {
      value = found->second;
    } else {
      value = std::stod(found->second);
    }
    values_.erase(found);
  }
  void take_lr(const std::string& key, optim::Schedule& lr) {
    if (!has("lr")) return;
    if (values_["lr"] == "varying") {
      lr = [rates = reference<double>(key + "/lr")](std::int64_t t) {
        return rates[t % rates.size()];
      };
    } else {
      lr = std::stod(values_["lr"]);
    }
    values_.erase("lr");
  }

 private:
  std::map<std::string, std::string> values_;
};

void read(Noted& noted, optim::SGDOptions& options) {
  noted.take("momentum", options.momentum);
  noted.take("dampening", options.dampening);
  noted.take("weight_decay", options.weight_decay);
  noted.take("nesterov", options.nesterov);
}
void read(Noted& noted, optim::RMSpropOptions& options) {
  noted.take("alpha", options.alpha);
  noted.take("eps", options.eps);
  noted.take("momentum", options.momentum);
  noted.take("weight_decay", options.weight_decay);
  noted.take("centered", options.centered);
}
void read(Noted& noted, optim::AdagradOptions& options) {
  noted.take("lr_decay", options.lr_decay);
  noted.take("weight_decay", options.weight_decay);
  noted.take("initial_accumulator_value", options.initial_accumulator_value);
  noted.take("eps", options.eps);
}
void read(Noted& noted, optim::AdadeltaOptions& options) {
  noted.take("rho", options.rho);
  noted.take("eps", options.eps);
  noted.take("weight_decay", options.weight_decay);
}
void read(Noted& noted, optim::LionOptions& options) {
  noted.take("beta1", options.beta1);
  noted.take("beta2", options.beta2);
  noted.take("weight_decay", options.weight_decay);
}
void read(Noted& noted, optim::MuonOptions& options) {
  noted.take("momentum", options.momentum);
  noted.take("nesterov", options.nesterov);
  noted.take("weight_decay", options.weight_decay);
  noted.take("ns_steps", options.ns_steps);
  noted.take("eps", options.eps);
  std::string adjust = "original";
  noted.take("adjust_lr", adjust);
  if (adjust == "match_rms_adamw") options.adjust_lr = optim::AdjustLr::match_rms_adamw;
  if (adjust == "spectral_unclamped") options.adjust_lr = optim::AdjustLr::spectral_unclamped;
}
template <class Options>
void read(Noted& noted, Options& options) {
  noted.take("beta1", options.beta1);
  noted.take("beta2", options.beta2);
  noted.take("eps", options.eps);
  noted.take("weight_decay", options.weight_decay);
  if constexpr (requires { options.amsgrad; }) noted.take("amsgrad", options.amsgrad);
  if constexpr (requires { options.momentum_decay; }) {
    noted.take("momentum_decay", options.momentum_decay);
  }
  if constexpr (requires { options.decoupled_weight_decay; }) {
    noted.take("decoupled_weight_decay", options.decoupled_weight_decay);
  }
}

template <class Options>
Options read_options(const std::string& key, Noted noted) {
  Options options;
  noted.take_lr(key, options.lr);
  noted.take("maximize", options.maximize);
  read(noted, options);
  REQUIRE(noted.is_empty());
  return options;
}

template <class T>
using Parameters = std::vector<Variable<T>>;

template <class T, template <class> class Method, class Options>
std::unique_ptr<optim::Optimizer<T>> make(const std::string& key, const Noted& noted,
                                          const Parameters<T>& p) {
  constexpr bool kMatricesOnly = std::is_same_v<Options, optim::MuonOptions>;
  if (!noted.has_groups()) {
    return std::make_unique<Method<T>>(kMatricesOnly ? Parameters<T>{p[0], p[2]} : p,
                                       read_options<Options>(key, noted));
  }
  auto result =
      std::make_unique<Method<T>>(kMatricesOnly ? Parameters<T>{p[0]} : Parameters<T>{p[0], p[2]},
                                  read_options<Options>(key, noted.group("weights.")));
  result->add_group(kMatricesOnly ? Parameters<T>{p[2]} : Parameters<T>{p[1], p[3]},
                    read_options<Options>(key, noted.group("biases.")));
  return result;
}

template <class T>
std::unique_ptr<optim::Optimizer<T>> make_optimizer(const std::string& key, const Noted& noted,
                                                    const Parameters<T>& p) {
  const std::string name = key.substr(key.find('/') + 1);
  const std::string method = name.substr(0, name.find('_'));
  if (method == "sgd") return make<T, optim::SGD, optim::SGDOptions>(key, noted, p);
  if (method == "rmsprop") return make<T, optim::RMSprop, optim::RMSpropOptions>(key, noted, p);
  if (method == "adam") return make<T, optim::Adam, optim::AdamOptions>(key, noted, p);
  if (method == "adamw") return make<T, optim::AdamW, optim::AdamWOptions>(key, noted, p);
  if (method == "adagrad") return make<T, optim::Adagrad, optim::AdagradOptions>(key, noted, p);
  if (method == "adadelta") return make<T, optim::Adadelta, optim::AdadeltaOptions>(key, noted, p);
  if (method == "adamax") return make<T, optim::Adamax, optim::AdamaxOptions>(key, noted, p);
  if (method == "nadam") return make<T, optim::NAdam, optim::NAdamOptions>(key, noted, p);
  if (method == "radam") return make<T, optim::RAdam, optim::RAdamOptions>(key, noted, p);
  if (method == "lion") return make<T, optim::Lion, optim::LionOptions>(key, noted, p);
  if (method == "muon") return make<T, optim::Muon, optim::MuonOptions>(key, noted, p);
  FAIL("no optimizer for " + key);
  return nullptr;
}

// The network 5-8-3 of the reference, its parameters from a row of `trajectory` (11, 75).
template <class T>
Parameters<T> parameters_at(const Tensor<T>& trajectory, Index row) {
  Parameters<T> result;
  const T* next = trajectory.data() + row * trajectory.dim(1);
  for (const Shape& shape : {Shape{8, 5}, Shape{8}, Shape{3, 8}, Shape{3}}) {
    result.push_back(parameter(
        Tensor<T>(shape, std::span<const T>(next, static_cast<std::size_t>(shape.size())))));
    next += shape.size();
  }
  return result;
}

template <class T>
Variable<T> loss_of(const std::string& group, const Parameters<T>& p) {
  const Variable<T> input(reference<T>(group + "/input"));
  const auto labels = reference<std::int32_t>(group + "/labels");
  const Variable<T> hidden = tanh(matmul(input, transpose(p[0])) + p[1]);
  const Variable<T> logits = matmul(hidden, transpose(p[2])) + p[3];
  Tensor<T> picked(Shape{labels.size(), 3});
  for (Index i = 0; i < labels.size(); ++i) picked(i, labels[i]) = T{1};
  return sum(log_softmax(logits, 1) * Variable<T>(std::move(picked))) *
         (-1.0 / static_cast<double>(labels.size()));
}

// One step, with the loss that it should begin with.
template <class T>
void make_step(const std::string& group, const Parameters<T>& p, optim::Optimizer<T>& optimizer,
               T expected_loss) {
  optimizer.zero_grad();
  const Variable<T> loss = loss_of(group, p);
  CHECK(loss.item() == Approx(expected_loss).epsilon(kTolerance<T>));
  loss.backward();
  optimizer.step();
}

template <class T>
void check_parameters(const Parameters<T>& p, const Tensor<T>& trajectory, Index row) {
  const Parameters<T> expected = parameters_at(trajectory, row);
  for (std::size_t i = 0; i < p.size(); ++i) {
    INFO("parameter " << i);
    CHECK(relative_error(p[i].value(), expected[i].value()) < kTolerance<T>);
  }
}

template <class T>
void compare(const std::string& group, const std::string& key, const std::string& note) {
  INFO(key << ": " << note);
  const auto trajectory = reference<T>(key + "/params");
  const auto losses = reference<T>(key + "/loss");
  const Parameters<T> p = parameters_at(trajectory, 0);
  const auto optimizer = make_optimizer(key, Noted(note), p);
  for (Index step = 0; step < losses.size(); ++step) {
    INFO("step " << step);
    make_step(group, p, *optimizer, losses[step]);
    check_parameters(p, trajectory, step + 1);
  }
  CHECK(optimizer->step_count() == losses.size());
  if (!has_reference(key + "/loss_later")) return;
  const auto later = reference<T>(key + "/params_later");
  const auto later_losses = reference<T>(key + "/loss_later");
  for (Index step = 0; step < later_losses.size(); ++step) {
    INFO("step " << losses.size() + step);
    make_step(group, p, *optimizer, later_losses[step]);
    if (step % 10 == 9) check_parameters(p, later, step / 10);
  }
  CHECK(optimizer->step_count() == 100);
}

template <class T>
int compare_all(const std::string& group) {
  int cases = 0;
  for (const auto& [key, note] : reference_file().metadata()) {
    if (!key.starts_with(group + "/")) continue;
    compare<T>(group, key, note);
    ++cases;
  }
  return cases;
}

}  // namespace

TEST_CASE("a hundred steps of every optimizer agree with PyTorch in float64") {
  CHECK(compare_all<double>("optim") >= 75);
}

TEST_CASE("ten steps of every optimizer agree with PyTorch in float32") {
  CHECK(compare_all<float>("optim_f32") >= 10);
}
