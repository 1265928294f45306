"""Writes the page of scripts/bench train: tables and pictures in one HTML file."""

import html

import train_plots
from measurements import median
from page_parts import (
    about_table,
    cell,
    details,
    shown_bytes,
    shown_seconds,
    table,
    three_digits,
    write_page,
)
from train_figures import OURS, STANDARD, label

NETWORKS = {
    "W1": "2-16-16-1 tanh, batch 4, MSE, SGD",
    "W2": "32-64-64-10 ReLU, batch 32, cross-entropy, Adam",
    "W3": "784-256-128-10 ReLU, batch 128, cross-entropy, Adam",
    "W4": "784-1024-1024-10 ReLU, batch 256, cross-entropy, SGD with momentum",
    "W5": "64, 20 hidden layers of 64, 10, ReLU, batch 64, cross-entropy, Adam",
}


def targets(m):
    """(what, measured, limit, whether a larger figure is better) of what Glissade is judged by."""
    for workload, against, limit in (
        ("W1", "handwritten", 1.25),
        ("W2", "products", 1.15),
        ("W3", "products", 1.08),
        ("W4", "products", 1.15),
        ("W5", "products", 1.08),
    ):
        what = f"{workload}: Glissade / {label(against)}"
        yield what, m.standard(workload, 1, f"x_{against}"), limit, False
    for workload in ("W3", "W4"):
        what = f"{workload}, two threads: Glissade / the faster of two splits of the products"
        yield what, m.standard(workload, 2, "x_floor"), 1.15, False
    for workload, limit in (("W1", 1.0), ("W2", 1.0), ("W5", 1.4)):
        one, two = (m.standard(workload, threads, "seconds") for threads in (1, 2))
        yield f"{workload}: one thread / two threads", one / two if one and two else None, limit, True
    for workload, limit in (("W1", 2.5), ("W2", 3.0), ("W3", 1.5), ("W4", 1.0), ("W5", 2.2)):
        yield f"{workload}: the fastest peer / Glissade", m.smallest_ratio(workload, 1), limit, True
    for workload, limit in (("W1", 100.0), ("W2", 15.0), ("W5", 7.0)):
        yield f"{workload}: PyTorch / Glissade", m.ratio("pytorch", workload, 1), limit, True
    for workload in STANDARD:
        what = f"{workload}, two threads: the fastest peer / Glissade"
        yield what, m.smallest_ratio(workload, 2), 1.8, True
    yield "W4: memory / what no step can do without", m.standard("W4", 1, "x_needed"), 1.3, False
    epochs = [median(m.fashion.get(program, [])) for program in (OURS, "pytorch")]
    yield "Fashion-MNIST epoch: Glissade / PyTorch", epochs[0] / epochs[1] if all(epochs) else None, 0.5, False


def target_table(m):
    rows = []
    for what, measured, limit, larger in targets(m):
        missed = measured is not None and (measured < limit if larger else measured > limit)
        sign = "&ge;" if larger else "&le;"
        rows.append([what, cell(measured, three_digits, "miss" if missed else ""), f"<td>{sign} {limit:g}</td>"])
    return table(["one thread unless said", "measured", "target"], rows)


def by_workload(m, names, columns, value, show):
    rows = [[name, *(cell(value(column, name), show) for column in columns)] for name in names]
    return table(["workload", *map(label, columns)], rows)


def step_tables(m, threads):
    programs = m.programs(threads)
    times = by_workload(
        m,
        STANDARD,
        ["products", "handwritten", *programs],
        lambda column, name: m.standard(name, threads, f"{column}_seconds")
        if column in ("products", "handwritten")
        else m.seconds(column, name, threads),
        shown_seconds,
    )
    ratios = by_workload(
        m, STANDARD, [p for p in programs if p != OURS], lambda p, name: m.ratio(p, name, threads), three_digits
    )
    floors = ["x_products", "x_handwritten"] + (["x_split", "x_floor"] if threads == 2 else [])
    rows = [[name, *(cell(m.standard(name, threads, key), three_digits) for key in floors)] for name in STANDARD]
    heads = {"x_products": "products alone", "x_handwritten": "by hand", "x_split": "products, batch split",
             "x_floor": "faster of the products"}
    return "\n".join(
        [
            f"<h3>{threads} thread{'s' if threads > 1 else ''}</h3>",
            times,
            "<p>Each program's time divided by Glissade's:</p>",
            ratios,
            "<p>Glissade's time divided by that of what runs beside it in one process:</p>",
            table(["workload", *(heads[key] for key in floors)], rows),
        ]
    )


