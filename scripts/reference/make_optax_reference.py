#!/usr/bin/env python3
"""Writes the values that Glissade's transformations of gradients are held against: Optax's.

    make_optax_reference.py --output tests/data/optax_reference.safetensors
    make_optax_reference.py --check tests/data/optax_reference.safetensors

--check makes the values again and compares them with the file (to 1e-12). Needs PyTorch, and
optax with jax (pip install torch optax jax), in float64 on the CPU. tests/data/README.md explains
the keys.
"""

import argparse
import os
import pathlib
import sys

sys.dont_write_bytecode = True  # leave no __pycache__ in the source tree
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"

import numpy as np
import torch

try:
    import jax.numpy as jnp
    import optax
except ImportError as error:
    sys.exit(f"make_optax_reference: {sys.executable} has no Optax: {error}")

import reference_file
from reference_file import away_from_zero, uniform

STEPS = 40
SHAPES = ((3, 4), (5,))
LR = 0.05


def schedule(t):
    return 1.0 / (1.0 + 0.1 * t)


# The C++ test has the same chains under the same names.
CASES = {
    "adam": (
        optax.clip_by_global_norm(1.0),
        optax.add_decayed_weights(0.05),
        optax.scale_by_adam(b1=0.8, b2=0.9, eps=1e-3, eps_root=1e-4),
    ),
    "adamw": (optax.scale_by_adam(), optax.add_decayed_weights(0.1)),
    "trace": (optax.clip(0.5), optax.trace(0.9), optax.scale_by_schedule(schedule)),
    "nesterov": (optax.zero_nans(), optax.trace(0.7, nesterov=True), optax.scale(0.5)),
    "rms": (
        optax.centralize(),
        optax.scale_by_rms(decay=0.8, eps=1e-3, eps_in_sqrt=False),
    ),
    "rms_in_sqrt": (optax.scale_by_rms(decay=0.8, eps=1e-3, eps_in_sqrt=True),),
    "lion": (optax.scale_by_lion(b1=0.8, b2=0.95), optax.add_decayed_weights(0.2)),
    "sign": (optax.scale_by_sign(),),
    "accumulate": None,
}


def make(name):
    if name == "accumulate":
        adam = optax.chain(optax.scale_by_adam(), optax.scale(-LR))
        return optax.MultiSteps(adam, every_k_schedule=3, accumulator_dtype=jnp.float64)
    return optax.chain(*CASES[name], optax.scale(-LR))


def train(name, start, curvature, target, wobble):
    """The parameters after 10, 20, 30 and 40 steps, one row each."""
    method = make(name)
    parameters = [jnp.array(p) for p in start]
    state = method.init(parameters)
    rows = []
    for step in range(STEPS):
        gradients = [
            c * (p - t) + w for c, p, t, w in zip(curvature, parameters, target, wobble[step])
        ]
        updates, state = method.update(gradients, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
        if step % 10 == 9:
            rows.append(np.concatenate([np.asarray(p).ravel() for p in parameters]))
    return np.stack(rows)


def build():
    reference = reference_file.Reference()
    reference.metadata["optax_version"] = optax.__version__
    problem = {
        "start": [away_from_zero(f"optax/start/{s}", s).numpy() for s in SHAPES],
        "curvature": [uniform(f"optax/curvature/{s}", s, 0.25, 2.0).numpy() for s in SHAPES],
        "target": [uniform(f"optax/target/{s}", s).numpy() for s in SHAPES],
    }
    wobble = [
        [uniform(f"optax/wobble/{step}/{s}", s, -0.5, 0.5).numpy() for s in SHAPES]
        for step in range(STEPS)
    ]

    def add(key, rows):
        flat = [np.concatenate([part.ravel() for part in row]) for row in rows]
        reference.add(key, torch.from_numpy(np.stack(flat)))

    for name, value in problem.items():
        add(f"optax/{name}", [value])
    add("optax/wobble", wobble)
    for name in CASES:
        rows = train(name, wobble=wobble, **problem)
        reference.add(f"optax/{name}/params", torch.from_numpy(rows))
    return reference


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--output", type=pathlib.Path, metavar="FILE", help="write FILE")
    action.add_argument("--check", type=pathlib.Path, metavar="FILE", help="compare")
    arguments = parser.parse_args()
    reference = build()
    if arguments.output:
        arguments.output.write_bytes(reference.to_bytes())
        return
    stored = reference_file.from_bytes(arguments.check.read_bytes())
    stored.metadata["optax_version"] = reference.metadata["optax_version"]
    found = reference_file.differences(stored, reference)
    if found:
        sys.exit("\n".join(found))
    print(f"{arguments.check}: all values agree with Optax {optax.__version__}")


if __name__ == "__main__":
    main()
