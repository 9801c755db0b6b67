"""What if? A world beside variants of it: what each change does to every number, and to single histories.

A variant is the baseline with something changed: interventions (force, forbid, set a variable, follow a policy),
assumption values, a view, or several of these together. The difference in each measure is exact, with the bound of
the truncation, or comes from replicates under the same dice, with the interval of paired samples; over the priors,
every draw is played in both worlds. Flips, the replicates whose ending changes, belong to the coupling by the same
dice and are always labelled so.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from simlib.analysis.whatif import coupling as pairing
from simlib.analysis.whatif.contrast import Difference
from simlib.analysis.whatif.coupling import Flips, World
from simlib.analysis.whatif.divergence import Parting, part
from simlib.analysis.whatif.variants import COUNTERFACTUAL, Booking, Variant, bookings, variant_of
from simlib.answer import plain_json, provenance
from simlib.control import in_transition
from simlib.engines.exact.forecast import Solver
from simlib.engines.exact.reachable import CAP
from simlib.errors import MissingDependency, Problem, ScenarioError
from simlib.formatting import long_date, percent
from simlib.machine import priors
from simlib.machine.measures import Measure, every, find, of_forecast
from simlib.scenario.model import Assume, Force, Pin, Scenario
from simlib.scenario.views.wording import describe, intervention_in_words
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

Engine = Literal["exact", "montecarlo"]
Progress = Callable[[float], None]
Cancel = Callable[[], bool]

EXACT_PAIRS, PAIRS = 10_000, 100_000
"""Pairs of replicates by default: for the flips beside an exact answer, and for an answer by Monte Carlo."""

TOLD = 3
"""Measures named for each variant in sentences."""


@dataclass(frozen=True)
class Effect:
    """What one variant does: in words, by measure, to single endings, and in histories that flip."""

    name: str
    changes: tuple[str, ...]
    differences: Mapping[str, Difference]
    flips: Flips | None
    partings: tuple[Parting, ...] = ()
    without_effect: Mapping[str, float | None] = field(default_factory=dict)
    bookings: tuple[Booking, ...] = ()

    def strongest(self, kinds: Sequence[str] = ("ending", "question")) -> list[Difference]:
        """Return the differences of some kinds, the largest change at the last report time first."""
        some = [d for d in self.differences.values() if d.measure.kind in kinds]
        return sorted(some, key=lambda d: -abs(float(d.change[-1])))


@dataclass(frozen=True)
class Comparison:
    """A baseline and its variants. `over_priors` is the number of draws, 0 at the stated values."""

    scenario: str
    title: str
    as_of: dt.date
    horizon_days: float
    by: dt.date
    engine: str
    times: Floats
    over_priors: int
    measures: tuple[Measure, ...]
    effects: Mapping[str, Effect]
    note: str
    provenance: Mapping[str, Any]

    def frame(self, what: Literal["measures", "times", "flips"] = "measures") -> pd.DataFrame:
        """Return one row for each variant and measure at the horizon, or at all "times"; or the "flips"."""
        import pandas as pd

        if what == "flips":
            rows = [
                {"variant": name, "from": a, "to": b, "share": share, "coupling": pairing.SAME_DICE}
                for name, effect in self.effects.items()
                if effect.flips
                for a, b, share in effect.flips.pairs()
            ]
            return pd.DataFrame(rows, columns=["variant", "from", "to", "share", "coupling"])
        if what not in ("measures", "times"):
            raise ValueError(f"no table {what!r}; expected measures, times or flips")
        places = range(len(self.times)) if what == "times" else [len(self.times) - 1]
        return pd.DataFrame(
            [
                {
                    "variant": name,
                    "kind": d.measure.kind,
                    "measure": key,
                    "label": d.measure.label,
                    "day": float(self.times[t]),
                    "before": d.before[t],
                    "after": d.after[t],
                    "change": d.change[t],
                    "low": d.low[t],
                    "high": d.high[t],
                }
                for name, effect in self.effects.items()
                for key, d in effect.differences.items()
                for t in places
            ]
        )

    def most_moved(self, most: int) -> list[str]:
        """Return the names of the endings and questions that some variant moves furthest by the horizon."""
        furthest: dict[str, float] = {}
        for effect in self.effects.values():
            for d in effect.strongest():
                furthest[d.measure.name] = max(furthest.get(d.measure.name, 0.0), abs(float(d.change[-1])))
        return sorted(furthest, key=lambda name: -furthest[name])[:most]

    def sentences(self, asked: str | None = None) -> list[str]:
        """Say for each variant what was changed, what that does by the horizon, and how single histories part.

        The measure `asked` about is told first, whether or not it changes; then those that change most.
        """
        how = f"over {self.over_priors} draws from the priors" if self.over_priors else "at the stated values"
        lines = [f"By {long_date(self.by)}, {how}:"]
        for effect in self.effects.values():
            told = [effect.differences[asked].words()] if asked else []
            told += [d.words() for d in effect.strongest()[:TOLD] if d.moved and d.measure.name != asked]
            lines.append(
                f"“{effect.name}” ({'; '.join(effect.changes) or 'nothing changed'}): "
                + ("; ".join(told) if told else "no ending and no question changes")
                + "."
            )
            lines += [
                f"{what} had no effect in {percent(share)} of the histories then going."
                for what, share in effect.without_effect.items()
                if share
            ]
            if effect.flips:
                lines.append(f"“{effect.name}”: " + effect.flips.sentence())
            lines += [sentence for parting in effect.partings for sentence in parting.sentences()]
        return [*lines, self.note] if self.note else lines

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        plain: dict[str, Any] = plain_json(
            {
                "question": "whatif",
                "scenario": self.scenario,
                "title": self.title,
                "as_of": self.as_of,
                "horizon_days": self.horizon_days,
                "by": self.by,
                "engine": self.engine,
                "times": self.times,
                "draws": self.over_priors,
                "variants": {name: _effect_data(e) for name, e in self.effects.items()},
                "note": self.note,
                "sentences": self.sentences(),
                "provenance": self.provenance,
            }
        )
        return plain


def _effect_data(effect: Effect) -> dict[str, Any]:
    arrays = ("before", "after", "change", "low", "high")
    return {
        "changes": list(effect.changes),
        "measures": {
            key: {"label": d.measure.label} | {name: getattr(d, name) for name in arrays}
            for key, d in effect.differences.items()
        },
        "flips": effect.flips.to_dict() if effect.flips else None,
        "partings": [parting.to_dict() for parting in effect.partings],
        "without_effect": effect.without_effect,
    }


# -------------------------------------------------------------------- asking


@in_transition
def compare(
    scenario: Scenario,
    variants: Mapping[str, Variant],
    *,
    engine: Engine = "exact",
    measures: str | Iterable[str] | None = None,
    runs: int | None = None,
    draws: int = 0,
    seed: int = 0,
    times: int | Iterable[float] = 60,
    horizon: float | None = None,
    ignore_windows: bool = False,
    threads: int | None = None,
    cap: int = CAP,
    examples: int = 1,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Comparison:
    """Compare a scenario with variants of it: {name: interventions, a view, {assumption: value}, or several of these}.

    `runs` pairs of replicates (default: 100,000; beside an exact answer 10,000, for the flips only, 0 for none) share
    their dice. `draws` > 0 compares over the priors, each draw in both worlds. `examples` is the number of histories
    told for each of the two commonest flips. `measures` default to all endings, questions, rungs and expected moves.
    The horizon is always the last report time.

    Raises ScenarioError for what does not fit the scenario, ValueError for no variant, TooManyStates, Cancelled.
    """
    if not variants:
        raise ValueError("nothing to compare with; expected at least one variant")
    base = scenario if horizon is None else scenario.replace(horizon_days=float(horizon))
    worlds = {"": base} | {name: variant_of(base, spec) for name, spec in variants.items()}
    chosen = tuple(every(base, ("ending", "question", "rung", "moves"))) if measures is None else find(base, measures)
    pairs = (EXACT_PAIRS if engine == "exact" else PAIRS) if runs is None else runs
    if pairs < 1 and engine == "montecarlo":
        raise ScenarioError(Problem("", 0, "runs", f"{pairs} pairs of histories", "expected at least 1 by Monte Carlo"))
    if 0 < pairs < draws:
        raise ValueError(f"{pairs:,} pairs cannot be shared out over {draws:,} draws; expected at least one for each")
    ask = _Asking(base, worlds, chosen, pairs, draws, seed, times, ignore_windows, threads, examples, cancel)
    report = _shares(progress, len(worlds), engine == "exact" and pairs > 0)
    exact = ask.exact(cap, report) if engine == "exact" else {}
    effects = ask.paired(report) if pairs > 0 or engine == "montecarlo" else {}
    effects = {name: _joined(name, exact.get(name), effects.get(name)) for name in variants}
    effects = {
        name: dataclasses.replace(e, changes=describe(base, worlds[name]), bookings=bookings(base, worlds[name]))
        for name, e in effects.items()
    }
    return Comparison(
        base.id,
        base.title,
        base.as_of,
        base.horizon_days,
        base.by_date(base.horizon_days),
        engine,
        ask.times,
        draws,
        chosen,
        effects,
        COUNTERFACTUAL if any(_acts(base, world) for world in worlds.values()) else "",
        provenance(
            base,
            engine=engine,
            runs=pairs,
            draws=draws,
            seed=seed,
            variants={name: worlds[name].sha256 for name in variants},
        ),
    )


def cumulative(variants: Mapping[str, Variant]) -> dict[str, Variant]:
    """Return variants that pile up: the first, then the first and the second, each named after the last one added."""
    names = list(variants)
    return {name: [variants[earlier] for earlier in names[: place + 1]] for place, name in enumerate(names)}


def _acts(base: Scenario, world: Scenario) -> bool:
    return any(not isinstance(item, Pin | Assume) for item in world.interventions[len(base.interventions) :])


def _joined(name: str, exact: Effect | None, paired: Effect | None) -> Effect:
    """Return the exact differences with the flips of the paired replicates, or whichever there is."""
    if exact is None or paired is None:
        found = exact or paired
        assert found is not None, name
        return found
    return dataclasses.replace(paired, differences=exact.differences, without_effect=exact.without_effect)


def _shares(progress: Progress | None, worlds: int, both: bool) -> Callable[[int], Progress | None]:
    """Return a function giving the progress of the n-th part of the work, of `worlds` or twice as many parts."""
    parts = worlds * (2 if both else 1)

    def of(number: int) -> Progress | None:
        return None if progress is None else lambda share: progress((number + share) / parts)

    return of


@dataclass
class _Asking:
    """One comparison under way."""

    base: Scenario
    worlds: Mapping[str, Scenario]
    measures: tuple[Measure, ...]
    pairs: int
    draws: int
    seed: int
    grid: int | Iterable[float]
    ignore_windows: bool
    threads: int | None
    examples: int
    cancel: Cancel | None

    def __post_init__(self) -> None:
        from simlib.machine.tables import grid

        if not isinstance(self.grid, int):  # endings flip by the horizon, so that it is always looked at
            days = grid(self.base.horizon_days, self.grid)
            self.grid = days if days[-1] == self.base.horizon_days else [*days, self.base.horizon_days]
        self.times = grid(self.base.horizon_days, self.grid)
        self.scores = priors.scores(self.base, self.draws, seed=self.seed) if self.draws else None
        self.done = 0
        self.endings: dict[str, Floats] = {}

    def frame(self) -> dict[str, Any]:
        return {"times": self.grid, "horizon": self.base.horizon_days, "ignore_windows": self.ignore_windows}

    def values(self, world: Scenario) -> tuple[Floats | None, Floats]:
        """Return the draws (D, A) of a world, each from the same scores as in every other world, and its centre."""
        centre = priors.theta(world)
        return (None if self.scores is None else priors.values_from_scores(world, self.scores)), centre

    # ---------------------------------------------------------------- exactly

    def exact(self, cap: int, report: Callable[[int], Progress | None]) -> dict[str, Effect]:
        solved = {}
        for name, world in self.worlds.items():
            solved[name] = self._solve(name, world, cap, report(self.done))
            self.done += 1
        before, _ = solved.pop("")
        result = {}
        for name, (after, idle) in solved.items():
            differences = {
                m.name: self._exact_difference(place, m, before, after) for place, m in enumerate(self.measures)
            }
            result[name] = Effect(name, (), differences, None, (), idle)
        return result

    def _solve(
        self, name: str, world: Scenario, cap: int, report: Progress | None
    ) -> tuple[Floats, dict[str, float | None]]:
        """Return (value, low, high) of the measures at each draw (D, T, M, 3), and what had no effect how often.

        Keeps the probabilities of all endings at the horizon beside.
        """
        thetas, centre = self.values(world)
        solver = Solver(world, cap=cap, threads=self.threads or 2, cancel=self.cancel, **self.frame())
        rows: list[Any] = [None] if thetas is None else list(thetas)
        answers, ends = [], []
        for number, theta in enumerate(rows):
            forecast = solver.solve(theta, centre=None if thetas is None else centre, cancel=self.cancel)
            ends.append([float(band.probability[-1]) for band in forecast.endings.values()])
            answers.append(np.stack([np.stack(of_forecast(forecast, m), axis=-1) for m in self.measures], axis=1))
            if report:
                report((number + 1) / len(rows))
        self.endings[name] = np.mean(ends, axis=0)
        idle = {
            intervention_in_words(item, world): line["without_effect"]
            for item, line in zip(world.interventions, forecast.interventions, strict=True)
            if isinstance(item, Force | Pin)
        }
        return np.stack(answers), idle if thetas is None else {}

    def _exact_difference(self, place: int, measure: Measure, before: Floats, after: Floats) -> Difference:
        one, other = before[:, :, place], after[:, :, place]
        if self.draws:
            change, low, high = pairing.by_blocks(other[..., 0] - one[..., 0], measure.probability)
        else:
            change = other[0, :, 0] - one[0, :, 0]
            low, high = other[0, :, 1] - one[0, :, 2], other[0, :, 2] - one[0, :, 1]
        return Difference(measure, one[..., 0].mean(axis=0), other[..., 0].mean(axis=0), change, low, high)

    # ---------------------------------------------------------------- with the same dice

    def paired(self, report: Callable[[int], Progress | None]) -> dict[str, Effect]:
        try:
            return self._paired(report)
        except MissingDependency:
            if self.done:  # the exact answer stands without its flips
                return {}
            raise

    def _paired(self, report: Callable[[int], Progress | None]) -> dict[str, Effect]:
        from simlib.engines.montecarlo.simulator import Simulator

        played: dict[str, tuple[Simulator, World]] = {}
        for name, world in self.worlds.items():
            thetas, centre = self.values(world)
            simulator = Simulator(world, **self.frame())
            played[name] = (
                simulator,
                pairing.run_world(
                    simulator,
                    self.measures,
                    thetas=thetas,
                    centre=centre,
                    runs=self.pairs,
                    seed=self.seed,
                    threads=self.threads,
                    progress=report(self.done),
                    cancel=self.cancel,
                ),
            )
            self.done += 1
        first = played.pop("")
        return {name: self._effect(name, first, other) for name, other in played.items()}

    def _effect(self, name: str, first: tuple[Any, World], second: tuple[Any, World]) -> Effect:
        (simulator, before), (other, after) = first, second
        differences = {}
        for place, measure in enumerate(self.measures):
            change, low, high = pairing.difference(
                before,
                after,
                measure,
                self.times,
                place=place,
                column=measure.column(self.base),
                by_draw=self.draws > 0,
            )
            one, two = (world.mean(place, by_draw=self.draws > 0) for world in (before, after))
            differences[measure.name] = Difference(measure, one, two, change, low, high)
        told = () if self.draws else self._partings(name, first, second)
        idle = {} if self.draws else after.without_effect(other)
        return Effect(name, (), differences, self._flips(name, before, after, simulator), told, idle)

    def _flips(self, name: str, before: World, after: World, simulator: Any) -> Flips:
        found = pairing.flips(before, after, simulator, by_draw=self.draws > 0)
        if name not in self.endings:
            return found
        return dataclasses.replace(found, forecasts=np.stack([self.endings[""], self.endings[name]]))

    def _partings(self, name: str, first: tuple[Any, World], second: tuple[Any, World]) -> tuple[Parting, ...]:
        from simlib.engines.montecarlo.replay import histories

        (simulator, before), (other, after) = first, second
        chosen = pairing.typical_flips(before, after, self.examples)
        if not len(chosen):
            return ()
        one, two = (histories(each, chosen, seed=self.seed) for each in (simulator, other))
        return tuple(part(one, two, int(replicate), name) for replicate in chosen)
