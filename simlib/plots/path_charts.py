"""Charts of paths: the likeliest paths, a tree of first steps, a flow, and single histories.

A ladder sorts the states of a scenario into ordered levels, called rungs. A path is the order in which a history first
visits the rungs.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.formatting import capital, counted, percent, quoted
from simlib.plots import style
from simlib.plots.row_layout import heading, letters, lines_within, name, number, rows, whisker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.paths.medoids import TypicalHistories
    from simlib.analysis.paths.result import Branch, Paths

__all__ = ["ladder_histories", "path_classes", "path_tree", "sankey", "unit"]

PATH_ROWS = 10

BAND = 0.3
"""Lines on one rung (level) are spread by this much above and below the rung, in rungs."""

PATH_DEFINITION = "a path: the order of first visits to rungs"

LEAST_STAY_SHARE = 5e-4
"""If the share of histories that stay on the first rung (level) is below this, the title says that all leave it."""

SLIVER = 1e-3
"""A flow chart shows a rung (level) in a column only if at least this share of the histories visits it there."""

COLUMN = 0.02
"""A flow chart has a k-th column only if at least this share of the histories visits k or more rungs (levels)."""


def path_classes(result: Paths, ax: Axes, *, most: int = PATH_ROWS) -> Axes:
    """Draw a bar for the probability of each of at most `most` paths, the likeliest first.

    A path is the order in which histories first visit the rungs (levels of a ladder), together with their ending.
    """
    some = result.classes[:most]
    covered = sum(c.probability for c in some)
    verb = "covers" if len(some) == 1 else "cover"
    orders = counted(len(some), "order") if some else "No orders"
    title = f"{orders} of rungs {verb} {percent(min(covered, 1.0))} of {_whole(result)}"
    note = f"{unit(result)} by {result.by_words}, {result.made()}; {PATH_DEFINITION}{_whiskers(result)}"
    heading(ax, title, note)
    rows(ax, len(some))
    short = {rung.id: rung.short or rung.id for rung in result.scenario.ladders[result.ladder].rungs}
    for row, c in enumerate(some):
        ax.barh(row + 0.2, c.probability, height=0.3, color=style.BLUE, edgecolor=style.INK, linewidth=0.5)
        if c.high - c.low > 1e-6:
            whisker(ax, c.low, c.high, row + 0.2)
        rungs = " → ".join(short[rung] for rung in c.rungs)
        name(ax, row, f"{rungs}  ({result.label(c.ending)})")
        number(ax, c.high, row + 0.2, percent(c.probability))
    style.percent_axis(ax, style.round_top(max((c.high for c in some), default=0.0) * 1.1), horizontal=True)
    return ax


def path_tree(result: Paths, ax: Axes, *, least: float = 0.01, depth: int = 5) -> Axes:
    """Draw a tree, from left to right, of the orders in which histories first visit rungs.

    A node stands for all histories that begin with the rungs on the way to the node. Lines to more probable nodes are
    thicker. Nodes less probable than `least` are left out, and so are nodes after more than `depth` rungs. Some
    histories end at a node, so its branches may have less probability together than the node.
    """
    nodes = [b for b in result.tree if b.entered >= least and len(b.rungs) <= depth]
    nodes.sort(key=lambda b: (len(b.rungs), -b.entered))
    place = _tree_places({b.rungs: b.entered for b in nodes})
    begun = "probability of this beginning"
    if result.given:
        begun = "share of the histories with this ending that begin this way"
    note = (
        f"{begun}, by {result.by_words}, {result.made()}; in brackets: as a share of the node before; {PATH_DEFINITION}"
    )
    heading(ax, _first_fork(result, nodes), note)
    deepest = max(len(b.rungs) for b in nodes)
    colours = dict(zip(_rung_names(result), style.ordered(len(_rung_names(result))), strict=True))
    letter = (deepest - 0.1) / letters(ax)  # a branch begins where the label of its parent ends
    label: dict[tuple[str, ...], float] = {}
    for b in nodes:
        x, y = len(b.rungs) - 1.0, place[b.rungs]
        if len(b.rungs) > 1:
            parent = b.rungs[:-1]
            _branch(ax, (x - 1 + label[parent], place[parent]), (x, y), 0.8 + 12 * b.entered)
        ax.plot([x], [y], "o", markersize=8, color=colours[b.rungs[-1]], markeredgecolor=style.INK, zorder=3)
        share = f" ({percent(b.share_of_parent)})" if len(b.rungs) > 1 else ""
        lines = (b.rungs[-1], f"{percent(b.entered)}{share}")
        label[b.rungs] = min(0.04 + (2 + max(map(len, lines))) * letter, 0.75)
        look: dict[str, Any] = {"fontsize": style.SMALL_SIZE, "va": "center", "color": style.INK, "zorder": 4}
        ax.annotate("\n".join(lines), (x, y), (8, 0), textcoords="offset points", **look)
    ax.set_xlim(-0.15, deepest - 0.25)
    ax.set_ylim(max(place.values()) + 0.6, -0.6)
    return _bare(ax)


def _first_fork(result: Paths, nodes: list[Branch]) -> str:
    first = max((b for b in nodes if len(b.rungs) == 2), key=lambda b: b.entered, default=None)
    title = "nothing leaves the first rung"
    if first is not None:
        start, to = map(quoted, first.rungs)
        title = f"from {start} the likeliest next rung is {to} ({percent(first.share_of_parent)})"
    return f"Of {_whole(result)}: {title}" if result.given else capital(title)


def _branch(ax: Axes, start: tuple[float, float], end: tuple[float, float], width: float) -> None:
    bend = np.linspace(0, 1, 30)
    across, up = start[0] + (end[0] - start[0]) * bend, start[1] + (end[1] - start[1]) * bend**2 * (3 - 2 * bend)
    ax.plot(across, up, color=style.GHOST, alpha=0.7, zorder=1, linewidth=width, solid_capstyle="butt")


def _whole(result: Paths) -> str:
    return f"the histories that end in {result.given.words}" if result.given else "all histories"


def unit(result: Paths) -> str:
    """Return the unit of `result` in words: probability, or share of histories with its ending."""
    return "share of the histories that end this way" if result.given else "probability"


def _whiskers(result: Paths) -> str:
    what = "95% interval" if result.engine == "montecarlo" else "probability that the search leaves out"
    return f"; whiskers: {what}" if any(c.high - c.low > 1e-6 for c in result.classes) else ""


def _tree_places(entered: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
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
    """Draw how histories flow from rung to rung (levels of a ladder) as a Sankey diagram.

    Column k has a bar for each rung that is the k-th new rung of some history. The height of the bar is the share of
    these histories. A band leads from a bar to the next new rung. Histories without a band visit no further rung,
    except in the last column. There are at most `steps` columns. Columns and rungs that hardly any history reaches are
    left out.
    """
    names = _rung_names(result)
    colours = dict(zip(names, style.ordered(len(names)), strict=True))
    mass, bands = _flows(result, steps)
    deepest = max(depth for depth, _ in mass)
    floor = _stacked(mass, names, deepest + 1)
    _draw_bands(ax, bands, floor, colours)
    look: dict[str, Any] = {"width": 0.12, "edgecolor": style.INK, "linewidth": 0.5, "zorder": 3}
    for (depth, rung), height in mass.items():
        ax.bar(depth, height, bottom=floor[depth, rung], color=colours[rung], **look)
    heights = "shares of the histories that end this way" if result.given else "probabilities"
    note = (
        f"by {result.by_words}, {result.made()}; columns: the first, second, ... rung visited for the first time; "
        f"heights are {heights}; shares under {percent(SLIVER)} are not drawn"
    )
    heading(ax, _departure(result), note)
    longest = max(len(rung) for depth, rung in mass if depth == deepest) + len(" 0.0%")
    share = min(longest / letters(ax) + 0.02, 0.5)  # of the width, for the labels of the last column
    ax.set_xlim(-0.1, deepest + max(0.75, (deepest + 0.2) * share / (1 - share)))
    ax.set_ylim(max(floor[key] + mass[key] for key in mass) * 1.02, -0.02)
    for depth in range(deepest + 1):
        _name_bars(ax, depth, {rung: (floor[at, rung], high) for (at, rung), high in mass.items() if at == depth})
    return _bare(ax)


def _draw_bands(
    ax: Axes,
    bands: Mapping[tuple[int, str, str], float],
    floor: Mapping[tuple[int, str], float],
    colours: Mapping[str, str],
) -> None:
    order = list(colours)
    gone: defaultdict[tuple[int, str], float] = defaultdict(float)
    come: defaultdict[tuple[int, str], float] = defaultdict(float)
    for (depth, here, there), width in sorted(bands.items(), key=lambda item: (item[0][0], order.index(item[0][2]))):
        start = floor[depth - 1, here] + gone[depth - 1, here]
        end = floor[depth, there] + come[depth, there]
        gone[depth - 1, here] += width
        come[depth, there] += width
        x = np.linspace(depth - 1 + 0.06, depth - 0.06, 40)
        ease = (t := np.linspace(0, 1, 40)) ** 2 * (3 - 2 * t)
        low = start + (end - start) * ease
        ax.fill_between(x, low, low + width, color=colours[there], alpha=0.45, linewidth=0)


def _flows(result: Paths, most: int) -> tuple[Mapping[tuple[int, str], float], Mapping[tuple[int, str, str], float]]:
    """Return the shares of histories that visit each rung and that go from one rung to another.

    Step k of a history is its visit of the k-th new rung. Steps count from 0. The two mappings are:

    - {(step, rung): the share of histories that visit the rung at this step}
    - {(step, from, to): the share of histories that visit `to` at this step, and `from` at the step before}

    Steps and rungs that hardly any history reaches are left out.
    """
    reached: defaultdict[int, float] = defaultdict(float)
    for b in result.tree:
        reached[len(b.rungs)] += b.entered
    steps = max(min(most, sum(share >= COLUMN for share in reached.values())), 1)
    mass: defaultdict[tuple[int, str], float] = defaultdict(float)
    bands: defaultdict[tuple[int, str, str], float] = defaultdict(float)
    for b in result.tree:
        depth = len(b.rungs) - 1
        if depth < steps and b.entered > 0:
            mass[depth, b.rungs[-1]] += b.entered
            if depth:
                bands[depth, b.rungs[-2], b.rungs[-1]] += b.entered
    drawn = {key: share for key, share in mass.items() if share >= SLIVER}
    return drawn, {
        (depth, here, there): share
        for (depth, here, there), share in bands.items()
        if (depth - 1, here) in drawn and (depth, there) in drawn
    }


def _departure(result: Paths) -> str:
    first = next(b.rungs[0] for b in result.tree)
    ranked = sorted(((b.entered, b.rungs[-1]) for b in result.tree if len(b.rungs) == 2), reverse=True)
    stay = 1 - sum(share for share, _ in ranked)
    left = f"{percent(stay)} never leave {quoted(first)}" if stay >= LEAST_STAY_SHARE else f"all leave {quoted(first)}"
    nexts = " or ".join(f"{quoted(rung)} ({percent(share)})" for share, rung in ranked[:2])
    return f"Of {_whole(result)}, {left}" + (f"; the next rung is most often {nexts}" if ranked else "")


def _name_bars(ax: Axes, depth: int, bars: Mapping[str, tuple[float, float]]) -> None:
    """Write names and shares, kept apart, beside a column's bars {name: (bottom, height)}."""
    bottom, top = ax.get_ylim()
    line = 1.25 * (bottom - top) / lines_within(ax)
    middles = [low + high / 2 for low, high in bars.values()]
    for (rung, (_, share)), middle, at in zip(
        bars.items(), middles, style.spread(middles, line, top + line / 2, bottom - line / 2), strict=True
    ):
        arrow = {"arrowstyle": "-", "color": style.INK, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0}
        moved = abs(at - middle) > line / 4
        ax.annotate(
            f"{rung} {percent(share)}",
            (depth + 0.06, middle),
            (depth + (0.15 if moved else 0.085), at),
            zorder=4,
            fontsize=style.SMALL_SIZE,
            va="center",
            color=style.INK,
            arrowprops=arrow if moved else None,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
        )


