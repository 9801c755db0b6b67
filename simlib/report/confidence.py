"""The confidence that a forecast deserves, by a rule that the reader can check.

Confidence is not likelihood. Each ground, such as the width of the range, speaks for the forecast or against it.
Confidence is high if no ground speaks against the forecast, and low if three or more do. Otherwise confidence is
moderate. Fewer than ten settled forecasts of the scenario are a ground against the forecast, so confidence is then
never high.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simlib.errors import SimlibError
from simlib.formatting import counted, percent
from simlib.report.material import Material

__all__ = ["RULE", "Confidence", "confidence_in"]

WIDEST_RANGE = 0.2
"""A range over the assumptions or between the views is a ground against the forecast if it is wider than this."""

STRONGEST_ASSUMPTIONS, SETTLED_FORECASTS_NEEDED, AGAINST = 5, 10, 3
"""Strongest assumptions checked for sources, settled forecasts needed, opposing grounds that make confidence low."""

RULE = (
    "Confidence is not likelihood. It is high if every ground speaks for the forecast, low if three or more speak "
    "against it, and otherwise moderate. Grounds: the 5–95% range is at most 20 points wide; at least half of the five "
    "strongest assumptions have a source; the views lie within 20 points; at least half of the base rates agree; at "
    "least ten registered forecasts of this scenario are settled. Without these ten, confidence is never high."
)
"""The rule for confidence, as a report prints it."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """How far a forecast can be trusted, and why.

    - `level`: "low", "moderate" or "high".
    - `supporting`, `against`: the reasons, in words, that speak for the forecast and against it.
    """

    level: str
    supporting: list[str]
    against: list[str]


def confidence_in(material: Material) -> Confidence:
    """Return the confidence in the headline of a report."""
    grounds = list(_grounds(material))
    supporting, against = ([words for good, words in grounds if good is side] for side in (True, False))
    level = "high" if not against else "low" if len(against) >= AGAINST else "moderate"
    return Confidence(level, supporting, against)


def _grounds(material: Material) -> Iterator[tuple[bool, str]]:
    if material.spread is None:
        yield False, "no range over the assumptions was computed"
    else:
        low, high = material.range_of(material.lead.kind, material.lead.of)
        yield high - low <= WIDEST_RANGE, f"the 5–95% range is {100 * (high - low):.0f} points wide"
    strongest = material.strongest(STRONGEST_ASSUMPTIONS)
    if strongest:
        sourced = sum(bool(bar.assumption.sources) for bar in strongest)
        of = f"{sourced} of the {len(strongest)} strongest assumptions"
        yield 2 * sourced >= len(strongest), f"{of} have a source"
    if material.views is not None:
        item = material.view_item()
        low, high = float(item.views[:, -1].min()), float(item.views[:, -1].max())
        yield high - low <= WIDEST_RANGE, f"the views lie between {percent(low)} and {percent(high)}"
    compared = [check for check in material.past_crises or () if check.verdict]
    if compared:
        inside = sum(check.verdict == "inside" for check in compared)
        yield 2 * inside >= len(compared), f"{inside} of {counted(len(compared), 'base rate')} agree"
    settled = _settled(material)
    number = counted(settled, "registered forecast") if settled else "no registered forecast"
    only = "only " if 0 < settled < SETTLED_FORECASTS_NEEDED else ""
    yield (
        settled >= SETTLED_FORECASTS_NEEDED,
        f"{only}{number} of this scenario {'are' if settled > 1 else 'is'} settled",
    )


def _settled(material: Material) -> int:
    from simlib.calibration.registry_score import score_registry

    if not material.scenario.path:
        return 0
    try:
        return len(score_registry(material.scenario).settled)
    except SimlibError:
        return 0
