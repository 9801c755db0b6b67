"""Sobol indices of one answer as bars: which assumptions cause its spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.analysis.sensitivity.sobol_indices import share_in_words
from simlib.plots import style
from simlib.plots.row_layout import fit, name, number, rows, whisker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.sensitivity.sobol_indices import Sobol

ROWS = 8


def shares(result: Sobol, ax: Axes, *, measure: str | None = None, most: int = ROWS) -> Axes:
    """Draw first-order (filled) and total (hollow) indices with their 95% intervals; return `ax`.

    Where an interval makes an index meaningless, only the interval is drawn.
    """
    about = result.measures[measure or next(iter(result.measures))]
    some = about.shares[:most]
    known = [share for share in some if share.first.known]
    title = f"{about.measure.label}: no share of the spread is known"
    if known:
        best = max(known, key=lambda share: share.first.estimate)
        words = share_in_words(best.first.estimate).capitalize()
        tied = len(best.input.assumptions)
        which = f"“{best.input.label}”" if tied == 1 else f"{tied} assumptions that are tied to each other"
        title = f"{words} of the spread of “{about.measure.label}” comes from {which}"
    unit = f"share of the variance over the priors, by {result.by_words}"
    style.dress(ax, fit(title, ax), f"{unit}; filled: alone, hollow: with others; whiskers: 95%")
    rows(ax, len(some))
    for row, share in enumerate(some):
        name(ax, row, share.input.label)
        for index, shift, face in ((share.first, 0.11, style.BLUE), (share.total, 0.31, "none")):
            if index.known:
                ax.barh(row + shift, index.estimate, height=0.17, color=face, edgecolor=style.BLUE, linewidth=1)
            whisker(ax, index.low, index.high, row + shift)
        texts = [f"{100 * index.estimate:.0f}%" if index.known else "not known" for index in (share.first, share.total)]
        if share.first.known and share.total.known and share.total.estimate < share.first.estimate:
            texts[1] = "no more"  # it is at least the first: what is less is noise
        number(ax, max(share.first.high, share.total.high), row + 0.2, f"{texts[0]} alone; {texts[1]} with others")
    ax.set_xlim(0, 1.45)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    return ax
