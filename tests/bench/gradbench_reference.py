"""The functions of GradBench's modules as plain loops over Python's floats, and derivatives of them
by differences: nothing here knows of Glissade."""

import math


def gradient(f, x):
    """The derivatives of f (a number or a list) by each element of the list x: five points, order h^4."""

    def at(i, step):
        y = list(x)
        y[i] += step
        value = f(y)
        return value if isinstance(value, list) else [value]

    columns = []
    for i, value in enumerate(x):
        h = 1e-3 * max(1.0, abs(value))
        points = [at(i, k * h) for k in (-2, -1, 1, 2)]
        columns.append([(a - 8 * b + 8 * c - d) / (12 * h) for a, b, c, d in zip(*points)])
    return columns


def logsumexp(x):
    largest = max(x)
    return largest + math.log(sum(math.exp(v - largest) for v in x))


def llsq(x, n):
    total = 0.0
    for i in range(n):
        t = -1 + i * 2 / (n - 1)
        sign = (t > 0) - (t < 0)
        total += (sign - sum(c * t**j for j, c in enumerate(x))) ** 2
    return total / 2


def gmm(d, k, n, x, m, gamma, alpha, mu, q, l):
    """The logarithm of the posterior, density by density."""
    phi = [math.exp(a - logsumexp(alpha)) for a in alpha]
    total = 0.0
    precisions = []
    for c in range(k):
        factor = [[0.0] * d for _ in range(d)]
        below = iter(l[c])
        for j in range(d):
            factor[j][j] = math.exp(q[c][j])
            for i in range(j + 1, d):
                factor[i][j] = next(below)
        precisions.append(factor)
    for point in x:
        density = 0.0
        for c in range(k):
            centred = [a - b for a, b in zip(point, mu[c])]
            z = [sum(f * v for f, v in zip(row, centred)) for row in precisions[c]]
            density += (phi[c] * math.exp(sum(q[c]) - 0.5 * sum(v * v for v in z))
                        / (2 * math.pi) ** (d / 2))
        total += math.log(density)
    degrees = d + m + 1
    for c in range(k):
        # Wishart's density at Q^T Q, with V = identity / gamma^2: det(Q^T Q) = exp(2 sum(q))
        trace = sum(v * v for row in precisions[c] for v in row)
        log_gamma = d * (d - 1) / 4 * math.log(math.pi) + sum(
            math.lgamma(degrees / 2 + (1 - j) / 2) for j in range(1, d + 1))
        total += (m * sum(q[c]) - 0.5 * gamma * gamma * trace + degrees * d * math.log(gamma)
                  - degrees * d / 2 * math.log(2) - log_gamma)
    return total


def lstm(main, extra, state, sequence):
    def sigmoid(v):
        return 1 / (1 + math.exp(-v))

    b = len(extra[0])
    hidden = [list(s) for s in state[0::2]]
    cell = [list(s) for s in state[1::2]]
    total = 0.0
    for now, after in zip(sequence, sequence[1:]):
        x = [v * w for v, w in zip(now, extra[0])]
        for layer, (h, c) in enumerate(zip(hidden, cell)):
            weight, bias = main[2 * layer], main[2 * layer + 1]
            for i in range(b):
                gate = [source * weight[g * b + i] + bias[g * b + i]
                        for g, source in enumerate((x[i], h[i], x[i], h[i]))]
                c[i] = c[i] * sigmoid(gate[0]) + sigmoid(gate[1]) * math.tanh(gate[3])
                h[i] = sigmoid(gate[2]) * math.tanh(c[i])
            x = h
        predicted = [v * w + o for v, w, o in zip(x, extra[1], extra[2])]
        norm = math.log(sum(math.exp(v) for v in predicted) + 2)
        total += sum(a * (p - norm) for a, p in zip(after, predicted))
    return -total / (b * (len(sequence) - 1))


def ode(x, s):
    h = 2.0 / s

    def f(y):
        return [x[0]] + [x[i] * y[i - 1] for i in range(1, len(x))]

    def plus(y, k, step):
        return [a + step * b for a, b in zip(y, k)]

    y = [0.0] * len(x)
    for _ in range(s):
        k1 = f(y)
        k2 = f(plus(y, k1, h / 2))
        k3 = f(plus(y, k2, h / 2))
        k4 = f(plus(y, k3, h))
        y = [v + h * (a + 2 * b + 2 * c + d) / 6 for v, a, b, c, d in zip(y, k1, k2, k3, k4)]
    return y


def descend(f, slope, x):
    """The suite's gradient descent (cpp/gradbench/gd.hpp) with a gradient written by hand."""
    value, g, rate, successes = f(x), slope(x), 1e-5, 0
    while math.hypot(*g) > 1e-5:
        if successes == 10:
            rate, successes = 2 * rate, 0
            continue
        next_x = [a - rate * b for a, b in zip(x, g)]
        if math.dist(x, next_x) <= 1e-5:
            break
        if f(next_x) < value:
            x, value, successes = next_x, f(next_x), successes + 1
            g = slope(x)
        else:
            rate, successes = rate / 2, 0
    return x


