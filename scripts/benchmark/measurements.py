"""What the programs of the gradient benchmark measured, by problem, method and type.

A file of measurements is what scripts/bench gradients writes: {"about": {...}, "runs": [...]}, one
run for each start of a program, with "program", "round" and Google Benchmark's own "context" and
"benchmarks". A plain file of Google Benchmark counts as one run.
"""

import collections
import json
import math
import pathlib
import statistics

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}

# Everything that is shown goes in this order; what is not listed comes last, by name.
PROBLEMS = [
    "quadratic_2",
    "quadratic_10",
    "quadratic_1000",
    "rosenbrock_2",
    "rosenbrock_10",
    "rosenbrock_1000",
    "linear_1000x20",
    "logistic_1000x100",
    "mlp_10_32_32_1",
    "mlp_784_128_10",
    "gmm",
]
METHODS = [
    "function",
    "analytic",
    "autodiff",
    "pytorch",
    "pytorch_compile",
    "adolc",
    "adolc_retape",
    "cppad",
    "fastad",
    "sacado",
    "projection",
    "forward",
    "central",
    "five_point",
    "complex_step",
    "ladder",
]
NUMERICAL = {"projection", "forward", "central", "five_point", "complex_step", "ladder"}
LABELS = {
    "function": "function alone",
    "analytic": "analytic (by hand)",
    "autodiff": "Glissade",
    "pytorch": "PyTorch",
    "pytorch_compile": "PyTorch, compiled",
    "adolc": "ADOL-C",
    "adolc_retape": "ADOL-C, recording",
    "cppad": "CppAD",
    "fastad": "FastAD",
    "sacado": "Sacado",
    "projection": "projection",
    "forward": "forward difference",
    "central": "central difference",
    "five_point": "five-point difference",
    "complex_step": "complex step",
    "ladder": "ladder",
}


def label(method):
    return LABELS.get(method, method)


def in_order(names, order):
    known = {name: i for i, name in enumerate(order)}
    return sorted(names, key=lambda name: (known.get(name, len(order)), name))


def seconds_of(entry):
    """The time of one evaluation. Programs that time turns of many give it as a counter."""
    return entry["seconds"] if "seconds" in entry else entry["real_time"] * UNITS[entry["time_unit"]]


def median(values):
    values = [v for v in values if v is not None and math.isfinite(v)]
    return statistics.median(values) if values else None


class Measurements:
    """Medians over the rounds of one or several files."""

    def __init__(self, paths):
        self.about = {}
        self.contexts = {}  # by program
        self.entries = collections.defaultdict(dict)  # name -> round -> entry
        self.errors = {}  # what a program said instead of a figure
        for path in paths:
            self._read(pathlib.Path(path))
        if not self.entries:
            raise ValueError(f"there are no measurements in {', '.join(map(str, paths))}")

    def _read(self, path):
        content = json.loads(path.read_text(encoding="utf-8"))
        runs = content.get("runs", [{**content, "program": path.stem, "round": 0}])
        self.about.update(content.get("about", {}))
        for run in runs:
            self.contexts.setdefault(run["program"], {}).update(run.get("context", {}))
            for entry in run["benchmarks"]:
                if entry.get("run_type") == "aggregate":
                    continue
                # Google Benchmark adds what options it was given: .../manual_time, .../iterations:3
                parts = [p for p in entry["name"].split("/") if ":" not in p]
                name = "/".join(p for p in parts if p not in ("manual_time", "real_time"))
                if entry.get("error_occurred"):
                    self.errors[name] = entry.get("error_message", "an error")
                else:
                    self.entries[name][run["round"]] = entry

    def names(self, family):
        """The names of a family such as gradient, split at the slashes."""
        names = [tuple(name.split("/")) for name in self.entries]
        return [name[1:] for name in names if name[0] == family]

    def seconds(self, *name):
        return median(seconds_of(e) for e in self.entries.get("/".join(name), {}).values())

    def counter(self, key, *name):
        return median(e.get(key) for e in self.entries.get("/".join(name), {}).values())

    def is_sample(self, *name):
        """Whether the time is extrapolated from a few elements of the gradient."""
        return self.counter("sampled", *name) is not None

    def ratio(self, problem, method, dtype, to):
        """The time relative to the method `to`: paired in one process, or else in one round."""
        entries = self.entries.get(f"gradient/{problem}/{method}/{dtype}", {})
        paired = median(e.get(f"x_{to}") for e in entries.values())
        if method == to:
            return 1.0 if entries else None
        if paired is not None:
            return paired
        others = self.entries.get(f"gradient/{problem}/{to}/{dtype}", {})
        in_rounds = median(
            seconds_of(e) / seconds_of(others[r]) for r, e in entries.items() if r in others
        )
        if in_rounds is not None or not entries:
            return in_rounds
        # A slow method is measured once only, so its round may have no other.
        other = self.seconds("gradient", problem, to, dtype)
        return self.seconds("gradient", problem, method, dtype) / other if other else None

    def problems(self):
        return in_order({n[0] for n in self.names("gradient")}, PROBLEMS)

    def methods(self, dtype):
        return in_order({n[1] for n in self.names("gradient") if n[2] == dtype}, METHODS)

    def dtypes(self):
        return in_order({n[2] for n in self.names("gradient")}, ["f64", "f32"])

    def rounds(self):
        return 1 + max(max(rounds) for rounds in self.entries.values())
