"""Commands are found by name.

Each module has `execute`, which takes the request and returns an exit code.
"""

from __future__ import annotations

import importlib

from simlib.cli.options.request import Request


def execute(request: Request) -> int:
    """Carry out the command that was asked for. Only its own module is imported."""
    if request.command != "lab":
        from simlib.cli.output.files import refuse_targets
        from simlib.scenario.loader import read_stream

        refuse_targets(request)
        if isinstance(request.path, str):
            request = request.replace(path=read_stream(request.path))
    code: int = importlib.import_module(f"simlib.cli.commands.{request.command}").execute(request)
    return code
