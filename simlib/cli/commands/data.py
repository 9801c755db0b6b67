"""`simlib data`: summarise a file of event data, and write it as the log of a scenario."""

from __future__ import annotations

import sys

from simlib.cli.options.request import Request
from simlib.cli.output.progress import Task
from simlib.errors import Problem, ScenarioError
from simlib.files import write_atomically
from simlib.formatting import counted


def execute(arguments: Request) -> int:
    """Summarise a file of event data, and write it as the log of a scenario if requested.

    Raises ScenarioError for a log without `--actors`. It is also raised if the log exists already, because an existing
    log is never replaced.
    """
    from simlib.data import read
    from simlib.data.event_log import as_log

    with Task("reading the file"):
        frame = read(str(arguments.path))
    dates = frame["date"].dropna()
    span = f", {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}" if len(dates) else ""
    sys.stdout.write(f"{', '.join(frame['source'].unique())}: {counted(len(frame), 'row')}{span}.\n")
    shown = frame
    if arguments.actors:
        shown = as_log(frame, arguments.actors, first=arguments.first, last=arguments.last).rename(
            columns={"move": "category"}
        )
    for category, number in shown["category"].value_counts().items():
        if number:
            sys.stdout.write(f"  {str(category) or 'no category'}: {number:,}\n")
    if arguments.log is not None:
        if not arguments.actors:
            raise ScenarioError(Problem("", 0, "--to", "a log needs actors", "expected --actors NAME,NAME"))
        table = shown.rename(columns={"category": "move"}).to_csv(index=False)
        try:
            write_atomically(arguments.log, table, new=True)
        except FileExistsError:
            what = f"{arguments.log} exists already"
            raise ScenarioError(
                Problem("", 0, "--to", what, "name a new file; an existing log is never replaced")
            ) from None
        sys.stdout.write(
            f"{arguments.log}: {counted(len(shown), 'row')}. Replace each category by a move of the scenario.\n"
        )
    return 0
