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

from simlib.analysis.evaluator import STATES_SOLVED, Responses
from simlib.analysis.sensitivity.screening import uncertain
from simlib.analysis.uncertainty.estimates import Number, enough
from simlib.analysis.uncertainty.sampling import SCRAMBLES, Carried, Spread
from simlib.analysis.whatif.variants import without_windows
from simlib.answer import plain_json, provenance
from simlib.control import in_transition
from simlib.formatting import counted, long_date, one_digit, percent
from simlib.machine.measures import Measure, find
from simlib.scenario.model import Scenario
from simlib.typing import Engine, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[float], None]
Cancel = Callable[[], bool]

CERTAIN = 1e-12
"""p(1 - p) below which nothing is uncertain."""

FIRST_DRAWS, MOST_DRAWS, RUNS = 128, 1024, 2000
QUANTILES = (0.05, 0.5, 0.95)
TOLERANCE = 0.02


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
    sequence: Ints
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
            row: dict[str, Any] = {
                "measure": name,
                "label": s.measure.label,
                "stated": s.stated.value,
                "stated_error": s.stated.half,
                "mean": s.mean.value,
                "mean_error": s.mean.half,
                "deviation": s.deviation,
            }
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
        def show(number: Number) -> str:
            return s.measure.write(number.value)

        def error(half: float) -> str:
            return f"±{one_digit(100 * half)} points" if s.measure.probability else f"±{one_digit(half)}"

        what, (low, high) = f"{s.measure.words} by {long_date(self.by)}", (min(s.quantiles), max(s.quantiles))
        within = f"in {100 * (high - low):.3g}% of the draws between {show(s.quantiles[low])} and"
        if low == high:
            within = f"in {100 * low:.3g}% of the draws at most"
        known = error(max(number.half for number in s.quantiles.values()))
        stated = f"{show(s.stated)}{f' {error(s.stated.half)}' if s.stated.half > 0 else ''} at the stated values"
        yield (
            f"{what[0].upper()}{what[1:]}: {show(s.mean)} over the priors, {stated}; "
            f"{within} {show(s.quantiles[high])} (to {known})."
        )
        if s.doubt:
            yield self._shared_out(s, s.doubt, error(s.mean.half))

    @staticmethod
    def _shared_out(s: Spread, doubt: Number, known: str) -> str:
        """Say how much of what is uncertain is doubt, where that is more than noise."""
        if s.mean.value * (1 - s.mean.value) < CERTAIN:
            return "Nothing about it is uncertain."
        mean = f"the mean is computed to {known}"
        if doubt.value <= doubt.half:
            most = percent(min(doubt.value + doubt.half, 1.0))
            return f"Of all that is uncertain about it, at most {most} is doubt about the assumptions: {mean}."
        shares = f"{percent(doubt.value)} is doubt about the assumptions and {percent(1 - doubt.value)} is chance"
        return f"Of all that is uncertain about it, {shares}; {mean}."

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""

        def number(n: Number | None) -> dict[str, float] | None:
            return None if n is None else {"value": n.value, "error": n.half}

        plain: dict[str, Any] = plain_json(
            {
                "question": "uncertainty",
                "scenario": self.scenario.id,
                "as_of": self.scenario.as_of,
                "by": self.by,
                "day": self.day,
                "engine": self.engine,
                "draws": self.draws,
                "runs": self.runs,
                "tolerance": self.tolerance,
                "reached": self.reached,
                "within": self.within,
                "needed": dict(zip(("draws", "runs"), self.needed, strict=True)),
                "measures": {
                    name: {
                        "label": s.measure.label,
                        "stated": s.stated.value,
                        "stated_error": s.stated.half,
                        "mean": number(s.mean),
                        "variance": number(s.variance),
                        "doubt": number(s.doubt),
                        "values": s.draws,
                        "quantiles": {f"{q:g}": number(n) for q, n in s.quantiles.items()},
                    }
                    for name, s in self.spreads.items()
                },
                "sentences": self.sentences(),
                "provenance": self.provenance,
            }
        )
        return plain


@in_transition
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
    ready = partial(
        Responses,
        without_windows(scenario) if ignore_windows else scenario,
        chosen,
        engine=engine,
        by=day,
        runs=runs,
        seed=seed,
        patience=patience,
    )
    responses = ready(rows=limit)
    one = ready(rows=1) if engine == "auto" and responses.runs else responses
    carried = Carried(scenario, responses, one, seed, limit, progress, cancel, threads)
    carried.take_draws(limit if draws is not None else min(FIRST_DRAWS, limit))
    spreads, stages = carried.until_known(chosen, quantiles, tolerance, keep)
    if progress:
        progress(1.0)
    return Doubt(
        scenario,
        scenario.by_date(responses.by_day),
        responses.by_day,
        responses.engine,
        carried.runs,
        chosen,
        carried.scores,
        carried.theta,
        carried.sequence,
        carried.answers,
        spreads,
        tolerance if draws is None else None,
        stages[-1].error <= tolerance,
        stages[-1].error,
        enough(stages, tolerance),
        provenance(scenario, engine=responses.engine, runs=carried.runs or None, seed=seed, draws=len(carried.scores)),
    )


def _drawn(draws: int, runs: int) -> str:
    number = counted(draws, "draw") if draws <= 1_000_000 else "more than a million draws"
    return f"{number} of {runs:,} replicates" if runs else number
