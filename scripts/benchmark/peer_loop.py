"""How a peer of bench_train that is written in Python answers: as bench/train/peer.h describes."""

import json
import math
import pathlib
import statistics
import sys
import time

TURN = 2e-3  # seconds


def uniform_parameters(random, sizes):
    """(weight, bias) of each layer as the C++ programs start them; `random` is of numpy."""
    for inputs, outputs in zip(sizes, sizes[1:]):
        bound = math.sqrt(6 / inputs)
        weight = random.uniform(-bound, bound, (outputs, inputs)).astype("float32")
        bias = random.uniform(-1, 1, outputs).astype("float32") / math.sqrt(inputs)
        yield weight, bias.astype("float32")


def example_data(random, workload):
    """Inputs and targets, or labels."""
    batch, sizes = workload["batch"], workload["sizes"]
    inputs = random.standard_normal((batch, sizes[0])).astype("float32")
    if workload["loss"] == "mse":
        return inputs, random.standard_normal((batch, sizes[-1])).astype("float32")
    return inputs, random.integers(0, sizes[-1], batch)


def peak_bytes():
    # Not of getrusage: that begins with what the parent had.
    status = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


class Trained:
    """A network in training, with `steps(count)`, which returns when all is done, and `loss()`."""

    def __init__(self, trainer):
        self.trainer = trainer
        self.trainer.steps(1)
        self.first_loss = self.trainer.loss()
        self.repetitions = 1

    def run(self, seconds):
        times = []
        begin = time.perf_counter()
        self.trainer.steps(1)  # finds the caches of another program
        steps = 1
        while not times or time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            self.trainer.steps(self.repetitions)
            total = time.perf_counter() - start
            times.append(total / self.repetitions)
            steps += self.repetitions
            if total < TURN / 2:
                self.repetitions *= 2
        return {"seconds": statistics.median(times), "steps": steps}


def serve(about, set_threads, make, make_epoch=None):
    """Answers each line of the standard input. `make(workload)` makes a trainer."""
    networks = {}
    threads = 0
    for line in sys.stdin:
        request = json.loads(line)
        if not threads:
            threads = request["threads"]
            set_threads(threads)
        if "fashion" in request:
            name, new = "fashion", lambda: make_epoch(request["fashion"])
        else:
            name, new = request["workload"]["name"], lambda: Trained(make(request["workload"]))
        answer = {}
        try:
            if name not in networks:
                networks[name] = new()
            network = networks[name]
            if name == "fashion":
                answer = network.run()
            else:
                if request["seconds"] > 0:
                    answer = network.run(request["seconds"])
                answer |= {"first_loss": network.first_loss, "loss": network.trainer.loss()}
            answer |= {"peak_bytes": peak_bytes(), "about": about()}
        except NotImplementedError as error:
            answer = {"unsupported": str(error)}
        print(json.dumps(answer), flush=True)
