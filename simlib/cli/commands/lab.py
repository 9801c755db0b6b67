"""`simlib lab`: open JupyterLab and wait until it is stopped."""

from __future__ import annotations

from simlib.cli.options.request import Request


def execute(arguments: Request) -> int:
    """Open JupyterLab and wait until it is stopped."""
    from simlib._jupyter.lab import open_lab

    options = ["--no-browser"] * arguments.no_browser
    options += [] if arguments.port is None else [f"--port={arguments.port}"]
    return open_lab([*options, *arguments.jupyter])
