"""`learn`: what a log teaches about the assumptions, prior and posterior side by side."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.answer import Answer, ScenarioKey, provenance
from simlib.arguments import LESSON_DRAWS
from simlib.control import UNWATCHED, Control
from simlib.evidence import posterior
from simlib.evidence.log_intake import Events, Intake, take_in, taken_in
from simlib.formatting import counted, long_date, quoted
from simlib.machine.belief import quantiles
from simlib.quantities import show
from simlib.scenario.model import Assumption, Scenario

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LearntAssumption", "Lessons", "learn"]

TAUGHT_SPREAD, TAUGHT_SHIFT = 0.8, 0.5
"""A log changed an assumption if the normal score of the assumption (standard normal in the prior) got a standard
deviation below the first number, or a mean farther from 0 than the second number."""

STANDARD_ERRORS_NEEDED = 2.0
"""`TAUGHT_SPREAD` or `TAUGHT_SHIFT` must be passed by this many standard errors of the draws.

Otherwise, among many assumptions, some would pass by chance.
"""

UNDECIDED, HARDLY_CHANGED = "undecided", "hardly changed"
"""Words for an assumption: the first if the draws cannot decide whether it was changed, the second if it hardly was."""

_POINTS = ("low", "median", "high")


@dataclass(frozen=True, slots=True)
class LearntAssumption:
    """One assumption before and after the log.

    A normal score is the value of an assumption, transformed so that its prior is a standard normal distribution.

    - prior, posterior: the 5, 50 and 95% quantiles, in base units.
    - mean, spread: mean and standard deviation of the normal score after the log. In the prior, the mean is 0 and the
      spread is 1.
    - reach: "free" (the log could change the assumption), "cut" (the log was used to set the assumption, and may not
      change it again) or "untouched" (the log says nothing about the assumption).
    - draws: effective number of draws of the posterior.
    """

    id: str
    prior: tuple[float, float, float]
    posterior: tuple[float, float, float]
    mean: float
    spread: float
    reach: str
    draws: float = np.inf

    @property
    def taught(self) -> bool:
        """Whether the score's shift or narrowing passed its limit by more than the draws' error."""
        return self.change not in (UNDECIDED, HARDLY_CHANGED)

    @property
    def change(self) -> str:
        """The change in words: "moved", "narrower", both, `UNDECIDED` or `HARDLY_CHANGED`.

        The change is undecided if `TAUGHT_SHIFT` or `TAUGHT_SPREAD` is passed, but by less than the error of the draws.
        """
        if self.reach == "untouched":
            return HARDLY_CHANGED
        error = STANDARD_ERRORS_NEEDED * self.spread / np.sqrt(self.draws)
        moved = abs(self.mean) - error > TAUGHT_SHIFT
        narrower = self.spread + error / np.sqrt(2) < TAUGHT_SPREAD
        passed = self.spread < TAUGHT_SPREAD or abs(self.mean) > TAUGHT_SHIFT
        sure = " and ".join(word for word, fits in (("moved", moved), ("narrower", narrower)) if fits)
        return sure or (UNDECIDED if passed else HARDLY_CHANGED)

    @property
    def strength(self) -> tuple[int, float]:
        """The sort key that puts the most changed assumptions first, and then the undecided ones."""
        rank = 0 if self.taught else 1 if self.change == UNDECIDED else 2
        return rank, min(self.spread, 1.0) - abs(self.mean)

    def row(self) -> dict[str, Any]:
        """Return the assumption as a row of a table."""
        result: dict[str, Any] = {"assumption": self.id, "taught": self.taught, "reach": self.reach}
        for name, points in (("prior", self.prior), ("posterior", self.posterior)):
            result |= {f"{name}_{point}": value for point, value in zip(_POINTS, points, strict=True)}
        return result | {"score_mean": self.mean, "score_sd": self.spread}

    def data(self) -> dict[str, Any]:
        """Return the assumption as plain JSON data."""
        head = {"assumption": self.id, "taught": self.taught, "reach": self.reach}
        return head | {"prior": self.prior, "posterior": self.posterior, "mean": self.mean, "spread": self.spread}

    def sentence(self, number: Assumption) -> str:
        """State the median and range of the assumption after and before the log."""
        after, before = (median_and_range(points, number) for points in (self.posterior, self.prior))
        return f"{number.label}: {after} after the log, {before} before."


def median_and_range(points: Sequence[float], number: Assumption) -> str:
    """Return the (low, median, high) `points` of an assumption as "median (low to high)"."""
    low, median, high = (show(point, number.kind, number.unit) for point in points)
    return f"{median} ({low} to {high})"


@dataclass(frozen=True, eq=False)
class Lessons(Answer):
    """What a log teaches about the assumptions: each with its prior and its posterior.

    - learnt: each uncertain assumption before and after the log.
    - numbers: the assumptions of the scenario by id, including those of `evidence`.
    - rows: number of rows of the log that were taken in.
    - complete_to: the last day on which the absence of rows counts as evidence.
    """

    kind: ClassVar[str] = "learn"

    scenario: ScenarioKey
    learnt: tuple[LearntAssumption, ...]
    numbers: Mapping[str, Assumption]
    rows: int
    complete_to: dt.date
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that this answer is about."""
        return f"What does the log teach about the assumptions, as of {long_date(self.as_of)}?"

    def sentences(self) -> list[str]:
        """State which assumptions the log changed or not, and whether the draws can be trusted."""
        return [
            *lesson_sentences(self.learnt, self.numbers),
            *self._left_alone(),
            about_rows(self.as_of, self.rows, self.complete_to),
            *about_draws(self.provenance),
        ]

    def _left_alone(self) -> list[str]:
        cut, untouched = (sum(each.reach == reach for each in self.learnt) for reach in ("cut", "untouched"))
        texts = []
        if cut:
            used = f"This log was already used to set {counted(cut, 'assumption')}"
            texts.append(f"{used}, so its rows do not teach the same number again.")
        if untouched:
            texts.append(f"The log says nothing about {counted(untouched, 'assumption')}.")
        return texts

    def frame(self) -> pd.DataFrame:
        """Return a table with a row for each uncertain assumption, the most changed first."""
        import pandas as pd

        rows = [each.row() | {"label": self.numbers[each.id].label} for each in self.ranked()]
        return pd.DataFrame(rows)

    def ranked(self) -> list[LearntAssumption]:
        """Return the assumptions in the order of their `strength`, the most changed first."""
        return sorted(self.learnt, key=lambda each: each.strength)

    def data(self) -> dict[str, Any]:
        """Return the number of rows, last complete day, and assumptions before and after the log."""
        learnt = [each.data() for each in self.learnt]
        return {"rows": self.rows, "complete_to": self.complete_to, "learnt": learnt}


