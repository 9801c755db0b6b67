"""Calendar of interventions: what each variant does, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.plots import style
from simlib.plots.rows import fit, name, rows
from simlib.results import long_date

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.whatif import Comparison

LOOKS = {"force": (style.VERMILION, "v"), "pin": (style.PURPLE, "D"), "forbid": (style.SKY, "////"),
         "policy": (style.GREEN, "....")}  # fmt: skip


def calendar(result: Comparison, ax: Axes) -> Axes:
    """Draw a row for each intervention under its variant: a mark where it acts at once, a bar while it stands."""
    booked = [(label, booking) for label, effect in result.effects.items() for booking in effect.bookings]
    count = len({label for label, _ in booked})
    things = f"{len(booked)} interventions in {count} variants" if count else "No interventions"
    style.dress(ax, fit(f"{things}, {long_date(result.as_of)} to {long_date(result.by)}", ax),
                "triangle: forced, diamond: set, hatched bar: forbidden, dotted: a policy; "
                "pale: only while its condition holds")  # fmt: skip
    rows(ax, len(booked))
    for row, (label, booking) in enumerate(booked):
        colour, look = LOOKS[booking.kind]
        if booking.first == booking.last:
            ax.plot([booking.first], [row + 0.2], look, color=colour, markersize=8, markeredgecolor=style.INK)
        else:
            ax.barh(row + 0.2, booking.last - booking.first, left=booking.first, height=0.3, hatch=look,
                    facecolor=(colour, 0.3 if booking.waits else 1.0), edgecolor=style.INK,
                    linewidth=0.5)  # fmt: skip
        name(ax, row, f"{label}: {booking.words}")
    style.date_axis(ax, result.as_of, result.horizon_days)
    return ax
