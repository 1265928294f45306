// The training doctor on a made set of runs: healthy ones and each kind of sick ones, with several
// seeds and sizes. Prints how often it was right, as a confusion table.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "glissade/glissade.h"

namespace {

using namespace glissade;

struct Data {
  Tensor<float> inputs;         // (N, features)
  Tensor<std::int32_t> labels;  // (N), for classification
  Tensor<float> targets;        // (N, 1), for regression
};

// Clouds around one centre for each class, in standard units.
Data clouds(Index n, Index features, Index classes, Rng& rng) {
  Tensor<float> centres(Shape{classes, features});
  rng.fill_normal(centres, 0.0F, 1.0F);
  Data data{Tensor<float>(Shape{n, features}), Tensor<std::int32_t>(Shape{n}), {}};
  for (Index i = 0; i < n; ++i) {
    const Index label = i % classes;
    data.labels[i] = static_cast<std::int32_t>(label);
    for (Index j = 0; j < features; ++j) {
      data.inputs(i, j) = centres(label, j) + static_cast<float>(rng.normal(0.0, 0.7));
    }
  }
  nn::standardize(data.inputs, nn::moments_by_feature(data.inputs));
  return data;
}

// y = sin(sum of x) with a little noise.
Data waves(Index n, Index features, Rng& rng) {
  Data data{Tensor<float>(Shape{n, features}), {}, Tensor<float>(Shape{n, 1})};
  rng.fill_normal(data.inputs, 0.0F, 1.0F);
  for (Index i = 0; i < n; ++i) {
    float sum = 0.0F;
    for (Index j = 0; j < features; ++j) sum += data.inputs(i, j);
    data.targets[i] = std::sin(sum) + static_cast<float>(rng.normal(0.0, 0.05));
  }
  return data;
}

// A perceptron with `depth` hidden layers, each `width` wide.
template <class Activation>
nn::Sequential<float> perceptron(Index inputs, Index outputs, int depth, Index width, nn::Init init,
                                 Rng& rng) {
  nn::Sequential<float> model;
  for (int i = 0; i < depth; ++i) {
    model.add(nn::Linear<float>(i == 0 ? inputs : width, width, rng, {.init = init}));
    model.add(Activation());
  }
  model.add(nn::Linear<float>(width, outputs, rng, {.init = init}));
  return model;
}

void scale_weights(nn::Module<float>& model, float factor) {
  for (Variable<float>& parameter : model.parameters()) {
    if (parameter.rank() == 2) {
      for (float& w : parameter.mutable_value()) w *= factor;
    }
  }
}

struct Training {
  nn::Sequential<float> model;
  Data data;
  Index batch = 32;
  std::int64_t steps = 200;
  // Makes the optimizer when the model is ready.
  std::function<std::unique_ptr<optim::Optimizer<float>>(nn::Module<float>&)> optimizer;
};

auto sgd(double lr, double momentum = 0.0) {
  return [=](nn::Module<float>& model) {
    return std::make_unique<optim::SGD<float>>(model.parameters(),
                                               optim::SGDOptions{.lr = lr, .momentum = momentum});
  };
}
auto adam(double lr) {
  return [=](nn::Module<float>& model) {
    return std::make_unique<optim::Adam<float>>(model.parameters(), optim::AdamOptions{.lr = lr});
  };
}

Variable<float> loss_of(Training& training, const std::vector<Index>& rows) {
  const Index features = training.data.inputs.dim(1);
  const Index count = static_cast<Index>(rows.size());
  Tensor<float> x(Shape{count, features});
  Tensor<std::int32_t> labels(Shape{count});
  Tensor<float> targets(Shape{count, 1});
  for (Index i = 0; i < count; ++i) {
    const Index row = rows[static_cast<std::size_t>(i)];
    for (Index j = 0; j < features; ++j) x(i, j) = training.data.inputs(row, j);
    if (training.data.labels.size() > 0) labels[i] = training.data.labels[row];
    if (training.data.targets.size() > 0) targets[i] = training.data.targets[row];
  }
  const Variable<float> y = training.model(Variable<float>(std::move(x)));
  if (training.data.labels.size() > 0) return nn::cross_entropy(y, labels);
  return nn::mse_loss(y, Variable<float>(std::move(targets)));
}

// Trains, and returns what the doctor found first.
nn::Finding examine(Training& training, Rng& rng) {
  nn::TrainingDoctor<float> doctor(training.model);
  const auto optimizer = training.optimizer(training.model);
  const Index n = training.data.inputs.dim(0);
  std::vector<Index> rows(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) rows[static_cast<std::size_t>(i)] = i;
  for (std::int64_t step = 0; step < training.steps; ++step) {
    std::vector<Index> batch = rows;
    if (training.batch < n) {
      batch.resize(static_cast<std::size_t>(training.batch));
      for (Index& row : batch) row = static_cast<Index>(rng.uniform() * static_cast<double>(n));
    }
    optimizer->zero_grad();
    doctor.begin_step();
    const Variable<float> loss = loss_of(training, batch);
    loss.backward();
    doctor.observe(static_cast<double>(loss.item()));
    if (!std::isfinite(loss.item())) break;
    optimizer->step();
  }
  return doctor.findings().empty() ? nn::Finding{} : doctor.findings().front();
}

// The curvature of the loss over all data, at the start.
double curvature(Training& training) {
  std::vector<Index> all;
  for (Index i = 0; i < training.data.inputs.dim(0); ++i) all.push_back(i);
  return nn::largest_curvature<float>([&] { return loss_of(training, all); },
                                      training.model.parameters());
}

// The same problem in three sizes: 0, 1, 2.
Training classification(int size, Rng& rng, bool deep = false) {
  const Index features = 4 << size;
  const Index classes = 2 + 2 * size;
  Training training;
  training.data = clouds(256, features, classes, rng);
  const int depth = deep ? 8 + 4 * size : 1 + size;
  training.model = perceptron<nn::ReLU<float>>(features, classes, depth, 16 << size,
                                               nn::Init::kaiming_normal, rng);
  return training;
}

Training regression(int size, Rng& rng) {
  const Index features = 1 + size;
  Training training;
  training.data = waves(256, features, rng);
  training.model =
      perceptron<nn::Tanh<float>>(features, 1, 1 + size, 16 << size, nn::Init::xavier_normal, rng);
  return training;
}

// Linear regression: a quadratic cost, whose curvature does not change.
Training quadratic(int size, Rng& rng) {
  const Index features = 2 + 8 * size;
  Training training;
  training.data = waves(128, features, rng);
  training.model.add(nn::Linear<float>(features, 1, rng));
  training.batch = 128;
  return training;
}

struct Made {
  std::string kind;
  std::string name;
  std::function<Training(int size, Rng& rng)> make;
};

std::vector<Made> made_set() {
  std::vector<Made> set;
  const auto add = [&](const char* kind, const char* name, auto make) {
    set.push_back({kind, name, make});
  };
  add("healthy", "classification, Adam", [](int size, Rng& rng) {
    Training t = classification(size, rng);
    t.optimizer = adam(0.005);
    return t;
  });
  add("healthy", "classification, momentum", [](int size, Rng& rng) {
    Training t = classification(size, rng);
    t.optimizer = sgd(0.02, 0.9);
    return t;
  });
  add("healthy", "regression, Adam, all data", [](int size, Rng& rng) {
    Training t = regression(size, rng);
    t.batch = 256;
    t.optimizer = adam(0.01);
    return t;
  });
  add("healthy", "regression, plain descent", [](int size, Rng& rng) {
    Training t = regression(size, rng);
    t.optimizer = sgd(0.1);
    return t;
  });
  add("healthy", "deep classification, Adam", [](int size, Rng& rng) {
    Training t = classification(size, rng, true);
    t.optimizer = adam(0.001);
    return t;
  });
  add("healthy", "linear regression, to the end", [](int size, Rng& rng) {
    Training t = quadratic(size, rng);
    t.steps = 600;
    t.optimizer = sgd(1.0 / curvature(t));
    return t;
  });
  add("healthy", "at the minimum from the start", [](int size, Rng& rng) {
    Training t = quadratic(size, rng);
    const auto best = optim::linear_regression(t.data.inputs, t.data.targets);
    t.model.parameters()[0].mutable_value() = best.weight;
    t.model.parameters()[1].mutable_value() = best.bias;
    t.batch = 16;
    t.optimizer = sgd(0.01);
    return t;
  });
  add("healthy", "a sigmoid at the end, trained for long", [](int size, Rng& rng) {
    Training t = classification(size, rng);
    t.data.targets = Tensor<float>(Shape{t.data.labels.size(), 1});
    for (Index i = 0; i < t.data.labels.size(); ++i) {
      t.data.targets[i] = static_cast<float>(t.data.labels[i] % 2);
    }
    t.data.labels = Tensor<std::int32_t>();
    t.model = perceptron<nn::Tanh<float>>(4 << size, 1, 1, 16, nn::Init::xavier_normal, rng);
    t.model.add(nn::Sigmoid<float>());
    t.steps = 500;
    t.optimizer = adam(0.02);
    return t;
  });
  add("diverging", "linear regression above 2/L", [](int size, Rng& rng) {
    Training t = quadratic(size, rng);
    t.optimizer = sgd(2.2 / curvature(t));
    return t;
  });
  add("diverging", "regression, rate too high", [](int size, Rng& rng) {
    Training t = regression(size, rng);
    t.optimizer = sgd(20.0);
    return t;
  });
  add("exploding", "deep ReLU, weights 4 times too large", [](int size, Rng& rng) {
    Training t = classification(size, rng, true);
    scale_weights(t.model, 4.0F);
    t.optimizer = sgd(1e-3);
    return t;
  });
  add("exploding", "deep tanh, weights 4 times too large", [](int size, Rng& rng) {
    Training t = regression(size, rng);
    t.model = perceptron<nn::Tanh<float>>(1 + size, 1, 20, 32, nn::Init::xavier_normal, rng);
    scale_weights(t.model, 4.0F);
    t.optimizer = sgd(1e-3);
    return t;
  });
  add("vanishing", "deep sigmoid", [](int size, Rng& rng) {
    Training t = classification(size, rng);
    t.model = perceptron<nn::Sigmoid<float>>(4 << size, 2 + 2 * size, 10 + 2 * size, 24,
                                             nn::Init::xavier_normal, rng);
    t.optimizer = sgd(0.1);
    return t;
  });
  add("vanishing", "deep ReLU, weights 5 times too small", [](int size, Rng& rng) {
    Training t = classification(size, rng, true);
    scale_weights(t.model, 0.2F);
    t.optimizer = sgd(0.1);
    return t;
  });
  add("oscillating", "linear regression at 2/L", [](int size, Rng& rng) {
    Training t = quadratic(size, rng);
    t.optimizer = sgd(1.9995 / curvature(t));
    return t;
  });
  add("oscillating", "a narrow valley", [](int size, Rng& rng) {
    Training t = quadratic(size, rng);
    for (Index i = 0; i < t.data.inputs.dim(0); ++i) t.data.inputs(i, 0) *= 3.0F;
    t.optimizer = sgd(1.9995 / curvature(t));
    return t;
  });
  add("stalled", "classification, rate too low", [](int size, Rng& rng) {
    Training t = classification(size, rng);
    t.optimizer = sgd(1e-6);
    return t;
  });
  add("stalled", "regression, rate too low, all data", [](int size, Rng& rng) {
    Training t = regression(size, rng);
    t.batch = 256;
    t.optimizer = adam(1e-8);
    return t;
  });
  add("dead_units", "biases of -10", [](int size, Rng& rng) {
    Training t = classification(size, rng);
    auto bias = t.model.parameters()[1];
    bias.mutable_value().fill(-10.0F);
    t.optimizer = sgd(0.05);
    return t;
  });
  add("dead_units", "a layer of negative weights", [](int size, Rng& rng) {
    Training t = classification(size, rng);
    const Index width = 16 << size;
    t.model = perceptron<nn::ReLU<float>>(4 << size, 2 + 2 * size, 2, width,
                                          nn::Init::kaiming_normal, rng);
    auto weight = t.model.parameters()[2];
    for (float& w : weight.mutable_value()) w = -std::abs(w);
    t.optimizer = sgd(0.05);
    return t;
  });
  return set;
}

const std::vector<std::string> kVerdicts{"healthy", "exploding", "vanishing", "oscillating",
                                         "stalled", "diverging", "dead_units"};

int run(int argc, char** argv) {
  CLI::App app("The training doctor on healthy and sick runs");
  bool json = false;
  bool details = false;
  std::uint64_t seeds = 3;
  app.add_flag("--json", json, "print one JSON object instead of the table");
  app.add_flag("--details", details, "print what was found in each run");
  app.add_option("--seeds", seeds, "runs of each kind and size")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  std::map<std::string, std::map<std::string, int>> table;
  int runs = 0;
  int right = 0;
  for (const Made& made : made_set()) {
    for (int size = 0; size < 3; ++size) {
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        Rng rng(seed * 1000 + static_cast<std::uint64_t>(size));
        Training training = made.make(size, rng);
        const nn::Finding finding = examine(training, rng);
        const std::string verdict =
            finding.message.empty() ? "healthy" : std::string(to_string(finding.trouble));
        ++table[made.kind][verdict];
        ++runs;
        if (verdict == made.kind) ++right;
        if (details) {
          fmt::print("{} ({}, size {}, seed {}): {}{}. {}\n", made.kind, made.name, size, seed,
                     verdict, verdict == made.kind ? "" : " WRONG", finding.message);
        }
      }
    }
  }
  if (json) {
    const nlohmann::ordered_json object{{"runs", runs}, {"right", right}, {"table", table}};
    fmt::print("{}\n", object.dump());
    return 0;
  }
  fmt::print("| made \\ found |");
  for (const std::string& verdict : kVerdicts) fmt::print(" {} |", verdict);
  fmt::print("\n|---|");
  for (std::size_t i = 0; i < kVerdicts.size(); ++i) fmt::print("---|");
  fmt::print("\n");
  for (const std::string& kind : kVerdicts) {
    fmt::print("| {} |", kind);
    for (const std::string& verdict : kVerdicts) fmt::print(" {} |", table[kind][verdict]);
    fmt::print("\n");
  }
  fmt::print("\n{} of {} runs\n", right, runs);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "training_doctor: {}\n", error.what());
    return 1;
  }
}
