// lstm: the loss of a stack of LSTM cells that predict the next character of a text, bit by bit,
// and its gradient by the cells' weights and biases and by the weights around them. The cells are
// ADBench's: their weights work element by element.

#include <algorithm>
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
    // For all layers: which gate's weight or bias, (layers, b).
    const Var main = reshape(main_, {layers, 8, b});
    const auto all = [&](Index k) { return reshape(slice(main, 1, k, k + 1), {layers, b}); };
    struct Gate {
      Var weight, bias;
    };
    const Gate forget{all(0), all(4)};
    const Gate in{all(1), all(5)};
    const Gate out{all(2), all(6)};
    const Gate change{all(3), all(7)};
    const Var state = reshape(state_, {layers, 2, b});
    Var hidden = reshape(slice(state, 1, 0, 1), {layers, b});
    Var cell = reshape(slice(state, 1, 1, 2), {layers, b});
    const Var in_weight = extra_[0];
    std::vector<Var> outputs;
    // Layer i at time t needs layer i - 1 at t and itself at t - 1: the layers can work side by
    // side, each a character behind the one before. In the first and last turns some have nothing.
    for (Index turn = 0; turn < steps + layers - 1; ++turn) {
      const Index first = std::max<Index>(0, turn - steps + 1);
      const Index end = std::min(layers, turn + 1);
      const bool every = end - first == layers;
      const auto rows = [&](const Var& v) { return every ? v : slice(v, 0, first, end); };
      const auto gate = [&](const Gate& g, const Var& source) {
        return addcmul(rows(g.bias), source, rows(g.weight));
      };
      Var x;
      if (first > 0) {
        x = slice(hidden, 0, first - 1, end - 1);
      } else {
        x = slice_rows(sequence_, turn, turn + 1) * in_weight;
        if (end > 1) x = concat<double>({x, slice(hidden, 0, 0, end - 1)});
      }
      const Var before = rows(hidden);
      const Var changed = sigmoid(gate(in, before)) * tanh(gate(change, before));
      const Var new_cell = addcmul(changed, rows(cell), sigmoid(gate(forget, x)));
      const Var new_hidden = sigmoid(gate(out, x)) * tanh(new_cell);
      if (end == layers) {
        outputs.push_back(slice(new_hidden, 0, layers - first - 1, layers - first));
      }
      const auto update = [&](Var& v, const Var& changed_rows) {
        v = every ? changed_rows
                  : concat<double>({slice(v, 0, 0, first), changed_rows, slice(v, 0, end, layers)});
      };
      update(cell, new_cell);
      update(hidden, new_hidden);
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
