// lstm: the loss of a stack of LSTM cells that predict the next character of a text, bit by bit,
// and its gradient by the cells' weights and biases and by the weights around them. The cells are
// ADBench's: their weights work element by element.

#include <vector>

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

class Model {
 public:
  Model(const Json& input, bool differentiate)
      : main_(to_tensor(input.at("main_params")), differentiate),
        extra_(to_tensor(input.at("extra_params")), differentiate),
        state_(to_tensor(input.at("state"))),
        sequence_(to_tensor(input.at("sequence"))) {}

  std::vector<Var> parameters() const { return {main_, extra_}; }

  Var loss() const {
    const Index layers = main_.dim(0) / 2;
    const Index b = extra_.dim(1);
    const Index steps = sequence_.dim(0) - 1;
    // One gate at a time: gates side by side would have to be cut apart again, each at each step.
    struct Gate {
      Var weight, bias;
      Var operator()(const Var& source) const { return source * weight + bias; }
    };
    struct Layer {
      Gate forget, in, out, change;
      Var hidden, cell;
    };
    std::vector<Layer> stack;
    for (Index i = 0; i < layers; ++i) {
      const Var weights = reshape(main_[2 * i], {4, b});
      const Var biases = reshape(main_[2 * i + 1], {4, b});
      const auto gate = [&](Index k) { return Gate{weights[k], biases[k]}; };
      stack.push_back({gate(0), gate(1), gate(2), gate(3), state_[2 * i], state_[2 * i + 1]});
    }
    const Var in_weight = extra_[0];
    std::vector<Var> outputs;
    for (Index t = 0; t < steps; ++t) {
      Var x = sequence_[t] * in_weight;
      for (Layer& layer : stack) {
        const Var kept = layer.cell * sigmoid(layer.forget(x));
        layer.cell = kept + sigmoid(layer.in(layer.hidden)) * tanh(layer.change(layer.hidden));
        layer.hidden = sigmoid(layer.out(x)) * tanh(layer.cell);
        x = layer.hidden;
      }
      outputs.push_back(reshape(x, {1, b}));
    }
    const Var predicted = concat(outputs) * extra_[1] + extra_[2];  // (steps, b)
    const Var norms = log(sum(exp(predicted), 1, true) + 2.0);
    const Var wanted = slice_rows(sequence_, 1, steps + 1);
    return sum(wanted * (predicted - norms)) * (-1.0 / static_cast<double>(steps * b));
  }

 private:
  Var main_;      // (2 layers, 4 b): weights and biases in turn
  Var extra_;     // (3, b)
  Var state_;     // (2 layers, b): hidden states and cells in turn
  Var sequence_;  // (characters, b)
};

Evaluation objective(const Json& input) {
  return evaluation(
      [model = Model(input, false)] {
        const NoGradGuard guard;
        return model.loss().item();
      },
      [](double y) { return y; });
}

Evaluation jacobian_of(const Json& input) {
  return evaluation([model = Model(input, true)] { return grad(model.loss(), model.parameters()); },
                    [](const std::vector<Var>& gradients) {
                      Json flat = Json::array();
                      for (const Var& g : gradients) {
                        for (const double value : g.value()) flat.push_back(value);
                      }
                      return flat;
                    });
}

}  // namespace

Module lstm() { return {{"objective", objective}, {"jacobian", jacobian_of}}; }

}  // namespace gradbench
