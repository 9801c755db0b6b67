"""Integer counts over replicates, and the forecast with intervals that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simlib.answer import ScenarioKey
from simlib.machine.measures import Measure, conditional
from simlib.results import FAN, ONGOING, Accumulation, AmountSample, Band, Forecast, labels
from simlib.scenario.model import Hold, Impact, Scenario
from simlib.scenario.scales import Z_TWO_SIDED_95
from simlib.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    from simlib.engines.montecarlo.kernel_input import Flat


BY_REPLICATE = ("ending", "ending_time", "question_time", "events", "accrued")
"""The fields of `Counts`, and of the kernel's output, that have a row for each replicate."""


@dataclass(frozen=True)
class Counts:
    """Counts of what happened in consecutive replicates by each of T report times.

    `first` is the number of the first replicate.

    Numbers of replicates at each report time:
        levels (T, levels): At each level of each variable.
        rungs (T, rungs): On each rung (level of escalation) of each ladder.
        endings (T, endings): With each ending reached.
        questions (T, questions): With the answer yes to each question.

    Sums over all replicates, at each report time:
        moves (T, moves): The number of times that each move has happened.
        squares (T, moves): The square of the number of times that each move has happened.

    By the last report time:
        firings (moves, N): Replicates in which a move happened 0, 1, 2, ... times. The last column also counts the
            replicates in which it happened more often.
        tried (interventions,): For each one-off intervention, the replicates that had no ending when it acted.
        void (interventions,): The number of these replicates in which it had no effect.

    By replicate:
        ending (replicates,): The index of the ending, -1 for none.
        ending_time (replicates,): The day of the ending, infinity for none.
        question_time (replicates, questions): The day on which a question was answered, infinity for never.
        events (replicates,): The number of events.
        accrued (replicates, T, impacts): The accumulated amount of each impact.
    """

    first: int
    levels: Ints
    rungs: Ints
    endings: Ints
    questions: Ints
    moves: Ints
    squares: Ints
    tried: Ints
    void: Ints
    firings: Ints
    ending: NDArray[np.int32]
    ending_time: Floats
    question_time: Floats
    events: Ints
    accrued: Floats

    @property
    def runs(self) -> int:
        """Number of replicates."""
        return len(self.ending)

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of these replicates and of the replicates that come directly after them.

        Raises ValueError if the replicates of `other` do not come directly after these.
        """
        if other.first != self.first + self.runs:
            raise ValueError(f"the added replicates start at number {other.first}; expected {self.first + self.runs}")
        totals = ("levels", "rungs", "endings", "questions", "moves", "squares", "tried", "void", "firings")
        return Counts(
            self.first,
            **{name: getattr(self, name) + getattr(other, name) for name in totals},
            **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in BY_REPLICATE},
        )


def to_forecast(
    flat: Flat, horizon: float, counts: Counts, assumptions: Mapping[str, float], source: Mapping[str, Any]
) -> Forecast:
    """Return counts as a forecast with 95% intervals.

    Args:
        flat: The arrays of the kernel, with the scenario and the report times.
        horizon: The horizon in days.
        counts: What the kernel counted.
        assumptions: The assumption values by id.
        source: The provenance of the forecast.
    """
    tables, runs = flat.tables, counts.runs
    scenario = tables.scenario
    ended = np.column_stack([counts.endings, runs - counts.endings.sum(axis=1)])
    levels = [(name, variable.levels) for name, variable in scenario.variables.items()]
    rungs = [(name, [rung.id for rung in ladder.rungs]) for name, ladder in scenario.ladders.items()]
    mean, half = _firings(counts)
    return Forecast(
        scenario=ScenarioKey.of(scenario),
        horizon_days=horizon,
        engine="montecarlo",
        times=flat.grid,
        endings=_bands([*scenario.endings, ONGOING], ended, runs),
        questions=_bands(scenario.questions, counts.questions, runs),
        variables=_split(levels, counts.levels / runs),
        ladders=_split(rungs, counts.rungs / runs),
        moves=dict(zip(scenario.moves, mean.T.copy(), strict=False)),
        firings=firing_bands(scenario.moves, counts),
        error={
            "variables": _split(levels, half_width(counts.levels, runs)),
            "ladders": _split(rungs, half_width(counts.rungs, runs)),
            "moves": dict(zip(scenario.moves, half.T.copy(), strict=False)),
        },
        assumptions=assumptions,
        labels=labels(scenario),
        interventions=_interventions(flat, counts),
        provenance=source,
        impacts={
            impact.id: _accumulation(flat, counts, impact, index)
            for index, impact in enumerate(scenario.impacts.values())
        },
    )


def _accumulation(flat: Flat, counts: Counts, impact: Impact, index: int) -> Accumulation:
    amounts, runs = counts.accrued[:, :, index], counts.runs
    fan, sample = distribution(amounts[:, None], np.full(runs, 1 / runs))
    chance = amounts.std(axis=0, ddof=1) if runs > 1 else np.zeros(len(flat.grid))
    given, given_error = {}, {}
    for number, ending in enumerate(flat.tables.scenario.endings):
        reached = (counts.ending == number)[:, None] & (counts.ending_time[:, None] <= flat.grid)
        given[ending], given_error[ending] = _mean_among(amounts, reached)
    return Accumulation(
        unit=impact.unit,
        mean=amounts.mean(axis=0),
        chance=chance,
        doubt=np.zeros(len(flat.grid)),
        error=Z_TWO_SIDED_95 * chance / np.sqrt(runs),
        given=given,
        given_error=given_error,
        fan=fan,
        sample=sample,
    )


def distribution(amounts: Floats, weights: Floats) -> tuple[Floats, AmountSample]:
    """Return three quantiles (3, T) of amounts by T times, and the distribution by the last one.

    `amounts` (D, R, T) are for R replicates of each of D draws. `weights` (D,) are the weights of the draws.
    """
    draws, runs, times = amounts.shape
    flat, each = amounts.reshape(draws * runs, times), np.repeat(weights / runs, runs)
    fan = np.quantile(flat, FAN, axis=0, weights=each, method="inverted_cdf")
    return fan, AmountSample(amounts[:, :, -1].copy(), weights)


def _mean_among(amounts: Floats, some: Bools) -> tuple[Floats, Floats]:
    """Return the mean (T,) of marked amounts (R, T), and the half-width of its 95% interval.

    `some` (R, T) marks the replicates. Where no replicate is marked, both numbers are nan.
    """
    count = some.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(some, amounts, 0.0).sum(axis=0) / count
        variance = np.where(some, (amounts - mean) ** 2, 0.0).sum(axis=0) / (count - 1)
        return mean, Z_TWO_SIDED_95 * np.sqrt(variance / count)


_Parts = Sequence[tuple[str, Sequence[str]]]


def _split(parts: _Parts, columns: Floats) -> dict[str, dict[str, Floats]]:
    column = iter(np.ascontiguousarray(columns.T))
    return {name: {part: next(column) for part in inner} for name, inner in parts}


def half_width(successes: Ints, runs: int) -> Floats:
    """Return the distance from `successes` / `runs` to the far end of its 95% Wilson interval."""
    band = Band.wilson(successes, runs)
    return np.maximum(band.high - band.probability, band.probability - band.low)


def _bands(names: Iterable[str], columns: Ints, runs: int) -> dict[str, Band]:
    whole = Band.wilson(np.ascontiguousarray(columns.T), runs)
    rows = zip(whole.probability, whole.low, whole.high, strict=True)
    return {name: Band(*row) for name, row in zip(names, rows, strict=True)}


def firing_bands(moves: Iterable[str], counts: Counts) -> dict[str, Band]:
    """Return for each move the probabilities of at most 0, 1, 2, ... firings by the end."""
    return {name: _at_most(row, counts.runs) for name, row in zip(moves, counts.firings, strict=False)}


def _at_most(row: Ints, runs: int) -> Band:
    most = int(np.flatnonzero(row)[-1])
    return Band.wilson(np.cumsum(row[: most + 1]), runs)


def _firings(counts: Counts) -> tuple[Floats, Floats]:
    """Return mean numbers (T, M) of firings of M moves and half-widths of their 95% intervals.

    For a move that never happened, the half-width is Wilson's for a share of 0.
    """
    runs = counts.runs
    mean = counts.moves / runs
    variance = np.maximum(counts.squares / runs - mean**2, 0.0) * runs / max(runs - 1, 1)
    half = np.where(
        counts.moves == 0, Z_TWO_SIDED_95**2 / (runs + Z_TWO_SIDED_95**2), Z_TWO_SIDED_95 * np.sqrt(variance / runs)
    )
    return mean, half


def _interventions(flat: Flat, counts: Counts) -> tuple[dict[str, Any], ...]:
    """Return each intervention with the share of replicates in which it had no effect.

    Replicates that reached an ending earlier are left out. The share is None if no replicate remains, or if the
    intervention holds a variable or lasts for some time.
    """
    items = flat.tables.scenario.interventions
    counted = zip(flat.action_numbers, counts.tried.tolist(), counts.void.tolist(), strict=True)
    share = {n: void / tried if tried else None for n, tried, void in counted if n >= 0}
    return tuple(
        {
            "intervention": str(item),
            "because": item.because,
            "without_effect": None if isinstance(item, Hold) else share.get(number),
        }
        for number, item in enumerate(items)
    )


def reader(scenario: Scenario, measures: Iterable[Measure]) -> Callable[[Counts], Floats]:
    """Return a function from `Counts` to the means of measures at T report times (T, measures)."""
    named = {"level": "levels", "rung": "rungs", "moves": "moves"}
    ids, some = list(scenario.questions), tuple(measures)

    def sums(counts: Counts, measure: Measure) -> Floats | Ints:
        if measure.kind == "ending":
            return np.column_stack([counts.endings, counts.runs - counts.endings.sum(axis=1)])
        if measure.kind == "impact":
            return np.asarray(counts.accrued.sum(axis=0))
        return np.asarray(getattr(counts, "questions" if measure.question_id else named[measure.kind]))

    def column(counts: Counts, measure: Measure) -> Floats:
        if measure.kind == "given":
            both, given = (counts.questions[:, ids.index(name)] / 1.0 for name in (measure.both, measure.condition))
            return conditional(both, given, measure)
        return np.asarray(sums(counts, measure)[:, measure.column(scenario)] / counts.runs)

    def read(counts: Counts) -> Floats:
        return np.column_stack([np.zeros((len(counts.moves), 0)), *(column(counts, measure) for measure in some)])

    return read
