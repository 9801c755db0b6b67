"""The options of a command line, as one frozen object."""

from __future__ import annotations

import dataclasses
import datetime as dt
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simlib.calibration.forecast_registry import Verdict
    from simlib.scenario.loader import Stream

ChangeOptions = tuple[tuple[str, str], ...]
"""Options that take effect in their order on the command line, each as (kind, text)."""


@dataclass(frozen=True)
class Request:
    """The options of one command. An option that the command does not have keeps its default."""

    command: str = ""
    traceback: bool = False
    path: str | Stream = ""
    """The path of the scenario, or its text if it was read from a pipe."""

    # Changes
    view: str | None = None
    settings: tuple[str, ...] = ()
    """Changed medians of assumptions, each as NAME=VALUE."""
    horizon: str | None = None
    interventions: ChangeOptions = ()
    """Interventions in the order of the command line, each as (kind, text)."""
    variants: tuple[tuple[str, ChangeOptions], ...] = ()
    """Groups of changes, each as (name that `--as` gives, changes)."""
    plans: tuple[tuple[str, ChangeOptions], ...] = ()
    """Groups of interventions of a sweep, each as (name, changes)."""
    cumulative: bool = False
    ignore_windows: bool = False
    save_view: str | None = None

    # What is asked about
    measure: tuple[str, ...] = ()
    by: float | str | None = None
    """The target day: days after the start, or an ISO date. None: the horizon."""
    look_by: float | str | None = None
    """The last day on which an observed move or level counts as a sign. None: no day is given."""
    given: str | None = None
    ladder: str | None = None
    over: str | None = None
    waypoints: bool = False
    threshold: float | None = None
    quantile: tuple[float, ...] = ()
    times_seen: int = 1
    doing: int = 0
    views: tuple[str, ...] = ()
    weights: tuple[str, ...] | None = None
    other: str | Stream | None = None
    other_view: str | None = None
    no_forecast: bool = False
    quick: bool = False
    move: str | None = None
    priors: bool = False

    # Event data
    actors: tuple[str, ...] = ()
    first: dt.date | None = None
    last: dt.date | None = None
    log: Path | None = None
    event: str = ""
    crisis_class: str = ""
    clock: bool = False

    # A log of events
    events: str | None = None
    as_of: dt.date | None = None
    skip_impossible: bool = False
    no_learn: bool = False
    rows: bool = False
    series: str | None = None
    horizons: tuple[int, ...] = ()
    every: int = 1
    learn: bool = False
    since: str | None = None
    """An earlier forecast, as JSON, with which a report compares its own."""

    # The registry of forecasts
    question: tuple[str, ...] = ()
    questions_to: Path | None = None
    number: int = 0
    verdict: Verdict = "void"
    on: dt.date = dt.date.min
    source: str = ""
    correction: bool = False
    receipt: str | None = None
    page: Path | None = None

    # How it is computed
    engine: Any = None
    """The engine. None: the command has no `--engine`, or it is `run` without `--engine`."""
    seed: int = 0
    draws: int = 0
    runs: Any = None
    """Number of replicates for each set of assumption values. None: the default of the command."""
    threads: int | None = None
    tolerance: float | None = None
    most_draws: int | None = None
    sobol: int = 0
    grid: tuple[str, ...] = ()
    seeds: int | None = None
    block: int = 32
    workers: int | None = None
    scheduler: str | None = None

    # What is written, and where
    times: Any = None
    """Number of equal time steps for which the forecast is reported. None: the default of the command."""
    top: int = 0
    to: str = ""
    json: str | None = None
    out: Path | None = None
    no_browser: bool = False
    port: int | None = None
    jupyter: tuple[str, ...] = ()

    @property
    def target(self) -> Path:
        """The place of `--out`, or the current folder without `--out`."""
        return self.out or Path()

    def replace(self, **changes: Any) -> Request:
        """Return a copy with some options changed."""
        return dataclasses.replace(self, **changes)


def frozen(namespace: Namespace, **more: Any) -> Request:
    """Return a request with the options that argparse read into `namespace`, and `more` options.

    Lists become tuples. An option that was not given keeps its default.
    """
    read: Mapping[str, Any] = vars(namespace) | more
    return Request(**{name: _tuples(value) for name, value in read.items() if value is not None})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
