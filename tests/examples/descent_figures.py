"""What the experiments on gradient descent must print, computed here once more with plain numbers.

CHECKS[n](figures, run) checks the JSON object of experiment n; run(arguments...) makes another.
"""
import math
import pathlib

FASHION_MNIST = pathlib.Path("/usr/share/datasets/fashion-mnist")

# Arguments that must be refused.
WRONG = {
    1: [("--steps", "0"), ("--steps", "1.5"), ("--lr", "0.1,x"), ("--lr", "-0.1"), ("--lr", "nan")],
    2: [("--lr", "0.5"), ("--lr", "0"), ("--eps", "inf"), ("--eps", "-1e-6")],
    3: [("--examples", "0"), ("--features", "-1"), ("--seed", "-1")],
    4: [("--epochs", "0"), ("--draws", "1"), ("--examples", "2"), ("--seed", "x")],
    5: [("--classes", "0"), ("--classes", "1,1"), ("--classes", "0,10"), ("--decay", "0"),
        ("--train-size", "1")],
    6: [("--epochs", "0"), ("--lr", "nan"), ("--seed", "1.5")],
    7: [("--epochs", "1"), ("--batch-size", "0"), ("--width", "0"), ("--lr", "1,-1")],
    8: [],
    9: [("--layers", "1"), ("--width", "0"), ("--steps", "-1")],
    10: [("--seed", "-1")],
}


def close(a, b, tolerance):
    return abs(a - b) <= tolerance


def check_01(figures, run):
    assert [path["lr"] for path in figures["paths"]] == [0.01, 0.1, 0.5]
    for path in figures["paths"]:
        lr = path["lr"]
        assert len(path["points"]) == 51
        for t, (x, y) in enumerate(path["points"]):
            assert close(x, 3 * (1 - 2 * lr) ** t, 1e-12), (lr, t, x)
            assert close(y, 4 * (1 - 4 * lr) ** t, 1e-12), (lr, t, y)
        assert path["end"] == path["points"][-1]
    assert [y for _, y in figures["paths"][2]["points"]] == [4, -4] * 25 + [4], "no oscillation"
    assert close(figures["L"], 4, 1e-9) and close(figures["two_over_L"], 0.5, 1e-9)
    other = run("--lr", "0.51", "--steps", "20")
    assert close(other["paths"][0]["end"][1], 4 * (1 - 4 * 0.51) ** 20, 1e-10), "over 2 / L"


def check_02(figures, run):
    for result, lr, eps in ((figures, 0.1, 1e-6), (run("--lr", 0.3, "--eps", 1e-3), 0.3, 1e-3),
                            (run("--lr", 0.02, "--eps", 1e-9), 0.02, 1e-9)):
        x, steps = 5.0, 0
        while True:
            before, x, steps = x, x - lr * (2 * x + 2), steps + 1
            if abs(x - before) < eps:
                break
        assert result["steps"] == result["predicted_steps"] == steps, (result["steps"], steps)
        assert close(result["x"], x, 1e-12) and close(result["x"], -1, 30 * eps)
        assert result["reason"] == "parameter_change"
    assert figures["steps"] == 64


