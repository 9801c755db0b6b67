"""`simlib learn`: the priors of the assumptions, and the posteriors after a log of events."""

from __future__ import annotations

import dataclasses
import sys
from functools import partial
from typing import TYPE_CHECKING

from simlib.cli.commands.run import save_changes
from simlib.cli.options.request import Request
from simlib.cli.output import figures
from simlib.cli.output.answers import tell
from simlib.cli.output.listings import TABLE_ROWS
from simlib.cli.output.progress import Task
from simlib.cli.output.text_table import Row, table
from simlib.formatting import long_date
from simlib.quantities import show
from simlib.scenario.loader import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simlib.evidence.lessons import LearntAssumption, Lessons
    from simlib.scenario.model import Scenario

FATES = {"cut": "used before", "untouched": "not affected", "free": "kept"}
"""The words for the reason (`LearntAssumption.reach`) why the log did not change an assumption much."""


def execute(arguments: Request) -> int:
    """Update the assumptions by a log of events, and print their priors and posteriors."""
    from simlib.evidence.lessons import learn

    scenario = load(arguments.path)
    with Task("learning from the log") as task:
        answer = learn(
            scenario,
            arguments.events,
            as_of=arguments.as_of,
            draws=arguments.draws,
            seed=arguments.seed,
            skip_impossible=arguments.skip_impossible,
            control=task.control,
        )
    if arguments.save_view is not None:
        save_lessons(arguments, scenario, answer.learnt, f"the log up to {long_date(answer.as_of)}")
    return tell(arguments, {"learn": answer}, partial(figures.lessons, answer), tables=[_table(answer)])


def save_lessons(arguments: Request, scenario: Scenario, learnt: Sequence[LearntAssumption], source: str) -> None:
    """Save as a view of the scenario the assumptions that a log of events has changed.

    If the log has changed no assumption, no view is saved, and a line on standard error says so.

    Args:
        arguments: The options of the command, with the path of the scenario and the name of the view.
        scenario: The scenario before the log.
        learnt: The assumptions before and after the log.
        source: The name of the log, for the reason that the view gives beside each number.
    """
    changed = dict(scenario.assumptions)
    for each in learnt:
        if each.taught and each.id in changed:
            low, value, high = (float(f"{point:.4g}") for point in each.posterior)
            because = f"taught by {source}; was {show(each.prior[1], changed[each.id].kind, changed[each.id].unit)}"
            changed[each.id] = dataclasses.replace(changed[each.id], value=value, low=low, high=high, because=because)
    if changed == dict(scenario.assumptions):
        sys.stderr.write("no view is written: the log teaches hardly anything about the assumptions of the scenario\n")
        return
    save_changes(arguments.path, scenario.replace(assumptions=changed), str(arguments.save_view))


def _table(answer: Lessons) -> str:
    from simlib.evidence.lessons import median_and_range

    rows = [
        Row(number.label, [median_and_range(points, number) for points in (each.prior, each.posterior)] + [_fate(each)])
        for each in answer.ranked()[:TABLE_ROWS]
        for number in (answer.numbers[each.id],)
    ]
    title = f"Median and range (5 to 95%) of the {len(rows)} assumptions that changed most"
    return table(title, [["before the log", "after it", ""]], rows)


def _fate(each: LearntAssumption) -> str:
    from simlib.evidence.lessons import UNDECIDED

    if each.taught:
        return "taught"
    return each.change if each.change == UNDECIDED else FATES[each.reach]
