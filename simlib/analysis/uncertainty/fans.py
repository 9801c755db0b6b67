"""Fans: chance and uncertainty over time, from a forecast at each draw of the assumptions.

A draw is a set of assumption values. The stacked rungs (levels) of a ladder show chance: the probability of each rung
on each day. The range of the borders between rungs, over the draws, shows uncertainty about the assumptions. A fan
never merges chance and uncertainty into one band.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.paths.request import known_ladder
from simlib.analysis.uncertainty.estimates import quantile_of
from simlib.answer import Answer, ScenarioKey, pick, provenance
from simlib.arguments import FORECAST_DRAWS, Engine
from simlib.control import UNWATCHED, Control
from simlib.engines.ensemble import Ensemble, over_priors
from simlib.errors import ArgumentError
from simlib.formatting import by_date, percent, quoted
from simlib.machine.belief import Belief, drawn_from
from simlib.machine.measures import By, Measure, conditional, find, of_forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["QUANTILES", "Fan", "fan", "ladder_fan", "measure_fan"]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class Fan(Answer):
    """Probabilities of the rungs of a ladder, or of one measure, over time and over draws.

    A draw is a set of assumption values. There are S series at T times. A measure has one series, its probability. A
    ladder has a series for each rung above the lowest: P(on this rung or above).

    label: the label of the ladder or the measure.
    names: the ids of all rungs of the ladder, or the name of the measure.
    times (T,): the times in days after the scenario's first day.
    mean (S, T): the mean over the draws.
    stated (S, T): the forecast at the stated values of the assumptions.
    quantiles (5, S, T): the 5, 25, 50, 75 and 95% quantiles over the draws. With Monte Carlo, the noise within draws is
    removed, because noise is not uncertainty about the assumptions.
    draws: the number of draws.
    """

    kind: ClassVar[str] = "fan"

    scenario: ScenarioKey
    by: dt.date
    by_day: float
    label: str
    names: tuple[str, ...]
    times: Floats
    mean: Floats
    stated: Floats
    quantiles: Floats
    draws: int
    provenance: Mapping[str, Any]

    @property
    def of_ladder(self) -> bool:
        """Whether the series show the rungs (levels) of a ladder, and not a measure."""
        return len(self.names) > len(self.mean)

    @property
    def series(self) -> tuple[str, ...]:
        """The name of each series: the measure, or each rung of the ladder above the lowest."""
        return self.names[1:] if self.of_ladder else self.names

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence."""
        what = f"each rung of {quoted(self.label)}" if self.of_ladder else quoted(self.label)
        return f"How likely is {what} up to {self.by_words}, and how uncertain is this probability?"

    def at_end(self, place: int) -> tuple[float, ...]:
        """Return the stated forecast, mean and quantiles of series number `place` at the last time."""
        return tuple(float(row[place, -1]) for row in (self.stated, self.mean, *self.quantiles))

    def sentences(self) -> list[str]:
        """Say for each series its mean at the last time, and its range over the draws."""
        lines, day = [], self.by_words
        for place, name in enumerate(self.series):
            what = f"{quoted(name)} or above on {day}" if self.of_ladder else f"{quoted(self.label)} by {day}"
            _, mean, low, quarter, _, three, high = map(percent, self.at_end(place))
            half, most = f"half of the draws give {quarter} to {three}", f"nine in ten give {low} to {high}"
            lines.append(f"{what}: {mean}; {half}, {most}.")
        return lines

    def frame(self) -> pd.DataFrame:
        """Return a table of the stated forecast, mean and quantiles, by series and time."""
        import pandas as pd

        dates = [by_date(self.as_of, day) for day in self.times]
        points = [f"q{100 * q:g}" for q in QUANTILES]
        tables = [
            pd.DataFrame({"series": name, "day": self.times, "by": dates, "stated": stated, "mean": mean}).assign(
                **dict(zip(points, quantiles, strict=True))
            )
            for name, stated, mean, quantiles in zip(
                self.series, self.stated, self.mean, self.quantiles.swapaxes(0, 1), strict=True
            )
        ]
        return pd.concat(tables, ignore_index=True)

    def data(self) -> dict[str, Any]:
        """Return the mean, the stated forecast and the quantiles of each series over time."""
        quantiles = {f"{q:g}": series for q, series in zip(QUANTILES, self.quantiles, strict=True)}
        return pick(self, "label", "names", "draws", "times", "mean", "stated") | {"quantiles": quantiles}


