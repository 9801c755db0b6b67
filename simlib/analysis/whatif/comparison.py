"""Compare a scenario with variants: the effect of each change on numbers and histories.

A variant is the baseline with something changed: interventions, assumption values, a view, or several of these
together. The exact engine gives each difference with its truncation bound. Monte Carlo gives each difference with the
interval of paired samples under common random numbers. Over draws of the assumptions, both the baseline and each
variant are computed at every draw. Flips are the replicates whose ending changes. Their share depends on how the random
numbers of the two scenarios are coupled, so the coupling is always named.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from simlib.analysis.whatif import coupling
from simlib.analysis.whatif.contrast import Difference
from simlib.analysis.whatif.coupling import COUPLING, Flips, Replicates
from simlib.analysis.whatif.divergence import Divergence, diverge
from simlib.analysis.whatif.variants import COUNTERFACTUAL, Booking, Variant, bookings, vary
from simlib.answer import Answer, ScenarioKey, dated, pick, provenance
from simlib.control import UNWATCHED, Control, exact_where_it_fits
from simlib.engines.exact.forecast import Solver
from simlib.errors import MissingDependency, Problem, ScenarioError
from simlib.formatting import percent
from simlib.machine import priors
from simlib.machine.asked_events import with_events
from simlib.machine.belief import Belief, belief_of
from simlib.machine.measures import Measure, days_by, every, find, headline, of_forecast
from simlib.machine.tables import grid
from simlib.scenario.model import Assume, Force, Pin, Scenario
from simlib.scenario.views.variation import begun_by
from simlib.scenario.views.wording import as_name, describe, intervention_in_words
from simlib.typing import Engine, Floats

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from simlib.engines.montecarlo.simulator import Simulator

__all__ = ["Comparison", "VariantEffect", "compare", "cumulative"]

EXACT_PAIRS, PAIRS = 10_000, 100_000
"""Default total of pairs of replicates: for flips beside an exact answer, and for an answer by Monte Carlo."""

EXAMPLES = 1
"""Number of pairs of histories that are described for each of the two commonest flips."""

NAMED = 3
"""Largest number of changed measures in the sentences on a variant."""


@dataclass(frozen=True)
class VariantEffect:
    """The effects of one variant: on each measure over time, and on single histories."""

    name: str
    changes: tuple[str, ...]
    differences: Mapping[str, Difference]
    flips: Flips | None
    divergences: tuple[Divergence, ...] = ()
    without_effect: Mapping[str, float | None] = field(default_factory=dict)
    bookings: tuple[Booking, ...] = ()

    def strongest(self) -> list[Difference]:
        """Return the differences of endings and questions, the largest first.

        If there are none, return the differences of all measures.
        """
        everything = list(self.differences.values())
        main = [d for d in everything if d.measure.kind in ("ending", "question")]
        return sorted(main or everything, key=lambda d: -abs(float(d.change[-1])))

    def sentences(self, by: str, measure: str | None = None, *, histories: bool = True) -> list[str]:
        """Describe the effects `by` a date, beginning with `measure`.

        With `histories`, pairs of histories that end differently are described too.
        """
        ranked = self.strongest()
        told = [self.differences[measure]] if measure else []
        told += [d for d in ranked[:NAMED] if d.moved and d.measure.name != measure]
        parts = [d.sentence("" if place else f" by {by}") for place, d in enumerate(told)]
        main = any(d.measure.kind in ("ending", "question") for d in ranked)
        nothing = f"no ending and no question changes by {by}" if main else f"nothing changes by {by}"
        what = "; ".join(self.changes) or "nothing changed"
        title = f"“{self.name}”" + ("" if self.name == as_name(what) else f" ({what})")
        lines = [f"{title}: {'; '.join(parts) or nothing}."]
        lines += [
            f"{act} has no effect in {percent(share)} of the histories that have not ended by then."
            for act, share in self.without_effect.items()
            if share
        ]
        flips = self.flips.sentence() if self.flips else ""
        lines += [f"{flips[0].upper()}{flips[1:]}"] if flips else []
        return lines + [pair.sentence() for pair in self.divergences if histories]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "changes": self.changes,
            "measures": {
                name: {"label": d.measure.label} | pick(d, "before", "after", "change", "low", "high")
                for name, d in self.differences.items()
            },
            "flips": self.flips.to_dict() if self.flips else None,
            "divergences": [pair.to_dict() for pair in self.divergences],
            "without_effect": self.without_effect,
        }


@dataclass(frozen=True)
class Comparison(Answer):
    """A baseline and its variants at report times up to `by`. `draws` is 0 at the stated values."""

    kind: ClassVar[str] = "compare"

    scenario: ScenarioKey
    by: dt.date
    by_day: float
    engine: str
    times: Floats
    draws: int
    measures: tuple[Measure, ...]
    effects: Mapping[str, VariantEffect]
    note: str
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        *first, last = (f"“{name}”" for name in self.effects)
        names = f"{', '.join(first)} and {last}" if first else last
        return f"What changes by {self.by_words} in {names}, compared with the baseline?"

    def frame(self, what: Literal["measures", "times", "flips"] = "measures") -> pd.DataFrame:
        """Return one row for each variant and measure at the target date (or "times", or "flips")."""
        import pandas as pd

        if what == "flips":
            rows = [
                {"variant": name, "from": a, "to": b, "share": share, "coupling": COUPLING}
                for name, effect in self.effects.items()
                if effect.flips
                for a, b, share in effect.flips.pairs()
            ]
            return pd.DataFrame(rows, columns=["variant", "from", "to", "share", "coupling"])
        if what not in ("measures", "times"):
            raise ValueError(f"no table {what!r}; expected measures, times or flips")
        places = range(len(self.times)) if what == "times" else [len(self.times) - 1]
        rows = [
            {"variant": name, "kind": d.measure.kind, "measure": key, "label": d.measure.label}
            | {"day": float(self.times[t])}
            | {part: getattr(d, part)[t] for part in ("before", "after", "change", "low", "high")}
            for name, effect in self.effects.items()
            for key, d in effect.differences.items()
            for t in places
        ]
        return pd.DataFrame(rows)

    def most_moved(self, most: int) -> list[str]:
        """Return the names of the `most` measures that change most in any variant, in that order."""
        furthest: dict[str, float] = {}
        for effect in self.effects.values():
            for d in effect.strongest():
                furthest[d.measure.name] = max(furthest.get(d.measure.name, 0.0), abs(float(d.change[-1])))
        return sorted(furthest, key=lambda name: -furthest[name])[:most]

    def sentences(self, measure: str | None = None, *, histories: bool = True) -> list[str]:
        """Return for each variant its changes and their effects, in sentences.

        Args:
            measure: The measure to begin with, even if it does not change. The measures that change most follow.
                Default: the first measure, which is the headline unless measures were named.
            histories: Whether to describe pairs of histories that end differently.
        """
        first = measure or self.measures[0].name
        lines = [
            line
            for effect in self.effects.values()
            for line in effect.sentences(self.by_words, first, histories=histories)
        ]
        where = f"over {self.draws} draws of the assumptions" if self.draws else "at the stated values"
        return [*lines, f"Computed {where}.", *([self.note] if self.note else [])]

    def data(self) -> dict[str, Any]:
        """Return the data of a comparison, without the keys that all answers share."""
        variants = {name: effect.to_dict() for name, effect in self.effects.items()}
        return pick(self, "engine", "times", "draws") | {"variants": variants, "note": self.note}


def compare(
    scenario: Scenario,
    variants: Variant | Mapping[str, Variant],
    *,
    measures: str | Iterable[str] | None = None,
    by: str | float | dt.date | None = None,
    engine: Engine = "auto",
    draws: int | Belief = 0,
    runs: int | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Comparison:
    """Compare a scenario with variants of it.

    Args:
        scenario: The baseline.
        variants: The changes, by name: interventions, a view, {assumption: value}, or several of these. A single
            variant without a name is named after its changes.
        measures: Names of measures. Default: the headline, then all other endings and questions, rungs and expected
            numbers of moves.
        by: The target date or day. None is the horizon.
        engine: "auto" is the exact engine unless there are too many states, else Monte Carlo.
        draws: Draws of the prior or a belief. 0 compares at the stated values.
        runs: Pairs of replicates for each draw, which share their random numbers. Default: 100,000 in all, or 10,000
            beside an exact answer, which needs them only for the flips. With 0, an exact answer has no flips.
        seed: The seed of draws and replicates.
        control: Progress, cancelling and threads.

    Returns:
        The differences of every measure, with their intervals, and the flips.

    Raises:
        ScenarioError: A variant, a measure or the target does not fit the scenario.
        Unsupported: A variant has another structure, or the belief is about another scenario or date.
        ValueError: There is no variant.
        TooManyStates: There are too many states for "exact".
        Cancelled: The control asked to stop.
    """
    if not variants:
        raise ValueError("nothing to compare with; expected at least one variant")
    if isinstance(variants, Mapping):
        changed = {name: vary(scenario, change) for name, change in variants.items()}
    else:
        only = vary(scenario, variants)
        changed = {as_name("; ".join(describe(scenario, only)) or "unchanged"): only}
    scenarios = {"": scenario} | changed
    all_of_them = [headline(scenario), *every(scenario, ("ending", "question", "rung", "moves", "impact"))]
    chosen = tuple(dict.fromkeys(all_of_them)) if measures is None else find(scenario, measures)
    belief = belief_of(scenario, draws, seed=seed) if isinstance(draws, Belief) or draws else None
    work = _Work(scenarios, days_by(scenario, by), chosen, belief, runs, seed, control)
    return exact_where_it_fits(engine, lambda: work.answer("exact"), lambda: work.answer("montecarlo"))


def cumulative(variants: Mapping[str, Variant]) -> dict[str, Variant]:
    """Return cumulative variants: the first, then the first and the second, and so on.

    Each has the name of the last variant in it.
    """
    names = list(variants)
    return {name: [variants[earlier] for earlier in names[: place + 1]] for place, name in enumerate(names)}


class _Work:
    """A running comparison of the baseline, named "", with its variants up to a target day."""

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
        self.control, self.quiet = control, dataclasses.replace(control, progress=None)
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
        sampled = self._sampled(pairs, self.control.part(middle, 1.0), needed=not exact) if paired else {}
        effects = {name: self._effect(name, solved.get(name), sampled.get(name)) for name in self.full if name}
        belief = {"belief": self.belief.name} if self.belief is not None and not self.belief.is_prior else {}
        size = {"runs": pairs // max(self.draws, 1), "pairs": pairs, "draws": self.draws, "seed": self.seed}
        source = provenance(
            self.base,
            engine=engine,
            **size,
            by_day=self.days,
            variants={name: self.full[name].sha256 for name in effects},
            changes={name: list(effect.changes) for name, effect in effects.items()},
            **belief,
        )
        note = COUNTERFACTUAL if any(_acts(self.base, each) for each in self.full.values()) else ""
        key, draws = dated(self.base, self.days), self.draws
        return Comparison(*key, engine, self.times, draws, self.measures, effects, note, source)

    def _pairs(self, engine: str) -> int:
        """Return the number of pairs of replicates, over all draws."""
        least = 0 if engine == "exact" else 1
        if self.runs is None:
            return max(EXACT_PAIRS if engine == "exact" else PAIRS, self.draws)
        if self.runs < least:
            what = f"{self.runs} pairs of histories"
            raise ScenarioError(Problem("", 0, "runs", what, f"expected at least {least} with this engine"))
        return self.runs * max(self.draws, 1)

    def _effect(self, name: str, solved: VariantEffect | None, sampled: VariantEffect | None) -> VariantEffect:
        """Join the exact differences of a variant and the flips of its paired replicates.

        Either may be missing. A measure that needs histories has its difference from the replicates.
        """
        effect = sampled or solved
        assert effect is not None, name
        if solved is not None:
            differences = {**solved.differences}
            if sampled is not None:
                differences |= {m.name: sampled.differences[m.name] for m in self.measures if self._counted(m)}
            effect = dataclasses.replace(effect, differences=differences, without_effect=solved.without_effect)
        base, changed = self.scenarios[""], self.scenarios[name]
        return dataclasses.replace(effect, changes=describe(base, changed), bookings=bookings(base, changed))

    def _counted(self, measure: Measure) -> bool:
        """Say whether a measure needs histories, so that paired replicates give its difference."""
        return bool({measure.asked, measure.both} & self.by_histories)

    def _values(self, scenario: Scenario) -> Floats | None:
        """Return the draws (D, A) of a variant, at the same quantiles as the draws of the baseline."""
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
        """Return the measures at each draw, and how often each intervention has no effect.

        The measures (D, T, M, 3) are given as (value, low, high). The probabilities of all endings at the target day
        are kept for the flips.
        """
        thetas = self._values(scenario)
        centre = None if thetas is None else priors.theta(scenario)
        solver = Solver(scenario, control=self.quiet)
        self.by_histories |= solver.by_histories.keys()
        rows: list[Any] = [None] if thetas is None else list(thetas)
        starts = [None] * len(rows) if self.belief is None else [start for _, start in self.belief.rows()]
        answers, ends = [], []
        for number, (theta, start) in enumerate(zip(rows, starts, strict=True)):
            forecast = solver.solve(theta, centre=centre, start=start, control=self.quiet)
            ends.append([float(band.probability[-1]) for band in forecast.endings.values()])
            answers.append(np.stack([np.stack(of_forecast(forecast, m), axis=-1) for m in self.measures], axis=1))
            control.report((number + 1) / len(rows))
        self.endings[name] = self._mean(np.array(ends))
        idle = {
            intervention_in_words(item, scenario): line["without_effect"]
            for item, line in zip(scenario.interventions, forecast.interventions, strict=True)
            if isinstance(item, Force | Pin)
        }
        return np.stack(answers), idle if thetas is None else {}

    def _exact_difference(self, place: int, measure: Measure, before: Floats, after: Floats) -> Difference:
        one, other = before[:, :, place], after[:, :, place]
        if self.draws:
            draws = coupling.effective_count(self.weights)
            blocks = other[..., 0] - one[..., 0]
            change, low, high = coupling.by_blocks(blocks, measure.probability, self.weights, effective=draws)
        else:
            change = other[0, :, 0] - one[0, :, 0]
            low, high = other[0, :, 1] - one[0, :, 2], other[0, :, 2] - one[0, :, 1]
        return Difference(measure, self._mean(one[..., 0]), self._mean(other[..., 0]), change, low, high)

    def _mean(self, values: Floats) -> Floats:
        if np.ptp(self.weights) == 0:
            return np.asarray(values.mean(axis=0))
        return np.asarray(np.tensordot(self.weights, values, 1) / self.weights.sum())

    # ---------------------------------------------------------------- under common random numbers

    def _sampled(self, pairs: int, control: Control, *, needed: bool) -> dict[str, VariantEffect]:
        """Return the effects by paired replicates.

        Without Numba there are none, or MissingDependency is raised if they are `needed`.
        """
        try:
            return self._paired(pairs, control)
        except MissingDependency:
            if needed:
                raise
            return {}

    def _paired(self, pairs: int, control: Control) -> dict[str, VariantEffect]:
        from simlib.engines.montecarlo.simulator import Simulator

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
            column = m.column(self.scenarios[""]) if m.kind not in ("given", "days") else -1
            change, low, high = coupling.change(before, after, m, self.times, place=place, column=column)
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
        from simlib.engines.montecarlo.replay import histories

        (simulator, before), (changed, after) = first, second
        numbers = coupling.typical_flips(before, after, EXAMPLES)
        if not len(numbers):
            return ()
        one, other = (histories(each, numbers, seed=self.seed) for each in (simulator, changed))
        return tuple(diverge(one, other, int(number), name) for number in numbers)


def _acts(base: Scenario, changed: Scenario) -> bool:
    return any(not isinstance(item, Pin | Assume) for item in changed.interventions[len(base.interventions) :])


def _weights(belief: Belief | None) -> Floats:
    """Return the weights of the draws (D,), scaled to a mean of one."""
    if belief is None or np.ptp(belief.weights) == 0:
        return np.ones(1 if belief is None else belief.draws)
    return belief.weights * belief.draws


def _scores(scenario: Scenario, belief: Belief) -> Floats:
    """Return the normal score of each value of a belief (D, A) in the prior of its assumption."""
    if belief.is_prior and belief.seed is not None:
        return priors.scores(scenario, belief.draws, seed=belief.seed)
    return priors.scores_from_values(scenario, belief.theta)
