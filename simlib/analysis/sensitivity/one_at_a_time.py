"""Drivers: the answers at the low and the high of each assumption (a tornado diagram).

The scenario is solved again at both ends of the range of each assumption, while all others keep their values. For
slopes see `simlib.analysis.sensitivity.exact_slopes`, and for shares of the variance, with interactions, see
`simlib.analysis.sensitivity.sobol_indices`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.evaluator import ROUNDING_SHARE, Responses, half_widths
from simlib.analysis.sensitivity.screening import inputs, steepest_of_each, swings, tangent_spreads, with_ranges_of
from simlib.answer import ScenarioKey, Traced, dated, pick, provenance
from simlib.arguments import DRIVER_ASSUMPTIONS, Engine
from simlib.control import UNWATCHED, Control
from simlib.formatting import SMALLEST_WRITTEN_SIZE, counted, listed, one_digit, plainly, quoted
from simlib.machine import priors
from simlib.machine.belief import Belief, drawn_from
from simlib.machine.measures import By, Measure, days_by, find
from simlib.machine.priors import insist_on_uncertain
from simlib.quantities import show
from simlib.scenario.model import Assumption, Scenario
from simlib.scenario.scales import Z_95TH_PERCENTILE
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Bar", "Drivers", "drivers"]

DRIVER_BLOCKS = 20
"""Number of blocks of replicates. The spread between blocks gives the Monte Carlo error of a measure."""

MOST_SENTENCES = 5
"""The sentences name at most this many assumptions for each measure."""


@dataclass(frozen=True)
class Bar:
    """M measures at the low and the high value of one assumption: one bar of a tornado diagram.

    at_low, at_high (M,): the measures with the assumption at its low and at its high value.
    half_low, half_high (M,): the 95% half-widths of the changes of the measures from their central values. The two
        values that a change compares are computed with the same random numbers. The half-widths are 0 when exact.
    """

    assumption: Assumption
    at_low: Floats
    at_high: Floats
    half_low: Floats
    half_high: Floats


@dataclass(frozen=True)
class Drivers(Traced):
    """M measures with one assumption at a time at its low and at its high value.

    stated (M,): the measures with all assumptions at their central values (see `centre`).
    bars: the measures at both ends of every assumption that was tried.
    stated_half (M,): the 95% half-widths of `stated`, 0 when exact.
    top: the number of assumptions that are shown for each measure, the strongest first. None: all that were tried.
    screened: the number of assumptions that were not tried.
    beyond (M,): the largest change of each measure by an assumption that was not tried, estimated from slopes. The
    estimate is multiplied by a factor for curvature: the largest ratio of a computed change (less its 95% half-width)
    to the estimate of that change from slopes, but at least 1.
    """

    kind: ClassVar[str] = "drivers"

    scenario: ScenarioKey
    by: dt.date
    by_day: float
    measures: tuple[Measure, ...]
    stated: Floats
    bars: tuple[Bar, ...]
    stated_half: Floats
    top: int | None
    screened: int
    beyond: Floats
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        names = listed(measure.words for measure in self.measures)
        return f"Which assumptions move {names} most by {self.by_words}?"

    @property
    def centre(self) -> str:
        """A phrase for the central values, which all assumptions keep except the one that is varied."""
        belief = self.provenance["belief"]
        return f"at the medians of the belief {quoted(belief)}" if belief else "at the stated values"

    def write(self, measure: Measure, values: Floats, halves: Floats) -> str:
        """Write the value of a measure, with its 95% half-width unless the value is exact.

        `values` and `halves` hold the values and half-widths of all measures.
        """
        place = self.place(measure.name)
        half = float(halves[place])
        error = "" if self.engine == "exact" else f" ±{one_digit(half * (100 if measure.probability else 1))}"
        return measure.write(float(values[place])) + error

    def place(self, measure: str | None = None) -> int:
        """Return the position of a measure, by its name (default: the first).

        Raises KeyError for an unknown name.
        """
        names = [m.name for m in self.measures]
        if measure is None:
            return 0
        if measure not in names:
            raise KeyError(f"{measure!r} is no measure of this answer; expected one of {', '.join(names)}")
        return names.index(measure)

    def ranked(self, measure: str | None = None) -> list[Bar]:
        """Return bars of the `top` assumptions that change a measure most, the strongest first."""
        m = self.place(measure)
        stated = self.stated[m]
        return sorted(self.bars, key=lambda b: -max(abs(b.at_low[m] - stated), abs(b.at_high[m] - stated)))[: self.top]

    def frame(self, measure: str | None = None) -> pd.DataFrame:
        """Return a table of one measure (default: the first), with one row for each assumption.

        The assumption that changes the measure most comes first. The columns `at_low` and `at_high` are changes of the
        measure from `stated`. The columns `value_at_low` and `value_at_high` are the values of the measure.
        """
        import pandas as pd

        m = self.place(measure)
        rows = [
            {"assumption": b.assumption.id}
            | pick(b.assumption, "label", "low", "value", "high")
            | {"at_low": b.at_low[m] - self.stated[m], "at_high": b.at_high[m] - self.stated[m]}
            | {"value_at_low": b.at_low[m], "value_at_high": b.at_high[m]}
            | {"half_low": b.half_low[m], "half_high": b.half_high[m]}
            for b in self.ranked(measure)
        ]
        return pd.DataFrame(rows)

    def sentences(self) -> list[str]:
        """Say for each measure which assumptions change the measure most, and between which values."""
        return [line for measure in self.measures for line in self.sentences_of(measure)]

    def sentences_of(self, measure: Measure) -> Iterator[str]:
        """Yield sentences on which assumptions change a measure most, and between which values."""
        stated = self.write(measure, self.stated, self.stated_half)
        unit = "the 95% half-width in points" if measure.probability else "the 95% half-width"
        error = "" if self.engine == "exact" else f" (± is {unit}; below, ± refers to the change from this value)"
        yield f"{measure.words} by {self.by_words} is {stated} {self.centre}{error}."
        strongest = [bar for bar in self.ranked(measure.name)[:MOST_SENTENCES] if self.matters(measure, bar)]
        for bar in strongest:
            a = bar.assumption
            low, high = (show(value, a.kind, a.unit) for value in (a.low, a.high))
            yield (
                f"It is {self.write(measure, bar.at_low, bar.half_low)} with {quoted(a.label)} at its low "
                f"({low}) and {self.write(measure, bar.at_high, bar.half_high)} at its high "
                f"({high})."
            )
        if strongest and self.engine != "exact":
            some = f"of the {2 * len(self.bars)} changes that were tried, about 1 in 20 lies outside its interval"
            yield f"Each ± is a 95% interval for one change: {some}."
        if not strongest:
            yield "No assumption that was tried moves the answer by more than the error of the computation."
        yield from self._left_out(measure)

    def _left_out(self, measure: Measure) -> Iterator[str]:
        some = len(self.bars) - len(self.ranked(measure.name))
        tried = f"{some} more assumptions that were tried move the answer less"
        if some == 1:
            tried = "1 more assumption that was tried moves the answer less"
        beyond = float(self.beyond[self.place(measure.name)])
        size, unit = (100 * beyond, " points") if measure.probability else (beyond, "")
        by = (
            f"more than about {plainly(size, unit)}"
            if size >= SMALLEST_WRITTEN_SIZE
            else f"as much as {plainly(SMALLEST_WRITTEN_SIZE, unit)}"
        )
        others = f"{counted(self.screened, 'assumption')} {'was' if self.screened == 1 else 'were'} not tried"
        screened = f"{others}: judged by slope {self.centre}, none would move the answer by {by}"
        reasons = [text for text, count in ((tried, some), (screened, self.screened)) if count]
        if reasons:
            yield f"{'; '.join(reasons)}."

    def matters(self, measure: Measure, bar: Bar) -> bool:
        """Say whether a bar's assumption changes a measure beyond Monte Carlo and rounding error."""
        m = self.place(measure.name)
        ends = ((bar.at_low[m], bar.half_low[m]), (bar.at_high[m], bar.half_high[m]))
        rounding = ROUNDING_SHARE * abs(self.stated[m])
        return any(abs(value - self.stated[m]) > max(half, rounding) for value, half in ends)

    def data(self) -> dict[str, Any]:
        """Return the measures at the central values and both ends of each range, as plain data."""
        names = [m.name for m in self.measures]
        arrays = pick(self, "stated", "stated_half", "beyond")
        bars = {"bars": {name: self.frame(name).to_dict("records") for name in names}, "screened": self.screened}
        values = {key: dict(zip(names, array, strict=True)) for key, array in arrays.items()}
        return {"engine": self.engine} | values | bars


