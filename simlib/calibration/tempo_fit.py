"""Fit a model of the pace of events to past crises by maximum likelihood, with intervals.

The model is a `TempoClock`. `TempoFit.assumptions` writes the fit as a part of a scenario, where the tempo (pace of
events) is a hidden variable.

Reference: Berndt, Hall, Hall and Hausman (1974) for the intervals.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.answer import plain_json, record
from simlib.calibration.crisis_cases import CrisisRecord
from simlib.calibration.tempo_clock import LEVELS, Gaps, TempoClock
from simlib.errors import SimlibError
from simlib.formatting import counted, percent
from simlib.scenario.scales import Z_95TH_PERCENTILE
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

FEWEST_CRISES = 20
"""Least number of crises to which a `TempoClock` is fitted."""

TEMPO_DRAWS = 1_000
"""Number of draws from the normal approximation of the estimate, for the intervals."""

WEAKEST = 0.1
"""Lower limit of the eigenvalues of the information matrix. So standard deviations stay below about 3."""

CLOCK_FIELDS = ("rates", "cooling", "reset", "start", "spread")
"""The names of the values of a `TempoClock`."""


@dataclass(frozen=True)
class TempoFit:
    """A model of the tempo (pace of events) of a crisis, fitted to past crises.

    - clock: the estimate.
    - low, high: the ends of the 90% interval of each value, as two `TempoClock`s.
    - crises, event_days, days: number of crises, of days with an event, and of all days.
    - provenance: the versions and the time of the computation, with the draws and the seed of the intervals.
    """

    clock: TempoClock
    low: TempoClock
    high: TempoClock
    log_likelihood: float
    crises: int
    event_days: int
    days: int
    source: str
    provenance: Mapping[str, Any] = field(default_factory=partial(record, {"seed": 0, "draws": TEMPO_DRAWS}))

    @property
    def levels(self) -> tuple[str, ...]:
        """The names of the levels of tempo (pace of events), the hottest first."""
        return LEVELS[len(self.clock.rates)]

    def frame(self) -> pd.DataFrame:
        """Return a table with a row for each value and its 90% interval, with rates per day."""
        import pandas as pd

        flat = [flat(clock) for clock in (self.clock, self.low, self.high)]
        steps = list(itertools.pairwise(self.levels))
        names = [f"event-days per day while {level}" for level in self.levels]
        names += [f"cooling per day, {first} to {second}" for first, second in steps]
        names += ["probability that an event makes the tempo hot"]
        names += [f"share of crises {level} after the first day" for level in self.levels]
        names += ["standard deviation of the logarithm of activity between crises"]
        return pd.DataFrame({"quantity": names, "value": flat[0], "low": flat[1], "high": flat[2]})

    def sentences(self) -> list[str]:
        """Describe the fit in sentences, then give a text to paste into a scenario."""
        clock = self.clock
        spells = [f"{level} spell {1 / rate:.3g} days" for level, rate in zip(self.levels, clock.cooling, strict=False)]
        rates = [f"{rate:.2g} while {level}" for level, rate in zip(self.levels, clock.rates, strict=True)]
        return [
            f"{self.because()}.",
            f"Days with an event, per day: {', '.join(rates)}. Mean length of a {' and of a '.join(spells)}.",
            f"An event makes the tempo hot with probability {percent(clock.reset)}.",
            "A source chose which events to record, so these are rates of recorded events.",
            "",
            self.assumptions(),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the fit as plain JSON data."""
        plain: dict[str, Any] = plain_json(dataclasses.asdict(self))
        return plain

    def because(self) -> str:
        """Return the reason that `assumptions` writes beside each number."""
        source = f", {self.source}" if self.source else ""
        return f"fitted to {self.event_days:,} event-days in {self.days:,} days of {self.crises:,} past crises{source}"

    def assumptions(self) -> str:
        """Return the fit as part of a scenario: the hidden variable `tempo`, assumptions and moves.

        The range of `event_rate` is for a new crisis. This range includes the differences between crises and the
        uncertainty of the estimate. The assumptions named `LEVEL_factor` multiply `event_rate`. Their ranges hold at
        the estimate of `event_rate`.
        """
        names, clock, low, high = self.levels, self.clock, self.low, self.high
        quiet, steps = float(clock.rates[-1]), list(itertools.pairwise(names))
        half = math.log(high.rates[-1] / low.rates[-1]) / 2
        wide = math.exp(math.hypot(half, Z_95TH_PERCENTILE * clock.spread))
        shares = [_number("{:.1%}", *ends) for ends in zip(clock.start, low.start, high.start, strict=True)]
        values = {"event_rate": ("Public events while quiet", "{:.3g} per day", [quiet, quiet / wide, quiet * wide])}
        for place, (level, following) in enumerate(steps):
            often = [float(c.rates[place]) / quiet for c in (clock, low, high)]
            cooling = [float(c.cooling[place]) for c in (clock, low, high)]
            values[f"{level}_factor"] = (f"Public events while {level}, relative to quiet", "{:.3g}", often)
            values[f"{level}_cooling"] = (f"Cooling from {level} to {following}", "{:.3g} per day", cooling)
        resets = [c.reset for c in (clock, low, high)]
        values["reset_chance"] = ("A public event makes the tempo hot", "{:.1%}", resets)
        because = f"because: {json.dumps(self.because())}"
        lines = ["variables:", "  tempo:", f"    levels: [{', '.join(names)}]", "    hidden: true", "    start:"]
        lines += [f"      {names[0]}: rest"]
        lines += [f"      {name}: {{{share}, {because}}}" for name, share in zip(names[1:], shares[1:], strict=True)]
        lines += ["assumptions:"]
        lines += [
            f"  {key}: {{label: {json.dumps(label)}, {_number(form, *ends)}, {because}}}"
            for key, (label, form, ends) in values.items()
        ]
        return "\n".join([*lines, *_moves(steps)]) + "\n"


