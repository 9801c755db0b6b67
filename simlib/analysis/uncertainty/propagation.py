"""The range of an answer over the assumptions, and the share of uncertainty that they cause.

Each draw (set of assumption values) gives a probability P. The spread of P over the draws is *uncertainty about the
assumptions*, which research can reduce. The uncertainty within a draw is *chance*, which no research can reduce. The
total uncertainty about whether an event happens is p̄(1 - p̄) = E[P(1 - P)] + Var(P), where p̄ is the mean of P. The
assumptions cause the share Var(P) / (p̄(1 - p̄)) of this total. The error of the computation is a third quantity. A
half-width beside each number shows this error, which shrinks with more draws and replicates.

Draws of the prior come in several independently scrambled Sobol sequences (Owen 1998). The spread between the sequences
gives the error of each number (randomised quasi-Monte Carlo, L'Ecuyer 2018). The number of draws is doubled until the
wanted quantiles are known to the tolerance. A belief other than the prior is a set of weighted draws. These draws are
put into groups of about equal weight, which take the place of the sequences.

With Monte Carlo, every draw is simulated with the same random numbers, in blocks of replicates (simulated histories).
Variances are computed from products of different blocks, and the probabilities at the draws are shrunk until their
variance is Var(P). So chance within a draw does not count as uncertainty about the assumptions. The error from the
replicates is estimated by a jackknife over the blocks. The draws share their random numbers, so the error from the
replicates has the same sign at every draw. More draws do not reduce this error. If it is larger than the error from the
draws, the replicates are doubled instead of the draws.

References: Owen, A. (1998) Scrambling Sobol' and Niederreiter-Xing points, Journal of Complexity 14. L'Ecuyer, P.
(2018) Randomized quasi-Monte Carlo: an introduction for practitioners, MCQMC 2016. Woodruff, R. (1952) Confidence
intervals for medians and other position measures, JASA 47.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib import arguments
from simlib.analysis.evaluator import STATES_SOLVED, Responses
from simlib.analysis.sensitivity.screening import uncertain
from simlib.analysis.uncertainty.estimates import GROUPS, Number, Weighting, enough
from simlib.analysis.uncertainty.sampling import (
    FEWEST_EFFECTIVE_DRAWS,
    Sampling,
    Spread,
    checked_belief,
    insist_on_effective,
    spread_of,
)
from simlib.answer import Traced, pick, provenance
from simlib.control import UNWATCHED, Control
from simlib.engine_choice import Engine
from simlib.formatting import capital, counted, listed, one_digit, over_draws, percent, with_error
from simlib.machine import priors
from simlib.machine.belief import Belief
from simlib.machine.measures import By, Measure, days_by, find, of_forecast
from simlib.results import Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

    from simlib.engines.ensemble import Ensemble

__all__ = ["Precision", "Uncertainty", "uncertainty", "uncertainty_of"]

CERTAIN_VARIANCE = 1e-12
"""An event counts as certain or impossible if p(1 - p) is below this."""

FIRST_DRAWS, RUNS_PER_DRAW = 128, 2000
"""Number of draws before the first doubling, and default number of replicates for each draw."""

NAMED_MEASURES = 3
"""Largest number of measures named in the question."""


@dataclass(frozen=True)
class Precision:
    """Which quantiles are wanted, how well they must be known, and how much work is allowed.

    tolerance: the wanted half-width of each quantile. For an expected count, it is a fraction of the mean of the count.
    quantiles: the wanted quantiles, strictly between 0 and 1.
    most_draws: the largest number of draws. The largest number of replicates in all is `most_draws` × `runs`.
    patience: the largest product of states and passes (see `STATES_SOLVED`) for which the engine "auto" is exact. The
        answer at the stated values may be exact even if the product for all draws is larger than this.
    answer_when_cancelled: whether a cancelled question is answered from the draws and replicates before the unfinished
        doubling, if there are any.
    """

    tolerance: float = 0.02
    quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)
    most_draws: int = 1024
    patience: int = STATES_SOLVED
    answer_when_cancelled: bool = False

    def __post_init__(self) -> None:
        if not self.quantiles or any(not 0 < q < 1 for q in self.quantiles):
            raise ValueError("quantiles must lie strictly between 0 and 1")
        arguments.number("tolerance", self.tolerance, "expected a number above 0", above=0)
        arguments.whole("most_draws", self.most_draws, 1)


DEFAULT_PRECISION = Precision()
"""The default: median and both ends of the 90% range, each within two percentage points, from at most 1,024 draws."""


@dataclass(frozen=True, eq=False)
class Uncertainty(Traced):
    """The range of M measures (probabilities or expected counts) over D draws of A assumptions.

    by_day: the target in days after the scenario's first day.
    scores (D, A): the normal scores of the draws (None: the draws are those of a belief).
    theta (D, A): the values of the assumptions at each draw, in base units.
    weights (D,): the weights of the draws, which sum to one.
    sequence (D,): the number of the Sobol sequence to which each draw belongs (for a belief: the number of the draw's
        group).
    answers (D, K, M): the measures at each draw, in K blocks of replicates (one block when exact).
    spreads: the range of each measure, by name.
    tolerance: the half-width asked for (None: the number of draws was given instead).
    reached: whether every quantile met the tolerance.
    within: the half-width of the least certain quantile.
    needed: estimates of the numbers of draws, and of replicates per draw, that would meet the tolerance.
    """

    kind: ClassVar[str] = "uncertainty"

    scenario: Scenario
    by: dt.date
    by_day: float
    measures: tuple[Measure, ...]
    scores: Floats | None
    theta: Floats
    weights: Floats
    sequence: Ints
    answers: Floats
    spreads: Mapping[str, Spread]
    tolerance: float | None
    reached: bool
    within: float
    needed: tuple[int, int]
    provenance: Mapping[str, Any]

    @property
    def source(self) -> str:
        """The source of the draws as a phrase: "over the priors"."""
        return over_draws(self.provenance)

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence."""
        first = [measure.words for measure in self.measures[:NAMED_MEASURES]]
        more = len(self.measures) - len(first)
        names = [*first, counted(more, "other measure")] if more else first
        return f"How sure is the forecast of {listed(names)} by {self.by_words}?"

    def spread(self, measure: str | None = None) -> Spread:
        """Return the range of a measure (default: the first).

        Raises ScenarioError for an unknown measure, and KeyError for a measure that was not asked for.
        """
        name = self.measures[0].name if measure is None else find(self.scenario, measure)[0].name
        if name not in self.spreads:
            raise KeyError(f"{name!r} was not asked for; expected one of {', '.join(self.spreads)}")
        return self.spreads[name]

    def frame(self, what: str = "measures") -> pd.DataFrame:
        """Return a table with one row for each measure or, with "draws", for each draw.

        Columns of "measures" (for some columns NAME, a column NAME_error gives the 95% half-width of NAME):

        - stated: the answer at the stated values of the assumptions.
        - mean, deviation: the mean and the standard deviation over the draws.
        - doubt: the share of the uncertainty that the assumptions cause.
        - chance: the share of the uncertainty that chance causes.
        - q5, q50, …: the quantiles over the draws.

        The columns of "draws" are the assumption values in base units, the weight, and the measures. A conditional
        probability has a weight of its own, NAME_weight, which includes the probability of the condition. Raises
        ValueError for any other `what`.
        """
        import pandas as pd

        if what == "measures":
            return pd.DataFrame([_row(spread) for spread in self.spreads.values()])
        if what != "draws":
            raise ValueError(f"unknown table {what!r}; expected measures or draws")
        frame = pd.DataFrame(self.theta, columns=list(self.scenario.assumptions))
        answers = {name: spread.answers for name, spread in self.spreads.items()}
        given = {f"{n}_weight": spread.weights for n, spread in self.spreads.items() if spread.measure.kind == "given"}
        return frame.assign(weight=self.weights, **answers, **given)

    def sentences(self) -> list[str]:
        """Describe each measure's range, and the share of uncertainty that the assumptions cause."""
        lines = [line for spread in self.spreads.values() for line in self._about(spread)]
        if self.tolerance is not None:
            lines.append(self._precision(self.tolerance))
        return lines

    def _precision(self, tolerance: float) -> str:
        size = _size(self.draws, self.runs)
        if self.reached:
            return f"With {size} each quantile is known to {self._half_width(tolerance)}."
        reached = self._half_width(float(f"{self.within:.2g}"))
        return (
            f"With {size} each quantile is known to {reached}, not to the {self._half_width(tolerance)} asked for: "
            f"that would take about {_size(*self.needed)}."
        )

    def _half_width(self, tolerance: float) -> str:
        points = f"±{100 * tolerance:g} point{'s' * (100 * tolerance != 1)}"
        if all(m.probability for m in self.measures):
            return points
        return f"±{100 * tolerance:g}%" if not any(m.probability for m in self.measures) else f"{points} or per cent"

    def _about(self, s: Spread) -> Iterator[str]:
        def show(number: Number) -> str:
            return s.measure.write(number.value)

        def error(half: float) -> str:
            return f"±{one_digit(100 * half)} points" if s.measure.probability else f"±{one_digit(half)}"

        what, (low, high) = f"{s.measure.words} by {self.by_words}", (min(s.quantiles), max(s.quantiles))
        stated = f"{show(s.stated)}{f' {error(s.stated.half)}' if s.stated.half > 0 else ''} at the stated values"
        first, last = (f"{show(s.quantiles[q])} (95% interval {s.interval(q)})" for q in (low, high))
        part = f"{100 * (low if low == high else high - low):.3g}%"
        some = f"{part} of the draws" if s.scale is None else f"Draws with {part} of the weight"
        where = f"{some} give {f'at most {last}' if low == high else f'between {first} and {last}'}"
        source = f"{self.source}, updated by the condition" if s.measure.kind == "given" else self.source
        yield f"{capital(what)}: {show(s.mean)} {source}, {stated}. {where}."
        if s.share:
            yield _shares(s, s.share, error(s.mean.half))

    def data(self) -> dict[str, Any]:
        """Return the range of each measure, the measure at each draw, and the precision."""
        return pick(self, "engine", "draws", "runs", "tolerance", "reached", "within") | {
            "needed": dict(zip(("draws", "runs"), self.needed, strict=True)),
            "measures": {name: _measure_data(spread) for name, spread in self.spreads.items()},
        }


