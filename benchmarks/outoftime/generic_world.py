"""The generic crisis world as a scenario: what a forecaster would write down on the morning after the trigger.

The activity of a crisis never changes. It is a hidden variable with one level for each point of the quadrature rule of
the clock. The variable `today` allows only one event a day: the log says each night whether there was an event, and
midnight resets the variable.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator

from simlib.calibration.crisis_cases import CrisisRecord
from simlib.calibration.tempo_clock import LEVELS, TempoClock
from simlib.engines.exact.forecast import solve
from simlib.evidence.exact_filter import Filter
from simlib.scenario.event_log import LogRow
from simlib.scenario.loader import load_text
from simlib.scenario.model import Scenario, StartState
from simlib.scenario.row_meaning import read_rows

BECAUSE = "because: fitted to the crises before"


def generic_world(clock: TempoClock, first_day: dt.date) -> Scenario:
    """Return the scenario of a crisis whose day 1 is `first_day`, from a fitted clock."""
    names = LEVELS[len(clock.rates)]
    factors, weights = clock.activity
    active = [f"a{place}" for place in range(len(factors))]
    lines = ["format: 1", "id: generic-crisis", "title: A generic crisis", f"as_of: {first_day}", "horizon: 1 day"]
    lines += ["actors: {them: Those involved}", "variables:"]
    lines += ["  today: {levels: [silent, told], start: silent}"]
    lines += [f"  tempo: {{levels: [{', '.join(names)}], hidden: true, start: {_shares(names, clock.start)}}}"]
    lines += [f"  activity: {{levels: [{', '.join(active)}], hidden: true, start: {_shares(active, weights)}}}"]
    lines += ["moves:", "  event:", "    actor: them", "    label: Do or say something", "    when: {today: silent}"]
    lines += [f"    rate: {{value: {float(clock.rates[-1])!r} per day, {BECAUSE}}}", "    times:"]
    lines += [_factor("tempo", name, rate / clock.rates[-1]) for name, rate in zip(names, clock.rates, strict=True)][
        :-1
    ]
    lines += [_factor("activity", name, factor) for name, factor in zip(active, factors, strict=True)]
    lines += ["    outcomes:", "      passes: {then: {today: told}}"]
    chance = f"{{value: {clock.reset!r}, {BECAUSE}}}"
    lines += [f"      heats: {{chance: {chance}, then: {{today: told, tempo: {names[0]}}}}}"]
    for (level, following), rate in zip(itertools.pairwise(names), clock.cooling, strict=True):
        lines += [f"  cool-{level}:", "    actor: nature", f"    label: Cool from {level}", "    covert: true"]
        lines += [f"    when: {{tempo: {level}}}", f"    rate: {{value: {float(rate)!r} per day, {BECAUSE}}}"]
        lines += [f"    then: {{tempo: {following}}}"]
    lines += ["endings: {}", "ladders: {day: [{rung: silent}, {rung: told, when: {today: told}}]}"]
    lines += ["questions:", "  told-today: {label: Something happens today, when: {today: told}, resolves: the log}"]
    lines += ["evidence:", "  seen: {event: never}", "  rows:"]
    lines += ["    - {row: event-day, level: {today: told}}", "    - {row: silent-day, level: {today: silent}}"]
    lines += ["    - {row: midnight, set: {today: silent}}"]
    return load_text("\n".join(lines) + "\n")


def log_until(record: CrisisRecord, first_day: dt.date, day: int) -> Iterator[LogRow]:
    """Yield the log of a crisis as it was on the night after a day: what each day brought, and every midnight."""
    for today in range(1, day + 1):
        date = first_day + dt.timedelta(today - 1)
        yield LogRow("event-day" if today in record.days else "silent-day", date)
        yield LogRow("midnight", date + dt.timedelta(1))


def next_day_by_filter(world: Scenario, record: CrisisRecord, day: int) -> tuple[float, float]:
    """Return the probability of an event on the day after `day`, and the log-likelihood by then.

    The filter and the exact engine of simlib compute both, from the days up to `day` only.
    """
    if day == 0:
        return float(solve(world).questions["told-today"].probability[-1]), 0.0
    morning = world.as_of + dt.timedelta(day)
    prepared = Filter(world, read_rows(world, log_until(record, world.as_of, day)), morning)
    passed = prepared.run()
    # The log has no midnight row for this morning yet, so the new day is set to have no event.
    start = tuple(
        StartState(
            tuple((name, "silent" if name == "today" else level) for name, level in state.levels), state.probability
        )
        for state in prepared.start_after(passed)
    )
    forecast = solve(world.replace(as_of=morning, joint_start=start))
    return float(forecast.questions["told-today"].probability[-1]), passed.log_likelihood


def _shares(names: list[str] | tuple[str, ...], shares: object) -> str:
    stated = [f"{name}: {{value: {float(share)!r}, {BECAUSE}}}" for name, share in zip(names, shares, strict=True)]
    return "{" + ", ".join([*stated[:-1], f"{names[-1]}: rest"]) + "}"


def _factor(variable: str, level: str, by: float) -> str:
    return f"      - {{by: {{value: {float(by)!r}, {BECAUSE}}}, when: {{{variable}: {level}}}}}"
