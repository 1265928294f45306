"""What scripts/bench train measured, by program, workload and number of threads.

A file is {"about": {...}, "programs": {name: what it says of itself}, "left_out": {name: why},
"bench_train": [entries of Google Benchmark], "samples": [...], "memory": [...], "starts": [...],
"fashion": [...]}. A sample is one program's turn in one round; ratios are those within a round.
"""

import collections
import json
import pathlib

from measurements import in_order, median

STANDARD = ["W1", "W2", "W3", "W4", "W5"]
SWEEPS = ["width", "batch", "depth"]
OURS = "glissade"
PROGRAMS = [OURS, "pytorch", "pytorch_compile", "jax", "libtorch", "libtorch_debian", "dlib"]
LABELS = {
    "products": "products alone",
    "handwritten": "by hand",
    OURS: "Glissade",
    "pytorch": "PyTorch",
    "pytorch_compile": "PyTorch, compiled",
    "jax": "JAX, jit",
    "libtorch": "libtorch (PyTorch's wheel)",
    "libtorch_debian": "libtorch (Debian)",
    "dlib": "dlib",
}


def label(program):
    return LABELS.get(program, program)


class TrainFigures:
    def __init__(self, path):
        content = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        self.about = content.get("about", {})
        self.left_out = content.get("left_out", {})
        self.contexts = content.get("programs", {})
        self.entries = {}  # of bench_train, by name
        self.errors = {}
        for entry in content.get("bench_train", []):
            if entry.get("error_occurred"):
                self.errors[entry["name"]] = entry.get("error_message", "an error")
            else:
                self.entries[entry["name"]] = entry
        self.samples = collections.defaultdict(dict)  # (program, workload, threads) -> round -> sample
        for sample in content.get("samples", []):
            key = sample["program"], sample["workload"], sample["threads"]
            self.samples[key][sample["round"]] = sample
        self.memory = {m["program"]: m["peak_bytes"] for m in content.get("memory", [])}
        self.starts = self._lists(content.get("starts", []), "seconds")
        self.fashion = self._lists(content.get("fashion", []), "seconds")
        self.accuracy = self._lists(content.get("fashion", []), "accuracy")
        if not self.samples and not self.entries:
            raise ValueError("there are no measurements")

    @staticmethod
    def _lists(rows, key):
        lists = collections.defaultdict(list)
        for row in rows:
            lists[row["program"]].append(row[key])
        return lists

    def programs(self, threads=None):
        """Those that were measured (with so many threads), Glissade first."""
        found = {p for p, _, t in self.samples if threads in (None, t)}
        return in_order(found, PROGRAMS)

    def thread_counts(self):
        return sorted({t for _, _, t in self.samples})

    def rounds(self):
        return max((len(rounds) for rounds in self.samples.values()), default=0)

    def counter(self, name, key):
        """A counter of bench_train."""
        return self.entries.get(name, {}).get(key)

    def standard(self, workload, threads, key):
        return self.counter(f"step/{workload}/threads:{threads}", key)

    def seconds(self, program, workload, threads):
        rounds = self.samples.get((program, workload, threads), {})
        return median(sample["seconds"] for sample in rounds.values())

    def ratio(self, program, workload, threads):
        """The program's time divided by Glissade's in the same round."""
        ours = self.samples.get((OURS, workload, threads), {})
        rounds = self.samples.get((program, workload, threads), {})
        return median(s["seconds"] / ours[r]["seconds"] for r, s in rounds.items() if r in ours)

    def smallest_ratio(self, workload, threads):
        """That of the fastest peer."""
        ratios = [self.ratio(p, workload, threads) for p in self.programs(threads) if p != OURS]
        return min((r for r in ratios if r is not None), default=None)

    def learned(self, program, workload, threads):
        """Whether the loss fell from the first step to the last one."""
        rounds = self.samples.get((program, workload, threads), {})
        last = rounds.get(max(rounds, default=None))
        return None if last is None else last["loss"] < last["first_loss"]

    def sweep(self, kind, program):
        """(value, seconds) along width, batch or depth; program may be a counter of bench_train."""
        points = []
        for value in self.values(kind):
            name = f"{kind}/{value}"
            if program in ("products", "handwritten"):
                seconds = self.counter(name, f"{program}_seconds")
            else:
                seconds = self.seconds(program, name, 1)
            if seconds is not None:
                points.append((value, seconds))
        return points

    def values(self, kind):
        names = {w for _, w, _ in self.samples} | set(self.entries)
        return sorted(int(n.split("/")[1]) for n in names if n.startswith(f"{kind}/"))
