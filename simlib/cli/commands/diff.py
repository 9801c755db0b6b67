"""`simlib diff`: the differences of two scenarios or views, and of their forecasts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from simlib.cli.commands.engine_choice import too_large
from simlib.cli.options import world
from simlib.cli.options.request import Request
from simlib.cli.output import figures, listings
from simlib.cli.output.answers import tell
from simlib.cli.output.progress import Task
from simlib.errors import DOES_NOT_FIT
from simlib.formatting import counted, long_date, percent

if TYPE_CHECKING:
    from simlib.analysis.scenario_diff import Diff
    from simlib.scenario.model import Scenario

PRINTED_CHANGES = 20
"""Largest number of changes that are printed."""


def execute(arguments: Request) -> int:
    """Print how two scenarios, or two views of one scenario, and their forecasts differ."""
    from simlib.analysis.scenario_diff import diff
    from simlib.scenario.loader import load

    other = arguments.other or arguments.path
    before, after = load(arguments.path, view=arguments.view), load(other, view=arguments.other_view)
    with Task("solving both") as task:
        try:
            result = diff(before, after, forecast=not arguments.no_forecast, control=task.control)
        except DOES_NOT_FIT as error:
            world.note(f"the forecasts are not compared: {too_large(error)}")
            result = diff(before, after, forecast=False)
    lines = [*_lead(result, after), *_changes(result)]
    return tell(arguments, {"diff": result}, partial(figures.diff, result), listings.differences(result), lines=lines)


def _lead(result: Diff, after: Scenario) -> Iterator[str]:
    from simlib.machine.measures import headline

    lead = headline(after)
    for row in result.frame("forecast").to_dict("records") if result.by else ():
        if (row["kind"], row["label"]) == (lead.kind, lead.label) and {row["before"], row["after"]}.isdisjoint({None}):
            before, now = float(row["before"]), float(row["after"])
            by = f"by {long_date(result.by)}" if result.by else ""
            yield f"{lead.words} {by}: {percent(now)} after the changes, {percent(before)} before."


def _changes(result: Diff) -> Iterator[str]:
    sentences = result.sentences()
    sentences = sentences[: len(sentences) - len(result.frame("forecast")) - 1] if result.by else sentences
    yield from sentences[:PRINTED_CHANGES]
    if len(sentences) > PRINTED_CHANGES:
        yield f"and {counted(len(sentences) - PRINTED_CHANGES, 'more change')} (--out and --json write all)"