def _stacked(mass: Mapping[tuple[int, str], float], names: list[str], steps: int) -> dict[tuple[int, str], float]:
    """Return {(step, rung): lower edge of its bar}, stacked by step in the order of `names`."""
    floor = {}
    for depth in range(steps):
        height = 0.0
        for rung in names:
            if mass.get((depth, rung), 0.0) > 0:
                floor[depth, rung] = height
                height += mass[depth, rung] + 0.03
    return floor


def ladder_histories(result: TypicalHistories, ax: Axes, *, most: int = 40) -> Axes:
    """Draw sampled histories as step lines over the rungs (levels) of a ladder.

    At most `most` thin lines are drawn. The thick lines are the typical histories of `result`, one for each likely
    path. Lines on one rung are spread over a grey band, so that none hides another.
    """
    played, paths = result.histories, result.paths
    names = _rung_names(paths)
    for rung in range(len(names)):
        ax.axhspan(rung - BAND, rung + BAND, color=style.GRID_COLOUR, alpha=0.45, linewidth=0, zorder=0)
    few = min(len(played), most)
    picked = {place for _, place in result.typical}
    for place, shift in zip(range(few), np.linspace(-BAND, BAND, max(few, 2)), strict=False):
        if place in picked:
            continue
        days, steps = result.line(place)
        ax.step(days, steps + 0.9 * shift, where="post", color=style.GHOST, linewidth=0.7, alpha=0.6)
        if np.isfinite(played.ending_time[place]):
            ax.plot(days[-1], steps[-1] + 0.9 * shift, "o", color=style.GHOST, markersize=3.5)
    _typical_lines(result, ax)
    heading(
        ax,
        paths.finding(),
        f"thin: {few} histories {paths.where()}, dots where they end; thick: a typical history of each of "
        f"the likeliest paths, nearest to the average days of this path on each rung; {PATH_DEFINITION}; "
        "lines on one rung are spread over its grey band so that none hides another",
    )
    ax.grid(visible=False, axis="y")
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.set_yticks(range(len(names)), [style.wrap(text, 22, 2) for text in names])
    style.date_axis(ax, played.scenario.as_of, played.horizon)
    return ax


