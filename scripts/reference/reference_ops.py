"""Reference values of the differentiable operations: ops/ and special/, special_f32/."""

import math

import torch
import torch.nn.functional as F

from reference_file import away_from_zero, uniform

ACTIVATIONS = {
    "relu": (F.relu, {}),
    "leaky_relu_0.01": (lambda x: F.leaky_relu(x, 0.01), {"negative_slope": 0.01}),
    "leaky_relu_0.2": (lambda x: F.leaky_relu(x, 0.2), {"negative_slope": 0.2}),
    "elu_1": (lambda x: F.elu(x, 1.0), {"alpha": 1.0}),
    "elu_0.7": (lambda x: F.elu(x, 0.7), {"alpha": 0.7}),
    "gelu_erf": (F.gelu, {}),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), {}),
    "silu": (F.silu, {}),
    "tanh": (torch.tanh, {}),
    "sigmoid": (torch.sigmoid, {}),
    "softplus": (F.softplus, {}),
}


def add_op(reference, name, function, inputs, options=None, extra=None):
    """ops/NAME/{in0, ..., out, grad_out, grad0, ...}: grad_out is the gradient sent into `out`.

    `options` are numbers, stored as scalars and as metadata; `extra` are tensors, stored only.
    """
    key = f"ops/{name}"
    inputs = [value.clone().requires_grad_() for value in inputs]
    out = function(*inputs)
    grad_out = away_from_zero(f"{key}/grad_out", tuple(out.shape))
    gradients = torch.autograd.grad(out, inputs, grad_out)
    for i, (value, gradient) in enumerate(zip(inputs, gradients)):
        reference.add_all(key, **{f"in{i}": value, f"grad{i}": gradient})
    reference.add_all(key, out=out, grad_out=grad_out, **(options or {}), **(extra or {}))
    if options:
        reference.note(key, **options)


def add_binary(reference):
    for name, function in {
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
    }.items():
        for suffix, shapes in {
            "": ((3, 4), (3, 4)),
            "_broadcast": ((3, 1, 4), (2, 4)),
            "_scalar": ((3, 4), ()),
        }.items():
            key = f"ops/{name}{suffix}"
            inputs = [away_from_zero(f"{key}/in{i}", shape, 0.3) for i, shape in enumerate(shapes)]
            add_op(reference, name + suffix, function, inputs)
    for suffix, shapes in {"": [(3, 4)] * 3, "_broadcast": [(3, 4), (4,), (3, 1)]}.items():
        key = f"ops/addcmul{suffix}"
        inputs = [away_from_zero(f"{key}/in{i}", shape, 0.3) for i, shape in enumerate(shapes)]
        add_op(reference, f"addcmul{suffix}", torch.addcmul, inputs)


def add_unary(reference):
    for name, function in {
        "neg": torch.neg,
        "exp": torch.exp,
        "abs": torch.abs,
        "square": torch.square,
        "erf": torch.erf,
        "sin": torch.sin,
        "cos": torch.cos,
    }.items():
        add_op(reference, name, function, [away_from_zero(f"ops/{name}", (3, 4))])
    for name, function in {"log": torch.log, "sqrt": torch.sqrt}.items():
        add_op(reference, name, function, [uniform(f"ops/{name}", (3, 4), 0.2, 3.0)])
    add_op(reference, "log1p", torch.log1p, [uniform("ops/log1p", (3, 4), -0.8, 3.0)])
    for exponent in (2.0, 3.0, 0.5, -1.5):
        name = f"pow_{exponent:g}"
        # A base below zero is legal with a whole exponent only.
        whole = exponent == int(exponent)
        base = away_from_zero(name, (3, 4), 0.3) if whole else uniform(name, (3, 4), 0.3, 3.0)
        add_op(
            reference,
            name,
            lambda x, exponent=exponent: torch.pow(x, exponent),
            [base],
            {"exponent": exponent},
        )
    for name, (function, options) in ACTIVATIONS.items():
        value = away_from_zero(f"ops/{name}", (3, 5), 0.1, 3.0)
        add_op(reference, name, function, [value], options)


def add_reductions(reference):
    functions = {
        "sum": torch.sum,
        "mean": torch.mean,
        "max": torch.amax,
        "min": torch.amin,
        "logsumexp": torch.logsumexp,
    }
    for name, function in functions.items():
        value = uniform(f"ops/{name}", (2, 3, 4))
        if value.unique().numel() != value.numel():
            raise ValueError("the maximum is not differentiable where values are equal")
        for axis_name, axes in {"all": (0, 1, 2), "dim0": 0, "dim1": 1, "dim-1": -1}.items():
            for keep in (False, True):
                add_op(
                    reference,
                    f"{name}_{axis_name}{'_keepdim' if keep else ''}",
                    lambda x, f=function, a=axes, k=keep: f(x, dim=a, keepdim=k),
                    [value],
                )
    for name, function in {"softmax": F.softmax, "log_softmax": F.log_softmax}.items():
        for dim in (0, 1):
            add_op(
                reference,
                f"{name}_dim{dim}",
                lambda x, f=function, d=dim: f(x, dim=d),
                [uniform(f"ops/{name}", (3, 5))],
            )
        add_op(
            reference,
            f"{name}_3d_dim1",
            lambda x, f=function: f(x, dim=1),
            [uniform(f"ops/{name}_3d", (2, 3, 4))],
        )