def saddle(start):
    def squares(x):
        return x[0] * x[0] + x[1] * x[1]

    def double(x):
        return [2 * v for v in x]

    y = descend(squares, double, start)
    x = descend(lambda at: squares(at) - squares(y), double, start)
    return x + y


def miss(w):
    """particle: the squared distance from the origin at which the particle meets the axis."""
    charges = [(10.0, 10.0 - w), (10.0, 0.0)]
    x, velocity = [0.0, 8.0], [0.75, 0.0]
    while True:
        force = [sum((x[i] - c[i]) / math.dist(x, c) ** 3 for c in charges) for i in (0, 1)]
        x = [a + 0.1 * b for a, b in zip(x, velocity)]
        if x[1] <= 0:
            return (x[0] - x[1] / velocity[1] * velocity[0]) ** 2
        velocity = [a + 0.1 * b for a, b in zip(velocity, force)]


def determinant(a):
    if len(a) == 1:
        return a[0][0]
    return sum((-1) ** j * v * determinant([row[:j] + row[j + 1:] for row in a[1:]])
               for j, v in enumerate(a[0]))


def cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def projection_error(camera, point, weight, feature):
    r = camera[:3]
    v = [a - b for a, b in zip(point, camera[3:6])]
    angle = math.sqrt(sum(a * a for a in r))
    if angle == 0:
        seen = [a + b for a, b in zip(v, cross(r, v))]
    else:
        axis = [a / angle for a in r]
        along = sum(a * b for a, b in zip(axis, v)) * (1 - math.cos(angle))
        seen = [a * math.cos(angle) + c * math.sin(angle) + n * along
                for a, c, n in zip(v, cross(axis, v), axis)]
    p = [seen[0] / seen[2], seen[1] / seen[2]]
    square = p[0] ** 2 + p[1] ** 2
    scale = 1 + camera[9] * square + camera[10] * square**2
    return [weight * (p[i] * scale * camera[6] + camera[7 + i] - feature[i]) for i in (0, 1)]


def product(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def hand(theta, us, data):
    """Errors of all points, one after the other, posed bone by bone."""
    model = data["model"]
    angles = [[0.0, 0.0, 0.0] for _ in model["parents"]]
    rest = iter(theta[6:])
    for finger in range(5):
        for i in range(3):
            angles[2 + 4 * finger + i][0] = next(rest)
            if i == 0:
                angles[2 + 4 * finger + i][1] = next(rest)
    transforms, absolutes = [], []
    for bone, (tx, tz, ty) in enumerate(angles):
        c, s = math.cos, math.sin
        rx = [[1, 0, 0], [0, c(tx), -s(tx)], [0, s(tx), c(tx)]]
        ry = [[c(ty), 0, s(ty)], [0, 1, 0], [-s(ty), 0, c(ty)]]
        rz = [[c(tz), -s(tz), 0], [s(tz), c(tz), 0], [0, 0, 1]]
        turn = [row + [0] for row in product(product(rz, ry), rx)] + [[0, 0, 0, 1]]
        placed = product(model["base_relatives"][bone], turn)
        parent = model["parents"][bone]
        absolutes.append(placed if parent < 0 else product(absolutes[parent], placed))
        transforms.append(product(absolutes[bone], model["inverse_base_absolutes"][bone]))
    angle = math.sqrt(sum(t * t for t in theta[:3]))
    axis = [t / angle for t in theta[:3]] if angle >= 1e-4 else [0.0, 0.0, 0.0]
    if angle < 1e-4:
        angle = 0.0
    vertices = []
    for base, weights in zip(model["base_positions"], model["weights"]):
        v = [sum(w * sum(t * p for t, p in zip(transform[i], base))
                 for w, transform in zip(weights, transforms)) for i in range(3)]
        if model["is_mirrored"]:
            v[0] = -v[0]
        along = sum(a * b for a, b in zip(axis, v)) * (1 - math.cos(angle))
        turned = cross(axis, v)
        vertices.append([v[i] * math.cos(angle) + turned[i] * math.sin(angle) + axis[i] * along
                         + theta[3 + i] for i in range(3)])
    errors = []
    for i, (point, corresponding) in enumerate(zip(data["points"], data["correspondences"])):
        if us:
            a, b, c = (vertices[v] for v in model["triangles"][corresponding])
            u, v = us[i]
            place = [u * x + v * y + (1 - u - v) * z for x, y, z in zip(a, b, c)]
        else:
            place = vertices[corresponding]
        errors += [p - q for p, q in zip(point, place)]
    return errors
