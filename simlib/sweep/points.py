"""The task of a worker: one block (group of forecasts) of a sweep, computed with one engine."""

from __future__ import annotations

import importlib.util
import time as clock
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simlib.arguments import Engine
from simlib.control import Control
from simlib.errors import DOES_NOT_FIT, MissingDependency
from simlib.machine import priors
from simlib.results import Band, Forecast, above_zero
from simlib.scenario.model import Scenario
from simlib.sweep.design import SweepDesign
from simlib.typing import Ints

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Options", "chosen_engine", "work"]


@dataclass(frozen=True)
class Options:
    """The options with which every forecast of a sweep is computed.

    - `engine`: "exact", "montecarlo" or "auto".
    - `runs`: number of replicates of each forecast (0 for the exact engine).
    - `times`: the report times, in days.
    - `horizon`: the length of the forecast, in days.
    """

    engine: Engine
    runs: int
    times: tuple[float, ...]
    horizon: float


HISTORIES_PER_FORECAST = 1000
"""Number of simulated histories of each forecast, for questions that the exact engine cannot answer."""

_SCALE = 'install it in the clone of simlib: python -m pip install -e ".[scale]"'


def need(module: str, what: str) -> None:
    """Raise MissingDependency if the package `module`, which `what` needs, is not installed."""
    if importlib.util.find_spec(module) is None:
        raise MissingDependency(f"{what} need the package {module}; {_SCALE}")


@lru_cache(maxsize=8)
def _solver(world: Scenario, options: Options) -> Any:
    """Return the exact engine of a scenario.

    Only the last few engines are stored, because an engine may hold many states.
    """
    from simlib.engines.exact.forecast import Solver

    return Solver(world, control=Control(threads=1), **_common(options))


@lru_cache(maxsize=256)
def _simulator(world: Scenario, options: Options) -> Any:
    from simlib.engines.montecarlo.simulator import Simulator

    return Simulator(world, **_common(options))


def _common(options: Options) -> dict[str, Any]:
    return {"times": options.times, "by": options.horizon}


def chosen_engine(worlds: Iterable[Scenario], options: Options) -> Engine:
    """Return "exact" if the exact engine can compute every scenario, else "montecarlo"."""
    try:
        for world in worlds:
            _solver(world, options)
    except DOES_NOT_FIT:
        return "montecarlo"
    return "exact"


def work(
    numbers: Ints, part: SweepDesign, options: Options, halted: Callable[[], bool] | None = None
) -> tuple[pd.DataFrame, float]:
    """Return a table of the results of a block, and the seconds spent in the engine.

    `numbers` are the numbers of the forecasts in the whole sweep, and `part` is the design of these forecasts only. The
    forecasts of one scenario are computed one after another, so that the engine of this scenario is built only once.
    Raises Cancelled as soon as `halted` returns True.
    """
    import pandas as pd

    frames, busy = [], 0.0
    for row in np.argsort(part.world, kind="stable"):
        world = part.worlds[part.world[row]]
        engine = (_solver if options.engine == "exact" else _simulator)(world, options)
        begun = clock.perf_counter()
        bands = _answer(engine, part, int(row), world, options, halted)
        busy += clock.perf_counter() - begun
        frames.append(_rows(int(numbers[row]), bands, options))
    columns = {name: np.concatenate([frame[name] for frame in frames]) for name in frames[0]}
    return pd.DataFrame(columns), busy


def _answer(
    engine: Any, part: SweepDesign, row: int, world: Scenario, options: Options, halted: Callable[[], bool] | None
) -> list[tuple[str, str, Band]]:
    theta, seed, control = part.theta[row], int(part.seed[row]), Control(cancel=halted, threads=1)
    common = {"centre": priors.theta(world) if part.drawn else None, "seed": seed, "control": control}
    if options.engine != "exact":
        counts = engine.run(theta, runs=options.runs, **common)
        return _bands(world, counts) + (_means(engine.forecast(counts, theta=theta)) if world.impacts else [])
    forecast: Forecast = engine.solve(theta, runs=HISTORIES_PER_FORECAST, **common)
    return [
        (kind, name, band)
        for kind, bands in (("ending", forecast.endings), ("question", forecast.questions))
        for name, band in bands.items()
    ] + _means(forecast)


def _means(forecast: Forecast) -> list[tuple[str, str, Band]]:
    bands = {name: Band(*above_zero(impact.mean, impact.error)) for name, impact in forecast.impacts.items()}
    return [("impact", name, band) for name, band in bands.items()]


def _bands(world: Scenario, counts: Any) -> list[tuple[str, str, Band]]:
    ended = np.column_stack([counts.endings, counts.runs - counts.endings.sum(axis=1)])
    both = np.column_stack([ended, counts.questions])
    names = [("ending", name) for name in (*world.endings, "ongoing")] + [("question", q) for q in world.questions]
    band = Band.wilson(both, counts.runs)
    return [
        (kind, name, Band(band.probability[:, i], band.low[:, i], band.high[:, i]))
        for i, (kind, name) in enumerate(names)
    ]


def _rows(number: int, bands: list[tuple[str, str, Band]], options: Options) -> dict[str, NDArray[Any]]:
    days, size = np.array(options.times), len(bands) * len(options.times)
    return {
        "point": np.full(size, number),
        "day": np.tile(days, len(bands)),
        "kind": np.repeat(np.array([kind for kind, _, _ in bands], dtype=object), len(days)),
        "name": np.repeat(np.array([name for _, name, _ in bands], dtype=object), len(days)),
        **{key: np.concatenate([getattr(band, key) for _, _, band in bands]) for key in ("probability", "low", "high")},
    }
