"""The problems of bench/bench_gradients as a user of PyTorch writes them.

`bench_gradients --data=DIR` writes one safetensors file for each problem: the data, the flat
`parameters`, and the `value` and the analytic `gradient` there. Each problem here is a class with
the parameters as PyTorch would hold them (`shapes`, in the order of the flat ones) and its value.
"""

import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file


class Problem:
    """The data of one problem in one type, its parameters, and what they are compared with."""

    def __init__(self, file, dtype):
        self.expected_value = file.pop("value").item()
        self.expected_gradient = file.pop("gradient")
        flat = file.pop("parameters").to(dtype)
        self.data = {k: v.to(dtype) if v.is_floating_point() else v for k, v in file.items()}
        self.parameters = []
        for shape in self.shapes(flat.numel()):
            size = math.prod(shape)
            part, flat = flat[:size], flat[size:]
            self.parameters.append(part.reshape(shape).clone().requires_grad_())
        if flat.numel() != 0:
            raise ValueError(f"{type(self).__name__}: {flat.numel()} parameters are left over")

    def shapes(self, size):
        """The shapes of the parameters, of `size` elements together."""
        return [(size,)]

    def value(self, *parameters):
        raise NotImplementedError

    def gradient(self):
        """The gradient as a tuple of tensors, with the graph built anew."""
        return torch.autograd.grad(self.value(*self.parameters), self.parameters)


class Quadratic(Problem):
    def value(self, x):
        curvature = self.data["A"] @ x if "A" in self.data else self.data["a"] * x
        return 0.5 * torch.dot(x, curvature) - torch.dot(self.data["b"], x)


class Rosenbrock(Problem):
    def value(self, x):
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


class LinearRegression(Problem):
    def shapes(self, size):
        features = self.data["X"].shape[1]
        return [(features,)] if size == features else [(features,), (1,)]

    def value(self, w, *bias):
        return F.mse_loss(self.output(w, *bias), self.data["y"].reshape(-1))

    def output(self, w, *bias):
        return torch.addmv(bias[0], self.data["X"], w) if bias else self.data["X"] @ w


class LogisticRegression(LinearRegression):
    def value(self, w, *bias):
        return F.binary_cross_entropy_with_logits(
            self.output(w, *bias), self.data["y"].reshape(-1)
        )


class Perceptron(Problem):
    """Weights and biases of each layer in turn; tanh and the squared error, unless there are labels."""

    def sizes(self):
        raise NotImplementedError

    def shapes(self, size):
        sizes = self.sizes()
        return [s for m, n in zip(sizes, sizes[1:]) for s in ((n, m), (n,))]

    def value(self, *parameters):
        relu = "labels" in self.data and "tanh" not in self.data
        x = self.data["X"]
        for i in range(0, len(parameters), 2):
            x = F.linear(x, parameters[i], parameters[i + 1])
            if i + 2 < len(parameters):
                x = torch.relu(x) if relu else torch.tanh(x)
        if "labels" in self.data:
            return F.cross_entropy(x, self.data["labels"])
        return F.mse_loss(x, self.data["y"])


class SmallPerceptron(Perceptron):
    def sizes(self):
        return [10, 32, 32, 1]


class Classifier(Perceptron):
    def sizes(self):
        return [784, 128, 10]

    def __init__(self, file, dtype):
        file["labels"] = file["labels"].long()
        super().__init__(file, dtype)


class GrowingPerceptron(Perceptron):
    def sizes(self):
        return self.data["sizes"].tolist()


class GaussianMixture(Problem):
    """The objective of GradBench's gmm: the log-likelihood of a mixture with a Wishart prior."""

    def __init__(self, file, dtype):
        n, d = file["x"].shape
        count = file["parameters"].numel()
        self.components = count // (1 + 2 * d + d * (d - 1) // 2)
        self.dimension = d
        self.gamma, self.m = file.pop("gamma").item(), file.pop("m").item()
        # The strict lower triangle goes column by column.
        self.rows, self.columns = torch.triu_indices(d, d, 1).flip(0)
        k, wishart = self.components, d + self.m + 1
        self.constant = (
            -0.5 * n * d * math.log(2 * math.pi)
            + k * wishart * d * math.log(self.gamma / math.sqrt(2))
            - k * torch.special.multigammaln(torch.tensor(0.5 * wishart), d).item()
        )
        super().__init__(file, dtype)

    def shapes(self, size):
        k, d = self.components, self.dimension
        return [(k,), (k, d), (k, d), (k, d * (d - 1) // 2)]

    def value(self, alpha, mu, q, l):
        x = self.data["x"]
        n, d = x.shape
        diagonal = torch.exp(q)
        lower = torch.diag_embed(diagonal).index_put(
            (torch.arange(len(alpha))[:, None], self.rows, self.columns), l
        )
        z = torch.einsum("kij,nkj->nki", lower, x[:, None, :] - mu)
        log_determinants = q.sum(1)
        inner = alpha + log_determinants - 0.5 * (z * z).sum(2)
        likelihood = torch.logsumexp(inner, 1).sum() - n * torch.logsumexp(alpha, 0)
        squares = (diagonal * diagonal).sum() + (l * l).sum()
        prior = 0.5 * self.gamma**2 * squares - self.m * log_determinants.sum()
        return self.constant + likelihood - prior


def problem_class(name):
    for prefix, kind in {
        "quadratic_": Quadratic,
        "rosenbrock_": Rosenbrock,
        "linear_": LinearRegression,
        "logistic_": LogisticRegression,
        "mlp_10_32_32_1": SmallPerceptron,
        "mlp_784_128_10": Classifier,
        "gmm": GaussianMixture,
        "growth_": GrowingPerceptron,
    }.items():
        if name.startswith(prefix):
            return kind
    raise ValueError(f"there is no problem {name}")


def load(directory, name, dtype):
    return problem_class(name)(load_file(pathlib.Path(directory) / f"{name}.safetensors"), dtype)
