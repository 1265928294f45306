#!/usr/bin/env python3
"""Reads a model that Glissade wrote with the reference safetensors package."""
import sys

try:
    import numpy
    import safetensors
    import safetensors.numpy
except ImportError as error:
    print(f"{error}; scripts/bootstrap test installs it")
    sys.exit(77)

SHAPES = {"0.weight": (32, 784), "0.bias": (32,), "3.weight": (16, 32), "3.bias": (16,),
          "6.weight": (10, 16), "6.bias": (10,)}

tensors = safetensors.numpy.load_file(sys.argv[1])
assert {name: t.shape for name, t in tensors.items()} == SHAPES, sorted(tensors)
for name, tensor in tensors.items():
    assert tensor.dtype == numpy.float32, f"{name}: {tensor.dtype}"
    assert numpy.isfinite(tensor).all(), f"{name} is not finite"
    assert tensor.std() > 1e-4, f"{name} is constant"
with safetensors.safe_open(sys.argv[1], framework="numpy") as file:
    assert set(file.keys()) == set(SHAPES)
print(f"safetensors {safetensors.__version__} reads {len(tensors)} tensors")
