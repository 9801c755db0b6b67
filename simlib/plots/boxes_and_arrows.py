"""A state diagram: a row of boxes (levels) for each variable, and arrows for moves.

The state of the world is one level of every variable. An arrow has the numbers of the moves that make its change. A
list beside or below the diagram gives the moves by actor: how often each move happens, the factors on its rate, the
conditions on variables that the move does not change, and the probabilities of its outcomes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simlib.formatting import long_date
from simlib.plots import style
from simlib.plots.figure import PICTURE_WIDTH, new_figure
from simlib.plots.lettering import lettered
from simlib.quantities import show
from simlib.scenario.condition_wording import condition_in_words, factor_time_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

from simlib.scenario.model import Condition, Effect, Move, Scenario, Variable

_LABEL_HEIGHT, _BOX_HEIGHT, _VARIABLE_GAP, _MARGIN = 30, 34, 24, 16
_ARROW_BASE, _ARROW_STEP = 13, 11
"""An arrow from one level to the n-th level after it is `_ARROW_BASE` + n `_ARROW_STEP` pixels high."""
_LIST, _LINE_HEIGHT = 330, 15.5
"""Width of the list of moves, and height of one of its lines, in pixels."""
SIDE_BY_SIDE = 760
"""At this width in pixels and above, the list of moves stands beside the diagram, not below the diagram."""


@dataclass
class Arrow:
    """A change of a variable from one level to another.

    - `start`, `end`: the places of both levels, from 0.
    - `numbers`: the numbers of the moves that make the change, from 1.
    - `actors`: the ids of the actors of these moves.
    """

    start: int
    end: int
    numbers: list[int] = field(default_factory=list)
    actors: set[str] = field(default_factory=set)


def arrows(scenario: Scenario, variable: Variable) -> list[Arrow]:
    """Return an arrow for every change of a variable that a move can make, the shortest first.

    A counter (a variable whose levels are whole numbers) has no arrows. A level that ends the scenario has no arrow to
    another level.
    """
    if variable.counter:
        return []
    by_ends: dict[tuple[int, int], Arrow] = {}
    last = {variable.levels.index(level) for level in _ending_levels(scenario, variable)}
    for number, move in enumerate(scenario, start=1):
        for start, end in _changes(move, variable):
            if start in last:
                continue
            arrow = by_ends.setdefault((start, end), Arrow(start, end))
            if number not in arrow.numbers:
                arrow.numbers.append(number)
                arrow.actors.add(move.actor)
    return sorted(by_ends.values(), key=lambda arrow: (abs(arrow.end - arrow.start), arrow.start))


def _changes(move: Move, variable: Variable) -> Iterator[tuple[int, int]]:
    for outcome in move.outcomes:
        for effect in outcome.effects:
            if effect.variable == variable.id:
                for start in sorted({*_allowed(move.when, variable)} & {*_allowed(effect.when, variable)}):
                    end = _target(effect, variable, start)
                    if end != start:
                        yield start, end


def _allowed(when: Condition, variable: Variable) -> list[int]:
    """Return the indices of the levels that are possible while the condition `when` holds."""
    names: set[str] = set()
    for clause in when.clauses:
        names |= set(dict(clause).get(variable.id, variable.levels))
    return [index for index, level in enumerate(variable.levels) if level in names]


def _target(effect: Effect, variable: Variable, start: int) -> int:
    if effect.level is not None:
        return variable.levels.index(effect.level)
    return min(max(start + (effect.shift or 0), 0), len(variable.levels) - 1)


def _rise(span: int) -> int:
    return _ARROW_BASE + _ARROW_STEP * span


@dataclass(frozen=True)
class _Strip:
    """A variable in the diagram: its arrows, and the places of its parts in pixels from the top."""

    variable: Variable
    arrows: list[Arrow]
    top: float
    boxes: float
    bottom: float


@dataclass(frozen=True)
class _DiagramLayout:
    """The parts of a diagram of some width: rows of boxes, list of moves, and places in pixels.

    - `lines`: the lines of the list as (text, actor).
    - `room`: the width of the rows.
    - `left`, `top`: the place of the list.
    - `height`: the height of the whole diagram.
    """

    rows: list[_Strip]
    lines: list[tuple[str, str]]
    room: float
    left: float
    top: float
    height: int


def _layout(scenario: Scenario, width: float) -> _DiagramLayout:
    rows, beside = _rows(scenario), width >= SIDE_BY_SIDE
    lines = _moves_text(scenario, rows, chars=int((_LIST if beside else width - 2 * _MARGIN) / 6.1))
    bottom, listed = rows[-1].bottom, _LINE_HEIGHT * (len(lines) + 1) + _MARGIN
    if beside:
        room = width - _LIST - 2 * _MARGIN
        return _DiagramLayout(rows, lines, room, room + _MARGIN, _MARGIN + 12.0, int(max(bottom, listed)) + _MARGIN)
    return _DiagramLayout(rows, lines, width - _MARGIN, _MARGIN, bottom + 12.0, int(bottom + listed) + _MARGIN)


def _rows(scenario: Scenario) -> list[_Strip]:
    rows, top = [], float(_MARGIN)
    for variable in scenario.variables.values():
        ways = arrows(scenario, variable)
        up = max((_rise(a.end - a.start) for a in ways if a.end > a.start), default=0)
        down = max((_rise(a.start - a.end) for a in ways if a.end < a.start), default=0)
        boxes = top + _LABEL_HEIGHT + (up + 6 if up else 0)
        bottom = boxes + _BOX_HEIGHT + (down + 6 if down else 0) + _VARIABLE_GAP
        rows.append(_Strip(variable, ways, top, boxes, bottom))
        top = bottom
    return rows


def _moves_text(scenario: Scenario, rows: list[_Strip], chars: int) -> list[tuple[str, str]]:
    """Return the lines (text, actor) of moves and endings, where actor is "" except in headings."""
    lines: list[tuple[str, str]] = []
    numbered = list(enumerate(scenario, start=1))
    for actor in scenario.actors.values():
        own = [(number, move) for number, move in numbered if move.actor == actor.id]
        if own:
            lines.append((actor.label, actor.id))
            for number, move in own:
                parts = move.label, _how_often(scenario, move), _needs(scenario, move), *_factors(scenario, move)
                text = " · ".join(filter(None, (*parts, _outcomes(scenario, move))))
                lines += _hanging(f"{number:>3}  ", text, chars)
    for ending in scenario.endings.values():
        lines += _hanging("", f"ends: {ending.label}, once {condition_in_words(ending.when, scenario)}", chars)
    if any(len(arrow.actors) > 1 for row in rows for arrow in row.arrows):
        lines.append(("grey arrow: moves of several actors", ""))
    return lines


def _hanging(head: str, text: str, chars: int) -> list[tuple[str, str]]:
    first, *rest = textwrap.wrap(text, chars - 5, break_on_hyphens=False)
    return [(head + first, ""), *((f"       {line}", "") for line in rest)]


def _how_often(scenario: Scenario, move: Move) -> str:
    if move.at:
        return f"on {long_date(move.at)}"
    number = scenario.assumptions[move.rate]
    return ("takes " if move.takes else "") + show(number.value, number.kind, number.unit)


def _range(variable: Variable) -> str:
    return f"{variable.levels[0]} to {variable.levels[-1]}"


def _needs(scenario: Scenario, move: Move) -> str:
    """Return the conditions on variables that the move does not change, which no arrow shows."""
    changed = {effect.variable for outcome in move.outcomes for effect in outcome.effects}
    others = set(move.when.variables) - changed
    if not others or len(move.when.clauses) != 1:
        return "if one of several conditions holds" if others else ""
    clause = tuple((variable, levels) for variable, levels in move.when.clauses[0] if variable in others)
    return f"if {condition_in_words(Condition((clause,)), scenario)}"


def _factors(scenario: Scenario, move: Move) -> Iterator[str]:
    """Yield a text for each factor of the rate of a move, such as "×17 while tempo is hot"."""
    for factor in move.factors:
        if factor.per:
            yield f"times the number of {factor.per}"
            continue
        when = factor_time_in_words(factor, scenario) or " at any time"
        yield f"{show(scenario.assumptions[factor.by].value, 'factor')}{when}"


def _outcomes(scenario: Scenario, move: Move) -> str:
    """Return the outcomes of a move and their probabilities as text, such as "40%: ship hit".

    If factors multiply the odds of an outcome, "(before its factors)" stands after its probability.
    """
    if len(move.outcomes) == 1:
        return ""
    numbers = scenario.assumptions
    drawn = sorted(move.outcomes, key=lambda outcome: outcome.chance is None)
    shares = (show(numbers[each.chance].value, "chance") if each.chance else "otherwise" for each in drawn)
    marks = (" (before its factors)" if each.factors else "" for each in drawn)
    return "; ".join(f"{share}{mark}: {each.label}" for share, mark, each in zip(shares, marks, drawn, strict=True))


def height(scenario: Scenario, width: int) -> int:
    """Return the height of the diagram of a scenario at a width, both in pixels."""
    return _layout(scenario, width).height


@lettered
def diagram(scenario: Scenario, ax: Axes) -> Axes:
    """Draw the state diagram of a scenario on an axes of any size."""
    box = ax.get_window_extent()
    ax.set_xlim(0, box.width)
    ax.set_ylim(box.height, 0)
    ax.axis("off")
    layout = _layout(scenario, box.width)
    colours = {actor: style.category(k)[0] for k, actor in enumerate(scenario.actors)}
    for row in layout.rows:
        _draw_row(ax, scenario, row, layout.room, colours)
    for number, (text, actor) in enumerate(layout.lines):
        ax.text(
            layout.left,
            layout.top + number * _LINE_HEIGHT,
            text,
            fontsize=style.SMALL_SIZE,
            color=style.for_text(colours.get(actor, style.INK)),
            va="center",
            fontweight="bold" if actor else "normal",
            family="DejaVu Sans",
        )
    return ax


def _draw_row(ax: Axes, scenario: Scenario, row: _Strip, room: float, colours: dict[str, str]) -> None:
    variable = row.variable
    known = [variable.id] * (variable.id not in variable.label.lower()) + ["hidden"] * variable.hidden
    label = variable.label + (f" ({', '.join(known)})" if known else "")
    ax.text(_MARGIN, row.top + 12, label, fontsize=style.TEXT_SIZE, color=style.INK, fontweight="bold", va="center")
    count = len(variable.levels)
    each = (room - _MARGIN) / count
    centres = [_MARGIN + each * (k + 0.5) for k in range(count)]
    if variable.counter:
        _draw_level(ax, row, _range(variable), _MARGIN + 80, 160, starts=True, ends=False)
        return
    shares, names = dict(variable.start), dict(variable.level_labels)
    ends = _ending_levels(scenario, variable)
    for level, x in zip(variable.levels, centres, strict=True):
        share = scenario.assumptions[name].value if (name := shares.get(level)) else None
        _draw_level(ax, row, names.get(level, level), x, each, share, starts=level in shares, ends=level in ends)
    for arrow in row.arrows:
        colour = colours[next(iter(arrow.actors))] if len(arrow.actors) == 1 else style.FAINT
        _draw_arrow(ax, arrow, centres, row.boxes, colour)


def _ending_levels(scenario: Scenario, variable: Variable) -> set[str]:
    """Return the levels of a variable that end the scenario whatever the other variables are."""
    clauses = [dict(clause) for ending in scenario.endings.values() for clause in ending.when.clauses]
    return {level for clause in clauses if set(clause) == {variable.id} for level in clause[variable.id]}


def _draw_level(
    ax: Axes, row: _Strip, name: str, x: float, each: float, share: float | None = None, *, starts: bool, ends: bool
) -> None:
    from matplotlib.patches import FancyBboxPatch

    wide = min(each - 14, 150)
    patch = FancyBboxPatch(
        (x - wide / 2, row.boxes),
        wide,
        _BOX_HEIGHT,
        boxstyle="round,pad=0,rounding_size=7",
        facecolor="#dfe9f3" if starts else "white",
        edgecolor=style.INK,
        linewidth=2.6 if ends else 1.1,
        linestyle="dashed" if row.variable.hidden else "solid",
    )
    ax.add_patch(patch)
    text = style.wrap(name, max(int(wide / 6.6), 5), 2 if share is None else 1)
    if share is not None:
        text += f"\n{'at the start' if wide > 110 else 'start'}: {show(share, 'chance')}"
    ax.text(
        x,
        row.boxes + _BOX_HEIGHT / 2,
        text,
        fontsize=style.SMALL_SIZE,
        color=style.INK,
        ha="center",
        va="center",
        linespacing=1.05,
    )


def _draw_arrow(ax: Axes, arrow: Arrow, centres: list[float], boxes: float, colour: str) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    up = arrow.end > arrow.start
    shift = 9 if up else -9
    start, end = centres[arrow.start] + shift, centres[arrow.end] - shift
    edge, sign = (boxes, -1) if up else (boxes + _BOX_HEIGHT, 1)
    rise = _rise(abs(arrow.end - arrow.start))
    bend = Path(
        [(start, edge), ((start + end) / 2, edge + sign * 2 * rise), (end, edge)],
        [Path.MOVETO, Path.CURVE3, Path.CURVE3],
    )
    ax.add_patch(FancyArrowPatch(path=bend, arrowstyle="-|>", mutation_scale=9, color=colour, linewidth=1.3, zorder=2))
    numbers = style.wrap(" ".join(map(str, arrow.numbers)), max(int(min(abs(end - start), 100) / 6.5), 4), 1)
    ax.text(
        (start + end) / 2,
        edge + sign * rise,
        numbers,
        fontsize=style.SMALL_SIZE,
        color=style.INK,
        ha="center",
        va="center",
        zorder=3,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2},
    )


def in_words(scenario: Scenario) -> str:
    """Return the diagram of a scenario in words."""
    levels = "; ".join(
        f"{v.label}: {_range(v) if v.counter else ', '.join(map(v.words, v.levels))}"
        for v in scenario.variables.values()
    )
    return f"State diagram of {scenario.title}. {levels}."


def state_diagram(scenario: Scenario, *, width: int = PICTURE_WIDTH) -> Figure:
    """Return a figure with the state diagram, `width` pixels wide and as high as it needs."""
    figure = new_figure(width, height(scenario, width), in_words(scenario))
    diagram(scenario, figure.add_axes((0, 0, 1, 1)))
    return figure
