#!/usr/bin/env python3
"""Runs examples/physics_informed and compares its networks with the exact solutions of the equations,
computed here once more; then its picture and wrong arguments.

    check_physics_informed.py PROGRAM WORK_FOLDER [--once]

With --once it makes a short run only, and asks for less.
"""
import json
import math
import pathlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

PROGRAM, WORK = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
ONCE = "--once" in sys.argv
LARGEST_PICTURE = 150_000  # bytes; it is in the documentation


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], cwd=WORK, capture_output=True, text=True,
                          timeout=600, stdin=subprocess.DEVNULL)


def figures(*arguments):
    result = run("--json", *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    assert not result.stderr, result.stderr
    return json.loads(result.stdout)


def exact(name, x):
    if name == "poisson":
        return math.sin(math.pi * x) + 0.2 * math.sin(4 * math.pi * x)
    return -math.tanh(x / 0.4)


def check(found, limit):
    assert [equation["name"] for equation in found["equations"]] == ["poisson", "burgers"]
    for equation in found["equations"]:
        x, u = equation["x"], equation["u"]
        assert len(x) == len(u) == 401 and x[0] == -1 and x[-1] == 1
        solution = [exact(equation["name"], at) for at in x]
        difference = math.fsum((a - b) ** 2 for a, b in zip(u, solution))
        error = math.sqrt(difference / math.fsum(b * b for b in solution))
        assert abs(error - equation["relative_error"]) < 1e-9, "the error is another"
        assert error < limit, (equation["name"], error)
        assert equation["relative_error_second"] < 30 * limit
        assert abs(u[0] - solution[0]) < 1e-12 and abs(u[-1] - solution[-1]) < 1e-12, "at the ends"
        assert equation["cost"] < 1e-3 * equation["first_cost"]


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    short = figures("--quick", "--seed", 2, "--out", "pictures")
    check(short, 2e-2)
    picture = WORK / "pictures" / "physics_informed.svg"
    assert picture.stat().st_size <= LARGEST_PICTURE, picture.stat().st_size
    texts = {text.strip() for text in ElementTree.parse(picture).getroot().itertext()}
    for text in ("network", "exact", "Adam", "L-BFGS", "poisson: u_xx = f"):
        assert text in texts, text
    for wrong in (("--points", 7), ("--width", 0), ("--viscosity", 0), ("--adam", 0),
                  ("--seed", -1), ("--lbfgs", 1.5)):
        assert run(*wrong).returncode != 0, wrong
    if ONCE:
        return
    check(figures(), 1e-3)
    again = figures("--quick", "--seed", 2)
    for one, two in zip(short["equations"], again["equations"]):
        assert one["u"] == two["u"], "the same seed, another network"
    table = run("--quick")
    assert table.returncode == 0 and "u_xx = f" in table.stdout and "L-BFGS" in table.stdout


if __name__ == "__main__":
    main()
