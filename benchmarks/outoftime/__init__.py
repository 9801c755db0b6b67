"""The test out of time: models that are fitted to the crises before a cut forecast the crises after it.

`SIMLIB_DATA=FOLDER python -m benchmarks outoftime` prints the tables of `docs/out_of_time.md`. A bar is a difference
that must be reached. All bars were set beforehand.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.outoftime import first_strike, rivals, war
from benchmarks.outoftime.crises import Crisis, data_folder, read_crises
from benchmarks.outoftime.cut import Cut, at_peace, quiet_trigger
from benchmarks.outoftime.generic_world import generic_world, next_day_by_filter
from simlib.calibration.crisis_cases import CrisisRecord
from simlib.calibration.scores import PairedDifference, brier, log_score, mixed_with_climatology, paired_difference
from simlib.typing import Floats

CUTS = (1955, 1965, 1975)
LANDMARKS, HORIZONS = (0, 7, 30, 90), (7, 30, 90)
RESAMPLES, SEED = 2000, 0

NEXT_DAY: Mapping[str, tuple[Callable[[Sequence[CrisisRecord]], rivals.Score], float | None]] = {
    "one rate, frailty": (rivals.constant_rate, None),
    "Weibull renewal, online frailty": (rivals.weibull_renewal, 0.25),
    "Hawkes, exponential responses": (rivals.hawkes, 0.0),
    "Hawkes, power law": (rivals.power_law_hawkes, None),
    "five-term regression": (rivals.regression, -0.05),
}
"""The rivals on the next event-day, with the bar: how many nats per crisis better the tempo must be."""

FIRST_STRIKE: Mapping[str, tuple[Callable[[Sequence[Crisis], int], Floats], float | None]] = {
    "constant hazard": (first_strike.constant, None),
    "mass on day 0 and constant hazard": (first_strike.mass_and_constant, 0.2),
    "Weibull (lower end of the interval)": (first_strike.weibull, -0.05),
}
"""The rivals on the first strike. Against the Weibull, the lower end of the interval must reach the bar."""


def main() -> None:
    folder = data_folder()
    crises = read_crises(folder)
    cuts = [Cut(crises, year) for year in CUTS]
    print(f"\n{len(crises)} crises with exact dates; nats per crisis, 95% intervals over crises")
    by_the_library(cuts[0])
    next_event_day(cuts)
    first_strikes(cuts)
    for cut in cuts:
        at_the_trigger(cut)
    for cut in cuts:
        from_landmarks(cut)
    wars(folder)


# -------------------------------------------------------------------- tables


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def heading(title: str, *cells: str) -> None:
    print(f"\n{title}\n")
    row(*cells)
    row(*["---"] * len(cells))


def better_by(mine: Floats, other: Floats, crises: Sequence[Crisis], per: str = "crisis") -> PairedDifference:
    """Return the mean of `mine - other` (log-likelihoods) and its 95% interval over crises."""
    names = [str(crisis.number) for crisis in crises]
    return paired_difference(mine, other, names, per=per, resamples=RESAMPLES, seed=SEED)


def difference(found: PairedDifference, bar: float | None = None, *, lower_end: bool = False) -> str:
    held = found.low if lower_end else found.mean
    reached = "" if bar is None else ", reached" if held >= bar else ", not reached"
    return f"{found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f}){reached}"


def bar_text(bar: float | None) -> str:
    return "" if bar is None else f"at least {bar:+.2f}"


# -------------------------------------------------------------------- which day is the next event-day


def next_event_day(cuts: Sequence[Cut]) -> None:
    """Print how well each day of a crisis is forecast from the days before it."""
    scored = {cut.year: [crisis for crisis in cut.later if crisis.last_day > 0] for cut in cuts}
    heads = [f"{year}: {len(crises)} crises" for year, crises in scored.items()]
    heading("Next event-day: by how much the tempo is better than a rival", "rival", "bar", *heads)
    mine = {cut.year: cut.clock.log_likelihood([crisis.record for crisis in scored[cut.year]]) for cut in cuts}
    for name, (fit, bar) in NEXT_DAY.items():
        cells = []
        for cut in cuts:
            score = fit([crisis.record for crisis in cut.past if crisis.last_day > 0])
            other = score([crisis.record for crisis in scored[cut.year]])
            cells.append(difference(better_by(mine[cut.year], other, scored[cut.year]), bar))
        row(name, bar_text(bar), *cells)


def by_the_library(cut: Cut, number: int = 196) -> None:
    """Print how far simlib's filter and engine are from the fast recursion that is scored.

    Both forecast the days of one crisis. The filter and the engine read this crisis as a scenario.
    """
    crisis = next(crisis for crisis in cut.later if crisis.number == number)
    world = generic_world(cut.clock, crisis.trigger.date() + dt.timedelta(1))
    fast = cut.clock.next_day(crisis.record)
    slow = [next_day_by_filter(world, crisis.record, day)[0] for day in range(crisis.last_day)]
    apart = np.abs(fast - np.array(slow)).max()
    print(
        f"crisis {number} from {crisis.trigger:%d %B %Y} as a scenario, {crisis.last_day} days: differs by {apart:.1e}"
    )


# -------------------------------------------------------------------- the first strike


def first_strikes(cuts: Sequence[Cut]) -> None:
    """Print how well the day of the first strike is forecast at a non-violent trigger."""
    chosen = [(cut, *cut.of(quiet_trigger)) for cut in cuts]
    heads = [f"{cut.year}: {len(later)} crises, {_struck(later)} struck" for cut, _, later in chosen]
    heading("First strike after a non-violent trigger: by how much the tempo is better", "rival", "bar", *heads)
    mine = [first_strike.scores(cut.strike_tempo, later) for cut, _, later in chosen]
    for name, (fit, bar) in FIRST_STRIKE.items():
        cells = []
        for (cut, past, later), ours in zip(chosen, mine, strict=True):
            found = better_by(ours, first_strike.scores(fit(past, cut.days), later), later)
            cells.append(difference(found, bar, lower_end=bar is not None and bar < 0))
        row(name, bar_text(bar), *cells)
    worlds = [first_strike.scores(cut.quiet_world.hazards(cut.days - 1), later) for cut, _, later in chosen]
    found = [better_by(ours, other, later) for ours, other, (_, _, later) in zip(mine, worlds, chosen, strict=True)]
    row("the clock of the event-days", "", *map(difference, found))


def _struck(crises: Sequence[Crisis]) -> int:
    return sum(crisis.first_strike is not None for crisis in crises)


# -------------------------------------------------------------------- landmarks and horizons


def at_the_trigger(cut: Cut) -> None:
    """Print how good the probabilities by days 7, 30 and 90 are at a non-violent trigger."""
    past, later = cut.of(quiet_trigger)
    strike, end = first_strike.piecewise(past, [cut.open_then[crisis.number] for crisis in past], cut.days)
    world = cut.quiet_world
    in_world = world.on_day_0 + (1 - world.on_day_0) * np.append(0, world.incidence(world.start, range(1, 91)))
    gray = first_strike.fine_gray(past, [cut.day_of(crisis) for crisis in past], 91)
    curves = {
        "tempo": first_strike.incidence(cut.strike_tempo, end),
        "the clock of the event-days": in_world,
        "Weibull": first_strike.incidence(first_strike.weibull(past, cut.days), end),
        "piecewise exponential": first_strike.incidence(strike, end),
    }
    forecasts = {name: np.tile(curve[list(HORIZONS)], (len(later), 1)) for name, curve in curves.items()}
    forecasts["Fine-Gray"] = np.array([gray(crisis)[list(HORIZONS)] for crisis in later])
    lost = {
        name: np.column_stack([_lost(values[:, place], past, later, day) for place, day in enumerate(HORIZONS)])
        for name, values in forecasts.items()
    }
    title = f"At a non-violent trigger, cut {cut.year}, {len(later)} crises: mean log score (lower is better)"
    heading(title, "model", *(f"by day {day}" for day in HORIZONS), "tempo better by, sum of the three")
    for name, losses in lost.items():
        against = better_by(losses.sum(axis=1), lost["tempo"].sum(axis=1), later)
        row(name, *(f"{loss:.3f}" for loss in losses.mean(axis=0)), "" if name == "tempo" else difference(against))


def from_landmarks(cut: Cut) -> None:
    """Print how good the forecasts from days 0, 7, 30 and 90 are.

    They are for crises that are no part of a war, still open, and without a strike so far.
    """
    past, later = cut.of(at_peace)
    strike, end = first_strike.piecewise(past, [cut.open_then[crisis.number] for crisis in past], cut.days)
    world = cut.peace_world
    title = f"From a landmark, cut {cut.year}: log score of the generic world, and by how much it is better than bands"
    heading(title, "end of day", "crises", *(f"within {day} days" for day in HORIZONS))
    who: list[Crisis] = []
    ours, theirs = np.zeros(0), np.zeros(0)
    for mark in LANDMARKS:
        still, before = ([c for c in part if c.last_day > mark and not c.struck_by(mark)] for part in (later, past))
        own = np.array([world.incidence(world.morning_after(crisis, mark), HORIZONS) for crisis in still])
        bands = first_strike.incidence(strike[mark + 1 :], end[mark + 1 :])
        cells = []
        for place, horizon in enumerate(HORIZONS):
            mine = _lost(own[:, place], before, still, mark + horizon)
            other = _lost(np.full(len(still), bands[horizon - 1]), before, still, mark + horizon)
            cells.append(f"{mine.mean():.3f}, {difference(better_by(other, mine, still))}")
            who, ours, theirs = who + still, np.append(ours, mine), np.append(theirs, other)
        row(str(mark), str(len(still)), *cells)
    print(f"\nPer forecast, all of them: {difference(better_by(theirs, ours, who, per='case'))}")


def _lost(forecast: Floats, past: Sequence[Crisis], crises: Sequence[Crisis], day: int) -> Floats:
    """Return the log scores of forecasts of a strike by a day.

    Each forecast is mixed with 1% of the share of past crises with a strike by that day.
    """
    base = np.mean([crisis.struck_by(day) for crisis in past])
    mixed = mixed_with_climatology(forecast, np.full(len(crises), base))
    return log_score(mixed, [crisis.struck_by(day) for crisis in crises])


# -------------------------------------------------------------------- war


def wars(folder: Path) -> None:
    table = war.forecasts(war.read_disputes(folder))
    title = f"War among {len(table):,} disputes with use of force: mean scores (lower is better)"
    heading(title, "share of earlier disputes", "Brier", "log")
    for name in ("all", "last 30 years", "weighted by age"):
        row(
            name, f"{brier(table[name], table['war']).mean():.4f}", f"{log_score(table[name], table['war']).mean():.4f}"
        )
