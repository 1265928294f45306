"""Reference values of schedules, gradient clipping and initialisation: schedule/, clip/, init/."""

import math
from unittest import mock

import torch
from torch import nn
from torch.optim import lr_scheduler, swa_utils

from reference_file import uniform

STEPS = 100
BASE_LR = 0.1


def add_schedules(reference):
    """schedule/NAME/lr: the learning rate of the steps t = 0 .. 99, a fresh optimizer at t = 0."""

    def warmup_cosine(optimizer):
        return lr_scheduler.SequentialLR(
            optimizer,
            [
                lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=9),
                lr_scheduler.CosineAnnealingLR(optimizer, T_max=90),
            ],
            milestones=[9],
        )

    def warmup_step(optimizer):
        return lr_scheduler.ChainedScheduler(
            [
                lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=9),
                lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.1),
            ]
        )

    simple = {
        "constant": (lr_scheduler.ConstantLR, {"factor": 1.0, "total_iters": 0}),
        "constant_0.25": (lr_scheduler.ConstantLR, {"factor": 0.25, "total_iters": 10}),
        "step": (lr_scheduler.StepLR, {"step_size": 30, "gamma": 0.1}),
        "step_7": (lr_scheduler.StepLR, {"step_size": 7, "gamma": 0.5}),
        "exponential": (lr_scheduler.ExponentialLR, {"gamma": 0.95}),
        "cosine": (lr_scheduler.CosineAnnealingLR, {"T_max": 100, "eta_min": 0.0}),
        "cosine_min": (lr_scheduler.CosineAnnealingLR, {"T_max": 99, "eta_min": 0.001}),
        "linear": (
            lr_scheduler.LinearLR,
            {"start_factor": 0.25, "end_factor": 1.0, "total_iters": 10},
        ),
        "linear_warmup": (
            lr_scheduler.LinearLR,
            {"start_factor": 0.1, "end_factor": 1.0, "total_iters": 9},
        ),
        "linear_decay": (
            lr_scheduler.LinearLR,
            {"start_factor": 1.0, "end_factor": 0.01, "total_iters": 80},
        ),
    }
    makers = {
        name: (lambda optimizer, m=make, o=options: m(optimizer, **o), options)
        for name, (make, options) in simple.items()
    }
    makers["warmup_cosine"] = (
        warmup_cosine,
        {"start_factor": 0.1, "total_iters": 9, "milestone": 9, "T_max": 90, "eta_min": 0.0},
    )
    makers["warmup_step"] = (
        warmup_step,
        {"start_factor": 0.1, "total_iters": 9, "step_size": 30, "gamma": 0.1},
    )
    cyclic = {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 10, "step_size_down": 15}
    for name, make, options in (
        ("polynomial", lr_scheduler.PolynomialLR, {"total_iters": 80, "power": 2.0}),
        ("multi_step", lr_scheduler.MultiStepLR, {"milestones": [10, 35, 60], "gamma": 0.5}),
        (
            "warm_restarts",
            lr_scheduler.CosineAnnealingWarmRestarts,
            {"T_0": 10, "T_mult": 2, "eta_min": 0.001},
        ),
        ("one_cycle", lr_scheduler.OneCycleLR, {"max_lr": 0.1, "total_steps": STEPS + 1}),
        (
            "one_cycle_three_phase",
            lr_scheduler.OneCycleLR,
            {
                "max_lr": 0.1,
                "total_steps": STEPS + 1,
                "pct_start": 0.25,
                "anneal_strategy": "linear",
                "div_factor": 10.0,
                "final_div_factor": 100.0,
                "three_phase": True,
            },
        ),
        ("cyclic", lr_scheduler.CyclicLR, cyclic),
        ("cyclic_halving", lr_scheduler.CyclicLR, {**cyclic, "mode": "triangular2"}),
        ("cyclic_falling", lr_scheduler.CyclicLR, {**cyclic, "mode": "exp_range", "gamma": 0.99}),
    ):
        fixed = {"cycle_momentum": False} if make.__name__ in ("OneCycleLR", "CyclicLR") else {}
        makers[name] = (
            lambda optimizer, m=make, o={**options, **fixed}: m(optimizer, **o),
            {k: str(v) if isinstance(v, (list, str)) else v for k, v in options.items()},
        )
    for name, (make, options) in makers.items():
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=BASE_LR)
        scheduler = make(optimizer)
        rates = []
        for _ in range(STEPS):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        reference.add(f"schedule/{name}/lr", torch.tensor(rates, dtype=torch.float64))
        reference.note(f"schedule/{name}", lr=BASE_LR, **options)


def add_swa_schedules(reference):
    """schedule/swa...: SWALR after another schedule, as the example in its documentation."""
    for name, start, swa_lr, steps, strategy in (
        ("swa", 20, 0.05, 10, "cos"),
        ("swa_linear", 30, 0.2, 7, "linear"),
    ):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=BASE_LR)
        before = lr_scheduler.ExponentialLR(optimizer, gamma=0.98)
        after = swa_utils.SWALR(
            optimizer, swa_lr=swa_lr, anneal_epochs=steps, anneal_strategy=strategy
        )
        rates = []
        for step in range(STEPS):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            (before if step < start else after).step()
        reference.add(f"schedule/{name}/lr", torch.tensor(rates, dtype=torch.float64))
        reference.note(
            f"schedule/{name}", lr=BASE_LR, gamma=0.98, start=start, swa_lr=swa_lr, anneal=steps
        )


