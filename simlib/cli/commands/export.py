"""`simlib export`: write the scenario in the language of another tool."""

from __future__ import annotations

import sys

from simlib.cli.options import world
from simlib.cli.options.request import Request


def execute(arguments: Request) -> int:
    """Write the scenario in the language of another tool, and name the files that were written."""
    from simlib.export import prism

    scenario = world.changed(arguments, world.stated(arguments))
    written = prism.write(scenario, arguments.target, ignore_windows=arguments.ignore_windows)
    for sentence in prism.notes(scenario):
        world.note(sentence)
    sys.stdout.write("".join(f"{path}\n" for path in written))
    return 0