def learn(
    scenario: Scenario,
    events: Events = None,
    *,
    as_of: dt.date | None = None,
    complete_to: dt.date | None = None,
    draws: int = LESSON_DRAWS,
    seed: int = 0,
    skip_impossible: bool = False,
    control: Control = UNWATCHED,
) -> Lessons:
    """Compare the prior and the posterior of each assumption, given a log of events.

    Raises the same errors as `update`, which also gives the states that are possible given the log.

    Args:
        scenario: The scenario. If needed, its `evidence` says how the log reports events.
        events: A file or rows to add to the log in the scenario's folder (`events.csv`). A row that occurs twice counts
            once. A scenario without a folder has no log of its own.
        as_of: The date of the comparison. Only events that happened and were public before this date count. Default:
            the date of the scenario.
        complete_to: The last day on which the absence of rows counts as evidence. Default: the day on which the last
            row became public, or the day before `as_of` if that is earlier.
        draws: Number of draws of the assumptions.
        seed: Seed of the draws.
        skip_impossible: Whether rows that the scenario cannot explain are left out. If not, the first one raises
            ImpossibleLog.
        control: Progress callback, cancellation and number of threads.
    """
    intake = take_in(
        scenario,
        events,
        as_of,
        complete_to,
        learn=True,
        draws=draws,
        seed=seed,
        skip_impossible=skip_impossible,
        control=control,
    )
    key = ScenarioKey(scenario.id, scenario.title, scenario.sha256, intake.as_of)
    numbers = dict(intake.prepared.world.assumptions)
    rows = len(taken_in(intake.prepared))
    return Lessons(key, lessons_of(intake), numbers, rows, intake.complete_to, how_learnt(intake))


