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
    std::vector<Var> weight, bias, hidden, cell;
    for (Index i = 0; i < layers; ++i) {
      weight.push_back(main_[2 * i]);
      bias.push_back(main_[2 * i + 1]);
      hidden.push_back(state_[2 * i]);
      cell.push_back(state_[2 * i + 1]);
    }
    const Var in_weight = extra_[0];
    std::vector<Var> outputs;
    for (Index t = 0; t < steps; ++t) {
      Var x = sequence_[t] * in_weight;
      for (std::size_t i = 0; i < weight.size(); ++i) {
        // The gates: forget, in, out, and the change of the cell.
        const Var& h = hidden[i];
        const Var gates = concat<double>({x, h, x, h}) * weight[i] + bias[i];
        const Var open = sigmoid(slice(gates, 0, 0, 3 * b));
        const Var change = tanh(slice(gates, 0, 3 * b, 4 * b));
        cell[i] = cell[i] * slice(open, 0, 0, b) + slice(open, 0, b, 2 * b) * change;
        hidden[i] = slice(open, 0, 2 * b, 3 * b) * tanh(cell[i]);
        x = hidden[i];
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
