"""What the rows of an event log mean for a scenario.

The first of `Evidence.rules` that fits a row says what the row means. If no rule fits, the word in the column `move` is
the id of the move that happened. If there is no such move either, the row is reported as unmapped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simlib.errors import Problem, did_you_mean, refuse
from simlib.scenario.condition import Condition
from simlib.scenario.event_log import LogRow
from simlib.scenario.evidence import CERTAIN_REPORT, Coverage, Evidence, RowRule
from simlib.scenario.model import Effect, Move, Outcome, Scenario
from simlib.scenario.moves import unknown_outcome

FALLBACK_RULE = RowRule(())
"""The rule for a row that fits no rule of the scenario file."""

Firing = tuple[str, str]
"""One way in which a move can happen: (id of the move, id of one of its outcomes)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The meaning of one row of an event log: at most one of `firings`, `level` and `setting`.

    - `row`: the row of the event log.
    - `firings`: pairs (move, outcome), one of which happened.
    - `level`: the condition on the state that holds according to the row.
    - `setting`: a change from outside, as pairs (variable, level).
    - `ratio`: the likelihood ratio P(row | its report is true) / P(row | its report is false), or None if the report is
      certainly true.
    - `ignored`: the reason why the row is left out ("": the row is not left out).
    """

    row: LogRow
    firings: tuple[Firing, ...] = ()
    level: Condition | None = None
    setting: tuple[tuple[str, str], ...] = ()
    ratio: float | None = CERTAIN_REPORT
    ignored: str = ""

    @property
    def counts(self) -> bool:
        """Whether the row says anything about the state or the moves."""
        return bool(self.firings or self.level or self.setting)

    @property
    def mapped(self) -> bool:
        """Whether the row says anything about the state or the moves, or is left out for a reason."""
        return self.counts or bool(self.ignored)


def read_rows(scenario: Scenario, rows: Iterable[LogRow]) -> tuple[Reading, ...]:
    """Return the meaning of each row of an event log, in the order of the rows.

    Raises ScenarioError, which lists every problem:

    - a row with an outcome that its move does not have.
    - a row with a confidence for which the scenario gives no likelihood ratio.
    - a row without an outcome, if its rule names none, and its move has several outcomes that all have a `chance` in
      the file.
    """
    problems: list[Problem] = []
    readings = tuple(_reading(scenario, row, problems) for row in rows)
    refuse(problems)
    return readings


def _reading(scenario: Scenario, row: LogRow, problems: list[Problem]) -> Reading:
    evidence = scenario.evidence or Evidence()
    rule = next((rule for rule in evidence.rules if fits(rule, row)), FALLBACK_RULE)
    ratio = rule.ratio if rule.ratio is not None else _ratio(evidence, row, problems)
    if rule.ignore:
        return Reading(row, ignored=rule.ignore)
    if rule.setting:
        return Reading(row, setting=rule.setting)
    if rule.level is not None:
        return Reading(row, level=rule.level, ratio=ratio)
    name = rule.move or row.word
    if name not in scenario.moves:
        return Reading(row)
    outcomes = _outcomes(scenario, scenario.moves[name], rule, row, problems)
    return Reading(row, firings=tuple((name, outcome) for outcome in outcomes), ratio=ratio)


def fits(rule: RowRule, row: LogRow) -> bool:
    """Return whether a rule applies to a row of the event log.

    The word in the column `move` of the row must be one of `rule.words`. If the rule has a date, an actor, a target or
    a confidence, the row must have the same value.
    """
    columns = ("date", "actor", "target", "confidence")
    pairs = [(getattr(rule, name), getattr(row, name)) for name in columns]
    return row.word in rule.words and all(wanted is None or wanted == given for wanted, given in pairs)


def _ratio(evidence: Evidence, row: LogRow, problems: list[Problem]) -> float | None:
    known = dict(evidence.confidence)
    if not known or not row.confidence:
        return CERTAIN_REPORT
    if row.confidence not in known:
        what = f"the confidence {row.confidence!r} has no ratio"
        expected = f"{did_you_mean(row.confidence, known)} (from evidence.confidence)"
        problems.append(Problem(row.file, row.line, "confidence", what, expected))
        return CERTAIN_REPORT
    return known[row.confidence]


def _outcomes(scenario: Scenario, move: Move, rule: RowRule, row: LogRow, problems: list[Problem]) -> tuple[str, ...]:
    if rule.outcomes:
        return rule.outcomes
    known = {outcome.id: outcome for outcome in move.outcomes}
    if row.outcome:
        if row.outcome not in known:
            problems.append(Problem(row.file, row.line, "outcome", *unknown_outcome(move.id, row.outcome, known)))
            return ()
        return (row.outcome,)
    usual = next((outcome for outcome in move.outcomes if outcome.chance is None), None)
    if usual is None and len(known) > 1:
        what = f"every outcome of {move.id!r} has a chance of its own, so the row may mean any outcome"
        expected = "name the outcome in the column outcome, or write a rule with outcomes in evidence.rows"
        problems.append(Problem(row.file, row.line, "move", what, expected))
        return ()
    usual = usual or move.outcomes[0]
    return tuple(o.id for o in move.outcomes if visible_effects(scenario, o) == visible_effects(scenario, usual))


def visible_effects(scenario: Scenario, outcome: Outcome) -> frozenset[Effect]:
    """Return the effects of an outcome on variables that somebody observes."""
    return frozenset(effect for effect in outcome.effects if not scenario.variables[effect.variable].hidden)


# Coverage


def coverages(scenario: Scenario) -> dict[Firing, Coverage]:
    """Return {(move, outcome): how likely the log is to show the outcome} for all outcomes.

    In the section `evidence`, an entry for an outcome overrides an entry for its move. Of two entries for the same
    outcome or move, the last in the file counts. By default the log always shows an outcome if it changes a visible
    variable and the move is not covert. Otherwise, the log need not show the outcome, so a missing row says nothing.
    """
    evidence = scenario.evidence or Evidence()
    seen: dict[Firing, Coverage] = {}
    for exact in (False, True):
        for entry in evidence.seen:
            for outcome in scenario.moves[entry.move].outcomes if (entry.outcome is not None) is exact else ():
                if entry.outcome in (None, outcome.id):
                    seen[(entry.move, outcome.id)] = entry
    return {
        (move.id, outcome.id): seen.get((move.id, outcome.id)) or _by_default(scenario, move, outcome)
        for move in scenario
        for outcome in move.outcomes
    }


def _by_default(scenario: Scenario, move: Move, outcome: Outcome) -> Coverage:
    seen = not move.covert and bool(visible_effects(scenario, outcome))
    return Coverage(move.id, outcome.id, 1.0 if seen else 0.0)
