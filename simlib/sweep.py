"""Sweeps: a design of many points × an engine → a folder of Parquet files, on this machine or on a Dask cluster.

A *point* is a world (a scenario, perhaps seen through a view and with interventions), one set of assumption values
and a seed. Points are worked off in blocks, in a balanced order (a seeded permutation), so that an aborted sweep is
still a fair sample. Each finished block is one file, written whole or not at all: a sweep killed at any moment goes
on where it was, loses nothing and counts nothing twice. What a point gives does not depend on who works it out: the
same numbers, bit for bit, on one thread or on a cluster.

The folder holds `manifest.json` (what is swept, how, and its hash), `design.parquet` (one row per point) and
`block-NNNNNN.parquet` (one row per point, time and measure).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
import os
import time as clock
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from simlib import priors
from simlib.errors import Cancelled, MissingDependency, SimlibError
from simlib.results import Band, Forecast, plain_json, write_atomically
from simlib.scenario.model import Intervention, Scenario
from simlib.tables import Floats, grid

if TYPE_CHECKING:
    import pandas as pd

Engine = Literal["exact", "montecarlo"]

_SCALE = 'install it in the clone of simlib: python -m pip install -e ".[scale]"'


# -------------------------------------------------------------------- designs


@dataclass(frozen=True)
class Design:
    """What is to be worked out: P points over a few worlds.

    theta (P, A) are assumption values in base units, world (P,) indexes `worlds`, seed (P,). `drawn`: θ are draws from
    the priors around the stated values of their world. `columns` describe each point by name.
    """

    worlds: tuple[Scenario, ...]
    world: NDArray[np.int64]
    theta: Floats
    seed: NDArray[np.int64]
    columns: Mapping[str, list[Any]] = field(default_factory=dict)
    drawn: bool = False

    def __len__(self) -> int:
        return len(self.theta)

    @property
    def sha256(self) -> str:
        """Hash of everything that decides the answers."""
        digest = hashlib.sha256(repr((self.drawn, [world.sha256 for world in self.worlds])).encode())
        for part in (self.world, self.theta, self.seed):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def frame(self) -> pd.DataFrame:
        """Return one row per point: its number, world, seed, what the design varies, and all assumption values."""
        import pandas as pd

        names = list(self.worlds[0].assumptions)
        shas = np.array([world.sha256 for world in self.worlds])
        told = {"point": np.arange(len(self)), "scenario_sha256": shas[self.world], "seed": self.seed, **self.columns}
        return pd.concat([pd.DataFrame(told), pd.DataFrame(self.theta, columns=names)], axis=1)

    def part(self, rows: NDArray[np.int64]) -> Design:
        """Return the design of some of the points."""
        return Design(self.worlds, self.world[rows], self.theta[rows], self.seed[rows], {}, self.drawn)


def grid_design(
    scenario: Scenario, values: Mapping[str, Sequence[float | str]], *, seeds: Sequence[int] = (0,)
) -> Design:
    """Return every combination of some assumption values (base units, or quantities as in a file) and seeds.

    Raises ScenarioError for unknown names and for values that do not fit.
    """
    from simlib.scenario.views import with_values

    names = list(values)
    thetas, columns = [], []
    for combination in itertools.product(*values.values()):
        chosen = dict(zip(names, combination, strict=True))
        thetas.append(priors.theta(with_values(scenario, chosen)))
        columns.append(chosen)
    theta = np.repeat(np.array(thetas), len(seeds), axis=0)
    told = {f"set_{name}": [str(c[name]) for c in columns for _ in seeds] for name in names}
    return Design((scenario,), np.zeros(len(theta), np.int64), theta, np.tile(np.asarray(seeds), len(thetas)), told)


def sobol_design(scenario: Scenario, points: int, *, seed: int = 0, dice: int = 0) -> Design:
    """Return `points` draws of the assumptions from their priors (scrambled Sobol), all with the same `dice`."""
    theta = priors.draws(scenario, points, seed=seed)
    return Design((scenario,), np.zeros(points, np.int64), theta, np.full(points, dice, np.int64), {}, drawn=True)


def views_design(
    worlds: Mapping[str, Scenario], *, interventions: Mapping[str, Sequence[Intervention]] | None = None,
    seeds: Sequence[int] = (0,),
) -> Design:  # fmt: skip
    """Return worlds (views of one scenario) × sets of interventions × seeds, by name, at their stated values."""
    acts = {"none": ()} if interventions is None else interventions
    made, rows = [], []
    for (view, world), (act, items) in itertools.product(worlds.items(), acts.items()):
        made.append(world.replace(interventions=(*world.interventions, *items)))
        rows += [(len(made) - 1, view, act, seed) for seed in seeds]
    theta = np.array([priors.theta(made[row[0]]) for row in rows])
    columns = {"view": [row[1] for row in rows], "interventions": [row[2] for row in rows]}
    which, dice = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 3))
    return Design(tuple(made), which, theta, dice, columns)


# -------------------------------------------------------------------- working out a block


@dataclass(frozen=True)
class Options:
    """How every point is worked out; `times` are report days."""

    engine: Engine
    runs: int
    times: tuple[float, ...]
    horizon: float
    ignore_windows: bool


@lru_cache(maxsize=8)
def _machine(world: str, options: Options) -> Any:
    """Return the engine of a world, built once in each process; `world` is its hash, looked up in `_WORLDS`."""
    scenario = _WORLDS[world]
    common = {"times": list(options.times), "horizon": options.horizon, "ignore_windows": options.ignore_windows}
    if options.engine == "exact":
        from simlib.engines.exact import Solver

        return Solver(scenario, threads=1, **common)  # type: ignore[arg-type]
    from simlib.engines.montecarlo import Simulator

    return Simulator(scenario, **common)  # type: ignore[arg-type]


_WORLDS: dict[str, Scenario] = {}


def work(numbers: NDArray[np.int64], part: Design, options: Options) -> tuple[pd.DataFrame, float]:
    """Work out a block: return its rows (point, day, kind, name, probability, low, high) and seconds in the engine."""
    import pandas as pd

    for world in part.worlds:
        _WORLDS.setdefault(world.sha256, world)
    frames, busy = [], 0.0
    for row, number in enumerate(numbers):
        world = part.worlds[part.world[row]]
        machine = _machine(world.sha256, options)
        begun = clock.perf_counter()
        bands = _answer(machine, part, row, world, options)
        busy += clock.perf_counter() - begun
        frames.append(_rows(int(number), bands, options))
    columns = {name: np.concatenate([frame[name] for frame in frames]) for name in frames[0]}
    return pd.DataFrame(columns), busy


def _answer(machine: Any, part: Design, row: int, world: Scenario, options: Options) -> list[tuple[str, str, Band]]:
    theta, centre = part.theta[row], priors.theta(world) if part.drawn else None
    if options.engine == "exact":
        forecast: Forecast = machine.solve(theta, centre=centre)
    else:
        counts = machine.run(theta, centre=centre, runs=options.runs, seed=int(part.seed[row]), threads=1)
        return _bands(world, counts)
    return [(kind, name, band) for kind, bands in (("ending", forecast.endings), ("question", forecast.questions))
            for name, band in bands.items()]  # fmt: skip


def _bands(world: Scenario, counts: Any) -> list[tuple[str, str, Band]]:
    ended = np.column_stack([counts.endings, counts.runs - counts.endings.sum(axis=1)])
    both = np.column_stack([ended, counts.questions])
    names = [("ending", name) for name in (*world.endings, "ongoing")] + [("question", q) for q in world.questions]
    band = Band.wilson(both, counts.runs)
    return [(kind, name, Band(band.probability[:, i], band.low[:, i], band.high[:, i]))
            for i, (kind, name) in enumerate(names)]  # fmt: skip


def _rows(number: int, bands: list[tuple[str, str, Band]], options: Options) -> dict[str, NDArray[Any]]:
    days, size = np.array(options.times), len(bands) * len(options.times)
    return {
        "point": np.full(size, number),
        "day": np.tile(days, len(bands)),
        "kind": np.repeat(np.array([kind for kind, _, _ in bands], dtype=object), len(days)),
        "name": np.repeat(np.array([name for _, name, _ in bands], dtype=object), len(days)),
        **{key: np.concatenate([getattr(band, key) for _, _, band in bands]) for key in ("probability", "low", "high")},
    }


# -------------------------------------------------------------------- running


@dataclass(frozen=True)
class Report:
    """How a sweep went: points done now and before, tasks tried again, and the share of worker time in the engine."""

    folder: Path
    points: int
    done_now: int
    done_before: int
    retried: tuple[str, ...]
    failed: tuple[str, ...]
    seconds: float
    engine_share: float

    def sentences(self) -> list[str]:
        """Tell how it went."""
        done = self.done_now + self.done_before
        where = f"{done} of {self.points} points are in {self.folder} ({self.done_now} now, {self.done_before} before)"
        busy = f"{100 * self.engine_share:.0f}% of the workers' time went into the engine"
        told = [f"{where}, in {self.seconds:.1f} s; {busy}."]
        told += [f"tried again: {line}" for line in self.retried]
        return told + [f"failed: {line}" for line in self.failed]


def run(
    design: Design,
    folder: str | Path,
    *,
    engine: Engine = "montecarlo",
    runs: int = 1000,
    times: int | Iterable[float] = 1,
    horizon: float | None = None,
    ignore_windows: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    block: int = 32,
    retries: int = 2,
    progress: Callable[[float, float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Report:
    """Work out a design into `folder`, going on where an earlier run with the same design and options stopped.

    `scheduler` is the address of a Dask scheduler ("tcp://host:8786"); without it `workers` threads of this machine
    are used (default: all cores). `progress` is told the share done and the seconds left. A task that raises is tried
    `retries` more times, then reported; the others go on. Raises SimlibError for a folder that holds another sweep or
    one of another version of simlib,
    MissingDependency without pyarrow (or Dask, for a cluster), Cancelled (what is done stays).
    """
    _need("pyarrow", "Parquet files")
    longest = design.worlds[0].horizon_days if horizon is None else float(horizon)
    days = tuple(float(t) for t in grid(longest, times))
    days = days[1:] if isinstance(times, int | np.integer) else days
    options = Options(engine, runs if engine == "montecarlo" else 0, days, longest, ignore_windows)
    target = Path(folder)
    _claim(target, design, options, block)
    order = np.random.default_rng(0).permutation(len(design))
    blocks = [order[first : first + block] for first in range(0, len(order), block)]
    missing = [number for number in range(len(blocks)) if not _path(target, number).exists()]
    pool = _Cluster(scheduler, retries) if scheduler else _Threads(workers or os.cpu_count() or 1, retries)
    return _Sweep(design, options, target, blocks, missing, pool, progress, cancel).go()


def _path(folder: Path, number: int) -> Path:
    return folder / f"block-{number:06d}.parquet"


def _claim(folder: Path, design: Design, options: Options, block: int) -> None:
    """Write the manifest and the design into a new folder, or check that the folder holds this very sweep."""
    wanted = plain_json({
        "format": 1, "design_sha256": design.sha256, "points": len(design), "block": block, "engine": options.engine,
        "runs": options.runs, "times": list(options.times), "horizon_days": options.horizon,
        "ignore_windows": options.ignore_windows, "scenario": design.worlds[0].id,
        "scenario_sha256": [world.sha256 for world in design.worlds],
    })  # fmt: skip
    manifest = folder / "manifest.json"
    if not manifest.exists():
        if folder.exists() and any(folder.glob("block-*.parquet")):
            raise SimlibError(f"{folder} holds blocks of a sweep but no manifest.json; choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        _write_parquet(design.frame(), folder / "design.parquet")
        made = {"made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), **_versions()}
        write_atomically(manifest, json.dumps(wanted | made, indent=1).encode())
        return
    there = json.loads(manifest.read_text())
    decides = wanted | {"version": _versions()["version"]}
    different = [_difference(key, there.get(key), value) for key, value in decides.items() if there.get(key) != value]
    if different:
        raise SimlibError(
            f"{folder} holds another sweep: {', '.join(different)}; choose another folder, or ask for the same"
        )


_CALLED = {
    "format": "format of the folder", "design_sha256": "values, seeds or worlds of the points", "points": "points",
    "block": "points in a block", "engine": "engine", "runs": "replicates of a point", "times": "report times",
    "horizon_days": "days of horizon", "ignore_windows": "calendar windows left out", "scenario": "scenario",
    "scenario_sha256": "content of the scenario or its views", "version": "version of simlib",
}  # fmt: skip
"""What people call the entries of a manifest that decide the answers."""


def _difference(key: str, there: Any, wanted: Any) -> str:
    """Say in what a sweep differs, with both values where they can be read."""
    if key.endswith("sha256") or isinstance(wanted, list):
        return f"other {_CALLED[key]}"
    return f"{_CALLED[key]} {there} there and {wanted} here"


def _versions() -> dict[str, str]:
    from simlib import __version__

    return {"version": __version__, "numpy": np.__version__}


def _write_parquet(frame: pd.DataFrame, target: Path) -> None:
    import io

    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", index=False)
    write_atomically(target, buffer.getvalue())


class _Sweep:
    """A sweep under way: keeps the workers busy and writes what they bring."""

    def __init__(
        self, design: Design, options: Options, folder: Path, blocks: list[NDArray[np.int64]], missing: list[int],
        pool: _Threads | _Cluster, progress: Callable[[float, float], None] | None, cancel: Callable[[], bool] | None,
    ) -> None:  # fmt: skip
        self.design, self.options, self.folder, self.blocks = design, options, folder, blocks
        self.missing, self.pool, self.progress, self.cancel = missing, pool, progress, cancel
        self.begun = clock.perf_counter()
        self.done, self.busy = 0, 0.0
        self.failed: list[str] = []

    def go(self) -> Report:
        try:
            tasks = ((n, self.blocks[n], self.design.part(self.blocks[n]), self.options) for n in self.missing)
            for number, result in self.pool.results(tasks):
                self._take(number, result)
                if self.cancel is not None and self.cancel():
                    raise Cancelled(f"the sweep was stopped; {self.folder} keeps what is done, run it again to go on")
        finally:
            self.pool.close()
        return self._report()

    def _take(self, number: int, result: tuple[pd.DataFrame, float] | Exception) -> None:
        if isinstance(result, Exception):
            self.failed.append(f"block {number}: {type(result).__name__}: {result}")
            return
        frame, busy = result
        _write_parquet(frame, _path(self.folder, number))
        self.done += len(self.blocks[number])
        self.busy += busy
        if self.progress:
            share = self.done / max(sum(len(self.blocks[n]) for n in self.missing), 1)
            passed = clock.perf_counter() - self.begun
            self.progress(share, passed * (1 - share) / max(share, 1e-9))

    def _report(self) -> Report:
        seconds = clock.perf_counter() - self.begun
        before = len(self.design) - sum(len(self.blocks[n]) for n in self.missing)
        share = self.busy / max(seconds * self.pool.workers, 1e-9)
        return Report(self.folder, len(self.design), self.done, before, tuple(self.pool.retried), tuple(self.failed),
                      seconds, min(share, 1.0))  # fmt: skip


Task = tuple[int, NDArray[np.int64], Design, Options]


class _Threads:
    """Workers of this process: the Monte Carlo kernel and the exact kernels release the interpreter's lock."""

    def __init__(self, workers: int, retries: int) -> None:
        self.workers, self.retries = workers, retries
        self.retried: list[str] = []
        self._pool = ThreadPoolExecutor(workers)

    def results(self, tasks: Iterator[Task]) -> Iterator[tuple[int, Any]]:
        """Yield (block number, rows or the exception) as blocks finish, a few ahead of the workers."""
        waiting: dict[Future[Any], int] = {}
        for task in tasks:
            waiting[self._pool.submit(self._try, *task)] = task[0]
            if len(waiting) >= 2 * self.workers:
                yield from self._finished(waiting)
        while waiting:
            yield from self._finished(waiting)

    @staticmethod
    def _finished(waiting: dict[Future[Any], int]) -> Iterator[tuple[int, Any]]:
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            yield waiting.pop(future), future.result()

    def _try(self, number: int, rows: NDArray[np.int64], part: Design, options: Options) -> Any:
        for attempt in range(self.retries + 1):
            try:
                return work(rows, part, options)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again and then reported
                last = error
                if attempt < self.retries:
                    self.retried.append(f"block {number}: {type(error).__name__}: {error}")
        return last

    def close(self) -> None:
        """Let what runs finish and drop the rest."""
        self._pool.shutdown(cancel_futures=True)