def _typical_lines(result: TypicalHistories, ax: Axes) -> None:
    shifts = np.linspace(-0.2, 0.2, len(result.typical)) if len(result.typical) > 1 else [0.0]
    looks = (style.VERMILION, "solid", "o"), (style.BLUE, (0, (5, 1.5)), "s"), (style.BLACK, (0, (1.5, 1)), "^")
    for (path, place), shift, (colour, dashes, mark) in zip(result.typical, shifts, itertools.cycle(looks)):
        days, steps = result.line(place)
        end = "" if result.paths.given else f" ({result.paths.label(path.ending)})"
        way = f"{' → '.join(path.rungs)}{end}: {percent(path.probability)}"
        label = style.wrap(way, letters(ax, 1.1), 1)
        ax.step(days, steps + shift, where="post", color=colour, linewidth=2.2, linestyle=dashes, zorder=4, label=label)
        if np.isfinite(result.histories.ending_time[place]):
            ax.plot(days[-1], steps[-1] + shift, mark, color=colour, markersize=7, zorder=5)
    if result.typical:
        room = -34 / ax.get_window_extent().height * style.figure_of(ax).dpi / 72
        ax.legend(
            loc="upper left",
            bbox_to_anchor=(0, room),
            frameon=False,
            fontsize=style.SMALL_SIZE,
            borderaxespad=0,
            handlelength=3.5,
            labelcolor=style.INK,
        )


def _bare(ax: Axes) -> Axes:
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    return ax
