"""The pictures of the page of scripts/bench train, each as the text of an SVG."""

from matplotlib.ticker import FuncFormatter
from measurements import in_order, median
from plot_parts import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    plain_bytes,
    plain_number,
    plain_time,
    plt,
    powers,
    slope,
    svg_of,
)
from train_figures import OURS, PROGRAMS, label

STYLES = {  # colour, marker, dashes
    "products": (BLACK, "", ":"),
    "handwritten": (BLACK, "D", "-"),
    OURS: (BLUE, "o", "-"),
    "pytorch": (VERMILLION, "s", "-"),
    "pytorch_compile": (ORANGE, "s", "--"),
    "jax": (GREEN, "^", "-"),
    "libtorch": (PURPLE, "v", "-"),
    "libtorch_debian": (PURPLE, "v", "--"),
    "dlib": (SKY, ">", "-"),
}
AXES = {
    "width": "width w of 784-w-w/2-10, batch 128",
    "batch": "batch of 784-256-128-10",
    "depth": "hidden layers of 64, batch 64",
}


def style(program):
    return STYLES.get(program, (GREY, "x", "-"))


def sweep(m, kind):
    """Time of a step against width, batch or depth, both axes logarithmic."""
    figure, axes = plt.subplots(figsize=(8.4, 4.6), layout="constrained")
    for program in ("products", "handwritten", *m.programs(1)):
        points = m.sweep(kind, program)
        if not points:
            continue
        colour, marker, dash = style(program)
        power = slope(points)
        text = label(program) if power is None else f"{label(program)}: $n^{{{power:.2f}}}$"
        axes.plot(*zip(*points), color=colour, marker=marker, linestyle=dash, linewidth=1.2, label=text)
    axes.set(xscale="log", yscale="log", xlabel=AXES[kind], ylabel="time of one step")
    powers(axes.xaxis)
    powers(axes.yaxis)
    axes.xaxis.set_major_formatter(FuncFormatter(plain_number))
    axes.yaxis.set_major_formatter(FuncFormatter(plain_time))
    axes.grid(True)
    figure.legend(loc="outside right center")
    return svg_of(figure, kind)


def bars(name, values, x_label, formatter):
    """A bar for each program, Glissade's on top."""
    programs = in_order(values, PROGRAMS)
    figure, axes = plt.subplots(figsize=(7.2, 0.5 + 0.34 * len(programs)), layout="constrained")
    for row, program in enumerate(programs):
        value = values[program]
        axes.barh(row, value, color=style(program)[0], height=0.66)
        text = formatter(float(f"{value:.3g}"))
        axes.annotate(text, (value, row), xytext=(4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(programs)), [label(p) for p in programs])
    axes.set_ylim(len(programs) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(x_label)
    axes.set_xlim(0, 1.15 * max(values.values()))
    axes.xaxis.set_major_formatter(FuncFormatter(formatter))
    return svg_of(figure, name)


def figures(m):
    """The SVG text of every picture that there are measurements for, by name."""
    drawn = {kind: sweep(m, kind) for kind in AXES if m.values(kind)}
    if m.memory:
        drawn["memory"] = bars("memory", m.memory, "largest resident set, W4", plain_bytes)
    if m.starts:
        seconds = {program: median(times) for program, times in m.starts.items()}
        drawn["start"] = bars("start", seconds, "from exec to the end of the first step, W2", plain_time)
    return drawn