def _number(form: str, value: float, low: float, high: float) -> str:
    least = 0.001 if "%" in form else 0.0  # a scenario refuses a chance of 0
    ends = [max(float(end), least) for end in (value, low, high)]
    text = f"value: {form.format(ends[0])}"
    return text + (f", low: {form.format(ends[1])}, high: {form.format(ends[2])}" if _apart(form, *ends) else "")


def _apart(form: str, value: float, low: float, high: float) -> bool:
    return low < value < high and len({form.format(end) for end in (low, value, high)}) == 3


def _moves(steps: Sequence[tuple[str, str]]) -> list[str]:
    lines = ["moves:", "  public-event:", "    actor: nature", "    label: A public event", "    rate: event_rate"]
    lines += ["    times:", *(f"      - {{by: {level}_factor, when: {{tempo: {level}}}}}" for level, _ in steps)]
    lines += ["    outcomes:", "      passes: {}"]
    lines += [f"      heats: {{chance: reset_chance, then: {{tempo: {steps[0][0]}}}}}"]
    for level, following in steps:
        lines += [f"  cool-from-{level}:", "    actor: nature", f"    label: Cool down from {level} to {following}"]
        lines += [f"    when: {{tempo: {level}}}", f"    rate: {level}_cooling", f"    then: {{tempo: {following}}}"]
        lines += ["    covert: true"]
    return lines


def flat(clock: TempoClock) -> Floats:
    """Return all values of a clock as one vector, in the order of `CLOCK_FIELDS`."""
    return np.hstack([np.asarray(getattr(clock, name)) for name in CLOCK_FIELDS])


# -------------------------------------------------------------------- fitting


