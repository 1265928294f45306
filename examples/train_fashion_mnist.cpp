// Trains a multilayer perceptron on Fashion-MNIST, reports its test accuracy, and writes the model
// and the history of the training. `train_fashion_mnist --help` lists the options.

#include <fmt/format.h>
#include <glissade/core/atomic_file.h>
#include <glissade/core/blas_info.h>
#include <glissade/core/threads.h>
#include <glissade/glissade.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "progress_bar.h"
#include "support/data.h"
#include "support/validators.h"

using namespace glissade;
namespace fs = std::filesystem;

namespace {

struct Config {
  int epochs = 10;
  Index batch_size = 128;
  std::vector<Index> hidden{512, 256};
  double dropout = 0.15;
  double label_smoothing = 0.1;
  std::string optimizer = "adamw";
  double lr = 2e-3;
  std::uint64_t seed = 1;
  int threads = num_threads();
  Index train_size = 58000;
  fs::path data = support::kFashionMnist;
  fs::path out = "out/fashion-mnist";
};

// Fills `config` from the command line; returns the exit code if the program is to end at once.
std::optional<int> parse(int argc, char** argv, Config& config) {
  CLI::App app{"Trains a multilayer perceptron on Fashion-MNIST and reports its test accuracy."};
  app.option_defaults()->always_capture_default();
  app.add_option("--epochs", config.epochs, "Passes over the training images")
      ->check(CLI::Range(1, 10000));
  app.add_option("--batch-size", config.batch_size, "Images in a mini-batch")
      ->check(CLI::Range(1, 60000));
  app.add_option("--hidden", config.hidden, "Sizes of the hidden layers, separated by commas")
      ->delimiter(',')
      ->check(CLI::Range(1, 65536));
  app.add_option("--dropout", config.dropout, "Share of hidden units dropped while training")
      ->check(CLI::Range(0.0, 0.99) & support::number);
  app.add_option("--label-smoothing", config.label_smoothing,
                 "Share of the target probability that is spread over all classes")
      ->check(CLI::Range(0.0, 0.99) & support::number);
  app.add_option("--optimizer", config.optimizer, "The update rule")
      ->check(CLI::IsMember({"sgd", "momentum", "rmsprop", "adam", "adamw"}));
  app.add_option("--lr", config.lr, "Learning rate after warm-up; it falls to 0 along a cosine")
      ->check(CLI::PositiveNumber & support::number);
  app.add_option("--seed", config.seed, "Seed of weights, split, shuffling and dropout")
      ->check(support::whole_number);
  app.add_option("--threads", config.threads, "Threads of the matrix products")
      ->check(CLI::Range(1, 1024));
  app.add_option("--train-size", config.train_size,
                 "Images to train on; of the others, up to 5000 validate")
      ->check(CLI::Range(1, 59999));
  app.add_option("--data", config.data, "Folder with the four IDX files, gzipped or plain");
  app.add_option("--out", config.out, "Folder for model.safetensors and history.csv");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return std::nullopt;
}

nn::Sequential<> make_model(const Config& config, Index inputs, Index classes, Rng& rng) {
  nn::Sequential<> model;
  for (const Index units : config.hidden) {
    model.add(nn::Linear(inputs, units, rng, {.init = nn::Init::kaiming_uniform}));
    model.add(nn::ReLU());
    if (config.dropout > 0.0) model.add(nn::Dropout(config.dropout, rng));
    inputs = units;
  }
  model.add(nn::Linear(inputs, classes, rng));
  return model;
}

std::unique_ptr<optim::Optimizer<float>> make_optimizer(const Config& config,
                                                        std::vector<Variable<float>> parameters,
                                                        const optim::Schedule& lr) {
  if (config.optimizer == "sgd") {
    return std::make_unique<optim::SGD<float>>(parameters, optim::SGDOptions{.lr = lr});
  }
  if (config.optimizer == "momentum") {
    return std::make_unique<optim::SGD<float>>(parameters,
                                               optim::SGDOptions{.lr = lr, .momentum = 0.9});
  }
  if (config.optimizer == "rmsprop") {
    return std::make_unique<optim::RMSprop<float>>(parameters, optim::RMSpropOptions{.lr = lr});
  }
  if (config.optimizer == "adam") {
    return std::make_unique<optim::Adam<float>>(parameters, optim::AdamOptions{.lr = lr});
  }
  return std::make_unique<optim::AdamW<float>>(parameters,
                                               optim::AdamWOptions{.lr = lr, .weight_decay = 0.01});
}

struct Score {
  double loss = 0.0;
  double accuracy = 0.0;
};

Score evaluate(nn::Sequential<>& model, const nn::Dataset<>& data) {
  const NoGradGuard no_grad;
  model.eval();
  Score score;
  for (const auto& [images, labels] : nn::batches(data, 1000)) {
    const auto logits = model(images);
    const double share = static_cast<double>(labels.size()) / static_cast<double>(data.size());
    score.loss += share * static_cast<double>(nn::cross_entropy(logits, labels).item());
    score.accuracy += share * nn::accuracy(logits, labels);
  }
  model.train();
  return score;
}

void write_text(const fs::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int run(const Config& config) {
  set_num_threads(config.threads);
  fmt::print("{}\n", to_string(blas_info()));
  Rng rng(config.seed);

  nn::Dataset<> all = support::fashion_mnist(config.data, "train");
  nn::Dataset<> test = support::fashion_mnist(config.data, "t10k");
  check(config.train_size < all.size(), "--train-size {} leaves none of the {} images to validate",
        config.train_size, all.size());
  const auto moments = nn::moments(all.inputs);
  nn::standardize(all.inputs, moments);
  nn::standardize(test.inputs, moments);
  const auto [train, rest] = nn::split(all, all.size() - config.train_size, rng);
  std::vector<std::int32_t> first(static_cast<std::size_t>(std::min<Index>(rest.size(), 5000)));
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<std::int32_t>(i);
  const nn::Dataset<> validation = nn::subset(rest, first);
  fmt::print("{} images to train, {} to validate, {} to test\n", train.size(), validation.size(),
             test.size());
  fmt::print("pixels are standardized: (x - {:.4f}) / {:.4f}\n", moments.mean.item(),
             moments.std.item());

  nn::Sequential<> model = make_model(config, train.inputs.dim(1), 10, rng);
  fmt::print("{}\n", nn::summary(model, Shape{config.batch_size, train.inputs.dim(1)}));

  fs::create_directories(config.out);
  auto batches = nn::batches(train, config.batch_size, rng);
  const std::int64_t steps = batches.size();
  const std::int64_t rise = std::max<std::int64_t>(1, steps / 2);
  const std::int64_t fall = std::max<std::int64_t>(1, config.epochs * steps - rise);
  const auto lr = optim::warmup(rise, optim::cosine(config.lr, fall));
  const nn::CrossEntropyOptions<float> smoothing{.label_smoothing = config.label_smoothing};
  const auto parameters = model.parameters();
  const auto optimizer = make_optimizer(config, parameters, lr);

  std::string history =
      "epoch,train_loss,validation_loss,validation_accuracy,learning_rate,gradient_norm,seconds\n";
  for (int epoch = 1; epoch <= config.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    ProgressBar bar(fmt::format("epoch {:2}/{}", epoch, config.epochs), steps);
    double loss_sum = 0.0;
    double norm_sum = 0.0;
    Index examples = 0;
    std::int64_t step = 0;
    for (const auto& [images, labels] : batches) {
      optimizer->zero_grad();
      const auto loss = nn::cross_entropy(model(images), labels, smoothing);
      loss.backward();
      norm_sum += optim::clip_grad_norm(parameters, 5.0);
      optimizer->step();
      loss_sum += static_cast<double>(loss.item()) * static_cast<double>(labels.size());
      examples += labels.size();
      bar.update(++step, examples, loss_sum / static_cast<double>(examples));
    }
    const double train_loss = loss_sum / static_cast<double>(examples);
    check(
        std::isfinite(train_loss),
        "the loss is {} after epoch {}: the training has diverged; a smaller --lr than {} may help",
        train_loss, epoch, config.lr);
    const Score score = evaluate(model, validation);
    const double seconds = seconds_since(start);
    const double norm = norm_sum / static_cast<double>(steps);
    bar.clear();
    fmt::print(
        "epoch {:2}/{}  train loss {:.4f}  validation loss {:.4f}  accuracy {:5.2f} %  "
        "learning rate {:.2e}  gradient norm {:.3f}  {:.2f} s\n",
        epoch, config.epochs, train_loss, score.loss, 100.0 * score.accuracy, optimizer->lr(), norm,
        seconds);
    std::fflush(stdout);
    history += fmt::format("{},{:.6f},{:.6f},{:.6f},{:.8g},{:.6f},{:.3f}\n", epoch, train_loss,
                           score.loss, score.accuracy, optimizer->lr(), norm, seconds);
    write_text(config.out / "history.csv", history);
  }

  const fs::path file = config.out / "model.safetensors";
  nn::save(model, file);
  nn::Sequential<> loaded = make_model(config, train.inputs.dim(1), 10, rng);
  nn::load(loaded, file);  // what is reported is what the file holds
  fmt::print("wrote {} and {}\n", file.string(), (config.out / "history.csv").string());
  fmt::print("test accuracy: {:.2f} %\n", 100.0 * evaluate(loaded, test).accuracy);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Config config;
  if (const auto exit_code = parse(argc, argv, config)) return *exit_code;
  try {
    return run(config);
  } catch (const std::exception& error) {
    fmt::print(stderr, "train_fashion_mnist: {}\n", error.what());
    return 1;
  }
}
