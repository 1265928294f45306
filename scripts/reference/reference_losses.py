"""Reference values of the losses: losses/ and losses_f32/."""

import torch
import torch.nn.functional as F

from reference_file import labels, uniform

REDUCTIONS = ("mean", "sum", "none")


def add_loss(reference, key, function, value, target, options=None, **tensors):
    """KEY/REDUCTION/{input, target, out, grad, ...}; grad is d out.sum() / d input.

    For `none`, `cotangent` is a gradient sent into `out`, and `cotangent_grad` what arrives at
    the input. A target that is not a class label has `grad_target` too. `tensors` are the weights.
    """
    for reduction in REDUCTIONS:
        leaf = value.clone().requires_grad_()
        goal = target.clone()
        if goal.is_floating_point():
            goal.requires_grad_()
        out = function(leaf, goal, reduction)
        leaves = [leaf, goal] if goal.requires_grad else [leaf]
        gradients = torch.autograd.grad(out.sum(), leaves, retain_graph=True)
        case = f"{key}/{reduction}"
        reference.add_all(case, input=leaf, target=goal, out=out, grad=gradients[0], **tensors)
        if goal.requires_grad:
            reference.add(f"{case}/grad_target", gradients[1])
        if reduction == "none":
            seed = case.replace("_f32", "")  # the same problem in both types
            cotangent = uniform(seed, tuple(out.shape)).to(out.dtype)
            (gradient,) = torch.autograd.grad(out, leaf, cotangent)
            reference.add_all(case, cotangent=cotangent, cotangent_grad=gradient)
    if options:
        reference.note(key, **options)


def add_regression(reference, group, dtype, names):
    value = uniform("losses/regression/input", (6, 4), -1.5, 1.5).to(dtype)
    target = uniform("losses/regression/target", (6, 4), -1.5, 1.5).to(dtype)
    distances = (value - target).abs()
    for kink in (0.0, 0.5, 1.0):
        if (distances - kink).abs().min() < 1e-3:
            raise ValueError(f"a difference lies on the kink at {kink}")
    functions = {
        "mse": ({"plain": {}}, F.mse_loss),
        "mae": ({"plain": {}}, F.l1_loss),
        "huber": ({"delta1": {"delta": 1.0}, "delta0.5": {"delta": 0.5}}, F.huber_loss),
    }
    for name in names:
        variants, function = functions[name]
        for variant, options in variants.items():
            add_loss(
                reference,
                f"{group}/{name}/{variant}",
                lambda x, t, r, f=function, o=options: f(x, t, reduction=r, **o),
                value,
                target,
                options,
            )


def add_classification(reference, group, dtype, names):
    rows, classes = 8, 5
    logits = uniform("losses/classes/logits", (rows, classes), -3.0, 3.0).to(dtype)
    weight = uniform("losses/classes/weight", (classes,), 0.25, 2.0).to(dtype)
    target = torch.tensor([0, 3, 1, 4, 2, 0, 3, 2])
    # Ignored are all rows of class 2, or rows that have a label that is no class.
    ignored = {2: target.clone(), -100: target.clone()}
    ignored[-100][[1, 5]] = -100
    cases = {
        "plain": (target, {}),
        "smoothing": (target, {"label_smoothing": 0.1}),
        "weight": (target, {"weight": weight}),
        "ignore": (ignored[-100], {"ignore_index": -100}),
        "ignore_class": (ignored[2], {"ignore_index": 2}),
        "smoothing_weight": (target, {"label_smoothing": 0.1, "weight": weight}),
        "smoothing_ignore": (ignored[-100], {"label_smoothing": 0.1, "ignore_index": -100}),
        "weight_ignore": (ignored[-100], {"weight": weight, "ignore_index": -100}),
        "all": (
            ignored[-100],
            {"label_smoothing": 0.1, "weight": weight, "ignore_index": -100},
        ),
        "all_class": (ignored[2], {"label_smoothing": 0.1, "weight": weight, "ignore_index": 2}),
    }
    if dtype == torch.float32:
        kept = ("plain", "smoothing", "weight", "ignore", "all")
        cases = {variant: case for variant, case in cases.items() if variant in kept}
    for name in names:
        function = {"cross_entropy": F.cross_entropy, "nll": F.nll_loss}[name]
        value = logits if name == "cross_entropy" else F.log_softmax(logits, dim=1)
        for variant, (goal, options) in cases.items():
            if name == "nll" and "label_smoothing" in options:
                continue
            add_loss(
                reference,
                f"{group}/{name}/{variant}",
                lambda x, t, r, f=function, o=options: f(x, t, reduction=r, **o),
                value,
                goal,
                {k: v for k, v in options.items() if k != "weight"},
                **({"weight": weight} if "weight" in options else {}),
            )
    if "cross_entropy" in names:
        extreme = torch.tensor(
            [[1e4, 0, -1e4], [-1e4, 0, 1e4], [500, 500, 500], [0, 1e-30, -1e-30]], dtype=dtype
        )
        add_loss(
            reference,
            f"{group}/cross_entropy/extreme",
            lambda x, t, r: F.cross_entropy(x, t, reduction=r),
            extreme,
            torch.tensor([0, 0, 1, 2]),
        )


def add_binary(reference, group, dtype):
    shape = (6, 3)
    logits = uniform("losses/binary/logits", shape, -3.0, 3.0).to(dtype)
    soft = uniform("losses/binary/soft", shape, 0.0, 1.0).to(dtype)
    hard = labels("losses/binary/hard", 18, 2).reshape(shape).to(dtype)
    weight = uniform("losses/binary/weight", shape, 0.25, 2.0).to(dtype)
    pos_weight = uniform("losses/binary/pos_weight", (3,), 0.5, 3.0).to(dtype)
    extreme = torch.tensor([[1e4, -1e4], [-1e4, 1e4], [800, -800]], dtype=dtype)
    extreme_target = torch.tensor([[1, 0], [1, 0], [0.25, 1]], dtype=dtype)
    cases = {
        "plain": (logits, hard, {}),
        "soft": (logits, soft, {}),
        "weight": (logits, hard, {"weight": weight}),
        "pos_weight": (logits, soft, {"pos_weight": pos_weight}),
        "weight_pos_weight": (logits, soft, {"weight": weight, "pos_weight": pos_weight}),
        "extreme": (extreme, extreme_target, {}),
    }
    for variant, (value, target, weights) in cases.items():
        add_loss(
            reference,
            f"{group}/bce_with_logits/{variant}",
            lambda x, t, r, w=weights: F.binary_cross_entropy_with_logits(x, t, reduction=r, **w),
            value,
            target,
            **weights,
        )


def add_losses(reference):
    add_regression(reference, "losses", torch.float64, ("mse", "mae", "huber"))
    add_classification(reference, "losses", torch.float64, ("cross_entropy", "nll"))
    add_binary(reference, "losses", torch.float64)
    add_regression(reference, "losses_f32", torch.float32, ("mse",))
    add_classification(reference, "losses_f32", torch.float32, ("cross_entropy",))
