"""Fashion-MNIST from the IDX files that Debian's package installs."""

import gzip
import pathlib

import numpy


def read(folder, part):
    """(images (N, 28, 28), labels (N)) of bytes; part is train or t10k."""
    contents = []
    for kind, header in (("images-idx3", 16), ("labels-idx1", 8)):
        path = pathlib.Path(folder) / f"{part}-{kind}-ubyte"
        packed = path.with_name(path.name + ".gz")
        data = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
        contents.append(numpy.frombuffer(bytearray(data[header:]), dtype=numpy.uint8))
    images, labels = contents
    return images.reshape(-1, 28, 28), labels
