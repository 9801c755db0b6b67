"""The questions on the command line: each computes, tells its sentences, and writes JSON and tables."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from simlib.cli import world
from simlib.cli.progress import Task
from simlib.cli.variants import variants_asked
from simlib.errors import Problem, ScenarioError
from simlib.results import plain_json, write_atomically
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd


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
    variants = variants_asked(arguments, base)
    with Task("comparing") as task:
        result = asked(
            base, variants, measures=arguments.measure or None, engine=arguments.engine or "exact",
            runs=arguments.runs, draws=arguments.draws, seed=arguments.seed, progress=task.report,
            cancel=task.cancelled,
        )  # fmt: skip
    return _tell(arguments, {"comparison": result, "flips": _Table(result.frame("flips"))})


def drivers(arguments: Namespace) -> int:
    """What drives it: slopes, a tornado, and with --sobol shares of the doubt."""
    from simlib.analysis.drivers import elasticities, tornado
    from simlib.analysis.sobol import sobol

    scenario, measures = _scenario(arguments), arguments.measure or None
    results: dict[str, Result] = {}
    with Task("following the slopes") as task:
        results["elasticities"] = elasticities(
            scenario, measures, day=arguments.day, progress=task.report, cancel=task.cancelled
        )
    with Task("moving every assumption over its range") as task:
        results["tornado"] = tornado(
            scenario, measures, top=arguments.top, day=arguments.day, progress=task.report, cancel=task.cancelled
        )
    if arguments.sobol:
        with Task("sharing out the doubt") as task:
            results["sobol"] = sobol(
                scenario, measures, top=arguments.top, day=arguments.day, seed=arguments.seed, progress=task.report,
                cancel=task.cancelled,
            )  # fmt: skip
    return _tell(arguments, results)


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
    results: dict[str, Result] = {"uncertainty": doubt}
    for measure in doubt.measures:
        if measure.probability:
            results[f"knowing-{measure.name.replace(':', '-')}"] = value_of_knowing(doubt, measure.name)
    return _tell(arguments, results)


def paths(arguments: Namespace) -> int:
    """By which path: the most probable classes of paths, and what every path to an ending passes."""
    from simlib.analysis.paths import passages, path_classes

    scenario = _scenario(arguments)
    with Task("following the paths") as task:
        found = path_classes(
            scenario, ladder=arguments.ladder, given=arguments.given or "", top=arguments.top, progress=task.report,
            cancel=task.cancelled,
        )  # fmt: skip
    results: dict[str, Result] = {"paths": found, "tree": _Table(found.tree_frame())}
    if arguments.given and arguments.passages:
        with Task("closing one passage after another") as task:
            frame = passages(
                scenario, arguments.given, ladder=arguments.ladder, progress=task.report, cancel=task.cancelled
            )
        results["passages"] = _Table(frame, show=True)
    return _tell(arguments, results)


def indicators(arguments: Namespace) -> int:
    """What to watch for: what seeing a move or a level by a day says of an ending."""
    from simlib.analysis.indicators import indicators as asked

    scenario, results = _scenario(arguments), {}
    for ending in arguments.ending or [next(iter(scenario.endings), "")]:
        with Task(f"watching for {ending}") as task:
            results[f"indicators-{ending}"] = asked(
                scenario, ending, day=arguments.day, times_seen=arguments.times_seen, draws=arguments.draws,
                runs=arguments.runs, seed=arguments.seed, doing=arguments.doing, progress=task.report,
                cancel=task.cancelled,
            )  # fmt: skip
    return _tell(arguments, results)


def discover(arguments: Namespace) -> int:
    """Under which assumptions: boxes and a tree over the priors."""
    from simlib.analysis.discovery import discover as asked

    scenario, results = _scenario(arguments), {}
    for measure in arguments.measure or [f"ending:{next(iter(scenario.endings), '')}"]:
        with Task(f"discovering where {measure} is likely") as task:
            results[f"discovery-{measure.replace(':', '-')}"] = asked(
                scenario, measure, threshold=arguments.threshold, engine=arguments.engine or "montecarlo",
                draws=arguments.draws, runs=arguments.runs, seed=arguments.seed, progress=task.report,
                cancel=task.cancelled,
            )  # fmt: skip
    return _tell(arguments, results)


def diff(arguments: Namespace) -> int:
    """What changed between two scenarios or views, and what that did."""
    from simlib.analysis.differing import diff as asked
    from simlib.scenario.load import load

    other = arguments.other or arguments.path
    before, after = load(arguments.path, view=arguments.view), load(other, view=arguments.other_view)
    with Task("solving both") as task:
        result = asked(before, after, forecast=not arguments.no_forecast, progress=task.report, cancel=task.cancelled)
    return _tell(arguments, {"diff": result})


def report(arguments: Namespace) -> int:
    """Write one self-contained page with the answer, what drives it, what to watch for and the assumptions."""
    from simlib.cli.running import compute
    from simlib.export import report as writing

    target: Path = arguments.out
    if target.suffix not in (".html", ".md"):
        raise ScenarioError(Problem("", 0, "--out", f"{target} has no known ending", "expected .html or .md"))
    scenario = _scenario(arguments)
    answer = compute(scenario, arguments)
    with Task("asking what drives it and what to watch for") as task:
        answers = writing.ask(scenario, answer.forecast, progress=task.report, cancel=task.cancelled)
    pieces = list(writing.blocks(answers))
    text = writing.to_html(pieces) if target.suffix == ".html" else writing.to_markdown(pieces)
    write_atomically(target, text.encode())
    sys.stdout.write(f"{target}\n")
    return 0


def sweep(arguments: Namespace) -> int:
    """Work out a design into a folder of Parquet files."""
    from simlib import sweep as sweeping

    scenario = _scenario(arguments)
    design = _design(arguments, scenario)
    with Task(f"sweeping {len(design)} points") as task:
        report = sweeping.run(
            design, arguments.out, engine=arguments.engine or "montecarlo", runs=arguments.runs, times=arguments.times,
            workers=arguments.workers, scheduler=arguments.scheduler, block=arguments.block,
            progress=lambda share, _: task.report(share), cancel=task.cancelled,
        )  # fmt: skip
    sys.stdout.write("".join(f"{line}\n" for line in report.sentences()))
    return 1 if report.failed else 0


def _design(arguments: Namespace, scenario: Scenario) -> Any:
    from simlib import sweep as sweeping
    from simlib.scenario.load import load

    asked = [name for name in ("sobol", "grid", "views") if getattr(arguments, name)]
    if len(asked) != 1:
        raise ScenarioError(
            Problem("", 0, "sweep", f"{len(asked)} designs", "expected one of --sobol, --grid, --views")
        )
    if arguments.sobol:
        return sweeping.sobol_design(scenario, arguments.sobol, seed=arguments.seed)
    if arguments.views:
        worlds = {name: load(arguments.path, view=None if name == "baseline" else name) for name in arguments.views}
        return sweeping.views_design(worlds, seeds=range(arguments.seeds))
    return sweeping.grid_design(scenario, dict(map(_axis, arguments.grid)), seeds=range(arguments.seeds))


def _axis(text: str) -> tuple[str, list[str]]:
    name, equals, values = text.partition("=")
    if not equals or not values:
        raise ScenarioError(Problem("", 0, "--grid", f"{text!r} cannot be read", 'expected "NAME=VALUE,VALUE,..."'))
    return name.strip(), [value.strip() for value in values.split(",")]


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
    return world.changed(arguments, world.stated(arguments))


def _tell(arguments: Namespace, results: Mapping[str, Result]) -> int:
    data = _finite(plain_json({name: result.to_dict() for name, result in results.items()}))
    text = json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False, default=str) + "\n"
    if arguments.json == "-":
        sys.stdout.write(text)
    else:
        told = [line for result in results.values() for line in result.sentences()]
        sys.stdout.write("".join(f"{line}\n" for line in told))
    if arguments.json not in (None, "-"):
        write_atomically(Path(arguments.json), text.encode())
        sys.stderr.write(f"written: {arguments.json}\n")
    if arguments.out is not None:
        for name, result in results.items():
            table = result.frame().to_csv(index=False, lineterminator="\n")
            write_atomically(arguments.out / f"{name}.csv", table.encode())
        write_atomically(arguments.out / f"{arguments.command}.json", text.encode())
        sys.stderr.write(f"written: {len(results) + 1} files in {arguments.out}\n")
    return 0


def _finite(value: Any) -> Any:
    """Return JSON data with numbers that cannot be had (not a number, infinite) as null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and value - value != 0 else value
