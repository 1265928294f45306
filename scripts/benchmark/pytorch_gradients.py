#!/usr/bin/env python3
"""Times gradients by PyTorch on the problems of bench/bench_gradients, in the form of Google Benchmark.

    bench_gradients --data=DIR
    pytorch_gradients.py --data DIR --filter 'gradient/mlp.*/f64' --min-time 0.2

Names are gradient/PROBLEM/pytorch/DTYPE and growth/pytorch/PARAMETERS; with --compile also
gradient/PROBLEM/pytorch_compile/DTYPE. Every gradient is compared with the analytic one before it
is timed. One thread. With --serve it answers {"filter": ..., "min_time": ...}, one on each line of
the standard input, with one line of JSON: scripts/bench gradients lets programs take turns so.
"""

import argparse
import json
import pathlib
import platform
import re
import statistics
import sys
import time
import types

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import torch
from pytorch_problems import load

DTYPES = {"f64": torch.float64, "f32": torch.float32}
# How far a right gradient may be from the analytic one; a wrong one is farther away.
LIMITS = {"f64": 1e-9, "f32": 1e-3}
TURN = 20e-3  # seconds; function and gradient take turns of this length


def seconds_of(work, repetitions):
    start = time.perf_counter()
    for _ in range(repetitions):
        work()
    return (time.perf_counter() - start) / repetitions


def relative_error(gradient, expected):
    flat = torch.cat([g.reshape(-1) for g in gradient]).double()
    return ((flat - expected).abs().max() / expected.abs().max()).item()


def peak_bytes(work):
    """The most that is allocated at a time during work, beside what was there before and its result."""
    work()
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profiler:
        result = work()
    changes = []  # (when, bytes, address)
    unseen = profiler.profiler.kineto_results.experimental_event_tree()
    while unseen:
        event = unseen.pop()
        unseen += event.children
        if event.name == "[memory]":
            fields = event.extra_fields
            changes.append((event.start_time_ns, fields.alloc_size, fields.ptr))
    changes.sort()
    alive = {}  # address -> which change; in the end these are the result's
    for i, (_, size, address) in enumerate(changes):
        if size > 0:
            alive[address] = i
        else:
            alive.pop(address, None)
    del result
    kept = set(alive.values())
    held = peak = 0
    for i, (_, size, _) in enumerate(changes):
        if i not in kept:
            held += size
            peak = max(peak, held)
    return peak


def compiled(value):
    """torch.compile of a method. Compiled versions belong to the code, so each problem has its own."""
    function = value.__func__
    code = function.__code__.replace(co_name=f"value_{id(value.__self__)}")
    own = types.FunctionType(code, function.__globals__, code.co_name)
    return torch.compile(types.MethodType(own, value.__self__), fullgraph=True, dynamic=False)


class Case:
    """A problem in one type and one method, checked against the analytic gradient."""

    def __init__(self, name, problem, method, limit):
        self.name = name
        self.problem = problem
        self.value = compiled(problem.value) if method == "pytorch_compile" else problem.value
        self.error = relative_error(self.gradient(), problem.expected_gradient)
        expected = problem.expected_value
        value_error = abs(self.function().item() - expected) / max(abs(expected), 1e-300)
        if not (self.error < limit and value_error < limit):
            raise ValueError(f"{name}: value off by {value_error:.1e}, gradient by {self.error:.1e}")
        self.peak_bytes = peak_bytes(self.gradient)

    def function(self):
        with torch.no_grad():
            return self.value(*self.problem.parameters)

    def gradient(self):
        return torch.autograd.grad(self.value(*self.problem.parameters), self.problem.parameters)


def measure(case, min_time):
    """One entry of the JSON: the median time of a gradient and what goes with it."""
    works = case.function, case.gradient
    turn = min(TURN, min_time / 4)
    repetitions = [max(1, int(turn / seconds_of(work, 3))) for work in works]
    times = [[], []]
    end = time.perf_counter() + min_time
    while time.perf_counter() < end or len(times[1]) < 3:
        for work, count, list_of in zip(works, repetitions, times):
            list_of.append(seconds_of(work, count))
    seconds = statistics.median(times[1])
    return {
        "name": case.name,
        "run_type": "iteration",
        "iterations": repetitions[1] * len(times[1]),
        "real_time": seconds * 1e9,
        "cpu_time": seconds * 1e9,
        "time_unit": "ns",
        "seconds": seconds,
        "x_own_function": statistics.median(g / f for f, g in zip(*times)),
        "rel_error": case.error,
        "evaluations": 1,
        "parameters": sum(p.numel() for p in case.problem.parameters),
        "peak_bytes": case.peak_bytes,
    }


class Peer:
    def __init__(self, directory, compile):
        self.directory = pathlib.Path(directory)
        self.compile = compile
        self.cases = {}  # by name; compiling takes seconds

    def names(self):
        """(name of the benchmark, file, method, dtype) of everything that can be measured."""
        for path in sorted(self.directory.glob("*.safetensors")):
            if path.stem.startswith("growth_"):
                yield f"growth/pytorch/{path.stem.split('_')[1]}", path.stem, "pytorch", "f64"
                continue
            for method in ("pytorch", "pytorch_compile") if self.compile else ("pytorch",):
                for dtype in DTYPES:
                    yield f"gradient/{path.stem}/{method}/{dtype}", path.stem, method, dtype

    def run(self, pattern, min_time):
        results = []
        for name, file, method, dtype in self.names():
            if not re.search(pattern, name):
                continue
            if name not in self.cases:
                problem = load(self.directory, file, DTYPES[dtype])
                self.cases[name] = Case(name, problem, method, LIMITS[dtype])
            results.append(measure(self.cases[name], min_time))
        context = {
            "executable": pathlib.Path(__file__).name,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "torch_threads": str(torch.get_num_threads()),
            "torch_capability": torch.backends.cpu.get_cpu_capability(),
        }
        return {"context": context, "benchmarks": results}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="what bench_gradients --data=DIR wrote")
    parser.add_argument("--filter", default=".", help="a regular expression for the names")
    parser.add_argument("--min-time", type=float, default=0.2, help="seconds for each name")
    parser.add_argument("--compile", action="store_true", help="also torch.compile (takes minutes)")
    parser.add_argument("--serve", action="store_true", help="answer requests of the standard input")
    options = parser.parse_args()
    torch.set_num_threads(1)
    peer = Peer(options.data, options.compile)
    if not options.serve:
        json.dump(peer.run(options.filter, options.min_time), sys.stdout, indent=1)
        print()
        return
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(peer.run(request["filter"], request["min_time"])), flush=True)


if __name__ == "__main__":
    main()
