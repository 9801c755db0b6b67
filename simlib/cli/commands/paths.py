"""`simlib paths`: by which path, what every way to an ending passes, and how long things take between rungs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from simlib.cli.commands.engine_choice import DOES_NOT_FIT, either, ending_in, play
from simlib.cli.options import world
from simlib.cli.options.request import Request
from simlib.cli.output import figures
from simlib.cli.output.answers import Result, Table, heading, requested_scenario, tell
from simlib.cli.output.progress import Task
from simlib.cli.output.text_table import Row, table
from simlib.errors import MissingDependency
from simlib.formatting import how_made, long_date, percent
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd

    from simlib.analysis.paths.classes import Paths
    from simlib.engines.montecarlo.replay import Histories

RUNS = 5_000
"""Histories that are played, unless --runs says otherwise."""

DRAWN = 2_000
"""Histories drawn given an ending, unless --runs asks for fewer."""

PASSAGES = 20
"""Most passages in the printed table; the files of --out and --json have them all."""


def execute(arguments: Request) -> int:
    """By which path: the most probable classes of paths, and what every path to an ending passes."""
    from simlib.analysis.paths.classes import path_classes, sampled_paths, times_between_rungs
    from simlib.analysis.paths.medoids import ways
    from simlib.analysis.whatif.variants import with_ladder_over
    from simlib.machine.measures import find

    scenario, ladder = requested_scenario(arguments), arguments.ladder
    if arguments.over:
        scenario, ladder = with_ladder_over(scenario, arguments.over)
    given = find(scenario, arguments.given)[0].of if arguments.given else ""
    told = _Played(scenario, arguments.replace(given=given))

    def by(engine: str) -> Paths:
        if engine == "montecarlo":
            return sampled_paths(told.played, ladder=ladder, given=given, top=arguments.top)
        with Task("following the paths") as task:
            return path_classes(
                scenario, ladder=ladder, given=given, top=arguments.top, progress=task.report, cancel=task.cancelled
            )

    found = either(by, arguments.engine)
    results: dict[str, Result] = {"paths": found, "tree": Table(found.tree_frame())}
    tables: list[str] = []
    if given and arguments.passages:
        frame = _passages(found, told)
        results["passages"] = Table(frame)
        tables += _passed(found, frame)
    elif arguments.passages:
        world.note("--passages needs --given: what share passes each rung and move is told of the ways to one ending")
    some = told.to_the_ending()
    if some is not None:
        times = times_between_rungs(some, ladder=found.ladder)
        results["times"] = Table(times)
        tables += _times(times, told.how_many(some))
    drawn = ways(some, found) if some is not None and arguments.out is not None else None
    source = {"engine": found.engine, "runs": found.details.get("histories"), "seed": arguments.seed}
    head = heading(arguments, scenario, how_made(source, "histories"))
    return tell(arguments, results, partial(figures.paths, found, drawn), tables, head=head)


@dataclass
class _Played:
    """The histories that an answer is told with: played when they are first wanted, then kept."""

    scenario: Scenario
    arguments: Request

    @property
    def runs(self) -> int:
        """How many histories are played."""
        return self.arguments.runs or RUNS

    @cached_property
    def played(self) -> Histories:
        return play(self.scenario, self.runs, self.arguments.seed)

    def to_the_ending(self) -> Histories | None:
        """Return histories, given the ending if one is; None where they cannot be played here."""
        given = self.arguments.given or ""
        try:
            return (self._drawn(given) if given else None) or ending_in(self.played, given)
        except MissingDependency as error:
            world.note(f"no histories are played: {error}")
            return None

    def _drawn(self, given: str) -> Histories | None:
        """Return histories drawn given the ending, as many of a rare one; None where there is no room for that."""
        from simlib.engines.exact.endpoint import histories_given

        if self.arguments.engine == "montecarlo":
            return None
        try:
            with Task("drawing histories to the ending") as task:
                return histories_given(
                    self.scenario,
                    f"ending:{given}",
                    min(self.runs, DRAWN),
                    seed=self.arguments.seed,
                    progress=task.report,
                    cancel=task.cancelled,
                )
        except DOES_NOT_FIT:
            return None

    def how_many(self, some: Histories) -> str:
        """Say how many histories were counted, and of which."""
        given = self.arguments.given
        if not given:
            return f"in {len(some):,} histories"
        label = self.scenario.endings[given].label
        of = f"of {len(self.played):,} played that" if "played" in vars(self) else "drawn to"
        return f"in {len(some):,} histories {of} end in “{label}”"


def _passages(found: Paths, told: _Played) -> pd.DataFrame:
    """Return what share of the histories to an ending pass each rung and move, as exactly as the paths are known."""
    from simlib.analysis.paths.waypoints import passages, sampled_passages

    if found.engine == "montecarlo":
        return sampled_passages(told.played, found.given, ladder=found.ladder)
    with Task("closing one passage after another") as task:
        return passages(found.scenario, found.given, ladder=found.ladder, progress=task.report, cancel=task.cancelled)


def _passed(found: Paths, frame: pd.DataFrame) -> Iterator[str]:
    """Yield the passages to an ending, the most necessary first, with the interval where they were counted."""
    some = [row for row in frame.to_dict("records") if row["share"] > 0]
    counted = found.engine == "montecarlo"
    rows = []
    for row in some[:PASSAGES]:
        interval = [f"{percent(row['low'])} to {percent(row['high'])}"] if counted else []
        rows.append(Row(row["label"], [row["kind"], percent(row["share"]), *interval]))
    by = long_date(found.scenario.by_date(found.day))
    title = f"What the histories that end in “{found.label(found.given)}” by {by} pass, as a share of them"
    how = f", in {found.details['histories']:,} of them" if counted else ""
    text = table(f"{title}{how}", [["", "share", *(["95% interval"] if counted else [])]], rows)
    left = len(some) - len(rows)
    yield text + (f"\n  and {left} rarer ones (--out writes all)" if left else "")


def _times(frame: pd.DataFrame, how_many: str) -> Iterator[str]:
    """Yield the times between rungs that `times_between_rungs` counted, in days."""
    rows = [
        Row(
            f"{row['rung']} → {row['to']}",
            [f"{row['count']:,}", *(f"{row[p]:.3g}" if math.isfinite(row[p]) else "-" for p in ("p10", "p50", "p90"))],
        )
        for row in frame.to_dict("records")
    ]
    if rows:
        yield table(
            f"Days from entering a rung to entering the next, {how_many}", [["times", "10%", "median", "90%"]], rows
        )
