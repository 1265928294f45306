#!/usr/bin/env python3
"""Writes the derivatives by torch.func that Glissade's derivative tools are held against.

    reference_functional.py --output tests/data/torch_functional_reference.safetensors
    reference_functional.py --check tests/data/torch_functional_reference.safetensors

tests/data/README.md explains the keys. Products with vectors are taken in forward mode where PyTorch
has it, so that they are not made as Glissade makes them.
"""

import argparse
import os
import pathlib
import sys

sys.dont_write_bytecode = True  # leave no __pycache__ in the source tree
os.environ["ATEN_CPU_CAPABILITY"] = "default"
os.environ["MKL_CBWR"] = "COMPATIBLE"

import torch
import torch.nn.functional as F
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

import reference_file
from reference_file import away_from_zero, labels, uniform

ACTIVATIONS = {
    "relu": F.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "elu": lambda x: F.elu(x, 0.7),
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
}
SIZES = [(5, 3), (4, 5), (2, 4)]  # of the weights, (out, in)
BATCH = 6


def add_network(reference, name, act):
    key = f"functional/{name}"
    shapes = [shape for out, inp in SIZES for shape in ((out, inp), (out,))]
    parts = [uniform(f"{key}/p{i}", shape, -1.0, 1.0) for i, shape in enumerate(shapes)]
    sizes = [part.numel() for part in parts]
    p = torch.cat([part.flatten() for part in parts])
    x = uniform(f"{key}/x", (BATCH, 3))
    target = uniform(f"{key}/target", (BATCH, 2))
    v = uniform(f"{key}/v", (len(p),))
    u = uniform(f"{key}/u", (BATCH, 2))

    def network(p, x):
        w = [part.reshape(shape) for part, shape in zip(p.split(sizes), shapes)]
        h = act(F.linear(x, w[0], w[1]))
        h = act(F.linear(h, w[2], w[3]))
        return F.linear(h, w[4], w[5])

    def loss_of_one(p, x, target):
        return (network(p, x) - target).square().sum()

    def loss(p):
        return loss_of_one(p, x, target) / BATCH

    def along(s):
        return network(p, x + s * u.new_tensor([0.5, -0.25, 1.0])).sum()

    def derivative(f):
        return lambda s: jvp(f, (s,), (torch.ones_like(s),))[1]

    y, product = jvp(lambda p: network(p, x), (p,), (v,))
    second = jvp(grad(loss), (p,), (v,))[1]
    second_of_x = vmap(jacfwd(jacrev(lambda x: network(p, x)[0])))(x)
    zero = torch.zeros((), dtype=torch.float64)
    reference.add_all(key, **{f"p{i}": part for i, part in enumerate(parts)})
    reference.add_all(
        key, x=x, target=target, v=v, u=u, out=y, loss=loss(p), grad=grad(loss)(p),
        jacobian=jacfwd(lambda p: network(p, x).flatten())(p),
        batched_jacobian=vmap(jacfwd(lambda x: network(p, x)))(x),
        hessian=hessian(loss)(p), hvp=second, jvp=product,
        vjp=vjp(lambda p: network(p, x), p)[1](u)[0],
        per_example=vmap(grad(loss_of_one), in_dims=(None, 0, 0))(p, x, target),
        laplacian=second_of_x.diagonal(dim1=1, dim2=2).sum(1),
        third=derivative(derivative(derivative(along)))(zero))


def add_layers(reference):
    """Layers with parameters of every kind, an example each: no layer sees two examples."""
    key = "functional/layers"
    model = torch.nn.Sequential(
        torch.nn.Embedding(7, 4, padding_idx=2), torch.nn.Flatten(), torch.nn.Linear(12, 5),
        torch.nn.LayerNorm(5), torch.nn.PReLU(5), torch.nn.Linear(5, 5, bias=False),
        torch.nn.RMSNorm(5, eps=1e-6), torch.nn.BatchNorm1d(5), torch.nn.PReLU(1),
        torch.nn.Linear(5, 3)).double().eval()
    state = {}
    for name, value in model.state_dict().items():
        if value.dtype == torch.int64:
            state[name] = value
            continue
        make = away_from_zero if value.dim() == 1 else uniform
        state[name] = make(f"{key}/{name}", tuple(value.shape))
    state["7.running_var"] = state["7.running_var"].abs()
    model.load_state_dict(state)
    ids = labels(f"{key}/ids", BATCH * 3, 7).reshape(BATCH, 3)
    targets = labels(f"{key}/labels", BATCH, 3)
    parameters = dict(model.named_parameters())

    def loss_of_one(parameters, ids, label):
        out = functional_call(model, parameters, (ids.unsqueeze(0),))
        return F.cross_entropy(out, label.unsqueeze(0))

    # An embedding with a padding has no rule for vmap with respect to its table in some versions.
    rows = [grad(loss_of_one)(parameters, ids[i], targets[i]) for i in range(BATCH)]
    reference.add_all(key, ids=ids, labels=targets)
    for name, value in model.state_dict().items():
        if value.dtype != torch.int64:
            reference.add(f"{key}/{name}", value)
    for name in parameters:
        reference.add(f"{key}/grad.{name}", torch.stack([row[name] for row in rows]))


def build():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.backends.mkldnn.enabled = False
    reference = reference_file.Reference()
    reference.metadata["torch_version"] = torch.__version__
    for name, act in ACTIVATIONS.items():
        add_network(reference, name, act)
    add_layers(reference)
    return reference


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--output", type=pathlib.Path)
    group.add_argument("--check", type=pathlib.Path)
    arguments = parser.parse_args()
    reference = build()
    if arguments.output:
        arguments.output.write_bytes(reference.to_bytes())
        return
    stored = reference_file.from_bytes(arguments.check.read_bytes())
    wrong = reference_file.differences(stored, reference)
    sys.exit("\n".join(wrong) if wrong else None)


if __name__ == "__main__":
    main()
