// Recomputing activations: a node that holds a function, not the graph that the function made.
#include "glissade/autograd/checkpoint.h"

#include <algorithm>
#include <unordered_set>

#include "glissade/autograd/grad_mode.h"
#include "glissade/autograd/node.h"
#include "glissade/core/check.h"
#include "instantiate.h"

namespace glissade {

constinit thread_local bool detail::recomputing = false;

namespace {

using detail::CheckpointFunction;

std::vector<Rng::State> states_of(const std::vector<Rng*>& generators) {
  std::vector<Rng::State> states;
  for (const Rng* generator : generators) states.push_back(generator->state());
  return states;
}

void set_states(const std::vector<Rng*>& generators, const std::vector<Rng::State>& states) {
  for (std::size_t i = 0; i < generators.size(); ++i) generators[i]->set_state(states[i]);
}

// While it lives: a computation is done again, with the random numbers that it had.
class Recomputing {
 public:
  Recomputing(const std::vector<Rng*>& generators, const std::vector<Rng::State>& states)
      : generators_(generators),
        now_(states_of(generators)),
        was_recomputing_(std::exchange(detail::recomputing, true)) {
    set_states(generators, states);
  }
  ~Recomputing() {
    set_states(generators_, now_);
    detail::recomputing = was_recomputing_;
  }
  Recomputing(const Recomputing&) = delete;
  Recomputing& operator=(const Recomputing&) = delete;

 private:
  const std::vector<Rng*>& generators_;
  std::vector<Rng::State> now_;
  bool was_recomputing_;
  RecordingScope recording_{true};
};

// Its inputs are the function's arguments, then what else the function's graph begins with.
template <class T>
class CheckpointNode final : public Node<T> {
 public:
  CheckpointNode(Tensor<T>&& value, CheckpointFunction<T> function, std::size_t arguments,
                 std::vector<Variable<T>> inputs, std::vector<Rng*> generators,
                 std::vector<Rng::State> states)
      : Node<T>(std::move(value), true),
        function_(std::move(function)),
        arguments_(arguments),
        inputs_(std::move(inputs)),
        generators_(std::move(generators)),
        states_(std::move(states)) {
    this->set_inputs(inputs_.data(), inputs_.size());
  }

  const char* name() const override { return "checkpoint"; }

  void backward(const Variable<T>& grad, const Variable<T>&, GradientSink<T>& sink) override {
    sink.descend(again(), grad);
  }

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    sink.descend(again(), std::move(grad));
    return true;
  }

 private:
  Variable<T> again() {
    const Recomputing recomputing(generators_, states_);
    Variable<T> result = function_(std::span<const Variable<T>>(inputs_).first(arguments_));
    check(result.defined() && result.requires_grad() && result.shape() == this->value().shape(),
          "checkpoint: the function's result was of shape {}, and when it was called again {}",
          this->value().shape(), result.defined() ? to_string(result.shape()) : "undefined");
    return result;
  }

  CheckpointFunction<T> function_;
  std::size_t arguments_;
  std::vector<Variable<T>> inputs_;
  std::vector<Rng*> generators_;
  std::vector<Rng::State> states_;  // before the first call
};

// Adds to `inputs` what the graph of `result` begins with: variables older than `start` that need
// a gradient, each once.
template <class T>
void add_origins(const Variable<T>& result, std::uint64_t start, std::vector<Variable<T>>& inputs) {
  std::unordered_set<const Node<T>*> seen;
  for (const Variable<T>& input : inputs) seen.insert(input.node());
  std::vector<Node<T>*> made;  // by the function, to be searched
  const auto visit = [&](const Variable<T>& variable) {
    if (!variable.defined() || !variable.requires_grad()) return;
    if (!seen.insert(variable.node()).second) return;
    if (variable.node()->stamp() > start) {
      made.push_back(variable.node());
    } else {
      inputs.push_back(variable);
    }
  };
  visit(result);
  while (!made.empty()) {
    const Node<T>* const node = made.back();
    made.pop_back();
    for (const Variable<T>& input : node->inputs()) visit(input);
  }
}

}  // namespace

template <class T>
Variable<T> detail::checkpoint(CheckpointFunction<T> function, std::vector<Variable<T>> arguments,
                               std::vector<Rng*> generators) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    check(arguments[i].defined(), "checkpoint: argument {} is undefined", i);
    // Nodes that another thread has made may have larger numbers than this one's.
    nodes_made = std::max(nodes_made, arguments[i].node()->stamp());
  }
  if (!is_recording()) return function(arguments);
  std::vector<Rng::State> states = states_of(generators);
  const std::uint64_t start = nodes_made;
  const std::size_t count = arguments.size();
  Variable<T> result = function(arguments);
  check(result.defined(), "checkpoint: the function's result is undefined");
  // Nothing to be let go: the function has returned an argument, a constant or something old.
  if (!result.requires_grad() || result.node()->stamp() <= start) return result;
  add_origins(result, start, arguments);
  // The value of a node that goes away now.
  Tensor<T> value = result.node()->references() == 1 ? std::move(result.mutable_value())
                                                     : Tensor<T>(result.value());
  result = Variable<T>();
  return Variable<T>::adopt(new CheckpointNode<T>(std::move(value), std::move(function), count,
                                                  std::move(arguments), std::move(generators),
                                                  std::move(states)));
}

#define GLISSADE_INSTANTIATE(T)                                                                    \
  template Variable<T> detail::checkpoint(detail::CheckpointFunction<T>, std::vector<Variable<T>>, \
                                          std::vector<Rng*>);
GLISSADE_FOR_EACH_FLOAT(GLISSADE_INSTANTIATE)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade
