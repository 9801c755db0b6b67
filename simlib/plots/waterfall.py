"""Waterfall: what each variant does to one answer, from the baseline, or from the variant before where they pile up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.plots import style
from simlib.plots.rows import fit, name, number, rows, whisker
from simlib.results import long_date

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.whatif import Comparison


def waterfall(result: Comparison, ax: Axes, *, measure: str | None = None, cumulative: bool = False) -> Axes:
    """Draw the baseline and, for each variant, a bar to where it takes a measure (default: the first); return `ax`.

    A rise is plain, a fall hatched; whiskers are the interval of the difference to the baseline. `cumulative`: the
    variants pile up (`whatif.cumulative`), and each bar begins where the one before ended.
    """
    key = measure or result.measures[0].name
    found = {label: effect.differences[key] for label, effect in result.effects.items()}
    first = next(iter(found.values()))
    asked, before = first.measure, float(first.before[-1])
    write = asked.write
    strongest = max(found, key=lambda label: abs(float(found[label].change[-1])))
    title = f"{asked.label}: “{strongest}” takes it from {write(before)} to {write(float(found[strongest].after[-1]))}"
    what = "probability" if asked.probability else "expected number"
    how = f", over {result.over_priors} draws of the priors" if result.over_priors else ", at the stated values"
    style.dress(ax, fit(title, ax), f"{what} by {long_date(result.by)}{how}")
    rows(ax, len(found) + 1)
    name(ax, 0, "Baseline")
    ax.barh(0.2, before, height=0.36, color=style.GHOST)
    number(ax, before, 0.2, write(before))
    start, highest = before, before
    for row, (label, difference) in enumerate(found.items(), start=1):
        after, change = float(difference.after[-1]), float(difference.after[-1]) - start
        rise = change >= 0
        ax.barh(row + 0.2, change, left=start, height=0.36, color=style.ORANGE if rise else style.SKY,
                edgecolor=style.INK, linewidth=0.5, hatch="" if rise else "////")  # fmt: skip
        low, high = before + float(difference.low[-1]), before + float(difference.high[-1])
        if high - low > 1e-6:
            whisker(ax, max(low, 0.0), high, row + 0.2)
        ax.plot([start, start], [row - 0.42, row + 0.42], color=style.GHOST, linewidth=0.8, linestyle=(0, (2, 2)))
        name(ax, row, label)
        step = style.points(change) if asked.probability else f"{change:+.2g}"
        number(ax, max(start, after, high), row + 0.2, f"{write(after)}  {step}")
        highest = max(highest, after, high)
        start = after if cumulative else before
    if asked.probability:
        style.percent_axis(ax, style.round_top(highest), horizontal=True)
    ax.set_xlim(0, highest * 1.25 if highest > 0 else 1)
    return ax
