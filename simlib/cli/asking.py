"""The questions on the command line: each computes, tells its sentences, and writes JSON and tables."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from simlib.cli import figures, listing, numbers, world
from simlib.cli.arguments import RUNS
from simlib.cli.files import Picture, draw_all, slug, staged, write_table
from simlib.cli.playing import DOES_NOT_FIT, either, ending_in, play, too_large
from simlib.cli.progress import Task
from simlib.cli.variants import variants_asked, views_asked, weights_asked
from simlib.errors import MissingDependency
from simlib.results import ONGOING, plain_json, write_atomically
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd

    from simlib.analysis.discovery import Discovery
    from simlib.analysis.fans import Fan
    from simlib.analysis.indicators import Indicators
    from simlib.analysis.measures import Measure
    from simlib.analysis.paths import Paths
    from simlib.analysis.pooling import Pooled
    from simlib.analysis.seeing import Seeing
    from simlib.analysis.whatif import Comparison
    from simlib.engines.histories import Histories

FAN_DRAWS, FAN_TIMES, FAN_RUNS = 100, 45, 200
"""Draws and report times of a nested fan, and replicates of a draw where the exact engine cannot."""

HISTORIES = 40
"""Histories on a ladder plot."""


class Result(Protocol):
    """What every question answers with."""

    def frame(self) -> pd.DataFrame:
        """Return a tidy table."""

    def sentences(self) -> list[str]:
        """Return the answer in sentences."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""


def compare(arguments: Namespace) -> int:
    """What if: the scenario beside itself with the interventions, values and views asked for."""
    from simlib.analysis.whatif import compare as asked

    base = world.stated(arguments)
    numbers.check(arguments, base)
    variants = variants_asked(arguments, base)

    def by(engine: Any) -> Comparison:
        with Task("comparing") as task:
            return asked(
                base, variants, measures=arguments.measure or None, engine=engine, runs=arguments.runs,
                draws=arguments.draws, seed=arguments.seed, progress=task.report, cancel=task.cancelled,
            )  # fmt: skip

    result = either(by, arguments.engine)
    drawn = [measure.name for measure in result.measures if arguments.measure or measure.kind == "ending"]
    pictures = partial(figures.compare, result, drawn)
    return _tell(arguments, {"comparison": result, "flips": _Table(result.frame("flips"))}, pictures,
                 listing.compared(result))  # fmt: skip


def drivers(arguments: Namespace) -> int:
    """What drives it: slopes, a tornado, and with --sobol shares of the doubt."""
    from simlib.analysis.drivers import elasticities, tornado
    from simlib.analysis.sobol import sobol

    scenario, measures = _scenario(arguments), arguments.measure or None
    results: dict[str, Result] = {}
    try:
        if arguments.engine != "montecarlo":
            with Task("following the slopes") as task:
                results["elasticities"] = elasticities(
                    scenario, measures, day=arguments.day, progress=task.report, cancel=task.cancelled
                )
    except DOES_NOT_FIT as error:
        if arguments.engine or not numbers.uncertain(scenario):
            raise
        world.note(f"{too_large(error)}; no slopes, and the rest by Monte Carlo")
    engine: Any = arguments.engine or ("auto" if results else "montecarlo")
    if not numbers.uncertain(scenario):
        world.note("every assumption is fixed: there is no range to move it over")
        return _tell(arguments, results)
    with Task("moving every assumption over its range") as task:
        results["tornado"] = bars = tornado(
            scenario, measures, engine=engine, top=arguments.top, day=arguments.day, seed=arguments.seed,
            progress=task.report, cancel=task.cancelled,
        )  # fmt: skip
    shares = None
    if arguments.sobol:
        with Task("sharing out the doubt") as task:
            results["sobol"] = shares = sobol(
                scenario, measures, engine=engine, top=arguments.top, day=arguments.day, seed=arguments.seed,
                progress=task.report, cancel=task.cancelled,
            )  # fmt: skip
    return _tell(arguments, results, partial(figures.drivers, bars, shares), listing.tried(bars))


