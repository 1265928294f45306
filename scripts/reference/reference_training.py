"""Reference values of networks: nets/ and nets_f32/."""

import torch
import torch.nn.functional as F
from torch import nn

from reference_file import away_from_zero, labels, uniform

ACTIVATIONS = {
    "relu": (nn.ReLU, {}),
    "tanh": (nn.Tanh, {}),
    "sigmoid": (nn.Sigmoid, {}),
    "gelu": (nn.GELU, {}),
    "silu": (nn.SiLU, {}),
    "leaky_relu": (nn.LeakyReLU, {"negative_slope": 0.01}),
    "elu": (nn.ELU, {"alpha": 1.0}),
    "softplus": (nn.Softplus, {}),
}
BATCH = 7
# The seed keeps values away from zero, where float32 cannot agree to 1e-5 relative.
NET_SEED = "nets/seed779"


def make_mlp(key, sizes, activation, dtype):
    """Linear layers with an activation between them; weights on the grid of uniform()."""
    layers = []
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        layers += [activation()] if i else []
        layers.append(nn.Linear(inputs, outputs, dtype=dtype))
    model = nn.Sequential(*layers)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(away_from_zero(f"{key}/{name}", tuple(parameter.shape), 0.2, 0.8))
    return model


def check_kinks(model, value):
    """Central differences and other summation orders must not cross the kink of relu."""
    for layer in model:
        value = layer(value)
        if isinstance(layer, nn.Linear) and value.abs().min() < 1e-3:
            raise ValueError("a pre-activation lies on a kink: choose another key")


def add_net(reference, group, name, dtype):
    key = f"{group}/{name}"
    seed = f"{NET_SEED}/{name}"
    activation, options = ACTIVATIONS[name]
    model = make_mlp(seed, (5, 8, 6, 3), lambda: activation(**options), dtype)
    value = uniform(f"{seed}/input", (BATCH, 5)).to(dtype).requires_grad_()
    target = labels(f"{seed}/labels", BATCH, 3)
    check_kinks(model, value)
    names, parameters = zip(*model.named_parameters())

    def add_parameters(prefix, tensors):
        for parameter_name, tensor in zip(names, tensors):
            reference.add(f"{prefix}/{parameter_name}", tensor)

    logits = model(value)
    loss = F.cross_entropy(logits, target)
    first = torch.autograd.grad(loss, (*parameters, value), create_graph=True)
    add_parameters(key, parameters)
    reference.add_all(key, input=value, labels=target, logits=logits, loss=loss)
    add_parameters(f"{key}/grad", first)
    reference.add(f"{key}/grad/input", first[-1])

    # Hessian of the loss times a vector v over all parameters: d (grad . v) / d parameters.
    vectors = [
        uniform(f"{seed}/v/{name}", tuple(parameter.shape), -1.0, 1.0).to(dtype)
        for name, parameter in zip(names, parameters)
    ]
    along = sum((g * v).sum() for g, v in zip(first, vectors))
    products = torch.autograd.grad(along, parameters)
    add_parameters(f"{key}/v", vectors)
    add_parameters(f"{key}/hvp", products)

    # Gradient penalty: mean over the batch of (|d logits.sum() / d input| - 1)^2. It does not
    # depend on the last bias, whose gradient is stored as zeros.
    (slope,) = torch.autograd.grad(model(value).sum(), value, create_graph=True)
    penalty = (slope.square().sum(dim=1).sqrt() - 1).square().mean()
    gradients = torch.autograd.grad(
        penalty, (*parameters, value), allow_unused=True, materialize_grads=True
    )
    reference.add_all(f"{key}/penalty", value=penalty, slope=slope)
    add_parameters(f"{key}/penalty/grad", gradients)
    reference.add(f"{key}/penalty/grad/input", gradients[-1])
    if options:
        reference.note(key, **options)


def add_training(reference):
    for name in ACTIVATIONS:
        add_net(reference, "nets", name, torch.float64)
    for name in ("relu", "tanh"):
        add_net(reference, "nets_f32", name, torch.float32)
