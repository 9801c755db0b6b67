"""The commands by name; each module has `execute`, which takes the options and returns an exit code."""

from __future__ import annotations

import importlib
from argparse import Namespace

COMMANDS = (
    *("check", "explain", "run", "export", "lab"),
    *("compare", "drivers", "uncertainty", "paths", "indicators", "discover", "pool", "diff", "report", "sweep"),
)


def execute(arguments: Namespace) -> int:
    """Carry out the command that the options name; only its own module is imported."""
    if hasattr(arguments, "json") or arguments.command in ("report", "sweep"):
        from simlib.cli.output.files import refuse_targets

        refuse_targets(arguments)
    code: int = importlib.import_module(f"simlib.cli.commands.{arguments.command}").execute(arguments)
    return code
