"""The module of each command, found by the name of the command.

Each module of this folder has a function `execute`. This function takes the request (the options of the command line)
and returns an exit code.
"""

from __future__ import annotations

import importlib

from simlib.cli.options.request import Request


def execute(request: Request) -> int:
    """Carry out the requested command, and return its exit code.

    Only the module of the requested command is imported. Raises ScenarioError before any work is done, if an output
    file or folder cannot be written.
    """
    if request.command != "lab":
        from simlib.cli.output.files import refuse_targets
        from simlib.scenario.loader import read_stream

        refuse_targets(request)
        if isinstance(request.path, str):
            request = request.replace(path=read_stream(request.path))
    code: int = importlib.import_module(f"simlib.cli.commands.{request.command}").execute(request)
    return code
