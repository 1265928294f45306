#!/usr/bin/env python3
"""Runs bench_train briefly and looks for its names and counters, and asks the peer program.

    check_train.py bench_train train_peer_glissade
"""

import json
import subprocess
import sys

WIDTHS = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048]
BATCHES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]
DEPTHS = [1, 2, 3, 5, 10, 20, 30, 50, 75, 100]


def expect(what, holds, found):
    if not holds:
        sys.exit(f"{what}: {found}")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def check_names(bench, workloads):
    names = output(bench, "--benchmark_list_tests").split()
    wanted = [f"step/W{i}/threads:{n}" for i in range(1, 6) for n in (1, 2)]
    for kind, values in (("width", WIDTHS), ("batch", BATCHES), ("depth", DEPTHS)):
        wanted += [f"{kind}/{value}" for value in values]
    expect("names", names == wanted, sorted(set(names) ^ set(wanted)))
    expect("workloads", [*workloads] == [f"W{i}" for i in range(1, 6)] + wanted[10:], [*workloads])


def check_counters(bench, workloads):
    pattern = r"^step/(W1|W2)/threads:(1|2)$|^step/W4/threads:1$|^depth/1$|^batch/1$"
    options = (f"--benchmark_filter={pattern}", "--benchmark_min_time=0.001", "--benchmark_format=json")
    result = json.loads(output(bench, *options))
    expect("kernel", "kernel" in result["context"]["blas"], result["context"])
    entries = {e["name"]: e for e in result["benchmarks"]}
    expect("entries", len(entries) == 7, [*entries])
    for name, entry in entries.items():
        expect(name, not entry.get("error_occurred"), entry)
        keys = {"seconds", "products_seconds", "handwritten_seconds", "x_products", "x_handwritten"}
        if name.endswith("threads:2"):
            keys |= {"split_seconds", "x_split", "x_floor"}
        for key in keys:
            expect(f"{name} {key}", 0 < entry[key] < 1e6, entry)
        for key, most in (("loss_error", 1e-5), ("update_error", 1e-2)):
            expect(f"{name} {key}", 0 <= entry[key] < most, entry)
        workload = workloads[name.removeprefix("step/").split("/threads")[0]]
        sizes = workload["sizes"]
        count = sum((a + 1) * b for a, b in zip(sizes, sizes[1:]))
        states = {"sgd": 0, "momentum": 1, "adam": 2}[workload["optimizer"]]
        needed = 4 * ((2 + states) * count + workload["batch"] * sum(sizes))
        expect(f"{name} parameters", entry["parameters"] == count, entry)
        expect(f"{name} needed_bytes", entry["needed_bytes"] == needed, entry)
        most = 1.3 if name.startswith("step/W4") else 4
        expect(f"{name} peak_bytes", needed < entry["peak_bytes"] < most * needed, entry)


def check_peer(peer, workloads):
    requests = [{"workload": workloads["W2"], "threads": 1, "seconds": s} for s in (0, 0.02)]
    for change in ({"sizes": [3]}, {"loss": "hinge"}):
        requests.append({"workload": {**workloads["W1"], **change, "name": "bad"}, "threads": 1, "seconds": 0})
    lines = "".join(json.dumps(r) + "\n" for r in requests)
    done = subprocess.run([peer], input=lines, capture_output=True, text=True, check=True)
    first, second, short, unknown = map(json.loads, done.stdout.splitlines())
    expect("one step", "seconds" not in first and first["loss"] == first["first_loss"], first)
    expect("steps", second["steps"] > 1 and 0 < second["seconds"] < 1, second)
    expect("the loss falls", second["loss"] < second["first_loss"] == first["first_loss"], second)
    expect("memory", 1e6 < second["peak_bytes"] < 1e9, second)
    expect("a short workload", "fewer than two sizes" in short["unsupported"], short)
    expect("an unknown loss", 'unknown loss "hinge"' in unknown["unsupported"], unknown)


def main():
    bench, peer = sys.argv[1:]
    workloads = {w["name"]: w for w in json.loads(output(bench, "--workloads"))}
    check_names(bench, workloads)
    check_counters(bench, workloads)
    check_peer(peer, workloads)


if __name__ == "__main__":
    main()
