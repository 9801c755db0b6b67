"""The range of an answer over the assumptions: its table, its sentences and its JSON data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.uncertainty.estimates import Number
from simlib.analysis.uncertainty.sampling import Spread
from simlib.answer import Traced, pick
from simlib.formatting import capital, counted, listed, one_digit, over_draws, percent, with_error
from simlib.machine.measures import Measure, find
from simlib.scenario.model import Scenario
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Uncertainty"]

CERTAIN_VARIANCE = 1e-12
"""An event counts as certain or impossible if p(1 - p) is below this."""

NAMED_MEASURES = 3
"""Largest number of measures named in the question."""


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


def _size(draws: int, runs: int) -> str:
    number = counted(draws, "draw") if draws <= 1_000_000 else "more than a million draws"
    return f"{number} of {runs:,} replicates" if runs else number
