#!/usr/bin/env python3
"""Draws the page of scripts/bench train from made-up measurements and looks for their figures.

    check_train_page.py scripts/benchmark/train.py FOLDER
"""

import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

sys.dont_write_bytecode = True

from html_tables import Page, expect, expect_column

CLOCKS = [1.0, 1.5, 0.5]  # of the three rounds; PyTorch misses the slow one
TIMES = {"W1": 1e-6, "W2": 20e-6, "W3": 1.2e-3, "W4": 20e-3, "W5": 300e-6}  # Glissade's, by workload
COST = {"glissade": 1.0, "pytorch": 30.0, "dlib": 2.0}
POINTS = {"width": (16, 24, 32, 2048), "batch": (1, 1024), "depth": (1, 20, 100)}


def entry(name, seconds, **counters):
    return {"name": name, "seconds": seconds, **counters}


def sample(program, workload, threads, round, seconds):
    loss = 3.0 if (program, workload) == ("dlib", "W5") else 2.0
    return {
        "program": program,
        "workload": workload,
        "threads": threads,
        "round": round,
        "seconds": seconds,
        "steps": 10,
        "first_loss": 2.5,
        "loss": loss,
    }


def measurements():
    entries, samples = [], []
    for workload, seconds in TIMES.items():
        for threads, gain in ((1, 1.0), (2, 0.625)):
            counters = {"products_seconds": gain * seconds / 1.1, "handwritten_seconds": gain * seconds / 1.3}
            counters |= {"x_products": 1.1, "x_handwritten": 1.3, "needed_bytes": 2e7, "peak_bytes": 2.4e7}
            counters["x_needed"] = 1.2
            if threads == 2:
                counters |= {"split_seconds": seconds, "x_split": 0.9, "x_floor": 1.12}
            entries.append(entry(f"step/{workload}/threads:{threads}", gain * seconds, **counters))
    for round, clock in enumerate(CLOCKS):
        for program, cost in COST.items():
            if program == "pytorch" and round == 1:
                continue
            for workload, seconds in TIMES.items():
                samples += [sample(program, workload, n, round, clock * seconds * cost) for n in (1, 2)]
    for kind, values in POINTS.items():
        for value in values:
            seconds = 1e-5 * value
            entries.append(entry(f"{kind}/{value}", seconds, products_seconds=seconds / 2, handwritten_seconds=seconds))
            for program, cost in COST.items():
                if program != "dlib":
                    samples.append(sample(program, f"{kind}/{value}", 1, 0, seconds * cost))
    entries.append({"name": "batch/2", "error_occurred": True, "error_message": "they <differ>"})
    return {
        "about": {"command": "scripts/bench train", "processor": "a <test>"},
        "programs": {"glissade": "OpenBLAS 0.3.21, kernel SkylakeX", "pytorch": "torch 2"},
        "left_out": {"jax": "pip install jax"},
        "bench_train": entries,
        "samples": samples,
        "memory": [{"program": p, "peak_bytes": 1e7 * c} for p, c in COST.items()],
        "starts": [{"program": p, "seconds": 0.01 * c * clock} for p, c in COST.items() for clock in CLOCKS],
        "fashion": [
            {"program": p, "seconds": s, "accuracy": 0.88} for p, s in (("glissade", 1.0), ("pytorch", 1.6))
        ],
    }


def check_tables(page):
    wanted = {
        "W1: Glissade / by hand": ("1.30", "miss"),
        "W2: Glissade / products alone": ("1.10", ""),
        "W3: Glissade / products alone": ("1.10", "miss"),
        "W4, two threads: Glissade / the faster of two splits of the products": ("1.12", ""),
        "W5: one thread / two threads": ("1.60", ""),
        "W3: the fastest peer / Glissade": ("2.00", ""),
        "W5: the fastest peer / Glissade": ("2.00", "miss"),
        "W1: PyTorch / Glissade": ("30.0", "miss"),
        "W4: memory / what no step can do without": ("1.20", ""),
        "Fashion-MNIST epoch: Glissade / PyTorch": ("0.625", "miss"),
    }
    expect_column(page, "Training steps, benchmarked", "measured", wanted)
    steps = page.tables["Time of a step | 2 threads"]
    expect("tables of two threads", [row[0][0] for row in steps if row[0][0] == "W3"], ["W3"] * 3)
    # Times are medians of all rounds, ratios of the rounds that both were in.
    one = [row for row in page.tables["Time of a step | 1 thread"] if row[0][0] == "W2"]
    expect("times", [text for text, _ in one[0]], ["W2", "18.2 µs", "15.4 µs", "20.0 µs", "450 µs", "40.0 µs"])
    expect("ratios", [text for text, _ in one[1]], ["W2", "30.0", "2.00"])
    expect("floors", [text for text, _ in one[2]], ["W2", "1.10", "1.30"])
    expect("sweep", page.cell("Time against width", "2048", "PyTorch")[0], "614 ms")
    expect("sweep", page.cell("Time against depth", "100", "products alone")[0], "500 µs")
    expect("epoch", page.cell("Fashion-MNIST", "PyTorch", "one epoch")[0], "1.60 s")
    for row, why in {
        "batch/2": "they <differ>",
        "jax": "pip install jax",
        "dlib, W5, threads: 1": "the loss did not fall",
    }.items():
        expect(row, page.cell("Without a figure", row, "why")[0], why)
    expect("machine", page.cell("Machine and programs", "processor", "")[0], "a <test>")


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if importlib.util.find_spec("matplotlib") is None:
        print("matplotlib is not installed; scripts/bootstrap test installs it")
        sys.exit(77)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("train_*.svg"):
        old.unlink()
    measured, drawn = folder / "measured.json", folder / "index.html"
    measured.write_text(json.dumps(measurements()), encoding="utf-8")
    command = [sys.executable, program, "--from", measured, "-o", drawn, "--pictures", folder]
    done = subprocess.run(command, capture_output=True, text=True)
    expect(f"status ({done.stderr.strip()})", done.returncode, 0)
    text = drawn.read_text(encoding="utf-8")
    check_tables(Page(text))
    svgs = {svg.strip() for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)}
    pictures = {p.stem: p.read_text(encoding="utf-8") for p in folder.glob("train_*.svg")}
    expect("pictures", sorted(pictures), [f"train_{n}" for n in ("batch", "depth", "memory", "start", "width")])
    for name, svg in pictures.items():
        expect(f"{name} is on the page", svg.strip() in svgs, True)
        xml.etree.ElementTree.fromstring(svg)
    for name, words in {
        "train_width": ("Glissade", "products alone", "by hand", "time of one step"),
        "train_memory": ("largest resident set", "300 MB"),
        "train_start": ("300 ms", "dlib"),
    }.items():
        for word in words:
            expect(f"{name} says '{word}'", word in pictures[name], True)

    measured.write_text("{}", encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True)
    expect("no measurements", (done.returncode != 0, "there are no measurements" in done.stderr), (True, True))


if __name__ == "__main__":
    main()