def solve(a, b):
    """Gaussian elimination with pivots."""
    n = len(b)
    rows = [list(a[i]) + [b[i]] for i in range(n)]
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(rows[i][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [r - factor * q for r, q in zip(rows[i], rows[k])]
    x = [0.0] * n
    for k in reversed(range(n)):
        x[k] = (rows[k][n] - sum(rows[k][j] * x[j] for j in range(k + 1, n))) / rows[k][k]
    return x


def check_03(figures, run):
    small = figures["runs"][0]
    assert (small["examples"], small["features"]) == (100, 3)
    x = [small["x"][3 * i:3 * i + 3] for i in range(100)]
    gram = [[math.fsum(r[i] * r[j] for r in x) for j in range(3)] for i in range(3)]
    moment = [math.fsum(r[i] * y for r, y in zip(x, small["y"])) for i in range(3)]
    exact = solve(gram, moment)
    for name in ("w", "closed_form"):
        assert all(close(a, b, 1e-8) for a, b in zip(small[name], exact)), (name, small[name], exact)
    assert any(r["examples"] < r["features"] for r in figures["runs"])
    for result in figures["runs"]:
        assert result["largest_difference"] <= 1e-8, result
        assert result["steps"] > 10 and result["descent_seconds"] > 0
    del run


def check_04(figures, run):
    for data in (figures, run("--quick", "--seed", 2)):
        single = data["single_variance"]
        for how, m in (("with_replacement", None), ("without_replacement", 1000)):
            rows = data[how]["rows"]
            assert [row["B"] for row in rows] == [2 ** k for k in range(9)]
            for row in rows:
                theory = single / row["B"] * (1 if m is None else (m - row["B"]) / (m - 1))
                assert close(row["theory"], theory, 1e-12 * theory)
                error = (row["high"] - row["low"]) / (2 * 1.96)
                assert 0 < error < 0.2 * theory, row
                assert close(row["variance"], theory, 4 * error), row
            # An exponent of -1, not of -1/2, within four standard errors.
            error = (data[how]["slope_high"] - data[how]["slope_low"]) / (2 * 1.96)
            assert error < 0.02 and close(data[how]["slope"], -1, 4 * error), data[how]
    variants = {variant["batch_size"]: variant for variant in figures["variants"]}
    assert set(variants) == {1000, 1, 32}
    assert {b: v["updates"] for b, v in variants.items()} == {1000: 10, 1: 10000, 32: 320}
    for variant in variants.values():
        assert 0 < variant["last_excess"] < variant["first_excess"], variant
    assert variants[1]["excess_after_1_epoch"] < variants[1000]["excess_after_1_epoch"]
    assert variants[32]["excess_after_1_epoch"] < variants[1000]["excess_after_1_epoch"]


def check_05(figures, run):
    methods = {method["name"]: method for method in figures["methods"]}
    lowest = methods["Newton"]["cost"]
    for method in methods.values():
        assert close(method["costs"][0], math.log(2), 1e-12), "the start is w = 0"
        assert method["cost"] >= lowest
        assert method["test_accuracy"] > 0.75
    assert methods["Newton"]["epochs"] <= 12, "a wrong Hessian finds the optimum, but slowly"
    falling = methods["descent"]["costs"]
    assert all(b < a for a, b in zip(falling, falling[1:])), "descent at 1 / L must fall"
    assert figures["test_size"] == 2000 and figures["train_size"] == 500
    try:
        import numpy
    except ImportError:
        print("without numpy, the optimum is not compared")
        return
    compare_optimum(numpy, figures["decay"], lowest, methods["Newton"])
    del run


def compare_optimum(numpy, decay, cost, newton):
    """Newton's method once more, in numpy."""
    import gzip

    def read(part):
        images = gzip.decompress((FASHION_MNIST / f"{part}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((FASHION_MNIST / f"{part}-labels-idx1-ubyte.gz").read_bytes())
        x = numpy.frombuffer(images, numpy.uint8, offset=16).reshape(-1, 784)
        return x, numpy.frombuffer(labels, numpy.uint8, offset=8)

    x, labels = read("train")
    mean = x.sum(axis=0, dtype=numpy.int64) / len(x) / 255
    all_mean, all_square = mean.mean(), (numpy.square(x, dtype=numpy.int32).mean() / 255 ** 2)
    std = math.sqrt(all_square - all_mean ** 2)

    def prepare(x, labels, limit):
        chosen = numpy.flatnonzero((labels == 0) | (labels == 6))[:limit]
        scaled = (x[chosen] / 255 - mean) / std
        return numpy.hstack([scaled, numpy.ones((len(chosen), 1))]), (labels[chosen] == 6) * 1.0

    x_train, y_train = prepare(x, labels, 500)
    x_test, y_test = prepare(*read("t10k"), None)
    penalty = numpy.append(numpy.full(784, decay), 0)
    w = numpy.zeros(785)
    for _ in range(20):
        p = 1 / (1 + numpy.exp(-x_train @ w))
        gradient = x_train.T @ (p - y_train) / len(y_train) + penalty * w
        hessian = (x_train.T * (p * (1 - p))) @ x_train / len(y_train) + numpy.diag(penalty)
        w -= numpy.linalg.solve(hessian, gradient)
    assert numpy.linalg.norm(gradient) < 1e-10
    logits = x_train @ w
    optimum = (numpy.logaddexp(0, logits) - y_train * logits).mean() + (penalty * w * w).sum() / 2
    assert close(cost, optimum, 1e-6), (cost, optimum)  # pixels are float32 there
    accuracy = ((x_test @ w > 0) == (y_test > 0.5)).mean()
    assert close(newton["test_accuracy"], accuracy, 0.0011), (newton["test_accuracy"], accuracy)


def expected_rate(name, t, lr, total):
    """The formulas of the schedules as experiment 6 sets them."""
    def cosine(t, length):
        return lr * (1 + math.cos(math.pi * min(t / length, 1))) / 2

    if name == "constant":
        return lr
    if name == "step":
        return lr * 0.5 ** (t // (total // 6))
    if name == "multi_step":
        return lr * 0.1 ** ((t >= total // 2) + (t >= 3 * total // 4))
    if name == "exponential":
        return lr * math.exp(-4 * t / total)
    if name == "inverse_time":
        return lr / (1 + 9 * t / total)
    if name == "polynomial":
        return lr * (1 - t / total) ** 2
    if name == "cosine":
        return cosine(t, total)
    if name == "warm_restarts":
        length = total // 7
        while t >= length:
            t -= length
            length *= 2
        return cosine(t, length)
    if name == "warmup":
        rise = total // 10
        return lr * (t + 1) / rise if t < rise else cosine(t - rise, total - rise)
    if name == "one_cycle":  # as PyTorch's OneCycleLR
        def between(a, b, share):
            return b + (a - b) / 2 * (1 + math.cos(math.pi * share))
        top, first = 2 * lr, 2 * lr / 25
        peak, end = 0.3 * total - 1, total - 1
        if t <= peak:
            return between(first, top, t / peak)
        return between(top, first / 1e4, (t - peak) / (end - peak))
    if name == "cyclic":
        up = total // 3 // 2
        cycle, at = divmod(t, 2 * up)
        height = (1 - abs(at / up - 1)) * 0.5 ** cycle
        return 0.1 * lr + 1.9 * lr * height
    raise KeyError(name)


def plateau_rates(costs, lr):
    """The rate of each epoch: a factor of 0.3 after 4 checks without an improvement by 1e-4."""
    rates, best, bad = [], math.inf, 0
    for cost in costs[1:]:
        rates.append(lr)
        if cost < best * (1 - 1e-4):
            best, bad = cost, 0
        else:
            bad += 1
        if bad == 4:
            lr, bad = lr * 0.3, 0
    return rates


def check_06(figures, run):
    longer = run("--epochs", 30)  # long enough for the plateau
    for data in (figures, longer):
        lr, total = data["lr"], data["total_steps"]
        assert len(data["schedules"]) == 12
        for schedule in data["schedules"]:
            assert len(schedule["rates"]) == (total + 6) // 7
            if schedule["name"] == "plateau":
                epochs = plateau_rates(schedule["test_costs"], lr)
            for t, rate in schedule["rates"]:
                if schedule["name"] == "plateau":
                    right = epochs[t // data["steps_per_epoch"]]
                else:
                    right = expected_rate(schedule["name"], t, lr, total)
                assert close(rate, right, 1e-12), (schedule["name"], t, rate, right)
            assert schedule["train_cost"] < 0.5 < schedule["test_costs"][0], schedule["name"]
            assert schedule["test_accuracy"] > 0.8, schedule["name"]
    plateau = longer["schedules"][-1]["rates"]
    assert plateau[-1][1] < plateau[0][1], "the plateau was never reached"


def check_07(figures, run):
    runs = figures["runs"]
    assert [r["lr"] for r in runs] == [1, 0.1, 0.01, 0.001, 0.0001]
    assert [r["verdict"] for r in runs] == ["diverging", "oscillating", "right", "slow", "slow"]
    assert len({r["costs"][0] for r in runs}) == 1, "every rate starts from the same weights"
    assert runs[0]["costs"][-1] is None, "a cost that is not finite"
    levels = []
    for result in runs[1:]:
        half = result["costs"][len(result["costs"]) // 2:]
        levels.append(math.fsum(half) / len(half))
        assert close(result["level"], levels[-1], 1e-9)
        rises = sum(b > a for a, b in zip(half, half[1:])) / (len(half) - 1)
        swings = max(half) / min(half) > 2
        assert (rises > 0.25 and swings) == (result["lr"] == 0.1), (result["lr"], rises, swings)
    assert levels[1] == min(levels), "0.01 ends lowest"
    assert levels[1] < 0.015 and levels[2] > 1.5 * levels[1] and levels[3] > 2 * levels[2], levels
    # The fall in the first epoch is lr |g|^2 a step: ten times the rate, ten times the fall.
    data = run("--epochs", 2, "--lr", "1e-5,1e-6", "--batch-size", 128)["runs"]
    falls = [r["costs"][0] - r["costs"][1] for r in data]
    assert close(falls[0] / falls[1], 10, 0.01), falls


def rosenbrock_gradient(x, y):
    return [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)]


def quadratic_gradient(x, y):
    c, s = math.sqrt(0.75), 0.5
    u, v = x * c + y * s, y * c - x * s
    return [u * c - 40 * v * s, u * s + 40 * v * c]


def follow(method, lr, gradient, point, steps):
    """The methods once more, in plain numbers."""
    point, m, v, path = list(point), [0.0, 0.0], [0.0, 0.0], [list(point)]
    for t in range(1, steps + 1):
        for i, g in enumerate(gradient(*point)):
            if method == "descent":
                change = g
            elif method == "momentum":
                m[i] = 0.9 * m[i] + g
                change = m[i]
            elif method == "RMSprop":
                v[i] = 0.9 * v[i] + 0.1 * g * g
                change = g / (math.sqrt(v[i]) + 1e-8)
            else:
                m[i] = 0.9 * m[i] + 0.1 * g
                v[i] = 0.999 * v[i] + 0.001 * g * g
                change = m[i] / (1 - 0.9 ** t) / (math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-8)
            point[i] -= lr * change
        path.append(list(point))
    return path


def check_08(figures, run):
    for name, gradient in (("quadratic", quadratic_gradient), ("rosenbrock", rosenbrock_gradient)):
        assert [r["method"] for r in figures[name]] == ["descent", "momentum", "RMSprop", "Adam"]
        for result in figures[name]:
            steps = result["steps"]
            path = follow(result["method"], result["lr"], gradient, result["start"], steps)
            points = result["every_tenth_point"]
            assert len(points) == steps // 10 + 1 and points[-1] == result["end"]
            # RMSprop jumps about when the gradient is small, and there rounding grows.
            last = 60 if result["method"] == "RMSprop" else steps
            for t in range(0, last + 1, 10):
                mine, other = path[t], points[t // 10]
                assert all(close(a, b, 1e-9) for a, b in zip(mine, other)), (name, result, t, mine)
    assert close(figures["L"], 40, 1e-6)
    below, above = figures["limit"]
    assert close(below["lr"], 0.99 * 2 / 40, 1e-9) and close(above["lr"], 1.01 * 2 / 40, 1e-9)
    assert below["last"] < 1e-5 * below["first"] and above["last"] > 1e5 * above["first"]
    assert close(figures["rate"]["predicted"], 39 / 41, 1e-12)
    assert close(figures["rate"]["measured"], 39 / 41, 1e-9)
    del run


def check_09(figures, run):
    networks = {(n["activation"], n["init"], n["batch_norm"], n["residual"]): n["gradient_norms"]
                for n in figures["networks"]}
    assert len(networks) == len(figures["networks"]) == 24
    for norms in networks.values():
        assert len(norms) == 20 and all(math.isfinite(norm) and norm >= 0 for norm in norms)

    def ratio(*key):
        return networks[key][0] / networks[key][-1]

    # sigmoid' <= 1/4: every layer shrinks the gradient, down to nothing at the first one.
    for init, bound in (("plain", 1e-25), ("xavier", 1e-9), ("he", 1e-7)):
        assert ratio("sigmoid", init, False, False) < bound, init
        assert ratio("sigmoid", init, True, False) > 1e-3, init
        assert ratio("sigmoid", init, False, True) > 1e-5, init
    # ReLU: He's weights keep the gradient's size, Xavier's lose a factor of 2 a layer in the square.
    assert 1e-2 < ratio("relu", "he", False, False) < 1e2
    assert networks["relu", "plain", False, False][0] < 1e-20
    fall = networks["relu", "xavier", False, False][10] / networks["relu", "he", False, False][10]
    assert close(math.log2(fall), -19 / 2, 2), fall
    # Batch normalisation takes the scale of the weights away.
    for activation in ("sigmoid", "relu"):
        plain, he = (networks[activation, init, True, False][10] for init in ("plain", "he"))
        assert 0.1 < plain / he < 10 * 32, (activation, plain, he)
    del run


def check_10(figures, run):
    assert close(figures["order"]["forward"], 1, 0.05), figures["order"]
    assert close(figures["order"]["central"], 2, 0.05), figures["order"]
    assert figures["automatic_error"] < 1e-14
    errors = figures["accuracy"]
    assert [close(e["h"], 10 ** (-1 - 0.5 * i), 1e-9) for i, e in enumerate(errors)].count(False) == 0
    best_forward = min(errors, key=lambda e: e["forward"])
    best_central = min(errors, key=lambda e: e["central"])
    assert 1e-9 < best_forward["h"] < 1e-6 and 1e-9 < best_forward["forward"] < 1e-6
    assert 1e-6 < best_central["h"] < 1e-3 and 1e-12 < best_central["central"] < 1e-8
    largest = figures["time"][-1]
    assert largest["parameters"] == 300
    assert largest["central"] > 10 * largest["automatic"], "300 parameters need 600 evaluations"
    del run


def check_contours(root):
    """The contour lines of experiment 1's first panel lie where f has one value, in pixels."""
    svg = "{http://www.w3.org/2000/svg}"
    box = next(r for r in root.iter(f"{svg}rect") if r.get("fill") == "none")
    left, top, width, height = (float(box.get(name)) for name in ("x", "y", "width", "height"))
    levels = []
    for path in root.iter(f"{svg}path"):
        if path.get("stroke") != "#b5b5b5":
            continue
        points = [tuple(map(float, pair.split()))
                  for pair in path.get("d").replace("M", "L").split("L")[1:]]
        if not all(left <= x <= left + width and top <= y <= top + height for x, y in points):
            continue  # another panel, or the legend
        values = []
        for px, py in points:
            x, y = -3.5 + 7 * (px - left) / width, 5 - 10 * (py - top) / height
            values.append(x * x + 2 * y * y)
        middle = math.fsum(values) / len(values)
        assert max(values) - min(values) < 0.02 * middle + 0.05, (middle, min(values), max(values))
        levels.append(middle)
    for level in levels:  # at 50 only the corners are left
        assert any(close(level, e, 0.01 * e + 0.02) for e in (0.5, 2, 5, 10, 17, 26, 37, 50)), level
    for e in (0.5, 2, 5, 10, 17, 26, 37):
        assert any(close(level, e, 0.01 * e + 0.02) for level in levels), e


CHECKS = {1: check_01, 2: check_02, 3: check_03, 4: check_04, 5: check_05,
          6: check_06, 7: check_07, 8: check_08, 9: check_09, 10: check_10}
