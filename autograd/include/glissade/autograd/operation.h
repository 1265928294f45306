#pragma once

// How an operation is made: a value, the inputs, and for each input a rule for its gradient.
// Users add operations of their own with the same function; see docs/operations.md.

#include <array>
#include <concepts>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

#include "glissade/autograd/grad_mode.h"
#include "glissade/autograd/node.h"
#include "glissade/core/move.h"

namespace glissade {
namespace detail {

// A constant with this value: a tensor, or a function that returns one.
template <class T, class Value>
Variable<T> constant(Value&& value) {
  return Variable<T>::adopt(new Node<T>(std::forward<Value>(value), false));
}

// Marks a rule that may be called for some rows of the output, given those rows of all inputs that
// have as many: that of an operation on elements with broadcasting.
template <class Rule>
struct RowWise : Rule {};
template <class Rule>
RowWise(Rule) -> RowWise<Rule>;
template <class Rule>
constexpr bool kIsRowWise = false;
template <class Rule>
constexpr bool kIsRowWise<RowWise<Rule>> = true;

// The node of an operation with a fixed number of inputs and one rule for each of them.
template <class T, std::size_t N, class... Rules>
class OperationNode : public Node<T> {
 public:
  template <class Value>
  OperationNode(const char* name, Value&& value, const Variable<T> (&inputs)[N], Rules... rules)
      : Node<T>(std::forward<Value>(value), true), name_(name), rules_(std::move(rules)...) {
    for (std::size_t i = 0; i < N; ++i) inputs_[i] = inputs[i];
    this->set_inputs(inputs_.data(), N);
  }

  const char* name() const override { return name_; }

  void backward(const Variable<T>& grad, const Variable<T>& output,
                GradientSink<T>& sink) override {
    give_all(grad, output, sink, std::make_index_sequence<N>());
  }

  bool backward_per_example(const Variable<T>& grad, PerExampleSink<T>& sink) override {
    if constexpr ((kIsRowWise<Rules> && ...)) {
      return write_rows(grad, sink, std::make_index_sequence<N>());
    } else {
      return false;
    }
  }

 private:
  // The rules for the rows of one example after the other.
  template <std::size_t... I>
  bool write_rows(const Variable<T>& grad, PerExampleSink<T>& sink, std::index_sequence<I...>) {
    const auto has_rows = [&](std::size_t i) {
      return inputs_[i].rank() == this->value().rank() && inputs_[i].dim(0) == this->value().dim(0);
    };
    if (((sink.needed(I) && has_rows(I)) || ...)) return false;
    const Index rows = this->value().dim(0) / sink.examples();
    const auto write = [&](std::size_t input, const auto& rule) {
      if (!sink.needed(input)) return;
      sink.write(input, [&](Tensor<T>& gradients, T beta) {
        T* to = gradients.data();
        for (Index begin = 0; begin < sink.examples() * rows; begin += rows) {
          const auto part = [&](const Tensor<T>& of) {
            return Variable<T>(kernels::slice(of, 0, begin, begin + rows));
          };
          const Variable<T> gradient =
              rule(part(grad.value()), part(this->value()),
                   has_rows(I) ? part(inputs_[I].value()) : std::as_const(inputs_[I])...);
          for (const T element : gradient.value()) {
            *to = element + (beta == T{} ? T{} : beta * *to);
            ++to;
          }
        }
      });
    };
    (write(I, std::get<I>(rules_)), ...);
    return true;
  }

  template <std::size_t... I>
  void give_all(const Variable<T>& grad, const Variable<T>& output, GradientSink<T>& sink,
                std::index_sequence<I...>) {
    const auto give = [&](std::size_t i, const auto& rule) {
      if (sink.needed(i)) sink.give(i, rule(grad, output, std::as_const(inputs_[I])...));
    };
    (give(I, std::get<I>(rules_)), ...);
  }

  const char* name_;
  std::array<Variable<T>, N> inputs_;
  [[no_unique_address]] std::tuple<Rules...> rules_;
};

// The same with a rule in place.
template <class T, class InPlace, std::size_t N, class... Rules>
class InPlaceNode final : public OperationNode<T, N, Rules...> {
 public:
  template <class Value>
  InPlaceNode(const char* name, Value&& value, const Variable<T> (&inputs)[N], InPlace in_place,
              Rules... rules)
      : OperationNode<T, N, Rules...>(name, std::forward<Value>(value), inputs,
                                      std::move(rules)...),
        in_place_(std::move(in_place)) {}

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    return in_place_(grad, this->inputs(), sink);
  }

