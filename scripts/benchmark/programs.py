"""What the drivers of all benchmarks have in common: building programs, finding a Python, the machine."""

import contextlib
import datetime
import os
import pathlib
import platform
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PRESET = "release"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"  # wheels without CUDA; PyPI has none for x86

benchmark = "bench"  # the name of the one that runs


def say(*words):
    print(f"{benchmark}:", *words, flush=True)


def fail(sentence):
    sys.exit(f"{benchmark}: {sentence}")


def write_pictures(pictures, folder):
    """Writes the SVGs, texts by name, to BENCHMARK_NAME.svg; nothing without a folder."""
    if not folder:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in pictures.items():
        (folder / f"{benchmark}_{name}.svg").write_text(svg, encoding="utf-8")


def built_programs(pattern, needed, settings=()):
    """Builds the programs whose whole names match the pattern, those `needed` among them; paths by name.

    `settings` are options of cmake.
    """
    build = ROOT / "build" / PRESET
    command = ["cmake", "--preset", PRESET, *settings]
    configured = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if configured.returncode != 0:
        fail(f"cmake: {configured.stderr.strip()}")
    targets = subprocess.run(
        ["ninja", "-C", build, "-t", "targets", "all"], capture_output=True, text=True, check=True
    ).stdout
    names = sorted(set(re.findall(rf"^({pattern}): phony", targets, re.MULTILINE)))
    for name in needed:
        if name not in names:
            fail(f"there is no {name}; is GLISSADE_BUILD_BENCHES off?")
    say(f"building {' '.join(names)} (build/{PRESET})")
    programs = {}
    for name in names:
        done = subprocess.run([ROOT / "scripts/cmake-quietly", PRESET, name])
        if done.returncode == 0:
            programs[name] = build / "bench" / name
        elif name in needed:
            fail(f"{name} does not build")
        else:
            say(f"{name} does not build; the page does without")
    return programs


def python_with_torch(given):
    """The path of a Python that has PyTorch; None, with a sentence, if there can be none."""
    if given:
        return given
    venv = ROOT / "build" / "venv-bench"
    python = venv / "bin" / "python"
    complete = venv / "complete"
    if complete.exists():
        return python
    say("installing PyTorch into build/venv-bench; --python PYTHON takes one that is there")
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    with contextlib.suppress(subprocess.CalledProcessError):
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        cpu_only = subprocess.run([*pip, "--retries", "0", "--index-url", TORCH_INDEX, "torch"], capture_output=True)
        packages = ["numpy", "safetensors"] + (["torch"] if cpu_only.returncode != 0 else [])
        subprocess.run([*pip, *packages], check=True)
        complete.touch()
        return python
    say("PyTorch could not be installed; the page does without")
    return None


def about():
    """The command, the code and the machine."""
    processor = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    )
    return {
        "command": f"scripts/bench {benchmark} " + " ".join(sys.argv[1:]),
        "date": datetime.date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "processor": processor.group(1) if processor else platform.processor(),
        "cores": f"{os.cpu_count()}, of which the programs may use {len(os.sched_getaffinity(0))}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load average before": f"{os.getloadavg()[0]:.2f}",
    }