def _row(s: Spread) -> dict[str, Any]:
    share = s.share or Number(np.nan, np.nan)
    row: dict[str, Any] = {"measure": s.measure.name, "label": s.measure.label}
    row |= {"stated": s.stated.value, "stated_error": s.stated.half}
    row |= {"mean": s.mean.value, "mean_error": s.mean.half, "deviation": s.deviation}
    row |= {"doubt": share.value, "doubt_error": share.half, "chance": 1 - share.value}
    for q, number in s.quantiles.items():
        row |= {f"q{100 * q:g}": number.value, f"q{100 * q:g}_error": number.half}
    return row


def _measure_data(s: Spread) -> dict[str, Any]:
    def number(n: Number | None) -> dict[str, float] | None:
        return None if n is None else {"value": n.value, "error": n.half}

    return {
        "label": s.measure.label,
        "stated": s.stated.value,
        "stated_error": s.stated.half,
        "mean": number(s.mean),
        "variance": number(s.variance),
        "doubt": number(s.share),
        "values": s.answers,
        "quantiles": {f"{q:g}": number(n) for q, n in s.quantiles.items()},
    }


def _shares(s: Spread, share: Number, known: str) -> str:
    if s.mean.value * (1 - s.mean.value) < CERTAIN_VARIANCE:
        return "The event is certain in every draw, or impossible in every draw."
    mean = f"The mean is computed to {known}."
    if not share.known:
        most = percent(min(share.value + share.half, 1.0))
        return f"At most {most} of the uncertainty comes from the assumptions; the rest is chance. {mean}"
    part = with_error(100 * share.value, 100 * share.half)
    few = " A few draws make up most of this share, so its ± may be too small." if s.deviation > s.mean.value else ""
    return f"{part}% of the uncertainty comes from the assumptions, the rest from chance. {mean}{few}"


