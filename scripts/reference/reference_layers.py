"""Reference values of the layers with parameters of their own: layers/ and layers_f32/."""

import torch
from torch import nn

from reference_file import away_from_zero, generator, uniform

BATCHES = 3


def set_parameters(module, seed):
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(away_from_zero(f"{seed}/{name}", tuple(parameter.shape), 0.3, 1.5))


def add_call(reference, case, seed, module, value):
    """CASE/{input, out, cotangent, grad/..., v, second/...}.

    grad/... are the gradients of sum(out * cotangent), second/... those of sum(grad/input * v), or,
    where the input has no gradient, of sum(grad/weight * v); not in float32.
    """
    leaf = value.clone()
    if leaf.is_floating_point():
        leaf.requires_grad_()
    out = module(leaf)
    named = dict(module.named_parameters())
    if leaf.requires_grad:
        named["input"] = leaf
    cotangent = uniform(f"{seed}/cotangent", tuple(out.shape)).to(out.dtype).requires_grad_()
    first = torch.autograd.grad(out, list(named.values()), cotangent, create_graph=True)
    reference.add_all(case, input=leaf, out=out, cotangent=cotangent)
    for name, gradient in zip(named, first):
        reference.add(f"{case}/grad/{name}", gradient)
    if out.dtype == torch.float32:
        return
    of = dict(zip(named, first))["input" if "input" in named else "weight"]
    direction = uniform(f"{seed}/v", tuple(of.shape)).to(of.dtype)
    named["cotangent"] = cotangent
    second = torch.autograd.grad(
        (of * direction).sum(), list(named.values()), allow_unused=True, materialize_grads=True
    )
    reference.add(f"{case}/v", direction)
    for name, gradient in zip(named, second):
        reference.add(f"{case}/second/{name}", gradient)


def add_batch_norm(reference, group, name, shape, dtype, options):
    """Three batches in training, then one in evaluation."""
    key = f"{group}/batch_norm_{name}"
    seed = f"layers/batch_norm_{name}"
    module = nn.BatchNorm1d(shape[1], dtype=dtype, **options)
    set_parameters(module, seed)
    for parameter_name, parameter in module.named_parameters():
        reference.add(f"{key}/{parameter_name}", parameter)
    for step in range(BATCHES + 1):
        module.train(step < BATCHES)
        case = f"{key}/{step}" if step < BATCHES else f"{key}/eval"
        # Batches of different means and spreads, as the running statistics shall tell them apart.
        value = uniform(f"{seed}/input{step}", shape) * (1 + step) + 0.5 * step
        add_call(reference, case, f"{seed}/{step}", module, value.to(dtype))
        if module.track_running_stats:
            reference.add_all(case, running_mean=module.running_mean.clone())
            reference.add_all(case, running_var=module.running_var.clone())
    reference.note(key, **options)
    return module


def add_simple(reference, group, name, module, shape, options, indices=None):
    key = f"{group}/{name}"
    seed = f"layers/{name}"
    set_parameters(module, seed)
    for parameter_name, parameter in module.named_parameters():
        reference.add(f"{key}/{parameter_name}", parameter)
    dtype = getattr(torch, "float32" if group.endswith("_f32") else "float64")
    if indices is not None:
        value = indices
    elif name.startswith("prelu"):
        value = away_from_zero(f"{seed}/input", shape).to(dtype)
    else:
        value = (uniform(f"{seed}/input", shape) + 0.5).to(dtype)
    add_call(reference, key, seed, module, value)
    reference.note(key, **options)


def add_layers(reference):
    for group, dtype in (("layers", torch.float64), ("layers_f32", torch.float32)):
        for name, shape, options in (
            ("plain", (6, 4), {}),
            ("length", (3, 4, 5), {}),
            ("options", (6, 4), {"eps": 1e-3, "momentum": 0.3}),
            ("cumulative", (6, 4), {"momentum": None}),
            ("not_affine", (6, 4), {"affine": False}),
            ("not_tracking", (6, 4), {"track_running_stats": False}),
        ):
            module = add_batch_norm(reference, group, name, shape, dtype, options)
            if group == "layers" and name == "plain":
                for entry, value in module.state_dict().items():
                    reference.add(f"layers/batch_norm_state/{entry}", value, keep_int64=True)
        for name, normalized, shape, options in (
            ("plain", (20,), (5, 20), {}),
            ("two_axes", (4, 5), (3, 2, 4, 5), {}),
            ("one_row", (7,), (7,), {"eps": 1e-3}),
            ("no_bias", (6,), (5, 6), {"bias": False}),
            ("not_affine", (6,), (5, 6), {"elementwise_affine": False}),
        ):
            module = nn.LayerNorm(normalized, dtype=dtype, **options)
            add_simple(reference, group, f"layer_norm_{name}", module, shape, options)
        for name, normalized, shape, options in (
            ("plain", (20,), (5, 20), {}),
            ("two_axes", (4, 5), (3, 2, 4, 5), {}),
            ("eps", (6,), (5, 6), {"eps": 0.1}),
            ("not_affine", (6,), (5, 6), {"elementwise_affine": False}),
        ):
            module = nn.RMSNorm(normalized, dtype=dtype, **options)
            add_simple(reference, group, f"rms_norm_{name}", module, shape, options)
        for name, shape, options in (
            ("plain", (2, 7), {}),
            ("padding", (9,), {"padding_idx": 2}),
            ("padding_from_end", (3, 4), {"padding_idx": -1}),
        ):
            module = nn.Embedding(5, 3, dtype=dtype, **options)
            key = f"layers/embedding_{name}/input"
            indices = torch.randint(0, 5, shape, generator=generator(key))
            add_simple(reference, group, f"embedding_{name}", module, shape, options, indices)
        for name, count, shape in (
            ("one", 1, (4, 5)),
            ("one_of_rank_1", 1, (5,)),
            ("channels", 5, (4, 5)),
            ("channels_3d", 3, (2, 3, 4)),
        ):
            module = nn.PReLU(count, dtype=dtype)
            add_simple(reference, group, f"prelu_{name}", module, shape, {"num_parameters": count})
