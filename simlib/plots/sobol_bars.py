"""Bars of Sobol indices: the share of the variance of a result that each assumption causes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simlib.analysis.sensitivity.sobol_indices import share_in_words
from simlib.formatting import counted, quoted
from simlib.plots import style
from simlib.plots.row_layout import heading, limits, name, number, rows, whisker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.sensitivity.sobol_indices import Share, Sobol

SHARE_ROWS = 8


def _title(measure: str, some: Sequence[Share]) -> str:
    """Return a title that names the input with the largest Sobol index.

    If the first-order index of an input is not known, its total index is used.
    """
    known = [
        (index.estimate, alone, share.input)
        for share in some
        for index, alone in ((share.first, True), (share.total, False))
        if index.known and (alone or not share.first.known)
    ]
    if not known:
        return f"{measure}: no share of the spread is known"
    size, alone, best = max(known, key=lambda each: each[0])
    first, *tied = best.label.split(" + ")
    which = quoted(first) + (f" and {counted(len(tied), 'assumption')} tied to it" if tied else "")
    comes = "comes" if alone else "comes, with interactions,"
    return f"{share_in_words(size).capitalize()} of the spread of {quoted(measure)} {comes} from {which}"


def shares(result: Sobol, ax: Axes, *, measure: str | None = None, most: int = SHARE_ROWS) -> Axes:
    """Draw the first-order (filled) and total (hollow) Sobol indices of a measure.

    A measure is a probability or an expected number (default: the first). Whiskers are 95% intervals. At most `most`
    inputs are drawn. If the interval is too wide for an index to be of use, only the interval is drawn.
    """
    about = result.measures[measure or next(iter(result.measures))]
    some = about.shares[:most]
    title = _title(about.measure.label, some)
    unit = f"share of the variance over the priors, by {result.by_words}"
    heading(ax, title, f"{unit}; filled: alone, hollow: with interactions; whiskers: 95%")
    rows(ax, len(some))
    for row, share in enumerate(some):
        name(ax, row, share.input.label)
        for index, shift, face in ((share.first, 0.11, style.BLUE), (share.total, 0.31, "none")):
            if index.known:
                ax.barh(row + shift, index.estimate, height=0.17, color=face, edgecolor=style.BLUE, linewidth=1)
            whisker(ax, index.low, index.high, row + shift)
        texts = [f"{100 * index.estimate:.0f}%" if index.known else "not known" for index in (share.first, share.total)]
        if share.first.known and share.total.known and share.total.estimate < share.first.estimate:
            texts[1] = "no more"  # a total below the first-order index is noise
        number(ax, max(share.first.high, share.total.high), row + 0.2, f"{texts[0]} alone; {texts[1]} with others")
    limits(ax, 0, 1.55)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    return ax
