"""Questions about a log of events: its lessons on assumptions, and each event's effect."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlib.control import Control
from simlib.formatting import counted, long_date, percent
from simlib.scenario.model import Assumption, Scenario
from simlib.scenario.scales import Z_95TH_PERCENTILE, Z_TWO_SIDED_95
from simlib.widgets.questions.choices import draws, keywords, measure, shown_answer
from simlib.widgets.questions.question import Field, PanelQuestion
from simlib.widgets.questions.shown_answers import Drawing, ShownAnswer

if TYPE_CHECKING:
    from simlib.analysis.row_attribution import RowEffect
    from simlib.evidence.belief_update import LearntAssumption, Update
    from simlib.evidence.log_intake import Events

REACH_WORDS = {
    "free": "yes",
    "cut": "yes, but the rows with which it was set do not count",
    "untouched": "no, nothing in the log depends on it",
}
"""Whether a log can change an assumption, in words, by `LearntAssumption.reach`."""


_OFF = Z_TWO_SIDED_95 * math.sqrt(math.pi / 2) / Z_95TH_PERCENTILE
"""Half-width of the 95% interval of a median from n draws of a normal variable, times √n. The unit is the distance from
the median to the 95th percentile."""


class _LogQuestion(PanelQuestion):
    """A question about the log of the scenario, with `events` (or a file of events) added."""

    def __init__(self, scenario: Scenario | str | Path, events: Events = None, **settings: Any) -> None:
        self.events = events
        super().__init__(scenario, **settings)

    def _as_of(self) -> Field:
        """Store the log as `rows`, and return the field for the last day of the log to use."""
        from simlib.evidence.log_intake import whole_log

        self.rows = whole_log(self.scenario, self.events or ())
        end = self.scenario.by_date(self.scenario.horizon_days)
        known = [row.public_on + dt.timedelta(days=1) for row in self.rows]
        last = min(max([*known, self.scenario.as_of]), end)
        first = min([row.public_on for row in self.rows] + [self.scenario.as_of])
        return Field("as_of", "Log taken in up to the morning of", last, (), first, end)

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return two hashes: one of the scenario, and one of the log."""
        del chosen
        rows = [dataclasses.replace(row, file="", line=0) for row in self.rows]
        return [self.scenario.sha256, hashlib.sha256(repr(rows).encode()).hexdigest()]


class LearnFromTheLog(_LogQuestion):
    """The range of each assumption before and after learning from a log of events."""

    name, title, edition = "learn-from-the-log", "What does the log teach about the assumptions?", 4

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [self._as_of(), draws(1000)]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Update the assumptions with the log, and compare each posterior with its prior."""
        from simlib.evidence.belief_update import update
        from simlib.plots.prior_posterior_bars import height_of, prior_and_posterior
        from simlib.report.assumption_blocks import readable

        result = update(self.scenario, self.rows, **keywords(chosen, control, "as_of", "draws"))
        result = dataclasses.replace(result, before=readable(result.before))
        head = ("assumption", "can the log change it?", "before (5 to 95%)", "after (5 to 95%)", "remaining spread")
        rows = [_row(result, each) for each in sorted(result.learnt, key=lambda each: each.strength)]
        drawing = Drawing(partial(prior_and_posterior, result), height_of(result), left=20, right=276)
        return shown_answer(list(_sentences(result)), head, rows, 3, drawing)


class WhatEachRowDid(_LogQuestion):
    """The change of a forecast by each row of a log, and by the time between rows."""

    name, title, edition = "what-each-row-did", "What did each row of the log do to the forecast?", 2

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [measure(self.scenario), self._as_of(), draws(200)]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Compute the change of the forecast by each row of the log."""
        from simlib.analysis.row_attribution import row_effects
        from simlib.plots.row_effect_bars import EFFECT_ROWS, row_bars

        result = row_effects(self.scenario, self.rows, **keywords(chosen, control, "measure", "as_of", "draws"))
        rows = [_effect(row) for row in result.rows]
        without, with_it = "forecast without the row", "forecast with the row"
        head = ("date", "row", "state", "assumptions", "time before the row", without, with_it)
        height = 152 + 42 * (min(len(rows), EFFECT_ROWS) + 2)
        return shown_answer(result.sentences(), head, rows, 5, Drawing(partial(row_bars, result), height))


def _effect(row: RowEffect) -> tuple[str, ...]:
    lines = (f"{part:+z.2f}" for part in (row.state, row.assumptions, row.time))
    return str(row.date), row.words, *lines, percent(row.before), percent(row.after)


def _number(result: Update, each: LearntAssumption) -> Assumption:
    return result.numbers[each.id]


def _row(result: Update, each: LearntAssumption) -> tuple[str, ...]:
    from simlib.evidence.lessons import median_and_range

    number = _number(result, each)
    ranges = median_and_range(each.prior, number), median_and_range(each.posterior, number)
    return (number.label, REACH_WORDS[each.reach], *ranges, percent(min(each.spread, 1.0)))


def _sentences(result: Update) -> Iterator[str]:
    from simlib.evidence.lessons import HARDLY_CHANGED, median_and_range, undecided_sentence

    learnt = sorted(result.learnt, key=lambda each: each.strength)
    taught = [each for each in learnt if each.taught]
    log = f"The log up to {long_date(result.as_of)}, with {counted(len(result.taken), 'row')} that count,"
    if not taught:
        same = all(each.change == HARDLY_CHANGED for each in learnt)
        note = ": each keeps its range, or nearly so" if same else ""
        yield f"{log} teaches hardly anything about the assumptions{note}."
    else:
        yield f"{log} teaches something about {len(taught)} of {len(result.learnt)} uncertain assumptions."
    for each in taught:
        number = _number(result, each)
        after, before = (median_and_range(points, number) for points in (each.posterior, each.prior))
        yield f"{number.label}, {each.change}: {after} after the log, {before} before."
    yield from undecided_sentence(learnt, {each.id: _number(result, each) for each in learnt})
    count = {reach: sum(each.reach == reach for each in result.learnt) for reach in REACH_WORDS}
    if count["untouched"]:
        these = counted(count["untouched"], "assumption")
        yield f"The log cannot teach {these}: nothing in the log depends on such assumptions. Their ranges stay."
    if count["cut"]:
        these = counted(count["cut"], "assumption")
        yield f"{these} had been set with rows of this log. Those rows do not count a second time. Later rows do."
    yield _trust(result)


def _trust(result: Update) -> str:
    """Say how many draws of equal weight the draws are worth, and a median's error if known."""
    provenance, effective = result.provenance, float(result.provenance["effective_draws"])
    worth = f"{result.belief.draws:,} weighted draws are worth {effective:,.0f} of equal weight"
    if provenance["method"] == "chains":
        return f"Computed by chains (Hamiltonian Monte Carlo): their {worth}."
    if provenance["k_hat"] is None:
        return f"Drawn from the ranges, because nothing in the log depends on an assumption. The {worth}."
    return (
        f"The {worth}, and no small group of them dominates. The error of a median is less than "
        f"{percent(min(_OFF / effective**0.5, 1.0))} of the distance from the median to an end of the range."
    )
