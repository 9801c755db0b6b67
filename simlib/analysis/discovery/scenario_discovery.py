"""Under which assumptions? Where in the priors an outcome of interest is likely, as boxes and as a shallow tree.

Scenario discovery (Lempert, Groves, Popper & Bankes 2006; Bryant & Lempert 2010): the assumptions are drawn from their
priors, each draw is forecast, and the draws in which the measure is at least a threshold are the cases of interest.
The patient rule induction method (PRIM; Friedman & Fisher 1999) peels thin slices off the space of assumptions, each
time the slice whose removal leaves the highest share of cases of interest, and then pastes back what peeling took too
much of. A box is told by the bounds that matter:

- *coverage*: the share of all cases of interest that lie in the box;
- *density*: the share of the draws in the box that are cases of interest;
- a *quasi-p-value* for each bound: how easily chance alone would give the gain in density it brings.

Everything works on the normal scores of the assumptions, so that a step means the same for a rate and for a chance.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.analysis.discovery.prim import RawBox, RawLeaf, find_boxes, grow
from simlib.analysis.evaluator import Engine, Responses
from simlib.control import in_transition
from simlib.errors import SimlibError
from simlib.formatting import counted, long_date, percent
from simlib.machine import measures, priors
from simlib.quantities import show
from simlib.typing import Bools, Floats

if TYPE_CHECKING:
    import pandas as pd

    from simlib.scenario.model import Scenario

SAME = 1e-9
"""Answers that differ by less, relative to the largest, are the same."""

MUCH_NOISE = 1 / 3
"""Part of the spread of the answers above which their noise is warned of: a ninth of the variance."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One side of a box: an assumption at least `low` or at most `high` (base units; None: no bound)."""

    assumption: str
    low: float | None
    high: float | None
    p_value: float


@dataclass(frozen=True, slots=True)
class Box:
    """A region of the assumptions in which the cases of interest are dense."""

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
    """A leaf of the tree: conditions (assumption, at least?, value), draws in it, mean of the measure, density."""

    conditions: tuple[tuple[str, bool, float], ...]
    mass: float
    mean: float
    density: float


def tightest(conditions: Sequence[tuple[str, bool, float]]) -> list[tuple[str, bool, float]]:
    """Return the conditions of a leaf without those that another on the same assumption implies."""
    kept: dict[tuple[str, bool], float] = {}
    for name, at_least, value in conditions:
        old = kept.get((name, at_least), value)
        kept[name, at_least] = max(old, value) if at_least else min(old, value)
    return [(name, at_least, value) for (name, at_least), value in kept.items()]


def _both_sides(conditions: Sequence[tuple[str, bool, float]]) -> list[tuple[str, float | None, float | None]]:
    """Return (assumption, low, high) of a leaf, each assumption once; None where that side is open."""
    sides: dict[str, list[float | None]] = {}
    for name, at_least, value in tightest(conditions):
        sides.setdefault(name, [None, None])[0 if at_least else 1] = value
    return [(name, low, high) for name, (low, high) in sides.items()]