def add_plateau(reference):
    """schedule/plateau_NAME/{measures, lr}: the rate after each check."""
    measures = [1.0, 0.8, 0.7] + [0.7, 0.69995, 0.71, 0.72] * 4 + [0.5, math.nan] + [0.6] * 9
    for name, sign, options in (
        ("relative", 1.0, {"factor": 0.5, "patience": 3, "threshold": 1e-3}),
        ("absolute", 1.0, {"patience": 2, "threshold": 0.01, "threshold_mode": "abs"}),
        (
            "maximum",
            -1.0,
            {"mode": "max", "factor": 0.5, "patience": 1, "cooldown": 3, "threshold_mode": "abs"},
        ),
    ):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=BASE_LR)
        scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, **options, min_lr=0.002, eps=0.0)
        rates = []
        for measure in measures:
            scheduler.step(sign * measure)
            rates.append(optimizer.param_groups[0]["lr"])
        reference.add_all(
            f"schedule/plateau_{name}",
            measures=torch.tensor([sign * m for m in measures], dtype=torch.float64),
            lr=torch.tensor(rates, dtype=torch.float64),
        )
        reference.note(f"schedule/plateau_{name}", lr=BASE_LR, min_lr=0.002, **options)


def add_clipping(reference):
    """clip/NAME/{before0 .. 2, after0 .. 2} and the options as scalars."""
    shapes = ((4, 3), (4,), (2, 4))
    befores = [uniform(f"clip/{i}", shape, -3.0, 3.0) for i, shape in enumerate(shapes)]

    def parameters():
        result = [nn.Parameter(torch.zeros_like(gradient)) for gradient in befores]
        for parameter, gradient in zip(result, befores):
            parameter.grad = gradient.clone()
        return result

    def add(name, clipped, **options):
        for i, (before, parameter) in enumerate(zip(befores, clipped)):
            reference.add_all(f"clip/{name}", **{f"before{i}": before, f"after{i}": parameter.grad})
        reference.add_all(f"clip/{name}", **options)
        reference.note(f"clip/{name}", **{k: v for k, v in options.items() if k != "total_norm"})

    for name, norm_type, max_norm in (
        ("grad_norm_2", 2.0, 1.5),
        ("grad_norm_1", 1.0, 5.0),
        ("grad_norm_inf", math.inf, 0.75),
        ("grad_norm_3", 3.0, 2.0),
        ("grad_norm_2_loose", 2.0, 100.0),
    ):
        clipped = parameters()
        total = nn.utils.clip_grad_norm_(clipped, max_norm, norm_type, foreach=False)
        if (total > max_norm) == name.endswith("loose"):
            raise ValueError(f"{name} does not show what it is for")
        add(name, clipped, norm_type=norm_type, max_norm=max_norm, total_norm=total)
    clipped = parameters()
    nn.utils.clip_grad_value_(clipped, 1.25, foreach=False)
    add("grad_value", clipped, clip_value=1.25)


def drawn_with(initialise, shape):
    """The arguments of the uniform_() or normal_() call that an initialiser makes."""
    calls = []

    def recorder(name):
        def record(tensor, low_or_mean, high_or_std, **_):
            calls.append((name, low_or_mean, high_or_std))
            return tensor

        return mock.patch.object(torch.Tensor, name, record)

    with recorder("uniform_"), recorder("normal_"):
        initialise(torch.empty(shape, dtype=torch.float64))
    ((name, low_or_mean, high_or_std),) = calls
    if low_or_mean != (-high_or_std if name == "uniform_" else 0.0):
        raise ValueError("the interval is not symmetric, or the mean is not zero")
    return float(high_or_std)


def add_initialisation(reference):
    """init/: gains, fans, the bound b of each uniform (-b, b) and the deviation of each normal."""
    nonlinearities = {
        "linear": ("linear", 0),
        "sigmoid": ("sigmoid", 0),
        "tanh": ("tanh", 0),
        "relu": ("relu", 0),
        "leaky_relu_0.01": ("leaky_relu", 0.01),
        "leaky_relu_0.2": ("leaky_relu", 0.2),
        "selu": ("selu", 0),
    }
    for name, (nonlinearity, slope) in nonlinearities.items():
        reference.add(f"init/gain/{name}", float(nn.init.calculate_gain(nonlinearity, slope)))
    for shape in ((8, 5), (16, 3, 5, 5)):
        key = "x".join(map(str, shape))
        fans = nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
        reference.add(f"init/{key}/fan_in_fan_out", torch.tensor(fans))
        for name, (nonlinearity, slope) in nonlinearities.items():
            gain = nn.init.calculate_gain(nonlinearity, slope)
            for distribution, make in (
                ("xavier_uniform", nn.init.xavier_uniform_),
                ("xavier_normal", nn.init.xavier_normal_),
            ):
                value = drawn_with(lambda t, m=make, g=gain: m(t, gain=g), shape)
                reference.add(f"init/{key}/{distribution}/{name}", value)
            for distribution, make in (
                ("kaiming_uniform", nn.init.kaiming_uniform_),
                ("kaiming_normal", nn.init.kaiming_normal_),
            ):
                for mode in ("fan_in", "fan_out"):
                    value = drawn_with(
                        lambda t, m=make, s=slope, f=mode, n=nonlinearity: m(
                            t, a=s, mode=f, nonlinearity=n
                        ),
                        shape,
                    )
                    reference.add(f"init/{key}/{distribution}/{mode}/{name}", value)
    # What nn.Linear does on its own: weight and bias both uniform (-1/sqrt(in), 1/sqrt(in)).
    weight_bound = drawn_with(lambda t: nn.init.kaiming_uniform_(t, a=math.sqrt(5)), (8, 5))
    reference.add("init/8x5/linear_default", weight_bound)


def add_recipes(reference):
    add_schedules(reference)
    add_swa_schedules(reference)
    add_plateau(reference)
    add_clipping(reference)
    add_initialisation(reference)
