#pragma once

// The training steps that Glissade is measured on: multilayer perceptrons from tiny to wide and
// deep. Nothing here needs Glissade: the programs of other libraries share it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace glissade::bench {

/// A network, its loss and its optimizer; float32.
struct Workload {
  enum class Activation { relu, tanh };
  enum class Loss { cross_entropy, mse };
  enum class Optimizer { sgd, momentum, adam };

  std::string name;                 ///< "W3", "width/64"
  std::vector<std::int64_t> sizes;  ///< features of the input, of each hidden layer, of the output
  std::int64_t batch = 1;
  Activation activation = Activation::relu;
  Loss loss = Loss::cross_entropy;
  Optimizer optimizer = Optimizer::adam;

  std::size_t layers() const { return sizes.size() - 1; }
  /// The learning rate: loss falls on every workload.
  double lr() const { return optimizer == Optimizer::adam ? 1e-4 : 1e-3; }
  /// The factor of the velocity in SGD.
  double momentum() const { return optimizer == Optimizer::momentum ? 0.9 : 0.0; }
  /// All weights and biases.
  std::int64_t parameters() const;
  /// Whether several threads do best with a part of the batch each: a deep network of products that
  /// are too small to be split.
  bool splits_batch() const;
  /// The bytes that a step cannot do without: parameters, gradients, the optimizer's state, the
  /// inputs and the outputs of all layers.
  std::int64_t needed_bytes() const;
};

/// W1 to W5.
std::vector<Workload> standard_workloads();

/// What shows growth: W3's network 784-w-w/2-10 at other widths w (width/16 to width/2048), W3 with
/// other batches (batch/1 to batch/1024), and W5 with other numbers of hidden layers (depth/1 to
/// depth/100). Between powers of two there is always another value, 1.5 times as large.
std::vector<Workload> sweeps();

/// {"name": "W2", "sizes": [32, 64, 64, 10], "batch": 32, "activation": "relu",
/// "loss": "cross_entropy", "optimizer": "adam", "lr": 0.0001, "momentum": 0}
std::string to_json(const Workload& workload);
/// The reverse. Throws std::invalid_argument if the text is not of this form.
Workload workload_from_json(const std::string& text);

/// A workload on its example data, made up but always the same.
struct Problem {
  explicit Problem(const Workload& workload);

  /// Where the weight (out, in) of a layer begins among the parameters; its bias (out) follows.
  std::size_t weight_at(std::size_t layer) const { return offsets[layer]; }
  std::size_t bias_at(std::size_t layer) const {
    return offsets[layer] +
           static_cast<std::size_t>(workload.sizes[layer] * workload.sizes[layer + 1]);
  }

  Workload workload;
  std::vector<float> parameters;     ///< uniform: weights as He et al. (2015), biases as PyTorch
  std::vector<std::size_t> offsets;  ///< of each layer's weight
  std::vector<float> inputs;         ///< (batch, sizes.front()), standard normal
  std::vector<float> targets;        ///< (batch, sizes.back()), standard normal, for mse
  std::vector<std::int32_t> labels;  ///< (batch), for cross-entropy
};

}  // namespace glissade::bench
