"""`simlib explain`: print every move, assumption and ending in a sentence."""

from __future__ import annotations

import sys

from simlib.cli.options import world
from simlib.cli.options.request import Request
from simlib.report.assumption_blocks import with_reasons


def execute(arguments: Request) -> int:
    """Print every move, assumption and ending in a sentence."""
    from simlib.scenario.explanation import explain_text
    from simlib.scenario.loader import load
    from simlib.scenario.views.wording import what_if

    stated = world.stated(arguments)
    changed = world.changed(arguments, stated)
    changes = what_if(load(arguments.path), changed)
    head = "\n".join([changes[0], *(f"  {line}" for line in changes[1:])]) + "\n\n" if changes else ""
    sys.stdout.write(head + explain_text(with_reasons(stated, changed, "on the command line")).rstrip("\n") + "\n")
    return 0
