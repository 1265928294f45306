"""The pictures of the gradient benchmark, each as the text of an SVG.

Every method has a colour and a marker of its own. Methods that are exact up to rounding have full
markers, differences have empty ones.
"""

import math

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from measurements import METHODS, NUMERICAL, PROBLEMS, in_order, label
from plot_parts import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    panel_grid,
    plain_bytes,
    plain_number,
    plain_time,
    plt,
    powers,
    slope,
    svg_of,
)

STYLES = {  # colour, marker, dashes
    "function": (GREY, "o", ":"),
    "analytic": (BLACK, "D", "-"),
    "autodiff": (BLUE, "o", "-"),
    "pytorch": (VERMILLION, "s", "-"),
    "pytorch_compile": (ORANGE, "s", "--"),
    "adolc": (PURPLE, "^", "-"),
    "adolc_retape": (PURPLE, "P", "--"),
    "cppad": (SKY, "v", "-"),
    "fastad": (GREEN, ">", "-"),
    "sacado": (GREY, "<", "--"),
    "projection": (BLACK, "h", ":"),
    "forward": (ORANGE, "^", "--"),
    "central": (VERMILLION, "s", "--"),
    "five_point": (GREEN, "D", "--"),
    "complex_step": (PURPLE, "v", "-."),
    "ladder": (BLUE, "o", "--"),
}
SMALLEST = 1e-17  # where an error of exactly 0 is drawn, with a tick that says 0
SMALLEST_STEP = 1e-16  # the complex step goes on to 1e-300, always alike
EPSILON = 2.0**-52

def style(method):
    return STYLES.get(method, (GREY, "x", "-"))


def marker_style(method):
    colour, marker, _ = style(method)
    face = "white" if method in NUMERICAL else colour
    return {"marker": marker, "color": colour, "markerfacecolor": face, "markeredgecolor": colour}


def plain_error(value, _=None):
    return "0" if value < 2 * SMALLEST else f"$10^{{{math.log10(value):.0f}}}$"


def legend_below(figure, methods, extra=()):
    """One legend for all panels, below them, in as many rows as it takes."""
    handles = [
        plt.Line2D([], [], linestyle="", label=label(m), **marker_style(m)) for m in methods
    ] + list(extra)
    columns = min(len(handles), max(2, int(figure.get_figwidth() / 1.75)))
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=columns)