def fan(
    scenario: Scenario,
    measure: str | None = None,
    *,
    ladder: str | None = None,
    by: By = None,
    engine: Engine = "auto",
    draws: int | Belief = FORECAST_DRAWS,
    runs: int | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Fan:
    """Return the range over time of one probability, or of the probability of each rung.

    The range is over draws of the assumptions. It shows how uncertain each probability is.

    Args:
        scenario: The scenario, with its interventions.
        measure: A probability, such as "question:truce". Default: the headline.
        ladder: The id of a ladder to ask about in place of a measure.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: The engine at each draw: "exact", "montecarlo", or "auto".
        draws: A number of draws (sets of assumption values) of the prior, at least 2, or a belief (weighted draws).
        runs: Monte Carlo replicates of each draw. Default: as many as make about 10,000 in all.
        seed: Seed of the draws and of the replicates.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ScenarioError: For an unknown measure or ladder, and for a target outside the forecast.
        ValueError: For an expected count or amount, and for a measure together with a ladder.
        Unsupported: For a belief about another scenario or date.
        TooManyStates: For "exact", when there are too many states.
        MissingDependency: Without Numba, for the Monte Carlo engine.
        Cancelled: When `control` cancels the work.
    """
    if measure is not None and ladder is not None:
        raise ArgumentError("ladder", ladder, "expected a measure or a ladder, not both")
    name = _known_probability(scenario, measure).name if ladder is None else known_ladder(scenario, ladder)
    size: dict[str, Any] = {"draws": draws, "runs": runs, "seed": seed}
    ensemble = over_priors(scenario, by=by, engine=engine, **size, control=control)
    return measure_fan(ensemble, name) if ladder is None else ladder_fan(ensemble, name)


def ladder_fan(draws: Ensemble, ladder: str | None = None) -> Fan:
    """Return the fan of a ladder from a forecast at each draw.

    Without `ladder`, it is the ladder that the scenario shows first. Raises ScenarioError for an unknown ladder, and
    for a scenario without ladders.
    """
    name = known_ladder(draws.scenario, ladder)
    rungs = draws.scenario.ladders[name].rungs

    def borders(shares: Mapping[str, Floats]) -> Floats:
        stack = np.stack([shares[rung.id] for rung in rungs])
        return np.cumsum(stack[::-1], axis=0)[::-1][1:]

    series = np.stack([borders(forecast.ladders[name]) for forecast in draws.forecasts])
    names, label = tuple(rung.id for rung in rungs), draws.scenario.ladders[name].label
    return _fan(draws, {"ladder": name}, label, names, series, borders(draws.stated.ladders[name]))


def measure_fan(draws: Ensemble, measure: str) -> Fan:
    """Return the fan of a measure (such as "question:truce") from a forecast at each draw.

    For a conditional probability, the weight of each draw at each time is multiplied by the probability of the
    condition at that draw and time. Raises ScenarioError for an unknown measure, and ValueError for an expected count
    or amount.
    """
    target, given = _known_probability(draws.scenario, measure), None
    if target.kind == "given":
        both, given = (draws.values(name, "questions") for name in (target.both, target.condition))
        whole = conditional(both.mean(axis=0), given.mean(axis=0), target)
        # A draw without the condition has no weight. It takes the mean, so that it does not pull the other draws.
        share = np.divide(both, given, out=np.tile(whole, (len(both), 1)), where=given > 0)
        series = np.minimum(share, 1.0)[:, None, :]
    else:
        series = np.stack([of_forecast(forecast, target)[0][None, :] for forecast in draws.forecasts])
    stated = of_forecast(draws.stated, target)[0][None, :]
    return _fan(draws, {"measure": target.name}, target.label, (target.name,), series, stated, given)


def _known_probability(scenario: Scenario, measure: str | None) -> Measure:
    target = find(scenario, measure)[0]
    if not target.probability:
        raise ValueError(f"{target.name!r} is an expected count; a fan shows a probability")
    return target


def _fan(
    draws: Ensemble,
    subject: dict[str, str],
    label: str,
    names: tuple[str, ...],
    series: Floats,
    stated: Floats,
    given: Floats | None = None,
) -> Fan:
    """Return the fan of S series over T times. `subject` is the measure or the ladder.

    `series` (D, S, T) has the values at each draw, and `stated` (S, T) has the values at the stated assumptions.
    `given` (D, T) is the probability of the condition at each draw, for a conditional probability.
    """
    scale = None if draws.belief.equal else draws.weights * len(series)
    if given is not None:
        by_time = given if scale is None else scale[:, None] * given
        total = by_time.mean(axis=0)
        scale = np.divide(by_time, total, out=np.ones_like(by_time), where=total > 0)[:, None]
    scenario, times, free = draws.scenario, draws.stated.times, draws.without_noise(series)
    by_day = float(times[-1])
    source = {"seed": draws.seed, "runs": draws.forecasts[0].provenance.get("runs"), "by_day": by_day}
    source |= {"measure": subject.get("measure"), "ladder": subject.get("ladder")}
    return Fan(
        scenario=ScenarioKey.of(scenario),
        by=scenario.by_date(by_day),
        by_day=by_day,
        label=label,
        names=names,
        times=times,
        mean=(series if scale is None else _alike(scale, series) * series).mean(axis=0),
        stated=stated,
        quantiles=_quantiles(free, scale),
        draws=len(series),
        provenance=provenance(scenario, engine=draws.stated.engine, **source, **drawn_from(draws.belief, draws.seed)),
    )


def _quantiles(values: Floats, scale: Floats | None) -> Floats:
    if scale is None:
        return np.asarray(np.quantile(values, QUANTILES, axis=0))
    result, scales = np.empty((len(QUANTILES), *values.shape[1:])), np.broadcast_to(_alike(scale, values), values.shape)
    for series, time in np.ndindex(*values.shape[1:]):
        own = values[:, series, time], scales[:, series, time]
        result[:, series, time] = [quantile_of(*own, q) for q in QUANTILES]
    return result


def _alike(scale: Floats, series: Floats) -> Floats:
    """Return weights (D,) or (D, S or 1, T) in a shape that multiplies series (D, S, T)."""
    return scale if scale.ndim == series.ndim else scale[:, None, None]
