#!/usr/bin/env python3
"""Speaks GradBench's protocol to gradbench_glissade and compares every module's answers with loops
over Python's floats and differences of them. The suite itself is not needed.

    check_gradbench.py PROGRAM
"""
import json
import math
import random
import subprocess
import sys

import gradbench_reference as reference

RANDOM = random.Random(7)
EXACT, BY_DIFFERENCES = 1e-12, 1e-8


def numbers(*shape, low=-1.0, high=1.0):
    if not shape:
        return RANDOM.uniform(low, high)
    return [numbers(*shape[1:], low=low, high=high) for _ in range(shape[0])]


def flat(value):
    return [v for part in value for v in flat(part)] if isinstance(value, list) else [value]


def folded(values, like):
    """The numbers in the nested lists' shape; takes them from the iterator."""
    return [folded(values, part) for part in like] if isinstance(like, list) else next(values)


def close(what, answer, expected, tolerance):
    assert str(shape(answer)) == str(shape(expected)), f"{what}: shapes {shape(answer)}, {shape(expected)}"
    pairs = list(zip(flat(answer), flat(expected)))
    scale = max([1.0] + [abs(b) for _, b in pairs])
    for a, b in pairs:
        assert math.isfinite(a) and abs(a - b) <= tolerance * scale, f"{what}: {a} rather than {b}"


def shape(value):
    return [len(value), [shape(v) for v in value]] if isinstance(value, list) else 0


class Tool:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.id = 100

    def ask(self, kind, **message):
        self.id += 1
        self.process.stdin.write(json.dumps({"id": self.id, "kind": kind} | message) + "\n")
        self.process.stdin.flush()
        response = json.loads(self.process.stdout.readline())
        assert response["id"] == self.id, response
        return response

    def evaluate(self, module, function, data):
        response = self.ask("evaluate", module=module, function=function, input=data)
        assert response["success"], response
        assert all(t["name"] == "evaluate" and t["nanoseconds"] > 0 for t in response["timings"])
        if isinstance(data, dict):
            assert len(response["timings"]) >= data["min_runs"]
        return response["output"]


def runs(**data):
    return data | {"min_runs": 2, "min_seconds": 0}


def check_protocol(tool):
    assert tool.ask("start", eval="hello")["tool"] == "glissade"
    assert tool.ask("define", module="hello")["success"] is True
    assert tool.ask("define", module="nothing")["success"] is False
    assert tool.ask("analysis", of=1, valid=True) is not None
    for module, function, data in [("lse", "other", runs(x=[1.0])), ("lse", "primal", {}),
                                   ("nothing", "primal", {}), ("gmm", "objective", runs(x="a")),
                                   ("kmeans", "cost", runs(points=[[1.0], [1.0, 2.0]], centroids=[[1.0]]))]:
        response = tool.ask("evaluate", module=module, function=function, input=data)
        assert response["success"] is False and response["error"], response
    # at least as long as wanted
    times = tool.ask("evaluate", module="lse", function="primal",
                     input={"x": [1.0], "min_runs": 1, "min_seconds": 0.02})["timings"]
    assert 0.02e9 <= sum(t["nanoseconds"] for t in times) < 0.2e9 and len(times) > 10


def check_hello(tool):
    assert tool.evaluate("hello", "square", 3.0) == 9.0
    assert tool.evaluate("hello", "double", 9.0) == 18.0


def check_lse(tool):
    for x in ([0.3], numbers(37, low=-3, high=3), [1000.0, 1001.0]):
        value = reference.logsumexp(x)
        close("lse", tool.evaluate("lse", "primal", runs(x=x)), value, EXACT)
        close("lse", tool.evaluate("lse", "gradient", runs(x=x)), [math.exp(v - value) for v in x], EXACT)


def check_llsq(tool):
    for n, m in ((2, 1), (9, 4), (700, 3)):  # more points than a block has
        x = numbers(m)
        close("llsq", tool.evaluate("llsq", "primal", runs(x=x, n=n)), reference.llsq(x, n), EXACT)
        expected = flat(reference.gradient(lambda at, n=n: reference.llsq(at, n), x))
        close("llsq", tool.evaluate("llsq", "gradient", runs(x=x, n=n)), expected, BY_DIFFERENCES)


