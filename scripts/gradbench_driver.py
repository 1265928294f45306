"""Runs GradBench's own evals (https://github.com/gradbench/gradbench) for Glissade and for tools of the
suite, and prints a table. Started by scripts/bench gradbench.

    gradbench_driver.py --glissade PROGRAM [--tools pytorch,manual,adol-c] [--timeout SECONDS] [--json FILE]
                 [--folder FOLDER] [--options EVAL="-n 16 32"] SUITE [evals...]

The suite's copy is not changed: what it has to build is built in FOLDER, which links to it. Eval and tool
are connected as the suite's `gradbench run` does: each message of the eval is a line for the tool, each
response of the tool a line for the eval. A tool that takes longer than the time limit for one message is
ended; what it has finished stays.
"""

import argparse
import json
import os
import pathlib
import select
import statistics
import subprocess
import sys
import time

ALL = ["hello", "llsq", "lse", "gmm", "kmeans", "lstm", "ode", "saddle", "particle", "ht", "det", "ba"]
PRIMALS = {"primal", "objective", "cost", "square"}


class Silent(Exception):
    """The process did not answer in time, or ended."""


class Process:
    """A program that is spoken to in lines."""

    def __init__(self, command, folder, environment, log):
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            start_new_session=True)
        self.pending = b""

    def write(self, line):
        try:
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Silent("it ended") from None

    def read(self, seconds):
        """The next line, or None at the end of the output."""
        until = time.monotonic() + seconds
        parts = [self.pending]
        while b"\n" not in parts[-1]:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Silent(f"no answer in {seconds:g} s")
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            if not data:
                return None
            parts.append(data)
        line, _, self.pending = b"".join(parts).partition(b"\n")
        return line

    def end(self):
        if self.process.poll() is None:
            # Its own session: a tool may have started others.
            try:
                os.killpg(self.process.pid, 15)
                self.process.wait(5)
            except ProcessLookupError:
                pass
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass  # what was written last was not read


def session(eval_command, tool_command, folder, environment, timeout, log):
    """All evaluations of one eval by one tool: rows, and why it stopped early, if it did."""
    rows, stopped = [], None
    evaluator = Process(eval_command, folder, environment, log)
    tool = Process(tool_command, folder, environment, log)
    evaluations = {}
    try:
        while (line := evaluator.read(600)) is not None:
            message = json.loads(line)
            tool.write(line)
            try:
                # Building the tool's program is part of "define".
                answer = tool.read(300 if message["kind"] in ("start", "define") else timeout)
            except Silent as silent:
                stopped = f"{message.get('description', message['kind'])} {message.get('function', '')}: {silent}"
                break
            if answer is None:
                stopped = f"{message.get('description', message['kind'])} {message.get('function', '')}: it ended"
                break
            response = json.loads(answer)
            if message["kind"] == "define" and not response["success"]:
                stopped = "not there"
                if response.get("error"):
                    log.write(response["error"].encode() + b"\n")
                break
            if message["kind"] == "evaluate":
                row = {"eval": message["module"], "function": message["function"],
                       "input": message.get("description", ""), "valid": None}
                times = [t["nanoseconds"] for t in response.get("timings") or [] if t["name"] == "evaluate"]
                if response["success"] and times:
                    row |= {"ms": statistics.median(times) / 1e6, "runs": len(times)}
                else:
                    row |= {"valid": False, "error": response.get("error", "")[:500]}
                rows.append(row)
                evaluations[message["id"]] = row
            elif message["kind"] == "analysis":
                evaluations[message["of"]]["valid"] = message["valid"]
                if not message["valid"]:
                    evaluations[message["of"]]["error"] = message.get("error", "")[:500]
            evaluator.write(answer)
    except Silent as silent:
        stopped = f"the eval: {silent}"
    finally:
        tool.end()
        evaluator.end()
    return rows, stopped


def link_entries(source, target, but=()):
    """A folder with links to the entries of another."""
    if target.is_symlink():
        target.unlink()
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        place = target / entry.name
        if entry.name in but or (place.is_symlink() and place.readlink() == entry):
            continue
        if place.is_symlink() or place.is_file():
            place.unlink()
        place.symlink_to(entry)


def prepare(suite, folder):
    """A folder that links to the suite and in which its tools can be built."""
    # The suite's cpp needs a single-header json.hpp, which its Makefile would download: the system's
    # nlohmann-json serves as well.
    link_entries(suite / "cpp", folder / "cpp", but=["json.hpp"])
    (folder / "cpp/json.hpp").write_text("#include <nlohmann/json.hpp>\n")
    for tool in (suite / "tools").iterdir():
        if (tool / "Makefile").is_file():
            link_entries(tool, folder / "tools" / tool.name, but=["bin"])
    link_entries(suite / "evals", folder / "evals", but=["lstm"])
    link_entries(suite / "evals/lstm", folder / "evals/lstm", but=["data"])
    data = folder / "evals/lstm/data"
    if (suite / "evals/lstm/data/lstm_full.txt").is_file():
        link_entries(suite / "evals/lstm/data", data)
    else:
        print("gradbench: the suite's copy has no evals/lstm/data/lstm_full.txt: lstm reads a made text", file=sys.stderr)
        data.mkdir(exist_ok=True)
        (data / "lstm_full.txt").write_text(made_text(), encoding="utf8")