 private:
  [[no_unique_address]] InPlace in_place_;
};

// The node of an operation with any number of inputs and one rule for all of them.
template <class T, class Rule>
class VariadicNode final : public Node<T> {
 public:
  VariadicNode(const char* name, Tensor<T>&& value, std::vector<Variable<T>> inputs, Rule rule)
      : Node<T>(std::move(value), true),
        name_(name),
        inputs_(std::move(inputs)),
        rule_(std::move(rule)) {
    this->set_inputs(inputs_.data(), inputs_.size());
  }

  const char* name() const override { return name_; }

  void backward(const Variable<T>& grad, const Variable<T>& output,
                GradientSink<T>& sink) override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (sink.needed(i)) sink.give(i, rule_(i, grad, output, std::as_const(inputs_)));
    }
  }

 private:
  const char* name_;
  std::vector<Variable<T>> inputs_;
  [[no_unique_address]] Rule rule_;
};

}  // namespace detail

///@{
/// Whether an operation on these inputs has to be recorded: one of them needs a gradient, and
/// recording is on (grad_mode.h).
template <class T, std::same_as<Variable<T>>... More>
bool must_record(const Variable<T>& input, const More&... more) {
  const auto needs_gradient = [](const Variable<T>& x) {
    return x.defined() && x.node()->requires_grad();
  };
  return is_recording() && (needs_gradient(input) || ... || needs_gradient(more));
}
template <class T>
bool must_record(std::span<const Variable<T>> inputs) {
  if (!is_recording()) return false;
  for (const Variable<T>& input : inputs) {
    if (input.defined() && input.node()->requires_grad()) return true;
  }
  return false;
}
///@}

/// The result of an operation: `value`, computed from `inputs`, and for each input a rule
///
///     [](const Variable<T>& grad, const Variable<T>& output, const Variable<T>& input0, ...)
///
/// that returns the gradient of a scalar with respect to that input (of its shape), given `grad`,
/// that scalar's gradient with respect to the output (of the output's shape). Rules are called only
/// for inputs that need a gradient. They must use differentiable operations on the arguments, not
/// captured variables, and never capture the output. `name` has static lifetime. `value` is a
/// tensor, or a function that returns one, which saves its move.
template <class T, std::size_t N, class Value, class... Rules>
Variable<T> operation(const char* name, Value&& value, const Variable<T> (&inputs)[N],
                      Rules... rules) {
  static_assert(sizeof...(Rules) == N, "an operation has one rule for each input");
  if (!must_record<T>(inputs)) return detail::constant<T>(std::forward<Value>(value));
  return Variable<T>::adopt(new detail::OperationNode<T, N, Rules...>(
      name, std::forward<Value>(value), inputs, std::move(rules)...));
}

/// The same with a faster rule for plain first-order gradients,
///
///     [](Variable<T>& grad, std::span<const Variable<T>> inputs, GradientSink<T>& sink)
///
/// which does what `Node::backward_in_place` says, and returns false where the others have to do.
template <class T, std::size_t N, class Value, class InPlace, class... Rules>
Variable<T> operation_in_place(const char* name, Value&& value, const Variable<T> (&inputs)[N],
                               InPlace in_place, Rules... rules) {
  static_assert(sizeof...(Rules) == N, "an operation has one rule for each input");
  if (!must_record<T>(inputs)) return detail::constant<T>(std::forward<Value>(value));
  return Variable<T>::adopt(new detail::InPlaceNode<T, InPlace, N, Rules...>(
      name, std::forward<Value>(value), inputs, std::move(in_place), std::move(rules)...));
}

/// The same for any number of inputs, with one rule for all of them:
///
///     [](std::size_t i, const Variable<T>& grad, const Variable<T>& output,
///        const std::vector<Variable<T>>& inputs)
///
/// returns the gradient with respect to input i.
template <class T, class Rule>
Variable<T> variadic_operation(const char* name, Tensor<T> value, std::vector<Variable<T>> inputs,
                               Rule rule) {
  if (!must_record<T>(inputs)) return Variable<T>(std::move(value));
  return Variable<T>::adopt(new detail::VariadicNode<T, Rule>(name, std::move(value),
                                                              std::move(inputs), std::move(rule)));
}

}  // namespace glissade
