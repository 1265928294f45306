"""Compares Glissade's safetensors files with those of the reference implementation.

    python3 safetensors_reference.py <path of safetensors_tool>

Needs the packages safetensors and numpy; bfloat16 and 8-bit floats are compared too if torch is there.
Exits with 77 (ctest: skipped) if safetensors or numpy is missing.
"""

import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
    import safetensors
    import safetensors.numpy
except ImportError as error:
    print(f"skipped: {error}; pip install safetensors numpy")
    sys.exit(77)

try:
    import safetensors.torch
    import torch
except ImportError:
    torch = None

TOOL = ""


def tool(*arguments):
    """The output of a successful run of safetensors_tool."""
    return subprocess.run([TOOL, *map(str, arguments)], check=True, capture_output=True,
                          text=True).stdout


def dump(as_type, path):
    """What Glissade reads from a file: {name: (dtype, array of float64)}, metadata."""
    tensors, metadata = {}, {}
    for line in tool("dump", as_type, path).split("\n")[:-1]:
        kind, *fields = line.split("\t")
        if kind == "metadata":
            metadata[fields[0]] = fields[1]
            continue
        name, dtype, extents, values = fields
        array = np.array([float.fromhex(v) for v in values.split()], dtype=np.float64)
        tensors[name] = (dtype, array.reshape([int(n) for n in extents.split()]))
    return tensors, metadata


def same(a, b):
    """Equal in shape and value, NaN included."""
    with np.errstate(invalid="ignore"):  # from signalling NaN
        return a.shape == b.shape and np.array_equal(np.asarray(a, np.float64), b, equal_nan=True)