def uncertainty(arguments: Namespace) -> int:
    """How sure: the spread over the priors, doubt and chance apart, and what would be worth finding out."""
    from simlib.analysis.knowing import value_of_knowing
    from simlib.analysis.uncertainty import propagate

    scenario, measures = _scenario(arguments), arguments.measure or None
    with Task("carrying the priors through") as task:
        doubt = propagate(
            scenario, measures, draws=arguments.draws or None, day=arguments.day, seed=arguments.seed,
            engine=arguments.engine or "auto", progress=task.report, cancel=task.cancelled,
        )  # fmt: skip
    worths = {f"knowing-{slug(measure.name)}": value_of_knowing(doubt, measure.name) for measure in doubt.measures
              if measure.probability}  # fmt: skip
    fan = _fan(scenario, arguments) if arguments.out is not None and scenario.ladders else None
    seen = _seen(scenario, arguments, doubt.measures) if arguments.observe is not None else {}
    drawn = partial(figures.uncertainty, doubt, worths, fan, seen)
    tables = chain.from_iterable(map(listing.worth_seeing, seen.values()))
    return _tell(arguments, {"uncertainty": doubt, **worths, **seen}, drawn, tables)


def _seen(scenario: Scenario, arguments: Namespace, measures: Iterable[Measure]) -> dict[str, Seeing]:
    """Return for each ending and question what seeing each public move by a day would be worth."""
    from simlib.analysis.seeing import DRAWS, value_of_seeing

    found = {}
    for measure in measures:
        if measure.kind in ("ending", "question") and measure.of != ONGOING:
            with Task(f"looking out for “{measure.label}”") as task:
                found[f"seeing-{slug(measure.name)}"] = value_of_seeing(
                    scenario, measure.name, within_days=arguments.observe, draws=arguments.draws or DRAWS,
                    day=arguments.day, seed=arguments.seed, progress=task.report, cancel=task.cancelled,
                )  # fmt: skip
    return found


def _fan(scenario: Scenario, arguments: Namespace) -> Fan:
    """Return where the ladder stands over the priors, by Monte Carlo where there are too many states."""
    from simlib.analysis.fans import ladder_fan
    from simlib.engines.mixture import over_priors

    with Task("unfolding the fan") as task:
        ask = partial(over_priors, scenario, draws=FAN_DRAWS, seed=arguments.seed, times=FAN_TIMES,
                      horizon=arguments.day, progress=task.report, cancel=task.cancelled)  # fmt: skip
        try:
            found = ask(engine=arguments.engine or "exact")
        except DOES_NOT_FIT:
            found = ask(engine="montecarlo", runs=FAN_RUNS * FAN_DRAWS)
    return ladder_fan(found, scenario.ladder or None)


def paths(arguments: Namespace) -> int:
    """By which path: the most probable classes of paths, and what every path to an ending passes."""
    from simlib.analysis.passages import passages
    from simlib.analysis.paths import path_classes, sampled_paths, times_between_rungs
    from simlib.analysis.variants import with_ladder_over

    scenario, ladder = _scenario(arguments), arguments.ladder
    if arguments.over:
        scenario, ladder = with_ladder_over(scenario, arguments.over)
    played = _played(scenario, arguments)

    def by(engine: str) -> Paths:
        if engine == "montecarlo":
            return sampled_paths(played(), ladder=ladder, given=arguments.given or "", top=arguments.top)
        with Task("following the paths") as task:
            return path_classes(
                scenario, ladder=ladder, given=arguments.given or "", top=arguments.top, progress=task.report,
                cancel=task.cancelled,
            )  # fmt: skip

    found = either(by, arguments.engine)
    results: dict[str, Result] = {"paths": found, "tree": _Table(found.tree_frame())}
    if arguments.given and arguments.passages and found.engine == "exact":
        with Task("closing one passage after another") as task:
            frame = passages(scenario, arguments.given, ladder=ladder, progress=task.report, cancel=task.cancelled)
        results["passages"] = _Table(frame, show=True)
    elif arguments.passages:
        world.note("what share passes each rung and move is only known with --given, and exactly")
    tables: Iterable[str] = ()
    try:
        some = ending_in(played(), arguments.given or "")
        if len(some):
            times = times_between_rungs(some, ladder=found.ladder)
            results["times"], tables = _Table(times), listing.passed(times, len(some))
        else:
            world.note(f"no time between rungs: none of {len(played()):,} histories ends in {arguments.given!r}")
    except MissingDependency as error:
        world.note(f"no histories are played: {error}")
    told = _histories(scenario, arguments, played) if arguments.out is not None else None
    return _tell(arguments, results, partial(figures.paths, found, told), tables)


