"""Reference trajectories of methods that minimise a function: minimize/METHOD/FUNCTION/points.

L-BFGS is PyTorch's. The others PyTorch has not: they are written here from the books that the headers
of Glissade name, with NumPy alone, and derivatives by PyTorch.
"""

import math

import numpy as np
import torch

# What is asked of float64 is 1e-10: steps enough to see every branch, and none that rounding decides.
MIN_GRADIENT = 1e-5
# Ackley's minimum is at a kink, and in a long valley steps amplify rounding errors.
LONGEST = {
    "minimize/lbfgs/ackley": 8,
    "minimize/newton/ackley": 8,
    "minimize/trust_region/ackley": 8,
    "minimize/lbfgs/rosenbrock_10": 30,
}


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2).sum() + ((1 - x[:-1]) ** 2).sum()


def beale(v):
    x, y = v
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def booth(v):
    return (v[0] + 2 * v[1] - 7) ** 2 + (2 * v[0] + v[1] - 5) ** 2


def himmelblau(v):
    return (v[0] ** 2 + v[1] - 11) ** 2 + (v[0] + v[1] ** 2 - 7) ** 2


def rastrigin(x):
    return 10 * x.numel() + (x**2 - 10 * torch.cos(2 * math.pi * x)).sum()


def ackley(x):
    bowl = 20 * torch.exp(-0.2 * (x**2).mean().sqrt())
    return 20 + math.e - bowl - torch.exp(torch.cos(2 * math.pi * x).mean())


def styblinski_tang(x):
    return 0.5 * (x**4 - 16 * x**2 + 5 * x).sum()


def ill_conditioned(x):
    return 0.5 * (torch.logspace(0, 4, x.numel(), dtype=x.dtype) * x**2).sum()


# The starts are off the symmetries of the functions.
FUNCTIONS = {
    "rosenbrock_2": (rosenbrock, [-1.2, 1.0]),
    "rosenbrock_10": (rosenbrock, [-1.2, 1.0] * 5),
    "beale": (beale, [1.0, 1.0]),
    "booth": (booth, [-2.0, 5.0]),
    "himmelblau": (himmelblau, [0.5, -0.25]),
    "rastrigin": (rastrigin, [0.4, -0.3]),
    "ackley": (ackley, [1.5, -0.6]),
    "styblinski_tang": (styblinski_tang, [-1.0, 0.6, 2.0]),
    "ill_conditioned": (ill_conditioned, [1.0, -1.0, 2.0, 0.5, 1.0]),
}


def value(f, x):
    return float(f(torch.tensor(x)))


def gradient(f, x):
    return torch.autograd.functional.jacobian(f, torch.tensor(x)).numpy()


def hessian(f, x):
    return torch.autograd.functional.hessian(f, torch.tensor(x)).numpy()


def lbfgs(f, start, steps):
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [x],
        max_iter=1,
        max_eval=26,  # 25 for a line search, which newer versions cut short otherwise
        history_size=10,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        cost = f(x)
        cost.backward()
        return cost

    for _ in range(steps):
        yield x.detach().numpy().copy()
        optimizer.step(closure)


def newton(f, start, steps, c1=1e-4, shrink=0.5, beta=1e-3):
    """Nocedal and Wright (2006): algorithm 3.3 for the direction, 3.1 for the step."""
    x = np.array(start)
    for _ in range(steps):
        yield x
        g, h = gradient(f, x), hessian(f, x)
        lowest = h.diagonal().min()
        tau = 0.0 if lowest > 0 else beta - lowest
        while np.linalg.eigvalsh(h + tau * np.eye(x.size))[0] <= 0:
            tau = max(2 * tau, beta)
        d = np.linalg.solve(h + tau * np.eye(x.size), -g)
        t = 1.0
        while value(f, x + t * d) > value(f, x) + c1 * t * (g @ d):
            t *= shrink
        x = x + t * d


