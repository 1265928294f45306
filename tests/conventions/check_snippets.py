#!/usr/bin/env python3
"""Builds and runs every program in the documentation, against an installed copy of the library.

Looks at README.md, CONTRIBUTING.md and docs/*.md:
  ```cpp   with `int main` is a complete program; anything else is wrapped in a main function after
           `#include <glissade/glissade.h>` and `using namespace glissade;`
  ```text  after `<!-- output -->` is what the program before it prints; one program can have several
           such blocks, whose texts follow each other
  ```sh    names files: what starts with ./ or scripts/ must exist
  [x](y)   a relative link must lead to a file
In a comment just before a cpp block:
  <!-- snippet: declarations -->   goes to namespace scope, not into main
  <!-- snippet: continue -->       goes on with the block before it in the same file
  <!-- snippet: no-run -->         is compiled only (needs files, or takes long)
Words can be combined: <!-- snippet: declarations continue -->.
"""
import argparse
import concurrent.futures
import dataclasses
import difflib
import os
import pathlib
import re
import shlex
import subprocess
import sys

WORDS = {"declarations", "continue", "no-run"}


@dataclasses.dataclass
class Program:
    name: str
    includes: list = dataclasses.field(default_factory=list)
    declarations: list = dataclasses.field(default_factory=list)
    body: list = dataclasses.field(default_factory=list)
    whole: str = ""
    output: str = ""
    has_output: bool = False
    run: bool = True

    def add(self, code: str, line: str, at_namespace_scope: bool):
        kept = []
        for text in code.splitlines():
            if re.match(r"\s*#\s*include\b", text):
                self.includes.append(text)
                kept.append("")
            else:
                kept.append(text)
        part = f"#line {line}\n" + "\n".join(kept)
        (self.declarations if at_namespace_scope else self.body).append(part)

    def source(self) -> str:
        if self.whole:
            return self.whole
        parts = ["#include <fmt/format.h>", "#include <glissade/glissade.h>", *self.includes,
                 "using namespace glissade;", *self.declarations, "int main() {", *self.body, "}"]
        return "\n".join(parts) + "\n"


def read_blocks(path: pathlib.Path):
    """Yields (line number, directive or None, language, text) for each fenced block."""
    directive, fence, language, text, start = None, None, "", [], 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if fence is not None:
            if line.strip() == fence:
                yield start, directive, language, "\n".join(text) + "\n"
                fence, directive = None, None
            else:
                text.append(line)
        elif opening := re.match(r"\s*(```+)(\S*)\s*$", line):
            fence, language, text, start = opening[1], opening[2], [], number + 1
        elif comment := re.match(r"\s*<!--\s*(.*?)\s*-->\s*$", line):
            directive = comment[1]
        elif line.strip():
            directive = None
    if fence is not None:
        raise SystemExit(f"{path}:{start - 1}: this block is not closed")


def read_programs(root: pathlib.Path, path: pathlib.Path, problems: list):
    """The programs of one page; what is wrong with the page goes to `problems`."""
    programs = []
    name = path.relative_to(root).as_posix()
    for line, directive, language, text in read_blocks(path):
        where = f"{name}:{line}"
        if language == "cpp":
            words = set()
            if directive and directive.startswith("snippet:"):
                words = set(directive.removeprefix("snippet:").split())
                if unknown := words - WORDS:
                    problems.append(f"{where}: unknown directive {' '.join(sorted(unknown))}")
            if "continue" not in words or not programs:
                programs.append(Program(name=where))
            if "no-run" in words:
                programs[-1].run = False
            if re.search(r"\bint main\b", text):
                programs[-1].whole = f'#line {line} "{path}"\n{text}'
            else:
                programs[-1].add(text, f'{line} "{path}"', "declarations" in words)
        elif language == "text" and directive == "output":
            if programs:
                programs[-1].output += text
                programs[-1].has_output = True
            else:
                problems.append(f"{where}: an output without a program")
        elif language == "sh":
            for word in re.findall(r"(?:^|\s)(?:\./|(?=scripts/))([\w./-]+)", text):
                if not word.startswith(("build/", "out/")) and not (root / word).exists():
                    problems.append(f"{where}: {word} does not exist")
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if not (path.parent / target).exists():
            problems.append(f"{name}: the link {target} leads nowhere")
    return programs


def check(program: Program, folder: pathlib.Path, compile_command: list, libraries: list, env: dict):
    """Compiles and runs one program; returns what went wrong, or an empty string."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "main.cpp"
    source.write_text(program.source(), encoding="utf-8")
    build = subprocess.run([*compile_command, source, "-o", folder / "program", *libraries],
                           capture_output=True, text=True)
    if build.returncode != 0:
        return f"{program.name}: does not compile\n{build.stderr}"
    if not program.run:
        return ""
    try:
        run = subprocess.run([folder / "program"], cwd=folder, capture_output=True, text=True,
                             timeout=120, env=env, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return f"{program.name}: still running after 120 s"
    if run.returncode != 0:
        return f"{program.name}: ends with status {run.returncode}\n{run.stdout}{run.stderr}"
    if program.has_output and run.stdout != program.output:
        diff = difflib.unified_diff(program.output.splitlines(), run.stdout.splitlines(),
                                    "in the page", "printed", lineterm="")
        return f"{program.name}: prints something else\n" + "\n".join(diff)
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--compiler", required=True)
    args = parser.parse_args()

    work = args.build / "snippets"
    prefix = work / "prefix"
    subprocess.run(["cmake", "--install", args.build, "--prefix", prefix],
                   check=True, stdout=subprocess.DEVNULL)
    pc_folder = next(prefix.rglob("glissade.pc")).parent
    env = {**os.environ, "PKG_CONFIG_PATH": str(pc_folder), "LD_LIBRARY_PATH": str(pc_folder.parent)}

    def pkg_config(option):
        answer = subprocess.run(["pkg-config", option, "glissade"], env=env, check=True,
                                capture_output=True, text=True)
        return shlex.split(answer.stdout)

    compile_command = [args.compiler, "-std=c++20", "-O1", *pkg_config("--cflags")]
    libraries = pkg_config("--libs")

    problems, programs = [], []
    pages = [args.source / "README.md", args.source / "CONTRIBUTING.md",
             *sorted((args.source / "docs").glob("*.md"))]
    for page in pages:
        if page.exists():
            programs += read_programs(args.source, page, problems)
        else:
            problems.append(f"{page.name} is missing")

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(check, program, work / re.sub(r"\W", "_", program.name),
                            compile_command, libraries, env) for program in programs]
        problems += [job.result() for job in jobs if job.result()]
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(programs)} programs in {len(pages)} pages do what the pages say")


if __name__ == "__main__":
    main()
