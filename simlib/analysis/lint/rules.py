"""A second reading of a scenario: what is well formed and still unlikely to be meant.

`lint` lists findings, `elicited` prints each "p within T" beside what the model implies for it, and `implied` what
low, value and high of each assumption come to. What can be seen without states or a solve is refused at load instead
(`simlib.scenario.checks`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from simlib.analysis.lint import numbers, states
from simlib.analysis.lint.subject import Finding, Reading, Severity
from simlib.control import Control, in_transition
from simlib.engines.exact.reachable import CAP
from simlib.machine import priors
from simlib.quantities import show
from simlib.scenario.model import Assumption, Move, Question, Scenario

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EVENTS_PER_DAY", "Finding", "Severity", "elicited", "implied", "lint"]

EVENTS_PER_DAY = 24.0
"""How often a day a move may happen, in its busiest state, before it is pointed out."""

NUMBER_RULES = (
    numbers.every_assumption_is_used,
    numbers.every_spread_start_has_a_reason,
    numbers.no_prior_is_lopsided,
    numbers.every_window_opens_before_the_horizon,
    numbers.no_covert_move_changes_what_everybody_sees,
    numbers.no_base_rate_contains_its_tempo_twice,
)
"""Rules that need no list of the states."""

STATE_RULES = (
    states.every_level_can_be_reached,
    states.every_move_can_happen,
    states.every_outcome_can_happen,
    states.every_effect_shows_somewhere,
    states.every_ending_can_be_reached,
    states.every_rung_can_be_reached,
    states.no_state_is_a_dead_end,
    states.no_question_is_settled_by_structure,
)
"""Rules that look at every state that can come about."""

_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


@in_transition
def lint(
    scenario: Scenario,
    *,
    events_per_day: float = EVENTS_PER_DAY,
    cap: int = CAP,
    cancel: Callable[[], bool] | None = None,
) -> list[Finding]:
    """Return what a second reading finds, errors first; the world itself is read, without interventions.

    With more than `cap` reachable states a note says what could not be checked. Raises Cancelled.
    """
    reading = Reading(scenario, cap=cap, cancel=cancel)
    found = [finding for rule in NUMBER_RULES for finding in rule(reading)]
    if reading.enumerable:
        found += [finding for rule in STATE_RULES for finding in rule(reading)]
        found += states.no_move_is_busier_than(reading, events_per_day)
    else:
        found.append(_not_checked(reading))
    return sorted(found, key=lambda finding: _ORDER[finding.severity])


def _not_checked(reading: Reading) -> Finding:
    return Finding(
        "note",
        "states",
        "not checked: whether levels, moves, outcomes, endings, rungs and questions can be reached, dead ends, events "
        "per day, and multipliers beyond the start",
        reading.refusal,
    )


@in_transition
def elicited(
    scenario: Scenario,
    *,
    cap: int = CAP,
    cancel: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """Return each elicited "p within T" beside what the model implies, one row for each move that uses it.

    Columns: assumption, label, move, within_days, stated (p at the stated value, while the guard holds and every
    factor is 1) and implied (the probability that the move happens at all within T days from the start, factors,
    guards and competing endings included). Interventions are left out. Raises TooManyStates above `cap`, Cancelled.
    """
    import pandas as pd

    pairs = [
        (assumption, move)
        for assumption in scenario.assumptions.values()
        for move in scenario.moves.values()
        if assumption.within_days is not None and move.rate == assumption.id
    ]
    implied_by = _first_firings(scenario, pairs, cap, cancel, progress) if pairs else {}
    rows = [
        {
            "assumption": a.id,
            "label": a.label,
            "move": m.id,
            "within_days": a.within_days,
            "stated": -math.expm1(-a.value * (a.within_days or 0.0)),
            "implied": implied_by[m.id],
        }
        for a, m in pairs
    ]
    return pd.DataFrame(rows, columns=["assumption", "label", "move", "within_days", "stated", "implied"])


def _first_firings(  # type: ignore[no-untyped-def]
    scenario: Scenario, pairs: list[tuple[Assumption, Move]], cap, cancel, progress
) -> dict[str, float]:
    """Return for each move the probability that it happens within its elicited window, all from one solution."""
    from simlib.engines.exact.forecast import solve

    within = {move.id: float(assumption.within_days or 0.0) for assumption, move in pairs}
    times = sorted(set(within.values()))
    asked = {name: Question(name, name, move=name) for name in within}
    world = scenario.replace(interventions=(), questions=asked, ladders={}, horizon_days=times[-1])
    forecast = solve(world, times=times, cap=cap, control=Control(progress, cancel))
    return {name: float(forecast.questions[name].probability[times.index(days)]) for name, days in within.items()}


def implied(scenario: Scenario) -> pd.DataFrame:
    """Return what the priors imply, one row for each assumption, each number in base units.

    Columns: assumption, label, kind, unit, shown (the stated value as people read it), mean, p01, p05, p25, p50, p75,
    p95 and p99.
    """
    import pandas as pd

    rows = [
        {"assumption": a.id, "label": a.label, "kind": a.kind, "unit": a.unit, "shown": show(a.value, a.kind, a.unit)}
        | priors.describe(a)
        for a in scenario.assumptions.values()
    ]
    points = ["mean", "p01", "p05", "p25", "p50", "p75", "p95", "p99"]
    return pd.DataFrame(rows, columns=["assumption", "label", "kind", "unit", "shown", *points])
