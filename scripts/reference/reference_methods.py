"""Lion and Muon in float64, written from their papers: PyTorch has no Lion, and its Muon rounds to bfloat16."""

import math

import torch


class Lion(torch.optim.Optimizer):
    """Chen et al., Symbolic discovery of optimization algorithms (2023), algorithm 2."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, maximize=False, **_):
        super().__init__(
            params, dict(lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize)
        )

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                g = -p.grad if group["maximize"] else p.grad
                m = self.state[p].get("m", torch.zeros_like(p))
                update = torch.sign(beta1 * m + (1 - beta1) * g)
                p -= group["lr"] * (update + group["weight_decay"] * p)
                self.state[p]["m"] = beta2 * m + (1 - beta2) * g


def newton_schulz(matrix, coefficients, steps, eps):
    """What the iteration X <- a X + b (X X^T) X + c (X X^T)^2 X does: its polynomial applied to the
    singular values."""
    a, b, c = coefficients
    u, s, vt = torch.linalg.svd(matrix / matrix.norm().clamp(min=eps), full_matrices=False)
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    return u @ torch.diag(s) @ vt


class Muon(torch.optim.Optimizer):
    """Jordan et al., Muon: an optimizer for hidden layers in neural networks (2024), with the
    options of torch.optim.Muon."""

    def __init__(
        self,
        params,
        lr=1e-3,
        weight_decay=0.1,
        momentum=0.95,
        nesterov=True,
        ns_coefficients=(3.4445, -4.7750, 2.0315),
        eps=1e-7,
        ns_steps=5,
        adjust_lr="original",
        maximize=False,
        **_,
    ):
        options = dict(locals())
        super().__init__(
            params, {k: v for k, v in options.items() if k not in ("self", "params", "_", "__class__")}
        )

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            mu = group["momentum"]
            for p in group["params"]:
                g = -p.grad if group["maximize"] else p.grad
                m = mu * self.state[p].get("m", torch.zeros_like(p)) + (1 - mu) * g
                self.state[p]["m"] = m
                blend = mu * m + (1 - mu) * g if group["nesterov"] else m
                update = newton_schulz(
                    blend, group["ns_coefficients"], group["ns_steps"], group["eps"]
                )
                rows, columns = p.shape
                ratio = {
                    "original": math.sqrt(max(1.0, rows / columns)),
                    "match_rms_adamw": 0.2 * math.sqrt(max(rows, columns)),
                    "spectral_unclamped": math.sqrt(rows / columns),
                }[group["adjust_lr"]]
                p -= group["lr"] * group["weight_decay"] * p
                p -= group["lr"] * ratio * update


def check_muon():
    """Holds Muon above against PyTorch's own, to what bfloat16 allows."""
    generator = torch.Generator().manual_seed(1)
    for shape in ((6, 4), (4, 6)):
        for adjust in ("original", "match_rms_adamw", "spectral_unclamped"):
            for nesterov in (True, False):
                values = torch.randn(shape, generator=generator, dtype=torch.float64)
                ours, theirs = values.clone(), values.clone()
                options = dict(lr=0.1, weight_decay=0.3, momentum=0.8, nesterov=nesterov)
                optimizers = (
                    Muon([ours], adjust_lr=adjust, **options),
                    torch.optim.Muon([theirs], adjust_lr_fn=adjust, **options),
                )
                for _ in range(3):
                    ours.grad = torch.randn(shape, generator=generator, dtype=torch.float64)
                    theirs.grad = ours.grad
                    for optimizer in optimizers:
                        optimizer.step()
                if (ours - theirs).abs().max() > 0.01:
                    raise ValueError(f"this Muon is not PyTorch's: {shape} {adjust} {nesterov}")