def uncertainty(
    scenario: Scenario,
    measures: str | Iterable[str] | None = None,
    *,
    by: By = None,
    engine: Engine = "auto",
    draws: int | Belief | None = None,
    runs: int = RUNS_PER_DRAW,
    seed: int = 0,
    precision: Precision = DEFAULT_PRECISION,
    control: Control = UNWATCHED,
) -> Uncertainty:
    """Return each measure's range over the assumptions, and the share of uncertainty they cause.

    Args:
        scenario: The scenario, with its interventions.
        measures: Names of measures, such as "question:truce". Default: the scenario's headline.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: The engine at each draw: "exact", "montecarlo", or "auto".
        draws: A number of draws (sets of assumption values) of the prior, rounded up to a multiple of 8, or a belief
            (weighted draws). Default: as many draws of the prior as `precision` needs.
        runs: Replicates (simulated histories) per draw by Monte Carlo. Without `draws`, the number is doubled as often
            as `precision` needs.
        seed: Seed of the draws and of the replicates.
        precision: The wanted quantiles, how well they must be known, and how much work is allowed.
        control: Progress callback, cancellation and number of threads.

    Raises:
        Unsupported: If every assumption is fixed, for a belief about another scenario, and for "exact" if a measure
            depends on whole histories.
        ValueError: For too few draws. With the unequal weights of a belief or of a conditional probability, the
            effective number of draws counts.
        ScenarioError: For unknown measures, or a target outside the forecast.
        TooManyStates: For "exact", when there are too many states.
        MissingDependency: Without Numba, for the Monte Carlo engine.
        Cancelled: When `control` cancels the work.
    """
    uncertain(scenario)
    targets, by_day = find(scenario, measures), days_by(scenario, by)
    conditions = dict.fromkeys(Measure("question", m.condition, m.label) for m in targets if m.kind == "given")
    belief = checked_belief(scenario, draws) if isinstance(draws, Belief) else None
    size = draws.draws if isinstance(draws, Belief) else draws
    limit = precision.most_draws if size is None else size
    if limit < FEWEST_EFFECTIVE_DRAWS:
        raise ValueError(f"expected at least {FEWEST_EFFECTIVE_DRAWS} draws, not {limit}")
    asked = (*targets, *conditions)
    ready = partial(
        Responses, scenario, asked, engine=engine, by=by_day, runs=runs, seed=seed, patience=precision.patience
    )
    at_draws = ready(rows=limit)
    at_stated = ready(rows=1) if engine == "auto" and at_draws.runs else at_draws
    sampling = Sampling(scenario, at_draws, at_stated, seed=seed, limit=limit, control=control)
    if belief:
        sampling.take_belief(belief)
    else:
        sampling.take_prior(min(FIRST_DRAWS, limit) if size is None else limit)
    spreads, stages = sampling.until_known(
        targets, precision.quantiles, precision.tolerance, answer_when_cancelled=precision.answer_when_cancelled
    )
    for spread in spreads.values():
        insist_on_effective(spread, FEWEST_EFFECTIVE_DRAWS)
    control.report(1.0)
    drawn = pick(sampling, "draws") | {"runs": sampling.runs or None, "belief": belief.name if belief else "prior"}
    return Uncertainty(
        scenario=scenario,
        by=scenario.by_date(by_day),
        by_day=by_day,
        measures=targets,
        scores=None if belief else sampling.scores,
        theta=sampling.theta,
        weights=belief.weights if belief else np.full(sampling.draws, 1 / sampling.draws),
        sequence=sampling.weighting.group,
        answers=sampling.answers[:, :, : len(targets)],
        spreads=spreads,
        tolerance=precision.tolerance if size is None else None,
        reached=stages[-1].error <= precision.tolerance,
        within=stages[-1].error,
        needed=enough(stages, precision.tolerance),
        provenance=provenance(scenario, engine=at_draws.engine, seed=seed, by_day=by_day, **drawn),
    )