def sweep_table(m, kind):
    columns = ["products", "handwritten", *m.programs(1)]
    points = {column: dict(m.sweep(kind, column)) for column in columns}
    columns = [column for column in columns if points[column]]
    rows = [
        [str(value), *(cell(points[column].get(value), shown_seconds) for column in columns)]
        for value in m.values(kind)
    ]
    return details("as a table", table([kind, *map(label, columns)], rows))


def troubles(m):
    rows = [[name, f"<td>{html.escape(why)}</td>"] for name, why in sorted({**m.left_out, **m.errors}.items())]
    for program, workload, threads in sorted(m.samples):
        if m.learned(program, workload, threads) is False:
            what = f"{program}, {workload}, threads: {threads}"
            rows.append([what, "<td>the loss did not fall</td>"])
    return rows


SECTIONS = {
    "width": ("Time against width", "W3's network at other widths. Between powers of two stand their 1.5 fold."),
    "batch": ("Time against batch", "W3 with other batches."),
    "depth": ("Time against depth", "W5 with other numbers of hidden layers."),
    "memory": (
        "Memory",
        "The largest resident set of a program that trains W4 and nothing else, libraries and interpreter included.",
    ),
    "start": ("Start-up", "From exec of a program to the end of its first step of W2, compiling included."),
}


def write(m, path):
    """Writes the page to `path`, and returns its pictures by name."""
    drawn = train_plots.figures(m)
    networks = table(["workload", "network"], [[w, f"<td>{text}</td>"] for w, text in NETWORKS.items()])
    parts = [
        "<h1>Training steps, benchmarked</h1>",
        f"<p>Forward, backward, update, in float32. Programs take turns of some hundredths of a second, because the "
        f"clock of a shared machine wanders; figures are medians of {m.rounds()} rounds, and ratios are medians of the "
        "ratios within a round. A dash is a figure that was not measured.</p>",
        target_table(m),
        networks,
        "<h2>Time of a step</h2>",
        *(step_tables(m, threads) for threads in m.thread_counts()),
    ]
    for name, svg in drawn.items():
        title, text = SECTIONS[name]
        parts.append(f"<h2>{title}</h2>\n<p>{text}</p>\n<figure>{svg}</figure>")
        if name in train_plots.AXES:
            parts.append(sweep_table(m, name))
    needed = m.standard("W4", 1, "needed_bytes")
    if needed:
        peak = m.standard("W4", 1, "peak_bytes")
        parts.append(
            f"<p>Of W4, parameters, gradients, the optimizer's state, inputs and outputs of layers are "
            f"{shown_bytes(needed)}; Glissade's allocator had at most {shown_bytes(peak)} in use.</p>"
        )
    if m.fashion:
        rows = [
            [label(p), cell(median(times), shown_seconds), cell(m.accuracy[p][-1], lambda v: f"{v:.2%}")]
            for p, times in m.fashion.items()
        ]
        parts.append(
            "<h2>Fashion-MNIST</h2>\n<p>An epoch of 784-256-128-10, batch 128, Adam, two threads, shuffling and "
            "gathering included.</p>"
        )
        parts.append(table(["program", "one epoch", "accuracy after the last one"], rows))
    rows = troubles(m)
    if rows:
        parts += ["<h2>Without a figure</h2>", table(["name", "why"], rows)]
    parts += ["<h2>Machine and programs</h2>", about_table(m.about, {label(p): t for p, t in m.contexts.items()})]
    write_page(path, "Training steps, benchmarked", parts)
    return drawn