def _played(scenario: Scenario, arguments: Namespace) -> Callable[[], Histories]:
    """Return what plays the histories when they are first wanted, and keeps them."""
    return cache(partial(play, scenario, arguments.runs, arguments.seed))


def _histories(scenario: Scenario, arguments: Namespace, played: Callable[[], Histories]) -> Histories | None:
    """Return a few histories, given the ending if one is; None where they cannot be played here."""
    from simlib.engines.conditioned import histories_given

    try:
        if arguments.given and arguments.engine != "montecarlo":
            with Task("playing histories") as task:
                return histories_given(scenario, f"ending:{arguments.given}", HISTORIES, cancel=task.cancelled)
    except DOES_NOT_FIT:
        pass
    try:
        return ending_in(played(), arguments.given or "", HISTORIES)
    except MissingDependency:
        return None


def indicators(arguments: Namespace) -> int:
    """What to watch for: what seeing a move or a level by a day says of an ending."""
    from simlib.analysis.indicators import indicators as asked
    from simlib.analysis.indicators import of_every_ending

    scenario = _scenario(arguments)
    results: dict[str, Indicators] = {}
    day, every = numbers.looked_by(arguments, scenario), list(scenario.endings)
    for ending in arguments.ending or every[:1]:
        with Task(f"watching for {ending}") as task:
            results[f"indicators-{ending}"] = asked(
                scenario, ending, day=day, times_seen=arguments.times_seen, draws=arguments.draws,
                runs=arguments.runs, seed=arguments.seed, doing=arguments.doing, progress=task.report,
                cancel=task.cancelled,
            )  # fmt: skip
    if any(found.details.get("doing_engine", "exact") != "exact" for found in results.values()):
        world.note("too many states for the exact engine; what forcing a move adds is counted in histories under the "
                   "same dice")  # fmt: skip
    of_all = list(results.values())
    if arguments.out is not None and not arguments.ending and len(every) > 1:
        with Task("watching for every ending") as task:
            of_all = of_every_ending(
                scenario, day=day, times_seen=arguments.times_seen, draws=arguments.draws, runs=arguments.runs,
                seed=arguments.seed, progress=task.report, cancel=task.cancelled,
            )  # fmt: skip
    return _tell(arguments, results, partial(figures.indicators, list(results.values()), of_all),
                 chain.from_iterable(map(listing.watched, results.values())))  # fmt: skip


def discover(arguments: Namespace) -> int:
    """Under which assumptions: boxes and a tree over the priors."""
    from simlib.analysis.discovery import discover as asked

    scenario = _scenario(arguments)
    numbers.insist_on_doubt(scenario)
    results: dict[str, Discovery] = {}
    for measure in arguments.measure or [f"ending:{next(iter(scenario.endings), '')}"]:
        with Task(f"discovering where {measure} is likely") as task:
            results[f"discovery-{slug(measure)}"] = asked(
                scenario, measure, threshold=arguments.threshold, engine=arguments.engine or "montecarlo",
                draws=arguments.draws, runs=arguments.runs, seed=arguments.seed, progress=task.report,
                cancel=task.cancelled,
            )  # fmt: skip
    return _tell(arguments, results, lambda: chain.from_iterable(map(figures.discover, results.values())))