@dataclass(frozen=True)
class Discovery:
    """Boxes and a tree for one measure over draws of the assumptions.

    `trajectory` are the steps by which the first box was peeled, from all draws to the fewest.
    """

    scenario: Scenario
    measure: measures.Measure
    day: float
    threshold: float
    theta: Floats
    answers: Floats
    boxes: tuple[Box, ...]
    leaves: tuple[Leaf, ...]
    trajectory: tuple[Box, ...]
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def constant(self) -> bool:
        """Say whether every draw has the same answer."""
        return bool(np.ptp(self.answers) <= SAME * float(np.abs(self.answers).max()))

    @property
    def base_rate(self) -> float:
        """Share of all draws that are cases of interest."""
        return float(np.mean(self.answers >= self.threshold))

    def frame(self) -> pd.DataFrame:
        """Return one row per bound of each box: box, assumption, label, low, high, coverage, density, p_value."""
        import pandas as pd

        rows = [
            {
                "box": number,
                "assumption": b.assumption,
                "label": self.scenario.assumptions[b.assumption].label,
                "low": b.low,
                "high": b.high,
                "coverage": box.coverage,
                "density": box.density,
                "p_value": b.p_value,
            }
            for number, box in enumerate(self.boxes, start=1)
            for b in box.bounds
        ]
        return pd.DataFrame(
            rows, columns=["box", "assumption", "label", "low", "high", "coverage", "density", "p_value"]
        )

    def sentences(self) -> list[str]:
        """Tell the boxes and the tree in sentences."""
        by = long_date(self.scenario.by_date(self.day))
        if self.constant:
            what = f"{self.measure.words} is at {self._value(float(self.answers[0]))} by {by}"
            where = f"in every one of {counted(len(self.answers), 'draw')} of the assumptions"
            same = "it is the same everywhere, so there is nothing to discover"
            return [f"{what[0].upper()}{what[1:]} {where}: {same}."]
        what = f"{self.measure.words} reaches {self._value(self.threshold)} by {by}"
        told = [f"Over the priors, {what} in {percent(self.base_rate)} of the draws{self._upper_quarter()}."]
        told += self._about_noise()
        for box in self.boxes:
            where = " and ".join(self._where(b.assumption, b.low, b.high) for b in box.bounds)
            told.append(
                f"It does so in {percent(box.density)} of the draws where {where}: "
                f"this holds {percent(box.coverage)} of all such draws, and {percent(box.mass)} of all draws."
            )
        if not self.boxes:
            told.append("No region of the assumptions stands out.")
        for leaf in self.leaves:
            where = " and ".join(self._where(*sides) for sides in _both_sides(leaf.conditions))
            if where:
                told.append(
                    f"Where {where}, it is {self._value(leaf.mean)} on average ({percent(leaf.mass)} of the draws)."
                )
        return told

    def _value(self, value: float) -> str:
        return percent(value) if self.measure.probability else f"{value:.2g}"

    def _where(self, name: str, low: float | None, high: float | None) -> str:
        a = self.scenario.assumptions[name]
        least, most = ("" if value is None else show(value, a.kind, a.unit) for value in (low, high))
        if least and most:
            return f"“{a.label}” is between {least} and {most}"
        return f"“{a.label}” is {f'at least {least}' if least else f'at most {most}'}"

    def _upper_quarter(self) -> str:
        """Say that the threshold is the upper quarter, and why more draws than a quarter reach it."""
        if not self.details.get("upper_quarter"):
            return ""
        ties = int(np.sum(self.answers == self.threshold))
        same = f"; {counted(ties, 'draw')} have exactly this answer" if ties > 1 else ""
        return f" (the threshold is where the upper quarter of the draws begins{same})"

    def _about_noise(self) -> list[str]:
        """Say how much of the spread of the answers is the noise of few replicates, and warn where it is much."""
        noise, spread = self.details.get("noise"), float(np.std(self.answers))
        if not noise:
            return []
        size, of = (f"{100 * x:.2g}" if self.measure.probability else f"{x:.2g}" for x in (noise, spread))
        unit = " points" if self.measure.probability else ""
        each = counted(self.details["runs"], "history", "histories")
        told = (
            f"Each draw is answered by {each}: that leaves a noise of {size}{unit} (standard deviation) in answers "
            f"that spread by {of}{unit}"
        )
        much = noise > MUCH_NOISE * spread
        return [f"{told}; much of what tells draws apart is luck, so take more runs." if much else f"{told}."]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "scenario": self.scenario.id,
            "scenario_sha256": self.scenario.sha256,
            "measure": self.measure.name,
            "day": self.day,
            "threshold": self.threshold,
            "base_rate": self.base_rate,
            "boxes": [box.to_dict() for box in self.boxes],
            "tree": [
                {
                    "conditions": [list(c) for c in leaf.conditions],
                    "mass": leaf.mass,
                    "mean": leaf.mean,
                    "density": leaf.density,
                }
                for leaf in self.leaves
            ],
            **self.details,
        }


