"""Scenario discovery: assumptions under which an outcome is likely, as boxes and a tree.

The method follows Lempert, Groves, Popper & Bankes (2006) and Bryant & Lempert (2010). The assumptions are drawn from
their priors, and each draw is forecast. Draws in which the measure reaches a threshold are the *cases of interest*. The
patient rule induction method (PRIM; Friedman and Fisher 1999) begins with all draws and peels off thin slices. It
always removes the slice that leaves the highest share of cases of interest. At the end it moves bounds out again where
too much was removed. The result is a *box*: a region of assumption values, given by bounds on some assumptions.

- The *coverage* of a box is the share of all cases of interest that lie in the box.
- The *density* of a box is the share of its draws that are cases of interest.
- The *quasi-p-value* of a bound says how easily chance alone would give the gain in density that the bound brings.

Coverage and density are counted in the draws in which the box was found, so both are usually a little too high. In
fresh draws of fictional worlds, coverage and density were lower by 1 to 4 points for boxes found in 1,000 draws, and by
1 to 14 points for boxes found in 100 draws. The share of all draws that lie in the box has no such bias.

A regression tree divides the same draws into a few regions (leaves), so that the measure differs most between regions.

Slices are cut by the ranks of the draws and not by their values, so the unit and scale of an assumption do not matter.
If draws have weights, every share, mean, quantile and rank is weighted. A quasi-p-value then counts the effective
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
from simlib.engine_choice import Engine
from simlib.errors import SimlibError
from simlib.formatting import capital, counted, over_draws, percent, quoted
from simlib.machine import measures
from simlib.machine.belief import Belief, belief_of, quantiles
from simlib.machine.measures import By, days_by
from simlib.quantities import show
from simlib.scenario.model import Scenario
from simlib.typing import Bools, Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Bound", "Box", "Discovery", "Leaf", "discover", "tightest"]

BOXES, DEPTH = 2, 2
"""The number of boxes to find, and the depth of the tree."""

SAME = 1e-9
"""All answers count as equal if they differ by at most this share of the largest."""

MUCH_NOISE = 1 / 3
"""If noise is a larger share of the standard deviation of the answers, the sentences give a warning.

A third of the standard deviation is a ninth of the variance.
"""


@dataclass(frozen=True, slots=True)
class Bound:
    """The bounds of a box on one assumption.

    low, high: the bounds, in base units. None: no bound.
    p_value: the quasi-p-value, which says how easily chance alone would explain these bounds.
    """

    assumption: str
    low: float | None
    high: float | None
    p_value: float


@dataclass(frozen=True, slots=True)
class Box:
    """A region of assumption values in which many draws are cases of interest.

    A draw is a case of interest if the measure reaches the threshold.

    bounds: the bounds of the region. The bounds that chance explains least come first.
    coverage: the share of all cases of interest that lie in the box.
    density: the share of the draws in the box that are cases of interest.
    mass: the share of all draws that lie in the box.
    """

    bounds: tuple[Bound, ...]
    coverage: float
    density: float
    mass: float

    def to_dict(self) -> dict[str, Any]:
        """Return the box as plain JSON data."""
        bounds = [dataclasses.asdict(bound) for bound in self.bounds]
        return pick(self, "coverage", "density", "mass") | {"bounds": bounds}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf of the regression tree: a region of assumption values, and the answers in it.

    conditions: triples (assumption, at_least, value). The assumption is at least `value` if `at_least` is true, else
    it is below `value`.
    mass: the share of all draws that lie in the leaf.
    mean: the mean of the measure over these draws.
    density: the share of these draws in which the measure reaches the threshold.
    """

    conditions: tuple[tuple[str, bool, float], ...]
    mass: float
    mean: float
    density: float


def tightest(conditions: Sequence[tuple[str, bool, float]]) -> list[tuple[str, bool, float]]:
    """Return the conditions of a leaf without those that a stricter condition implies.

    A condition is (assumption, at_least, value): the assumption is at least `value` if `at_least` is true, else it is
        below `value`.
    """
    cuts: dict[tuple[str, bool], float] = {}
    for name, at_least, value in conditions:
        old = cuts.get((name, at_least), value)
        cuts[name, at_least] = max(old, value) if at_least else min(old, value)
    return [(name, at_least, value) for (name, at_least), value in cuts.items()]


def _both_sides(conditions: Sequence[tuple[str, bool, float]]) -> list[tuple[str, float | None, float | None]]:
    """Return the tightest bounds by assumption, as (assumption, low, high) (None: no bound)."""
    sides: dict[str, list[float | None]] = {}
    for name, at_least, value in tightest(conditions):
        sides.setdefault(name, [None, None])[0 if at_least else 1] = value
    return [(name, low, high) for name, (low, high) in sides.items()]


