"""The effects of variants (changed copies) on one measure, alone or one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.formatting import quoted
from simlib.plots import style
from simlib.plots.row_layout import bar, heading, limits, name, number, rows, whisker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from simlib.analysis.whatif.contrast import Difference
    from simlib.analysis.whatif.result import Comparison


def effects(result: Comparison, ax: Axes, *, measure: str | None = None) -> Axes:
    """Draw a bar for a measure in the scenario, and a bar for its change in each variant.

    A measure is a probability or an expected number (default: the first of `result`). A variant is a changed copy of
    the scenario. The bar of a rise is plain, and the bar of a fall is hatched. Whiskers are intervals of the change.
    """
    differences = _differences(result, measure)
    first = next(iter(differences.values()))
    target, before = first.measure, float(first.before[-1])
    strongest = max(differences, key=lambda label: abs(float(differences[label].change[-1])))
    took = f"takes it from {target.write(before)} to {target.write(float(differences[strongest].after[-1]))}"
    took = took if differences[strongest].moved else f"does not change it: {target.write(before)}"
    _begin(result, ax, f"{target.label}: {quoted(strongest)} {took}", first, len(differences) + 1)
    highest = before
    for row, (label, difference) in enumerate(differences.items(), start=1):
        name(ax, row, label)
        highest = max(highest, _step(ax, row, difference, before))
    return _end(ax, first, highest)


def waterfall(result: Comparison, ax: Axes, *, measure: str | None = None) -> Axes:
    """Draw the effects of changes of a scenario that are made one after the other.

    Each variant in `result` must add one change to the variant before it. The bar of each change begins where the bar
    before it ended, and the last bar shows all changes together. A measure is a probability or an expected number
    (default: the first). The bar of a rise is plain, and the bar of a fall is hatched. Whiskers are intervals of the
    difference between variant and scenario.
    """
    differences = _differences(result, measure)
    first, last = next(iter(differences.values())), list(differences.values())[-1]
    target, before, after = first.measure, float(first.before[-1]), float(last.after[-1])
    starts = [before, *(float(d.after[-1]) for d in differences.values())][:-1]
    steps = {label: float(d.after[-1]) - start for (label, d), start in zip(differences.items(), starts, strict=True)}
    largest = max(steps, key=lambda label: abs(steps[label]))
    took = f"take it from {target.write(before)} to {target.write(after)}"
    together = f"{target.label}: {len(differences)} changes together {took}"
    _begin(result, ax, f"{together}; {quoted(largest)} moves it most", first, len(differences) + 2)
    highest = before
    for row, (label, start) in enumerate(zip(differences, starts, strict=True), start=1):
        name(ax, row, f"and then: {label}" if row > 1 else label)
        highest = max(highest, _step(ax, row, differences[label], start))
    total = len(differences) + 1
    name(ax, total, "All together")
    ax.barh(total + 0.2, after, height=0.36, color=style.GHOST)
    number(ax, after, total + 0.2, target.write(after))
    return _end(ax, first, highest)


def _differences(result: Comparison, measure: str | None) -> Mapping[str, Difference]:
    key = measure or result.measures[0].name
    return {label: effect.differences[key] for label, effect in result.effects.items()}


def _begin(result: Comparison, ax: Axes, title: str, first: Difference, count: int) -> None:
    what = "probability" if first.measure.probability else "expected number"
    how = f", over {result.draws} draws of the assumptions" if result.draws else ", at the stated values"
    heading(ax, title, f"{what} by {result.by_words}{how}")
    rows(ax, count)
    name(ax, 0, "Baseline")
    before = float(first.before[-1])
    ax.barh(0.2, before, height=0.36, color=style.GHOST)
    number(ax, before, 0.2, first.measure.write(before))


def _step(ax: Axes, row: int, difference: Difference, start: float) -> float:
    """Draw a bar with a whisker from `start` to a variant's value, and return their right end."""
    before, after = float(difference.before[-1]), float(difference.after[-1])
    change, target = after - start, difference.measure
    rise = change >= 0
    bar(ax, row, change, style.ORANGE if rise else style.SKY, left=start, hatched=not rise)
    low, high = before + float(difference.low[-1]), before + float(difference.high[-1])
    if high - low > 1e-6:
        whisker(ax, max(low, 0.0), high, row + 0.2)
    ax.plot([start, start], [row - 0.42, row + 0.42], color=style.GHOST, linewidth=0.8, linestyle=(0, (2, 2)))
    step = style.points(change) if target.probability else f"{change:+.2g}"
    written = target.write(after) if difference.moved else f"{target.write(after)}, unchanged"
    text = f"{written}  {step}" if difference.moved else written
    left = not rise and difference.moved and after > 0.4 * start  # beside the new value, if there is room
    number(ax, min(after, low) if left else max(start, after, high), row + 0.2, text, right=not left)
    return max(start, after, high)


def _end(ax: Axes, first: Difference, highest: float) -> Axes:
    if first.measure.probability:
        style.percent_axis(ax, style.round_top(highest), horizontal=True)
    limits(ax, 0, highest * 1.25 if highest > 0 else 1)
    return ax
