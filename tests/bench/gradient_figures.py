"""Makes up measurements of the gradient benchmark whose figures follow from arithmetic.

Times are multiples of the function's, but every round has its own clock, and PyTorch misses one: its
median time is not 30 times the function's, and only ratios within a round are 30.
"""

import json

COST = {
    "function": 1.0,
    "analytic": 2.0,
    "autodiff": 2.1,
    "pytorch": 30.0,
    "adolc": 60.0,
    "fastad": 8.0,
}
DIFFERENCES = {"forward": 1.0, "central": 2.0, "five_point": 4.0, "complex_step": 3.0, "ladder": 24.0}
# problem: seconds of the function, parameters
PROBLEMS = {
    "quadratic_2": (20e-9, 2),
    "rosenbrock_1000": (2e-6, 1000),
    "mlp_10_32_32_1": (4e-6, 1441),
    "mlp_784_128_10": (250e-6, 101770),
    "gmm": (300e-6, 74),
}
CLOCKS = [1.0, 1.5, 0.5]  # of the three rounds
ORDER = {"forward": 1, "central": 2, "five_point": 4}  # of the truncation error in h


def entry(name, seconds, **counters):
    return {
        "name": name,
        "run_type": "iteration",
        "iterations": 10,
        "real_time": 10 * seconds * 1e6,  # a turn of ten; the counter says what one takes
        "time_unit": "us",
        "seconds": seconds,
        **counters,
    }


def gradient(problem, method, dtype, clock):
    unit, parameters = PROBLEMS[problem]
    cost = COST.get(method)
    if cost is None:
        cost = DIFFERENCES[method] * parameters
    counters = {"rel_error": 1e-16 if method in COST else 1e-8, "peak_bytes": 16.0 * parameters}
    if method in ("function", "analytic", "autodiff"):
        counters |= {"x_function": cost, "x_analytic": cost / 2}
    return entry(f"gradient/{problem}/{method}/{dtype}", clock * unit * cost, **counters)


def run(program, round, benchmarks, **context):
    return {"program": program, "round": round, "context": context, "benchmarks": benchmarks}


def measurements():
    runs = []
    for round, clock in enumerate(CLOCKS):
        ours, torch, tape = [], [], []
        for problem in PROBLEMS:
            for dtype in ("f64", "f32"):
                ours += [gradient(problem, x, dtype, clock) for x in ("function", "analytic", "autodiff")]
                torch.append(gradient(problem, "pytorch", dtype, clock))
            tape += [gradient(problem, x, "f64", clock) for x in ("adolc", "fastad")]
            if round == 0:
                ours += [gradient(problem, x, "f64", clock) for x in DIFFERENCES]
        runs.append(run("bench_gradients", round, ours, blas="OpenBLAS 0.3.21, SkylakeX, 1 thread"))
        if round != 1:
            runs.append(run("pytorch", round, torch, torch="2.9.0"))
        runs.append(run("tapes", round, tape, adolc="2.7.2"))
    once = []
    for problem in ("quadratic_2", "mlp_10_32_32_1"):
        for method, order in ORDER.items():
            best = 1e-16 ** (1 / (order + 1))
            for k in range(27):
                h = 10.0 ** (-13 + k / 2)
                once.append(
                    entry(
                        f"step_size/{problem}/{method}/{h:.1e}",
                        1e-6,
                        h=h,
                        rel_error=h**order + 1e-16 / h,
                        optimal_h=best,
                        optimal_error=2e-16 / best,
                    )
                )
    for n in (10, 100, 1000, 10000, 100000, 1000000):
        for method in ("function", "analytic", "autodiff"):
            once.append(entry(f"growth/{method}/{n}", 1e-7 + COST[method] * 1e-9 * n, parameters=n))
        if n <= 10000:
            once.append(entry(f"growth/central/{n}", 2e-9 * n * n, parameters=n))
    once += [entry(f"chain/{n}", 40e-9 * n, ns_per_node=40.0) for n in (100, 10000, 1000000)]
    once.append(
        {"name": "gradient/gmm/cppad/f64", "error_occurred": True, "error_message": "no <such> tape"}
    )
    runs.append(run("bench_gradients", 0, once))
    about = {"command": "scripts/bench gradients", "date": "2026-11-22", "processor": "a <test>"}
    return {"about": about, "runs": runs}


def write(path):
    path.write_text(json.dumps(measurements()), encoding="utf-8")
