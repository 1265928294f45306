"""The tables of an HTML page, for the tests of the pages of benchmarks."""

import html.parser
import sys


class Page(html.parser.HTMLParser):
    """The tables of a page by heading, the cells as text with their class; and its titles."""

    def __init__(self, text):
        super().__init__()
        self.heading = ""
        self.tables = {}  # (h2, h3) -> rows of (text, class)
        self.open = []
        self.kind = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag in ("h1", "h2", "h3", "th", "td"):
            self.open, self.kind = [], dict(attributes).get("class", "")
        if tag == "table":
            self.rows = self.tables.setdefault(self.heading, [])
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        self.open.append(data)

    def handle_endtag(self, tag):
        text = "".join(self.open)
        if tag in ("h1", "h2"):
            self.heading = text
        elif tag == "h3":
            self.heading = f"{self.heading.split(' | ')[0]} | {text}"
        elif tag in ("th", "td"):
            self.rows[-1].append((text, self.kind))

    def cell(self, heading, row, column):
        head, *rows = self.tables[heading]
        names = [text for text, _ in head]
        return {r[0][0]: r for r in rows}[row][names.index(column)]


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r}, but it should be {wanted!r}")


def expect_column(page, heading, column, wanted):
    """`wanted` has, for the rows that are looked at, the text and the class of their cell in the column."""
    for row, cell in wanted.items():
        expect(row, page.cell(heading, row, column), cell)