def trust_region(f, start, steps, radius=1.0, max_radius=1000.0, eta=0.15):
    """Nocedal and Wright (2006), algorithm 4.1; the subproblem by bisection for the multiplier."""
    x = np.array(start)
    for _ in range(steps):
        yield x
        g, h = gradient(f, x), hessian(f, x)
        lowest = np.linalg.eigvalsh(h)[0]

        def step(multiplier):
            return np.linalg.solve(h + multiplier * np.eye(x.size), -g)

        if lowest > 0 and np.linalg.norm(step(0.0)) <= radius:
            d = step(0.0)
        else:
            low = max(0.0, -lowest)
            high = low + np.linalg.norm(g) / radius + 1.0
            for _ in range(200):
                middle = 0.5 * (low + high)
                if np.linalg.norm(step(middle)) > radius:
                    low = middle
                else:
                    high = middle
            d = step(high)
        gain = (value(f, x) - value(f, x + d)) / -(g @ d + 0.5 * d @ h @ d)
        if gain < 0.25:
            radius *= 0.25
        elif gain > 0.75 and np.linalg.norm(d) >= radius * (1 - 1e-8):
            radius = min(2 * radius, max_radius)
        if gain > eta:
            x = x + d


METHODS = {"lbfgs": lbfgs, "newton": newton, "trust_region": trust_region}


def exponential_decay(x, t):
    return x[0] * torch.exp(-x[1] * t) + x[2]


def sine(x, t):
    return x[0] * torch.sin(x[1] * t + x[2])


# Model, start, and the parameters and errors of the data.
FITS = {
    "exponential_decay": (exponential_decay, [1.0, 0.2, 1.0], [3.0, 0.7, 0.5]),
    "sine": (sine, [1.0, 1.3, 0.3], [2.0, 1.1, 0.8]),
}


def fit_data(model, truth):
    t = torch.linspace(0, 5, 21, dtype=torch.float64)
    errors = 0.05 * torch.cos(7 * torch.arange(21, dtype=torch.float64) ** 2)
    return t, model(truth, t) + errors


def levenberg_marquardt(residuals, start, steps, tau=1e-3):
    """Madsen, Nielsen and Tingleff (2004), algorithm 3.16."""
    x = np.array(start)

    def linearized(x):
        at = torch.tensor(x)
        return (
            residuals(at).numpy(),
            torch.autograd.functional.jacobian(residuals, at).numpy(),
        )

    r, j = linearized(x)
    damping, growth = tau * (j.T @ j).diagonal().max(), 2.0
    for _ in range(steps):
        yield x
        d = np.linalg.solve(j.T @ j + damping * np.eye(x.size), -j.T @ r)
        new_r, new_j = linearized(x + d)
        gain = (r @ r - new_r @ new_r) / (d @ (damping * d - j.T @ r))
        if gain > 0:
            x, r, j = x + d, new_r, new_j
            damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
            growth = 2.0
        else:
            damping *= growth
            growth *= 2


def add(reference, key, points, gradient_at):
    kept = []
    for point in points:
        kept.append(point)
        if len(kept) == LONGEST.get(key):
            break
        # Beyond this, what a step gains is a rounding error.
        if np.linalg.norm(gradient_at(point)) < MIN_GRADIENT:
            break
    if len(kept) < 4:
        raise ValueError(f"{key}: only {len(kept)} points")
    reference.add(f"{key}/points", torch.tensor(np.stack(kept)))


def add_minimize(reference, steps=100):
    for method, run in METHODS.items():
        for name, (f, start) in FUNCTIONS.items():
            if method != "lbfgs" and name in ("booth", "ill_conditioned"):
                continue  # Newton's first step ends at the minimum
            add(
                reference,
                f"minimize/{method}/{name}",
                run(f, start, steps),
                lambda x, f=f: gradient(f, x),
            )
    for name, (model, start, truth) in FITS.items():
        t, y = fit_data(model, truth)
        reference.add_all(f"minimize/levenberg_marquardt/{name}", t=t, y=y)

        def residuals(x, model=model, t=t, y=y):
            return model(x, t) - y

        add(
            reference,
            f"minimize/levenberg_marquardt/{name}",
            levenberg_marquardt(residuals, start, steps),
            lambda x: gradient(lambda v: 0.5 * residuals(v).square().sum(), x),
        )
