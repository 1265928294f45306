#!/usr/bin/env python3
"""Trains the workloads of bench_train with PyTorch, for scripts/bench train (see peer_loop.py).

With --compile the model with its loss and the optimizer's step are compiled by torch.compile.
"""

import argparse
import pathlib
import platform
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import numpy
import torch
from peer_loop import example_data, serve, uniform_parameters

ACTIVATIONS = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}
LOSSES = {"mse": torch.nn.functional.mse_loss, "cross_entropy": torch.nn.functional.cross_entropy}


def network(sizes, activation):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(inputs, outputs), activation()]
    return torch.nn.Sequential(*layers[:-1])


def optimizer_of(workload, parameters):
    if workload["optimizer"] == "adam":
        return torch.optim.Adam(parameters, lr=workload["lr"])
    return torch.optim.SGD(parameters, lr=workload["lr"], momentum=workload["momentum"])


class Trainer:
    def __init__(self, workload, compile):
        random = numpy.random.default_rng(1)
        self.model = network(workload["sizes"], ACTIVATIONS[workload["activation"]])
        layers = [layer for layer in self.model if isinstance(layer, torch.nn.Linear)]
        with torch.no_grad():
            for layer, (weight, bias) in zip(layers, uniform_parameters(random, workload["sizes"])):
                layer.weight.copy_(torch.from_numpy(weight))
                layer.bias.copy_(torch.from_numpy(bias))
        self.inputs, self.targets = map(torch.from_numpy, example_data(random, workload))
        self.optimizer = optimizer_of(workload, self.model.parameters())
        self.loss_of = LOSSES[workload["loss"]]
        self.forward = lambda: self.loss_of(self.model(self.inputs), self.targets)
        self.update = self.optimizer.step
        if compile:
            torch._dynamo.reset()  # or the first networks' code counts against the later ones'
            self.forward = torch.compile(self.forward, dynamic=False)
            self.update = torch.compile(self.optimizer.step, dynamic=False)
            self.steps(2)  # compiles, and once more with the optimizer's state

    def steps(self, count):
        for _ in range(count):
            self.optimizer.zero_grad()
            self.value = self.forward()
            self.value.backward()
            self.update()

    def loss(self):
        return self.value.item()


class Epochs:
    """Epochs of Fashion-MNIST; the batches are drawn by an index, which is faster than a DataLoader."""

    def __init__(self, request):
        from fashion import read

        images, labels = map(torch.from_numpy, read(request["folder"], "train"))
        self.images, self.labels = images.float().reshape(len(images), -1) / 255, labels.long()
        images, labels = map(torch.from_numpy, read(request["folder"], "t10k"))
        self.test = images.float().reshape(len(images), -1) / 255, labels.long()
        torch.manual_seed(1)
        self.batch = request["batch"]
        self.model = network(request["sizes"], torch.nn.ReLU)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=request["lr"])

    def run(self):
        start = time.perf_counter()
        order = torch.randperm(len(self.images))
        for first in range(0, len(order), self.batch):
            chosen = order[first : first + self.batch]
            self.optimizer.zero_grad()
            output = self.model(self.images[chosen])
            torch.nn.functional.cross_entropy(output, self.labels[chosen]).backward()
            self.optimizer.step()
        seconds = time.perf_counter() - start
        with torch.no_grad():
            right = (self.model(self.test[0]).argmax(1) == self.test[1]).float().mean().item()
        return {"seconds": seconds, "accuracy": right}


def set_threads(threads):
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # averages of dead units become denormal, and arithmetic slow


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    about = lambda: (
        f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, "
        f"{torch.get_num_threads()} threads, Python {platform.python_version()}"
    )
    serve(about, set_threads, lambda workload: Trainer(workload, options.compile), Epochs)


if __name__ == "__main__":
    main()
