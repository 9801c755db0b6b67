"""By which path: the likeliest classes of paths, the tree they form, the flow between rungs, and single histories."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from simlib.plots import style
from simlib.plots.rows import fit, letters, name, number, rows, whisker
from simlib.results import long_date, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.paths import Paths
    from simlib.engines.histories import Histories

ROWS = 10

COLUMN = 0.02
"""Share of the histories that must reach a step of the path for it to be drawn."""


def path_classes(result: Paths, ax: Axes, *, most: int = ROWS) -> Axes:
    """Draw the probability of the likeliest classes of paths as bars, each named by its rungs; return `ax`."""
    some = result.classes[:most]
    covered = sum(c.probability for c in some)
    verb = "covers" if len(some) == 1 else "cover"
    whole = _ended_so(result) if result.given else "all histories"
    title = f"{style.counted(len(some), 'order')} of rungs {verb} {percent(min(covered, 1.0))} of {whole}"
    style.dress(ax, fit(title, ax), f"{_unit(result)} by {long_date(result.scenario.by_date(result.day))}")
    rows(ax, len(some))
    for row, c in enumerate(some):
        ax.barh(row + 0.2, c.probability, height=0.3, color=style.BLUE, edgecolor=style.INK, linewidth=0.5)
        if c.high - c.low > 1e-6:
            whisker(ax, c.low, c.high, row + 0.2)
        name(ax, row, f"{' → '.join(c.rungs)}  ({result.label(c.ending)})")
        number(ax, c.high, row + 0.2, percent(c.probability))
    style.percent_axis(ax, style.round_top(max(c.high for c in some) * 1.1), horizontal=True)
    return ax


def path_tree(result: Paths, ax: Axes, *, least: float = 0.01, depth: int = 5) -> Axes:
    """Draw the prefixes of paths as a tree from left to right, thick where probable; return `ax`.

    Branches entered with a probability below `least`, or deeper than `depth` rungs, are left out; the title says
    nothing of them, the paths that end on the way are the difference between a node and its branches.
    """
    nodes = [b for b in result.tree if b.entered >= least and len(b.rungs) <= depth]
    nodes.sort(key=lambda b: (len(b.rungs), -b.entered))
    place = _tree_places({b.rungs: b.entered for b in nodes})
    first = max((b for b in nodes if len(b.rungs) == 2), key=lambda b: b.entered, default=None)
    title = "nothing leaves the first rung" if first is None else (
        f"from “{first.rungs[0]}” the likeliest next rung is “{first.rungs[1]}” ({percent(first.share_of_parent)})"
    )  # fmt: skip
    by = long_date(result.scenario.by_date(result.day))
    begun = "share that began so of the histories that end so" if result.given else "probability of having begun so"
    style.dress(
        ax, fit(_conditioned(result, title), ax), f"{begun}, by {by}; in brackets: share of the branch it leaves"
    )
    deepest = max(len(b.rungs) for b in nodes)
    colours = dict(zip(_rung_names(result), style.ordered(len(_rung_names(result))), strict=True))
    letter = (deepest - 0.1) / letters(ax)  # branches begin where the label of what they leave ends
    label: dict[tuple[str, ...], float] = {}
    for b in nodes:
        x, y = len(b.rungs) - 1.0, place[b.rungs]
        if len(b.rungs) > 1:
            parent = b.rungs[:-1]
            start, bend = place[parent], np.linspace(0, 1, 30)
            ease, left = bend**2 * (3 - 2 * bend), x - 1 + label[parent]
            ax.plot(left + (x - left) * bend, start + (y - start) * ease, color=style.GHOST, alpha=0.7, zorder=1,
                    linewidth=0.8 + 12 * b.entered, solid_capstyle="butt")  # fmt: skip
        ax.plot([x], [y], "o", markersize=8, color=colours[b.rungs[-1]], markeredgecolor=style.INK, zorder=3)
        share = f" ({percent(b.share_of_parent)})" if len(b.rungs) > 1 else ""
        lines = (b.rungs[-1], f"{percent(b.entered)}{share}")
        label[b.rungs] = min(0.04 + (2 + max(map(len, lines))) * letter, 0.75)
        ax.annotate(style.plain("\n".join(lines)), (x, y), (8, 0), zorder=4, textcoords="offset points",
                    fontsize=style.SMALL, va="center", color=style.INK)  # fmt: skip
    ax.set_xlim(-0.15, deepest - 0.25)
    ax.set_ylim(max(place.values()) + 0.6, -0.6)
    return _bare(ax)


def _ended_so(result: Paths) -> str:
    return f"the histories that end in “{result.label(result.given)}”"


def _unit(result: Paths) -> str:
    """Say what a number is: a probability or, given an ending, a share of the histories that end so."""
    return "share of the histories that end so" if result.given else "probability"


def _conditioned(result: Paths, title: str) -> str:
    """Return a title as a sentence that begins with the ending it is given, where it is."""
    return f"Of {_ended_so(result)}: {title}" if result.given else title[0].upper() + title[1:]


def _tree_places(entered: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """Return the height of each node: leaves one apart, a parent in the middle of its branches."""
    place: dict[tuple[str, ...], float] = {}
    free = itertools.count()

    def put(node: tuple[str, ...]) -> float:
        below = sorted((n for n in entered if n[:-1] == node), key=lambda n: -entered[n])
        place[node] = float(np.mean([put(n) for n in below])) if below else float(next(free))
        return place[node]

    for root in sorted((n for n in entered if len(n) == 1), key=lambda n: -entered[n]):
        put(root)
    return place


def _rung_names(result: Paths) -> list[str]:
    return [rung.id for rung in result.scenario.ladders[result.ladder].rungs]


def sankey(result: Paths, ax: Axes, *, steps: int = 4) -> Axes:
    """Draw the flow of histories from their first rung to the second, third, ... they visit; return `ax`.

    A column is a step of the path, a bar a rung (its height the probability of being the rung visited at that step),
    a band the histories that go on to the next column; what does not go on stays there to the end. Columns that hardly
    any history reaches are left out.
    """
    names = _rung_names(result)
    reached: defaultdict[int, float] = defaultdict(float)
    for b in result.tree:
        reached[len(b.rungs)] += b.entered
    steps = max(min(steps, sum(share >= COLUMN for share in reached.values())), 1)
    colours = dict(zip(names, style.ordered(len(names)), strict=True))
    mass: defaultdict[tuple[int, str], float] = defaultdict(float)
    bands: defaultdict[tuple[int, str, str], float] = defaultdict(float)
    for b in result.tree:
        depth = len(b.rungs) - 1
        if depth < steps:
            mass[depth, b.rungs[-1]] += b.entered
            if depth:
                bands[depth, b.rungs[-2], b.rungs[-1]] += b.entered
    floor = _stacked(mass, names, steps)
    gone: defaultdict[tuple[int, str], float] = defaultdict(float)
    come: defaultdict[tuple[int, str], float] = defaultdict(float)
    for (depth, here, there), width in sorted(bands.items(), key=lambda item: (item[0][0], names.index(item[0][2]))):
        start = floor[depth - 1, here] + gone[depth - 1, here]
        end = floor[depth, there] + come[depth, there]
        gone[depth - 1, here] += width
        come[depth, there] += width
        x = np.linspace(depth - 1 + 0.06, depth - 0.06, 40)
        ease = (t := np.linspace(0, 1, 40)) ** 2 * (3 - 2 * t)
        low = start + (end - start) * ease
        ax.fill_between(x, low, low + width, color=colours[there], alpha=0.45, linewidth=0)
    for (depth, rung), height in mass.items():
        if height <= 0:
            continue
        ax.bar(depth, height, bottom=floor[depth, rung], width=0.12, color=colours[rung], edgecolor=style.INK,
               linewidth=0.5, zorder=3)  # fmt: skip
        if height >= 0.012:
            middle = (depth + 0.06, floor[depth, rung] + height / 2)
            ax.annotate(f"{style.plain(rung)} {percent(height)}", middle, (4, 0),
                        textcoords="offset points", fontsize=style.SMALL, va="center", zorder=4, color=style.INK,
                        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8})  # fmt: skip
    moving = sum(height for (depth, _), height in mass.items() if depth == 1)
    by = long_date(result.scenario.by_date(result.day))
    whole = _ended_so(result) if result.given else "histories"
    heights = "shares of the histories that end so" if result.given else "probabilities"
    style.dress(ax, fit(f"{percent(min(moving, 1.0))} of {whole} leave their first rung", ax),
                f"by {by}; columns: the first, second, ... rung visited; heights are {heights}")  # fmt: skip
    deepest = max(depth for depth, _ in mass)
    ax.set_xlim(-0.1, deepest + 0.75)
    ax.set_ylim(max(floor[key] + mass[key] for key in mass) * 1.02, -0.02)
    return _bare(ax)


def _stacked(mass: Mapping[tuple[int, str], float], names: list[str], steps: int) -> dict[tuple[int, str], float]:
    """Return where each bar begins: rungs in the order of the ladder, a gap between bars."""
    floor = {}
    for depth in range(steps):
        height = 0.0
        for rung in names:
            if mass.get((depth, rung), 0.0) > 0:
                floor[depth, rung] = height
                height += mass[depth, rung] + 0.03
    return floor


def ladder_histories(told: Histories, ax: Axes, *, ladder: str | None = None, most: int = 40) -> Axes:
    """Draw sampled histories as steps over the rungs of a ladder, the most typical one picked out; return `ax`.

    Typical is the history whose time on each rung is nearest to the average.
    """
    from simlib.tables import Tables

    scenario = told.scenario
    chosen = ladder or scenario.ladder or next(iter(scenario.ladders))
    names = [rung.id for rung in scenario.ladders[chosen].rungs]
    rungs = Tables(scenario).rungs(told.levels)[list(scenario.ladders).index(chosen)]
    lines, stays = [], np.zeros((len(told), len(names)))
    for index, (first, last) in enumerate(itertools.pairwise(told.start.tolist())):
        end = min(float(told.ending_time[index]), told.horizon)
        days = np.append(told.time[first:last], end)
        np.add.at(stays[index], rungs[first:last], np.diff(days))
        lines.append((days, np.append(rungs[first:last], rungs[last - 1])))
    typical = int(np.argmin(np.abs(stays - stays.mean(axis=0)).sum(axis=1)))
    shift = np.linspace(-0.3, 0.3, max(len(lines), 2))
    for index, (days, steps) in enumerate(lines[:most]):
        ax.step(days, steps + shift[index], where="post", color=style.SKY, linewidth=0.9, alpha=0.7)
        if np.isfinite(told.ending_time[index]):
            ax.plot(days[-1], steps[-1] + shift[index], "o", color=style.BLUE, markersize=3.5)
    days, steps = lines[typical]
    ax.step(days, steps, where="post", color=style.VERMILION, linewidth=2.2, zorder=4)
    style.dress(ax, fit(_typical(told, [names[r] for r in steps[:-1]]), ax),
                "each line one history; thick: the most typical one; dots: where a history ends")  # fmt: skip
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.set_yticks(range(len(names)), [style.wrap(text, 22, 2) for text in names])
    style.date_axis(ax, scenario.as_of, told.horizon)
    return ax


def _typical(told: Histories, rungs: list[str]) -> str:
    """Return a title: the rungs of the typical history, and how these histories end."""
    way = " → ".join(f"“{rung}”" for rung, _ in itertools.groupby(rungs))
    endings = set(told.ending.tolist())
    if len(endings) == 1 and endings != {-1}:
        label = list(told.scenario.endings.values())[endings.pop()].label
        return f"{len(told)} ways to “{label}”; the most typical: {way}"
    ended = percent(float(np.mean(told.ending >= 0)))
    return f"{ended} of these {len(told)} histories have ended by the horizon; the most typical: {way}"


def _bare(ax: Axes) -> Axes:
    """Take away what a drawing without scales does not need."""
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    return ax
