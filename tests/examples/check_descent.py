#!/usr/bin/env python3
"""Runs one of the experiments on gradient descent (examples/descent_*.cpp) and compares its figures
with arithmetic of its own; then its pictures and wrong arguments.

    check_descent.py PROGRAM WORK_FOLDER [--once]

With --once it runs no experiment a second time: neither to see the same figures again nor for PNG.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import descent_figures

PROGRAM, WORK = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
ONCE = "--once" in sys.argv
NUMBER = int(re.search(r"descent_(\d+)_", PROGRAM.name)[1])
SVG = "{http://www.w3.org/2000/svg}"
LARGEST_PICTURE = 150_000  # bytes; they are in the documentation


def run(*arguments, env=None):
    return subprocess.run([PROGRAM, *map(str, arguments)], cwd=WORK, capture_output=True, text=True,
                          timeout=300, stdin=subprocess.DEVNULL, env=env)


def figures(*arguments):
    """The JSON object that the program prints, and nothing else."""
    result = run("--json", *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    assert not result.stderr, result.stderr
    return json.loads(result.stdout)


def expect_error(*arguments, says, env=None):
    """The program must end with 1 and a sentence."""
    result = run(*arguments, env=env)
    assert result.returncode == 1, f"{arguments}: status {result.returncode}"
    assert re.search(says, result.stderr), f"{arguments}: says {result.stderr!r}, not {says!r}"


def without_times(value):
    """What a second run must print again."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items()
                if "seconds" not in k and k != "time"}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def check_picture(path):
    assert path.stat().st_size <= LARGEST_PICTURE, f"{path.name}: {path.stat().st_size} bytes"
    root = ElementTree.parse(path).getroot()
    assert root.tag == f"{SVG}svg"
    width, height = float(root.get("width")), float(root.get("height"))
    texts = {}
    for text in root.iter(f"{SVG}text"):
        content = "".join(text.itertext())
        x, y, size = float(text.get("x")), float(text.get("y")), float(text.get("font-size"))
        assert 0 <= x <= width and 0 < y <= height, f"{path.name}: {content!r} is outside"
        texts.setdefault(text.get("class"), []).append((content, x, y, size))
    panels = sum(1 for r in root.iter(f"{SVG}rect") if r.get("fill") == "none")
    for label in ("x-label", "y-label"):
        named = [content for content, *_ in texts.get(label, []) if content.strip()]
        assert len(named) == panels > 0, f"{path.name}: {panels} panels, {label}s {named}"
    assert len(texts.get("tick", [])) >= 4 * panels, f"{path.name}: hardly any ticks"
    assert texts.get("title"), f"{path.name}: no title"
    # Labels of ticks in one line must not touch: 0.5 em is less than the width of a figure.
    ticks = sorted(texts["tick"], key=lambda t: (t[2], t[1]))
    for (a, ax, ay, size), (b, bx, by, _) in zip(ticks, ticks[1:]):
        if ay == by:
            assert bx - ax > 0.25 * size * (len(a) + len(b)), f"{path.name}: {a} touches {b}"
    # Whatever is drawn stays in the picture.
    for element in root.iter(f"{SVG}path"):
        for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", element.get("d")):
            assert 0 <= float(x) <= width and 0 <= float(y) <= height, f"{path.name}: {x}, {y}"


def check_pictures():
    pictures = sorted((WORK / "out/new").glob("*.svg"))
    assert pictures, "no picture was written"
    for picture in pictures:
        check_picture(picture)
    if NUMBER == 1:
        descent_figures.check_contours(ElementTree.parse(pictures[0]).getroot())
    files = sorted((WORK / "out/new").iterdir())
    assert files == pictures, f"other files than pictures: {files}"

    # Tables instead of JSON, and PNG.
    if ONCE:
        return
    if shutil.which("rsvg-convert"):
        result = run("--quick", "--out", "png", "--png")
        assert result.returncode == 0, result.stdout + result.stderr
        assert "----" in result.stdout, "no table"
        for picture in pictures:
            png = (WORK / "png" / picture.name).with_suffix(".png")
            assert png.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and png.stat().st_size > 5000
            assert f"wrote png/{png.name}" in result.stdout
    else:
        print("rsvg-convert is not installed: no PNG was tested")
    nowhere = {**os.environ, "PATH": str(WORK / "empty")}
    expect_error("--quick", "--out", "no-png", "--png", says="rsvg-convert.*librsvg2-bin", env=nowhere)


def check_arguments():
    text = run("--help").stdout
    for option in ("--out", "--png", "--json", "--quick"):
        assert option in text, f"--help does not show {option}"
    expect_error("--unknown", says="unknown")
    expect_error("--png", says="--png requires --out")
    (WORK / "file").write_text("not a folder")
    expect_error("--quick", "--out", "file/inside", says="file")
    for option, value in descent_figures.WRONG[NUMBER]:
        assert option in text, f"--help does not show {option}"
        expect_error("--quick", f"{option}={value}", says=re.escape(option))


if NUMBER == 5 and not descent_figures.FASHION_MNIST.exists():
    print(f"{descent_figures.FASHION_MNIST} is not installed; scripts/bootstrap demo installs it")
    sys.exit(77)
shutil.rmtree(WORK, ignore_errors=True)
WORK.mkdir(parents=True)
first = figures("--quick", "--out", "out/new")
descent_figures.CHECKS[NUMBER](first, figures)
if not ONCE:
    assert without_times(figures("--quick")) == without_times(first), "a second run differs"
check_pictures()
check_arguments()
