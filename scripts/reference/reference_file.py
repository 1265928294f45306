"""Collects named tensors and writes, reads and compares the reference file.

The file is written here and not by the safetensors package because the package does not fix the
order of the metadata: this writer gives the same bytes for the same values.
"""

import json
import math
import struct
import zlib

import numpy as np
import torch

DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.int32: "I32", torch.int64: "I64"}
NUMPY_DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
}
TOLERANCES = {"F64": 1e-12, "F32": 1e-6, "I32": 0.0, "I64": 0.0}
MAX_RANK = 6
GRID = 2.0**-16
# A newer PyTorch may confirm the file without being the one that wrote it.
VARYING_METADATA = {"torch_version", "python_version"}


def generator(key):
    """A random stream that depends on the key alone, so that a new case changes no other case."""
    return torch.Generator().manual_seed(zlib.crc32(key.encode()))


def uniform(key, shape, low=-2.0, high=2.0):
    """float64 values in [low, high] on a grid of 2^-16: exact in float32 too."""
    values = torch.rand(shape, generator=generator(key), dtype=torch.float64) * (high - low) + low
    return torch.round(values / GRID) * GRID


def away_from_zero(key, shape, low=0.1, high=2.0):
    """Magnitudes in [low, high] with random signs: no value near the kink or the pole at zero."""
    signs = torch.rand(shape, generator=generator(key + "/sign"), dtype=torch.float64) < 0.5
    return torch.where(signs, -1.0, 1.0) * uniform(key, shape, low, high)


def labels(key, size, classes):
    return torch.randint(0, classes, (size,), generator=generator(key))


class Reference:
    """The tensors and the metadata of the file, by key."""

    def __init__(self):
        self.arrays = {}
        self.metadata = {}

    def add(self, key, value, keep_int64=False):
        """Stores a tensor, or a Python number as a float64 (int: int32) scalar."""
        if key in self.arrays:
            raise ValueError(f"the key {key} is used twice")
        if isinstance(value, int):
            value = torch.tensor(value, dtype=torch.int32)
        elif isinstance(value, float):
            value = torch.tensor(value, dtype=torch.float64)
        value = value.detach()
        if value.dtype == torch.int64 and not keep_int64:  # labels and indices are int32 in Glissade
            value = value.to(torch.int32)
        if value.dim() > MAX_RANK:
            raise ValueError(f"{key} has more than {MAX_RANK} axes")
        dtype = DTYPES[value.dtype]
        array = np.array(value.contiguous().numpy(), dtype=NUMPY_DTYPES[dtype])
        if value.dtype.is_floating_point:
            # NaNs differ in sign and payload from processor to processor: keep one kind.
            array = np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
        self.arrays[key] = (dtype, np.ascontiguousarray(array).reshape(tuple(value.shape)))

    def add_all(self, prefix, **values):
        for name, value in values.items():
            self.add(f"{prefix}/{name}", value)

    def note(self, key, **options):
        """Stores the options of a case as metadata: `name=value name=value`."""
        text = " ".join(f"{name}={value}" for name, value in options.items())
        if key in self.metadata:
            raise ValueError(f"the metadata {key} is given twice")
        self.metadata[key] = text

    def to_bytes(self):
        """The file: widest types first so that every tensor is aligned, then by key."""
        order = sorted(
            self.arrays.items(), key=lambda item: (-item[1][1].dtype.itemsize, item[1][0], item[0])
        )
        header = {"__metadata__": dict(sorted(self.metadata.items()))}
        offset = 0
        for key, (dtype, array) in order:
            end = offset + array.nbytes
            header[key] = {
                "dtype": dtype,
                "shape": list(array.shape),
                "data_offsets": [offset, end],
            }
            offset = end
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        data = b"".join(array.tobytes() for _, (_, array) in order)
        return struct.pack("<Q", len(text)) + text + data

    def listing(self):
        """One line per metadata entry and per tensor, for people who write tests."""
        lines = [f"# {key}: {text}" for key, text in sorted(self.metadata.items())]
        lines += [
            f"{key} {dtype} ({', '.join(map(str, array.shape))})"
            for key, (dtype, array) in sorted(self.arrays.items())
        ]
        return "\n".join(lines) + "\n"


def from_bytes(data):
    """Reads what to_bytes() wrote."""
    result = Reference()
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    result.metadata = header.pop("__metadata__", {})
    for key, entry in header.items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[8 + size + begin : 8 + size + end], NUMPY_DTYPES[entry["dtype"]])
        result.arrays[key] = (entry["dtype"], array.reshape(entry["shape"]))
    return result


def distance(expected, actual):
    """Largest |a - e| / max(1, |e|), or infinity where NaNs, infinities or zeros' signs differ."""
    expected, actual = expected.astype(np.float64), actual.astype(np.float64)
    special = ~np.isfinite(expected) | ~np.isfinite(actual)
    if not np.array_equal(expected[special], actual[special], equal_nan=True):
        return math.inf
    zeros = (expected == 0) & (actual == 0)
    if not np.array_equal(np.signbit(expected[zeros]), np.signbit(actual[zeros])):
        return math.inf
    e, a = expected[~special], actual[~special]
    return float(np.max(np.abs(a - e) / np.maximum(1.0, np.abs(e)), initial=0.0))


def worst_float32_error(reference):
    """(error, key): where a GROUP_f32/ value strays furthest from its float64 twin, relative.

    |a - e| / |e| by element; for networks and layers, whose gradients are sums that cancel, |a - e| / max |e|.
    """
    worst = (0.0, "")
    for key, (_, single) in reference.arrays.items():
        group, _, rest = key.partition("/")
        if group.endswith("_f32") and group != "special_f32":
            exact = reference.arrays[f"{group.removesuffix('_f32')}/{rest}"][1].astype(np.float64)
            scale = np.abs(exact)
            if group in ("nets_f32", "layers_f32"):
                scale = np.full_like(scale, scale.max())
            differ = single != exact
            errors = np.abs(single - exact)[differ] / scale[differ]
            worst = max(worst, (float(np.max(errors, initial=0.0)), key))
    return worst


def differences(stored, fresh):
    """Sentences that say where the two references differ by more than the tolerance."""
    result = []
    for key in sorted(stored.arrays.keys() | fresh.arrays.keys()):
        if key not in stored.arrays or key not in fresh.arrays:
            where = "only in the file" if key in stored.arrays else "missing from the file"
            result.append(f"{key}: {where}")
            continue
        (dtype, old), (new_dtype, new) = stored.arrays[key], fresh.arrays[key]
        if dtype != new_dtype or old.shape != new.shape:
            result.append(f"{key}: {dtype} {old.shape} in the file, now {new_dtype} {new.shape}")
        elif not (error := distance(old, new)) <= TOLERANCES[dtype]:
            result.append(f"{key}: differs by {error:.3g}, allowed {TOLERANCES[dtype]:.0e}")
    for key in sorted(stored.metadata.keys() | fresh.metadata.keys()):
        if key not in VARYING_METADATA and stored.metadata.get(key) != fresh.metadata.get(key):
            result.append(
                f"metadata {key}: {stored.metadata.get(key)!r} in the file, "
                f"now {fresh.metadata.get(key)!r}"
            )
    return result
