"""Scenario discovery: assumptions under which an outcome is likely, as boxes and a tree.

Scenario discovery follows Lempert, Groves, Popper & Bankes (2006) and Bryant & Lempert (2010). The assumptions are
drawn from their priors, and each draw is forecast. Draws in which the measure reaches a threshold are the cases of
interest. The patient rule induction method (PRIM; Friedman and Fisher 1999) then peels thin slices off the space of
assumptions. Each time it removes the slice that leaves the highest share of cases of interest. At the end it pastes
back slices whose removal went too far. A box is described by the bounds that matter:

- *coverage*: the share of all cases of interest that lie in the box.
- *density*: the share of the draws in the box that are cases of interest.
- a *quasi-p-value* for each bound: how easily chance alone would give the same gain in density.

Slices are cut by the ranks of the draws and not by their values, so the unit and scale of an assumption do not matter.
Draws may have weights: then every share, mean, quantile and rank is weighted, and a quasi-p-value counts the effective
number of draws in the box.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.discovery.prim import RawBox, RawLeaf, find_boxes, grow
from simlib.analysis.evaluator import Responses
from simlib.answer import Answer, pick, provenance
from simlib.control import UNWATCHED, Control
from simlib.errors import SimlibError
from simlib.formatting import counted, percent
from simlib.machine import measures
from simlib.machine.belief import Belief, belief_of, quantiles
from simlib.machine.measures import By, days_by
from simlib.quantities import show
from simlib.typing import Bools, Engine, Floats

if TYPE_CHECKING:
    import pandas as pd

    from simlib.scenario.model import Scenario

__all__ = ["Bound", "Box", "Discovery", "Leaf", "discover", "tightest"]

BOXES, DEPTH = 2, 2
"""The number of boxes to find, and the depth of the tree."""

SAME = 1e-9
"""Answers count as the same if they differ by less than this, relative to the largest."""

MUCH_NOISE = 1 / 3
"""A larger share of noise in the spread gives a warning. A third of the spread is a ninth of the variance."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The bounds of a box on one assumption (base units, None for no bound)."""

    assumption: str
    low: float | None
    high: float | None
    p_value: float


