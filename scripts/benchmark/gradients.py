#!/usr/bin/env python3
"""Measures gradients by every method and writes one HTML page with tables and pictures.

    scripts/bench gradients [--quick] [--out DIR] [--pictures DIR] [--python PYTHON]
    scripts/bench gradients --json FILE...    draws the page from what was measured before

bench_gradients, the C++ peers that were found (gradients_peer_NAME), and PyTorch take turns on each
problem, round by round. Differences, the U curves, growth and chains are measured once. What was measured is
written to DIR/gradients.json, the page to DIR/index.html.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import programs as common
from measurements import NUMERICAL, PROBLEMS, Measurements, in_order
from programs import ROOT, about, built_programs, fail, python_with_torch, say, write_pictures

common.benchmark = "gradients"

ONCE = {  # what does not have to be repeated
    "differences": f"^gradient/({{problem}})/({'|'.join(sorted(NUMERICAL))})/",
    "step sizes": "^step_size/",
    "growth": "^growth/",
    "chains": "^chain/",
}


class Program:
    """A program of Google Benchmark."""

    def __init__(self, name, path, scratch):
        self.name = name
        self.path = path
        self.out = (scratch / f"{name}.json").resolve()

    def run(self, pattern, min_time):
        """What it measured of the names that match the pattern; None if there are none."""
        self.out.unlink(missing_ok=True)
        command = [
            self.path,
            f"--benchmark_filter={pattern}",
            f"--benchmark_min_time={min_time}",
            f"--benchmark_out={self.out}",
            "--benchmark_out_format=json",
        ]
        # ADOL-C keeps a tape that is too large for its buffers in files of the working directory.
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.out.parent)
        text = self.out.read_text(encoding="utf-8") if self.out.exists() else ""
        if "Failed to match any benchmarks" in done.stdout + done.stderr:
            return None
        if done.returncode != 0 or not text:
            fail(f"{self.name} {pattern} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        return json.loads(text)

    def close(self):
        pass


class Torch:
    """The PyTorch peer. It stays: starting takes seconds, compiling minutes."""

    name = "pytorch"

    def __init__(self, python, data, compile, log):
        command = [python, HERE / "pytorch_gradients.py", "--data", data, "--serve"]
        self.log = log
        with open(log, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                command + (["--compile"] if compile else []),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def run(self, pattern, min_time):
        request = {"filter": pattern, "min_time": min_time}
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            tail = self.log.read_text(encoding="utf-8").strip().splitlines()[-1:]
            fail(f"the PyTorch peer ended: {' '.join(tail)} (see {self.log})")
        result = json.loads(answer)
        return result if result["benchmarks"] else None

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(options, out):
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    programs = built_programs(r"bench_gradients|gradients_peer_\w+", ["bench_gradients"])
    data = out / "data"
    data.mkdir(parents=True, exist_ok=True)
    subprocess.run([programs["bench_gradients"], f"--data={data}"], check=True, stdout=subprocess.DEVNULL)
    problems = [p.stem for p in sorted(data.glob("*.safetensors")) if not p.stem.startswith("growth_")]
    problems = in_order([p for p in problems if re.search(options.problems, p)], PROBLEMS)
    if not problems:
        fail(f"no problem matches '{options.problems}'")
    rivals = [Program(name, path, out) for name, path in programs.items()]
    python = None if options.no_pytorch else python_with_torch(options.python)
    if python:
        compile = not (options.quick or options.no_compile)
        rivals.append(Torch(python, data, compile, out / "pytorch.log"))
    content = {"about": about(), "runs": []}

    def run(program, pattern, round):
        result = program.run(pattern, min_time)
        if result:
            content["runs"].append({"program": program.name, "round": round, **result})

    rounds = options.rounds or (2 if options.quick else 7)
    min_time = options.min_time or (0.05 if options.quick else 0.3)
    for round in range(rounds):
        for problem in problems:
            say(f"round {round + 1} of {rounds}: {problem}")
            run(rivals[0], f"^gradient/{problem}/(function|analytic|autodiff)/", round)
            for peer in rivals[1:]:
                run(peer, f"^gradient/{problem}/", round)
    for what, pattern in ONCE.items():
        say(f"once: {what}")
        for program in rivals if what == "growth" else rivals[:1]:
            run(program, pattern.format(problem="|".join(problems)), 0)
    for program in rivals:
        program.close()
    content["about"]["load average after"] = f"{os.getloadavg()[0]:.2f}"
    path = out / "gradients.json"
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench gradients",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out/gradients", help="folder of the page")
    parser.add_argument("--json", type=pathlib.Path, nargs="+", help="draw from these files, measure nothing")
    parser.add_argument("--pictures", type=pathlib.Path, help="write the pictures as SVG files, too")
    parser.add_argument("--quick", action="store_true", help="two short rounds, and no torch.compile")
    parser.add_argument("--problems", default=".", metavar="REGEX", help="only these problems")
    parser.add_argument("--rounds", type=int, help="7 unless --quick")
    parser.add_argument("--min-time", type=float, help="seconds for each figure and round")
    parser.add_argument("--python", help="a Python with torch, numpy and safetensors")
    parser.add_argument("--no-pytorch", action="store_true")
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile")
    options = parser.parse_args()
    try:
        import page
    except ImportError as error:
        fail(f"{error}; scripts/bootstrap test installs matplotlib into build/venv")
    files = options.json or [measure(options, options.out)]
    try:
        measurements = Measurements(files)
    except (OSError, ValueError, KeyError) as error:
        fail(f"{' '.join(map(str, files))}: {error}")
    write_pictures(page.write(measurements, options.out / "index.html"), options.pictures)
    say(f"wrote {options.out / 'index.html'}")


if __name__ == "__main__":
    main()
