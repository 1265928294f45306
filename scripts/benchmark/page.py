"""Writes the page of the gradient benchmark: tables and pictures in one HTML file."""

import html
import math

import plots
from measurements import NUMERICAL, label
from page_parts import (
    about_table,
    cell,
    context_text,
    details,
    shown_bytes,
    shown_error,
    shown_seconds,
    table,
    three_digits,
    write_page,
)

def by_problem(m, methods, value, show, best_of=(), is_sample=None):
    """A row for each problem, a column for each method; the smallest of `best_of` is bold."""
    rows = []
    for problem in m.problems():
        values = {method: value(problem, method) for method in methods}
        best = min((v for x, v in values.items() if x in best_of and v is not None), default=None)
        cells = []
        for method, v in values.items():
            about = "≈ " if is_sample and is_sample(problem, method) else ""
            kind = "best" if method in best_of and v == best else ""
            cells.append(cell(v, lambda v, about=about: about + show(v), kind))
        rows.append([problem, *cells])
    return table(["problem", *map(label, methods)], rows)


def automatic(m, dtype):
    return [x for x in m.methods(dtype) if x not in NUMERICAL and x not in ("function", "analytic")]


def quantity(m, value, show, without=(), times=True):
    """The tables of one quantity, one for each type. Of times the best automatic one is marked."""
    parts = []
    for dtype in m.dtypes():
        methods = [x for x in m.methods(dtype) if x not in without]
        best_of = automatic(m, dtype) if times else ()
        is_sample = (lambda p, x, d=dtype: m.is_sample("gradient", p, x, d)) if times else None
        parts.append(f"<h3>{plots.type_name(dtype)}</h3>")
        parts.append(
            by_problem(m, methods, lambda p, x, d=dtype: value(p, x, d), show, best_of, is_sample)
        )
    return "\n".join(parts)


def targets(m):
    """(what, measured, limit, whether a larger figure is better) of what Glissade is judged by."""

    def slower(problem, method):
        return m.ratio(problem, method, "f64", "autodiff")

    for problem, limit in {
        "mlp_10_32_32_1": 1.05,
        "mlp_784_128_10": 1.03,
        "linear_1000x20": 1.05,
        "logistic_1000x100": 1.05,
    }.items():
        yield f"{problem}: Glissade / analytic", m.ratio(problem, "autodiff", "f64", "analytic"), limit, False
    for problem in ("mlp_10_32_32_1", "mlp_784_128_10"):
        yield f"{problem}: Glissade / function", m.ratio(problem, "autodiff", "f64", "function"), 2.5, False
    for problem in ("mlp_10_32_32_1", "mlp_784_128_10", "linear_1000x20", "logistic_1000x100"):
        for peer in ("pytorch", "fastad"):
            yield f"{problem}: {label(peer)} / Glissade", slower(problem, peer), 1.0, True
    yield "rosenbrock_2: PyTorch / Glissade", slower("rosenbrock_2", "pytorch"), 50.0, True
    chains = [m.counter("ns_per_node", "chain", *n) for n in m.names("chain")]
    yield "scalar chain: ns for each node, at most", max([c for c in chains if c is not None], default=None), 50.0, False
    errors = {p: m.counter("rel_error", "gradient", p, "ladder", "f64") for p in m.problems()}
    for p in errors:
        if f"gradient/{p}/ladder/f64" in m.errors:
            errors[p] = math.inf  # refused, because it was wrong; see the list of errors
    known = [e for e in errors.values() if e is not None]
    yield f"ladder: largest error on {len(known)} problems", max(known, default=None), 2e-10, False


def target_table(m):
    rows = []
    for what, measured, limit, larger in targets(m):
        missed = measured is not None and (measured < limit if larger else measured > limit)
        show = shown_error if limit < 1e-3 else three_digits
        rows.append(
            [what, cell(measured, show, "miss" if missed else ""), f"<td>{'&ge;' if larger else '&le;'} {limit:g}</td>"]
        )
    return table(["float64, one thread", "measured", "target"], rows)


def counters(m, family, columns):
    """A plain table of everything in a family, for those who read the page without pictures."""
    rows = []

    def order(name):
        return (*name[:-1], m.counter("h", family, *name) or float(name[-1]))

    for name in sorted(m.names(family), key=order):
        cells = [cell(value(family, *name), show) for _, value, show in columns]
        rows.append([" / ".join([*map(label, name[:-1]), name[-1]]), *cells])
    return table([family.replace("_", " "), *(head for head, _, _ in columns)], rows)


def about(m):
    return about_table(m.about, {name: context_text(context) for name, context in m.contexts.items()})


FIGURES = ("time", "x_function", "x_analytic", "numerical", "memory", "step_size", "growth", "chain")