def dots(axes, problems, methods, value):
    """A row for each problem and, in it, a lane for each method: values that agree stay apart."""
    lanes = max(len(methods), 2)
    for row, problem in enumerate(problems):
        if row % 2 == 0:
            axes.axhspan(row - 0.5, row + 0.5, color="#f4f4f4", linewidth=0, zorder=0)
        for lane, method in enumerate(methods):
            x = value(problem, method)
            if x is None or x <= 0:
                continue
            y = row + 0.76 * (lane / (lanes - 1) - 0.5)
            axes.plot([x], [y], linestyle="", **marker_style(method))
    axes.set_xscale("log")
    axes.set_yticks(range(len(problems)), problems)
    axes.set_ylim(len(problems) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def dot_figure(name, panels, problems, line=None, same_scale=True):
    """Panels side by side, each (title, x label, methods, value of problem and method, format)."""
    shown = in_order({m for panel in panels for m in panel[2]}, METHODS)
    height = len(problems) * (0.16 + 0.075 * len(shown)) + 0.7
    figure, grid = plt.subplots(
        1,
        len(panels),
        figsize=(9.6, height),
        sharex=same_scale,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, (title, x_label, methods, value, formatter) in zip(grid[0], panels):
        dots(axes, problems, methods, value)
        axes.set_title(title)
        axes.set_xlabel(x_label)
        if line:
            axes.axvline(line[0], color=BLACK, linewidth=1, linestyle=(0, (5, 3)))
    for axes, (*_, formatter) in zip(grid[0], panels):  # now that the scales are known
        powers(axes.xaxis)
        if formatter is plain_error:
            axes.xaxis.set_major_locator(FixedLocator([10.0**k for k in range(-17, 3, 3)]))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_xlim(SMALLEST / 3, None)
        axes.xaxis.set_major_formatter(FuncFormatter(formatter))
    extra = []
    if line:
        extra = [plt.Line2D([], [], color=BLACK, linewidth=1, linestyle=(0, (5, 3)), label=line[1])]
    legend_below(figure, shown, extra)
    return svg_of(figure, name)


def exact_methods(m, dtype, without=()):
    return [x for x in m.methods(dtype) if x not in NUMERICAL and x not in without]


def type_name(dtype):
    return {"f64": "float64", "f32": "float32"}.get(dtype, dtype)


def by_type(m, x_label, value, formatter, without=()):
    """One panel for each type; `value` takes problem, method and type."""
    return [
        (
            type_name(dtype),
            x_label,
            exact_methods(m, dtype, without),
            lambda problem, method, dtype=dtype: value(problem, method, dtype),
            formatter,
        )
        for dtype in m.dtypes()
    ]


def time(m):
    value = lambda p, x, d: m.seconds("gradient", p, x, d)
    return dot_figure("time", by_type(m, "time of one gradient", value, plain_time), m.problems())


def x_function(m):
    value = lambda p, x, d: m.ratio(p, x, d, "function")
    panels = by_type(m, "time / time of the function alone", value, plain_number, ("function",))
    return dot_figure("x_function", panels, m.problems(), (5, "5 (the bound of theory)"))


def x_analytic(m):
    value = lambda p, x, d: m.ratio(p, x, d, "analytic")
    panels = by_type(
        m, "time / time of the analytic gradient", value, plain_number, ("function", "analytic")
    )
    return dot_figure("x_analytic", panels, m.problems(), (1, "1 (as fast as by hand)"))


def memory(m):
    value = lambda p, x, d: m.counter("peak_bytes", "gradient", p, x, d)
    panels = by_type(m, "memory held at most", value, plain_bytes, ("function",))
    return dot_figure("memory", panels, m.problems())


def numerical(m):
    """What differences cost, and what they are worth."""
    methods = [x for x in m.methods("f64") if x in NUMERICAL or x in ("autodiff", "analytic")]

    def error(problem, method):
        value = m.counter("rel_error", "gradient", problem, method, "f64")
        return None if value is None else max(value, SMALLEST)

    panels = [
        (
            "cost",
            "time / time of the function alone",
            methods,
            lambda p, x: m.ratio(p, x, "f64", "function"),
            plain_number,
        ),
        (
            "error",
            "relative error (max norm)",
            [x for x in methods if x != "analytic"],
            error,
            plain_error,
        ),
    ]
    return dot_figure("numerical", panels, m.problems(), same_scale=False)


def step_size(m):
    """The U curves: error against the step h; stars where theory has the minimum."""
    names = m.names("step_size")
    problems = in_order({n[0] for n in names}, PROBLEMS)
    figure, cells = panel_grid(len(problems))
    shown = in_order({n[1] for n in names}, METHODS)
    for axes, problem in zip(cells, problems):
        for method in shown:
            rows = [("step_size", *n) for n in names if n[0] == problem and n[1] == method]
            points = sorted((m.counter("h", *n), m.counter("rel_error", *n), n) for n in rows)
            if not points:
                continue
            colour, _, dash = style(method)
            if len(points) == 1:  # steps of its own
                axes.axhline(max(points[0][1], SMALLEST), color=colour, linewidth=1, linestyle=dash)
                axes.plot(points[0][:1], [max(points[0][1], SMALLEST)], **marker_style(method))
                continue
            axes.plot(
                [h for h, _, _ in points],
                [max(error, SMALLEST) for _, error, _ in points],
                linestyle=dash,
                linewidth=1,
                markevery=max(1, len(points) // 9),
                **{**marker_style(method), "markersize": 3.5},
            )
            best_h = m.counter("optimal_h", *points[0][2])
            best_error = m.counter("optimal_error", *points[0][2])
            if best_h and best_error:
                axes.axvline(best_h, color=colour, linewidth=0.7, linestyle=":")
                axes.plot([best_h], [best_error], "*", color=colour, markersize=11, markeredgecolor="white")
        axes.axhline(EPSILON, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.set(xscale="log", yscale="log", title=problem, xlabel="step h", ylabel="relative error")
        axes.set_xlim(SMALLEST_STEP, 2 * max(m.counter("h", "step_size", *n) for n in names))
        powers(axes.xaxis, 5)
        powers(axes.yaxis)
        axes.grid(True)
    star = plt.Line2D([], [], linestyle="", marker="*", color=GREY, markersize=10, label="theoretical minimum")
    line = plt.Line2D([], [], color=GREY, linewidth=0.8, linestyle=(0, (1, 2)), label="2⁻⁵², the rounding of one number")
    legend_below(figure, shown, [star, line])
    return svg_of(figure, "step_size")


def growth(m):
    names = m.names("growth")
    figure, axes = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
    handles = []
    for method in in_order({n[0] for n in names}, METHODS):
        rows = [("growth", *n) for n in names if n[0] == method]
        points = sorted((m.counter("parameters", *n) or float(n[2]), m.seconds(*n)) for n in rows)
        power = slope(points)
        text = label(method) if power is None else f"{label(method)}: $n^{{{power:.1f}}}$"
        handles += axes.plot(
            [n for n, _ in points],
            [seconds for _, seconds in points],
            linestyle=style(method)[2],
            linewidth=1.2,
            label=text,
            **marker_style(method),
        )
    axes.set(xscale="log", yscale="log", xlabel="parameters n", ylabel="time of one gradient")
    powers(axes.xaxis)
    powers(axes.yaxis)
    axes.yaxis.set_major_formatter(FuncFormatter(plain_time))
    axes.grid(True)
    handles.sort(key=lambda line: -line.get_ydata()[-1] / line.get_xdata()[-1])
    figure.legend(handles=handles, loc="outside right center")
    return svg_of(figure, "growth")


def chain(m):
    names = [("chain", *n) for n in m.names("chain")]
    points = sorted((float(n[1]), m.counter("ns_per_node", *n)) for n in names)
    points = [p for p in points if p[1] is not None]
    figure, axes = plt.subplots(figsize=(5.2, 2.8), layout="constrained")
    axes.plot(*zip(*points), linestyle="-", **marker_style("autodiff"))
    axes.set(xscale="log", xlabel="nodes of the chain", ylabel="ns for each node")
    axes.set_ylim(0, 1.15 * max(50, max(y for _, y in points)))
    axes.axhline(50, color=BLACK, linewidth=1, linestyle=(0, (5, 3)))
    axes.text(1, 50, "50 ns", transform=axes.get_yaxis_transform(), ha="right", va="bottom")
    axes.grid(True)
    return svg_of(figure, "chain")
