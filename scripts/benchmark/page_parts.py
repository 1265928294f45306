"""What the pages of all benchmarks have in common: tables, units, the page around them."""

import html
import math

import plot_parts

CSS = """
body { font: 15px/1.5 system-ui, "DejaVu Sans", Verdana, sans-serif; color: #222; background: #fff;
  max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
.scroll { overflow-x: auto; } svg { max-width: 100%; height: auto; }
figure { margin: 1rem 0; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #888; white-space: normal; vertical-align: bottom; }
td.best { font-weight: bold; } td.none { color: #999; } td.miss { color: #a33; }
code, pre { font: 13px/1.4 "DejaVu Sans Mono", monospace; background: #f4f4f4; }
pre { padding: .6rem; overflow-x: auto; }
"""


def three_digits(value):
    """1.04, 25.3, 603, 78900: three digits, more only before the point."""
    if value == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, digits):.{max(digits, 0)}f}"


def with_unit(value, units):
    factor, unit = [u for u in units if u[0] <= value][-1] if value >= units[0][0] else units[0]
    return f"{three_digits(value / factor)} {unit}"


def shown_seconds(value):
    return with_unit(value, plot_parts.TIME_UNITS)


def shown_bytes(value):
    return "0 B" if value == 0 else with_unit(value, plot_parts.BYTE_UNITS)


def shown_error(value):
    if math.isinf(value):
        return "too large"
    return "0" if value == 0 else f"{value:.1e}"


def cell(value, show, kind=""):
    if value is None:
        return '<td class="none">&ndash;</td>'
    return f'<td class="{kind}">{show(value)}</td>' if kind else f"<td>{show(value)}</td>"


def table(head, rows):
    """`rows` are lists of finished cells; the first of each is a text."""
    heads = "".join(f"<th>{html.escape(h)}</th>" for h in head)
    body = "\n".join(f"<tr><td>{html.escape(r[0])}</td>{''.join(r[1:])}</tr>" for r in rows)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def details(title, content):
    return f"<details><summary>{html.escape(title)}</summary>{content}</details>"


def about_table(about, contexts):
    """What was measured with: the machine, and what each program says of itself."""
    rows = [[key, f"<td>{html.escape(str(value))}</td>"] for key, value in about.items()]
    for program, text in contexts.items():
        rows.append([program, f'<td style="white-space: normal; text-align: left">{html.escape(text)}</td>'])
    return table(["measured with", ""], rows)


def context_text(context):
    """Google Benchmark's context without what says nothing of the program."""
    skip = ("date", "host_name", "executable", "caches", "load_avg", "json_schema_version")
    return ", ".join(f"{k}: {v}" for k, v in context.items() if k not in skip)


def write_page(path, title, parts):
    head = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{html.escape(title)}</title><style>{CSS}</style></head><body>",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*head, *parts, "</body></html>\n"]), encoding="utf-8")
