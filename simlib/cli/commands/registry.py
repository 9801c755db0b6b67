"""The search for the module of a command, by its name.

Each module of this folder has `execute`, which takes the request and returns an exit code.
"""

from __future__ import annotations

import importlib

from simlib.cli.options.request import Request


def execute(request: Request) -> int:
    """Carry out the requested command. Only the module of this command is imported."""
    if request.command != "lab":
        from simlib.cli.output.files import refuse_targets
        from simlib.scenario.loader import read_stream

        refuse_targets(request)
        if isinstance(request.path, str):
            request = request.replace(path=read_stream(request.path))
    code: int = importlib.import_module(f"simlib.cli.commands.{request.command}").execute(request)
    return code