def pool(arguments: Namespace) -> int:
    """Several views as one forecast, pooled linearly and logarithmically, and where they disagree."""
    from simlib.analysis.pooling import pool_views

    views = views_asked(arguments)
    numbers.check(arguments, next(iter(views.values())))

    def by(engine: Any) -> Pooled:
        with Task("forecasting each view") as task:
            return pool_views(
                views, weights_asked(arguments, list(views)), engine=engine, draws=arguments.draws,
                runs=arguments.runs or RUNS, seed=arguments.seed, progress=task.report, cancel=task.cancelled,
            )  # fmt: skip

    result = either(by, arguments.engine)
    return _tell(arguments, {"pool": result}, partial(figures.pool, result))


def diff(arguments: Namespace) -> int:
    """What changed between two scenarios or views, and what that did."""
    from simlib.analysis.differing import diff as asked
    from simlib.scenario.load import load

    other = arguments.other or arguments.path
    before, after = load(arguments.path, view=arguments.view), load(other, view=arguments.other_view)
    with Task("solving both") as task:
        try:
            result = asked(
                before, after, forecast=not arguments.no_forecast, progress=task.report, cancel=task.cancelled
            )
        except DOES_NOT_FIT as error:
            world.note(f"what that does to the forecast is not shown: {too_large(error)}")
            result = asked(before, after, forecast=False)
    return _tell(arguments, {"diff": result}, partial(figures.diff, result))


# -------------------------------------------------------------------- telling


class _Table:
    """A table that comes with an answer and has no sentences of its own; with `show` it is printed."""

    def __init__(self, frame: pd.DataFrame, *, show: bool = False) -> None:
        self._frame, self._show = frame, show

    def frame(self) -> pd.DataFrame:
        return self._frame

    def sentences(self) -> list[str]:
        return self._frame.to_string(index=False, float_format=lambda x: f"{x:.3g}").split("\n") if self._show else []

    def to_dict(self) -> dict[str, Any]:
        return {"rows": self._frame.to_dict("records")}


def _scenario(arguments: Namespace) -> Scenario:
    scenario = world.changed(arguments, world.stated(arguments))
    numbers.check(arguments, scenario)
    return scenario


def _tell(
    arguments: Namespace, results: Mapping[str, Result], pictures: Callable[[], Iterable[Picture]] = tuple,
    tables: Iterable[str] = (),
) -> int:  # fmt: skip
    """Print the answer, then write what was asked for: every file, or where that is stopped none."""
    data = _finite(plain_json({name: result.to_dict() for name, result in results.items()}))
    text = json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False, default=str) + "\n"
    if arguments.json == "-":
        sys.stdout.write(text)
    else:
        told = [line for result in results.values() for line in result.sentences()]
        sys.stdout.write("".join(f"{line}\n" for line in told) + "".join(f"\n{text}\n" for text in tables))
    if arguments.json not in (None, "-"):
        write_atomically(Path(arguments.json), text.encode())
        sys.stderr.write(f"written: {arguments.json}\n")
    if arguments.out is not None:
        sys.stdout.flush()
        with Task("drawing") as task, staged(arguments.out) as stage:
            for name, result in results.items():
                write_table(result.frame(), stage / f"{name}.csv")
            write_atomically(stage / f"{arguments.command}.json", text.encode())
            draw_all(pictures(), stage, task)
            written = len(list(stage.iterdir()))
        sys.stderr.write(f"written: {written} files in {arguments.out}\n")
    return 0


def _finite(value: Any) -> Any:
    """Return JSON data with numbers that cannot be had (not a number, infinite) as null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and value - value != 0 else value
