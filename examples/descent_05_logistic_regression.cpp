// Experiment 5: logistic regression on real data: is a picture of Fashion-MNIST a T-shirt or a
// shirt? Plain descent, momentum and mini-batches against Newton's method, which finds the optimum.
// `descent_05_logistic_regression --help` lists the options.

#include <fmt/format.h>
#include <glissade/glissade.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/data.h"
#include "support/options.h"
#include "support/report.h"

using namespace glissade;

namespace {

struct Config {
  support::CommonOptions common;
  std::uint64_t seed = 1;
  std::filesystem::path data = support::kFashionMnist;
  std::vector<std::int64_t> classes{0, 6};
  Index train_size = 4000;
  Index epochs = 100;
  double decay = 0.01;
};

// Images in rows, whose last column is 1 (its weight is the bias), and labels 0 or 1.
struct Data {
  Variable<double> x;  // (m, n)
  Variable<double> y;  // (m)
};

// Each pixel's mean over the training images, and the standard deviation of all pixels together. (A
// pixel's own may be 0.)
struct Scaling {
  Tensor<float> mean;
  float std;
};

// The first `limit` images of the two classes, with the pixels (p - mean) / std.
Data prepare(const nn::Dataset<float>& all, const Config& config, const Scaling& scaling,
             Index limit) {
  std::vector<double> x, y;
  const Index pixels = all.inputs.dim(1);
  for (Index i = 0; i < all.size() && static_cast<Index>(y.size()) < limit; ++i) {
    const std::int32_t label = all.targets[i];
    if (label != config.classes[0] && label != config.classes[1]) continue;
    for (Index j = 0; j < pixels; ++j) {
      x.push_back(static_cast<double>((all.inputs(i, j) - scaling.mean[j]) / scaling.std));
    }
    x.push_back(1.0);
    y.push_back(label == config.classes[1] ? 1.0 : 0.0);
  }
  const auto rows = static_cast<Index>(y.size());
  check(rows > 0, "no image is of class {} or {}", config.classes[0], config.classes[1]);
  return {Tensor<double>({rows, pixels + 1}, x), Tensor<double>({rows}, y)};
}

// The cross-entropy, and decay / 2 |w|^2 without the bias: strongly convex but for the bias, so
// that there is one optimum.
Variable<double> cost(const Data& data, const Variable<double>& w, double decay) {
  const auto weights = slice(w, 0, 0, w.size() - 1);
  return nn::binary_cross_entropy_with_logits(matmul(data.x, w), data.y) +
         0.5 * decay * sum(square(weights));
}

double accuracy(const Data& data, const Tensor<double>& w) {
  const NoGradGuard no_grad;
  const auto logits = matmul(data.x, Variable<double>(w));
  Index right = 0;
  for (Index i = 0; i < data.y.size(); ++i) {
    right += (logits.value()[i] > 0.0) == (data.y.value()[i] > 0.5) ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(data.y.size());
}

struct Curve {
  std::string name;
  std::vector<double> epochs, seconds, costs;
  Tensor<double> w;
};

// Newton's method with the Hessian X^T diag(p (1 - p)) X / m + decay I, and half the step as long
// as the cost does not fall. Its "epochs" are iterations.
Curve newton(const Data& data, const Config& config) {
  Curve curve{.name = "Newton", .epochs = {}, .seconds = {}, .costs = {}, .w = {}};
  const Index m = data.x.dim(0);
  const Index n = data.x.dim(1);
  Variable<double> w(Tensor<double>({n}), true);
  support::Stopwatch watch;
  watch.start();
  Tensor<double> scaled = Tensor<double>::uninitialized({m, n});
  for (int iteration = 0; iteration < 50; ++iteration) {
    const auto here = cost(data, w, config.decay);
    const auto g = grad(here, {w})[0];
    watch.stop();
    curve.epochs.push_back(iteration);
    curve.seconds.push_back(watch.seconds());
    curve.costs.push_back(here.item());
    if (std::sqrt(sum(square(g)).item()) < 1e-12) break;
    watch.start();

    const NoGradGuard no_grad;
    const auto p = sigmoid(matmul(data.x, w));
    for (Index i = 0; i < m; ++i) {
      const double scale = std::sqrt(p.value()[i] * (1.0 - p.value()[i]) / static_cast<double>(m));
      for (Index j = 0; j < n; ++j) scaled[i * n + j] = scale * data.x.value()[i * n + j];
    }
    Tensor<double> hessian = matmul(scaled, scaled, Transpose::yes, Transpose::no);
    for (Index j = 0; j + 1 < n; ++j) hessian(j, j) += config.decay;
    check(cholesky(hessian), "the Hessian is not positive definite");
    const Tensor<double> step = cholesky_solve(hessian, g.value());
    const Tensor<double> before = w.value();
    double factor = 1.0;
    do {
      for (Index j = 0; j < n; ++j) w.mutable_value()[j] = before[j] - factor * step[j];
      factor *= 0.5;
    } while (cost(data, w, config.decay).item() > curve.costs.back() && factor > 1e-6);
  }
  curve.w = w.value();
  return curve;
}

Curve descend(const std::string& name, const Data& data, const Config& config, Index batch_size,
              const optim::SGDOptions& options) {
  Curve curve{.name = name, .epochs = {}, .seconds = {}, .costs = {}, .w = {}};
  Rng rng(config.seed);
  const nn::Dataset<double, double> examples(data.x.value(), data.y.value());
  Variable<double> w(Tensor<double>({data.x.dim(1)}), true);
  optim::SGD<double> sgd({w}, options);
  auto batches = nn::batches(examples, batch_size, rng);
  support::Stopwatch watch;
  for (Index epoch = 0; epoch <= config.epochs; ++epoch) {
    if (epoch > 0) {
      watch.start();
      for (const auto& [x, y] : batches) {
        sgd.zero_grad();
        cost({x, y}, w, config.decay).backward();
        sgd.step();
      }
      watch.stop();
    }
    const NoGradGuard no_grad;
    curve.epochs.push_back(static_cast<double>(epoch));
    curve.seconds.push_back(watch.seconds());
    curve.costs.push_back(cost(data, w, config.decay).item());
  }
  curve.w = w.value();
  return curve;
}

// A bound on the curvature: the largest eigenvalue of X^T X / 4m, plus the decay.
double curvature_bound(const Data& data, double decay) {
  auto gram = matmul(data.x.value(), data.x.value(), Transpose::yes, Transpose::no);
  const auto values = eigh(gram).values;
  return values[values.size() - 1] / (4.0 * static_cast<double>(data.x.dim(0))) + decay;
}

void run(const Config& config) {
  check(config.classes.size() == 2 && config.classes[0] != config.classes[1],
        "--classes needs two different classes, such as 0,6");
  support::Report report(config.common);
  const auto all = support::fashion_mnist(config.data, "train");
  const Scaling scaling{nn::moments_by_feature(all.inputs).mean,
                        nn::moments(all.inputs).std.item()};
  const Data train = prepare(all, config, scaling, config.train_size);
  const Data test = prepare(support::fashion_mnist(config.data, "t10k"), config, scaling, 1 << 30);
  const Index m = train.x.dim(0);
  const double curvature = curvature_bound(train, config.decay);
  const Index batches_per_epoch = (m + 63) / 64;

  std::vector<Curve> curves;
  curves.push_back(newton(train, config));
  curves.push_back(descend("descent", train, config, m, {.lr = 1.0 / curvature}));
  curves.push_back(descend("momentum", train, config, m,
                           {.lr = 1.0 / curvature, .momentum = 0.95, .nesterov = true}));
  curves.push_back(
      descend("mini-batches of 64", train, config, 64,
              {.lr = optim::cosine(0.5 / curvature, config.epochs * batches_per_epoch)}));
  const double lowest = curves[0].costs.back();

  plot::Figure figure(
      {.title = "Logistic regression on Fashion-MNIST", .columns = 2, .shared_legend = true});
  const auto make_axes = [&](const std::string& label, plot::Scale scale) -> plot::Axes& {
    return figure.add({.title = "cost against " + label,
                       .x_label = label,
                       .y_label = "cost - lowest cost",
                       .x_scale = scale,
                       .y_scale = plot::Scale::log,
                       .y_range = plot::Range{1e-9, 1.0}});
  };
  auto& by_epochs = make_axes("epochs (Newton: iterations)", plot::Scale::linear);
  auto& by_seconds = make_axes("seconds", plot::Scale::log);
  support::Table table({"method", "epochs", "seconds", "cost", "cost - lowest", "train", "test"});
  for (const Curve& curve : curves) {
    std::vector<double> excess;
    for (const double value : curve.costs) excess.push_back(value - lowest);
    by_epochs.line(curve.epochs, excess, {.label = curve.name});
    by_seconds.line(curve.seconds, excess, {.label = curve.name});
    const double on_train = accuracy(train, curve.w);
    const double on_test = accuracy(test, curve.w);
    table.row({curve.name, fmt::format("{}", curve.costs.size() - 1),
               fmt::format("{:.2f}", curve.seconds.back()),
               fmt::format("{:.8f}", curve.costs.back()), fmt::format("{:.2e}", excess.back()),
               fmt::format("{:.2f} %", 100.0 * on_train),
               fmt::format("{:.2f} %", 100.0 * on_test)});
    report.json["methods"].push_back({{"name", curve.name},
                                      {"epochs", curve.costs.size() - 1},
                                      {"seconds", curve.seconds.back()},
                                      {"cost", curve.costs.back()},
                                      {"train_accuracy", on_train},
                                      {"test_accuracy", on_test},
                                      {"costs", curve.costs}});
  }
  report.json["train_size"] = m;
  report.json["test_size"] = test.x.dim(0);
  report.json["decay"] = config.decay;
  report.json["curvature_bound"] = curvature;
  report.say("Classes {} and {}: {} images to train, {} to test; weight decay {:g}",
             config.classes[0], config.classes[1], m, test.x.dim(0), config.decay);
  report.print(table);
  report.picture(figure, "05_logistic_regression");
  report.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Config config;
  support::CommandLine line(
      "Experiment 5: logistic regression on two classes of Fashion-MNIST, and its optimum.");
  line.add_seed(config.seed);
  line.add("--data", config.data, "Folder with the four IDX files, gzipped or plain");
  line.add("--classes", config.classes, "Two of the ten classes, from 0 to 9", 0, 9);
  line.add("--train-size", config.train_size, "Images to train on, at most", 2, 12000);
  line.add("--epochs", config.epochs, "Passes over them", 1, 100000);
  line.add("--decay", config.decay, "Weight decay");
  return line.run(argc, argv, [&] {
    config.common = line.common();
    if (config.common.quick) {
      config.train_size = std::min<Index>(config.train_size, 500);
      config.epochs = std::min<Index>(config.epochs, 20);
    }
    run(config);
  });
}
