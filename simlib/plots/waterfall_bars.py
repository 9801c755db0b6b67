"""What variants do to one answer: each from the baseline, or, where they pile up, each from the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.formatting import long_date
from simlib.plots import style
from simlib.plots.rows import fit, name, number, rows, whisker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from simlib.analysis.whatif.comparison import Comparison
    from simlib.analysis.whatif.contrast import Difference


def effects(result: Comparison, ax: Axes, *, measure: str | None = None) -> Axes:
    """Draw the baseline and, for each variant, a bar from it to where it takes a measure (default: the first).

    A rise is plain, a fall hatched; whiskers are the interval of the difference to the baseline. Returns `ax`.
    """
    found = _found(result, measure)
    first = next(iter(found.values()))
    asked, before = first.measure, float(first.before[-1])
    strongest = max(found, key=lambda label: abs(float(found[label].change[-1])))
    took = f"takes it from {asked.write(before)} to {asked.write(float(found[strongest].after[-1]))}"
    took = took if found[strongest].moved else f"does not change it: {asked.write(before)}"
    _begin(result, ax, f"{asked.label}: “{strongest}” {took}", first, len(found) + 1)
    highest = before
    for row, (label, difference) in enumerate(found.items(), start=1):
        name(ax, row, label)
        highest = max(highest, _step(ax, row, difference, before))
    return _end(ax, first, highest)


def waterfall(result: Comparison, ax: Axes, *, measure: str | None = None) -> Axes:
    """Draw variants that pile up (`whatif.cumulative`): each bar begins where the one before ended; return `ax`.

    The last bar is all of them together. Looks and whiskers are those of `effects`.
    """
    found = _found(result, measure)
    first, last = next(iter(found.values())), list(found.values())[-1]
    asked, before, after = first.measure, float(first.before[-1]), float(last.after[-1])
    starts = [before, *(float(d.after[-1]) for d in found.values())][:-1]
    steps = {label: float(d.after[-1]) - start for (label, d), start in zip(found.items(), starts, strict=True)}
    largest = max(steps, key=lambda label: abs(steps[label]))
    together = (
        f"{asked.label}: {len(found)} changes together take it from {asked.write(before)} to {asked.write(after)}"
    )
    _begin(result, ax, f"{together}, “{largest}” furthest", first, len(found) + 2)
    highest = before
    for row, (label, start) in enumerate(zip(found, starts, strict=True), start=1):
        name(ax, row, f"and then: {label}" if row > 1 else label)
        highest = max(highest, _step(ax, row, found[label], start))
    total = len(found) + 1
    name(ax, total, "All together")
    ax.barh(total + 0.2, after, height=0.36, color=style.GHOST)
    number(ax, after, total + 0.2, asked.write(after))
    return _end(ax, first, highest)


def _found(result: Comparison, measure: str | None) -> Mapping[str, Difference]:
    key = measure or result.measures[0].name
    return {label: effect.differences[key] for label, effect in result.effects.items()}


def _begin(result: Comparison, ax: Axes, title: str, first: Difference, count: int) -> None:
    what = "probability" if first.measure.probability else "expected number"
    how = f", over {result.over_priors} draws of the priors" if result.over_priors else ", at the stated values"
    style.dress(ax, fit(title, ax), f"{what} by {long_date(result.by)}{how}")
    rows(ax, count)
    name(ax, 0, "Baseline")
    before = float(first.before[-1])
    ax.barh(0.2, before, height=0.36, color=style.GHOST)
    number(ax, before, 0.2, first.measure.write(before))


def _step(ax: Axes, row: int, difference: Difference, start: float) -> float:
    """Draw a bar from `start` to where a variant takes the measure; return how far right it reaches."""
    before, after = float(difference.before[-1]), float(difference.after[-1])
    change, asked = after - start, difference.measure
    rise = change >= 0
    ax.barh(
        row + 0.2,
        change,
        left=start,
        height=0.36,
        color=style.ORANGE if rise else style.SKY,
        edgecolor=style.INK,
        linewidth=0.5,
        hatch="" if rise else "////",
    )
    low, high = before + float(difference.low[-1]), before + float(difference.high[-1])
    if high - low > 1e-6:
        whisker(ax, max(low, 0.0), high, row + 0.2)
    ax.plot([start, start], [row - 0.42, row + 0.42], color=style.GHOST, linewidth=0.8, linestyle=(0, (2, 2)))
    step = style.points(change) if asked.probability else f"{change:+.2g}"
    written = asked.write(after) if difference.moved else f"{asked.write(after)}, unchanged"
    number(ax, max(start, after, high), row + 0.2, f"{written}  {step}" if difference.moved else written)
    return max(start, after, high)


def _end(ax: Axes, first: Difference, highest: float) -> Axes:
    if first.measure.probability:
        style.percent_axis(ax, style.round_top(highest), horizontal=True)
    ax.set_xlim(0, highest * 1.25 if highest > 0 else 1)
    return ax