class _Cluster:
    """Workers of a Dask cluster; results come back here, so they need no folder in common."""

    def __init__(self, scheduler: str, retries: int) -> None:
        _need("distributed", "a Dask cluster")
        import distributed

        self.retries = retries
        self.retried: list[str] = []
        client: Any = distributed.Client
        self._client = client(scheduler)
        threads = self._client.nthreads()
        self.workers, self._known = max(sum(threads.values()), 1), set(threads)

    def results(self, tasks: Iterator[Task]) -> Iterator[tuple[int, Any]]:
        """Yield (block number, rows or the exception); a block whose worker died is run again by the scheduler."""
        import distributed

        ahead = max(4 * self.workers, 8)
        waiting: dict[Any, Task] = {}
        tries: Counter[int] = Counter()
        make: Any = distributed.as_completed
        queue = make()
        for task in itertools.islice(tasks, ahead):
            self._submit(task, waiting, queue)
        for future in queue:
            task = waiting.pop(future.key)
            number, error = task[0], future.exception()
            if error is not None and tries[number] < self.retries:
                tries[number] += 1
                self.retried.append(f"block {number}: {type(error).__name__}: {error}")
                self._submit(task, waiting, queue)
                continue
            yield number, error if error is not None else future.result()
            for new in itertools.islice(tasks, 1):
                self._submit(new, waiting, queue)
        left = sorted(self._known - set(self._client.nthreads()))
        self.retried += [f"whatever the worker {address} was at when it left" for address in left]

    def _submit(self, task: Task, waiting: dict[Any, Task], queue: Any) -> None:
        # Retries of Dask's own would be silent; only blocks of workers that died are left to it.
        future = self._client.submit(work, *task[1:], pure=False)
        waiting[future.key] = task
        queue.add(future)

    def close(self) -> None:
        """Leave the cluster; tasks not yet begun are dropped with their client."""
        self._client.close()


def _need(module: str, what: str) -> None:
    import importlib.util

    if importlib.util.find_spec(module) is None:
        raise MissingDependency(f"{what} need the package {module}; {_SCALE}")


def read(folder: str | Path) -> pd.DataFrame:
    """Return all finished rows of a sweep with the columns of their points, in order of point, kind, name and day.

    Raises SimlibError for a folder that holds no sweep.
    """
    import pandas as pd

    source = Path(folder)
    if not (source / "manifest.json").exists():
        raise SimlibError(f"{source} holds no sweep: it has no manifest.json")
    _need("pyarrow", "Parquet files")
    blocks = sorted(source.glob("block-*.parquet"))
    design = pd.read_parquet(source / "design.parquet", engine="pyarrow")
    if not blocks:
        return design.iloc[:0]
    rows = pd.concat([pd.read_parquet(path, engine="pyarrow") for path in blocks], ignore_index=True)
    merged = rows.merge(design, on="point", validate="many_to_one")
    return merged.sort_values(["point", "kind", "name", "day"], ignore_index=True)
