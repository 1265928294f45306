"""What the pictures of all benchmark pages have in common; each is the text of an SVG.

Colours are those of Okabe and Ito (2008), which colour-blind people can tell apart.
"""

import io
import math
import re

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter

BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
BLUE, VERMILLION, PURPLE, GREY = "#0072b2", "#d55e00", "#cc79a7", "#777777"

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


def slope(points):
    """How the logarithm grows over the upper half of the points; None if there are too few."""
    upper = [(math.log(x), math.log(y)) for x, y in points[len(points) // 2 :]]
    if len(upper) < 2:
        return None
    mean_x = sum(x for x, _ in upper) / len(upper)
    mean_y = sum(y for _, y in upper) / len(upper)
    squares = sum((x - mean_x) ** 2 for x, _ in upper)
    return sum((x - mean_x) * (y - mean_y) for x, y in upper) / squares if squares else None