@dataclass(frozen=True, slots=True)
class Box:
    """A region of assumption values in which many draws are cases of interest.

    `coverage` is the share of all cases of interest that lie in the box. `density` is the share of the draws in the box
    that are cases of interest. `mass` is the share of all draws that lie in the box.
    """

    bounds: tuple[Bound, ...]
    coverage: float
    density: float
    mass: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        bounds = [{"assumption": b.assumption, "low": b.low, "high": b.high, "p_value": b.p_value} for b in self.bounds]
        return {"coverage": self.coverage, "density": self.density, "mass": self.mass, "bounds": bounds}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf of the tree: a region of assumption values, and the answers in it.

    A condition is (assumption, at_least, value): the assumption is at least `value` if `at_least` is true, and below it
    otherwise. `mass` is the share of all draws in the leaf, `mean` the mean of the measure there, and `density` the
    share of cases of interest.
    """

    conditions: tuple[tuple[str, bool, float], ...]
    mass: float
    mean: float
    density: float


def tightest(conditions: Sequence[tuple[str, bool, float]]) -> list[tuple[str, bool, float]]:
    """Return the conditions of a leaf without the redundant ones.

    A condition is redundant if a stricter condition on the same assumption implies it.
    """
    cuts: dict[tuple[str, bool], float] = {}
    for name, at_least, value in conditions:
        old = cuts.get((name, at_least), value)
        cuts[name, at_least] = max(old, value) if at_least else min(old, value)
    return [(name, at_least, value) for (name, at_least), value in cuts.items()]


def _both_sides(conditions: Sequence[tuple[str, bool, float]]) -> list[tuple[str, float | None, float | None]]:
    """Return (assumption, low, high) for each assumption in the conditions (None: no bound)."""
    sides: dict[str, list[float | None]] = {}
    for name, at_least, value in tightest(conditions):
        sides.setdefault(name, [None, None])[0 if at_least else 1] = value
    return [(name, low, high) for name, (low, high) in sides.items()]


@dataclass(frozen=True)
class Discovery(Answer):
    """Boxes and a tree for one measure over draws of the assumptions.

    `theta` (D, A) and `weights` (D,) are the draws, and `answers` (D,) the measure at each draw. `trajectory` is the
    series of boxes in the first search: it begins with all draws, and each peel takes a thin slice off. `noise` is the
    Monte Carlo standard deviation of an answer, 0 when exact. `upper_quarter` says whether the threshold is the upper
    quartile of the answers.
    """

    kind: ClassVar[str] = "discover"

    scenario: Scenario
    by: dt.date
    by_day: float
    measure: measures.Measure
    threshold: float
    upper_quarter: bool
    theta: Floats
    weights: Floats
    answers: Floats
    noise: float
    boxes: tuple[Box, ...]
    leaves: tuple[Leaf, ...]
    trajectory: tuple[Box, ...]
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question, with its date."""
        likely = f"at least {self._value(self.threshold)} by {self.by_words}"
        return f"Under which assumptions is {self.measure.words} {likely}?"

    @property
    def constant(self) -> bool:
        """Whether every draw has the same answer."""
        return bool(np.ptp(self.answers) <= SAME * float(np.abs(self.answers).max()))

    @property
    def base_rate(self) -> float:
        """Share of all draws that are cases of interest."""
        return float(np.average(self.answers >= self.threshold, weights=self.weights))

    def frame(self) -> pd.DataFrame:
        """Return one row per bound of each box, with coverage, density and p_value."""
        import pandas as pd

        names = ["box", "assumption", "label", "low", "high", "coverage", "density", "p_value"]
        label = {a.id: a.label for a in self.scenario.assumptions.values()}
        rows = [
            (number, b.assumption, label[b.assumption], b.low, b.high, box.coverage, box.density, b.p_value)
            for number, box in enumerate(self.boxes, start=1)
            for b in box.bounds
        ]
        return pd.DataFrame(rows, columns=names)

    def sentences(self) -> list[str]:
        """Describe the boxes and the tree."""
        return list(self._sentences())

    def _sentences(self) -> Iterator[str]:
        by = self.by_words
        if self.constant:
            what = f"{self.measure.words} is at {self._value(float(self.answers[0]))} by {by}"
            where = f"in every one of {counted(len(self.answers), 'draw')} of the assumptions"
            yield f"{what[0].upper()}{what[1:]} {where}: it is the same everywhere, so there is nothing to discover."
            return
        belief = self.provenance["belief"]
        over = "Over the priors" if belief == "prior" else f"Over the belief “{belief}”"
        what = f"{self.measure.words} reaches {self._value(self.threshold)} by {by}"
        for place, box in enumerate(self.boxes):
            where = " and ".join(self._where(b.assumption, b.low, b.high) for b in box.bounds)
            yield (
                f"{'It does so' if place else what} in {percent(box.density)} of the draws where {where}: "
                f"this region holds {percent(box.coverage)} of all such draws, and {percent(box.mass)} of all draws."
            )
        if not self.boxes:
            yield f"No region of the assumptions stands out where {what}."
        whole = f"in {percent(self.base_rate)} of all draws{self._upper_quarter()}"
        yield f"{over}, {'it does so' if self.boxes else what} {whole}."
        for leaf in self.leaves:
            where = " and ".join(self._where(*sides) for sides in _both_sides(leaf.conditions))
            if where:
                yield f"Where {where}, it is {self._value(leaf.mean)} on average ({percent(leaf.mass)} of the draws)."
        yield from self._about_noise()

    def _value(self, value: float) -> str:
        return percent(value) if self.measure.probability else f"{value:.2g}"

    def _where(self, name: str, low: float | None, high: float | None) -> str:
        a = self.scenario.assumptions[name]
        least, most = ("" if value is None else show(value, a.kind, a.unit) for value in (low, high))
        if least and most:
            return f"“{a.label}” is between {least} and {most}"
        return f"“{a.label}” is {f'at least {least}' if least else f'at most {most}'}"

    def _upper_quarter(self) -> str:
        """Say that the threshold is the upper quartile, and mention ties ("": it was chosen)."""
        if not self.upper_quarter:
            return ""
        ties = int(np.sum(self.answers == self.threshold))
        same = f"; {counted(ties, 'draw')} have exactly this answer" if ties > 1 else ""
        return f" (the threshold is where the upper quarter of the draws begins{same})"

    def _about_noise(self) -> Iterator[str]:
        if not self.noise:
            return
        spread = _deviation(self.answers, self.weights)
        size, of = (f"{100 * x:.2g}" if self.measure.probability else f"{x:.2g}" for x in (self.noise, spread))
        unit = " points" if self.measure.probability else ""
        yield (
            f"Each draw is answered by {self.provenance['runs']:,} simulated histories, so an answer may be off by "
            f"{size}{unit} (one standard deviation). The answers spread by {of}{unit}."
        )
        if self.noise > MUCH_NOISE * spread:
            yield "Much of the difference between draws is Monte Carlo noise, so take more runs."

    def data(self) -> dict[str, Any]:
        """Return the threshold, the boxes and the tree."""
        numbers = pick(self, "threshold", "upper_quarter", "base_rate", "noise")
        tree = [dataclasses.asdict(leaf) for leaf in self.leaves]
        return {"measure": self.measure.name} | numbers | {"boxes": [box.to_dict() for box in self.boxes], "tree": tree}


