#!/usr/bin/env python3
"""Checks what no compiler does: file length, the comment at the top of a header, and who includes what."""
import pathlib
import re
import sys

MAX_LINES = 450
FLOORS = ("core", "autograd", "nn", "optim")


def problems(root: pathlib.Path, path: pathlib.Path):
    name = path.relative_to(root).as_posix()
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        yield f"{name}: {len(lines)} lines; at most {MAX_LINES}, so split it by idea"
    if path.suffix == ".h":
        if not re.match(r"(#pragma once\n\s*)?//", text):
            yield f"{name}: does not begin with a comment that says what it is for"
        # Highway includes a *-inl.h once for each instruction set.
        if "#pragma once" not in lines and not name.endswith("-inl.h"):
            yield f"{name}: has no #pragma once"
    if not text.endswith("\n"):
        yield f"{name}: does not end with a newline"
    for number, line in enumerate(lines, 1):
        include = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if not include:
            continue
        target = include.group(1)
        if target == "cblas.h" and name != "core/gemm.cpp":
            yield f"{name}:{number}: only core/gemm.cpp may include cblas.h"
        if target.startswith(".."):
            yield f"{name}:{number}: includes a path out of its own folder"
        if "/include/glissade/" in name and re.match(r"(hwy|nlohmann)/|cblas\.h|zlib\.h", target):
            yield f"{name}:{number}: a public header includes the private dependency {target}"


def missing_from_umbrella(root: pathlib.Path):
    text = (root / "include/glissade/glissade.h").read_text(encoding="utf-8")
    for floor in FLOORS:
        include = root / floor / "include"
        for header in sorted(include.rglob("*.h")):
            if f'#include "{header.relative_to(include).as_posix()}"' not in text:
                yield f"include/glissade/glissade.h does not include {header.relative_to(include)}"


def main():
    root = pathlib.Path(sys.argv[1])
    folders = [*FLOORS, "include"]
    files = sorted(f for d in folders for f in (root / d).rglob("*") if f.suffix in (".h", ".cpp"))
    found = [p for f in files for p in problems(root, f)] + list(missing_from_umbrella(root))
    print("\n".join(found) if found else f"{len(files)} files are in order")
    sys.exit(1 if found or not files else 0)


if __name__ == "__main__":
    main()
