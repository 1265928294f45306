#!/usr/bin/env python3
"""PyTorch's gradients agree with those by hand on the same data, and the peer refuses a wrong one.

    check_pytorch_gradients.py bench_gradients scripts/benchmark/pytorch_gradients.py FOLDER
"""

import importlib.util
import json
import pathlib
import subprocess
import sys

PROBLEMS = {
    "quadratic_2",
    "quadratic_10",
    "quadratic_1000",
    "rosenbrock_2",
    "rosenbrock_10",
    "rosenbrock_1000",
    "linear_1000x20",
    "logistic_1000x100",
    "mlp_10_32_32_1",
    "mlp_784_128_10",
    "gmm",
}


def peer(program, folder, pattern):
    command = [sys.executable, program, "--data", folder, "--filter", pattern, "--min-time", "0.001"]
    return subprocess.run(command, capture_output=True, text=True)


def main():
    for module in ("torch", "safetensors", "numpy"):
        if importlib.util.find_spec(module) is None:
            print(f"{module} is not installed; scripts/bench gradients installs it into build/venv-bench")
            sys.exit(77)
    bench, program, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    subprocess.run([bench, f"--data={folder}"], check=True)

    done = peer(program, folder, "gradient/.*/f(64|32)$|growth/pytorch/100$")
    if done.returncode != 0:
        sys.exit(f"the peer ended with {done.returncode}: {done.stderr}")
    entries = {e["name"]: e for e in json.loads(done.stdout)["benchmarks"]}
    wanted = {f"gradient/{p}/pytorch/{t}" for p in PROBLEMS for t in ("f64", "f32")}
    wanted.add("growth/pytorch/100")
    if set(entries) != wanted:
        sys.exit(f"not the same names: {sorted(set(entries) ^ wanted)}")
    for name, entry in entries.items():
        limit = 1e-5 if name.endswith("f32") else 1e-13
        if not (entry["rel_error"] < limit and entry["seconds"] > 0 and entry["peak_bytes"] > 0):
            sys.exit(f"{name}: {entry}")

    from safetensors.numpy import load_file, save_file

    path = folder / "rosenbrock_2.safetensors"
    content = load_file(path)
    content["gradient"][0] *= 1.001
    save_file(content, path)
    done = peer(program, folder, "rosenbrock_2/pytorch/f64")
    if done.returncode == 0 or "gradient by 1.0e-03" not in done.stderr:
        sys.exit(f"a wrong gradient was accepted: {done.stdout} {done.stderr}")


if __name__ == "__main__":
    main()
