"""What drives it? The slope of each answer in each assumption, and how far it really moves between low and high.

An *elasticity* is the relative change of an answer per relative change of an assumption, at the stated values and
exact (one adjoint solution each, see `simlib.engines.exact.adjoint`). A *tornado* is no tangent: the world is solved
again with each assumption at its 5th and at its 95th percentile, the others held. Shares of the doubt, interactions
included, are in `simlib.analysis.sensitivity.sobol_indices`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.analysis.evaluator import Engine, Responses, half_widths
from simlib.analysis.sensitivity.screening import inputs, steepest_of_each, swings, tangent_spreads, uncertain
from simlib.answer import plain_json, provenance
from simlib.control import Control, in_transition
from simlib.engines.exact.adjoint import Adjoint
from simlib.engines.exact.forecast import Solver
from simlib.engines.exact.reachable import CAP
from simlib.formatting import DUST, counted, long_date, one_digit, plainly
from simlib.machine import priors
from simlib.machine.measures import Measure, find
from simlib.quantities import show
from simlib.scenario.model import Assumption, Scenario
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[float], None]
Cancel = Callable[[], bool]

TOP = 12
"""Assumptions in the tornado of a measure, unless asked for otherwise."""

BLOCKS = 20
"""Blocks of replicates whose spread gives the Monte Carlo error of a bar."""

TOLD = 5

ROUNDING = 1e-9
"""Share of an answer below which a change of it is rounding."""


# -------------------------------------------------------------------- elasticities


@dataclass(frozen=True)
class Elasticities:
    """Exact slopes at the stated values. answers {measure: value}; derivatives {measure: (A,)} per base unit."""

    scenario: str
    as_of: dt.date
    by: dt.date
    day: float
    measures: tuple[Measure, ...]
    assumptions: tuple[Assumption, ...]
    answers: Mapping[str, float]
    derivatives: Mapping[str, Floats]
    provenance: Mapping[str, Any]

    def elasticity(self, measure: str) -> Floats:
        """Return ∂ log answer / ∂ log θ (A,), nan where the answer is 0."""
        theta = np.array([a.value for a in self.assumptions])
        answer = self.answers[measure]
        return self.derivatives[measure] * theta / (answer if answer > 0 else np.nan)

    def frame(self) -> pd.DataFrame:
        """Return one row for each measure and assumption, the largest elasticity of a measure first."""
        import pandas as pd

        rows = [
            {
                "measure": m.name,
                "assumption": a.id,
                "label": a.label,
                "value": a.value,
                "answer": self.answers[m.name],
                "derivative": slope,
                "elasticity": elasticity,
            }
            for m in self.measures
            for a, slope, elasticity in zip(
                self.assumptions, self.derivatives[m.name], self.elasticity(m.name), strict=True
            )
        ]
        frame = pd.DataFrame(rows)
        order = frame["elasticity"].abs().fillna(-1.0)
        place = frame["measure"].map({m.name: index for index, m in enumerate(self.measures)})
        return (
            frame.assign(_place=place, _order=-order)
            .sort_values(["_place", "_order"], kind="stable")
            .drop(columns=["_place", "_order"])
            .reset_index(drop=True)
        )

    def sentences(self) -> list[str]:
        """Say for each measure which assumptions it answers to most."""
        lines = []
        for measure in self.measures:
            elasticity = np.nan_to_num(self.elasticity(measure.name))
            some = [i for i in np.argsort(-np.abs(elasticity), kind="stable")[:TOLD] if abs(elasticity[i]) >= 0.005]
            told = [self._told(measure, i, float(elasticity[i])) for i in some]
            answer = measure.write(self.answers[measure.name])
            change = "; ".join(told) if told else "none changes it by as much as 0.005% of itself"
            lines.append(
                f"{measure.words} by {long_date(self.by)} is {answer} at the stated values. With one "
                f"assumption multiplied by 1.01, going by slope: {change}."
            )
        return lines

    def _told(self, measure: Measure, place: int, elasticity: float) -> str:
        """Say what a hundredth more of an assumption does to a measure, relative to it and in its own unit."""
        change = self.answers[measure.name] * abs(elasticity) / 100
        size = plainly(100 * change, " points") if measure.probability else plainly(change)
        verb = "raises" if elasticity > 0 else "lowers"
        return f"“{self.assumptions[place].label}” {verb} it by {abs(elasticity):.2g}% of itself ({size})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        ids = [a.id for a in self.assumptions]
        plain: dict[str, Any] = plain_json(
            {
                "question": "elasticities",
                "scenario": self.scenario,
                "as_of": self.as_of,
                "by": self.by,
                "day": self.day,
                "answers": self.answers,
                "sentences": self.sentences(),
                "provenance": self.provenance,
                "derivatives": {name: dict(zip(ids, row, strict=True)) for name, row in self.derivatives.items()},
                "elasticities": {
                    m.name: {
                        a: None if math.isnan(e) else e
                        for a, e in zip(ids, self.elasticity(m.name).tolist(), strict=True)
                    }
                    for m in self.measures
                },
            }
        )
        return plain


@in_transition
def elasticities(
    scenario: Scenario,
    measures: str | Iterable[str] | None = None,
    *,
    day: float | None = None,
    ignore_windows: bool = False,
    cap: int = CAP,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Elasticities:
    """Return the exact slopes of measures (default: every ending) by a day (default: the horizon) in all assumptions.

    Raises ScenarioError for unknown measures or a day outside the forecast, TooManyStates, Cancelled.
    """
    chosen = find(scenario, measures)
    solver = Solver(scenario, times=1, ignore_windows=ignore_windows, cap=cap, cancel=cancel)
    adjoint = Adjoint(solver, priors.theta(scenario), by=day, control=Control(cancel=cancel))
    answers, derivatives = {}, {}
    for place, measure in enumerate(chosen):
        answers[measure.name], derivatives[measure.name] = adjoint.of(measure.name)
        if progress:
            progress((place + 1) / len(chosen))
    return Elasticities(
        scenario.id,
        scenario.as_of,
        scenario.by_date(adjoint.by_day),
        adjoint.by_day,
        chosen,
        tuple(scenario.assumptions.values()),
        answers,
        derivatives,
        provenance(scenario, engine="exact"),
    )


# -------------------------------------------------------------------- tornado


@dataclass(frozen=True)
class Bar:
    """One assumption of a tornado: each measure (M,) with it at its low and at its high, and the 95% half-widths.

    The half-widths are those of the change from the stated values, under the same dice; 0 when exact.
    """

    assumption: Assumption
    at_low: Floats
    at_high: Floats
    half_low: Floats
    half_high: Floats


@dataclass(frozen=True)
class Tornado:
    """What happens to some measures when one assumption at a time goes to its low and to its high. `stated` is (M,).

    `stated_half` (M,) are its 95% half-widths, 0 when exact. `bars` are of every assumption tried, of which a measure
    has its own `top` (None: all). `screened` were not tried; none would move a measure by more than `beyond` (M,), by
    slope.
    """

    scenario: str
    as_of: dt.date
    by: dt.date
    day: float
    engine: str
    measures: tuple[Measure, ...]
    stated: Floats
    bars: tuple[Bar, ...]
    stated_half: Floats
    top: int | None
    screened: int
    beyond: Floats
    provenance: Mapping[str, Any]

    def write(self, measure: Measure, values: Floats, halves: Floats) -> str:
        """Write the value of a measure among `values` (M,), with its 95% half-width among `halves` unless exact."""
        place = self.place(measure.name)
        half = float(halves[place])
        error = "" if self.engine == "exact" else f" ±{one_digit(half * (100 if measure.probability else 1))}"
        return measure.write(float(values[place])) + error

    def place(self, measure: str | None = None) -> int:
        """Return the place of a measure (default: the first); raises KeyError."""
        names = [m.name for m in self.measures]
        if measure is None:
            return 0
        if measure not in names:
            raise KeyError(f"{measure!r} is not in this tornado; expected one of {', '.join(names)}")
        return names.index(measure)

    def ranked(self, measure: str | None = None) -> list[Bar]:
        """Return the bars of a measure, the one that moves it furthest first."""
        m = self.place(measure)
        stated = self.stated[m]
        return sorted(self.bars, key=lambda b: -max(abs(b.at_low[m] - stated), abs(b.at_high[m] - stated)))[: self.top]

    def frame(self, measure: str | None = None) -> pd.DataFrame:
        """Return one row for each assumption, strongest first.

        `at_low` and `at_high` are changes from the stated values; `value_at_low` and `value_at_high` the answers.
        """
        import pandas as pd

        m = self.place(measure)
        return pd.DataFrame(
            [
                {
                    "assumption": b.assumption.id,
                    "label": b.assumption.label,
                    "low": b.assumption.low,
                    "value": b.assumption.value,
                    "high": b.assumption.high,
                    "at_low": b.at_low[m] - self.stated[m],
                    "at_high": b.at_high[m] - self.stated[m],
                    "value_at_low": b.at_low[m],
                    "value_at_high": b.at_high[m],
                    "half_low": b.half_low[m],
                    "half_high": b.half_high[m],
                }
                for b in self.ranked(measure)
            ]
        )

    def sentences(self) -> list[str]:
        """Say for each measure what moves it most, with the real range."""
        lines = []
        for measure in self.measures:
            stated = self.write(measure, self.stated, self.stated_half)
            unit = "95%, in points" if measure.probability else "95%"
            error = "" if self.engine == "exact" else f" (± {unit}; below, of the change under the same dice)"
            lines.append(f"{measure.words} by {long_date(self.by)} is {stated} at the stated values{error}.")
            told = [bar for bar in self.ranked(measure.name)[:TOLD] if self.matters(measure, bar)]
            for bar in told:
                a = bar.assumption
                low, high = (show(value, a.kind, a.unit) for value in (a.low, a.high))
                lines.append(
                    f"It is {self.write(measure, bar.at_low, bar.half_low)} with “{a.label}” at its low "
                    f"({low}) and {self.write(measure, bar.at_high, bar.half_high)} at its high "
                    f"({high})."
                )
            if not told:
                lines.append("No assumption that was tried moves it by more than the error of the computation.")
            lines += self._left_out(measure)
        return lines

    def _left_out(self, measure: Measure) -> Iterator[str]:
        """Say how many assumptions have no bar, and on which ground."""
        some = len(self.bars) - len(self.ranked(measure.name))
        tried = f"{some} more assumptions that were tried move it less"
        if some == 1:
            tried = "1 more assumption that was tried moves it less"
        beyond = float(self.beyond[self.place(measure.name)])
        size, unit = (100 * beyond, " points") if measure.probability else (beyond, "")
        by = f"more than {plainly(size, unit)}" if size >= DUST else f"as much as {plainly(DUST, unit)}"
        others = f"{counted(self.screened, 'assumption')} {'was' if self.screened == 1 else 'were'} not tried"
        screened = f"{others}: going by slope at the stated values, none would move it by {by}"
        told = [text for text, count in ((tried, some), (screened, self.screened)) if count]
        if told:
            yield f"{'; '.join(told)}."

    def matters(self, measure: Measure, bar: Bar) -> bool:
        """Say whether a bar moves a measure at one of its ends by more than the error there, and than rounding."""
        m = self.place(measure.name)
        ends = ((bar.at_low[m], bar.half_low[m]), (bar.at_high[m], bar.half_high[m]))
        rounding = ROUNDING * abs(self.stated[m])
        return any(abs(value - self.stated[m]) > max(half, rounding) for value, half in ends)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        plain: dict[str, Any] = plain_json(
            {
                "question": "tornado",
                "scenario": self.scenario,
                "as_of": self.as_of,
                "by": self.by,
                "day": self.day,
                "engine": self.engine,
                "stated": {m.name: self.stated[i] for i, m in enumerate(self.measures)},
                "stated_half": {m.name: self.stated_half[i] for i, m in enumerate(self.measures)},
                "bars": {m.name: self.frame(m.name).to_dict("records") for m in self.measures},
                "screened": self.screened,
                "beyond": {m.name: self.beyond[i] for i, m in enumerate(self.measures)},
                "sentences": self.sentences(),
                "provenance": self.provenance,
            }
        )
        return plain


@in_transition
def tornado(
    scenario: Scenario,
    measures: str | Iterable[str] | None = None,
    *,
    engine: Engine = "auto",
    top: int | None = TOP,
    day: float | None = None,
    runs: int = 20_000,
    seed: int = 0,
    threads: int | None = None,
    ignore_windows: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Tornado:
    """Solve again with each assumption at its low and at its high, the others as stated; measures: every ending.

    Tried are the `top` assumptions (None: all) of the steepest slope for each of the measures. By Monte Carlo all rows
    share their dice. Raises Unsupported when every assumption is fixed, and what `solve` and `simulate` raise.
    """
    chosen, every = find(scenario, measures), [a.id for a in uncertain(scenario)]
    free, beyond = every, np.zeros(len(chosen))
    if top is not None and top < len(every):
        swing = swings(
            scenario,
            chosen,
            day=day,
            ignore_windows=ignore_windows,
            exactly=engine == "exact" or None,
            seed=seed,
            threads=threads,
            progress=_part(progress, 0.0, 0.2),
            cancel=cancel,
        )
        free, beyond = _screen(scenario, swing, top)
    columns = [list(scenario.assumptions).index(name) for name in free]
    thetas = np.tile(priors.theta(scenario), (1 + 2 * len(free), 1))
    for place, (name, column) in enumerate(zip(free, columns, strict=True)):
        thetas[1 + 2 * place, column] = scenario.assumptions[name].low
        thetas[2 + 2 * place, column] = scenario.assumptions[name].high
    responses = Responses(
        scenario,
        chosen,
        engine=engine,
        rows=len(thetas),
        day=day,
        runs=runs,
        blocks=BLOCKS,
        seed=seed,
        threads=threads,
        ignore_windows=ignore_windows,
    )
    values = responses(thetas, progress=_part(progress, 0.2, 1.0), cancel=cancel)
    mean, half = values.mean(axis=1), half_widths(values - values[0])
    bars = tuple(
        Bar(scenario.assumptions[name], mean[1 + 2 * k], mean[2 + 2 * k], half[1 + 2 * k], half[2 + 2 * k])
        for k, name in enumerate(free)
    )
    return Tornado(
        scenario.id,
        scenario.as_of,
        scenario.by_date(responses.day),
        responses.day,
        responses.engine,
        chosen,
        mean[0],
        bars,
        half_widths(values[:1])[0],
        top,
        len(every) - len(free),
        beyond,
        provenance(scenario, engine=responses.engine, runs=responses.runs or None, seed=seed),
    )


def _screen(scenario: Scenario, swing: Floats, top: int) -> tuple[list[str], Floats]:
    """Return the assumptions to try, and how far the steepest of the others would move each measure (M,), by slope."""
    single = inputs(scenario.replace(correlations=()))
    spread = tangent_spreads(single, swing, np.eye(len(swing)))
    tried = steepest_of_each(spread, top)
    others = np.delete(spread, tried, axis=0)
    return [single[place].name for place in tried], priors.Z_95TH_PERCENTILE * others.max(axis=0, initial=0.0)


def _part(progress: Progress | None, first: float, last: float) -> Progress | None:
    return None if progress is None else lambda share: progress(first + share * (last - first))
