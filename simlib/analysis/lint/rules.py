"""Lint: warnings about scenarios that load, but probably do not say what their author meant.

`lint` applies every rule. `elicited` takes each rate that was stated as a probability p within T days, and compares p
with the probability that the model implies. `implied` shows the mean and the percentiles of each prior. Loading a
scenario already reports the errors that can be found without listing states or solving the scenario
(`simlib.scenario.checks`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from simlib.analysis.lint import log_rules, numbers, shifts, states
from simlib.analysis.lint.strands import every_strand_moves_an_answer
from simlib.analysis.lint.subject import Finding, Severity, Subject, note
from simlib.answer import Answer, ScenarioKey, provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.forecast import solve
from simlib.engines.exact.reachable import STATE_CAP
from simlib.formatting import long_date, quoted
from simlib.scenario.model import Assumption, Move, Question, Scenario

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EVENTS_PER_DAY", "Finding", "Findings", "Severity", "elicited", "lint"]

EVENTS_PER_DAY = 24.0
"""A move is reported if in some state it would happen more often per day than this."""

STATELESS_RULES = (
    *(numbers.every_assumption_is_used, numbers.every_spread_start_has_a_reason, numbers.no_prior_is_lopsided),
    *(numbers.every_window_opens_before_the_horizon, numbers.no_covert_move_changes_what_everybody_sees),
    *(numbers.every_date_is_before_the_horizon, numbers.no_base_rate_contains_its_tempo_twice),
    shifts.no_shift_is_larger_than_its_variable,
)
"""Rules that do not need the list of reachable states."""

STATE_RULES = (
    *(states.every_level_can_be_reached, states.every_move_can_happen, states.every_outcome_can_happen),
    *(states.every_effect_shows_somewhere, states.every_ending_can_be_reached, states.every_rung_can_be_reached),
    *(states.no_state_is_a_dead_end, states.no_question_is_settled_by_structure, states.hidden_clocks_are_listed),
    *(shifts.no_shift_goes_where_another_move_leads, states.no_count_is_out_of_reach),
)
"""Rules that look at every reachable state."""

_SEVERITY_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Findings(Answer):
    """The findings of lint about a scenario, errors first. Iteration yields the findings."""

    kind: ClassVar[str] = "lint"
    sentences_in_json: ClassVar[bool] = False

    scenario: ScenarioKey
    findings: tuple[Finding, ...]
    provenance: Mapping[str, Any]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    @property
    def question(self) -> str:
        """The question that is answered: which parts of the scenario are probably mistakes."""
        return f"What in {quoted(self.scenario.title)}, as of {long_date(self.as_of)}, is probably a mistake?"

    def sentences(self) -> list[str]:
        """Return one sentence for each finding. Without findings, return one sentence that says so."""
        return [str(finding) for finding in self.findings] or ["There are no warnings."]

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for each finding."""
        import pandas as pd

        return pd.DataFrame(self.data()["findings"], columns=["severity", "where", "what", "expected"])

    def data(self) -> dict[str, Any]:
        """Return the findings as plain data."""
        rows = [{"severity": f.severity, "where": f.where, "what": f.what, "expected": f.expected} for f in self]
        return {"findings": rows}


def lint(
    scenario: Scenario,
    *,
    events_per_day: float = EVENTS_PER_DAY,
    strands: bool = True,
    cap: int = STATE_CAP,
    control: Control = UNWATCHED,
) -> Findings:
    """Return probable mistakes in a scenario, errors first. Interventions are ignored.

    Args:
        scenario: The scenario.
        events_per_day: A move is reported if in some state it would happen more often per day than this number.
        strands: Whether to look for strands that change no answer. A strand is one assumption, or all moves of one
            actor. This search takes seconds, and all other rules together take tenths of a second.
        cap: Largest number of reachable states. If there are more, a note lists the rules that could not be checked.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ScenarioError: When the stated chances of a move's outcomes add up to more than one.
        Cancelled: When `control` cancels the work.
    """
    subject = Subject(scenario, cap=cap, control=control)
    findings = [finding for rule in (*STATELESS_RULES, *log_rules.LOG_RULES) for finding in rule(subject)]
    if subject.enumerable:
        findings += [finding for rule in STATE_RULES for finding in rule(subject)]
        findings += states.no_move_is_busier_than(subject, events_per_day)
        findings += every_strand_moves_an_answer(subject, control) if strands else ()
    else:
        what = (
            "not checked: whether levels, moves, outcomes, endings, rungs and questions can be reached, dead ends, "
            "events per day, actors and assumptions that change no answer, and multipliers of rates after the start"
        )
        findings.append(note("states", what, subject.refusal))
    return Findings(
        scenario=ScenarioKey.of(scenario),
        findings=tuple(sorted(findings, key=lambda finding: _SEVERITY_ORDER[finding.severity])),
        provenance=provenance(
            subject.scenario, engine="exact", cap=cap, events_per_day=events_per_day, strands=strands
        ),
    )


def elicited(scenario: Scenario, *, control: Control = UNWATCHED) -> pd.DataFrame:
    """Compare each rate that was stated as “p within T days” with the probability in the model.

    The table has one row for each move with such a rate. Interventions are ignored. The columns are:

    assumption, label: the id and the label of the rate.
    move: the id of the move.
    within_days: T.
    stated: the probability p that the rate alone gives, if the move is always possible and every factor is 1.
    implied: the probability in the model that the move happens within T days from the start. The model applies the
    factors and conditions of the move, and the endings.

    Raises TooManyStates or Unsupported if the exact engine cannot answer, and Cancelled.
    """
    import pandas as pd

    pairs = [
        (assumption, move)
        for assumption in scenario.assumptions.values()
        for move in scenario.moves.values()
        if assumption.within_days is not None and move.rate == assumption.id
    ]
    implied_by = _first_firings(scenario, pairs, control) if pairs else {}
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


def _first_firings(scenario: Scenario, pairs: list[tuple[Assumption, Move]], control: Control) -> dict[str, float]:
    """Return the probability that each move happens within T days.

    The rate of each move was stated as “p within T days”.
    """
    within = {move.id: float(assumption.within_days or 0.0) for assumption, move in pairs}
    times = sorted(set(within.values()))
    questions = {name: Question(name, name, move=name) for name in within}
    # The longest window may end after the horizon.
    world = scenario.replace(interventions=(), questions=questions, ladders={}, horizon_days=times[-1])
    forecast = solve(world, times=times, control=control)
    return {name: float(forecast.questions[name].probability[times.index(days)]) for name, days in within.items()}