def drivers(
    scenario: Scenario,
    measures: str | Iterable[str] | None = None,
    *,
    by: By = None,
    engine: Engine = "auto",
    top: int | None = DRIVER_ASSUMPTIONS,
    draws: int | Belief = 0,
    runs: int = 20_000,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Drivers:
    """Return measures with one assumption at a time at its low and at its high value.

    Only one assumption moves at a time, so correlations have no effect. Monte Carlo uses the same random numbers at the
    central values and at both ends of every range.

    Args:
        scenario: The scenario, with its interventions.
        measures: Names of measures. Default: the headline (main measure).
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: The engine: "exact", "montecarlo", or "auto".
        top: How many assumptions are tried for each measure: the ones with the steepest slopes. None: all.
        draws: 0 uses the values and ranges as stated. Draws (sets of assumption values) are given as a number of draws
            of the prior, or as a belief (weighted draws). With draws, each central value is the weighted median of the
            draws, and each range goes from their 5th to their 95th percentile.
        runs: Replicates by Monte Carlo at the central values and at each end of a range.
        seed: Seed of the random numbers.
        control: Progress callback, cancellation and number of threads.

    Raises:
        Unsupported: When every assumption is fixed, for a belief about another scenario or date, and for "exact" if a
            measure depends on whole histories.
        ScenarioError: For unknown measures or a target outside the forecast.
        TooManyStates: For "exact", when there are too many states.
        Cancelled: When `control` cancels the work.
    """
    chosen, day = find(scenario, measures), days_by(scenario, by)
    held, belief = with_ranges_of(scenario, draws, seed=seed)
    every = [a.id for a in insist_on_uncertain(held)]
    free, beyond, slopes = every, np.zeros(len(chosen)), np.zeros((len(every), len(chosen)))
    if top is not None and top < len(every):
        screening: Engine = "exact" if engine == "exact" else "auto"
        swing = swings(held, chosen, by=day, engine=screening, seed=seed, control=control.part(0.0, 0.2))
        free, beyond, slopes = _screen(held, swing, top)
    columns = [list(scenario.assumptions).index(name) for name in free]
    thetas = np.tile(priors.theta(held), (1 + 2 * len(free), 1))
    for place, (name, column) in enumerate(zip(free, columns, strict=True)):
        thetas[1 + 2 * place, column] = held.assumptions[name].low
        thetas[2 + 2 * place, column] = held.assumptions[name].high
    responses = Responses(
        scenario, chosen, engine=engine, rows=len(thetas), by=day, runs=runs, blocks=DRIVER_BLOCKS, seed=seed
    )
    values = responses(thetas, control=control.part(0.2, 1.0))
    mean, half = values.mean(axis=1), half_widths(values - values[0])
    bars = tuple(
        Bar(held.assumptions[name], mean[1 + 2 * k], mean[2 + 2 * k], half[1 + 2 * k], half[2 + 2 * k])
        for k, name in enumerate(free)
    )
    changes = np.maximum(np.abs(mean[1:] - mean[0]) - half[1:], 0.0).reshape(len(free), 2, -1).max(axis=1)
    steep = (slopes >= beyond) & (beyond > 0)
    beyond = beyond * np.divide(changes, slopes, out=np.ones_like(slopes), where=steep).max(axis=0, initial=1.0)
    arguments = {"measures": [measure.name for measure in chosen], "by_day": day, "top": top, "seed": seed}
    size = {"runs": responses.runs or None, **drawn_from(belief, seed)}
    source = provenance(scenario, engine=responses.engine, **arguments, **size)
    stated, screened = (mean[0], bars, half_widths(values[:1])[0]), (top, len(every) - len(free), beyond)
    return Drivers(*dated(scenario, day), chosen, *stated, *screened, source)


def _screen(scenario: Scenario, swing: Floats, top: int) -> tuple[list[str], Floats, Floats]:
    """Choose the T assumptions that change M measures most, as estimated from slopes.

    Returns the names of the chosen assumptions, the largest change of each measure by any other assumption (M,), and
    the changes by the chosen assumptions (T, M).
    """
    single = inputs(scenario.replace(correlations=()))
    spread = tangent_spreads(single, swing, np.eye(len(swing)))
    tried = steepest_of_each(spread, top)
    changes = Z_95TH_PERCENTILE * spread
    others = np.delete(changes, tried, axis=0).max(axis=0, initial=0.0)
    return [single[place].name for place in tried], others, changes[tried]
