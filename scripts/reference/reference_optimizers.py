"""Reference values of optimizers: optim/ and optim_f32/."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import swa_utils

from reference_file import away_from_zero, labels, uniform
from reference_methods import Lion, Muon, check_muon
from reference_training import BATCH, make_mlp

STEPS = 100
# All parameters are kept for so many steps, which are all that float32 is asked for; afterwards
# those of each tenth step.
FEW_STEPS = 10
# The seed keeps values away from zero, where float32 cannot agree to 1e-5 relative.
SEED = "optim/seed283"

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
    # The learning rate of step t is lr[t modulo 10], set before the step.
    "sgd_momentum_lr": (torch.optim.SGD, {"momentum": 0.9, "lr": "varying"}),
    "adamw_lr": (torch.optim.AdamW, {"weight_decay": 0.1, "lr": "varying"}),
    # Combinations, and the other direction. Weight decay keeps what climbs from running away.
    "sgd_all": (
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.8, "dampening": 0.2, "weight_decay": 0.02},
    ),
    "sgd_maximize": (
        torch.optim.SGD,
        {"lr": 0.02, "momentum": 0.5, "weight_decay": 0.5, "maximize": True},
    ),
    "sgd_all_groups": (
        torch.optim.SGD,
        {
            "groups": (
                {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
                {"lr": 0.02, "momentum": 0.8, "dampening": 0.3},
            )
        },
    ),
    "rmsprop_all": (
        torch.optim.RMSprop,
        {
            "lr": 0.002,
            "alpha": 0.9,
            "eps": 1e-3,
            "weight_decay": 0.05,
            "momentum": 0.8,
            "centered": True,
        },
    ),
    "rmsprop_maximize": (
        torch.optim.RMSprop,
        {"lr": 0.002, "alpha": 0.9, "weight_decay": 0.5, "maximize": True},
    ),
    "rmsprop_all_groups": (
        torch.optim.RMSprop,
        {
            "groups": (
                {"lr": 0.002, "alpha": 0.9, "momentum": 0.8, "eps": 1e-3},
                {"lr": 0.001, "alpha": 0.8, "centered": True, "eps": 0.01, "weight_decay": 0.1},
            )
        },
    ),
    "adam_all": (
        torch.optim.Adam,
        {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.05, "amsgrad": True},
    ),
    "adam_maximize": (
        torch.optim.Adam,
        {"lr": 0.01, "weight_decay": 0.5, "maximize": True},
    ),
    "adam_all_groups": (
        torch.optim.Adam,
        {
            "groups": (
                {"lr": 0.02, "betas": (0.8, 0.9), "amsgrad": True, "weight_decay": 0.05},
                {"lr": 0.01, "betas": (0.7, 0.95), "eps": 1e-3, "maximize": True},
            )
        },
    ),
    "adamw_all": (
        torch.optim.AdamW,
        {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.2, "amsgrad": True},
    ),
    "adamw_maximize": (
        torch.optim.AdamW,
        {"lr": 0.01, "weight_decay": 1.0, "maximize": True},
    ),
    "adagrad_maximize": (
        torch.optim.Adagrad,
        {"lr": 0.02, "weight_decay": 0.5, "maximize": True},
    ),
    "adadelta_maximize": (
        torch.optim.Adadelta,
        {"lr": 0.3, "eps": 1e-4, "weight_decay": 1.0, "maximize": True},
    ),
    "adadelta_groups": (
        torch.optim.Adadelta,
        {"groups": ({"lr": 1.0, "rho": 0.8, "weight_decay": 0.1}, {"lr": 0.5, "eps": 1e-4})},
    ),
    "adamax_maximize": (
        torch.optim.Adamax,
        {"lr": 0.01, "weight_decay": 0.5, "maximize": True},
    ),
    "adamax_groups": (
        torch.optim.Adamax,
        {"groups": ({"lr": 0.02, "weight_decay": 0.1}, {"lr": 0.01, "betas": (0.8, 0.9)})},
    ),
    "nadam_maximize": (
        torch.optim.NAdam,
        {"lr": 0.01, "weight_decay": 0.5, "maximize": True},
    ),
    "nadam_groups": (
        torch.optim.NAdam,
        {
            "groups": (
                {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True},
                {"lr": 0.01, "betas": (0.8, 0.9), "momentum_decay": 0.1},
            )
        },
    ),
    "radam_maximize": (
        torch.optim.RAdam,
        {"lr": 0.01, "weight_decay": 0.5, "maximize": True},
    ),
    "radam_groups": (
        torch.optim.RAdam,
        {
            "groups": (
                {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True},
                {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-3},
            )
        },
    ),
    "lion": (Lion, {"lr": 0.003}),
    "lion_all": (Lion, {"lr": 0.003, "betas": (0.8, 0.95), "weight_decay": 0.5}),
    "lion_maximize": (Lion, {"lr": 0.002, "weight_decay": 1.0, "maximize": True}),
    "lion_groups": (
        Lion,
        {"groups": ({"lr": 0.003, "weight_decay": 0.2}, {"lr": 0.002, "betas": (0.7, 0.9)})},
    ),
    "lion_lr": (Lion, {"lr": "varying", "weight_decay": 0.1}),
    # The two weights only; in groups, "weights" is the first and "biases" the second.
    "muon": (Muon, {"lr": 0.02}),
    "muon_plain": (Muon, {"lr": 0.02, "momentum": 0.8, "nesterov": False, "weight_decay": 0.0}),
    "muon_all": (
        Muon,
        {
            "lr": 0.02,
            "momentum": 0.7,
            "weight_decay": 0.3,
            "eps": 0.5,
            "ns_steps": 3,
            "adjust_lr": "match_rms_adamw",
        },
    ),
    "muon_spectral": (Muon, {"lr": 0.02, "adjust_lr": "spectral_unclamped"}),
    "muon_maximize": (Muon, {"lr": 0.01, "weight_decay": 1.0, "maximize": True}),
    "muon_groups": (
        Muon,
        {"groups": ({"lr": 0.02, "momentum": 0.9}, {"lr": 0.01, "ns_steps": 4, "eps": 1e-3})},
    ),
    "muon_lr": (Muon, {"lr": "varying"}),
    "rmsprop_lr": (torch.optim.RMSprop, {"lr": "varying", "momentum": 0.5, "eps": 0.01}),
    "adagrad_lr": (torch.optim.Adagrad, {"lr": "varying", "lr_decay": 0.01}),
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
    "lion",
)
# This one jumps about the minimum in the end, and rounding errors grow; adam_all stands in.
SHORT = ("adam_betas",)
VARYING_LR = [0.05 * 0.75**t for t in range(FEW_STEPS)]


def start(dtype, disturbance):
    """The network, its parameters changed by so much (relative), and what it is trained on."""
    model = make_mlp(SEED, (5, 8, 3), nn.Tanh, dtype)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            signs = away_from_zero(f"{SEED}/disturbance/{name}", tuple(parameter.shape)).sign()
            parameter.mul_((1.0 + disturbance * signs).to(dtype))
    value = uniform(f"{SEED}/input", (BATCH, 5)).to(dtype)
    return model, value, labels(f"{SEED}/labels", BATCH, 3)


def make_optimizer(make, options, parameters):
    options = dict(options)
    groups = options.pop("groups", None)
    if options.get("lr") == "varying":
        options["lr"] = VARYING_LR[0]
    if make is Muon:
        parameters = parameters[::2]
    if not groups:
        return make(parameters, foreach=False, **options)
    if make is Muon:
        first, second = ({"params": [p], **group} for p, group in zip(parameters, groups))
        return make([first, second], **options)
    weights = {"params": [p for p in parameters if p.dim() == 2], **groups[0]}
    biases = {"params": [p for p in parameters if p.dim() == 1], **groups[1]}
    return make([weights, biases], foreach=False, **options)


def train(make, options, dtype, steps, disturbance=0.0):
    """The parameters before and after the steps, (steps + 1, P), and the loss of each step."""
    # NAdam keeps the product of its momenta in the default type: in float32 it is wrong by 1e-8.
    torch.set_default_dtype(dtype)
    try:
        model, value, target = start(dtype, disturbance)
        parameters = list(model.parameters())
        optimizer = make_optimizer(make, options, parameters)
        flat = [nn.utils.parameters_to_vector(parameters).detach()]
        losses = []
        for step in range(steps):
            if options.get("lr") == "varying":
                optimizer.param_groups[0]["lr"] = VARYING_LR[step % FEW_STEPS]
            optimizer.zero_grad()
            loss = F.cross_entropy(model(value), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
            flat.append(nn.utils.parameters_to_vector(parameters).detach())
        return torch.stack(flat), torch.stack(losses)
    finally:
        torch.set_default_dtype(torch.float32)


def check_conditioning(name, make, options, parameters):
    """Another order of summation must not show after 100 steps: the tests ask for 1e-10."""
    size = 1e-12
    disturbed, _ = train(make, options, torch.float64, STEPS, size)
    scale = parameters.abs().clamp(min=1e-5 * float(parameters.abs().max()))
    growth = float(((disturbed - parameters).abs() / scale).max()) / size
    if not growth < 2e5:
        raise ValueError(f"{name} makes a disturbance {growth:.1e} times as large")


def option_text(options):
    """Options as they are noted: `groups` becomes weights.lr=0.1 biases.lr=0.02."""
    result = {}
    for name, value in options.items():
        if name == "groups":
            for prefix, group in zip(("weights", "biases"), value):
                result.update({f"{prefix}.{k}": v for k, v in option_text(group).items()})
        elif name == "betas":
            result.update(beta1=value[0], beta2=value[1])
        else:
            result[name] = value
    return result


def note_options(reference, key, options):
    if options.get("lr") == "varying":
        reference.add(f"{key}/lr", torch.tensor(VARYING_LR, dtype=torch.float64))
    reference.note(key, **option_text(options))


def add_problem(reference, group, dtype):
    reference.add(f"{group}/input", uniform(f"{SEED}/input", (BATCH, 5)).to(dtype))
    reference.add(f"{group}/labels", labels(f"{SEED}/labels", BATCH, 3))


def add_averages(reference):
    """averages/NAME/params: the averages of rows 1 .. t of optim/sgd_momentum/params."""
    rows = torch.from_numpy(reference.arrays["optim/sgd_momentum/params"][1].copy())
    for name, average in (
        ("ema", swa_utils.get_ema_multi_avg_fn(0.8)),
        ("swa", swa_utils.get_swa_multi_avg_fn()),
    ):
        model = nn.ParameterList([rows[0]])
        averaged = swa_utils.AveragedModel(model, multi_avg_fn=average)
        result = []
        for row in rows[1:]:
            with torch.no_grad():
                model[0].copy_(row)
            averaged.update_parameters(model)
            result.append(averaged.module[0].detach().clone())
        reference.add(f"averages/{name}/params", torch.stack(result))
    reference.note("averages/ema", decay=0.8)


def add_optimizers(reference):
    check_muon()
    add_problem(reference, "optim", torch.float64)
    trajectories = {}
    for name, (make, options) in OPTIMIZERS.items():
        key = f"optim/{name}"
        parameters, losses = train(make, options, torch.float64, STEPS)
        early = parameters[: FEW_STEPS + 1]
        reference.add_all(key, params=early, loss=losses[:FEW_STEPS])
        if name not in SHORT:
            check_conditioning(name, make, options, parameters)
            late = parameters[2 * FEW_STEPS :: FEW_STEPS]
            reference.add_all(key, params_later=late, loss_later=losses[FEW_STEPS:])
        note_options(reference, key, options)
        # Two variants that agree would not tell whether an option is obeyed.
        for other, earlier in trajectories.items():
            if (earlier - early).abs().max() < 1e-4:
                raise ValueError(f"{name} and {other} cannot be told apart")
        trajectories[name] = early
    # The share 1 / n is computed in the default type.
    torch.set_default_dtype(torch.float64)
    add_averages(reference)
    torch.set_default_dtype(torch.float32)
    add_problem(reference, "optim_f32", torch.float32)
    for name in FLOAT32:
        make, options = OPTIMIZERS[name]
        parameters, losses = train(make, options, torch.float32, FEW_STEPS)
        reference.add_all(f"optim_f32/{name}", params=parameters, loss=losses)
        note_options(reference, f"optim_f32/{name}", options)
