"""`simlib paths`: the most probable paths, steps to an ending, and days between rungs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from simlib.cli.commands.engine_choice import either
from simlib.cli.commands.subject import requested
from simlib.cli.options import world
from simlib.cli.options.request import Request
from simlib.cli.output import figures
from simlib.cli.output.answers import Result, heading, tell
from simlib.cli.output.progress import Task
from simlib.cli.output.text_table import Row, table
from simlib.errors import DOES_NOT_FIT, MissingDependency
from simlib.formatting import how_made, percent
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from simlib.analysis.paths.result import Paths
    from simlib.analysis.paths.stays import RungTimes
    from simlib.analysis.paths.waypoint_shares import Waypoints
    from simlib.analysis.samples import Sample
    from simlib.machine.belief import Belief
    from simlib.machine.measures import Measure

WAYPOINTS = 20
"""Largest number of rungs and moves in the printed table. The files of --out and --json have all of them."""


def execute(arguments: Request) -> int:
    """Print the most probable paths, and the rungs and moves on the way to an ending."""
    from simlib.analysis.paths.classes import counted_paths, searched_paths
    from simlib.analysis.paths.medoids import typical_of
    from simlib.analysis.paths.request import engine_over, known_ending
    from simlib.analysis.paths.stays import counted_rung_times
    from simlib.analysis.whatif.variants import with_ladder_over
    from simlib.machine.measures import headline

    subject, ladder = requested(arguments), arguments.ladder
    scenario, draws = subject.scenario, subject.draws(arguments.draws)
    if arguments.over:
        scenario, ladder = with_ladder_over(scenario, arguments.over)
    named = headline(scenario, ("ending",)).name if arguments.given == "" else arguments.given
    given = known_ending(scenario, named) if named else None
    played = _Played(scenario, draws, given, arguments)

    def by(engine: Any) -> Paths:
        if engine_over(draws, engine) == "montecarlo":
            return counted_paths(played.all, ladder=ladder, given=named, top=arguments.top)
        with Task("following the paths") as task:
            return searched_paths(scenario, ladder=ladder, given=named, top=arguments.top, control=task.control)

    result = either(by, "montecarlo" if draws and arguments.engine == "auto" else arguments.engine)
    results: dict[str, Result] = {"paths": result}
    tables: list[str] = []
    if given and arguments.waypoints:
        on_the_way = _waypoints(result, played)
        results["waypoints"] = on_the_way
        tables += _passed(on_the_way)
    elif arguments.waypoints:
        world.note("--waypoints lists the rungs and moves on the paths to an ending: it has no effect without --given")
    some = played.to_the_ending()
    if some is not None:
        times = counted_rung_times(some, ladder=result.ladder)
        results["times"] = times
        tables += _times(times, played.how_many(some))
    typical = typical_of(some, result) if some is not None and arguments.out is not None else None
    source = {**result.provenance, "engine": result.engine}
    if not draws:
        source["runs"] = result.provenance.get("histories")
    caption = heading(arguments, scenario, how_made(source, "histories"))
    pictures, lines = partial(figures.paths, result, typical), result.sentences()
    frames = {"tree": result.frame("tree")}
    return tell(arguments, results, pictures, tables, lines=lines, caption=caption, frames=frames)


@dataclass
class _Played:
    """The histories behind an answer, simulated when they are first needed, and then stored."""

    scenario: Scenario
    draws: int | Belief
    given: Measure | None
    arguments: Request
    drawn: bool = False
    """Whether the histories were simulated conditional on the ending, and not selected from all histories."""

    @cached_property
    def all(self) -> Sample:
        from simlib.analysis.paths.request import PATH_HISTORIES
        from simlib.analysis.samples import sampled

        runs, seed = self.arguments.runs, self.arguments.seed
        with Task("playing histories") as task:
            return sampled(self.scenario, self.draws, PATH_HISTORIES, runs, by=None, seed=seed, control=task.control)

    def to_the_ending(self) -> Sample | None:
        """Return the histories with the ending of `--given` (without `--given`: all histories).

        Return None if no histories can be simulated.
        """
        from simlib.analysis.paths.conditional_histories import selected_given

        try:
            if self.given is None:
                return self.all
            return self._drawn(self.given) or selected_given(self.all, self.given)
        except MissingDependency as error:
            world.note(f"no histories are simulated: {error}")
            return None

    def _drawn(self, given: Measure) -> Sample | None:
        """Simulate histories under the condition that they end as `given` says.

        The simulation takes no more time for a rare ending than for a common one. Return None if the exact engine
        cannot be used.
        """
        from simlib.analysis.paths.conditional_histories import drawn_given

        if self.arguments.engine == "montecarlo":
            return None
        runs, seed = self.arguments.runs, self.arguments.seed
        try:
            with Task("drawing histories given the ending") as task:
                some = drawn_given(self.scenario, given, draws=self.draws, runs=runs, seed=seed, control=task.control)
        except DOES_NOT_FIT:
            return None
        self.drawn = True
        return some

    def how_many(self, some: Sample) -> str:
        if self.given is None:
            return f"in {len(some):,} histories"
        if self.drawn:
            return f"in {len(some):,} histories simulated under the condition that they end in {self.given.words}"
        return f"in those {len(some):,} of {len(self.all):,} simulated histories that end in {self.given.words}"


def _waypoints(result: Paths, played: _Played) -> Waypoints:
    from simlib.analysis.paths.waypoint_shares import counted_waypoints, waypoints

    assert result.given is not None
    if result.engine == "montecarlo":
        return counted_waypoints(played.all, result.given.name, ladder=result.ladder)
    with Task("computing the waypoints") as task:
        return waypoints(result.scenario, result.given.name, ladder=result.ladder, engine="exact", control=task.control)


def _passed(result: Waypoints) -> Iterator[str]:
    some, exact, rows = [row for row in result.rows if row.share > 0], result.exact, []
    for row in some[:WAYPOINTS]:
        interval = [] if exact else [f"{percent(row.low)} to {percent(row.high)}"]
        rows.append(Row(row.label, [row.kind, percent(row.share), *interval]))
    title = f"Rungs and moves in the histories that end in {result.given.words} by {result.by_words}"
    how = "" if exact else f", counted in {result.provenance['histories']:,} of them"
    head = [["", "share", *([] if exact else ["95% interval"])]]
    text = table(f"{title}, as a share of these histories{how}", head, rows)
    left = len(some) - len(rows)
    yield text + (f"\n  and {left} rarer rungs and moves (--out writes all)" if left else "")


def _times(times: RungTimes, how_many: str) -> Iterator[str]:
    rows = [
        Row(
            f"{stay.rung} → {stay.to}",
            [f"{stay.count:,}", *(f"{p:.3g}" if math.isfinite(p) else "-" for p in stay.days[::2])],
        )
        for stay in times.stays
    ]
    if rows:
        yield table(
            f"Days from entering a rung to entering the next, {how_many}", [["times", "10%", "median", "90%"]], rows
        )