class Reference(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def test_reads_what_glissade_writes(self):
        path = self.path / "glissade.safetensors"
        tool("write", path)

        def counting(shape, step, dtype):
            size = int(np.prod(shape))
            return ((np.arange(size, dtype=dtype) - dtype(3)) * dtype(step)).reshape(shape)

        expected = {
            "0.weight": counting((3, 5), 0.1, np.float32),
            "0.bias": counting((5,), 1e30, np.float32),
            "odd": counting((7,), 300_000_000, np.int32),
            'wide "quoted" é': counting((2, 1, 3), 0.1, np.float64),
            "scalar": np.array(-2.5, np.float32),
            "empty": np.zeros((0, 3), np.float64),
        }
        tensors = safetensors.numpy.load_file(path)
        self.assertEqual(set(tensors), set(expected))
        for name, array in expected.items():
            with self.subTest(name):
                self.assertEqual(tensors[name].dtype, array.dtype)
                self.assertEqual(tensors[name].shape, array.shape)
                self.assertEqual(tensors[name].tobytes(), array.tobytes())
        with safetensors.safe_open(path, framework="numpy") as file:
            self.assertEqual(file.metadata(), {"format": "pt", "note": "two\nlines"})

        # The data of each tensor are aligned, in the file, to their element size.
        data = path.read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + length])
        for name, array in expected.items():
            begin = 8 + length + header[name]["data_offsets"][0]
            self.assertEqual(begin % array.dtype.itemsize, 0, name)

    def test_glissade_reads_what_the_reference_writes(self):
        random_state = np.random.default_rng(1)
        for dtype, name in [(np.float64, "F64"), (np.float32, "F32"), (np.float16, "F16"),
                            (np.int64, "I64"), (np.int32, "I32"), (np.int16, "I16"),
                            (np.int8, "I8"), (np.uint64, "U64"), (np.uint32, "U32"),
                            (np.uint16, "U16"), (np.uint8, "U8"), (np.bool_, "BOOL")]:
            with self.subTest(name):
                if np.issubdtype(dtype, np.floating):
                    # Every bit pattern of float16, and random ones of the others.
                    bits = random_state.integers(0, 256, 65536 * np.dtype(dtype).itemsize, np.uint8)
                    array = bits.view(dtype) if name != "F16" else np.arange(65536,
                        dtype=np.uint16).view(np.float16)
                    array = array.reshape(256, 256)
                elif name == "BOOL":
                    array = np.array([[True, False, True], [False, False, True]])
                else:
                    limits = np.iinfo(dtype)
                    low, high = max(limits.min, -2**31), min(limits.max, 2**31 - 1)
                    array = np.array([[low, high, 0], [1, 100, low + 1]], dtype)
                path = self.path / "reference.safetensors"
                metadata = {"a": "b", "é": "\u20ac"}
                safetensors.numpy.save_file({"x": array, "none": np.zeros((2, 0), dtype)}, path,
                                            metadata)
                tensors, read_metadata = dump("double", path)
                self.assertEqual(read_metadata, metadata)
                self.assertEqual(tensors["x"][0], name)
                self.assertTrue(same(array, tensors["x"][1]))
                self.assertEqual(tensors["none"][1].shape, (2, 0))
                if name in ("F32", "F16", "I8", "I16", "U8", "U16", "BOOL"):
                    self.assertTrue(same(array, dump("float", path)[0]["x"][1]))
                if not np.issubdtype(dtype, np.floating):
                    self.assertTrue(same(array, dump("int32", path)[0]["x"][1]))

    @unittest.skipIf(torch is None, "torch is not installed")
    def test_glissade_reads_what_torch_writes(self):
        brain = torch.arange(-32768, 32768, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
        small = torch.zeros(3, dtype=torch.float8_e4m3fn)
        model = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.BatchNorm1d(5))
        path = self.path / "torch.safetensors"
        safetensors.torch.save_file({"brain": brain, **model.state_dict()}, path)
        tensors, _ = dump("float", path)
        self.assertEqual(tensors["brain"][0], "BF16")
        self.assertTrue(same(brain.to(torch.float64).numpy(), tensors["brain"][1]))
        self.assertEqual(tensors["1.num_batches_tracked"][0], "I64")
        for name, tensor in model.state_dict().items():
            self.assertTrue(same(tensor.numpy(), tensors[name][1]), name)

        safetensors.torch.save_file({"small": small}, path)
        self.assertEqual(tool("check", path), "ok\n")
        run = subprocess.run([TOOL, "dump", "float", path], capture_output=True, text=True)
        self.assertEqual(run.returncode, 1)
        self.assertIn('"small" is of the dtype F8_E4M3, which Glissade does not read', run.stderr)

    def test_a_copy_through_glissade_is_exact(self):
        random_state = np.random.default_rng(2)
        tensors = {}
        for i in range(200):
            shape = random_state.integers(0, 5, random_state.integers(0, 7))
            dtype = [np.float32, np.float64, np.int32, np.int64][i % 4]
            data = random_state.integers(0, 256, int(np.prod(shape)) * np.dtype(dtype).itemsize,
                                         np.uint8)
            tensors[f"layer.{i}"] = data.view(dtype).reshape(shape)
        original, copied = self.path / "original", self.path / "copy"
        safetensors.numpy.save_file(tensors, original, {"k": "v"})
        tool("copy", original, copied)
        read = safetensors.numpy.load_file(copied)
        self.assertEqual(set(read), set(tensors))
        for name, array in tensors.items():
            self.assertEqual(read[name].dtype, array.dtype)
            self.assertEqual(read[name].shape, array.shape)
            self.assertEqual(read[name].tobytes(), array.tobytes())

    def test_glissade_accepts_no_file_that_the_reference_refuses(self):
        dice = random.Random(3)
        good = safetensors.numpy.save({"a": np.ones((2, 3), np.float32),
                                       "b": np.ones((3,), np.float64),
                                       "c": np.ones((5,), np.int8)}, {"k": "v"})
        header = struct.unpack("<Q", good[:8])[0] + 8
        paths = []
        for i in range(1500):
            data = bytearray(good)
            for _ in range(dice.choice([1, 1, 1, 2])):
                at = dice.randrange(min(len(data), header))
                action = dice.randrange(5)
                if action == 0:
                    data[at] = dice.randrange(256)
                elif action == 1:  # another digit, so that the header stays JSON
                    digits = [j for j in range(8, header) if chr(data[j]).isdigit()]
                    data[dice.choice(digits)] = ord(dice.choice("0123456789"))
                elif action == 2:
                    data[at] ^= 1 << dice.randrange(8)
                elif action == 3:
                    del data[-dice.randint(1, 8):]
                else:  # a letter elsewhere in a name or a dtype
                    data[at] = ord(dice.choice('abc"FIU3264,[]{}: '))
            path = self.path / str(i)
            path.write_bytes(data)
            paths.append(path)

        verdicts = tool("check", *paths).splitlines()
        self.assertEqual(len(verdicts), len(paths))
        accepted, stricter = 0, []
        for path, verdict in zip(paths, verdicts):
            try:
                with safetensors.safe_open(path, framework="numpy"):
                    reference_accepts = True
            except safetensors.SafetensorError:
                reference_accepts = False
            if verdict == "ok":
                accepted += 1
                self.assertTrue(reference_accepts, path.read_bytes())
            elif reference_accepts:
                stricter.append(verdict.split(": ", 1)[1])
        self.assertGreater(accepted, 20)  # else the damage is too coarse to prove much
        # Where Glissade is stricter on purpose, it is for these reasons only.
        reasons = ("twice", "unknown field", "texts to texts")
        print(f"{accepted} of {len(paths)} accepted, {len(stricter)} by the reference only")
        for verdict in stricter:
            self.assertTrue(any(reason in verdict for reason in reasons), verdict)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    TOOL = sys.argv.pop()
    unittest.main(verbosity=2)
