"""`update`: what a log of events says about a scenario, as of a date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.answer import Answer
from simlib.arguments import LESSON_DRAWS
from simlib.control import UNWATCHED, Control
from simlib.evidence.exact_filter import Filter
from simlib.evidence.impossibility import ImpossibleLog
from simlib.evidence.lessons import LearntAssumption, about_draws, about_rows, how_learnt, lesson_sentences, lessons_of
from simlib.evidence.log_intake import Events, Intake, belief_name, dated, take_in, taken_in, told_ending
from simlib.evidence.posterior import NotLearnt
from simlib.evidence.settled_questions import AnsweredQuestion, answered
from simlib.formatting import counted, long_date, percent
from simlib.machine import priors
from simlib.machine.belief import Belief
from simlib.machine.tables import Tables
from simlib.scenario.model import Assumption, Scenario
from simlib.scenario.row_meaning import Reading

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ImpossibleLog", "LearntAssumption", "NotLearnt", "Update", "update"]

OPEN = 0.01
"""`Update.sentences` mentions an unsettled question if its event has happened with a probability above this."""

NOTABLE = 0.1
"""`Update.sentences` mentions a level of a variable if the log moves its probability by more than this."""


@dataclass(frozen=True, eq=False)
class Update(Answer):
    """The belief about a scenario after a log of events.

    A reading is a row of the log together with its meaning in the scenario. Each reading is in one of these groups:

    - taken: used in the update.
    - left_out: left out, because a rule of the scenario ignores the row.
    - unmapped: without a meaning in the scenario.
    - impossible: left out, because no state of the scenario can explain the row.
    - unknown: not public before the date of the update, or about that day or a later one.
    - outside: from before the first day of the scenario's history.
    - after_the_end: from after the end of the story.

    The other fields are:

    - scenario: the scenario as of the date of the update. It starts in the states that are possible given the log, and
      ends on the same day as before. To ask a question after the log, use this scenario, and give `belief` as the
      draws.
    - before: the scenario before the log.
    - belief: weighted draws of the assumptions, each with its distribution over the states on the date of the update.
    - complete_to: the last day on which the absence of rows counts as evidence.
    - log_likelihood: the log-likelihood of the log at the values stated in the scenario.
    - ended: the ending that the log reports, with its day, or None.
    - learnt: each uncertain assumption before and after the log, including the assumptions of `evidence`. It is empty
      if the assumptions were not updated.
    - answered: the questions whose event has certainly or possibly happened already.
    """

    kind: ClassVar[str] = "update"

    scenario: Scenario
    before: Scenario
    belief: Belief
    complete_to: dt.date
    log_likelihood: float
    taken: tuple[Reading, ...]
    left_out: tuple[Reading, ...]
    unmapped: tuple[Reading, ...]
    impossible: tuple[Reading, ...]
    unknown: tuple[Reading, ...]
    outside: tuple[Reading, ...]
    after_the_end: tuple[Reading, ...]
    ended: tuple[str, dt.date] | None
    learnt: tuple[LearntAssumption, ...]
    provenance: Mapping[str, Any]
    answered: tuple[AnsweredQuestion, ...] = ()

    @property
    def question(self) -> str:
        """The question that this update answers."""
        return f"What does the log say about “{self.scenario.title}” as of {long_date(self.as_of)}?"

    @property
    def numbers(self) -> dict[str, Assumption]:
        """The assumptions before the log, by id, including those of `evidence`."""
        return {**self.before.assumptions, **self.before.log_assumptions}

    def levels(self) -> dict[str, dict[str, tuple[float, float]]]:
        """Return the probability of each level of each variable, before the log and after it.

        The result is {variable: {level: (before, after)}}. `before` is the probability that the scenario assumes at its
        start. `after` is the probability on the date of the update, as a mean over the draws of the belief.
        """
        states = Tables(self.scenario).start_states()[0]
        weights = self.belief.weights @ np.asarray(self.belief.start)
        tables = Tables(self.before)
        prior, assumed = tables.start_states(priors.theta(self.before))
        return {
            name: {
                level: (float(assumed[prior[:, v] == at].sum()), float(weights[states[:, v] == at].sum()))
                for at, level in enumerate(variable.levels)
            }
            for v, (name, variable) in enumerate(self.before.variables.items())
        }

    def sentences(self) -> list[str]:
        """Return sentences about the rows of the log, the questions, the levels and the assumptions."""
        learnt = [*self.about_assumptions(), *(about_draws(self.provenance) if self.learnt else ())]
        return [*self._about_rows(), *self._about_answers(), *self._about_levels(), *learnt]

    def _about_rows(self) -> list[str]:
        result = [about_rows(self.as_of, len(self.taken), self.complete_to)]
        others = {
            "left out for a reason": self.left_out,
            "without a meaning in this scenario": self.unmapped,
            "impossible in this scenario": self.impossible,
            "not yet known then": self.unknown,
            "from before the history": self.outside,
        }
        counts = [f"{len(readings)} {words}" for words, readings in others.items() if readings]
        result += [f"Not taken in: {', '.join(counts)}."] if counts else []
        if self.ended:
            label = self.scenario.endings[self.ended[0]].label
            late = len(self.after_the_end)
            were = "was" if late == 1 else "were"
            rest = f"; {counted(late, 'row')} after that {were} not taken in" if late else ""
            result.append(f"The story ended on {long_date(self.ended[1])}: {label}{rest}.")
        return result

    def _about_answers(self) -> list[str]:
        texts = [
            f"The log has answered “{each.label}”: yes, on {long_date(each.on)}." for each in self.answered if each.on
        ]
        texts += [
            f"“{each.label}” may have happened already without being seen (probability {percent(each.probability)})."
            for each in self.answered
            if each.on is None and each.probability > OPEN
        ]
        return texts

    def _about_levels(self) -> list[str]:
        same_day, result = self.as_of == self.before.as_of, []
        for name, levels in self.levels().items():
            variable = self.before.variables[name]
            for level, (assumed, implied) in levels.items():
                if abs(implied - assumed) > NOTABLE:
                    old = "the scenario assumes" if same_day else f"on {long_date(self.before.as_of)} it was"
                    now = f"After the log, “{variable.at(level)}” has the probability {percent(implied)}"
                    result.append(f"{now}; {old} {percent(assumed)}.")
        return result

    def about_assumptions(self) -> list[str]:
        """Return a sentence for each assumption that the log changed, and sentences on the others."""
        return lesson_sentences(self.learnt, self.numbers) if self.learnt else []

    def assumptions(self) -> pd.DataFrame:
        """Return a table with a row for each uncertain assumption: its prior and its posterior."""
        import pandas as pd

        return pd.DataFrame([each.row() for each in self.learnt])

    def frame(self) -> pd.DataFrame:
        """Return a table of the probability of each level of each variable before and after the log."""
        import pandas as pd

        rows = [
            {"variable": name, "hidden": self.before.variables[name].hidden, "level": level}
            | {"assumed": assumed, "implied": implied}
            for name, levels in self.levels().items()
            for level, (assumed, implied) in levels.items()
        ]
        return pd.DataFrame(rows)

    def data(self) -> dict[str, Any]:
        """Return the rows (grouped by their use), the assumptions, the questions and the levels."""
        groups = ("taken", "left_out", "unmapped", "impossible", "unknown", "outside", "after_the_end")
        return {
            "complete_to": self.complete_to,
            "log_likelihood": self.log_likelihood,
            "rows": {name: [str(reading.row) for reading in getattr(self, name)] for name in groups},
            "ended": self.ended,
            "learnt": [each.data() for each in self.learnt],
            "answered": [
                {"question": each.id, "probability": each.probability, "on": each.on} for each in self.answered
            ],
            "draws": self.belief.draws,
            "effective_draws": self.belief.effective_draws,
            "levels": {
                name: {level: {"assumed": a, "implied": i} for level, (a, i) in levels.items()}
                for name, levels in self.levels().items()
            },
        }


def update(
    scenario: Scenario,
    events: Events = None,
    *,
    as_of: dt.date | None = None,
    complete_to: dt.date | None = None,
    learn: bool = True,
    draws: int = LESSON_DRAWS,
    seed: int = 0,
    skip_impossible: bool = False,
    control: Control = UNWATCHED,
) -> Update:
    """Update a scenario with a log of events, as of a date.

    Args:
        scenario: The scenario. If needed, its `evidence` says how the log reports events. If the scenario comes from an
            earlier update, only events on or after the date of that update are taken in. Earlier events that became
            known later are then left out.
        events: A file or rows to add to the log in the scenario's folder (`events.csv`). A row that occurs twice counts
            once. A scenario without a folder has no log of its own.
        as_of: The date of the update. Only events that happened and were public before this date count. Default: the
            date of the scenario.
        complete_to: The last day on which the absence of rows counts as evidence. Default: the day on which the last
            row became public, or the day before `as_of` if that is earlier.
        learn: Whether to update the assumptions. If not, they keep their prior and only the state is inferred.
        draws: Number of draws of the assumptions.
        seed: Seed of the draws.
        skip_impossible: Whether rows that the scenario cannot explain are left out and listed. If not, the first one
            raises ImpossibleLog.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ScenarioError: For a log that cannot be read.
        ImpossibleLog: For the first row after which no state is possible. The message names reasons and remedies.
        Unsupported: For more than 50,000 possible states at a time, for a date before the history, and for a move with
            a fixed date before `as_of`.
        NotLearnt: If the posterior cannot be trusted.
        MissingDependency: If Numba cannot be imported.
        Cancelled: When `control` cancels the work.
    """
    intake = take_in(
        scenario,
        events,
        as_of,
        complete_to,
        learn=learn,
        draws=draws,
        seed=seed,
        skip_impossible=skip_impossible,
        control=control,
    )
    return updated(intake)


def updated(intake: Intake) -> Update:
    """Return the `Update` from a log that `take_in` has filtered."""
    prepared, drawn, scenario = intake.prepared, intake.drawn, intake.prepared.scenario
    names = tuple(scenario.assumptions)
    theta = intake.theta[:, : len(names)]
    how, name = how_learnt(intake), belief_name(intake.as_of)
    source = {key: how[key] for key in ("scenario_sha256", "version", "draws", "seed", *intake.record)}
    belief = Belief(name, intake.as_of, names, theta, drawn.weights, drawn.ends, intake.seed, source)
    return Update(
        scenario=dated(scenario, prepared, intake.passed, intake.as_of),
        before=scenario,
        belief=belief,
        complete_to=intake.complete_to,
        log_likelihood=intake.passed.log_likelihood,
        **_sorted_out(prepared, intake.impossible),
        learnt=lessons_of(intake) if intake.learn else (),
        provenance=how,
        answered=answered(prepared, intake.passed),
    )


def _sorted_out(prepared: Filter, impossible: tuple[Reading, ...]) -> dict[str, Any]:
    timetable = prepared.timetable
    taken, late = taken_in(prepared), taken_in(prepared, late=True)
    others = [reading for reading in prepared.readings if not reading.counts]
    return {
        "taken": tuple(sorted(taken, key=lambda r: (r.row.date, r.row.line))),
        "left_out": tuple(reading for reading in others if reading.ignored),
        "unmapped": tuple(reading for reading in others if not reading.mapped),
        "impossible": impossible,
        "unknown": tuple(r for r in timetable.unknown if r.counts),
        "outside": tuple(r for r in timetable.outside if r.counts),
        "after_the_end": tuple(late),
        "ended": told_ending(prepared),
    }
