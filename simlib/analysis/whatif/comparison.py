"""Compare a scenario with variants: the effect of each change on numbers and histories.

A variant is the baseline with something changed: interventions, assumption values, a view, or several of these
together. The exact engine gives each difference with a bound of its truncation error. Monte Carlo gives each difference
with a 95% interval. It simulates the baseline and the variant with the same random numbers (common random numbers), so
the samples are paired. Over draws of the assumptions, the baseline and each variant are computed at every draw, and the
spread between the draws gives a 95% interval with either engine.

A *flip* is a replicate (simulated history) whose ending differs between the baseline and the variant. The share of
flips depends on how the random numbers of the two scenarios are coupled. So the coupling is named beside the share.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from simlib.analysis.whatif import coupling
from simlib.analysis.whatif.contrast import Difference
from simlib.analysis.whatif.coupling import Replicates
from simlib.analysis.whatif.divergence import Divergence, diverge
from simlib.analysis.whatif.paired_intervals import by_blocks, pooled_shares
from simlib.analysis.whatif.result import Comparison, VariantEffect
from simlib.analysis.whatif.variants import COUNTERFACTUAL, Variant, bookings, vary
from simlib.answer import dated, provenance
from simlib.arguments import Engine, exact_where_it_fits
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.forecast import Solver
from simlib.engines.montecarlo.replay import replayed
from simlib.engines.montecarlo.simulator import Simulator
from simlib.errors import MissingDependency, Problem, ScenarioError
from simlib.machine import priors
from simlib.machine.asked_events import with_events
from simlib.machine.belief import Belief, belief_if_any, drawn_from, effective_number
from simlib.machine.measures import By, Measure, days_by, every, find, headline, of_forecast
from simlib.machine.report_times import grid
from simlib.results import Forecast
from simlib.scenario.model import Assume, Force, Pin, Scenario
from simlib.scenario.views.variation import begun_by
from simlib.scenario.views.wording import describe, intervention_in_words
from simlib.typing import Floats

__all__ = ["compare"]

EXACT_PAIRS, MONTE_CARLO_PAIRS = 10_000, 100_000
"""Default number of pairs of replicates over all draws: beside an exact answer, and for an answer by Monte Carlo.

