#!/usr/bin/env python3
"""Trains the workloads of bench_train with JAX and optax, for scripts/bench train (see peer_loop.py).

A step is one compiled function that takes and gives back parameters and state, in the same memory.
XLA takes its threads from the processors that the program may run on.
"""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import functools

import jax
import jax.numpy as jnp
import numpy
import optax
from peer_loop import example_data, serve, uniform_parameters

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh}


def optimizer_of(workload):
    if workload["optimizer"] == "adam":
        return optax.adam(workload["lr"])
    return optax.sgd(workload["lr"], momentum=workload["momentum"] or None)


class Trainer:
    def __init__(self, workload):
        random = numpy.random.default_rng(1)
        pairs = uniform_parameters(random, workload["sizes"])
        # Weights (in, out), as JAX's users keep them.
        self.parameters = [(jnp.asarray(weight.T.copy()), jnp.asarray(bias)) for weight, bias in pairs]
        self.inputs, self.targets = map(jnp.asarray, example_data(random, workload))
        optimizer = optimizer_of(workload)
        self.state = optimizer.init(self.parameters)
        activation = ACTIVATIONS[workload["activation"]]

        def loss_of(parameters, inputs, targets):
            *hidden, (weight, bias) = parameters
            for w, b in hidden:
                inputs = activation(inputs @ w + b)
            output = inputs @ weight + bias
            if workload["loss"] == "mse":
                return jnp.mean((output - targets) ** 2)
            return optax.softmax_cross_entropy_with_integer_labels(output, targets).mean()

        @functools.partial(jax.jit, donate_argnums=(0, 1))
        def step(parameters, state, inputs, targets):
            value, gradient = jax.value_and_grad(loss_of)(parameters, inputs, targets)
            updates, state = optimizer.update(gradient, state, parameters)
            return optax.apply_updates(parameters, updates), state, value

        self.step = step

    def steps(self, count):
        for _ in range(count):
            self.parameters, self.state, self.value = self.step(
                self.parameters, self.state, self.inputs, self.targets
            )
        jax.block_until_ready((self.parameters, self.value))

    def loss(self):
        return float(self.value)


def main():
    about = lambda: f"jax {jax.__version__}, optax {optax.__version__}, {jax.devices()[0].platform}"
    serve(about, lambda threads: None, Trainer)


if __name__ == "__main__":
    main()
