#pragma once

// Recomputing activations in the backward pass instead of keeping them.

#include <concepts>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "glissade/autograd/variable.h"
#include "glissade/core/rng.h"

namespace glissade {

namespace detail {

template <class T>
using CheckpointFunction = std::function<Variable<T>(std::span<const Variable<T>>)>;

extern constinit thread_local bool recomputing;

template <class T>
Variable<T> checkpoint(CheckpointFunction<T> function, std::vector<Variable<T>> arguments,
                       std::vector<Rng*> generators);

}  // namespace detail

/// Whether the calling thread is computing a part of a graph for the second time, in the backward
/// pass of `checkpoint`. A function that counts or averages its calls leaves that out then.
inline bool is_recomputing() { return detail::recomputing; }

/// Options of `checkpoint`.
struct CheckpointOptions {
  /// The sources of random numbers that the function draws from. They are where they were before
  /// when it runs again, so that it draws the same numbers, and then go on as if it had not.
  std::vector<Rng*> generators;
};

/// function(arguments...), keeping only its result: all that it computes in between is let go at
/// once, and computed again when a backward pass comes there (Chen, Xu, Zhang and Guestrin, 2016,
/// "Training deep nets with sublinear memory cost"). Gradients are the same bits as without, for
/// the arguments and for the variables that the function uses besides, to any order.
///
///     const auto h = checkpoint([&](const Variable<float>& x) { return block(x); }, x);
///
/// The function is called again after `checkpoint` has returned: what it refers to has to live as
/// long as the graph, with unchanged values, and it has to compute the same. BatchNorm1d does not
/// count the second call. For whole modules there is `nn::checkpoint`. Where nothing is recorded
/// (`NoGradGuard`) it is just the call. Throws std::invalid_argument, in the backward pass, if the
/// second result has another shape.
template <class Function, class T, class... Rest>
Variable<T> checkpoint(const CheckpointOptions& options, Function function, const Variable<T>& x,
                       const Rest&... rest) {
  constexpr std::size_t kCount = 1 + sizeof...(Rest);
  return detail::checkpoint<T>(
      [function = std::move(function)](std::span<const Variable<T>> arguments) mutable {
        return [&]<std::size_t... I>(std::index_sequence<I...>)->Variable<T> {
          return function(arguments[I]...);
        }
        (std::make_index_sequence<kCount>());
      },
      {x, rest...}, options.generators);
}
template <class Function, class T, class... Rest>
requires std::invocable < Function&, const Variable<T>
&, const Rest&... >
       Variable<T> checkpoint(Function function, const Variable<T>& x, const Rest&... rest) {
  return checkpoint(CheckpointOptions{}, std::move(function), x, rest...);
}

}  // namespace glissade