A pair is one replicate of the baseline and the same replicate of the variant. An exact answer needs pairs only to
count the replicates whose ending changes.
"""


def compare(
    scenario: Scenario,
    variants: Variant | Mapping[str, Variant],
    *,
    measures: str | Iterable[str] | None = None,
    by: By = None,
    engine: Engine = "auto",
    draws: int | Belief = 0,
    runs: int | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Comparison:
    """Compare a scenario with variants of it: the changes of measures and of single histories.

    Args:
        scenario: The baseline.
        variants: The changes, by name: interventions, a view, {assumption: value}, or several of these. A single
            variant that is no mapping may be given without a name. Its changes then become its name.
        measures: Names of measures. Default: the headline (main measure), then all other endings and questions, rungs
            of ladders, expected numbers of moves, and expected impacts.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: "auto" is the exact engine if it can answer, else Monte Carlo.
        draws: A number of draws (sets of assumption values) of the prior, or a belief (weighted draws). With 0, the
            scenarios are compared at their stated values.
        runs: Pairs of replicates (simulated histories) for each draw. Both replicates of a pair share their random
            numbers. Default: 100,000 in all, or 10,000 beside an exact answer. An exact answer uses the pairs only to
            count the histories whose ending changes, and for measures that the exact engine cannot answer. With 0, the
            histories are not counted.
        seed: The seed of draws and replicates.
        control: Progress callback, cancellation and number of threads.

    Returns:
        The differences of every measure with their intervals, and the histories whose ending changes (flips).

    Raises:
        ScenarioError: When a variant, a measure or the target does not fit the scenario, or for too few `runs`.
        Unsupported: When a variant has other variables, assumptions, moves, endings, questions or ladders, or when the
            belief is about another scenario or date.
        ValueError: When there is no variant.
        TypeError: When a variant is of no kind that `variants` may hold.
        TooManyStates: For "exact", when there are too many states.
        MissingDependency: For Monte Carlo, without Numba.
        Cancelled: When `control` cancels the work.
    """
    if not variants:
        raise ValueError("nothing to compare with; expected at least one variant")
    if isinstance(variants, Mapping):
        changed = {name: vary(scenario, change) for name, change in variants.items()}
    else:
        only = vary(scenario, variants)
        changed = {"; ".join(describe(scenario, only)) or "unchanged": only}
    scenarios = {"": scenario} | changed
    all_of_them = [headline(scenario), *every(scenario, ("ending", "question", "rung", "moves", "impact"))]
    chosen = tuple(dict.fromkeys(all_of_them)) if measures is None else find(scenario, measures)
    belief = belief_if_any(scenario, draws, seed=seed)
    work = _Comparer(scenarios, days_by(scenario, by), chosen, belief, runs, seed, control)
    return exact_where_it_fits(engine, lambda: work.answer("exact"), lambda: work.answer("montecarlo"))


class _Comparer:
    """The computation that compares variants with the baseline (name "") up to day `days`."""

    def __init__(
        self,
        scenarios: Mapping[str, Scenario],
        days: float,
        measures: tuple[Measure, ...],
        belief: Belief | None,
        runs: int | None,
        seed: int,
        control: Control,
    ) -> None:
        self.full, self.base = scenarios, scenarios[""]
        self.scenarios = {
            name: begun_by(with_events(each, measures, days), days).replace(horizon_days=days)
            for name, each in scenarios.items()
        }
        self.days, self.measures, self.belief, self.runs, self.seed = days, measures, belief, runs, seed
        self.control, self.quiet = control, control.silent()
        self.draws = 0 if belief is None else belief.draws
        self.weights = _weights(belief)
        self.times = grid(days)
        self.scores = None if belief is None else _scores(self.base, belief)

    def answer(self, engine: str) -> Comparison:
        self.endings: dict[str, Floats] = {}
        self.by_histories: set[str] = set()
        pairs = self._pairs(engine)
        exact, paired = engine == "exact", pairs > 0
        middle = 0.5 if exact and paired else 1.0 if exact else 0.0
        solved = self._solved(self.control.part(0.0, middle)) if exact else {}
        sampled: dict[str, VariantEffect] = {}
        if paired:
            try:
                sampled = self._sampled(pairs, self.control.part(middle, 1.0))
            except MissingDependency:
                if not exact:
                    raise
        effects = {name: self._effect(name, solved.get(name), sampled.get(name)) for name in self.full if name}
        size = {"runs": pairs // max(self.draws, 1), "pairs": pairs, "seed": self.seed}
        source = provenance(
            self.base,
            engine=engine,
            **size,
            **drawn_from(self.belief, self.seed),
            measures=[measure.name for measure in self.measures],
            by_day=self.days,
            variants={name: self.full[name].sha256 for name in effects},
            changes={name: list(effect.changes) for name, effect in effects.items()},
        )
        note = COUNTERFACTUAL if any(_acts(self.base, each) for each in self.full.values()) else ""
        key, draws = dated(self.base, self.days), self.draws
        return Comparison(*key, engine, self.times, draws, self.measures, effects, note, source)

    def _pairs(self, engine: str) -> int:
        least = 0 if engine == "exact" else 1
        if self.runs is None:
            return max(EXACT_PAIRS if engine == "exact" else MONTE_CARLO_PAIRS, self.draws)
        if self.runs < least:
            what = f"{self.runs} pairs of histories"
            raise ScenarioError(Problem("", 0, "runs", what, f"expected at least {least} with this engine"))
        return self.runs * max(self.draws, 1)

    def _effect(self, name: str, solved: VariantEffect | None, sampled: VariantEffect | None) -> VariantEffect:
        """Combine the exact effect of a variant with the effect that paired replicates show.

        Either may be None. For a measure that the exact engine cannot answer, the difference comes from the replicates.
        """
        effect = sampled or solved
        assert effect is not None, name
        if solved is not None:
            differences = {**solved.differences}
            if sampled is not None:
                differences |= {
                    m.name: sampled.differences[m.name]
                    for m in self.measures
                    if self.by_histories & {m.question_id, m.both}
                }
            effect = dataclasses.replace(effect, differences=differences, without_effect=solved.without_effect)
        base, changed = self.scenarios[""], self.scenarios[name]
        return dataclasses.replace(effect, changes=describe(base, changed), bookings=bookings(base, changed))

    def _values(self, scenario: Scenario) -> Floats | None:
        """Return a variant's assumption values at each draw (D, A), or None without a belief.

        Each value is the same quantile of the variant's prior as the baseline's value is of the baseline's prior. An
        assumption with an unchanged prior keeps exactly the values of the baseline.
        """
        if self.scores is None or self.belief is None:
            return None
        values = priors.values_from_scores(scenario, self.scores)
        pairs = zip(scenario.assumptions.values(), self.base.assumptions.values(), strict=True)
        for column, (new, old) in enumerate(pairs):
            if (new.value, new.low, new.high) == (old.value, old.low, old.high):
                values[:, column] = self.belief.theta[:, column]
        return values

    # ---------------------------------------------------------------- exactly

    def _solved(self, control: Control) -> dict[str, VariantEffect]:
        count = len(self.scenarios)
        solved = {
            name: self._solve(name, each, control.part(number / count, (number + 1) / count))
            for number, (name, each) in enumerate(self.scenarios.items())
        }
        before, _ = solved.pop("")
        return {
            name: VariantEffect(
                name,
                (),
                {m.name: self._exact_difference(place, m, before, after) for place, m in enumerate(self.measures)},
                None,
                without_effect=idle,
            )
            for name, (after, idle) in solved.items()
        }

    def _solve(self, name: str, scenario: Scenario, control: Control) -> tuple[Floats, dict[str, float | None]]:
        """Return the measures at each draw (D, T, M, 3), and how often interventions have no effect.

        The last axis is (value, low, high), for D draws, T report times and M measures. Over draws, the values of a
        conditional probability are those of `pooled_shares`. The probabilities of all
        endings at the target day are stored in `endings`.
        """
        thetas = self._values(scenario)
        centre = None if thetas is None else priors.theta(scenario)
        solver = Solver(scenario, control=self.quiet)
        self.by_histories |= solver.by_histories.keys()
        rows: list[Any] = [None] if thetas is None else list(thetas)
        starts = [None] * len(rows) if self.belief is None else [start for _, start in self.belief.rows()]
        answers, ends, questions = [], [], []
        for number, (theta, start) in enumerate(zip(rows, starts, strict=True)):
            forecast = solver.solve(theta, centre=centre, start=start, control=self.quiet)
            questions.append(forecast.questions)
            ends.append([float(band.probability[-1]) for band in forecast.endings.values()])
            answers.append(np.stack([self._at(forecast, m) for m in self.measures], axis=1))
            control.report((number + 1) / len(rows))
        self.endings[name] = self._mean(np.array(ends))
        idle = {
            intervention_in_words(item, scenario): line["without_effect"]
            for item, line in zip(scenario.interventions, forecast.interventions, strict=True)
            if isinstance(item, Force | Pin)
        }
        result = np.stack(answers)
        if thetas is not None:
            for place, m in enumerate(self.measures):
                if m.kind == "given":
                    both, given = (np.array([q[part].probability for q in questions]) for part in (m.both, m.condition))
                    result[:, :, place, 0] = pooled_shares(both, given, self.weights, m)
        return result, idle if thetas is None else {}

    def _at(self, forecast: Forecast, measure: Measure) -> Floats:
        """Return (value, low, high) of a measure at T times in the forecast of one draw (T, 3).

        Over draws, a conditional probability is not read here, because its condition may be impossible at some draws.
        """
        if self.draws and measure.kind == "given":
            return np.zeros((len(forecast.times), 3))
        return np.stack(of_forecast(forecast, measure), axis=-1)

    def _exact_difference(self, place: int, measure: Measure, before: Floats, after: Floats) -> Difference:
        one, other = before[:, :, place], after[:, :, place]
        if self.draws:
            draws = effective_number(self.weights)
            blocks = other[..., 0] - one[..., 0]
            change, low, high = by_blocks(blocks, measure.probability, self.weights, effective=draws)
        else:
            change = other[0, :, 0] - one[0, :, 0]
            low, high = other[0, :, 1] - one[0, :, 2], other[0, :, 2] - one[0, :, 1]
        return Difference(measure, self._mean(one[..., 0]), self._mean(other[..., 0]), change, low, high)

    def _mean(self, values: Floats) -> Floats:
        if np.ptp(self.weights) == 0:
            return np.asarray(values.mean(axis=0))
        return np.asarray(np.tensordot(self.weights, values, 1) / self.weights.sum())

    # ---------------------------------------------------------------- under common random numbers

    def _sampled(self, pairs: int, control: Control) -> dict[str, VariantEffect]:
        count, samples = len(self.scenarios), {}
        for number, (name, each) in enumerate(self.scenarios.items()):
            simulator, thetas = Simulator(each), self._values(each)
            replicates = coupling.run_replicates(
                simulator,
                self.measures,
                thetas=thetas,
                starts=None if self.belief is None else self.belief.start,
                weights=None if thetas is None else self.weights,
                runs=pairs,
                seed=self.seed,
                control=control.part(number / count, (number + 1) / count),
            )
            samples[name] = simulator, replicates
        first = samples.pop("")
        return {name: self._sampled_effect(name, first, second) for name, second in samples.items()}

    def _sampled_effect(
        self, name: str, first: tuple[Simulator, Replicates], second: tuple[Simulator, Replicates]
    ) -> VariantEffect:
        (simulator, before), (changed, after) = first, second
        differences = {}
        for place, m in enumerate(self.measures):
            change, low, high = coupling.change(before, after, m, simulator.scenario, self.times, place)
            differences[m.name] = Difference(m, before.mean(place), after.mean(place), change, low, high)
        flips = coupling.flips(before, after, simulator.scenario)
        if name in self.endings:
            flips = dataclasses.replace(flips, forecasts=np.stack([self.endings[""], self.endings[name]]))
        if self.draws:
            return VariantEffect(name, (), differences, flips)
        divergences = self._divergences(name, first, second)
        return VariantEffect(name, (), differences, flips, divergences, after.without_effect(changed))

    def _divergences(
        self, name: str, first: tuple[Simulator, Replicates], second: tuple[Simulator, Replicates]
    ) -> tuple[Divergence, ...]:
        (simulator, before), (changed, after) = first, second
        numbers = coupling.typical_flips(before, after)
        if not len(numbers):
            return ()
        one, other = (replayed(each, numbers, seed=self.seed) for each in (simulator, changed))
        return tuple(diverge(one, other, int(number), name) for number in numbers)


def _acts(base: Scenario, changed: Scenario) -> bool:
    return any(not isinstance(item, Pin | Assume) for item in changed.interventions[len(base.interventions) :])


def _weights(belief: Belief | None) -> Floats:
    """Return the weights of D draws (D,), scaled to a mean of one (one draw without a belief)."""
    if belief is None or np.ptp(belief.weights) == 0:
        return np.ones(1 if belief is None else belief.draws)
    return belief.weights * belief.draws


def _scores(scenario: Scenario, belief: Belief) -> Floats:
    """Return the normal score of each value in the draws of a belief (D, A).

    The normal score of a value is the standard normal quantile of P(prior ≤ value).
    """
    if belief.is_prior and belief.seed is not None:
        return priors.scores(scenario, belief.draws, seed=belief.seed)
    return priors.scores_from_values(scenario, belief.theta)