@dataclass(frozen=True)
class Discovery(Answer):
    """Regions of assumption values in which a measure often reaches a threshold.

    The regions come from D draws of A assumptions.

    threshold: a draw is a case of interest if the measure is at least this number.
    upper_quarter: whether the threshold is the upper quartile of the answers.
    theta (D, A): the assumption values of each draw, in base units.
    weights (D,): the weights of the draws, 1 for the largest.
    answers (D,): the measure at each draw.
    noise: the Monte Carlo standard deviation of an answer, 0 when exact.
    boxes: the regions in which cases of interest are dense.
    leaves: the regions of the regression tree, the highest mean answer first.
    trajectory: the boxes of the first search. The first box has all draws, and each later box lacks one more slice.
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
        """The question that is answered, in one sentence with its date."""
        likely = f"at least {self._value(self.threshold)} by {self.by_words}"
        return f"Under which assumptions is {self.measure.words} {likely}?"

    @property
    def constant(self) -> bool:
        """Whether every draw has the same answer."""
        return bool(np.ptp(self.answers) <= SAME * float(np.abs(self.answers).max()))

    @property
    def base_rate(self) -> float:
        """The share of all draws in which the measure reaches the threshold."""
        return float(np.average(self.answers >= self.threshold, weights=self.weights))

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for each box and each assumption that the box bounds.

        Boxes are numbered from 1.
        """
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
        """Describe the boxes (regions of assumption values) and the leaves of the regression tree."""
        return list(self._sentences())

    def _sentences(self) -> Iterator[str]:
        by = self.by_words
        if self.constant:
            what = f"{self.measure.words} is at {self._value(float(self.answers[0]))} by {by}"
            where = f"in every one of {counted(len(self.answers), 'draw')} of the assumptions"
            yield f"{capital(what)} {where}: the answer is the same everywhere, so there is nothing to discover."
            return
        over = over_draws(self.provenance)
        what = f"{self.measure.words} reaches {self._value(self.threshold)} by {by}"
        for place, box in enumerate(self.boxes):
            where = " and ".join(self._where(b.assumption, b.low, b.high) for b in box.bounds)
            yield (
                f"{'It does so' if place else what} in {percent(box.density)} of the draws where {where}: "
                f"this region holds {percent(box.coverage)} of the draws that do so, "
                f"and {percent(box.mass)} of all draws."
            )
        if self.boxes:
            first = "The first two shares of a region are counted in the draws in which it was found."
            yield f"{first} New draws usually give a little less."
        else:
            yield f"No region of the assumptions stands out as one where {what}."
        whole = f"in {percent(self.base_rate)} of all draws{self._upper_quarter()}"
        yield f"{capital(over)}, {what} {whole}."
        for leaf in self.leaves:
            where = " and ".join(self._where(*sides) for sides in _both_sides(leaf.conditions))
            if where:
                mean = self._value(leaf.mean)
                yield f"Where {where}, the answer is {mean} on average ({percent(leaf.mass)} of the draws)."
        yield from self._about_noise()

    def _value(self, value: float) -> str:
        return percent(value) if self.measure.probability else f"{value:.2g}"

    def _where(self, name: str, low: float | None, high: float | None) -> str:
        a = self.scenario.assumptions[name]
        least, most = ("" if value is None else show(value, a.kind, a.unit) for value in (low, high))
        if least and most:
            return f"{quoted(a.label)} is between {least} and {most}"
        return f"{quoted(a.label)} is {f'at least {least}' if least else f'at most {most}'}"

    def _upper_quarter(self) -> str:
        """Return a remark that the threshold is the upper quartile, or "" for another threshold."""
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
            f"{size}{unit} (one standard deviation). The standard deviation of the answers is {of}{unit}."
        )
        if self.noise > MUCH_NOISE * spread:
            yield "Much of the difference between draws is Monte Carlo noise, so take more runs."

    def data(self) -> dict[str, Any]:
        """Return the threshold, the boxes and the leaves of the tree as plain data."""
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

    A box is a region given by bounds on some assumptions. The tree is a regression tree. If every draw has the same
    answer, there is nothing to discover. The result then has no boxes, and its sentences say so.

    Args:
        scenario: The scenario, with its interventions.
        measure: The name of a measure, such as "ending:ID".
        threshold: A draw is a case of interest if the measure is at least this number. Default: the upper
            quartile over the draws.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: The engine: "exact", "montecarlo", or "auto".
        draws: A number of draws (sets of assumption values) of the prior, or a belief (weighted draws). The weights of
            a belief enter every share and quantile.
        runs: Monte Carlo replicates for each draw, rounded up to a multiple of eight.
        seed: Seed of the draws and of the random numbers.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ScenarioError: For an unknown measure or a target outside the forecast.
        Unsupported: For a belief about another scenario or date, and for "exact" if the measure depends on whole
            histories.
        SimlibError: When the answers differ, but all of them reach the threshold, or none does.
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
    """Return the discovery with its boxes and its tree.

    Raises SimlibError if every draw reaches the threshold, or if none does.
    """
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
    """Return the standard deviation of the Monte Carlo noise in the answer at a typical draw.

    `blocks` (D, K) has the answers at D draws, in K blocks of replicates. A single block is exact and has no noise.
    """
    count = blocks.shape[1]
    if count == 1:
        return 0.0
    return float(np.sqrt(np.average(blocks.var(axis=1, ddof=1), weights=weights) / count))


def _deviation(answers: Floats, weights: Floats) -> float:
    apart = answers - np.average(answers, weights=weights)
    return float(np.sqrt(np.average(apart**2, weights=weights)))


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Return each value's weighted rank in its column, between 0 and 1, the same for ties."""
    ranks = np.empty_like(values)
    for column, own in enumerate(values.T):
        _, place = np.unique(own, return_inverse=True)
        mass = np.bincount(place, weights)
        ranks[:, column] = ((np.cumsum(mass) - mass / 2) / weights.sum())[place]
    return ranks


def _box(raw: RawBox, names: Sequence[str], values: Floats, interesting: Bools, weights: Floats) -> Box:
    """Turn a box whose bounds are ranks into a box whose bounds are assumption values.

    Each bound is the value of the outermost draw in the box. Coverage and density count all draws within these bounds,
    including draws that also lie in an earlier box.
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
