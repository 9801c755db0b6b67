"""How sure? The priors carried through: what the answer could be, and whether that is doubt or chance.

For each draw of the assumptions there is a probability P. Its spread over the draws is *doubt about the assumptions*,
which finding out can reduce; within a draw there is *chance*, which nothing reduces. Of all that is uncertain about
whether a thing happens, p̄(1 - p̄) = E[P(1 - P)] + Var(P), doubt is the part Var(P) / (p̄(1 - p̄)). Monte Carlo error is
neither: it is a half-width beside each number, and shrinks with more draws and replicates.

Draws come in several independently scrambled Sobol sequences (Owen 1998), whose disagreement gives the error of each
number (randomised quasi-Monte Carlo; L'Ecuyer 2018); draws are doubled until the wanted quantiles are known to the
tolerance. Nested Monte Carlo plays each draw with the same dice in blocks: variances are products of different blocks,
and the spread of P̂ is drawn in to Var(P), so that chance within a draw does not pass for doubt; the error of the dice
is a jackknife over the blocks. The same dice err the same way at every draw, which more draws do not mend: where theirs
is the larger part of the error, the replicates are doubled instead.

References: Owen, A. (1998) Scrambling Sobol' and Niederreiter-Xing points, Journal of Complexity 14. L'Ecuyer, P.
(2018) Randomized quasi-Monte Carlo: an introduction for practitioners, MCQMC 2016. Woodruff, R. (1952) Confidence
intervals for medians and other position measures, JASA 47.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simlib import priors
from simlib.analysis.estimates import (
    Number,
    Stage,
    doubt_share,
    enough,
    estimate,
    quantile,
    variance_over_draws,
    without_noise,
)
from simlib.analysis.inputs import uncertain
from simlib.analysis.measures import Measure, find
from simlib.analysis.responses import STATES_SOLVED, Engine, Responses, half_widths
from simlib.errors import Cancelled
from simlib.results import counted, long_date, one_digit, percent, plain_json, provenance
from simlib.scenario.model import Scenario
from simlib.tables import Floats

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[float], None]
Cancel = Callable[[], bool]

CERTAIN = 1e-12
"""p(1 - p) below which nothing is uncertain."""

SCRAMBLES = 8
"""Independent Sobol sequences, whose disagreement is the error."""

FIRST_DRAWS, MOST_DRAWS, RUNS = 128, 1024, 2000
QUANTILES = (0.05, 0.5, 0.95)
TOLERANCE = 0.02


@dataclass(frozen=True)
class Spread:
    """What the priors make of one measure.

    stated: at the stated values. mean: over the priors, the forecast that is published. variance: of P over the draws.
    doubt: its share Var(P) / (p̄(1 - p̄)), None for an expected count. quantiles {q: P}. draws (D,): P at each draw, with
    the noise within draws taken out of their spread.
    """

    measure: Measure
    stated: Number
    mean: Number
    variance: Number
    doubt: Number | None
    quantiles: Mapping[float, Number]
    draws: Floats

    @property
    def deviation(self) -> float:
        """Standard deviation of P over the priors."""
        return float(np.sqrt(max(self.variance.value, 0.0)))


@dataclass(frozen=True)
class Doubt:
    """The priors carried through to some measures by a day.

    scores and theta (D, A): the draws; sequence (D,): which Sobol sequence each came from; answers (D, K, M): by block
    of replicates (one block when exact). `reached` says whether the quantiles met the `tolerance`, `within` what they
    met; `needed` is about how many draws, and replicates for each, it would take, judged from how the error fell.
    """

    scenario: Scenario
    by: dt.date
    day: float
    engine: str
    runs: int
    measures: tuple[Measure, ...]
    scores: Floats
    theta: Floats
    sequence: NDArray[np.int64]
    answers: Floats
    spreads: Mapping[str, Spread]
    tolerance: float | None
    reached: bool
    within: float
    needed: tuple[int, int]
    provenance: Mapping[str, Any]

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.theta)

    def spread(self, measure: str | None = None) -> Spread:
        """Return the spread of a measure (default: the first); raises ScenarioError for one that was not asked for."""
        name = self.measures[0].name if measure is None else find(self.scenario, measure)[0].name
        if name not in self.spreads:
            raise KeyError(f"{name!r} was not carried through; expected one of {', '.join(self.spreads)}")
        return self.spreads[name]

    def frame(self) -> pd.DataFrame:
        """Return one row for each measure: stated, mean, doubt, quantiles, each with its Monte Carlo half-width."""
        import pandas as pd

        rows = []
        for name, s in self.spreads.items():
            row: dict[str, Any] = {"measure": name, "label": s.measure.label, "stated": s.stated.value,
                                   "stated_error": s.stated.half, "mean": s.mean.value, "mean_error": s.mean.half,
                                   "deviation": s.deviation}  # fmt: skip
            doubt = s.doubt or Number(np.nan, np.nan)
            row |= {"doubt": doubt.value, "doubt_error": doubt.half, "chance": 1 - doubt.value}
            for q, number in s.quantiles.items():
                row |= {f"q{100 * q:g}": number.value, f"q{100 * q:g}_error": number.half}
            rows.append(row)
        return pd.DataFrame(rows)

    def draws_frame(self) -> pd.DataFrame:
        """Return one row for each draw: the assumption values (base units), then each measure."""
        import pandas as pd

        frame = pd.DataFrame(self.theta, columns=list(self.scenario.assumptions))
        return frame.assign(**{name: spread.draws for name, spread in self.spreads.items()})

    def sentences(self) -> list[str]:
        """Say for each measure what the answer could be, and how much of what is uncertain is doubt."""
        lines = [line for spread in self.spreads.values() for line in self._about(spread)]
        if self.tolerance is not None:
            lines.append(self._told_how_well(self.tolerance))
        return lines

    def _told_how_well(self, tolerance: float) -> str:
        met = "are" if self.reached else "could not be"
        told = f"With {_drawn(self.draws, self.runs)} the quantiles {met} known to {self._within(tolerance)}"
        if self.reached:
            return f"{told}."
        return f"{told}, only to {self._within(float(f'{self.within:.2g}'))}: about {_drawn(*self.needed)} would do."

    def _within(self, tolerance: float) -> str:
        points = f"±{100 * tolerance:g} point{'s' * (100 * tolerance != 1)}"
        if all(m.probability for m in self.measures):
            return points
        return f"±{100 * tolerance:g}%" if not any(m.probability for m in self.measures) else f"{points} or per cent"

    def _about(self, s: Spread) -> Iterable[str]:
        def show(x: float) -> str:
            return percent(x) if s.measure.probability else f"{x:.3g}"

        error = ""
        if s.stated.half > 0:
            half = s.stated.half * (100 if s.measure.probability else 1)
            error = f" ±{one_digit(half)}{' points' if s.measure.probability else ''}"
        what, (low, high) = f"{s.measure.words} by {long_date(self.by)}", (min(s.quantiles), max(s.quantiles))
        between = f"between {show(s.quantiles[low].value)} and {show(s.quantiles[high].value)}"
        spread = f"in {100 * (high - low):.3g}% of the draws {between}"
        if low == high:
            spread = f"in {100 * low:.3g}% of the draws at most {show(s.quantiles[low].value)}"
        stated = f"{show(s.stated.value)}{error} at the stated values"
        yield (f"{what[0].upper()}{what[1:]}: {show(s.mean.value)} over the priors, {stated}; "
               f"{spread}.")  # fmt: skip
        if s.doubt and s.mean.value * (1 - s.mean.value) < CERTAIN:
            yield "Nothing about it is uncertain."
        elif s.doubt:
            doubt, chance = percent(s.doubt.value), percent(1 - s.doubt.value)
            yield (f"Of all that is uncertain about it, {doubt} is doubt about the assumptions and {chance} is chance; "
                   f"the mean is computed to ±{100 * s.mean.half:.2g} points.")  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        def number(n: Number | None) -> dict[str, float] | None:
            return None if n is None else {"value": n.value, "error": n.half}

        plain: dict[str, Any] = plain_json({
            "question": "uncertainty", "scenario": self.scenario.id, "as_of": self.scenario.as_of, "by": self.by,
            "day": self.day, "engine": self.engine, "draws": self.draws, "runs": self.runs,
            "tolerance": self.tolerance, "reached": self.reached, "within": self.within,
            "needed": dict(zip(("draws", "runs"), self.needed, strict=True)),
            "measures": {
                name: {"label": s.measure.label, "stated": s.stated.value, "stated_error": s.stated.half,
                       "mean": number(s.mean),
                       "variance": number(s.variance), "doubt": number(s.doubt), "values": s.draws,
                       "quantiles": {f"{q:g}": number(n) for q, n in s.quantiles.items()}}
                for name, s in self.spreads.items()
            },
            "sentences": self.sentences(), "provenance": self.provenance,
        })  # fmt: skip
        return plain


def propagate(
    scenario: Scenario,
    measures: str | Iterable[str] | None = None,
    *,
    engine: Engine = "auto",
    draws: int | None = None,
    tolerance: float = TOLERANCE,
    quantiles: Sequence[float] = QUANTILES,
    most: int = MOST_DRAWS,
    runs: int = RUNS,
    day: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    ignore_windows: bool = False,
    patience: int = STATES_SOLVED,
    keep: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Doubt:
    """Carry the priors through to measures (default: every ending) by a day (default: the horizon).

    `runs` same-dice replicates answer each draw by Monte Carlo. Without `draws` these are doubled until each quantile
    is known to ± `tolerance` (of a probability, or of the mean of an expected count), or `most` is reached; where the
    dice are the larger part of the error the replicates are, up to `most` × `runs` in all. Where "auto" has not the
    `patience` (see `Responses`) to solve every draw, it may still solve the stated values. With `keep`, to cancel is to
    have what is known from the last doubling that was finished, if one was.

    Raises Unsupported when every assumption is fixed, ValueError for quantiles outside (0, 1) or too few draws,
    Cancelled.
    """
    uncertain(scenario)
    chosen = find(scenario, measures)
    if not quantiles or any(not 0 < q < 1 for q in quantiles):
        raise ValueError("quantiles must lie strictly between 0 and 1")
    if (draws if draws is not None else most) < 4 * SCRAMBLES:
        raise ValueError(f"expected at least {4 * SCRAMBLES} draws: {SCRAMBLES} sequences of 4")
    limit = most if draws is None else draws
    ready = partial(Responses, scenario, chosen, engine=engine, day=day, runs=runs, seed=seed, threads=threads,
                    ignore_windows=ignore_windows, patience=patience)  # fmt: skip
    responses = ready(rows=limit)
    carried = _Carried(scenario, responses, ready(rows=1), seed, limit, progress, cancel)
    carried.take_draws(limit if draws is not None else min(FIRST_DRAWS, limit))
    spreads, stages = carried.until_known(chosen, quantiles, tolerance, keep)
    if progress:
        progress(1.0)
    return Doubt(
        scenario, scenario.by_date(responses.day), responses.day, responses.engine, carried.runs, chosen,
        carried.scores, carried.theta, carried.sequence, carried.answers, spreads,
        tolerance if draws is None else None, stages[-1].error <= tolerance, stages[-1].error,
        enough(stages, tolerance),
        provenance(scenario, engine=responses.engine, runs=carried.runs or None, seed=seed,
                   draws=len(carried.scores)),
    )  # fmt: skip


class _Carried:
    """Draws under way: sequences and replicates grow, and what has been answered stays."""

    def __init__(
        self, scenario: Scenario, responses: Responses, one: Responses, seed: int, limit: int,
        progress: Progress | None, cancel: Cancel | None,
    ) -> None:  # fmt: skip
        self.scenario, self.responses, self.one, self.seed, self.limit = scenario, responses, one, seed, limit
        self.progress, self.cancel = progress, cancel
        self.batches = [range(responses.runs)]
        self.scores = np.zeros((0, len(scenario.assumptions)))
        self.sequence = np.zeros(0, dtype=np.int64)
        self.answers = np.zeros((0, responses.blocks, len(responses.measures)))
        self.stated = one(one.centre[None, :], cancel=cancel)
        self.spent, self.budget = 0, limit * max(responses.runs, 1)

    @property
    def runs(self) -> int:
        """Replicates of each draw so far; 0 when exact."""
        return self.batches[-1].stop

    @property
    def theta(self) -> Floats:
        """The draws (D, A)."""
        return priors.values_from_scores(self.scenario, self.scores)

    def until_known(
        self, measures: Sequence[Measure], quantiles: Sequence[float], tolerance: float, keep: bool
    ) -> tuple[dict[str, Spread], list[Stage]]:
        """Grow until the quantiles are known to a tolerance or nothing more may be spent; return what is known."""
        stages: list[Stage] = []
        while True:
            spreads = self.spreads(measures, quantiles)
            stages.append(self.stage(spreads))
            try:
                if stages[-1].error <= tolerance or not self.grow(stages[-1]):
                    return spreads, stages
            except Cancelled:
                if not keep:
                    raise
                return spreads, stages

    def grow(self, stage: Stage) -> bool:
        """Double what is the larger part of the error, the replicates or the draws; False where that is too much."""
        if stage.of_dice > stage.of_draws:
            if 2 * len(self.scores) * self.runs > self.budget:
                return False
            self._take_replicates()
            return True
        size = min(2 * len(self.scores), self.limit)
        if size <= len(self.scores) or size * max(self.runs, 1) > self.budget:
            return False
        self.take_draws(size)
        return True

    def take_draws(self, size: int) -> None:
        """Take the sequences to `size` draws together, rounded up to the same number for each."""
        each, done = -(-size // SCRAMBLES), len(self.scores) // SCRAMBLES
        rows = np.concatenate([
            priors.scores(self.scenario, each, seed=self.seed * SCRAMBLES + sequence)[done:]
            for sequence in range(SCRAMBLES)
        ])  # fmt: skip
        values = priors.values_from_scores(self.scenario, rows)
        new = self._averaged([self._answer(values, batch) for batch in self.batches])
        self.scores = np.concatenate([self.scores, rows])
        self.sequence = np.concatenate([self.sequence, np.repeat(np.arange(SCRAMBLES), each - done)])
        self.answers = np.concatenate([self.answers, new])

    def _take_replicates(self) -> None:
        batch = range(self.runs, 2 * self.runs)
        self.answers = (self.answers + self._answer(self.theta, batch)) / 2
        if self.one.runs:
            self.stated = (self.stated + self.one(self.one.centre[None, :], replicates=batch)) / 2
        self.batches.append(batch)

    def _averaged(self, answers: list[Floats]) -> Floats:
        """Return answers of all replicates from those of each batch."""
        weights = [max(len(batch), 1) for batch in self.batches]
        return np.asarray(np.average(np.stack(answers), axis=0, weights=weights))

    def _answer(self, theta: Floats, batch: range) -> Floats:
        before, work = self.spent, len(theta) * max(len(batch), 1)
        self.spent += work
        told, total = self.progress, max(self.budget, self.spent)

        def report(share: float) -> None:
            if told:
                told(min((before + share * work) / total, 1.0))

        return self.responses(theta, replicates=batch, progress=report, cancel=self.cancel)

    def spreads(self, measures: Sequence[Measure], quantiles: Sequence[float]) -> dict[str, Spread]:
        """Return what the draws say of each measure so far."""
        halves, means = half_widths(self.stated)[0], self.stated[0].mean(axis=0)
        return {
            m.name: _spread(m, Number(float(means[i]), float(halves[i]), float(halves[i])), self.answers[:, :, i],
                            self.sequence, quantiles)
            for i, m in enumerate(measures)
        }  # fmt: skip

    def stage(self, spreads: Mapping[str, Spread]) -> Stage:
        """Return how well the worst known quantile is known so far."""
        scaled = [(number, _scale(spread)) for spread in spreads.values() for number in spread.quantiles.values()]
        worst, scale = max(scaled, key=lambda pair: pair[0].half / pair[1])
        return Stage(len(self.scores), self.runs, worst.of_draws / scale, worst.of_dice / scale)


def _drawn(draws: int, runs: int) -> str:
    number = counted(draws, "draw") if draws <= 1_000_000 else "more than a million draws"
    return f"{number} of {runs:,} replicates" if runs else number


def _scale(spread: Spread) -> float:
    """Return what an error is told against: 1 for a probability, the mean of an expected count."""
    return 1.0 if spread.measure.probability else max(abs(spread.mean.value), 1e-300)


# -------------------------------------------------------------------- from draws to numbers


def _spread(
    measure: Measure, stated: Number, values: Floats, sequence: NDArray[np.int64], quantiles: Sequence[float]
) -> Spread:
    """Return what draws (D, K) say of a measure; the sequences are replications of one estimate."""
    mean = estimate(lambda x: float(x.mean()), values, sequence)
    variance = estimate(variance_over_draws, values, sequence)
    doubt = estimate(doubt_share, values, sequence) if measure.probability else None
    known = {q: quantile(values, sequence, q) for q in quantiles}
    return Spread(measure, stated, mean, variance, doubt, known, without_noise(values))