def lessons_of(intake: Intake) -> tuple[LearntAssumption, ...]:
    """Return each uncertain assumption before and after a log that `take_in` has filtered."""
    prepared, drawn, result = intake.prepared, intake.drawn, []
    means, spreads = posterior.summary(drawn.scores, drawn.weights)
    after = quantiles(intake.theta, (0.05, 0.5, 0.95), drawn.weights)
    for place, number in enumerate(prepared.world.assumptions.values()):
        if number.fixed:
            continue
        before = (number.low, number.value, number.high)
        reach = "cut" if drawn.cut[place] else "free" if drawn.free[place] else "untouched"
        low, median, high = before if reach == "untouched" else after[:, place].tolist()
        mean, spread = (0.0, 1.0) if reach == "untouched" else (float(means[place]), float(spreads[place]))
        points = (low, median, high)
        result.append(LearntAssumption(number.id, before, points, mean, spread, reach, drawn.effective_draws))
    return tuple(result)


def how_learnt(intake: Intake) -> dict[str, Any]:
    """Return the provenance (engine, draws, seed, log) of an answer that learns from a log."""
    drawn = intake.drawn
    return provenance(
        intake.prepared.scenario,
        engine="exact",
        draws=intake.draws,
        seed=intake.seed,
        **intake.record,
        method=drawn.method,
        k_hat=drawn.k_hat if np.isfinite(drawn.k_hat) else None,
        effective_draws=drawn.effective_draws,
        taken=len(drawn.weights),
    )


def about_rows(as_of: dt.date, rows: int, complete_to: dt.date) -> str:
    """State how many rows of a log were taken in, and the last day on which the log is complete."""
    taken = f"{counted(rows, 'row')} of the log {'was' if rows == 1 else 'were'} taken in"
    return f"As of {long_date(as_of)}: {taken}; the log is complete to {long_date(complete_to)}."


def lesson_sentences(learnt: Sequence[LearntAssumption], numbers: Mapping[str, Assumption]) -> list[str]:
    """Return sentences about what a log taught.

    There is one sentence for each assumption that the log changed, one about the undecided assumptions, and one about
    the unchanged ones.
    """
    taught = [each for each in learnt if each.taught]
    if all(each.change == HARDLY_CHANGED for each in learnt):
        return ["The log teaches nothing about the assumptions: each keeps its prior, or nearly so."]
    rest = sum(each.change == HARDLY_CHANGED for each in learnt)
    others = [f"The other {rest} uncertain assumptions keep their priors, or nearly so."] if rest else []
    if rest == 1:
        others = ["The other uncertain assumption keeps its prior, or nearly so."]
    return [each.sentence(numbers[each.id]) for each in taught] + undecided_sentence(learnt, numbers) + others


def undecided_sentence(learnt: Sequence[LearntAssumption], numbers: Mapping[str, Assumption]) -> list[str]:
    """Return one sentence with the assumptions that the draws leave undecided, or an empty list."""
    names = [quoted(numbers[each.id].label) for each in learnt if each.change == UNDECIDED]
    return [f"The draws cannot decide whether the log changed {', '.join(names)}."] if names else []


def about_draws(source: Mapping[str, Any]) -> list[str]:
    """State how far the draws of a posterior can be trusted."""
    draws = f"{source['taken']:,} draws are worth {source['effective_draws']:,.0f} of equal weight"
    if source["k_hat"] is None:
        return [f"{draws} ({source['method']})."] if source["method"] == "chains" else []
    return [f"{draws}; the shape of the tail of their weights is k = {source['k_hat']:z.2f} (trusted below 0.7)."]