def check_gmm(tool):
    for d, k, n, m, gamma in ((2, 3, 5, 0, 1.0), (3, 2, 4, 2, 1.3), (4, 1, 3, 1, 0.7)):
        data = dict(d=d, k=k, n=n, x=numbers(n, d), m=m, gamma=gamma, alpha=numbers(k), mu=numbers(k, d),
                    q=numbers(k, d), l=numbers(k, d * (d - 1) // 2))
        close("gmm", tool.evaluate("gmm", "objective", runs(**data)), reference.gmm(**data), EXACT)
        answer = tool.evaluate("gmm", "jacobian", runs(**data))
        assert sorted(answer) == ["alpha", "l", "mu", "q"]
        for name in answer:
            slopes = reference.gradient(
                lambda at, name=name, data=data: reference.gmm(**(data | {name: folded(iter(at), data[name])})),
                flat(data[name]))
            close(f"gmm {name}", answer[name], folded(iter(flat(slopes)), data[name]), BY_DIFFERENCES)


def check_kmeans(tool):
    points = numbers(40, 3)
    centroids = points[-4:]
    clusters = [[] for _ in centroids]
    cost = 0.0
    for p in points:
        distances = [math.dist(p, c) for c in centroids]
        clusters[distances.index(min(distances))].append(p)
        cost += min(distances) ** 2
    data = runs(points=points, centroids=centroids)
    close("kmeans", tool.evaluate("kmeans", "cost", data), cost, EXACT)
    # Newton's step leads to the mean of the cluster.
    expected = [[c[i] - sum(p[i] for p in cluster) / len(cluster) for i in range(3)]
                for c, cluster in zip(centroids, clusters)]
    close("kmeans", tool.evaluate("kmeans", "dir", data), expected, EXACT)


def check_lstm(tool):
    # More characters than layers and fewer: the layers take their turns side by side.
    for layers, b, characters in ((1, 4, 3), (2, 3, 6), (3, 2, 3)):
        data = dict(main_params=numbers(2 * layers, 4 * b), extra_params=numbers(3, b),
                    state=numbers(2 * layers, b),
                    sequence=[[float(RANDOM.random() < 0.5) for _ in range(b)] for _ in range(characters)])

        def loss(at, data=data):
            values = iter(at)
            return reference.lstm(folded(values, data["main_params"]), folded(values, data["extra_params"]),
                                  data["state"], data["sequence"])

        at = flat(data["main_params"]) + flat(data["extra_params"])
        close("lstm", tool.evaluate("lstm", "objective", runs(**data)), loss(at), EXACT)
        expected = flat(reference.gradient(loss, at))
        close("lstm", tool.evaluate("lstm", "jacobian", runs(**data)), expected, BY_DIFFERENCES)


def check_ode(tool):
    for n, s in ((4, 1), (4, 3), (7, 5)):
        x = numbers(n, low=0.5, high=1.5)
        close("ode", tool.evaluate("ode", "primal", runs(x=x, s=s)), reference.ode(x, s), EXACT)
        expected = flat(reference.gradient(lambda at, s=s: reference.ode(at, s)[-1], x))
        close("ode", tool.evaluate("ode", "gradient", runs(x=x, s=s)), expected, BY_DIFFERENCES)


def check_nested(tool):
    expected = reference.saddle([1.0, 1.0])
    for modes in ("rr", "rf", "fr", "ff"):
        close(modes, tool.evaluate("saddle", modes, runs(start=[1.0, 1.0])), expected, EXACT)

    def slope(w):
        return reference.gradient(lambda at: reference.miss(at[0]), w)[0]

    w = reference.descend(lambda at: reference.miss(at[0]), slope, [0.0])[0]
    close("rr", tool.evaluate("particle", "rr", runs(w=0.0)), w, 1e-7)
    # The other modes take minutes for the whole way; so near the end, one gradient is all there is.
    for modes in ("rf", "fr", "ff"):
        answer = tool.evaluate("particle", modes, {"w": 0.207, "min_runs": 1, "min_seconds": 0})
        close(modes, answer, reference.descend(lambda at: reference.miss(at[0]), slope, [0.207])[0], 1e-12)


def check_det(tool):
    for n in (1, 2, 5):
        a = numbers(n, n)
        data = runs(A=flat(a), ell=n)
        close("det", tool.evaluate("det", "primal", data), reference.determinant(a), EXACT)
        expected = flat(reference.gradient(
            lambda at, a=a: reference.determinant(folded(iter(at), a)), flat(a)))
        close("det", tool.evaluate("det", "gradient", data), expected, BY_DIFFERENCES)


def check_ba(tool):
    n, m, p = 2, 3, 3000  # more observations than a block has
    weight, feature = numbers(), numbers(2)
    for rotation in (numbers(3), [0.0, 0.0, 0.0]):
        camera = rotation + numbers(8)
        point = [v + 3 for v in numbers(3)]
        data = runs(n=n, m=m, p=p, cam=camera, x=point, w=weight, feat=feature)
        answer = tool.evaluate("ba", "objective", data)
        assert answer["reproj_error"]["repeated"] == p and answer["w_err"]["repeated"] == p
        expected = reference.projection_error(camera, point, weight, feature)
        close("ba", answer["reproj_error"]["elements"], expected, EXACT)
        close("ba", answer["w_err"]["element"], 1 - weight**2, EXACT)

        answer = tool.evaluate("ba", "jacobian", data)
        assert answer["rows"] == [15 * i for i in range(30)] + [31 * p]
        row = [*range(11), 11 * n, 11 * n + 1, 11 * n + 2, 11 * n + 3 * m]
        assert answer["cols"] == row + row + [11 * n + 3 * m + p - 1]
        if any(rotation):  # the differences of the other case are not those of one formula
            columns = reference.gradient(
                lambda at: reference.projection_error(at[:11], at[11:14], at[14], feature),
                camera + point + [weight])
            expected = [c[0] for c in columns] + [c[1] for c in columns] + [-2 * weight]
            close("ba", answer["vals"], expected, BY_DIFFERENCES)
        else:
            # d (v + r x v) / d r_z = (-v_y, v_x, 0): the image turns
            v = [a - b for a, b in zip(point, camera[3:6])]
            at = [v[0] / v[2], v[1] / v[2]]
            square = at[0] ** 2 + at[1] ** 2
            scale = weight * camera[6] * (1 + camera[9] * square + camera[10] * square**2)
            close("ba", [answer["vals"][2], answer["vals"][17]], [-at[1] * scale, at[0] * scale], 1e-10)


def check_ht(tool):
    bones, vertices, count = 22, 9, 7
    model = dict(bone_names=[f"bone {i}" for i in range(bones)],
                 parents=[-1] + [RANDOM.randrange(i) for i in range(1, bones)],
                 base_relatives=numbers(bones, 4, 4), inverse_base_absolutes=numbers(bones, 4, 4),
                 base_positions=numbers(vertices, 4), weights=numbers(vertices, bones),
                 triangles=[[RANDOM.randrange(vertices) for _ in range(3)] for _ in range(4)])
    for matrix in model["base_relatives"]:
        matrix[3] = [0.0, 0.0, 0.0, 1.0]
    for complicated in (False, True):
        for small_rotation in (False, True):
            model["is_mirrored"] = small_rotation
            places = [RANDOM.randrange(4 if complicated else vertices) for _ in range(count)]
            data = dict(model=model, correspondences=places, points=numbers(count, 3))
            theta = ([1e-6, 0.0, 0.0] if small_rotation else numbers(3)) + numbers(23)
            us = numbers(count, 2) if complicated else []
            message = runs(theta=theta, data=data, us=us)
            expected = reference.hand(theta, us, data)
            close("ht", tool.evaluate("ht", "objective", message), expected, EXACT)
            answer = tool.evaluate("ht", "jacobian", message)
            columns = []
            if complicated:
                for k in range(2):
                    column = []
                    for i in range(count):
                        rows = reference.gradient(
                            lambda at, i=i, k=k: reference.hand(
                                theta, [[at[0] if j == k else pair[j] for j in range(2)] if r == i else pair
                                        for r, pair in enumerate(us)], data), [us[i][k]])[0]
                        column += rows[3 * i:3 * i + 3]
                    columns.append(column)
            by_theta = reference.gradient(lambda at: reference.hand(at, us, data), theta)
            if small_rotation:  # the rotation stays the identity, of which no derivative is taken
                by_theta[:3] = [[0.0] * (3 * count)] * 3
            columns += by_theta
            close("ht", answer, [list(row) for row in zip(*columns)], BY_DIFFERENCES)


def main():
    tool = Tool(sys.argv[1])
    for check in (check_protocol, check_hello, check_lse, check_llsq, check_gmm, check_kmeans, check_lstm,
                  check_ode, check_nested, check_det, check_ba, check_ht):
        check(tool)
        print(f"{check.__name__}: passed")
    tool.process.stdin.close()
    assert tool.process.wait(10) == 0


if __name__ == "__main__":
    main()
