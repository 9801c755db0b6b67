"""Histories sampled over the priors, and when in each of them a sign shows: a public move, or a level of a variable."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from simlib.control import in_transition
from simlib.engines.montecarlo.replay import Histories, histories
from simlib.engines.montecarlo.simulator import Simulator
from simlib.errors import Cancelled
from simlib.machine import priors
from simlib.scenario.model import Scenario
from simlib.typing import Floats, Ints


@in_transition
def sampled(
    scenario: Scenario,
    *,
    horizon: float,
    draws: int,
    runs: int,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> tuple[Histories, Ints]:
    """Return histories over the priors and which draw each belongs to; with no draws, at the stated values."""
    simulator = Simulator(scenario, times=1, horizon=horizon)
    centre = priors.theta(scenario)
    thetas = priors.draws(scenario, draws, seed=seed) if draws else centre[None, :]
    each = -(-runs // len(thetas))
    parts = []
    for number, theta in enumerate(thetas):
        own = range(number * each, (number + 1) * each)
        parts.append(histories(simulator, own, theta=theta, centre=centre, seed=seed, threads=1))
        if progress:
            progress((number + 1) / len(thetas))
        if cancel is not None and cancel():
            raise Cancelled("sampling histories was cancelled")
    return _joined(parts), np.repeat(np.arange(len(thetas)), each)


def _joined(parts: list[Histories]) -> Histories:
    counts = np.concatenate([np.diff(part.start) for part in parts])
    names = ("replicates", "time", "move", "outcome", "intervention", "levels", "ending", "ending_time")
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return dataclasses.replace(parts[0], start=np.concatenate([[0], np.cumsum(counts)]), **columns)


def sightings(told: Histories, times_seen: int) -> Iterator[tuple[str, str, str, Floats]]:
    """Yield (kind, id, label, day of the sighting that counts in each history, infinity for none)."""
    history = np.repeat(np.arange(len(told)), np.diff(told.start))
    for index, move in enumerate(told.scenario):
        if not move.covert:
            rows = np.flatnonzero(told.move == index)
            yield "move", move.id, move.label, _nth(history[rows], told.time[rows], len(told), times_seen)
    begins = np.zeros(len(told.time), dtype=bool)
    begins[told.start[:-1]] = True
    for place, variable in enumerate(told.scenario.variables.values()):
        if variable.hidden:
            continue
        levels = told.levels[:, place]
        enters = begins | (levels != np.roll(levels, 1))
        for number, level in enumerate(variable.levels):
            rows = np.flatnonzero(enters & (levels == number))
            label = variable.at(level)
            yield "level", f"{variable.id}={level}", label, _nth(history[rows], told.time[rows], len(told), times_seen)


def _nth(history: Ints, time: Floats, size: int, nth: int) -> Floats:
    """Return the time of the nth row of each history (size,); rows are in order of history and time."""
    result = np.full(size, np.inf)
    first = np.searchsorted(history, np.arange(size))
    counts = np.bincount(history, minlength=size)
    some = counts >= nth
    result[some] = time[first[some] + nth - 1]
    return result