def uncertainty_of(sample: Ensemble, measures: str | Iterable[str] | None = None) -> Uncertainty:
    """Return the range of measures over the assumptions, from a forecast made at each draw.

    The measures are taken at the last report time. Draws of equal weight are divided in their order into eight groups,
    and the spread between groups gives the errors. If the groups are parts of one Sobol sequence, the errors come out a
    little too large. The forecasts have no blocks of replicates, so the noise of the replicates is removed before the
    range is computed.

    Args:
        sample: A forecast at each draw.
        measures: Names of measures, such as "question:truce". Default: the scenario's headline.

    Raises:
        Unsupported: If every assumption is fixed.
        ScenarioError: For unknown measures.
        ValueError: For too few effective draws to estimate an error.
    """
    scenario, belief = sample.scenario, sample.belief
    uncertain(scenario)
    targets, by_day = find(scenario, measures), float(sample.stated.times[-1])
    if belief.effective_draws < FEWEST_EFFECTIVE_DRAWS:
        raise ValueError(
            f"expected at least {FEWEST_EFFECTIVE_DRAWS} effective draws, not {belief.effective_draws:.3g}"
        )
    in_order = Weighting(np.arange(belief.draws) * GROUPS // belief.draws)
    weighting = in_order if belief.equal else Weighting.of_belief(belief.weights)
    columns, spreads = [], {}
    for target in targets:
        each, own = np.array([of_forecast(forecast, target)[0][-1] for forecast in sample.forecasts]), weighting
        if target.kind == "given":
            own = own.given(np.array([f.questions[target.condition].probability[-1] for f in sample.forecasts]))
        columns.append(sample.without_noise(each, _replicates(sample.forecasts[0], target)))
        value, low, high = (float(x[-1]) for x in of_forecast(sample.stated, target))
        stated = Number(value, 0.0 if sample.stated.engine == "exact" else (high - low) / 2)
        spreads[target.name] = spread_of(target, stated, columns[-1][:, None], own, DEFAULT_PRECISION.quantiles)
        insist_on_effective(spreads[target.name], FEWEST_EFFECTIVE_DRAWS)
    runs = sample.forecasts[0].provenance.get("runs")
    source = {"seed": sample.seed, "by_day": by_day, "draws": belief.draws, "runs": runs, "belief": belief.name}
    errors = [number.half for spread in spreads.values() for number in spread.quantiles.values()]
    return Uncertainty(
        scenario=scenario,
        by=scenario.by_date(by_day),
        by_day=by_day,
        measures=targets,
        scores=priors.scores_from_values(scenario, belief.theta) if belief.is_prior else None,
        theta=belief.theta,
        weights=belief.weights,
        sequence=weighting.group,
        answers=np.stack(columns, axis=-1)[:, None, :],
        spreads=spreads,
        tolerance=None,
        reached=True,
        within=max(errors),
        needed=(belief.draws, int(runs or 0)),
        provenance=provenance(scenario, engine=sample.stated.engine, **source),
    )


def _replicates(forecast: Forecast, measure: Measure) -> int | None:
    return int(forecast.provenance["histories"]) if measure.of in forecast.by_histories else None


def _size(draws: int, runs: int) -> str:
    number = counted(draws, "draw") if draws <= 1_000_000 else "more than a million draws"
    return f"{number} of {runs:,} replicates" if runs else number
