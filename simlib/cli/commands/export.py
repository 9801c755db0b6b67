"""`simlib export`: write the scenario in another language."""

from __future__ import annotations

import sys
from argparse import Namespace

from simlib.cli.options import world


def execute(arguments: Namespace) -> int:
    """Write the scenario in another language."""
    from simlib.export import prism

    scenario = world.changed(arguments, world.stated(arguments))
    written = prism.write(scenario, arguments.out, ignore_windows=arguments.ignore_windows)
    for sentence in prism.notes(scenario):
        world.note(sentence)
    sys.stdout.write("".join(f"{path}\n" for path in written))
    return 0
