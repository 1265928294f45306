#!/usr/bin/env python3
"""Draws the page of the gradient benchmark from made-up measurements and looks for their figures.

    check_gradients_page.py scripts/benchmark/gradients.py FOLDER
"""

import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

sys.dont_write_bytecode = True

import gradient_figures
from html_tables import Page, expect, expect_column

LARGEST_PICTURE = 150_000


def run(program, *arguments):
    return subprocess.run([sys.executable, program, *arguments], capture_output=True, text=True)


def check_tables(page):
    for dtype in ("float64", "float32"):
        heading = f"Relative to the function | {dtype}"
        for problem in gradient_figures.PROBLEMS:
            expect("PyTorch / function", page.cell(heading, problem, "PyTorch"), ("30.0", ""))
            expect("Glissade / function", page.cell(heading, problem, "Glissade"), ("2.10", "best"))
    time = "Time | float64"
    expect("time", page.cell(time, "mlp_10_32_32_1", "Glissade"), ("8.40 µs", "best"))
    expect("time", page.cell(time, "quadratic_2", "function alone"), ("20.0 ns", ""))
    expect("time", page.cell(time, "mlp_784_128_10", "ladder"), ("611 s", ""))
    analytic = "Relative to the analytic gradient | float64"
    expect("FastAD", page.cell(analytic, "gmm", "FastAD"), ("4.00", ""))
    expect("measured once", page.cell(analytic, "mlp_10_32_32_1", "central difference"), ("1440", ""))
    error = "Error against the analytic gradient | float64"
    expect("error", page.cell(error, "gmm", "forward difference"), ("1.0e-08", ""))
    expect("memory", page.cell("Memory | float64", "mlp_10_32_32_1", "ADOL-C"), ("23.1 kB", ""))
    expect("chain", page.cell("A chain of scalars", "10000", "ns for each node"), ("40.0", ""))
    expect("growth", page.cell("Growth with the number of parameters", "central difference / 10000", "time"), ("200 ms", ""))
    step = page.cell("The step of a difference", "mlp_10_32_32_1 / forward difference / 1.0e-08", "relative error")
    expect("step", step, ("2.0e-08", ""))


def check_targets(page):
    wanted = {
        "mlp_10_32_32_1: Glissade / analytic": ("1.05", ""),
        "mlp_784_128_10: Glissade / analytic": ("1.05", "miss"),
        "mlp_784_128_10: PyTorch / Glissade": ("14.3", ""),
        "rosenbrock_2: PyTorch / Glissade": ("–", "none"),
        "scalar chain: ns for each node, at most": ("40.0", ""),
        "ladder: largest error on 5 problems": ("1.0e-08", "miss"),
    }
    expect_column(page, "Gradients: numerical, analytic, automatic", "measured", wanted)


def check_pictures(text, folder):
    svgs = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    pictures = sorted(folder.glob("gradients_*.svg"))
    expect("pictures on the page", len(svgs), 8)
    expect("pictures in the folder", len(pictures), 8)
    for picture in pictures:
        svg = picture.read_text(encoding="utf-8")
        expect(f"{picture.name} is on the page", svg.strip() in [s.strip() for s in svgs], True)
        if len(svg) > LARGEST_PICTURE:
            sys.exit(f"{picture.name} has {len(svg)} bytes; at most {LARGEST_PICTURE}")
        xml.etree.ElementTree.fromstring(svg)
    read = {p.stem: p.read_text(encoding="utf-8") for p in pictures}
    for name, words in {
        "gradients_x_function": ("5 (the bound of theory)", "time / time of the function alone", "float32"),
        "gradients_step_size": ("theoretical minimum", "relative error", "step h"),
        "gradients_growth": ("parameters n", "central difference"),
        "gradients_memory": ("memory held at most", "PyTorch"),
    }.items():
        for word in words:
            expect(f"{name} says '{word}'", word in read[name], True)
    # An id of one picture must not mean something else in the next one.
    clips = {}
    for svg in svgs:
        for name, content in re.findall(r'<clipPath id="([^"]*)">(.*?)</clipPath>', svg, re.DOTALL):
            expect(f"clip path {name}", clips.setdefault(name, content), content)


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if importlib.util.find_spec("matplotlib") is None:
        print("matplotlib is not installed; scripts/bootstrap test installs it")
        sys.exit(77)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("gradients_*.svg"):
        old.unlink()
    measured = folder / "measured.json"
    gradient_figures.write(measured)
    arguments = ("--json", str(measured), "--out", str(folder), "--pictures", str(folder))
    done = run(program, *arguments)
    expect(f"status ({done.stderr.strip()})", done.returncode, 0)
    text = (folder / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    check_tables(page)
    check_targets(page)
    check_pictures(text, folder)
    expect("messages", page.cell("Without a figure", "gradient/gmm/cppad/f64", "what the program says")[0], "no <such> tape")
    expect("machine", page.cell("Machine and programs", "processor", "")[0], "a <test>")

    run(program, *arguments)
    expect("a second page is the same", (folder / "index.html").read_text(encoding="utf-8") == text, True)

    # A file of Google Benchmark alone does, with one method and nothing else.
    plain = {"context": {}, "benchmarks": [gradient_figures.gradient("gmm", "autodiff", "f64", 1.0)]}
    measured.write_text(json.dumps(plain), encoding="utf-8")
    done = run(program, "--json", str(measured), "--out", str(folder / "plain"))
    expect(f"plain ({done.stderr.strip()})", done.returncode, 0)
    time = Page((folder / "plain/index.html").read_text(encoding="utf-8")).cell("Time | float64", "gmm", "Glissade")
    expect("plain time", time, ("630 µs", "best"))

    measured.write_text('{"runs": []}', encoding="utf-8")
    done = run(program, "--json", str(measured), "--out", str(folder / "empty"))
    expect("no measurements", (done.returncode != 0, "there are no measurements" in done.stderr), (True, True))


if __name__ == "__main__":
    main()