def made_text():
    """Characters of 14 bits, as the suite's text has: what they say does not change the work."""
    state, letters = 1, []
    alphabet = " etaoinshrdlucmfwypvbgkqjxz,.\u2019\u201c\n"
    for _ in range(300_000):
        state = (state * 1103515245 + 12345) % 2**31
        letters.append(alphabet[(state >> 16) % len(alphabet)])
    return "".join(letters)


def table(results, tools):
    """The rows of all tools beside each other, and how Glissade stands against each."""
    lines = []
    first = tools[0]
    for name, by_tool in results.items():
        keys = list(dict.fromkeys((r["input"], r["function"]) for rows, _ in by_tool.values() for r in rows))
        if not keys:
            continue
        lines.append(f"\n{name}: milliseconds (median of the runs); in brackets, times {first}'s")
        lines.append(f"{'input':28}{'function':11}" + "".join(f"{tool:>24}" for tool in tools))
        for key in keys:
            cells, base = [], None
            for tool in tools:
                row = next((r for r in by_tool.get(tool, ([], None))[0] if (r["input"], r["function"]) == key), None)
                if row is None:
                    cells.append("-")
                    continue
                if "ms" not in row:
                    cells.append("failed")
                    continue
                if tool == first:
                    base = row["ms"]
                text = f"{row['ms']:.4g}"
                if not row["valid"]:
                    text += " INVALID" if row["valid"] is False else " ?"
                if tool != first and base:
                    text += f" [{row['ms'] / base:.2f}]"
                cells.append(text)
            lines.append(f"{key[0][:27]:28}{key[1]:11}" + "".join(f"{cell:>24}" for cell in cells))
        for tool in tools:
            stopped = by_tool.get(tool, ([], None))[1]
            if stopped:
                lines.append(f"  {tool} stopped: {stopped}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench gradbench")
    parser.add_argument("suite", type=pathlib.Path, help="a copy of the GradBench repository")
    parser.add_argument("evals", nargs="*", help=f"some of: {' '.join(ALL)}; all without")
    parser.add_argument("--glissade", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tools", default="pytorch,manual,adol-c", help="the suite's tools to run beside Glissade")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for one message (60)")
    parser.add_argument("--min-seconds", type=float, default=1, help="seconds of runs for each evaluation (1)")
    parser.add_argument("--options", action="append", default=[], metavar="EVAL=OPTIONS",
                        help="options of an eval, such as gmm='-d 2 10 -k 5'")
    parser.add_argument("--json", type=pathlib.Path, help="write all rows to this file too")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/gradbench"),
                        help="where the suite's tools are built (build/gradbench)")
    arguments = parser.parse_args()

    suite = arguments.suite.resolve()
    if not (suite / "python/gradbench/gradbench/evals").is_dir():
        sys.exit(f"gradbench: {suite} is not a copy of the GradBench repository")
    evals = arguments.evals or ALL
    if unknown := set(evals) - set(ALL):
        sys.exit(f"gradbench: there is no eval {' '.join(sorted(unknown))}; there are: {' '.join(ALL)}")
    options = dict(option.split("=", 1) for option in arguments.options)
    folder = arguments.folder.resolve()
    prepare(suite, folder)

    python = suite / "python/gradbench"
    environment = os.environ | {"PYTHONPATH": str(python), "PYTHONDONTWRITEBYTECODE": "1"}
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[variable] = "1"
    commands = {"glissade": [str(arguments.glissade.resolve())]}
    for tool in filter(None, arguments.tools.split(",")):
        own = python / "gradbench/tools" / tool / "run.py"
        commands[tool] = ([sys.executable, str(own)] if own.is_file()
                          else [sys.executable, str(python / "gradbench/cpp.py"), tool])
    results = {}
    with open(folder / "log.txt", "wb") as log:
        for name in evals:
            # The evals compare with the tool "manual".
            if name not in ("hello", "saddle", "particle"):
                subprocess.run(["make", "-s", "-C", str(folder / "tools/manual"), f"bin/{name}"], check=True,
                               stdout=log, stderr=log)
            script = [sys.executable, str(python / "gradbench/evals" / name / "run.py")]
            script += options.get(name, "").split()
            if name != "hello":
                script += ["--min-seconds", str(arguments.min_seconds)]
            results[name] = {}
            for tool, command in commands.items():
                print(f"gradbench: {name} with {tool}", file=sys.stderr, flush=True)
                results[name][tool] = session(script, command, folder, environment, arguments.timeout, log)
                if arguments.json:
                    rows = [row | {"tool": t} for tools in results.values() for t, (done, _) in tools.items()
                            for row in done]
                    stops = [{"eval": e, "tool": t, "stopped": why} for e, tools in results.items()
                             for t, (_, why) in tools.items() if why]
                    arguments.json.write_text(json.dumps({"rows": rows, "stopped": stops}, indent=1) + "\n")
    print(table(results, list(commands)))
    invalid = [row for tools in results.values() for row in tools["glissade"][0] if row["valid"] is False]
    for row in invalid:
        print(f"gradbench: glissade is not valid on {row['eval']} {row['function']} {row['input']}: "
              f"{row.get('error', '')}", file=sys.stderr)
    return 1 if invalid else 0


if __name__ == "__main__":
    sys.exit(main())