def discover(
    scenario: Scenario,
    measure: str,
    *,
    threshold: float | None = None,
    by: By = None,
    engine: Engine = "auto",
    draws: int | Belief = 1000,
    runs: int = 1000,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Discovery:
    """Find assumption values at which a measure is at least `threshold`, as boxes and a tree.

    If every draw has the same answer, there is nothing to discover, and `sentences` says so. If `draws` is a belief,
    every share and every quantile uses the weights of its draws.

    Args:
        scenario: The scenario, with its interventions.
        measure: The name of a measure ("ending:ID", ...).
        threshold: A draw is a case of interest if the measure is at least this. Default: the upper quartile over the
            draws.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: Which engine answers.
        draws: Draws of the prior, or a belief.
        runs: Replicates of each draw by Monte Carlo, rounded up to a multiple of eight.
        seed: Seed of the draws and of the random numbers.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ScenarioError: For an unknown measure or a target outside the forecast.
        Unsupported: For a belief about another scenario or date.
        SimlibError: When every draw, or no draw at all, is a case of interest.
        TooManyStates: For "exact", when there are too many states.
        Cancelled: When `control` cancels the work.
    """
    (sought,), day = measures.find(scenario, measure), days_by(scenario, by)
    belief = belief_of(scenario, draws, seed=seed)
    theta, weights = belief.theta, belief.weights / belief.weights.max()
    responses = Responses(scenario, [sought], engine=engine, rows=belief.draws, by=day, runs=runs, seed=seed)
    blocks = responses(theta, belief.start, control=control)[:, :, 0]
    answers = blocks.mean(axis=1)
    cut = float(quantiles(answers, (0.75,), weights)[0]) if threshold is None else float(threshold)
    drawn = pick(responses, "engine") | {"draws": belief.draws, "belief": belief.name}
    source = provenance(scenario, seed=seed, runs=responses.runs or None, **drawn)
    asked, noise = (scenario, scenario.by_date(day), day, sought, cut, threshold is None), _noise(blocks, weights)
    result = Discovery(*asked, theta, weights, answers, noise, (), (), (), source)
    return result if result.constant else _with_regions(result)


def _with_regions(bare: Discovery) -> Discovery:
    """Add boxes and a tree. Raises SimlibError if every draw, or none, is a case of interest."""
    answers, weights, sought = bare.answers, bare.weights, bare.measure
    interesting = answers >= bare.threshold
    if interesting.all() or not interesting.any():
        raise SimlibError(
            f"{sought.words} is {'never' if not interesting.any() else 'always'} at least "
            f"{_threshold(sought, bare.threshold)} in {counted(len(answers), 'draw')} (from "
            f"{sought.write(answers.min())} to {sought.write(answers.max())}); choose a threshold in between"
        )
    every = bare.scenario.assumptions
    free = [column for column, a in enumerate(every.values()) if not a.fixed]
    names, values = [list(every)[column] for column in free], bare.theta[:, free]
    ranks = _ranks(values, weights)
    boxes, trajectory = (
        tuple(_box(raw, names, values, interesting, weights) for raw in some)
        for some in find_boxes(ranks, interesting, weights, count=BOXES)
    )
    leaves = tuple(_leaf(raw, names, values, bare) for raw in grow(ranks, answers, DEPTH, weights))
    return dataclasses.replace(bare, boxes=tuple(b for b in boxes if b.bounds), leaves=leaves, trajectory=trajectory)


def _threshold(sought: measures.Measure, cut: float) -> str:
    return f"{100 * cut:.3g}%" if sought.probability else f"{cut:.3g}"


def _noise(blocks: Floats, weights: Floats) -> float:
    """Return the Monte Carlo standard deviation of an answer from blocks (D, K), 0 when exact."""
    count = blocks.shape[1]
    if count == 1:
        return 0.0
    return float(np.sqrt(np.average(blocks.var(axis=1, ddof=1), weights=weights) / count))


def _deviation(answers: Floats, weights: Floats) -> float:
    apart = answers - np.average(answers, weights=weights)
    return float(np.sqrt(np.average(apart**2, weights=weights)))


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Return weighted ranks in (0, 1) of the values in each column. Ties have the same rank."""
    ranks = np.empty_like(values)
    for column, own in enumerate(values.T):
        _, place = np.unique(own, return_inverse=True)
        mass = np.bincount(place, weights)
        ranks[:, column] = ((np.cumsum(mass) - mass / 2) / weights.sum())[place]
    return ranks


def _box(raw: RawBox, names: Sequence[str], values: Floats, interesting: Bools, weights: Floats) -> Box:
    """Turn a box of ranks into bounds on the values of the assumptions.

    Its bounds are the values of the outermost draws in it. Its coverage and density count all draws within these
    bounds, including those in an earlier box.
    """
    bounds, members = [], np.ones(len(values), dtype=bool)
    for dimension, name in enumerate(names):
        low, high = np.isfinite(raw.low[dimension]), np.isfinite(raw.high[dimension])
        if low or high:
            own = values[raw.members, dimension]
            bounds.append(
                Bound(
                    name,
                    float(own.min()) if low else None,
                    float(own.max()) if high else None,
                    float(raw.p_values[:, dimension].max()),
                )
            )
            column = values[:, dimension]
            members &= ((column >= own.min()) | ~low) & ((column <= own.max()) | ~high)
    hits, mass = float(weights[members & interesting].sum()), float(weights[members].sum())
    bounds.sort(key=lambda bound: bound.p_value)
    return Box(tuple(bounds), hits / float(weights[interesting].sum()), hits / mass, mass / float(weights.sum()))


def _leaf(raw: RawLeaf, names: Sequence[str], values: Floats, bare: Discovery) -> Leaf:
    conditions = tuple(
        (names[dimension], above, float(quantiles(values[:, dimension], (cut,), bare.weights)[0]))
        for dimension, above, cut in raw.conditions
    )
    own, weights = bare.answers[raw.members], bare.weights[raw.members]
    mean, density = (float(np.average(x, weights=weights)) for x in (own, own >= bare.threshold))
    return Leaf(conditions, float(weights.sum() / bare.weights.sum()), mean, density)