@dataclass(frozen=True)
class _Scale:
    """The values of a `TempoClock` as one vector, on scales that suit the optimiser.

    The vector holds, in this order:

    - the log of the lowest rate.
    - the logs of the ratios of the rates at neighbouring levels.
    - the logs of the cooling rates.
    - the logit of the probability that an event makes the tempo hot.
    - the logs of the probabilities of the starting levels, relative to that of the last level.
    - the spread of the activity between crises.
    """

    levels: int

    @property
    def bounds(self) -> list[tuple[float, float]]:
        steps = self.levels - 1
        return [(-9, 1), *[(0.0, 6.0)] * steps, *[(-7, 2)] * steps, (-6, 6), *[(-6, 6)] * steps, (0.05, 2.5)]

    def first_guess(self, rate: float) -> Floats:
        """Return the vector from which the optimiser starts, for records with `rate` events per day."""
        steps = self.levels - 1
        cooling = np.log([0.14, 0.0125] if steps == 2 else [0.1])
        return np.array([math.log(rate) - 1, *[1.2] * steps, *cooling, -1.4, *[0.5] * steps, 0.4])

    def clock(self, x: Floats) -> TempoClock:
        steps = self.levels - 1
        lowest, ratios, cooling, reset, start, spread = np.split(x, np.cumsum([1, steps, steps, 1, steps]))
        rates = np.exp(lowest + np.append(np.cumsum(ratios[::-1])[::-1], 0.0))
        shares = np.exp(np.append(start, 0.0) - max(start.max(), 0.0))
        chance = float(1 / (1 + np.exp(-reset[0])))
        return TempoClock(rates, np.exp(cooling), chance, shares / shares.sum(), float(spread[0]))


def fit_tempo(records: Iterable[CrisisRecord], *, levels: int = 3, source: str = "") -> TempoFit:
    """Fit a model of a crisis's tempo (pace of events) to past crises by maximum likelihood.

    Args:
        records: The crises. A crisis whose record ends on its first day is left out.
        levels: Number of levels of the tempo, 2 or 3.
        source: The source of the records, named in the reasons that `TempoFit.assumptions` writes.

    Raises:
        SimlibError: For fewer than `FEWEST_CRISES` crises, for no event at all, and for a number of levels other than 2
            or 3.
    """
    from scipy.optimize import minimize

    crises = [record for record in records if record.last_day > 0]
    events, days = sum(len(r.days) for r in crises), sum(r.last_day for r in crises)
    if levels not in LEVELS:
        raise SimlibError(f"a tempo is fitted with {' or '.join(map(str, LEVELS))} levels, not with {levels}")
    if len(crises) < FEWEST_CRISES or not events:
        counts = f"{counted(len(crises), 'crisis', 'crises')} with {counted(events, 'event-day')}"
        raise SimlibError(
            f"a fit of the tempo needs at least {FEWEST_CRISES} crises and one event-day after the first day: {counts}"
        )
    gaps, scale = Gaps(crises), _Scale(levels)

    def lost(x: Floats) -> float:
        return -float(gaps.log_likelihood(scale.clock(x)).sum())

    fit = minimize(lost, scale.first_guess(events / days), method="L-BFGS-B", bounds=scale.bounds)
    low, high = _interval(gaps, scale, fit.x)
    return TempoFit(scale.clock(fit.x), low, high, float(-fit.fun), len(crises), events, days, source)


def _interval(gaps: Gaps, scale: _Scale, x: Floats) -> tuple[TempoClock, TempoClock]:
    """Return two `TempoClock`s, with the 5% and with the 95% quantile of each value.

    The quantiles are computed from draws from the normal approximation of the estimate. The information matrix is the
    sum, over crises, of the outer products of the gradients of the log-likelihood. A value that the fit puts at its
    bound stays there in every draw.
    """
    bounds = np.array(scale.bounds)
    free = np.flatnonzero((x > bounds[:, 0] + 1e-6) & (x < bounds[:, 1] - 1e-6))
    step = 1e-4 * np.eye(len(x))[free]
    slopes = [gaps.log_likelihood(scale.clock(x + h)) - gaps.log_likelihood(scale.clock(x - h)) for h in step]
    scores = np.array(slopes) / 2e-4
    strength, ways = np.linalg.eigh(scores @ scores.T)
    normal = np.random.default_rng(0).normal(size=(TEMPO_DRAWS, len(free))) / np.sqrt(np.maximum(strength, WEAKEST))
    draws = np.tile(x, (TEMPO_DRAWS, 1))
    draws[:, free] += normal @ ways.T
    clocks = [scale.clock(draw) for draw in np.clip(draws, *bounds.T)]
    columns = [np.array([getattr(clock, name) for clock in clocks]) for name in CLOCK_FIELDS]
    low, high = ([np.quantile(column, end, axis=0) for column in columns] for end in (0.05, 0.95))
    return TempoClock(*low), TempoClock(*high)
