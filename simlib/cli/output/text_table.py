"""Plain-text tables: a label on the left, aligned columns on the right."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LABEL = 38
"""Widest label, in characters; longer ones go on in the next line."""

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Row:
    """A label and one cell for each column."""

    label: str
    cells: Sequence[str]


def table(title: str, head: Sequence[Sequence[str]], rows: Sequence[Row]) -> str:
    """Return a table under a title; `head` has one or more lines of column headings."""
    lines = [*(Row("", line) for line in head), *rows]
    widths = [max(len(line.cells[column]) for line in lines) for column in range(len(head[0]))]
    label = min(max((len(row.label) for row in rows), default=0), LABEL)
    return "\n".join([title, *(text for line in lines for text in _lines(line, label, widths))])


def _lines(row: Row, label: int, widths: Sequence[int]) -> Iterator[str]:
    parts = textwrap.wrap(row.label, label) or [""] if label else [""]
    cells = _GAP.join(cell.rjust(width) for cell, width in zip(row.cells, widths, strict=True))
    for part in parts[:-1]:
        yield f"{_GAP}{part}"
    yield f"{_GAP}{parts[-1].ljust(label)}{_GAP}{cells}".rstrip()
