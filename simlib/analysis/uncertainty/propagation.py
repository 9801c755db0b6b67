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

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from simlib import arguments
from simlib.analysis.evaluator import STATES_SOLVED, Responses
from simlib.analysis.uncertainty.estimates import GROUPS, Number, Weighting, enough
from simlib.analysis.uncertainty.result import Uncertainty
from simlib.analysis.uncertainty.sampling import (
    FEWEST_EFFECTIVE_DRAWS,
    Sampling,
    checked_belief,
    insist_on_effective,
    spread_of,
)
from simlib.answer import pick, provenance
from simlib.arguments import Engine
from simlib.control import UNWATCHED, Control
from simlib.machine import priors
from simlib.machine.asked_events import events, with_events
from simlib.machine.belief import Belief, drawn_from
from simlib.machine.measures import By, Measure, conditional_at_draws, days_by, find, of_forecast
from simlib.machine.priors import insist_on_uncertain
from simlib.results import Forecast
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from simlib.engines.ensemble import Ensemble

__all__ = ["Precision", "uncertainty", "uncertainty_of"]

FIRST_DRAWS, RUNS_PER_DRAW = 128, 2000
"""Number of draws before the first doubling, and default number of replicates for each draw."""


@dataclass(frozen=True)
class Precision:
    """Which quantiles are wanted, how well they must be known, and how much work is allowed.

    - `tolerance`: the wanted half-width of each quantile. For an expected count, it is a fraction of the mean of the
      count.
    - `quantiles`: the wanted quantiles, strictly between 0 and 1.
    - `most_draws`: the largest number of draws. The largest number of replicates in all is `most_draws` × `runs`.
    - `patience`: the largest product of states and passes (see `STATES_SOLVED`) for which the engine "auto" is exact.
      The answer at the stated values may be exact even if the product for all draws is larger than this.
    - `answer_when_cancelled`: whether a cancelled question is answered from the draws and replicates that were made
      before the unfinished doubling, if there are any.
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
    insist_on_uncertain(scenario)
    targets, by_day = find(scenario, measures), days_by(scenario, by)
    given = [target for target in targets if target.kind == "given"]
    questions = [Measure("question", each.id, each.label) for each in events(scenario, given, by_day).values()]
    parts = dict.fromkeys([*(target for target in targets if target.kind != "given"), *questions])
    belief = checked_belief(scenario, draws) if isinstance(draws, Belief) else None
    size = draws.draws if isinstance(draws, Belief) else draws
    limit = precision.most_draws if size is None else size
    if limit < FEWEST_EFFECTIVE_DRAWS:
        raise ValueError(f"expected at least {FEWEST_EFFECTIVE_DRAWS} draws, not {limit}")
    world, patience = with_events(scenario, given, by_day), precision.patience
    ready = partial(Responses, world, tuple(parts), engine=engine, by=by_day, runs=runs, seed=seed, patience=patience)
    at_draws = ready(rows=limit)
    at_stated = ready(rows=1) if engine == "auto" and at_draws.runs else at_draws
    sampling = Sampling(scenario, at_draws, at_stated, seed=seed, limit=limit, control=control)
    if belief:
        sampling.take_belief(belief)
    else:
        sampling.take_prior(min(FIRST_DRAWS, limit) if size is None else limit)
    return _answer(sampling, targets, belief, precision, fixed=size is not None)


def _answer(
    sampling: Sampling, targets: tuple[Measure, ...], belief: Belief | None, precision: Precision, *, fixed: bool
) -> Uncertainty:
    """Sample until the quantiles are known well enough, and return the range of each measure.

    `fixed`: whether the number of draws was given, instead of a tolerance.
    """
    scenario, by_day = sampling.scenario, sampling.at_draws.by_day
    spreads, stages = sampling.until_known(
        targets, precision.quantiles, precision.tolerance, answer_when_cancelled=precision.answer_when_cancelled
    )
    for spread in spreads.values():
        insist_on_effective(spread, FEWEST_EFFECTIVE_DRAWS)
    sampling.control.report(1.0)
    drawn = {"seed": sampling.seed, "runs": sampling.runs or None, "precision": asdict(precision)}
    drawn |= drawn_from(belief) if belief else pick(sampling, "draws")
    return Uncertainty(
        scenario=scenario,
        by=scenario.by_date(by_day),
        by_day=by_day,
        measures=targets,
        scores=None if belief else sampling.scores,
        theta=sampling.theta,
        weights=belief.weights if belief else np.full(sampling.draws, 1 / sampling.draws),
        sequence=sampling.weighting.group,
        answers=sampling.shares(targets, sampling.answers),
        spreads=spreads,
        tolerance=None if fixed else precision.tolerance,
        reached=stages[-1].error <= precision.tolerance,
        within=stages[-1].error,
        needed=enough(stages, precision.tolerance),
        provenance=provenance(scenario, engine=sampling.at_draws.engine, by_day=by_day, **drawn),
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
    insist_on_uncertain(scenario)
    targets, by_day = find(scenario, measures), float(sample.stated.times[-1])
    if belief.effective_draws < FEWEST_EFFECTIVE_DRAWS:
        raise ValueError(
            f"expected at least {FEWEST_EFFECTIVE_DRAWS} effective draws, not {belief.effective_draws:.3g}"
        )
    in_order = Weighting(np.arange(belief.draws) * GROUPS // belief.draws)
    weighting = in_order if belief.equal else Weighting.of_belief(belief.weights)
    columns, spreads = [], {}
    for target in targets:
        own = weighting
        if target.kind == "given":
            both, given = (sample.values(name, "questions")[:, -1:] for name in (target.both, target.condition))
            each, own = conditional_at_draws(both, given, target)[:, 0], own.given(given[:, 0])
        else:
            each = np.array([of_forecast(forecast, target)[0][-1] for forecast in sample.forecasts])
        columns.append(sample.without_noise(each, _replicates(sample.forecasts[0], target)))
        value, low, high = (float(x[-1]) for x in of_forecast(sample.stated, target))
        stated = Number(value, 0.0 if sample.stated.engine == "exact" else (high - low) / 2)
        spreads[target.name] = spread_of(target, stated, columns[-1][:, None], own, DEFAULT_PRECISION.quantiles)
        insist_on_effective(spreads[target.name], FEWEST_EFFECTIVE_DRAWS)
    runs = sample.forecasts[0].provenance.get("runs")
    source = {"seed": sample.seed, "by_day": by_day, "runs": runs, **drawn_from(belief, sample.seed)}
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
    return int(forecast.provenance["histories"]) if measure.question_id in forecast.by_histories else None
