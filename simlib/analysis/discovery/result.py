"""A discovery as boxes, tree leaves, sentences, a table and plain data."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.answer import Answer, pick
from simlib.formatting import capital, counted, over_draws, percent, quoted
from simlib.machine.measures import Measure
from simlib.quantities import show
from simlib.scenario.model import Scenario
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Bound", "Box", "Discovery", "Leaf", "tightest"]

_SAME = 1e-9
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
    measure: Measure
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
        return bool(np.ptp(self.answers) <= _SAME * float(np.abs(self.answers).max()))

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


def _deviation(answers: Floats, weights: Floats) -> float:
    apart = answers - np.average(answers, weights=weights)
    return float(np.sqrt(np.average(apart**2, weights=weights)))
