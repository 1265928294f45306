"""Reference values of networks and optimizers: nets/, optim/ and their _f32 twins."""

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
STEPS = 10
# These seeds keep values away from zero, where float32 cannot agree to 1e-5 relative.
NET_SEED = "nets/seed779"
OPTIM_SEED = "optim/seed283"


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


# The options of each optimizer; `groups` gives those of the weights and those of the biases.
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {"lr": 0.1}),
    "sgd_momentum": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    "sgd_nesterov": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "sgd_weight_decay": (torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.01}),
    "sgd_momentum_weight_decay": (
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    ),
    "sgd_nesterov_weight_decay": (
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    ),
    "sgd_dampening": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.1}),
    "rmsprop": (torch.optim.RMSprop, {"lr": 0.001, "alpha": 0.99, "eps": 1e-8}),
    "rmsprop_eps": (torch.optim.RMSprop, {"lr": 0.001, "alpha": 0.9, "eps": 0.01}),
    "rmsprop_momentum": (
        torch.optim.RMSprop,
        {"lr": 0.001, "alpha": 0.99, "eps": 1e-8, "momentum": 0.9},
    ),
    "rmsprop_weight_decay": (
        torch.optim.RMSprop,
        {"lr": 0.001, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.01},
    ),
    "rmsprop_centered": (
        torch.optim.RMSprop,
        {"lr": 0.001, "alpha": 0.99, "eps": 1e-8, "centered": True},
    ),
    "rmsprop_centered_momentum": (
        torch.optim.RMSprop,
        {"lr": 0.001, "alpha": 0.99, "eps": 1e-8, "centered": True, "momentum": 0.9},
    ),
    "adam": (torch.optim.Adam, {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8}),
    "adam_betas": (torch.optim.Adam, {"lr": 0.05, "betas": (0.8, 0.6), "eps": 1e-8}),
    "adam_eps": (torch.optim.Adam, {"lr": 0.01, "betas": (0.9, 0.999), "eps": 0.01}),
    "adam_weight_decay": (
        torch.optim.Adam,
        {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
    ),
    # With beta2 = 0.999 the second moment only grows here, and amsgrad would change nothing.
    "adam_amsgrad": (
        torch.optim.Adam,
        {"lr": 0.05, "betas": (0.8, 0.6), "eps": 1e-8, "amsgrad": True},
    ),
    "adamw": (
        torch.optim.AdamW,
        {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
    ),
    "adamw_weight_decay_0.1": (
        torch.optim.AdamW,
        {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.1},
    ),
    "adamw_amsgrad": (
        torch.optim.AdamW,
        {
            "lr": 0.05,
            "betas": (0.8, 0.6),
            "eps": 1e-8,
            "weight_decay": 0.1,
            "amsgrad": True,
        },
    ),
    "adagrad": (torch.optim.Adagrad, {"lr": 0.05}),
    "adagrad_all": (
        torch.optim.Adagrad,
        {
            "lr": 0.05,
            "lr_decay": 0.1,
            "weight_decay": 0.1,
            "initial_accumulator_value": 0.02,
            "eps": 0.01,
        },
    ),
    "adadelta": (torch.optim.Adadelta, {"lr": 1.0}),
    "adadelta_all": (
        torch.optim.Adadelta,
        {"lr": 2.0, "rho": 0.7, "eps": 1e-4, "weight_decay": 0.1},
    ),
    "adamax": (torch.optim.Adamax, {"lr": 0.02}),
    "adamax_all": (
        torch.optim.Adamax,
        {"lr": 0.02, "betas": (0.8, 0.6), "eps": 0.01, "weight_decay": 0.1},
    ),
    "nadam": (torch.optim.NAdam, {"lr": 0.02}),
    "nadam_all": (
        torch.optim.NAdam,
        {
            "lr": 0.02,
            "betas": (0.8, 0.6),
            "eps": 0.01,
            "weight_decay": 0.1,
            "momentum_decay": 0.2,
        },
    ),
    "nadam_decoupled": (
        torch.optim.NAdam,
        {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ),
    # Steps of both kinds: r_t passes 5 at the sixth.
    "radam": (torch.optim.RAdam, {"lr": 0.02}),
    "radam_all": (
        torch.optim.RAdam,
        {"lr": 0.02, "betas": (0.8, 0.9), "eps": 0.01, "weight_decay": 0.1},
    ),
    "radam_decoupled": (
        torch.optim.RAdam,
        {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ),
    "adagrad_groups": (
        torch.optim.Adagrad,
        {"groups": ({"lr": 0.05, "weight_decay": 0.1}, {"lr": 0.02, "lr_decay": 0.5})},
    ),
    "nadam_lr": (torch.optim.NAdam, {"lr": "varying"}),
    "sgd_groups": (
        torch.optim.SGD,
        {"momentum": 0.9, "groups": ({"lr": 0.1, "weight_decay": 0.05}, {"lr": 0.02})},
    ),
    "rmsprop_groups": (
        torch.optim.RMSprop,
        {"alpha": 0.99, "groups": ({"lr": 0.001, "weight_decay": 0.05}, {"lr": 0.0002})},
    ),
    "adam_groups": (
        torch.optim.Adam,
        {"groups": ({"lr": 0.01, "weight_decay": 0.05}, {"lr": 0.002, "weight_decay": 0.0})},
    ),
    "adamw_groups": (
        torch.optim.AdamW,
        {"groups": ({"lr": 0.01, "weight_decay": 0.1}, {"lr": 0.002, "weight_decay": 0.0})},
    ),
    # The learning rate of step t is lr[t], set before the step.
    "sgd_momentum_lr": (torch.optim.SGD, {"momentum": 0.9, "lr": "varying"}),
    "adamw_lr": (torch.optim.AdamW, {"weight_decay": 0.1, "lr": "varying"}),
}
FLOAT32 = (
    "sgd",
    "sgd_momentum",
    "sgd_nesterov",
    "rmsprop",
    "rmsprop_momentum",
    "adam",
    "adam_weight_decay",
    "adamw",
    "adamw_weight_decay_0.1",
)
VARYING_LR = [0.05 * 0.75**t for t in range(STEPS)]


def train(make, options, dtype):
    """The parameters before and after the steps, (STEPS + 1, P), and the loss of each step."""
    # NAdam keeps the product of its momenta in the default type: in float32 it is wrong by 1e-8.
    torch.set_default_dtype(dtype)
    try:
        return train_in_default_dtype(make, options, dtype)
    finally:
        torch.set_default_dtype(torch.float32)


def train_in_default_dtype(make, options, dtype):
    model = make_mlp(OPTIM_SEED, (5, 8, 3), nn.Tanh, dtype)
    value = uniform(f"{OPTIM_SEED}/input", (BATCH, 5)).to(dtype)
    target = labels(f"{OPTIM_SEED}/labels", BATCH, 3)
    options = dict(options)
    groups = options.pop("groups", None)
    varying = options.get("lr") == "varying"
    if varying:
        options["lr"] = VARYING_LR[0]
    parameters = list(model.parameters())
    if groups:
        weights = {"params": [p for p in parameters if p.dim() == 2], **groups[0]}
        biases = {"params": [p for p in parameters if p.dim() == 1], **groups[1]}
        optimizer = make([weights, biases], foreach=False, **options)
    else:
        optimizer = make(parameters, foreach=False, **options)
    flat = [nn.utils.parameters_to_vector(parameters).detach()]
    losses = []
    for step in range(STEPS):
        if varying:
            optimizer.param_groups[0]["lr"] = VARYING_LR[step]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(value), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        flat.append(nn.utils.parameters_to_vector(parameters).detach())
    return torch.stack(flat), torch.stack(losses)


def option_text(options):
    """Options as they are noted: `groups` becomes weights.lr=0.1 biases.lr=0.02."""
    result = {}
    for name, value in options.items():
        if name == "groups":
            for prefix, group in zip(("weights", "biases"), value):
                result.update({f"{prefix}.{k}": v for k, v in group.items()})
        elif name == "betas":
            result.update(beta1=value[0], beta2=value[1])
        else:
            result[name] = value
    return result


def add_optimizers(reference, group, dtype, names):
    reference.add(f"{group}/input", uniform(f"{OPTIM_SEED}/input", (BATCH, 5)).to(dtype))
    reference.add(f"{group}/labels", labels(f"{OPTIM_SEED}/labels", BATCH, 3))
    trajectories = {}
    for name in names:
        make, options = OPTIMIZERS[name]
        parameters, losses = train(make, options, dtype)
        reference.add_all(f"{group}/{name}", params=parameters, loss=losses)
        if options.get("lr") == "varying":
            reference.add(f"{group}/{name}/lr", torch.tensor(VARYING_LR, dtype=torch.float64))
        reference.note(f"{group}/{name}", **option_text(options))
        # Two variants that agree would not tell whether an option is obeyed.
        for other, earlier in trajectories.items():
            if (earlier[-1] - parameters[-1]).abs().max() < 1e-4:
                raise ValueError(f"{name} and {other} cannot be told apart")
        trajectories[name] = parameters


def add_training(reference):
    for name in ACTIVATIONS:
        add_net(reference, "nets", name, torch.float64)
    for name in ("relu", "tanh"):
        add_net(reference, "nets_f32", name, torch.float32)
    add_optimizers(reference, "optim", torch.float64, OPTIMIZERS)
    add_optimizers(reference, "optim_f32", torch.float32, FLOAT32)
