#!/usr/bin/env python3
"""Measures training steps beside other libraries and writes one HTML page with tables and pictures.

    scripts/bench train [--quick] [--fashion] [--python PYTHON] [--json FILE] [-o PAGE] [--pictures DIR]
    scripts/bench train --from FILE               draws the page from what was measured before
    scripts/bench train --benchmark_filter=REGEX  only bench_train, with options of Google Benchmark

First bench_train runs: Glissade against its matrix products and a step written by hand, in one process. Then
Glissade, PyTorch (eager and compiled), JAX, libtorch (of PyTorch's wheel and Debian's) and dlib, as far as they
are there, take turns of some hundredths of a second on each network, with one thread and with two, on processors
of their own.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import programs as common
from programs import ROOT, about, built_programs, fail, python_with_torch, say, write_pictures
from train_figures import OURS, STANDARD, SWEEPS, TrainFigures

common.benchmark = "train"
DATA = "/usr/share/datasets/fashion-mnist"
FASHION = {"folder": DATA, "sizes": [784, 256, 128, 10], "batch": 128, "lr": 1e-3}
# Compiling takes up to a minute for each network, so not those of the sweeps.
NO_SWEEPS = {"pytorch_compile"}
INSTALL = {  # how to get what is not there
    "jax": "pip install jax optax, into the Python of --python or build/venv-bench",
    "libtorch": "it needs the PyTorch wheel of --python or build/venv-bench",
    "libtorch_debian": "scripts/bootstrap peers, or apt-get install libtorch-dev",
    "dlib": "scripts/bootstrap peers, or apt-get install libdlib-dev",
    "pytorch": "pip install torch numpy, or --python PYTHON",
}
LONGEST_ANSWER = 600  # seconds; compiling a network may take minutes
LONGEST_SPIN = 1.0  # seconds
IDLE_PAUSE = 0.005  # seconds


class Ended(Exception):
    """A peer that gave no answer; the text says what it said last."""


class Peer:
    """A running program that trains networks on request; see bench/train/peer.h."""

    def __init__(self, name, command, threads, environment, log):
        self.name = name
        self.threads = threads
        self.log = log
        with open(log, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                pinned(command, threads),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **environment},
            )

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps({"threads": self.threads, **request}) + "\n")
            self.process.stdin.flush()
            # One answer to one request: what is buffered is never more than this line.
            ready, _, _ = select.select([self.process.stdout], [], [], LONGEST_ANSWER)
            line = self.process.stdout.readline() if ready else ""
        except BrokenPipeError:
            line = ""
        if not line:
            self.process.kill()
            tail = self.log.read_text(encoding="utf-8").strip().splitlines()[-1:]
            raise Ended(" ".join(tail) or f"no answer to {request}")
        return json.loads(line)

    def processor_time(self):
        """Of all its threads, in seconds."""
        total = 0
        for file in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # a thread that has just ended
                total += int(file.read_text().split()[0])
        return total * 1e-9

    def wait_until_idle(self):
        """Threads that wait for their next job spin, OpenBLAS's for a tenth of a second, and would
        slow down the program that is next."""
        end = time.monotonic() + LONGEST_SPIN
        before = self.processor_time()
        while time.monotonic() < end:
            time.sleep(IDLE_PAUSE)
            now = self.processor_time()
            if now - before < IDLE_PAUSE / 10:
                return
            before = now

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def pinned(command, threads):
    """The command, on as many processors as it has threads; the last ones, where less else runs."""
    processors = sorted(os.sched_getaffinity(0))[-threads:]
    return ["taskset", "-c", ",".join(map(str, processors)), *map(str, command)]


def environment_of(name, threads, kernel):
    result = {f"{library}_NUM_THREADS": str(threads) for library in ("OPENBLAS", "OMP", "MKL")}
    result["JAX_PLATFORMS"] = "cpu"
    if name == "jax" and threads == 1:
        result["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    # Debian's OpenBLAS takes newer processors for old ones; nobody is to be handicapped by that.
    if name in ("dlib", "libtorch_debian") and kernel and "OPENBLAS_CORETYPE" not in os.environ:
        result["OPENBLAS_CORETYPE"] = kernel
    return result


def can_import(python, *modules):
    return python and subprocess.run([python, "-c", f"import {', '.join(modules)}"], capture_output=True).returncode == 0


def find_python(options):
    """A Python for the peers that are written in it, with as much of what they need as there can be."""
    python = None if options.no_python else python_with_torch(options.python)
    if python and not options.python and not can_import(python, "jax", "optax"):
        say("installing JAX into build/venv-bench")
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "jax", "optax"])
    return python


def commands(options, python):
    """(command of bench_train, commands of the programs by name, why others are left out)."""
    has_torch = can_import(python, "torch", "numpy")
    settings = []
    if has_torch:
        where = subprocess.run(
            [python, "-c", "import torch; print(torch.__path__[0])"], capture_output=True, text=True, check=True
        )
        settings = [f"-DGLISSADE_LIBTORCH_DIR={where.stdout.strip()}"]
    pattern = r"bench_train|train_peer_\w+"
    built = built_programs(pattern, ["bench_train", "train_peer_glissade"], settings)
    bench = built.pop("bench_train")
    found = {name.removeprefix("train_peer_"): [path] for name, path in built.items()}
    if has_torch:
        found["pytorch"] = [python, HERE / "pytorch_train.py"]
        if not options.quick:
            found["pytorch_compile"] = [python, HERE / "pytorch_train.py", "--compile"]
    if can_import(python, "jax", "optax"):
        found["jax"] = [python, HERE / "jax_train.py"]
    wanted = re.compile(options.peers)
    found = {name: command for name, command in found.items() if name == OURS or wanted.search(name)}
    left_out = {name: how for name, how in INSTALL.items() if name not in found and wanted.search(name)}
    for name, how in left_out.items():
        say(f"without {name}: {how}")
    return bench, found, left_out


def run_bench_train(bench, pattern, threads, min_time, out):
    """What bench_train measures of the names that match."""
    say(f"bench_train {pattern}")
    file = (out / "bench_train.json").resolve()
    file.unlink(missing_ok=True)
    command = [
        bench,
        f"--benchmark_filter={pattern}",
        f"--benchmark_min_time={min_time}",
        f"--benchmark_out={file}",
        "--benchmark_out_format=json",
    ]
    done = subprocess.run(pinned(command, threads), capture_output=True, text=True)
    if done.returncode != 0 or not file.exists():
        fail(f"bench_train ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(file.read_text(encoding="utf-8"))


class Measuring:
    """Collects what the page is drawn from."""

    def __init__(self, options, out):
        self.options = options
        self.out = out
        self.content = {"about": about(), "programs": {}, "bench_train": [], "samples": [], "memory": []}
        self.content |= {"starts": [], "fashion": []}
        self.bench, self.commands, left_out = commands(options, find_python(options))
        self.content["left_out"] = left_out
        listed = subprocess.run([self.bench, "--workloads"], capture_output=True, text=True, check=True)
        wanted = re.compile(options.workloads)
        self.workloads = [w for w in json.loads(listed.stdout) if wanted.search(w["name"])]
        if not self.workloads:
            fail(f"no workload matches '{options.workloads}'")
        self.kernel = None

    def standard(self):
        return [w for w in self.workloads if w["name"] in STANDARD]

    def sweeps(self):
        return [w for w in self.workloads if w["name"] not in STANDARD]

    def start(self, name, threads):
        log = self.out / f"{name}.log"
        return Peer(name, self.commands[name], threads, environment_of(name, threads, self.kernel), log)

    def leave_out(self, peer, why):
        say(f"{peer.name} is left out from here on: {why}")
        self.content["left_out"][f"{peer.name}, threads: {peer.threads}"] = str(why)

    def benchmarks(self):
        step_time = 0.02 if self.options.quick else 1.0
        sweep_time = 0.005 if self.options.quick else 0.1
        runs = [(rf"^step/({'|'.join(w['name'] for w in self.standard())})/threads:{n}$", n, step_time) for n in (1, 2)]
        if not self.standard():
            runs = []
        if self.sweeps():
            runs.append((f"^({'|'.join(w['name'] for w in self.sweeps())})$", 1, sweep_time))
        for pattern, threads, min_time in runs:
            result = run_bench_train(self.bench, pattern, threads, min_time, self.out)
            self.content["bench_train"] += result["benchmarks"]
            self.content["about"]["BLAS of Glissade"] = result["context"].get("blas", "unknown")
            kernels = re.search(r"kernel (\w+)", result["context"].get("blas", ""))
            self.kernel = kernels.group(1) if kernels else None

    def rounds(self, peers, workloads, rounds, seconds):
        """Each workload in turn: first all programs prepare it, then they alternate."""
        for workload in workloads:
            say(f"{workload['name']}, threads: {peers[0].threads}")
            ready = []
            for peer in list(peers):
                try:
                    answer = peer.ask(workload=workload, seconds=0)
                    peer.wait_until_idle()
                except Ended as why:
                    self.leave_out(peer, why)
                    peers.remove(peer)
                    continue
                if "unsupported" not in answer:
                    ready.append(peer)
                    self.content["programs"][peer.name] = answer["about"]
            for number in range(rounds):
                for peer in ready:
                    answer = peer.ask(workload=workload, seconds=seconds)
                    peer.wait_until_idle()
                    sample = {key: answer[key] for key in ("seconds", "steps", "first_loss", "loss")}
                    key = {"program": peer.name, "workload": workload["name"], "threads": peer.threads}
                    self.content["samples"].append({**key, "round": number, **sample})

    def steps(self):
        quick = self.options.quick
        for threads in (1, 2):
            peers = [self.start(name, threads) for name in self.commands]
            self.rounds(peers, self.standard(), 2 if quick else 25, 0.02 if quick else 0.04)
            if threads == 1:
                peers_of_sweeps = [p for p in peers if p.name not in NO_SWEEPS]
                self.rounds(peers_of_sweeps, self.sweeps(), 1 if quick else 5, 0.01 if quick else 0.03)
            for peer in peers:
                peer.close()

    def fresh(self, name, workload, seconds):
        """A new program's answer for one network, and how long it took from exec; None if there is none."""
        begin = time.perf_counter()
        peer = self.start(name, 1)
        try:
            answer = peer.ask(workload=workload, seconds=seconds)
            return answer, time.perf_counter() - begin
        except Ended as why:
            self.leave_out(peer, why)
            return None
        finally:
            peer.close()

    def starts_and_memory(self):
        by_name = {w["name"]: w for w in self.standard()}
        say("start-up and memory")
        for _ in range(1 if self.options.quick else 5):
            for name in self.commands if "W2" in by_name else ():
                result = self.fresh(name, by_name["W2"], 0)
                if result:
                    self.content["starts"].append({"program": name, "seconds": result[1]})
        for name in self.commands if "W4" in by_name else ():
            result = self.fresh(name, by_name["W4"], 0.2)
            if result and "peak_bytes" in result[0]:
                self.content["memory"].append({"program": name, "peak_bytes": result[0]["peak_bytes"]})

    def fashion(self):
        if not self.options.fashion:
            return
        if not pathlib.Path(DATA).exists():
            say(f"without Fashion-MNIST: there is no {DATA}; scripts/bootstrap demo installs it")
            return
        peers = [self.start(name, 2) for name in (OURS, "pytorch") if name in self.commands]
        for epoch in range(2 if self.options.quick else 6):
            say(f"Fashion-MNIST, epoch {epoch + 1}")
            for peer in peers:
                answer = peer.ask(fashion=FASHION)
                peer.wait_until_idle()
                if epoch > 0:  # the first one warms up
                    row = {key: answer[key] for key in ("seconds", "accuracy")}
                    self.content["fashion"].append({"program": peer.name, **row})
        for peer in peers:
            peer.close()

    def run(self, file):
        """Writes the file after each part: who stops in the middle still has the parts before."""
        for part in (self.benchmarks, self.steps, self.starts_and_memory, self.fashion):
            part()
            self.content["about"]["load average after"] = f"{os.getloadavg()[0]:.2f}"
            file.write_text(json.dumps(self.content, indent=1), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few short rounds, and no torch.compile")
    parser.add_argument("--fashion", action="store_true", help="also epochs of Fashion-MNIST")
    parser.add_argument("--python", help="a Python with torch and numpy, and jax and optax if it is to be compared")
    parser.add_argument("--no-python", action="store_true", help="without PyTorch and JAX")
    parser.add_argument("--peers", default=".", metavar="REGEX", help="only these peers")
    parser.add_argument(
        "--workloads", default=".", metavar="REGEX", help=f"only these: {', '.join(STANDARD + SWEEPS)} and so on"
    )
    parser.add_argument("--json", type=pathlib.Path, help="where all figures go (out/train/train.json)")
    parser.add_argument("--from", type=pathlib.Path, dest="source", help="draw from this file, measure nothing")
    parser.add_argument("-o", "--page", type=pathlib.Path, default=ROOT / "out/train/index.html", help="the page")
    parser.add_argument("--pictures", type=pathlib.Path, help="write the pictures as SVG files, too")
    options = parser.parse_args()
    try:
        import train_page
    except ImportError as error:
        fail(f"{error}; scripts/bootstrap test installs matplotlib into build/venv")
    source = options.source
    if not source:
        if not shutil.which("taskset"):
            fail("there is no taskset, which pins programs to processors (Debian: util-linux)")
        out = ROOT / "out/train"
        out.mkdir(parents=True, exist_ok=True)
        source = options.json or out / "train.json"
        source.parent.mkdir(parents=True, exist_ok=True)
        Measuring(options, out).run(source)
    try:
        figures = TrainFigures(source)
    except (OSError, ValueError, KeyError) as error:
        fail(f"{source}: {error}")
    write_pictures(train_page.write(figures, options.page), options.pictures)
    say(f"wrote {options.page}")


if __name__ == "__main__":
    main()
