"""Plain-text tables that fit the terminal: labels on the left, columns on the right."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDEST_LABEL, NARROWEST_LABEL = 38, 14
"""Widest and narrowest column of labels, in characters. A longer label continues on the next line."""

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Row:
    """A label and one cell for each column."""

    label: str
    cells: Sequence[str]


def table(title: str, head: Sequence[Sequence[str]], rows: Sequence[Row], width: int | None = None) -> str:
    """Return a table under a title.

    If the table is too wide, the column of labels gets narrower. Columns that still do not fit go into further tables.

    Args:
        title: The line above the table.
        head: The lines of column headings, each with one text for each column.
        rows: The rows.
        width: The largest number of characters in a line. None means the result of `terminal_width`.
    """
    width = terminal_width() if width is None else width
    lines = [*(Row("", line) for line in head), *rows]
    widths = [max(len(line.cells[column]) for line in lines) for column in range(len(head[0]))]
    longest = min(max((len(row.label) for row in rows), default=0), WIDEST_LABEL)
    room = width - len(_GAP) - sum(len(_GAP) + each for each in widths)
    label = max(min(longest, room), min(longest, NARROWEST_LABEL))
    texts = [part for line in title.split("\n") for part in textwrap.wrap(line, width)]
    for number, (first, last) in enumerate(_groups(widths, width - len(_GAP) - label)):
        texts += [""] * bool(number)
        texts += (
            text
            for line in lines
            for text in _lines(Row(line.label, line.cells[first:last]), label, widths[first:last])
        )
    return "\n".join(texts)


def terminal_width() -> int:
    """Return the number of characters in a line of the terminal, or 10,000 without a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000


def _groups(widths: Sequence[int], room: int) -> Iterator[tuple[int, int]]:
    first, used = 0, 0
    for column, width in enumerate(widths):
        if column > first and used + len(_GAP) + width > room:
            yield first, column
            first, used = column, 0
        used += len(_GAP) + width
    yield first, len(widths)


def _lines(row: Row, label: int, widths: Sequence[int]) -> Iterator[str]:
    parts = textwrap.wrap(row.label, label) or [""] if label else [""]
    cells = _GAP.join(cell.rjust(width) for cell, width in zip(row.cells, widths, strict=True))
    for part in parts[:-1]:
        yield f"{_GAP}{part}"
    yield f"{_GAP}{parts[-1].ljust(label)}{_GAP}{cells}".rstrip()