def figures(m):
    """The SVG text of every picture that there are measurements for, by name."""
    families = {name: {n for n in m.names(name)} for name in ("step_size", "growth", "chain")}
    drawn = {}
    for name in FIGURES:
        if name in families and not families[name]:
            continue
        if name == "numerical" and not NUMERICAL & set(m.methods("f64")):
            continue
        drawn[name] = getattr(plots, name)(m)
    return drawn


def sections(m, drawn):
    """(title, text, picture, tables), in the order of the page."""
    ratio = lambda to: lambda p, x, d: m.ratio(p, x, d, to)
    counter = lambda key: lambda p, x, d: m.counter(key, "gradient", p, x, d)
    yield (
        "Time",
        "The time of one gradient. ADOL-C goes over a tape that it recorded once, which is right as long as no "
        "branch changes, or records it each time; FastAD's expressions are made once. Bold is the fastest "
        "automatic one. A time after &asymp; is extrapolated from a sample of the elements.",
        "time",
        quantity(m, lambda p, x, d: m.seconds("gradient", p, x, d), shown_seconds),
    )
    yield (
        "Relative to the function",
        "Reverse mode takes a fixed multiple of the operations of the function, however many parameters "
        "there are; theory bounds it by 5 (Baur and Strassen, 1983; Griewank, 1989). The function here is plain "
        "code that builds no graph. Above 5 is what a library adds to the operations themselves.",
        "x_function",
        quantity(m, ratio("function"), three_digits, ("function",)),
    )
    yield (
        "Relative to the analytic gradient",
        "The analytic gradient is written by hand with the same BLAS, in memory that is reserved before: "
        "the floor.",
        "x_analytic",
        quantity(m, ratio("analytic"), three_digits, ("function", "analytic")),
    )
    yield (
        "What differences cost, and what they are worth",
        "Each difference evaluates the function for every parameter; a projection compares one direction "
        "only, and its error is that of one derivative. They are in float64; the error is that of the whole "
        "gradient in the maximum norm, or of the sample of it that was computed.",
        "numerical",
        "",
    )
    yield (
        "Error against the analytic gradient",
        "The largest difference from the analytic gradient in float64, divided by its largest element.",
        None,
        quantity(m, counter("rel_error"), shown_error, ("function", "analytic"), times=False),
    )
    yield (
        "Memory",
        "The most that is held at a time during one gradient, beside the parameters and the gradient itself. For "
        "PyTorch these are its tensors, without the nodes of its graph.",
        "memory",
        quantity(m, counter("peak_bytes"), shown_bytes, ("function",), times=False),
    )
    if "step_size" in drawn:
        columns = [
            ("h", lambda *n: m.counter("h", *n), shown_error),
            ("relative error", lambda *n: m.counter("rel_error", *n), shown_error),
        ]
        yield (
            "The step of a difference",
            "A large step cuts the Taylor series off too early (truncation), a small one divides the rounding of "
            "the function by almost nothing. Between them is the best step; theory says where.",
            "step_size",
            details("as a table", counters(m, "step_size", columns)),
        )
    if "growth" in drawn:
        columns = [("time", lambda *n: m.seconds(*n), shown_seconds)]
        yield (
            "Growth with the number of parameters",
            "Networks of 10 to 10<sup>6</sup> parameters. Reverse mode grows as the function does; differences "
            "take as many evaluations as there are parameters, and so grow as the square. The exponents are those of the "
            "upper half of each line.",
            "growth",
            details("as a table", counters(m, "growth", columns)),
        )
    if "chain" in drawn:
        columns = [("ns for each node", lambda *n: m.counter("ns_per_node", *n), three_digits)]
        yield (
            "A chain of scalars",
            "What a node costs: building it, its step backward, and freeing it.",
            "chain",
            counters(m, "chain", columns),
        )


def write(m, path):
    """Writes the page to `path`, and returns its pictures by name."""
    drawn = figures(m)
    parts = [
        "<h1>Gradients: numerical, analytic, automatic</h1>",
        f"<p>Programs take turns of a fraction of a second, because the clock of a shared machine wanders; "
        f"figures are medians of {m.rounds()} rounds, and ratios are medians of ratios within a turn or a round. "
        "One thread. A dash is a figure that was not measured.</p>",
        target_table(m),
    ]
    for title, text, picture, tables in sections(m, drawn):
        if picture and picture not in drawn:
            continue
        parts.append(f"<h2>{title}</h2>\n<p>{text}</p>")
        if picture:
            parts.append(f"<figure>{drawn[picture]}</figure>")
        parts.append(tables)
    if m.errors:
        parts.append("<h2>Without a figure</h2>")
        parts.append(table(["name", "what the program says"], [
            [name, f"<td>{html.escape(message)}</td>"] for name, message in sorted(m.errors.items())
        ]))
    parts.append("<h2>Machine and programs</h2>")
    parts.append(about(m))
    write_page(path, "Gradients, benchmarked", parts)
    return drawn
