"""Calendar of interventions: when each variant (changed copy of a scenario) acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.formatting import counted, long_date
from simlib.plots import style
from simlib.plots.row_layout import heading, letters, name, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.whatif.result import Comparison, VariantEffect
    from simlib.analysis.whatif.variants import Booking

BOOKING_LOOKS = {
    "force": (style.INK, "v"),
    "pin": (style.PURPLE, "D"),
    "forbid": (style.GHOST, "||||"),
    "policy": (style.GREEN, "...."),
    "hold": (style.PURPLE, "xxxx"),
    "assume": (style.OCHRE, "----"),
}

BOOKING_WORDS = {
    "force": "triangle: forced",
    "pin": "diamond: set",
    "forbid": "upright lines: forbidden",
    "policy": "dotted: a standing rule",
    "hold": "crossed: kept",
    "assume": "level lines: assumed",
}

VARIANT_NAME_HEIGHT = 0.62
"""Height of the name of a variant, as a multiple of the height of a row."""

LABEL_LINE_HEIGHT = 0.36
"""Height of each further line of a label, as a multiple of the height of a row."""

PLAN_LABEL_LETTERS = 112
"""Letters in a line of a label in a picture of the usual width."""


def calendar(result: Comparison, ax: Axes) -> Axes:
    """Draw a row for each intervention, under the name of its variant (changed scenario).

    An intervention on one day is a mark, and an intervention that lasts is a bar. A move that is forced several times
    has several marks in one row. A tick of the axis stands at the beginning of its date, because interventions act at
    the beginning of a day.
    """
    booked = {label: effect.bookings for label, effect in result.effects.items() if effect.bookings}
    idle = {label: _idle(result.effects[label]) for label in booked}
    acts = sum(map(len, booked.values()))
    things = f"{counted(acts, 'intervention')} in {counted(len(booked), 'plan')}" if acts else "No interventions"
    marks = [
        *(words for kind, words in BOOKING_WORDS.items() if any(b.kind == kind for of in booked.values() for b in of)),
        *(["pale: while the rule's condition holds"] if any(b.waits for of in booked.values() for b in of) else []),
        *(["hollow: no effect in any history"] if any(idle.values()) else []),
    ]
    heading(ax, f"{things}, {long_date(result.as_of)} to {result.by_words}", "; ".join(marks))
    rows(ax, acts)
    row = 0.0
    for label, items in booked.items():
        name(ax, row, label, bold=True)
        row += VARIANT_NAME_HEIGHT
        for booking in items:
            words = _words(booking, idle[label])
            lines = _lines(words, letters(ax))
            row += LABEL_LINE_HEIGHT * (lines - 1)
            name(ax, row, words, lines=lines)
            _book(ax, row, booking, idle[label])
            row += 1
    ax.set_ylim(max(row, 1) - 0.45, -0.62)
    style.date_axis(ax, result.as_of, result.by_day)
    ax.set_xticks(ax.get_xticks() - 1, [tick.get_text() for tick in ax.get_xticklabels()])
    return ax


def rows_of(result: Comparison) -> float:
    """Return the height of a calendar in rows, including the names of the variants."""
    booked = [effect for effect in result.effects.values() if effect.bookings]
    more = sum(_lines(_words(b, _idle(effect)), PLAN_LABEL_LETTERS) - 1 for effect in booked for b in effect.bookings)
    return sum(len(effect.bookings) + VARIANT_NAME_HEIGHT for effect in booked) + LABEL_LINE_HEIGHT * more


def _idle(effect: VariantEffect) -> frozenset[str]:
    return frozenset(words for words, share in effect.without_effect.items() if share and share >= 1 - 1e-9)


def _words(booking: Booking, idle: frozenset[str]) -> str:
    idle_acts = sum(words in idle for words in booking.acts)
    some = "" if idle_acts == len(booking.acts) else f" {idle_acts} of {len(booking.acts)} times"
    return f"{booking.words} (no effect{some})" if idle_acts else booking.words


def _lines(words: str, width: int) -> int:
    return style.wrap(words, width, len(words)).count("\n") + 1


def _book(ax: Axes, row: float, booking: Booking, idle: frozenset[str]) -> None:
    colour, look = BOOKING_LOOKS[booking.kind]
    if booking.first == booking.last:
        for day, words in zip([booking.first, *booking.again], booking.acts, strict=True):
            ax.plot(
                [day],
                [row + 0.2],
                look,
                color=colour,
                markersize=8,
                markeredgecolor=style.INK,
                clip_on=False,
                markerfacecolor="white" if words in idle else colour,
            )
    else:
        ax.barh(
            row + 0.2,
            booking.last - booking.first,
            left=booking.first,
            height=0.3,
            hatch=look,
            facecolor=(colour, 0.3 if booking.waits else 1.0),
            edgecolor=style.INK,
            linewidth=0.5,
        )
