"""The pictures of the gradient benchmark, each as the text of an SVG.

Colours are those of Okabe and Ito (2008), which colour-blind people can tell apart; every method
has a marker of its own, too. Methods that are exact up to rounding have full markers, differences
have empty ones.
"""

import io
import math
import re

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator
from measurements import METHODS, NUMERICAL, PROBLEMS, in_order, label

BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
BLUE, VERMILLION, PURPLE, GREY = "#0072b2", "#d55e00", "#cc79a7", "#777777"

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

plt.rcParams.update(
    {
        "svg.fonttype": "none",  # text stays text
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "lines.markersize": 5,
    }
)


def style(method):
    return STYLES.get(method, (GREY, "x", "-"))


def marker_style(method):
    colour, marker, _ = style(method)
    face = "white" if method in NUMERICAL else colour
    return {"marker": marker, "color": colour, "markerfacecolor": face, "markeredgecolor": colour}


def svg_of(figure, name):
    """The SVG's text, the same for the same figures, without ids that would clash on one page."""
    text = io.StringIO()
    with plt.rc_context({"svg.hashsalt": name}):
        figure.savefig(text, format="svg", metadata={"Date": None}, bbox_inches="tight", pad_inches=0.08)
    plt.close(figure)
    svg = text.getvalue()
    svg = svg.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")  # about as wide
    svg = re.sub(r'<g id="[^"]*"', "<g", svg[svg.index("<svg") :])
    return re.sub(r"[ \t]+\n", "\n", svg)


def powers(axis, numticks=7):
    """Ticks at powers of ten, and at 2 and 5 between them where the axis is short."""
    low, high = axis.get_view_interval()
    short = high / low < 300
    axis.set_major_locator(LogLocator(numticks=numticks, subs=(1.0, 2.0, 5.0) if short else (1.0,)))
    axis.set_minor_formatter(NullFormatter())


def plain_number(value, _=None):
    return f"{value:g}" if value < 1e4 else f"{value:.0e}".replace("e+0", "e")


TIME_UNITS = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))


def plain_time(value, _=None):
    unit, name = [u for u in TIME_UNITS if u[0] <= value * 1.0001][-1] if value >= 1e-9 else TIME_UNITS[0]
    return f"{value / unit:g} {name}"


BYTE_UNITS = ((1, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"))


def plain_bytes(value, _=None):
    unit, name = [u for u in BYTE_UNITS if u[0] <= max(value, 1) * 1.0001][-1]
    return f"{value / unit:g} {name}"


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


def panel_grid(count, width=3.2, height=2.7, columns=3):
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(width * columns, height * rows), squeeze=False, layout="constrained"
    )
    cells = [axes for row in grid for axes in row]
    for axes in cells[count:]:
        axes.set_axis_off()
    return figure, cells[:count]


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


def slope(points):
    """How the logarithm grows over the upper half of the points; None if there are too few."""
    upper = [(math.log(x), math.log(y)) for x, y in points[len(points) // 2 :]]
    if len(upper) < 2:
        return None
    mean_x = sum(x for x, _ in upper) / len(upper)
    mean_y = sum(y for _, y in upper) / len(upper)
    squares = sum((x - mean_x) ** 2 for x, _ in upper)
    return sum((x - mean_x) * (y - mean_y) for x, y in upper) / squares if squares else None


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