def add_shapes_and_products(reference):
    a, b = uniform("ops/matmul/a", (3, 4)), uniform("ops/matmul/b", (4, 5))
    add_op(reference, "matmul", torch.matmul, [a, b])
    add_op(reference, "transpose", torch.t, [a])
    add_op(reference, "reshape", lambda x: x.reshape(2, 6), [a])
    add_op(reference, "slice_rows", lambda x: x[1:3], [b], {"begin": 1, "end": 3})
    wide = uniform("ops/broadcast_to", (3, 1, 4))
    add_op(reference, "broadcast_to", lambda x: x.expand(5, 3, 2, 4), [wide])
    for dim, shapes in {0: [(2, 4), (3, 4), (1, 4)], 1: [(3, 2), (3, 1), (3, 4)]}.items():
        inputs = [uniform(f"ops/concat_dim{dim}/{i}", shape) for i, shape in enumerate(shapes)]
        add_op(reference, f"concat_dim{dim}", lambda *x, d=dim: torch.cat(x, dim=d), inputs)
    # gather: out[i][j] = in[index[i][j]][j] for dim 0; some elements are taken twice, some never.
    source = uniform("ops/gather", (3, 4))
    for dim, index in {
        0: torch.tensor([[0, 2, 1, 0], [0, 1, 2, 2]]),
        1: torch.tensor([[3, 0], [1, 1], [2, 3]]),
    }.items():
        add_op(
            reference,
            f"gather_dim{dim}",
            lambda x, d=dim, i=index: torch.gather(x, d, i),
            [source],
            extra={"index": index},
        )
        # index_select: whole rows (dim 0) or columns (dim 1).
        add_op(
            reference,
            f"index_select_dim{dim}",
            lambda x, d=dim: torch.index_select(x, d, torch.tensor([2, 0, 2, 1])),
            [source],
            extra={"index": torch.tensor([2, 0, 2, 1])},
        )


def add_linear(reference):
    """in0 (batch, in), in1 the weight (out, in), in2 the bias (out)."""
    inputs = [
        uniform(f"ops/linear/in{i}", shape, -1.0, 1.0)
        for i, shape in enumerate([(7, 5), (4, 5), (4,)])
    ]
    if F.linear(*inputs).abs().min() < 1e-3:
        raise ValueError("an output of the linear layer lies on the kink of relu")
    add_op(reference, "linear", F.linear, inputs)
    add_op(reference, "linear_no_bias", F.linear, inputs[:2])
    for name, (function, options) in ACTIVATIONS.items():
        add_op(
            reference,
            f"linear_{name}",
            lambda *x, f=function: f(F.linear(*x)),
            inputs,
            options,
        )


def special_arguments(dtype):
    """Zeros, denormals, tiny to huge magnitudes, both infinities and a NaN."""
    info = torch.finfo(dtype)
    denormal = info.smallest_normal * info.eps  # the smallest denormal number
    limit = math.log(info.max)  # exp() overflows just above
    magnitudes = [
        *(denormal, info.smallest_normal / 3, info.smallest_normal, 1e-20, 1e-8, 1e-4, 0.5),
        *(1.0, 5.0, 10.0, 30.0, math.floor(limit), math.ceil(limit) + 1, 104.0, 750.0, 1e4, 1e20),
        info.max,
    ]
    values = [*(-m for m in reversed(magnitudes)), -0.0, 0.0, *magnitudes]
    return torch.tensor([-math.inf, *values, math.inf, math.nan], dtype=dtype)


def special_rows(dtype):
    inf, nan, big = math.inf, math.nan, torch.finfo(dtype).max
    return torch.tensor(
        [
            [1000, 1000, 1000],
            [-1000, -1000, -1000],
            [1000, 0, -1000],
            [-inf, 0, 1],
            [-inf, -inf, 2],
            [-inf, -inf, -inf],
            [inf, 0, 1],
            [inf, inf, 0],
            [inf, -inf, 0],
            [nan, 0, 1],
            [big, 0, -big],
            [1e-40, 0, -1e-40],
            [88, 87, 86],
        ],
        dtype=dtype,
    )


def add_special(reference, group, dtype):
    """{in, out, grad}: grad is d out.sum() / d in, element by element (or row by row)."""
    elementwise = {
        "exp": torch.exp,
        "log": torch.log,
        "log1p": torch.log1p,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "softplus": F.softplus,
        "gelu_erf": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "silu": F.silu,
        "erf": torch.erf,
        "sqrt": torch.sqrt,
        "elu_1": F.elu,
    }
    rowwise = {
        "logsumexp": lambda x: torch.logsumexp(x, dim=1),
        "log_softmax": lambda x: F.log_softmax(x, dim=1),
        "softmax": lambda x: F.softmax(x, dim=1),
    }
    for functions, value in (
        (elementwise, special_arguments(dtype)),
        (rowwise, special_rows(dtype)),
    ):
        for name, function in functions.items():
            leaf = value.clone().requires_grad_()
            out = function(leaf)
            (gradient,) = torch.autograd.grad(out, leaf, torch.ones_like(out))
            reference.add_all(f"{group}/{name}", **{"in": leaf, "out": out, "grad": gradient})


def add_operations(reference):
    add_binary(reference)
    add_unary(reference)
    add_reductions(reference)
    add_shapes_and_products(reference)
    add_linear(reference)
    add_special(reference, "special", torch.float64)
    add_special(reference, "special_f32", torch.float32)