@in_transition
def discover(
    scenario: Scenario,
    measure: str,
    *,
    threshold: float | None = None,
    engine: Engine = "montecarlo",
    draws: int = 1000,
    runs: int = 1000,
    seed: int = 0,
    horizon: float | None = None,
    boxes: int = 2,
    depth: int = 2,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Discovery:
    """Return where over the priors a measure ("ending:ID", ...) by the horizon is at least `threshold`.

    The threshold defaults to the upper quartile of the measure over the draws. By Monte Carlo each draw is answered by
    at least `runs` replicates of the same dice, a multiple of eight. Where every draw has the same answer nothing is
    discovered, and `sentences` says so. Raises ScenarioError for unknown measures, SimlibError when no or every draw is
    a case of interest, Cancelled.
    """
    (asked,) = measures.find(scenario, measure)
    day = scenario.horizon_days if horizon is None else float(horizon)
    theta = priors.draws(scenario, draws, seed=seed)
    responses = Responses(scenario, [asked], engine=engine, rows=draws, day=day, runs=runs, seed=seed)
    blocks = responses(theta, progress=progress, cancel=cancel)[:, :, 0]
    answers = blocks.mean(axis=1)
    details = {
        "draws": draws,
        "runs": responses.runs or None,
        "seed": seed,
        "engine": responses.engine,
        "noise": _noise(blocks),
        "upper_quarter": threshold is None,
    }
    cut = float(np.quantile(answers, 0.75)) if threshold is None else float(threshold)
    result = Discovery(scenario, asked, day, cut, theta, answers, (), (), (), details)
    if result.constant:
        return result
    interesting = answers >= cut
    if interesting.all() or not interesting.any():
        raise SimlibError(
            f"{asked.words} is {'never' if not interesting.any() else 'always'} at least {_threshold(asked, cut)} in "
            f"{counted(draws, 'draw')} (from {asked.write(answers.min())} to {asked.write(answers.max())}); choose a "
            "threshold in between"
        )
    free = [i for i, a in enumerate(scenario.assumptions.values()) if not a.fixed]
    scores = _ranks(theta[:, free])
    names = [list(scenario.assumptions)[i] for i in free]
    told, trajectory = (
        tuple(_told(box, names, theta[:, free], interesting) for box in some)
        for some in find_boxes(scores, interesting, boxes)
    )
    leaves = grow(scores, answers, depth)
    shown = tuple(_leaf(leaf, names, theta[:, free], answers, cut) for leaf in leaves)
    return dataclasses.replace(result, boxes=tuple(b for b in told if b.bounds), leaves=shown, trajectory=trajectory)


def _threshold(asked: measures.Measure, cut: float) -> str:
    return f"{100 * cut:.3g}%" if asked.probability else f"{cut:.3g}"


def _noise(blocks: Floats) -> float:
    """Return the standard deviation that luck leaves in answers (D, K) over blocks of replicates; 0 when exact."""
    count = blocks.shape[1]
    return float(np.sqrt(blocks.var(axis=1, ddof=1).mean() / count)) if count > 1 else 0.0


def _ranks(values: Floats) -> Floats:
    """Return each column as ranks in (0, 1): peeling by share needs no more, and ties stay together."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(values, axis=0) - 0.5) / len(values))


def _told(box: RawBox, names: Sequence[str], values: Floats, interesting: Bools) -> Box:
    """Return a box in the values of the assumptions: its sides are the outermost draws it holds.

    What is told of it is true of all draws within these sides, whether or not an earlier box holds them too.
    """
    bounds, members = [], np.ones(len(values), dtype=bool)
    for dimension, name in enumerate(names):
        low, high = np.isfinite(box.low[dimension]), np.isfinite(box.high[dimension])
        if low or high:
            own = values[box.members, dimension]
            bounds.append(
                Bound(
                    name,
                    float(own.min()) if low else None,
                    float(own.max()) if high else None,
                    float(box.p_values[:, dimension].max()),
                )
            )
            column = values[:, dimension]
            members &= ((column >= own.min()) | ~low) & ((column <= own.max()) | ~high)
    hits = float((members & interesting).sum())
    bounds.sort(key=lambda bound: bound.p_value)
    return Box(tuple(bounds), hits / float(interesting.sum()), hits / float(members.sum()), float(members.mean()))


def _leaf(leaf: RawLeaf, names: Sequence[str], values: Floats, answers: Floats, threshold: float) -> Leaf:
    conditions = tuple(
        (names[dimension], above, float(np.quantile(values[:, dimension], cut)))
        for dimension, above, cut in leaf.conditions
    )
    own = answers[leaf.members]
    return Leaf(conditions, float(leaf.members.mean()), float(own.mean()), float(np.mean(own >= threshold)))
