#!/usr/bin/env python3
"""Writes the values that Glissade's tests hold against PyTorch.

    make_torch_reference.py --output tests/data/torch_reference.safetensors
    make_torch_reference.py --check tests/data/torch_reference.safetensors

--output writes the file, and the list of its keys next to it as .txt. --check makes the values
again and compares them with the file (float64 to 1e-12, float32 to 1e-6, relative above 1).
Needs PyTorch 2.1 or newer (pip install torch); CPU, one thread, fixed seeds: the same PyTorch
gives the same bytes. tests/data/README.md explains the keys.
"""

import argparse
import os
import pathlib
import platform
import sys

sys.dont_write_bytecode = True  # leave no __pycache__ in the source tree
# Plain code paths, before PyTorch is loaded: the values then depend less on the processor.
os.environ["ATEN_CPU_CAPABILITY"] = "default"
os.environ["MKL_CBWR"] = "COMPATIBLE"

try:
    import torch
except ImportError as error:
    sys.exit(f"make_torch_reference: {sys.executable} has no PyTorch: {error}")

import reference_file
from reference_layers import add_layers
from reference_linear_models import add_linear_models
from reference_losses import add_losses
from reference_minimize import add_minimize
from reference_ops import add_operations
from reference_optimizers import add_optimizers
from reference_recipes import add_recipes
from reference_training import add_training

DEFAULT_PATH = pathlib.Path("tests/data/torch_reference.safetensors")
# The tests ask float32 results to agree to 1e-5 relative: the problems must allow for it.
FLOAT32_LIMIT = 3e-6


def build():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.backends.mkldnn.enabled = False
    torch.set_flush_denormal(False)
    reference = reference_file.Reference()
    reference.metadata.update(
        {
            "torch_version": torch.__version__,
            "python_version": platform.python_version(),
            "command": f"scripts/reference/make_torch_reference.py --output {DEFAULT_PATH}",
        }
    )
    add_operations(reference)
    add_losses(reference)
    add_training(reference)
    add_optimizers(reference)
    add_recipes(reference)
    add_layers(reference)
    add_linear_models(reference)
    add_minimize(reference)
    error, key = reference_file.worst_float32_error(reference)
    print(f"float32 is within {error:.1e} of float64 ({key})")
    if error > FLOAT32_LIMIT:
        sys.exit(f"make_torch_reference: {key} is ill-conditioned: choose another seed")
    return reference


def write(reference, path):
    path.write_bytes(reference.to_bytes())
    listing = path.with_suffix(".txt")
    listing.write_text(reference.listing())
    size = path.stat().st_size
    print(f"{path}: {len(reference.arrays)} tensors, {size} bytes; keys in {listing}")


def check(reference, path):
    stored = reference_file.from_bytes(path.read_bytes())
    found = reference_file.differences(stored, reference)
    listing = path.with_suffix(".txt")
    if listing.read_text() != stored.listing():
        found.append(f"{listing} does not list what is in {path}")
    for sentence in found:
        print(sentence, file=sys.stderr)
    if found:
        sys.exit(f"make_torch_reference: {len(found)} differences from {path}")
    print(f"{path}: all {len(reference.arrays)} tensors agree with PyTorch {torch.__version__}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--output", type=pathlib.Path, metavar="FILE", help="write FILE")
    action.add_argument(
        "--check", type=pathlib.Path, metavar="FILE", nargs="?", const=DEFAULT_PATH, help="compare"
    )
    arguments = parser.parse_args()
    try:
        if arguments.output:
            write(build(), arguments.output)
        else:
            check(build(), arguments.check)
    except OSError as error:
        sys.exit(f"make_torch_reference: {error}")


if __name__ == "__main__":
    main()
