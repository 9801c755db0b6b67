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

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib import priors
from simlib.analysis import measures
from simlib.analysis.prim import Bools, RawBox, RawLeaf, find_boxes, grow
from simlib.engines.mixture import Engine
from simlib.errors import Cancelled, SimlibError
from simlib.quantities import show
from simlib.results import long_date, percent
from simlib.tables import Floats

if TYPE_CHECKING:
    import pandas as pd

    from simlib.scenario.model import Scenario

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
    def base_rate(self) -> float:
        """Share of all draws that are cases of interest."""
        return float(np.mean(self.answers >= self.threshold))

    def frame(self) -> pd.DataFrame:
        """Return one row per bound of each box: box, assumption, label, low, high, coverage, density, p_value."""
        import pandas as pd

        rows = [
            {"box": number, "assumption": b.assumption, "label": self.scenario.assumptions[b.assumption].label,
             "low": b.low, "high": b.high, "coverage": box.coverage, "density": box.density, "p_value": b.p_value}
            for number, box in enumerate(self.boxes, start=1) for b in box.bounds
        ]  # fmt: skip
        return pd.DataFrame(
            rows, columns=["box", "assumption", "label", "low", "high", "coverage", "density", "p_value"]
        )

    def sentences(self) -> list[str]:
        """Tell the boxes and the tree in sentences."""
        by = long_date(self.scenario.by_date(self.day))
        what = f"{self.measure.words} reaches {self._value(self.threshold)} by {by}"
        told = [f"Over the priors, {what} in {percent(self.base_rate)} of the draws."]
        for box in self.boxes:
            where = " and ".join(self._where(bound) for bound in box.bounds)
            told.append(
                f"It does so in {percent(box.density)} of the draws where {where}: "
                f"this holds {percent(box.coverage)} of all such draws, in {percent(box.mass)} of the space."
            )
        if not self.boxes:
            told.append("No region of the assumptions stands out.")
        for leaf in self.leaves:
            where = " and ".join(self._side(*condition) for condition in tightest(leaf.conditions))
            if where:
                told.append(
                    f"Where {where}, it is {self._value(leaf.mean)} on average ({percent(leaf.mass)} of the draws)."
                )
        return told

    def _value(self, value: float) -> str:
        return percent(value) if self.measure.probability else f"{value:.2g}"

    def _where(self, bound: Bound) -> str:
        parts = [self._side(bound.assumption, True, bound.low) if bound.low is not None else "",
                 self._side(bound.assumption, False, bound.high) if bound.high is not None else ""]  # fmt: skip
        return " and ".join(part for part in parts if part)

    def _side(self, name: str, at_least: bool, value: float) -> str:
        assumption = self.scenario.assumptions[name]
        shown = show(value, assumption.kind, assumption.unit)
        return f"“{assumption.label}” is {'at least' if at_least else 'at most'} {shown}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "scenario": self.scenario.id, "scenario_sha256": self.scenario.sha256, "measure": self.measure.name,
            "day": self.day, "threshold": self.threshold, "base_rate": self.base_rate,
            "boxes": [box.to_dict() for box in self.boxes],
            "tree": [
                {"conditions": [list(c) for c in leaf.conditions], "mass": leaf.mass, "mean": leaf.mean,
                 "density": leaf.density}
                for leaf in self.leaves
            ],
            **self.details,
        }  # fmt: skip


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
    `runs` replicates of the same dice. Raises ScenarioError for unknown measures, SimlibError when no or every draw
    is a case of interest, Cancelled.
    """
    (asked,) = measures.find(scenario, measure)
    day = scenario.horizon_days if horizon is None else float(horizon)
    theta = priors.draws(scenario, draws, seed=seed)
    answers = _answers(scenario, asked, theta, engine, runs, seed, day, progress, cancel)
    cut = float(np.quantile(answers, 0.75)) if threshold is None else float(threshold)
    interesting = answers >= cut
    if interesting.all() or not interesting.any():
        raise SimlibError(
            f"{asked.name} is {'never' if not interesting.any() else 'always'} at least {cut:.3g} over {draws} draws "
            f"(from {answers.min():.3g} to {answers.max():.3g}); choose a threshold in between"
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
    details = {"draws": draws, "runs": runs if engine == "montecarlo" else None, "seed": seed, "engine": engine}
    return Discovery(scenario, asked, day, cut, theta, answers, tuple(b for b in told if b.bounds), shown, trajectory,
                     details)  # fmt: skip


def _answers(
    scenario: Scenario, measure: measures.Measure, theta: Floats, engine: Engine, runs: int, seed: int, day: float,
    progress: Callable[[float], None] | None, cancel: Callable[[], bool] | None,
) -> Floats:  # fmt: skip
    centre = priors.theta(scenario)
    one: Callable[[Floats], float]
    if engine == "exact":
        from simlib.engines.exact import Solver

        solver = Solver(scenario, times=1, horizon=day)
        one = lambda values: float(measures.of_forecast(solver.solve(values, centre=centre), measure)[0][-1])  # noqa: E731
    else:
        from simlib.engines.montecarlo import Simulator

        simulator = Simulator(scenario, times=1, horizon=day)
        read = measures.reader(scenario, [measure])
        one = lambda values: float(read(simulator.run(values, centre=centre, runs=runs, seed=seed))[-1, 0])  # noqa: E731
    result = np.empty(len(theta))
    for number, values in enumerate(theta):
        result[number] = one(values)
        if progress:
            progress((number + 1) / len(theta))
        if cancel is not None and cancel():
            raise Cancelled("scenario discovery was cancelled")
    return result


def _ranks(values: Floats) -> Floats:
    """Return each column as ranks in (0, 1): peeling by share needs no more, and ties stay together."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(values, axis=0) - 0.5) / len(values))


def _told(box: RawBox, names: Sequence[str], values: Floats, interesting: Bools) -> Box:
    """Return a box in the values of the assumptions: its sides are the outermost draws it holds."""
    bounds = []
    for dimension, name in enumerate(names):
        low, high = np.isfinite(box.low[dimension]), np.isfinite(box.high[dimension])
        if low or high:
            own = values[box.members, dimension]
            bounds.append(Bound(name, float(own.min()) if low else None, float(own.max()) if high else None,
                                float(box.p_values[:, dimension].max())))  # fmt: skip
    hits = float((box.members & interesting).sum())
    bounds.sort(key=lambda bound: bound.p_value)
    return Box(
        tuple(bounds), hits / float(interesting.sum()), hits / float(box.members.sum()), float(box.members.mean())
    )


def _leaf(leaf: RawLeaf, names: Sequence[str], values: Floats, answers: Floats, threshold: float) -> Leaf:
    conditions = tuple(
        (names[dimension], above, float(np.quantile(values[:, dimension], cut)))
        for dimension, above, cut in leaf.conditions
    )
    own = answers[leaf.members]
    return Leaf(conditions, float(leaf.members.mean()), float(own.mean()), float(np.mean(own >= threshold)))
