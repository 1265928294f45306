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
        sequence_(to_tensor(input.at("sequence"))),
        layers_(main_.dim(0) / 2),
        b_(extra_.dim(1)),
        steps_(sequence_.dim(0) - 1) {}

  Var loss() const {
    Var total(Real::scalar(0.0));
    Var state = first_state();
    for (Index begin = 0; begin < turns(); begin += kTogether) {
      Part part = run(state, begin);
      total += part.loss;
      state = part.state;
    }
    return total;
  }

  // By main_ and extra_. The graph of one part stays in the cache, that of a long text does not, so
  // that it takes less time to keep only the states between the parts and, the last part first, to
  // run each again, with a graph, and to differentiate it: its loss and its state after, weighted
  // with the gradient that the later parts have by that state.
  std::vector<Var> gradients() const {
    std::vector<Var> states{first_state()};  // before each part
    {
      const NoGradGuard guard;
      for (Index begin = 0; begin + kTogether < turns(); begin += kTogether) {
        states.push_back(run(states.back(), begin).state);
      }
    }
    std::vector<Var> total;
    Var by_state;
    for (auto i = static_cast<Index>(states.size()); i-- > 0;) {
      const Var before = parameter(Real(states[static_cast<std::size_t>(i)].value()));
      const Part part = run(before, i * kTogether);
      const Var whole = by_state.defined() ? part.loss + sum(part.state * by_state) : part.loss;
      const std::vector<Var> part_gradients = grad(whole, {main_, extra_, before});
      by_state = part_gradients[2];
      const NoGradGuard guard;
      if (total.empty()) {
        total = {part_gradients[0], part_gradients[1]};
      } else {
        for (std::size_t k = 0; k < 2; ++k) total[k] += part_gradients[k];
      }
    }
    return total;
  }

 private:
  // Layer i at time t needs layer i - 1 at t and itself at t - 1: the layers can work side by
  // side, each a character behind the one before, which takes some turns more than characters.
  Index turns() const { return steps_ + layers_ - 1; }

  // The hidden states and below them the cells: (2 layers, b)
  Var first_state() const {
    const Var pairs = reshape(state_, {layers_, 2, b_});
    return reshape(concat<double>({slice(pairs, 1, 0, 1), slice(pairs, 1, 1, 2)}),
                   {2 * layers_, b_});
  }

  struct Part {
    Var loss;   // of the characters whose output is made in it
    Var state;  // after it
  };

  // The turns from `begin` on, kTogether of them or those that there are.
  Part run(const Var& state, Index begin) const {
    // For all layers: which gate's weight or bias, (layers, b).
    const Var main = reshape(main_, {layers_, 8, b_});
    const auto all = [&](Index k) { return reshape(slice(main, 1, k, k + 1), {layers_, b_}); };
    struct Gate {
      Var weight, bias;
    };
    // Two gates see what comes into a layer. Into the first comes the character times a weight of
    // its own, which is put into the gates' weights: not once for each character.
    const Var first_weight = slice_rows(extra_, 0, 1);
    const Var entrance =
        layers_ == 1 ? first_weight
                     : concat<double>({first_weight, Var(Real::full({layers_ - 1, b_}, 1.0))});
    const Gate forget{all(0) * entrance, all(4)};
    const Gate in{all(1), all(5)};
    const Gate out{all(2) * entrance, all(6)};
    const Gate change{all(3), all(7)};
    Var hidden = slice_rows(state, 0, layers_);
    Var cell = slice_rows(state, layers_, 2 * layers_);
    std::vector<Var> outputs;  // of all layers
    const Index after = std::min(begin + kTogether, turns());
    for (Index turn = begin; turn < after; ++turn) {
      // In the first and last turns some layers have nothing.
      const Index first = std::max<Index>(0, turn - steps_ + 1);
      const Index end = std::min(layers_, turn + 1);
      const bool every = end - first == layers_;
      const auto rows = [&](const Var& v) { return every ? v : slice_rows(v, first, end); };
      const auto gate = [&](const Gate& g, const Var& source) {
        return addcmul(rows(g.bias), source, rows(g.weight));
      };
      Var x;
      if (first > 0) {
        x = slice_rows(hidden, first - 1, end - 1);
      } else {
        x = slice_rows(sequence_, turn, turn + 1);
        if (end > 1) x = concat<double>({x, slice_rows(hidden, 0, end - 1)});
      }
      const Var before = rows(hidden);
      const Var changed = sigmoid(gate(in, before)) * tanh(gate(change, before));
      const Var new_cell = addcmul(changed, rows(cell), sigmoid(gate(forget, x)));
      const Var new_hidden = sigmoid(gate(out, x)) * tanh(new_cell);
      const auto update = [&](Var& v, const Var& changed_rows) {
        v = every ? changed_rows
                  : concat<double>(
                        {slice_rows(v, 0, first), changed_rows, slice_rows(v, end, layers_)});
      };
      update(cell, new_cell);
      update(hidden, new_hidden);
      if (end == layers_) outputs.push_back(hidden);
    }
    const Var state_after = concat<double>({hidden, cell});
    const auto count = static_cast<Index>(outputs.size());
    if (count == 0) return {Var(Real::scalar(0.0)), state_after};
    const Var last = slice(reshape(concat(outputs), {count, layers_, b_}), 1, layers_ - 1, layers_);
    const Var predicted = reshape(last, {count, b_}) * extra_[1] + extra_[2];
    const Var norms = log(sum(exp(predicted), 1, true) + 2.0);
    const Index next = after - count - (layers_ - 1) + 1;  // the character after the first output's
    const Var wanted = slice_rows(sequence_, next, next + count);
    const Var loss = sum(wanted * (predicted - norms)) * (-1.0 / static_cast<double>(steps_ * b_));
    return {loss, state_after};
  }

  static constexpr Index kTogether = 128;  // turns in a part

  Var main_;      // (2 layers, 4 b): weights and biases in turn
  Var extra_;     // (3, b)
  Var state_;     // (2 layers, b): hidden states and cells in turn
  Var sequence_;  // (characters, b)
  Index layers_, b_, steps_;
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
  return evaluation([model = Model(input, true)] { return model.gradients(); },
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
